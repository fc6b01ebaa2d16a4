/*
 * run: what the parts of a create run share, and the verbs by which a row changes.
 *
 * create.c owns a run and its loop; sender.c sends rows, receiver.c takes their answers, settle.c settles those whose
 * answer was lost, existing.c looks at what the account has before the first row, resume.c takes up an interrupted
 * run, finish.c writes the results. All of them change a row through the verbs below alone.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "api/client.h"
#include "api/tally.h"
#include "base/buf.h"
#include "base/err.h"
#include "io/console.h"
#include "io/journal.h"
#include "io/log.h"
#include "model/idset.h"
#include "model/remote.h"
#include "run/judge.h"
#include "run/queue.h"
#include "run/witness.h"
#include "run/words.h"
#include "sheet/rows.h"
#include "sheet/sheet.h"

#include <stdbool.h>
#include <stdint.h>

enum { RUN_PROMISE_MS = 250 }; /* a promise is renewed about this often: a sync costs milliseconds */

/*
 * When an answer was lost, by the server's clock as the run knew it that lost it: a clock of ours may have been put
 * right since, a file's time may be another machine's. JUDGE_NO_TIME: `from_ms` is not known, `to_ms` is no end.
 */
struct lost_time {
    int64_t from_ms, to_ms;
};

/* A row whose create may have happened. Times are monotonic where nothing else is said. */
struct unsettled {
    uint64_t public_hash;  /* connector_public_hash() of what was sent */
    int64_t arrives_ms;    /* until when the request may be acted on: what a list lacks before then proves nothing */
    int64_t since_ms;      /* from when on it waits for the list */
    struct lost_time lost; /* when its answer was lost */
    uint32_t row;
    uint16_t http_status;    /* of the answer that told nothing; 0 = none */
    const struct word *said; /* the error that the answer told in place of a connector; NULL = none */
    bool earlier;            /* lost by an earlier run, whose beginning is not known */
    char named[37];          /* the connector that the answer named, though it does not look like the row's; or "" */
};

/* Rows whose create may have happened, and that have not waited long enough for a list. */
struct waiting {
    struct unsettled *at;
    size_t count, cap;
    int64_t since_ms; /* the earliest of them; INT64_MAX where there is none */
};

/* What is known of the account, and has to be told apart from what this run makes. */
struct known {
    struct idset claimed;   /* connectors that are some row's */
    struct idset twins;     /* connectors that the account had before this run sent anything */
    bool twins_are_all;     /* the account was listed as a whole */
    bool is_noted;          /* the journal knows the account */
    struct witness witness; /* what lists have to show */
    uint64_t owner;         /* run_owner_hash() of the key's own user; 0 = not known */
    char own_id[37];        /* a connector that the interrupted run has created; its list entry tells the owner */
};

/* When things happened, or may happen. */
struct run_times {
    int64_t late_ms;           /* how long after it was given up a request may still be acted on */
    int64_t started_server_ms; /* the run's beginning (the interrupted run's, if it goes on) by the server's clock */
    int64_t interrupted_ms;    /* wall clock: when the run that it goes on with was last heard of; 0: there is none */
    int64_t promised_ms;       /* when this process last promised; 0: not yet */
    bool has_server_clock;
};

struct run {
    struct console *console;
    struct log *log;
    struct tally *tally;
    struct sheet *sheet;
    struct journal *journal;
    struct client *client;
    struct rows rows;
    struct queue queue;
    struct waiting waiting;
    struct known known;
    struct run_times times;
    struct judge_clock clock; /* created_at beside Date, as far as this run has seen */
    uint64_t failures;        /* rows rejected, failed or unknown in this run */
    uint64_t failures_max;    /* stop where there are as many; 0 = never */
    struct buf text, code;    /* scratch for messages */
    struct words words;
};

/* `lag_ms`: how long reads may lag writes; `late_ms`: see struct run. */
void run_init(struct run *run, struct client *client, unsigned flights, int64_t lag_ms, int64_t late_ms);
void run_release(struct run *run);

/* Reads a row again; NULL, with the run stopped, where that fails. As sheet_at(). */
struct sheet_row *run_row(struct run *run, uint64_t row);

/* Gives a row its outcome, with the attempts made: journal, log, tally, state. A failure to write stops the run
 * (client_fault()). */
void run_finish(struct run *run, uint64_t row, struct outcome *outcome);

/* As run_finish(), with the attempts that `outcome` says. */
void run_record(struct run *run, uint64_t row, const struct outcome *outcome);

/* As run_finish() with a status, code and message (NULL = none); attempts from the row. The message is taken as it is:
 * what comes from a server has been through redact(). */
void run_give_up(struct run *run, uint64_t row, enum status status, int http_status, const char *code,
                 const char *message);

/* Certainly not created: to be sent again, at once (`event` leads to ROW_READY) or after `wait_ms`. */
void run_send_again(struct run *run, uint64_t row, enum row_event event);
void run_back_off(struct run *run, uint64_t row, int64_t wait_ms, int64_t now_ms);

/*
 * What was asked for a row is not done, for run->text: it is sent again, at once where all rows are held (`held`, a
 * 429, a Retry-After), else after a backoff of its own. Stops the run, with the row to be sent, where the service was
 * never reached and is not to be. False: its attempts are used up.
 */
bool run_retry(struct run *run, uint64_t row, const struct http_answer *answer, bool held);

/* A 401, or a path that the gateway does not know: stops the run with run->text, and burns no row. `where` names the
 * row; "" = not. */
void run_refused(struct run *run, uint64_t row, const struct http_answer *answer, const char *where);

/* A row's last attempt fell into an outage: it has it back. */
void run_spare(struct run *run, uint64_t row);

/*
 * What an answer to a row's request says about the service: client_tell(), with the attempts spared. True: to be sent
 * again as soon as the service is back.
 */
bool run_tell(struct run *run, uint64_t row, const struct http_answer *answer, enum outage_sign sign);

/* Puts `tried`, where it would be the next to be sent, behind the other rows that could be sent at once, if there are
 * any. */
void run_pass_over(struct run *run, uint64_t tried);

/* Moves the rows whose backoff is over to the ready ones. */
void run_wake_backoffs(struct run *run, int64_t now_ms);

/*
 * Before a row below `rows` is sent: the journal's promise, on the disk, and with the first one what this process sends
 * with. A promise that was not made lately is renewed, so that the journal's time tells within RUN_PROMISE_MS when
 * something was last sent. False: the run stops.
 */
bool run_promise(struct run *run, uint64_t rows, int64_t now_ms);
bool run_promised_lately(const struct run *run, int64_t now_ms);

/* May have been created: waits to be settled. */
void run_unsettle(struct run *run, const struct unsettled *entry);
/* Puts a row that is in ROW_UNSETTLED already (on) the waiting list. */
void run_wait_for_settling(struct run *run, const struct unsettled *entry);

/* Whether a row with that payload is in flight, or waits to be settled. */
bool run_has_like(const struct run *run, uint64_t public_hash);

/* What a journal knows a row by: the low halves of connector_key_hash() and connector_public_hash(). */
uint64_t run_tag(uint32_t key, uint32_t public_tag);

/* A hash of a user_id, never 0; 0 where there is none. */
uint64_t run_owner_hash(struct span owner_id);

/* Learns the key's own user from a connector that this run, or the one that it goes on with, has created. */
void run_note_owner(struct run *run, const struct remote *remote);

/* The account's id, for the journal, from an answer about a row with the secret `own`; the first that is one counts. */
void run_note_account(struct run *run, struct span org_id, struct span own);

/* Tells the log of a row's change: opens a line with the row's number, line and state; NULL where there is no log. */
struct json_object *run_log_row(struct run *run, const char *event, uint64_t row);

#endif
