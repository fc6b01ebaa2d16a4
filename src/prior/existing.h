/*
 * existing: what the account has before the first row is sent: one list, which also proves key, URL, proxy and TLS.
 *
 * Three things are learned from it: which connectors of a row's type and label there are, archived ones too (they are
 * older than anything that this run will lose; settle.c must not take them for a row's own); with --skip-existing,
 * which rows have their connector already; without it, how many seem to.
 *
 * One connector answers for one row (not archived, no other row's). With --skip-existing first the one that the earlier
 * result file names for a row of this type and label, that row's very payload before another; where the list lacks it,
 * one GET tells. Then exact twins; then connectors of the row's type and label; one's own before a colleague's.
 */
#ifndef PRIOR_EXISTING_H
#define PRIOR_EXISTING_H

#include "base/buf.h"
#include "base/err.h"
#include "prior/inherit.h"
#include "run/run.h"

#include <stdbool.h>
#include <stdint.h>

struct existing_config {
    const uint32_t *keys;             /* of first_pass.h */
    const struct sheet_config *sheet; /* how the sheet, and so the earlier result file, is read */
    const char *earlier; /* the result file that the run replaces, for `skip`; NULL, or none there: none is named */
    const struct inherit *inherit; /* what an interrupted run of another version of the sheet names; or NULL */
    bool skip;                     /* --skip-existing: rows that are found get their outcome `exists` */
    bool update;                   /* --update: what differs of those that are certainly the rows' own is put right */
    struct buf *changes;           /* --dry-run: gets what would be put right (amend.h); NULL = it is */
    bool note_twins;               /* the journal learns of the twins, and that the account was listed */
};

struct existing {
    uint64_t twins, alike; /* without `skip`: rows to be sent (not held) with an exact twin, or one that differs */
    bool *is_twin;         /* for each row of the run: it has an exact twin; NULL where none has */
    uint64_t changes, lost_changes, changed; /* with `update`: PUTs, those that failed, and those that did not */
    uint64_t left_sheet; /* with `skip`: connectors that the earlier file names, and no row of the sheet has */
};

/*
 * Lists the account, and looks up what the list lacks; nothing may be in flight. May be called again: rows that have
 * their outcome, and connectors that are some row's (run->claimed), are passed over. With `skip` a row whose named
 * connector can't be looked up gets `unknown` with its id. The caller gives `found` back by existing_release(). False:
 * the run stops (the client says why), or local trouble (the client too).
 */
bool existing_find(struct run *run, const struct existing_config *config, struct existing *found);
void existing_release(struct existing *found);

#endif
