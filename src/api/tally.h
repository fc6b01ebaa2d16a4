/*
 * tally: what happened in a run, counted as it happens, in memory that does not grow: for the live line, the summary,
 * the metrics and the report.
 */
#ifndef API_TALLY_H
#define API_TALLY_H

#include "base/buf.h"
#include "base/num.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stdint.h>

enum request_kind { REQUEST_CREATE, REQUEST_LIST, REQUEST_DELETE, REQUEST_LOOKUP, REQUEST_UPDATE, REQUEST_KINDS };

enum {
    TALLY_ERRORS = 48, /* kinds of errors told apart; what comes after is counted as "other" */
    TALLY_ROWS = 5,    /* first rows of the sheet kept for each kind */
    TALLY_LABEL = 128, /* bytes of a label */
    TALLY_CODE = 72,
    TALLY_MESSAGE = 400,
    TALLY_SPANS = 600,    /* steps of the timeline; where it is full, two become one */
    TALLY_LATENCIES = 96, /* histogram: 4 steps for each doubling, from 64 µs */
};

/* A row that is named: its struct row_place, kept. */
struct tally_place {
    uint32_t line, number;
    char label[TALLY_LABEL];
};

/* One kind of error among the rows. */
struct tally_error {
    char code[TALLY_CODE];
    char message[TALLY_MESSAGE]; /* of the first row that had no other kind; until there is one, of the first row */
    bool message_is_shared;      /* there is none yet */
    enum status status;
    uint64_t count;
    struct tally_place rows[TALLY_ROWS]; /* the first rows of the sheet that had it, in order */
};

/* One step of the timeline. */
struct tally_span {
    uint32_t sent, created, refused,
        failed; /* requests sent; rows created; answers 429; requests that ended badly otherwise */
};

struct tally {
    int64_t started_wall_ms, ended_wall_ms; /* as the wall clock said: it may be set meanwhile */
    int64_t started_ms;                     /* monotonic */
    int64_t took_ms;                        /* the whole run, by the monotonic clock */
    uint64_t rows;                          /* of the input (or of the shard) */
    uint64_t status[STATUSES];              /* rows that have ended, by status; carried rows included */
    uint64_t carried;                       /* of them, from an earlier run */
    uint64_t said;                          /* rows that fail the checks, and of which a line has told */
    uint64_t to_send;                       /* rows that this run set out to send */
    uint64_t requests[REQUEST_KINDS];
    uint64_t retries; /* creates beyond a row's first */
    uint64_t refused; /* answers 429 */
    uint64_t lost;    /* rows whose answer was lost and that had to be settled */
    uint64_t settled_created, settled_absent, settled_unknown;
    uint64_t http_status[600]; /* answers by status */
    uint64_t unanswered;       /* requests without one */
    uint64_t unsent;           /* of them, those that never left: no connection */
    uint64_t latency[TALLY_LATENCIES], latency_count;
    int64_t latency_sum_us, latency_max_us;
    unsigned outages;   /* times that the service was away */
    int64_t away_ms;    /* how long it was, in all */
    uint64_t waited_ms; /* time in which only the rate limit kept the next request from being sent */
    uint32_t most_in_window;
    struct rate found; /* what was found of a limit that nobody named, as --rate takes it; a count of 0: nothing */
    struct tally_error error[TALLY_ERRORS];
    unsigned error_kinds;
    struct tally_span span[TALLY_SPANS];
    unsigned spans;
    int64_t span_ms; /* length of a step */
};

void tally_init(struct tally *tally, int64_t wall_ms, int64_t now_ms);

void tally_sent(struct tally *tally, enum request_kind kind, int64_t now_ms);

/* The requests sent, of all kinds. */
uint64_t tally_requests(const struct tally *tally);

/* An answer, or the lack of one (`http_status` 0); `latency_us` 0 where it was not sent. */
void tally_answer(struct tally *tally, int http_status, int64_t latency_us, int64_t now_ms);

/* A row has ended. Codes joined by `;` count once for each code. */
void tally_row(struct tally *tally, const struct outcome *outcome, const struct row_place *place, int64_t now_ms);

/* A row carried over from an earlier run. */
void tally_carried(struct tally *tally, enum status status);

/* The latency in µs that `share` (0 to 1) of the answers did not exceed, to the histogram's exactness; 0 without
 * answers. */
int64_t tally_latency_quantile(const struct tally *tally, double share);

/* The lower and upper bound in µs of a histogram step. */
int64_t tally_latency_floor(unsigned step);

/* How many rows of an error are kept. */
unsigned tally_places(const struct tally_error *error);

/* The kinds of errors, most frequent first, as pointers into `tally`. Returns how many there are. */
unsigned tally_errors(const struct tally *tally, const struct tally_error *sorted[TALLY_ERRORS]);

/* Rows that have ended without a connector: invalid, rejected, failed, unknown, not attempted. */
uint64_t tally_without(const struct tally *tally);

/* Rows that have no status: after a `check`, those that pass. */
uint64_t tally_passed(const struct tally *tally);

#endif
