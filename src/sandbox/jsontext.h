/*
 * jsontext: JSON written as text (RFC 8259), without building a tree first.
 */
#ifndef SANDBOX_JSONTEXT_H
#define SANDBOX_JSONTEXT_H

#include "base/buf.h"

#include <stdbool.h>

/* Appends `text` as a JSON string, quotes included. A byte that is not UTF-8 is written as if it were Latin-1. */
void jsontext_string(struct buf *out, struct span text);

/* Appends `text` as a JSON string, or `null` where it is NULL. */
void jsontext_nullable(struct buf *out, const char *text);

/* Appends `true` or `false`. */
void jsontext_bool(struct buf *out, bool value);

/* Appends the well-formed JSON `json` on one line: control characters between tokens become blanks, in strings \u. */
void jsontext_one_line(struct buf *out, struct span json);

/* Appends the JSON `json` as Python shows such a value; what is no JSON, more or less as it is. */
void jsontext_python(struct buf *out, struct span json);

#endif
