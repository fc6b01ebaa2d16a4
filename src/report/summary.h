/*
 * summary: what a run came to, for a tired person on the terminal.
 */
#ifndef REPORT_SUMMARY_H
#define REPORT_SUMMARY_H

#include "api/tally.h"
#include "io/console.h"
#include "report/run_info.h"

#include <stdbool.h>

enum {
    SUMMARY_KINDS = 12, /* kinds of errors shown on the terminal; --summary has all */
    SUMMARY_SAID = 20,  /* rows that fail the checks, and of which the lines above it are enough */
};

/*
 * Shows counts by status, time, rate, the most requests in any window, errors grouped by kind with the first lines
 * they are on, where the results are, and the next command to type. On a terminal only commands, paths and why the run
 * stopped may be wider than it; elsewhere nothing is cut.
 *
 * On a quiet console (--quiet) only what is wrong is said, in a line or two: why the run stopped, and how many rows are
 * without a connector. Nothing where the exit code is 0.
 */
void summary_show(struct console *console, const struct run_info *info, const struct tally *tally);

/* Appends what summary_show() shows: `columns` wide (0 = any width), coloured or not. Pure. */
void summary_text(struct buf *out, const struct run_info *info, const struct tally *tally, unsigned columns,
                  bool colour);

#endif
