/*
 * label: whether a label that the API shows may be one that was sent. Pure.
 *
 * Servers keep labels otherwise than they were sent: composed (NFC, NFKC), in another case, with blanks joined, with
 * HTML entities, cut, without emoji, with a prefix.
 */
#ifndef MODEL_LABEL_H
#define MODEL_LABEL_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum label_likeness {
    LABEL_OTHER, /* another label */
    LABEL_PART,  /* one label begins or ends with all letters and digits of the other, but these are few */
    LABEL_ALIKE, /* the letters and digits are the same, or one label's begin or end with all of the other's: it may be
                    another row's as well */
    LABEL_KEPT,  /* the same but for case, blanks, compatible characters (NFKC) and HTML entities */
};

enum {
    LABEL_LETTERS = 12, /* letters and digits that are enough to know a label by its beginning or its end */
    LABEL_FEW = 3,      /* fewer are no part of anything */
};

/* Whether two texts, labels or others, are equal but for blanks at their ends and Unicode normalisation (NFC). */
bool label_same(struct span a, struct span b);

enum label_likeness label_compare(struct span sent, struct span shown);

/*
 * Hashes of the first and the last LABEL_LETTERS letters and digits. Labels that label_compare() does not call
 * LABEL_OTHER have one of them in common, or one of the labels is short.
 */
struct label_keys {
    uint64_t head, tail;
    bool is_short; /* it has fewer */
};

struct label_keys label_keys(struct span label);

#endif
