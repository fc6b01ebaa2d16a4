/*
 * log: `--log FILE`: a JSON object on a line of its own for each attempt and event, appended.
 *
 * Members of every line: `time` (RFC 3339, UTC, with milliseconds: when it was written) and `event`. A member that has
 * nothing to say is left out. Rows are told by `row` (as a spreadsheet counts them), `line` (the physical line of
 * the input on which it begins) and `state` (the row's, after the event for `row`, before it else: pending, in_flight,
 * backoff, ready, unsettled, done, carried). No line holds a secret; messages quote cells that fail the checks.
 *
 *   start    a run begins: connload (its version), pid, command, input, base_url, rate, dry_run
 *   attempt  a request to create ended: row, line, state, attempt (from 1), http_status (0 = no answer), verdict
 *            (created, rejected, again, settle, refused), latency_ms, request_id (the server's), error_code,
 *            error_message, retry_after_ms
 *   archive  a request to archive ended: row, line, state, attempt, http_status, verdict, latency_ms
 *   archive_check  the request that tells whether it was archived ended: likewise
 *   list     a request for the account's list ended: attempt, http_status, verdict, connectors (read from it),
 *            latency_ms, request_id, error_code
 *   settle   a lost answer was settled by the list: row, line, state, result (created, absent, unknown),
 *            connectors_listed
 *   row      a row has its outcome: row, line, state, status, attempts, connector_id, error_code, error_message
 *   end      the run is over and its results are written: pid, exit_code, stop (why it stopped early; as in
 *            --summary), message, and the rows by status: created, exists, updated, archived, invalid, rejected,
 *            failed, unknown, not_attempted
 *
 * A run without `end` was killed, or could not write its results: the next one carries on from its journal.
 *
 * The file is opened for appending and made with mode 0600; `-` is standard output. Lines are gathered and written by
 * log_flush() (the event loop calls it once a turn), or when they take 64 KiB, whole lines only; part of a line that a
 * killed run left at the file's end is ended first. A NULL log takes everything and does nothing.
 */
#ifndef IO_LOG_H
#define IO_LOG_H

#include "base/err.h"
#include "model/json.h"

#include <stdbool.h>

struct log;

/* NULL (EXIT_LOCAL) where it can't be opened. Opening a FIFO waits for its reader. */
struct log *log_open(const char *path, struct err *err);
void log_close(struct log *log); /* flushes; NULL is fine */

/* Begins a line with its `time` and `event`, to which the caller adds members; NULL where there is no log. */
struct json_object *log_begin(struct log *log, const char *event);
/* Ends the line; frees the object. NULL is fine. */
void log_end(struct log *log, struct json_object *line);

/* False where the file can't be written (EXIT_LOCAL), once; after that the log is silent. */
bool log_flush(struct log *log, struct err *err);

#endif
