/*
 * csv_write: cells of a CSV; the writing home of libcsv. A cell is quoted only where it has to be (the delimiter, a
 * quote, a line break, a blank at either end).
 */
#ifndef IO_CSV_WRITE_H
#define IO_CSV_WRITE_H

#include "base/buf.h"

void csv_write_cell(struct buf *out, struct span cell, char delimiter);

/*
 * As csv_write_cell(), for text that came from a server: where it begins with `=`, `+`, `-`, `@`, a tab or a CR, a `'`
 * goes before it, so that no spreadsheet runs it.
 */
void csv_write_foreign(struct buf *out, struct span cell, char delimiter);

#endif
