/*
 * settle: rows whose create may have happened are settled together against one list.
 *
 * A row waits `wait_ms` after it was given up: reads lag writes. Then one list decides over all that have waited. What
 * a killed run has sent may still be on its way: such a row is found as soon as a list shows it, but its absence is
 * believed only so long after it can't arrive any more.
 *
 *   found          its payload, not archived, no other row's, not there before the run   → created
 *   surely absent  and the list is fresh, whole, and nobody like it is in flight         → sent again, failed, or left
 *                                                                                          for later (--limit)
 *   else           the list failed, lags, has more of them than rows asking, or shows a  → unknown
 *                  stranger: a new connector with about this label that is nobody's
 *
 * A list proves its freshness by connectors of this run: one that was answered after the last row was given up is
 * shown, and none that was answered before it is missing. A list that lacks them is asked for again. Where the run has
 * no such witness, the wait is the proof. Identical rows are settled by count.
 */
#ifndef FLOW_SETTLE_H
#define FLOW_SETTLE_H

#include "base/buf.h"
#include "flow/listing.h"
#include "flow/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SETTLE_LISTS_MAX = 12 }; /* lists for one batch that lag or fail before its rows are `unknown` */

/* A connector in the list that may be an unsettled row's. */
struct candidate {
    uint64_t public_hash;
    char id[37];
    char created_at[40];
    int64_t created_ms; /* -1 where it could not be read */
    char *inbox;        /* owned */
};

/*
 * A connector in the list that is no row's. Where it is new and its label is about an unsettled row's, a server that
 * keeps payloads otherwise than they were sent may have made it of that row.
 */
struct stranger {
    uint64_t near_hash, public_hash;
    int64_t created_ms; /* -1 where it could not be read */
    bool before;        /* the account had it when this run began */
    bool archived;
    char id[37];
};

struct settle {
    struct run *run;
    int64_t wait_ms;
    struct listing listing;
    struct unsettled *batch; /* what the list in flight decides over, by public_hash */
    size_t batch_count;
    struct candidate *found;
    size_t found_count, found_cap;
    uint64_t *near; /* of the batch's rows: connector_near_hash(), sorted */
    struct stranger *stranger;
    size_t stranger_count, stranger_cap;
    uint64_t *doubted; /* public hashes of rows that this run has left `unknown` */
    size_t doubted_count, doubted_cap;
    bool crowded;          /* more candidates or strangers than are kept */
    int64_t latest_ms;     /* when the last row of the batch was given up */
    uint64_t seen;         /* bit i: witness[i] was in the list */
    uint64_t known;        /* bit i: witness[i] was answered before the list was sent */
    unsigned asked;        /* lists for this batch that lagged or failed */
    int64_t not_before_ms; /* earliest time of the next list */
    struct buf why;        /* of the last failure */
};

void settle_init(struct settle *settle, struct run *run, int64_t wait_ms);
void settle_release(struct settle *settle);

/* Whether rows wait to be settled, or are being settled. */
bool settle_has_rows(const struct settle *settle);

/* When the next list is due; INT64_MAX where none is, or one is in flight. */
int64_t settle_due(const struct settle *settle);

/* Sends the list. Needs settle_due() <= now_ms and courier_next_send() <= now_ms. */
void settle_ask(struct settle *settle, int64_t now_ms);

/* Takes the list's answer and decides. */
void settle_answer(struct settle *settle, const struct http_answer *answer);

/* The run ends: whatever is not settled becomes `unknown`. */
void settle_give_up(struct settle *settle);

#endif
