/*
 * outage: whether the service is away, and what asks whether it is back.
 *
 * Three requests in a row that found no service, and none accepted between, hold all others. Then one list at a time
 * asks, backing off to OUTAGE_PROBE_MOST_MS: a list makes nothing, and leaves nothing to settle. Where one is answered,
 * one row's request is tried, and where that is accepted the outage is over. A row that fails right after an answered
 * list has had an attempt of its own; every other attempt that falls into an outage is spared.
 *
 * A row that failed, and fails again after an answered list, does not count once more: a poison row is no outage.
 *
 * A 403 by what is in front of the API is a row's own or a block of everybody: a list that is refused, too, is a block,
 * which is an outage; what is accepted later than it shows that it is the row's own.
 *
 * Pure: times are monotonic milliseconds, and chance is an argument.
 */
#ifndef NET_OUTAGE_H
#define NET_OUTAGE_H

#include "net/http.h"

#include <stdbool.h>
#include <stdint.h>

enum { OUTAGE_IN_ROW = 3, OUTAGE_PROBE_LEAST_MS = 100, OUTAGE_PROBE_MOST_MS = 15 * 1000 };

#define OUTAGE_LIST UINT64_MAX /* in place of a row: the account's list */

/* What the end of a request says about the service. */
enum outage_sign {
    OUTAGE_ACCEPTED, /* it did, or decided, what it was asked */
    OUTAGE_AWAY,     /* no connection, a name not found, a reset, a timeout, 502, 503, 504 */
    OUTAGE_BLOCKED,  /* 403 by what is in front of the API */
    OUTAGE_SILENT,   /* nothing: 429, 500, an answer that can't be read */
};

enum outage_probe { OUTAGE_PROBE_NONE, OUTAGE_PROBE_LIST, OUTAGE_PROBE_ROW };

/* What a 403 by what is in front of the API turns out to be. */
enum outage_block { OUTAGE_UNDECIDED, OUTAGE_ROWS_OWN, OUTAGE_EVERYBODYS };

struct outage_event {
    enum outage_sign sign;
    uint64_t row; /* or OUTAGE_LIST */
    int64_t sent_ms, ended_ms;
};

struct outage_failure {
    uint64_t row;
    int64_t ended_ms;
};

struct outage {
    int64_t most_ms, step_ms;                    /* of the whole outage; the first pause between probes */
    enum outage_probe phase;                     /* what is to be asked next; NONE: there is no outage */
    struct outage_failure failed[OUTAGE_IN_ROW]; /* in a row, before it began */
    unsigned in_row;
    int64_t since_ms;                           /* the first of them */
    int64_t probe_ms;                           /* when the next list may be sent */
    unsigned probes;                            /* of this outage that have failed */
    bool is_away;                               /* not only 403s speak for it */
    uint64_t tried;                             /* the last row that was a probe; OUTAGE_LIST: none */
    bool trying;                                /* its request is in flight */
    bool reached;                               /* something was accepted in this run */
    int64_t listed_ms, accepted_ms, blocked_ms; /* end of the last list; sending of what was accepted; the last block */
    unsigned count;                             /* outages that are over */
    int64_t away_ms;                            /* how long they took */
};

/* `most_ms`: --max-outage. `step_ms`: the first pause between two probes; it doubles. */
void outage_init(struct outage *outage, int64_t most_ms, int64_t step_ms);

/* For an answer to be told by outage_tell(). `accepted`: what was asked is done or decided; `blocked`: see above. */
enum outage_sign outage_sign(const struct http_answer *answer, bool accepted, bool blocked);

/*
 * One request has ended. Whether a row's attempt is spared: it fell into an outage, and the row is to have it back. An
 * outage that begins with it spares those in `failed`, too.
 */
bool outage_tell(struct outage *outage, const struct outage_event *event, uint64_t random);

/* Whether all rows are held. */
bool outage_holds(const struct outage *outage);

/* What may be sent now, as far as the outage goes; one probe at a time. */
enum outage_probe outage_probe(const struct outage *outage, int64_t now_ms);

/* When the next list may be sent; INT64_MIN: at any time. */
int64_t outage_probe_ms(const struct outage *outage);

/* That row is the probe which is in flight now. */
void outage_try(struct outage *outage, uint64_t row);

/* A list was answered, and there is no row to be tried: it is over. */
void outage_end(struct outage *outage, int64_t now_ms);

/* When it has taken too long; INT64_MAX without an outage. */
int64_t outage_limit_ms(const struct outage *outage);

/* How long the service is away by now; 0 without an outage. */
int64_t outage_lasts_ms(const struct outage *outage, int64_t now_ms);

/*
 * What a row's 403 by what is in front of the API has turned out to be: a block where a list was refused since the row
 * was sent, also one that is over by now; the row's own where something was accepted that was sent after the 403 came.
 */
enum outage_block outage_block(const struct outage *outage, int64_t sent_ms, int64_t ended_ms);

#endif
