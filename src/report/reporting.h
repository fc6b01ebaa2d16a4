/*
 * reporting: everything that is written about a run when it is over: the summary on the terminal, --summary,
 * --metrics, --report; and the files for them, which are proved writable before anything is sent.
 */
#ifndef REPORT_REPORTING_H
#define REPORT_REPORTING_H

#include "api/tally.h"
#include "base/err.h"
#include "io/console.h"
#include "io/log.h"
#include "report/report.h"
#include "report/run_info.h"

#include <stdbool.h>

struct reporting_config {
    const char *log, *summary, *metrics, *report; /* paths; NULL = not wanted */
};

struct reporting {
    struct reporting_config config;
    struct log *log;       /* NULL where none is wanted */
    struct report *report; /* likewise */
    bool open;
};

/* Whether the facts' checksums are told to anybody. */
bool reporting_has_checksums(const struct reporting_config *config);

/*
 * Opens the log, tells it of the start, and sees that the other files can be written (EXIT_LOCAL). Of the facts, what
 * is known before the start is taken: command, input, base URL, rate, dry run.
 */
bool reporting_open(struct reporting *reporting, const struct reporting_config *config, const struct run_info *info,
                    struct err *err);
void reporting_close(struct reporting *reporting);

/*
 * Shows the summary and writes the files; adds the checksum of the results to the facts first. What can't be written
 * is said; the exit code is then EXIT_LOCAL, else the facts' own.
 */
enum exit_code reporting_end(struct reporting *reporting, struct run_info *info, struct tally *tally,
                             struct console *console);

/*
 * The same for a run that could not begin or has no results to tell of: says why and, but for EXIT_USAGE, which leaves
 * the files as they are, tells log, summary, metrics and report of it. Returns the code of `err`. Also after a
 * reporting_open() that failed.
 */
enum exit_code reporting_fail(struct reporting *reporting, struct run_info *info, struct tally *tally,
                              struct console *console, const struct err *err);

#endif
