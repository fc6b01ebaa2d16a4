/*
 * account: what the account says of the connectors that rows of a result file name: one list, and one GET for each that
 * the list lacks. What it says is in a temporary file; 24 bytes a row are in memory.
 */
#ifndef PRIOR_ACCOUNT_H
#define PRIOR_ACCOUNT_H

#include "base/buf.h"
#include "base/err.h"
#include "model/remote.h"
#include "prior/matches.h"
#include "prior/owners.h"
#include "run/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum account_answer {
    ACCOUNT_UNTOLD, /* not asked, or not answered */
    ACCOUNT_SHOWN,  /* there is such a connector; it may be archived */
    ACCOUNT_GONE,   /* there is none */
    ACCOUNT_FAILED, /* nobody can tell; the text says why */
};

struct account_row {
    uint64_t id_hash;
    uint32_t row;     /* its index */
    uint32_t match;   /* where the text is */
    uint32_t answer;  /* enum account_answer */
    uint32_t created; /* by the key's own user */
};

struct account {
    struct account_row *row; /* by id until account_fetch() has come back, then in the order of the rows */
    size_t count, cap;
    struct run *run;
    struct matches matches;
    struct owners owners;
    size_t asked;     /* rows before this one are asked for by id, or need not be */
    uint64_t lookups; /* GETs by id */
};

/* EXIT_LOCAL. What has failed can be released. */
bool account_open(struct account *account, struct run *run, struct err *err);
void account_release(struct account *account);

/* A row names the connector `id`; `created`: an earlier run has created it. */
void account_add(struct account *account, uint64_t row, struct span id, bool created);

/* Two rows that name one connector, the earlier one first; false where there are none. For before the fetch. */
bool account_is_twice(struct account *account, uint64_t *first, uint64_t *second);

/* Asks for the connectors of the rows that are pending. False: the client was stopped. */
bool account_fetch(struct account *account);

/* What is said of a row, which lasts until the next call: `remote` of ACCOUNT_SHOWN, `text` of ACCOUNT_FAILED. */
enum account_answer account_read(struct account *account, const struct account_row *row, struct remote *remote,
                                 struct span *text);

#endif
