/*
 * summary: what a run came to, for a tired person on the terminal, and as JSON for machines (`--summary`).
 *
 * The JSON object has these members, always all of them. What does not apply is null.
 *
 *   connload        version of the program
 *   libraries       {libcurl, libcsv, cjson}: their versions, as --version says them
 *   command         "check", "create", "undo", "list"
 *   dry_run         whether it was --dry-run
 *   resumed         whether it went on with an interrupted run
 *   base_url        where requests went; null where the command sends none
 *   started, ended  RFC 3339, UTC, with milliseconds
 *   duration_ms     how long it took, by the monotonic clock
 *   input           {path, sha256}: as named and as it was read; null for `list`; sha256 null for standard input
 *   results         {path, sha256}: as it was written; null where none were; sha256 null for a stream
 *   rows            rows of the input (for `list`: connectors)
 *   carried         of them, finished by an earlier run
 *   status          rows by status: {created, exists, archived, invalid, rejected, failed, unknown, not_attempted}
 *   requests        sent, by kind: {create, list, archive}
 *   retries         creates beyond a row's first
 *   answers         by HTTP status: {"201": 20, …}, those that came
 *   unanswered      requests that got no answer
 *   lost            answers that were lost: {rows, created, absent, unknown}: rows, and what the account's list said
 *   latency_ms      {count, mean, p50, p90, p99, max} of the answers; quantiles within a quarter; null without any
 *   rate            {limit, requests, window_ms}: "500/m"; null without a limit
 *   most_in_window  the most requests that any window of the limit held
 *   waited_ms       time in which only the rate limit kept the next request back
 *   concurrency     transfers at once, at most; null where nothing is sent
 *   look_alikes     rows that the account seems to have already (without --skip-existing)
 *   blocked         rows held back by --limit or --strict
 *   errors          [{status, code, count, message, lines}]: kinds of errors, most frequent first; `message` is the
 *                   first row's, cut after 400 bytes; `lines` are the first five lines of the input that have it
 *   stop            {reason, message} where it stopped early; else null. reason: signal, deadline, key_refused,
 *                   max_failures, unreachable, long_wait; a run whose end is left to its journal writes no summary
 *   exit_code       of the run (5 instead where one of the report files could not be written)
 */
#ifndef REPORT_SUMMARY_H
#define REPORT_SUMMARY_H

#include "base/err.h"
#include "flow/tally.h"
#include "io/console.h"
#include "report/facts.h"

#include <stdbool.h>

enum { SUMMARY_KINDS = 12 }; /* kinds of errors shown on the terminal; the JSON has all */

/*
 * Shows counts by status, time, rate, the most requests in any window, errors grouped by kind with the first lines
 * they are on, where the results are, and the next command to type. On a terminal only commands, paths and why the run
 * stopped may be wider than it; elsewhere nothing is cut.
 *
 * On a quiet console (--quiet) only what is wrong is said, in a line or two: why the run stopped, and how many rows are
 * without a connector. Nothing where the exit code is 0.
 */
void summary_show(struct console *console, const struct facts *facts, const struct tally *tally);

/* Appends what summary_show() shows: `columns` wide (0 = any width), coloured or not. Pure. */
void summary_text(struct buf *out, const struct facts *facts, const struct tally *tally, unsigned columns, bool colour);

/* Writes the JSON object to `path`, whole or not at all. */
bool summary_write(const char *path, const struct facts *facts, const struct tally *tally, struct err *err);

#endif
