/*
 * figures: every figure of a run, once: what --summary calls it, what --metrics calls it and says of it, its value.
 * Both files are made of this table, and a test compares the manual page with it.
 */
#ifndef REPORT_FIGURES_H
#define REPORT_FIGURES_H

#include "api/tally.h"
#include "report/run_info.h"

#include <stdbool.h>
#include <stdint.h>

enum figure_kind {
    FIGURE_TEXT, /* null where it is NULL or empty; as a metric 1, with a label */
    FIGURE_BOOL,
    FIGURE_COUNT,
    FIGURE_NUMBER,
    FIGURE_MS,        /* in the metrics in seconds */
    FIGURE_TIME,      /* wall milliseconds; in the summary as RFC 3339 says, in the metrics in seconds */
    FIGURE_OBJECT,    /* begins an object; its members come next */
    FIGURE_ERRORS,    /* the tally's kinds of errors */
    FIGURE_HISTOGRAM, /* the tally's latencies */
};

struct figure {
    enum figure_kind kind;
    const char *object; /* that it is a member of; NULL: of the whole */
    const char *name;   /* NULL: not in the summary */
    bool absent;        /* does not apply: null in the summary */
    const char *text;
    double number;             /* of all kinds but texts; whole ones are below 2^53 */
    const char *metric, *help; /* NULL: not in the metrics; those of one metric stand together */
    const char *label, *value; /* tell those of one metric apart; NULL where it has no more than this one */
};

struct figures;

/* The figures of a run, in the summary's order; valid as long as the facts' texts are. */
struct figures *figures_new(const struct run_info *info, const struct tally *tally);
void figures_free(struct figures *figures); /* NULL is fine */

/* The one after `figure`, the first after NULL; NULL after the last. */
const struct figure *figures_next(const struct figures *figures, const struct figure *figure);

#endif
