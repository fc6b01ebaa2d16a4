/*
 * csv_scan: where the cells and records of a CSV end, told from its bytes alone, and which delimiter it has. Values
 * are libcsv's to read (csv_read).
 */
#ifndef IO_CSV_SCAN_H
#define IO_CSV_SCAN_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum csv_scan_state {
    CSV_SCAN_START,  /* at a cell's first byte */
    CSV_SCAN_PLAIN,  /* in a cell without quotes round it */
    CSV_SCAN_QUOTED, /* in one with */
    CSV_SCAN_CLOSED, /* after what may be its closing quote, or the first of a doubled one */
};

/*
 * The walk through a record's bytes. Zeroed, it stands at the record's beginning. It can go on when more bytes are
 * there: `text` of the functions below is always the record's from its beginning.
 */
struct csv_scan {
    size_t at;     /* next byte */
    size_t cell;   /* where the cell began */
    size_t column; /* of the cell, from 0 */
    enum csv_scan_state state;
};

/* What ended a cell. */
enum csv_scan_end {
    CSV_SCAN_DELIMITER,
    CSV_SCAN_LINE_END,
    CSV_SCAN_BYTES, /* there are no more */
    CSV_SCAN_TEXT,  /* something else after the closing quote */
};

/* Walks to the end of the cell; `at` is then the byte that ended it. */
enum csv_scan_end csv_scan_cell(struct csv_scan *scan, struct span text, char delimiter);

/* Past the delimiter, to the next cell. */
void csv_scan_step(struct csv_scan *scan);

/* Walks to the end of the record; never CSV_SCAN_DELIMITER. */
enum csv_scan_end csv_scan_record(struct csv_scan *scan, struct span text, char delimiter);

/* The bytes of `text` before its first line end. */
size_t csv_scan_line(struct span text);

enum { CSV_SCAN_LINE_END_MAX = 3 }; /* bytes of a line end */

/*
 * The bytes of the line end at `at`: LF, CR LF, a lone CR, or CR CR LF, which a program writes that makes CR LF of the
 * LF in a CR LF; 0 at the end of the text.
 */
size_t csv_scan_line_end(struct span text, size_t at);

/* The delimiter that a line `sep=;` (any case, perhaps in quotes) names; 0 where it is no such line. */
char csv_scan_sep(struct span line);

/*
 * The delimiter of the CSV that begins with `text`: that of comma, semicolon and tab under which most cells of the
 * header are names of fields, then that under which there are most cells, then the comma. `whole` says that nothing
 * follows `text`; else a header that does not end in it tells nothing.
 */
char csv_scan_delimiter(struct span text, bool whole);

#endif
