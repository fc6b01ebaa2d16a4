/*
 * rows: the rows of a run, 24 bytes each: where a row is in the input, what state it is in, where its outcome is.
 *
 * This is the one place that changes a row's state. Callers say what happened to a row; one table of steps says from
 * which states an event leads to which. src/README.md, "A row's life", draws it, and test_rows holds the two together.
 */
#ifndef SHEET_ROWS_H
#define SHEET_ROWS_H

#include "model/outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum row_state {
    ROW_PENDING,   /* to be sent; not sent by this run yet */
    ROW_IN_FLIGHT, /* a request for it is under way */
    ROW_BACKOFF,   /* certainly not created; waits for a timer */
    ROW_READY,     /* certainly not created; to be sent again */
    ROW_UNSETTLED, /* may exist; waits for the list */
    ROW_DONE,      /* has its outcome, in the journal */
    ROW_CARRIED,   /* has its outcome in its own result columns, from an earlier run */
    ROW_STATES,
};

/*
 * What happens to a row. "Not created" is certain, or nothing depends on it: what `undo` sends can be sent again.
 */
enum row_event {
    EVENT_CARRIED,     /* its own result columns say that it is finished: by rows_carry() */
    EVENT_TO_SETTLE,   /* a result file says `unknown`, or an interrupted run may have sent it */
    EVENT_NOT_THERE,   /* the connector that its result columns name is not there, and no other is looked for */
    EVENT_SENT,        /* a request for it went out */
    EVENT_ANSWER_LOST, /* the answer does not tell whether it was created */
    EVENT_NOT_DONE,    /* not created; waits for a time of its own */
    EVENT_ALL_WAIT,    /* not created, and all rows wait for the same: it needs no time of its own */
    EVENT_RUN_STOPS,   /* not created, and the run stops because of the answer */
    EVENT_IN_DOUBT,    /* refused by a gateway: a probe is to tell whether others are, too */
    EVENT_WAITED,      /* its own time is over, or the gateway refuses everybody */
    EVENT_PASSED_OVER, /* another is tried before it */
    EVENT_ABSENT,      /* the list has proved that it was not created */
    EVENT_ABSENT_HELD, /* the same, of a row that this run is not to send */
    EVENT_FINISHED,    /* its outcome is in the journal: by rows_finish() */
    ROW_EVENTS,
};

struct row {
    uint64_t offset : 40; /* of the record in the decoded input */
    uint64_t length : 24;
    uint64_t place : 40; /* of the outcome in the journal; for ROW_DONE, and for a row that is on record as `unknown` */
    uint64_t attempts : 8;
    uint64_t state : 4;    /* enum row_state */
    uint64_t status : 4;   /* enum status; for ROW_DONE and ROW_CARRIED, else STATUS_NONE */
    uint64_t invalid : 1;  /* fails the checks */
    uint64_t twin : 1;     /* fails them (also) because another row has the same payload; until it is finished, `place`
                             is that row's number */
    uint64_t earlier : 1;  /* a result file said `unknown`: to be settled before it may be sent */
    uint64_t in_doubt : 1; /* in ROW_BACKOFF without a timer, until it is known whose its 403 is */
    uint64_t : 4;
    uint32_t line;       /* physical line, from 1 */
    uint32_t public_tag; /* of connector_public_hash(); 0 for rows that are not to be sent */
};

/*
 * A row's number as a spreadsheet shows it follows from its index, but for blank rows and repeated headers: where one
 * of these stands, and how many until there, is noted. A sheet without any takes no memory for it.
 */
struct rows_gap {
    uint32_t index;  /* of the row behind it, in the whole input */
    uint32_t number; /* of that row */
};

struct rows {
    struct row *row;
    uint64_t first; /* of row[0] in the whole input: not 0 where a shard is all there is */
    struct rows_gap *gap;
    size_t gap_count, gap_cap;
    uint64_t count, cap;
    uint64_t held_from; /* the rows from here on are not to be sent by this run (--limit, --strict, --dry-run) */
    uint64_t in_state[ROW_STATES];
    uint64_t with_status[STATUSES]; /* of ROW_DONE and ROW_CARRIED */
};

enum { ROW_ATTEMPTS_MAX = 255 };
#define ROW_PLACE_MAX ((UINT64_C(1) << 40) - 1)
#define ROWS_MAX ((uint64_t)UINT32_MAX - 1)

void rows_init(struct rows *rows);
void rows_release(struct rows *rows);

/* Adds a pending row; its index. `number` is the row's as a spreadsheet counts; they ascend. */
uint64_t rows_add(struct rows *rows, uint64_t offset, size_t length, uint32_t line, uint32_t number);

/* The number of a row as a spreadsheet shows it. */
uint32_t rows_number(const struct rows *rows, uint64_t index);

/* Keeps the `count` rows from `from` on alone. */
void rows_keep(struct rows *rows, uint64_t from, uint64_t count);

/* Moves a row to where the event leads; nothing else changes a row's state. An event that can't happen in the row's
 * state is a defect, and ends the program by abort(): the journal makes that safe. */
void rows_step(struct rows *rows, uint64_t index, enum row_event event);

/* Gives a row its outcome: with EVENT_FINISHED, at its place in the journal, or with EVENT_CARRIED. */
void rows_finish(struct rows *rows, uint64_t index, enum status status, uint64_t place);
void rows_carry(struct rows *rows, uint64_t index, enum status status);

/* Whether the row is one of those that this run is not to send: whatever its state. */
bool rows_is_held(const struct rows *rows, uint64_t index);

/* Whether the row counts for --limit: this run may send it, or the interrupted run that it goes on with has done so. */
bool row_is_sendable(const struct row *row);

/* For the log: "in_flight". */
const char *row_state_name(enum row_state state);

/* For people: "answer lost". */
const char *row_event_name(enum row_event event);

#endif
