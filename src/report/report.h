/*
 * report: `--report FILE`: one self-contained HTML page: errors by kind, the rows without a connector in a table that
 * can be sorted and filtered, outcomes, the inbox addresses of what was created, figures, requests over time with the
 * limit drawn in, latencies; and for an audit the versions and the checksums of input and results.
 *
 * Labels and servers' texts are somebody else's: all of it is escaped, nothing of it is ever markup or script
 * (html.h). The page's Content-Security-Policy allows its own style sheet and script by their hashes, and nothing else:
 * no network, no frame, no form. It can be read without the script, which only sorts and filters.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "api/tally.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/outcome.h"
#include "report/run_info.h"

#include <stdbool.h>
#include <stdint.h>

/* Rows in the table, as long as they take no more than 16 MiB; the page says how many more there are. */
enum { REPORT_ROWS_MAX = 5000 };

struct report;

/* Begins a page in memory: up to 16 MiB, usually less than 1 KiB a row. */
struct report *report_new(void);
void report_free(struct report *report); /* NULL is fine */

/*
 * Takes the rows, in the order of the input: those that ended without a connector or with an error, and the inboxes of
 * those that were created. Texts are copied, cut after 200 characters (messages: 600). `report` may be NULL: nobody.
 */
struct row_listener report_listener(struct report *report);

/* Writes the page, whole or not at all. EXIT_LOCAL where it can't be. */
bool report_write(const struct report *report, const char *path, const struct run_info *info, const struct tally *tally,
                  struct err *err);

#endif
