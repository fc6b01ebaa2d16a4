/*
 * words: what the server said of rows whose fate is not yet known, each text once: many rows are told the same.
 */
#ifndef RUN_WORDS_H
#define RUN_WORDS_H

#include "base/buf.h"

enum { WORDS_MAX = 1024 }; /* texts that are kept; of further ones only that they were errors */

struct word {
    char *code, *message; /* as a result row has them */
};

struct words {
    struct word *kept; /* owned; NULL until the first */
    unsigned count;
};

void words_release(struct words *words);

/* The same code and message, for as long as `words` is there. */
const struct word *words_keep(struct words *words, struct span code, struct span message);

#endif
