/*
 * sheet: the input as rows that are checked: source, CSV, header and checks put together.
 *
 * Rows come in order (sheet_next()), and any of them can be read again from its place (sheet_at()): a run keeps only
 * where its rows are.
 */
#ifndef SHEET_SHEET_H
#define SHEET_SHEET_H

#include "base/buf.h"
#include "base/err.h"
#include "io/console.h"
#include "io/csv_read.h"
#include "io/source.h"
#include "model/check.h"
#include "model/connector.h"
#include "model/header.h"
#include "model/outcome.h"
#include "sheet/rows.h"

#include <stdbool.h>
#include <stdint.h>

struct sheet_config {
    const char *path;
    const char *encoding; /* of source_open() */
    char delimiter;       /* 0 = find it */
    const struct header_map *maps;
    size_t map_count;
    const char *const *defaults; /* FIELDS of them, NULL where there is none */
    bool secret_refs;
    bool may_lack, results_only; /* of header_options */
};

struct sheet;

/* Opens the input and reads its header. Advice for people goes to `console` (NULL = nowhere). */
struct sheet *sheet_open(const struct sheet_config *config, struct console *console, struct err *err);
void sheet_close(struct sheet *sheet);

const char *sheet_name(const struct sheet *sheet);
const struct header *sheet_header(const struct sheet *sheet);
const struct source_info *sheet_info(const struct sheet *sheet);
const struct csv_dialect *sheet_dialect(const struct sheet *sheet);

/* The header's record; lasts as long as the sheet. */
const struct csv_record *sheet_header_record(const struct sheet *sheet);

/* A column or a default holds secrets: what is written from the sheet is for its owner's eyes. */
bool sheet_has_secrets(const struct sheet *sheet);

/* Whether secret cells that are references are replaced by what they refer to (--secret-refs). */
bool sheet_looks_up_secrets(const struct sheet *sheet);

/* A row. All of it belongs to the sheet: one from sheet_next() lasts until the next sheet_next(), likewise sheet_at().
 */
struct sheet_row {
    struct csv_record record;
    struct row_values values;
    struct connector connector;
    struct problems problems; /* without CHECK_DUPLICATE_ROW */
    bool valid;               /* no problems */
    struct outcome earlier;   /* a result file's eight cells; STATUS_NONE elsewhere */
};

/* The next row. A record that repeats the header (result files put together with cat) is passed over. */
enum csv_step sheet_next(struct sheet *sheet, struct sheet_row **row, struct err *err);

/* Reads a row again; fails (EXIT_INPUT) where the input has changed since it was opened. */
bool sheet_at(struct sheet *sheet, uint64_t offset, size_t length, uint32_t line, struct sheet_row **row,
              struct err *err);

/* As sheet_at(), beside that one's, so that two rows can be compared; until the next of these or sheet_place(). */
bool sheet_other_at(struct sheet *sheet, uint64_t offset, size_t length, uint32_t line, struct sheet_row **row,
                    struct err *err);

/* As sheet_at(), but without values and checks: the record and its eight cells, for writing it out again. */
bool sheet_record_at(struct sheet *sheet, uint64_t offset, size_t length, uint32_t line, struct sheet_row **row,
                     struct err *err);

/*
 * Where a row is; its label is quoted where connector_may_show() it. What sheet_next() and sheet_at() gave is not
 * touched; lasts until the next call of either of these.
 */
struct row_place sheet_place(struct sheet *sheet, const struct rows *rows, uint64_t index);

/* The same as every message about a row begins, and before its `: `: `desk.csv:24: row 19 "FX broker feed"`. */
const char *sheet_where(struct sheet *sheet, const struct rows *rows, uint64_t index);

/* After sheet_next() came to the end: CRC-32 of the input. */
uint32_t sheet_crc(const struct sheet *sheet);

/* Likewise: SHA-256 of the input's file as it was read; empty where there is none (source_sha256()). */
void sheet_sha256(const struct sheet *sheet, char hex[DIGEST_HEX]);

#endif
