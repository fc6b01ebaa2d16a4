/*
 * chart: a run in pictures: figures of inline SVG, each with a title, a description and its numbers as a table.
 *
 * Pure: what is appended depends on the tally and the facts alone. No text of anybody else's is in it. Colours are
 * classes that the page's style sheet defines (page.h).
 */
#ifndef REPORT_CHART_H
#define REPORT_CHART_H

#include "api/tally.h"
#include "base/buf.h"
#include "report/run_info.h"

/* A bar of the rows by what became of them, and its legend with counts and shares. Nothing where there are no rows. */
void chart_outcomes(struct buf *out, const struct run_info *info, const struct tally *tally);

/*
 * Requests over time: those sent in each step of the timeline as columns, refused and failed ones in red; and, under a
 * limit, how many the window held at each step, with the limit drawn in. Nothing where none was sent.
 *
 * Where a step is longer than the window, a column is compared with the limit of as many windows as a step has.
 */
void chart_requests(struct buf *out, const struct run_info *info, const struct tally *tally);

/* How long answers took: a histogram over a logarithmic axis. Nothing where there were none. */
void chart_latencies(struct buf *out, const struct tally *tally);

#endif
