/*
 * report: `--report FILE`: one self-contained HTML page: figures, requests over time with the limit drawn in,
 * latencies, outcomes, and the rows without a connector in a table that can be sorted and filtered.
 *
 * Labels and servers' texts are somebody else's: all of it is escaped, nothing of it is ever markup or script.
 */
#ifndef FLOW_REPORT_H
#define FLOW_REPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "flow/facts.h"
#include "flow/tally.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stdint.h>

enum { REPORT_ROWS_MAX = 5000 }; /* rows in the table; the page says how many more there are */

struct report;

/* Begins a page in memory (about 1 KiB a row). */
struct report *report_new(void);
void report_free(struct report *report); /* NULL is fine */

/* A row that ended without a connector; `report` may be NULL. */
void report_row(struct report *report, uint32_t line, struct span label, struct span type, const struct outcome *outcome);

/* Writes the page, whole or not at all. */
bool report_write(const struct report *report, const char *path, const struct facts *facts, const struct tally *tally,
                  struct err *err);

#endif
