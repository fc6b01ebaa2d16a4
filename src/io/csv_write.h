/*
 * csv_write: cells of a CSV; the writing home of libcsv.
 */
#ifndef IO_CSV_WRITE_H
#define IO_CSV_WRITE_H

#include "base/buf.h"

/*
 * A cell of text that came from a server: where it begins with `=`, `+`, `-`, `@`, a tab or a CR, a `'` goes before it,
 * so that no spreadsheet runs it. It is quoted only where it has to be (the delimiter, a quote, a line break, a blank
 * at either end).
 */
void csv_write_foreign(struct buf *out, struct span cell, char delimiter);

#endif
