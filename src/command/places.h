/*
 * places: that no file which a run writes is one that it reads, or writes otherwise: a report in the place of the sheet
 * or of the results would leave neither.
 */
#ifndef COMMAND_PLACES_H
#define COMMAND_PLACES_H

#include "base/err.h"

#include <stdbool.h>

/* Paths as the user named them; NULL = none. */
struct places {
    const char *input, *results; /* `results`: where they go, or would go by default */
    bool keeps_replaced;         /* what they replace is kept as `RESULTS~` */
    const char *api_key_file, *ca_file;
    const char *log, *summary, *metrics, *report;
};

/*
 * False (EXIT_USAGE) where one of log, summary, metrics and report is the place of another of them, of a file that is
 * read, of the results or of a journal beside input or results, or of the results that are kept; or where the results
 * are a journal's place, the key's or the authorities', or what is kept is the input's or one of these. Whether the
 * results may replace the input is command/paths' business. Streams may be shared.
 */
bool places_apart(const struct places *places, struct err *err);

#endif
