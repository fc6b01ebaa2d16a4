/*
 * metrics: `--metrics FILE`: a run in the Prometheus text format, written whole or not at all, for the node exporter's
 * textfile collector.
 *
 * The file tells of the last run alone, so all but the latencies are gauges: what a run did is not a count that goes on
 * from the last one's. Every series carries the labels `command` and `input` (as it was named; empty for `list`), so
 * that the files of several jobs can lie in one folder. Times are in seconds.
 *
 *   connload_run_info{version}                     1
 *   connload_run_start_timestamp_seconds           since 1970
 *   connload_run_end_timestamp_seconds             likewise: alert where it is long ago
 *   connload_run_duration_seconds
 *   connload_run_success                           1 where the exit code is 0
 *   connload_run_exit_code
 *   connload_run_rows{status}                      all eight statuses
 *
 * and, where requests are sent:
 *
 *   connload_run_requests{kind}                    create, list, archive
 *   connload_run_answers{code}                     HTTP statuses that came, and `none`
 *   connload_run_request_duration_seconds          histogram: _bucket{le}, _sum, _count
 *   connload_run_retries                           creates beyond a row's first
 *   connload_run_lost_answers                      rows that had to be settled by the list
 *   connload_run_rate_limit_requests               0: no limit
 *   connload_run_rate_limit_window_seconds
 *   connload_run_most_requests_in_window
 *   connload_run_rate_limit_wait_seconds           only the limit kept the next request back
 *
 * A run that could not begin (exit codes 2 and 3), or was killed, leaves the file as it was.
 */
#ifndef REPORT_METRICS_H
#define REPORT_METRICS_H

#include "base/err.h"
#include "flow/tally.h"
#include "report/facts.h"

#include <stdbool.h>

/* Writes the file. EXIT_LOCAL where it can't be. Its mode is that of the file it replaces, or 0666 less umask. */
bool metrics_write(const char *path, const struct facts *facts, const struct tally *tally, struct err *err);

#endif
