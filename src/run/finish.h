/*
 * finish: the end of a run: every row's outcome beside it in the result file, and then the journal goes.
 */
#ifndef RUN_FINISH_H
#define RUN_FINISH_H

#include "base/err.h"
#include "io/output.h"
#include "model/outcome.h"
#include "run/run.h"
#include "sheet/rows.h"

#include <stdbool.h>

struct finish_config {
    const char *path; /* of the result file */
    bool redact;
    const char *why_not;          /* the message of rows that were not attempted because the run stopped; NULL = none */
    const char *why_held;         /* the message of rows that were held back (--limit, --strict, --dry-run) */
    bool keep_replaced;           /* the file that the results replace is kept (output_keep_replaced()) */
    bool keep_earlier;            /* rows that have no outcome keep the one that the input says (undo) */
    bool is_counted;              /* tally and listener have all that they are to have of the rows (check) */
    struct row_listener listener; /* is told of every row */
};

/* Opens what the results go to, as its name and its secrets want it. NULL (EXIT_LOCAL). */
struct output *finish_open(const char *path, bool secret, struct err *err);

/*
 * Writes the result file in input order. Rows that have no outcome are `not_attempted`, or
 * `unknown` where their create may have happened (ROW_UNSETTLED, ROW_IN_FLIGHT). The file is complete on the disk
 * before the journal notes it (journal_done()), and only then gets its name. On failure (EXIT_LOCAL) the old file, if
 * there was one, and the journal stay as they were; where all of it but the name could be had, `*kept` is where the
 * results are instead (output_keep()), else NULL; owned by the caller.
 */
bool finish_results(struct run *run, const struct finish_config *config, char **kept, struct err *err);

/*
 * The same through a stream that finish_open() has opened before the first row was sent; it is taken over. Where it
 * does not take all of the results, and `kept` is not NULL, they are written to a file of mode 0600 in
 * scratch_folder(): `*kept` is its path then, owned by the caller, and NULL where that could not be done either. The
 * rows are counted once all the same.
 */
bool finish_stream(struct run *run, const struct finish_config *config, struct output *stream, char **kept,
                   struct err *err);

/* Counts the rows as finish_results() would write them, and tells the listener, without a file (for --dry-run without
 * -o). */
bool finish_count(struct run *run, const struct finish_config *config, struct err *err);

#endif
