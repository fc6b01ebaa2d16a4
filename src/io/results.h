/*
 * results: the rows of a result file, out and in (contract.md, "Result file"). Memory in, memory out.
 */
#ifndef IO_RESULTS_H
#define IO_RESULTS_H

#include "base/buf.h"
#include "base/err.h"
#include "io/csv_read.h"
#include "model/header.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The result file of an input: `desk.csv` → `desk.results.csv`, `desk.csv.gz` → `desk.results.csv.gz`, `desk` →
 * `desk.results.csv`, `desk.tsv` → `desk.results.tsv`; `.txt` goes as `.csv` does, the case of letters doesn't matter.
 * A name that already ends in `.results.csv[.gz]` or `.results.tsv[.gz]` stays. With a shard (count > 1, shard from 1):
 * `desk.2-of-4.results.csv`, also from `desk.results.csv`, for no two shards may write one file. Owned by the caller.
 */
char *results_default_path(const char *input, unsigned shard, unsigned shard_count);

/* What the rows of one result file have in common. */
struct results_style {
    const struct header *header;
    struct csv_dialect dialect;
    bool bom;    /* write a byte order mark */
    bool redact; /* empty the secret cells of every row */
};

/* Appends BOM and `sep=` line where there were, the input's header cells as they came, and the eight names. */
void results_header(struct buf *out, const struct results_style *style, const struct csv_record *header_record);

/*
 * Appends a row: its input cells as they came (short rows padded to the header's width, cells beyond it left out,
 * those of an earlier result too), the secret cells emptied where the outcome is finished or `redact` says so, then
 * the eight cells. Text from a server is made harmless (csv_write_foreign(), U+FFFD for what is no UTF-8). A row
 * without a status keeps what else it has: its connector_id may be all that names a connector.
 */
void results_row(struct buf *out, const struct results_style *style, const struct csv_record *record,
                 const struct outcome *outcome);

/* A cell without the `'` that csv_write_foreign() puts before what a spreadsheet would run. */
struct span results_unguarded(struct span cell);

/*
 * The eight cells of a row of a result file; those that a short row lacks are empty. Spans point into the record; a
 * leading `'` that csv_write_foreign() put there is taken off, so that it isn't doubled when the row is written again.
 * A number that can't be read is 0. Fails (EXIT_INPUT, `FILE:LINE: …` and the remedy) where the status is not a known
 * one, or one that would be sent beside a connector_id that is no UUID, or the row has more cells than the header.
 * Cells are quoted only where no secret can have slipped into them.
 */
bool results_read(struct outcome *outcome, const struct header *header, const struct csv_record *record,
                  const char *file, struct err *err);

#endif
