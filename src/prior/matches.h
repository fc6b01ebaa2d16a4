/*
 * matches: connectors of the account that may be rows' own. What the API said of each is kept in a temporary file, not
 * in memory.
 */
#ifndef PRIOR_MATCHES_H
#define PRIOR_MATCHES_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATCH_UNNAMED UINT32_MAX

struct match {
    uint64_t offset; /* of its text in the file */
    uint32_t length;
    uint32_t key, public_tag; /* low halves of connector_key_hash() and connector_public_hash() */
    uint32_t earlier;         /* the place among the earlier rows of the one that names it, or MATCH_UNNAMED */
    uint64_t owner;           /* run_owner_hash(); 0 = not known */
    bool shared;
    bool untold; /* named, but nobody could tell whether it is there: the text says why */
    bool used;   /* it answers for a row */
};

struct matches {
    struct match *match;
    size_t count, cap;
    struct buf unwritten, text;
    int fd;
    uint64_t written;
};

/* Errors are EXIT_LOCAL. What has failed to open can be released. */
bool matches_open(struct matches *matches, struct err *err);
void matches_release(struct matches *matches);

/* None again. */
void matches_reset(struct matches *matches);

/* Adds one, with its text, of at most JSON_ELEMENT_MAX bytes. */
bool matches_add(struct matches *matches, const struct match *match, struct span text, struct err *err);

/* The text of one; lasts until the next call. */
bool matches_text(struct matches *matches, const struct match *match, struct span *text, struct err *err);

#endif
