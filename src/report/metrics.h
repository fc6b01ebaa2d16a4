/*
 * metrics: `--metrics FILE`: a run in the Prometheus text format, written whole or not at all, for the node exporter's
 * textfile collector.
 *
 * The file tells of the last run alone, so all but the latencies are gauges: what a run did is not a count that goes on
 * from the last one's. Every series carries the labels `command` and `input` (as it was named; empty for `list`), so
 * that the files of several jobs can lie in one folder. Times are in seconds. figures.c has the metrics.
 *
 * Wrong usage (exit code 2), or a run that was killed, leaves the file as it was.
 */
#ifndef REPORT_METRICS_H
#define REPORT_METRICS_H

#include "api/tally.h"
#include "base/err.h"
#include "report/run_info.h"

#include <stdbool.h>

/* Writes the file. EXIT_LOCAL where it can't be. Its mode is that of the file it replaces, or 0666 less umask. */
bool metrics_write(const char *path, const struct run_info *info, const struct tally *tally, struct err *err);

#endif
