/*
 * csv_read: records of a CSV, each with its physical line and its place; the reading home of libcsv.
 *
 * libcsv reads every record that has a quote in it; one without is split at its delimiters. What libcsv does not do is
 * done round it: where a record ends, on which line and at which offset; which delimiter it is; that quotes are where
 * they belong; that all is UTF-8; the caps.
 */
#ifndef IO_CSV_READ_H
#define IO_CSV_READ_H

#include "base/buf.h"
#include "base/err.h"
#include "io/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CSV_RECORD_MAX = (1 << 24) - 1, /* bytes of one record */
    CSV_CELLS_MAX = 20000,          /* cells of one record; a spreadsheet has 16384 columns at most */
};

/* Lines are counted in 32 bits. */
#define CSV_LINES_MAX UINT32_MAX

enum csv_newline { CSV_NEWLINE_LF, CSV_NEWLINE_CRLF, CSV_NEWLINE_CR };

/* How the sheet is written: results are written the same way. */
struct csv_dialect {
    char delimiter;           /* ',' ';' or '\t', or what --delimiter or the `sep=` line says */
    enum csv_newline newline; /* of the header record; LF where the file has a single line without an end */
    bool sep_line;            /* it began with a line `sep=;` */
};

/* A record; everything in it belongs to the reader and lasts until its next call. */
struct csv_record {
    struct span *cells;
    size_t count;
    struct span raw; /* the record's bytes as they are in the input, without the line end; UTF-8 */
    uint64_t offset; /* of `raw` in the decoded input */
    uint32_t line;   /* physical line on which it begins, from 1 (a `sep=` line counts) */
    uint32_t row;    /* as a spreadsheet counts: every record is one, and a blank line too; a `sep=` line is none. Of a
                        record of csv_at(): 0 */
};

struct csv_reader;

/*
 * Reads from `source`, which must outlive it. `delimiter` (no quote, line end or NUL) 0 = find it: from a first line
 * `sep=;`, else from the header, where that of comma, semicolon and tab wins under which most cells are names of
 * fields, then that under which there are most cells.
 */
struct csv_reader *csv_reader_new(struct source *source, char delimiter);

/*
 * A reader for csv_at() alone, of the input that `reader` reads and after it has begun: what one gives is not touched
 * by the other. For the same source.
 */
struct csv_reader *csv_reader_beside(const struct csv_reader *reader);

/* Overwrites what it read, and frees it. NULL is fine. */
void csv_reader_free(struct csv_reader *reader);

enum csv_step { CSV_STEP_RECORD, CSV_STEP_END, CSV_STEP_FAILED };

/*
 * The next record in order; the first is the header. Records end at LF, CR LF, CR CR LF or a lone CR outside quotes,
 * the last one also at the end. Blank lines, and records in which nothing can be seen (text_is_blank()), are skipped.
 * Ctrl-Zs at the input's end, and Ctrl-Zs and byte order marks where a record begins, are no part of it.
 *
 * Cells are exact: no blank is stripped. A quote inside a cell that does not begin with one is text.
 *
 * Fails (EXIT_INPUT) with `FILE:LINE: …` and the remedy: invalid UTF-8 (line, column, byte, and the likely cause: not
 * saved as "CSV UTF-8"), a NUL byte, a quote that is not closed (the line on which it opens), anything but a delimiter
 * after a closing quote, a record over CSV_RECORD_MAX or CSV_CELLS_MAX, more than CSV_LINES_MAX lines. Also fails as
 * source_next() does.
 */
enum csv_step csv_next(struct csv_reader *reader, struct csv_record *record, struct err *err);

/* Valid after the first csv_next() that gave a record. */
const struct csv_dialect *csv_dialect(const struct csv_reader *reader);

/*
 * Reads one record again: offset, raw.len and line of a record that csv_next() gave. Does not move csv_next(), nor
 * touch its record; `record` and its bytes last until the next csv_at(). Fails as source_at() does, and
 * (EXIT_INPUT) where the bytes are not one whole record.
 */
bool csv_at(struct csv_reader *reader, uint64_t offset, size_t length, uint32_t line, struct csv_record *record,
            struct err *err);

/*
 * Splits a record's raw bytes into its cells as they are written, quotes included: for results that keep "input
 * columns as they came". Same number of cells as the parsed record. Sets the first `max` of `cells`; returns how many
 * there are.
 */
size_t csv_split_raw(struct span raw, char delimiter, struct span *cells, size_t max);

/* `libcsv 3.0.3` for --version. */
const char *csv_version(void);

#endif
