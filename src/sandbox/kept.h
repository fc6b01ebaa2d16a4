/*
 * kept: how a server keeps a label that it was sent. Real ones do some of this, and answer with what they keep.
 */
#ifndef SANDBOX_KEPT_H
#define SANDBOX_KEPT_H

#include "base/buf.h"

#include <stdbool.h>

enum kept_form {
    KEPT_EXACT,
    KEPT_NFC,    /* Latin letters and the marks after them become one character each */
    KEPT_HTML,   /* & < > " ' become entities */
    KEPT_BLANKS, /* blanks at the ends go, those between words become one */
    KEPT_CUT,    /* the first 50 characters */
    KEPT_LOWER,  /* ASCII and Latin-1 letters become small */
    KEPT_BMP,    /* characters above U+FFFF, such as emoji, go */
    KEPT_PREFIX, /* a text in front */
    KEPT_FORMS
};

/* The name of a form, as --labels takes it. */
const char *kept_form_name(enum kept_form form);

/* The form of that name; false where there is none. */
bool kept_form_named(const char *name, enum kept_form *form);

/* Appends `label` (UTF-8) as it is kept. */
void kept_label(struct buf *out, enum kept_form form, struct span label);

#endif
