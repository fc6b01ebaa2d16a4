/*
 * settle: rows whose create may have happened are settled together against one list.
 *
 * A row waits `wait_ms` after it was given up: reads lag writes. Then one list decides over all that have waited, by
 * judge.h: what it shows is believed at once, that it lacks something only when the request can't be acted on any more
 * (run->late_ms and `wait_ms` after it was given up). Other rows are sent meanwhile.
 *
 * An absence needs a list that shows what this run knows to exist (witness.h), and that does not look as if it were a
 * page. One that lacks something is asked for again. Identical rows are settled by count. An absent row is sent
 * again, or rejected where its answer told an error.
 */
#ifndef RUN_SETTLE_H
#define RUN_SETTLE_H

#include "api/listing.h"
#include "base/buf.h"
#include "run/candidates.h"
#include "run/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SETTLE_LISTS_MAX = 12 }; /* lists for one batch that lag or fail before its rows are `unknown` */

struct settle {
    struct run *run;
    int64_t wait_ms;
    struct listing listing;
    struct unsettled *batch; /* what the list in flight decides over, by public_hash */
    size_t batch_count;
    struct candidates candidates;
    uint64_t *doubted; /* public hashes of rows that this run has left `unknown` */
    size_t doubted_count, doubted_cap;
    int64_t list_date_ms;  /* the list's Date; JUDGE_NO_TIME where it has none */
    unsigned asked;        /* lists for this batch that lagged or failed */
    int64_t not_before_ms; /* earliest time of the next list */
    bool last;             /* the run stops, and its last list was asked for */
    struct buf why;        /* of the last failure */
};

void settle_init(struct settle *settle, struct run *run, int64_t wait_ms);
void settle_release(struct settle *settle);

/* Whether rows wait to be settled, or are being settled, and a list may still tell. A run that stops asks for one. */
bool settle_has_rows(const struct settle *settle);

/* When the next list is due; INT64_MAX where none is, or one is in flight. A run that stops waits for nothing. */
int64_t settle_due(const struct settle *settle);

/* Sends the list; also where nothing waits for it, and it only asks whether the service is there. Needs
 * client_next_list() <= now_ms. */
void settle_ask(struct settle *settle, int64_t now_ms);

/* Takes the list's answer and decides. */
void settle_answer(struct settle *settle, const struct http_answer *answer);

/* Appends when an answer was lost, for a message; and reads it again there. */
void settle_say_lost(const struct lost_time *lost, struct buf *out);
struct lost_time settle_time_lost(struct span message);

/* The run ends: whatever is not settled becomes `unknown`. */
void settle_give_up(struct settle *settle);

#endif
