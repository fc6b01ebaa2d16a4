/*
 * inherit: what an interrupted run of another version of the sheet, or with other options, has left in its journal, for
 * a run with --skip-existing that closes it: the connectors that it knows by id, and the rows that it may have created.
 *
 * Rows move between versions of a sheet: they are known again by their tag, what they were sent as (journal_tags()).
 * Memory: 56 bytes for each row that the interrupted run may have sent.
 */
#ifndef PRIOR_INHERIT_H
#define PRIOR_INHERIT_H

#include "base/err.h"
#include "io/journal.h"
#include "run/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inherited {
    uint64_t tag;
    struct lost_time lost; /* where `id` is empty: when its answer was lost */
    char id[37];           /* of the connector; empty: one may have been created */
    bool taken;            /* by a row of this sheet */
    bool is_over;          /* it was lost by a run that has ended */
};

struct inherit {
    struct inherited *at; /* by tag */
    size_t count, cap;
};

/* Reads what the journal's run has inherited, and, for a run that is not gone on with, what itself has done. */
bool inherit_read(struct inherit *inherit, struct journal *journal, bool gone_on_with, struct err *err);
void inherit_release(struct inherit *inherit);

/* A row with that tag was left `unknown` by a run that has ended. Before inherit_apply(). */
void inherit_add(struct inherit *inherit, uint64_t tag, const struct lost_time *lost);

/* Writes it down in a journal that begins; for journal_begin_after(), with the inherit as its context. */
bool inherit_keep(void *inherit, struct journal *journal, struct err *err);

/*
 * Rows of the sheet that the interrupted run may have created are to be settled, as those that an earlier result file
 * calls `unknown`; `keys` as of first_pass.h. Connectors that it knows are left to existing.h. `*must_wait`: something
 * may have been created that no row of the sheet is known by; it has to be waited for before the account is listed.
 */
bool inherit_apply(struct inherit *inherit, struct run *run, const uint32_t *keys, bool *must_wait, struct err *err);

#endif
