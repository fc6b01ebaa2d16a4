/*
 * amend: `create --skip-existing --update`: what differs between rows and the connectors that they have already, and
 * one PUT for each connector that may be changed. A PUT is idempotent: a lost answer is asked for again.
 *
 * existing.h decides which connector answers for which row. Its label stays as it is: the row found it by that.
 */
#ifndef PRIOR_AMEND_H
#define PRIOR_AMEND_H

#include "api/lookup.h"
#include "base/buf.h"
#include "model/edit.h"
#include "model/remote.h"
#include "prior/matches.h"
#include "run/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum amend_need {
    AMEND_NOTHING, /* the connector is what the row says */
    AMEND_PUT,     /* what differs, or a part of it, can be put right */
    AMEND_FIXED,   /* what differs can't be changed */
};

/* A connector that is to be changed. */
struct amend_put {
    uint32_t row, match;
};

struct amend {
    struct run *run;
    struct matches *matches;
    unsigned columns;    /* the fields that rows have, as bits */
    struct buf *changes; /* --dry-run: gets the changes, `FILE:LINE: …: FIELD: old → new`; NULL = they are made */
    struct amend_put *put;
    size_t count, cap, next;
    uint64_t changed, failed; /* connectors that were changed, and that could not be */
    struct edit edit;         /* of the row that was compared last */
    struct remote remote;
    struct buf body, text, shown;
    struct lookup_detail detail;
};

/* Borrows all. `columns` as in edit.h. */
void amend_init(struct amend *amend, struct run *run, struct matches *matches, unsigned columns, struct buf *changes);
void amend_release(struct amend *amend);

/* Compares a row with its connector. */
enum amend_need amend_compare(struct amend *amend, const struct connector *row, const struct connector *shown);

/* What amend_compare() has found that can't be changed: `user_id: "a" → "b"`. Lasts until the next call. */
struct span amend_show_fixed(struct amend *amend, const struct connector *row, const struct connector *shown);

/* After AMEND_PUT: the connector of `match` is to be changed for the row, or, in a dry run, it is said how. */
void amend_add(struct amend *amend, uint32_t row, const struct match *match, const struct sheet_row *read,
               const struct connector *shown);

/*
 * Sends the PUTs; each row gets its outcome: `updated`, or `exists` with the reason. False where the run was stopped:
 * rows that were not answered are `exists`, too, for their connectors are there.
 */
bool amend_all(struct amend *amend);

#endif
