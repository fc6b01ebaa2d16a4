/*
 * rewrite: what the commands share that change the connectors of a result file and write the file anew with what became
 * of each: undo and update. Key, lock, journal, what an interrupted run has done, the results, the end.
 *
 * Their requests are idempotent: a row that may have been sent is sent again.
 */
#ifndef COMMAND_REWRITE_H
#define COMMAND_REWRITE_H

#include "api/probe.h"
#include "base/exit.h"
#include "command/session.h"
#include "io/console.h"
#include "run/run.h"
#include "sheet/sheet.h"

#include <stdbool.h>
#include <stdint.h>

struct rewrite_config {
    struct session_config session; /* of --dry-run: says what would be changed, and changes nothing */
    struct sheet_config sheet;     /* the result file */
    int64_t settle_ms;             /* how long reads may lag writes */
    bool redact;
};

struct rewrite {
    const struct rewrite_config *config;
    struct session session;
    struct probe probe;
    struct run run;
    uint64_t promised;   /* rows below may be sent, says the journal */
    uint64_t maybe_sent; /* rows below may have been sent by the interrupted run */
    bool found;          /* there is an interrupted run */
    char *kept;          /* where the results are that could not be put in their place; or NULL */
};

/*
 * Runs a command: opens everything, locks the file, has `work` do the rest, writes the results and tells of the run.
 * False of `work`, with `err` set: the run ends there, without results.
 */
enum exit_code rewrite_run(struct rewrite *rewrite, const struct rewrite_config *config, struct console *console,
                           bool (*work)(struct rewrite *rewrite, struct err *err));

/*
 * For `work`, once the rows are read: takes up what an interrupted run has done, or begins a journal. Rows with an
 * outcome have it then; what of them could not be done counts as a failure.
 */
bool rewrite_take_up(struct rewrite *rewrite, struct err *err);

/* Counts the rows that are carried over, with the sheet read. */
void rewrite_count_rows(struct rewrite *rewrite);

/* The row, read again; false with the client stopped where it can't be. */
bool rewrite_row(struct rewrite *rewrite, uint64_t index, struct sheet_row **read);

/* Before the request of a row: the journal's promise. False: the run stops. */
bool rewrite_promise(struct rewrite *rewrite, uint64_t index, int64_t now_ms);

/*
 * The row may be sent again, for run->code and run->text: does so, at once, after a backoff, or when the service is
 * back. Stops the run where the service was never reached and is not to be; after its attempts the row stays.
 */
void rewrite_again(struct rewrite *rewrite, uint64_t index, const struct http_answer *answer);

/*
 * While the service is away: sends a list if it is time for one. True: it is time for one row, the next to be sent,
 * which is then told by outage_try(), or for client_end_outage() where there is none.
 */
bool rewrite_probe(struct rewrite *rewrite, int64_t now_ms);

/* The row keeps its status and its connector, with the reason beside it: a failure. Texts are harmless by now. */
void rewrite_stays(struct rewrite *rewrite, uint64_t index, int http_status, const char *code, const char *message);

#endif
