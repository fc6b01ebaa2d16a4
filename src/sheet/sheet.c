#include "sheet/sheet.h"

#include "base/alloc.h"
#include "base/text.h"
#include "io/results.h"
#include "sheet/secrets.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FROM_NEXT, FROM_AT, FROM_OTHER, ROWS_READ }; /* of sheet_next(), sheet_at(), sheet_other_at() */

struct sheet {
    struct sheet_config config;
    struct source *source;
    struct csv_reader *reader;
    struct header header;
    struct csv_record header_record; /* its bytes are in header_bytes */
    char *header_bytes;
    struct secrets secrets[ROWS_READ];
    struct sheet_row rows[ROWS_READ];
    struct csv_reader *beside; /* sheet_other_at()'s and sheet_place()'s */
    struct buf where;          /* sheet_where()'s */
};

enum { NOTES_MAX = 65536, WHERE_MAX = 1 << 17 };

/* The record's cells point all over the reader's memory: copies them, and its raw text, into one piece. */
static void keep_header(struct sheet *sheet, const struct csv_record *record)
{
    size_t total = record->raw.len;
    struct span *cells = alloc_zeroed(record->count, sizeof(cells[0]));
    char *to;

    for (size_t i = 0; i < record->count; i++)
        total += record->cells[i].len;
    to = sheet->header_bytes = alloc_bytes(total);
    for (size_t i = 0; i < record->count; i++) {
        cells[i] = (struct span){to, record->cells[i].len};
        if (cells[i].len > 0)
            memcpy(to, record->cells[i].data, cells[i].len);
        to += cells[i].len;
    }
    if (record->raw.len > 0)
        memcpy(to, record->raw.data, record->raw.len);
    sheet->header_record = *record;
    sheet->header_record.cells = cells;
    sheet->header_record.raw.data = to;
}

static bool read_header(struct sheet *sheet, struct buf *notes, struct err *err)
{
    const struct sheet_config *config = &sheet->config;
    struct csv_record record;
    enum csv_step step = csv_next(sheet->reader, &record, err);
    struct header_options options = {
        .file = sheet_name(sheet),
        .maps = config->maps,
        .map_count = config->map_count,
        .defaults = config->defaults,
        .delimiter_given = config->delimiter != '\0',
        .may_lack = config->may_lack,
        .results_only = config->results_only,
    };

    if (step == CSV_STEP_FAILED)
        return false;
    if (step == CSV_STEP_END)
        return err_set(err, EXIT_INPUT, "%s has no header: the first row has to name the columns (type, label, …)",
                       sheet_name(sheet));
    keep_header(sheet, &record);
    options.line = record.line;
    options.delimiter = csv_dialect(sheet->reader)->delimiter;
    return header_read(&sheet->header, record.cells, record.count, &options, notes, err);
}

static void show_notes(struct console *console, struct buf *notes)
{
    const char *at = buf_view(notes).data, *end;

    for (; console != NULL && (end = strchr(at, '\n')) != NULL; at = end + 1)
        console_note(console, "%.*s", (int)(end - at), at);
    buf_release(notes);
}

struct sheet *sheet_open(const struct sheet_config *config, struct console *console, struct err *err)
{
    struct sheet *sheet = alloc_zeroed(1, sizeof(*sheet));
    struct buf notes;
    bool header;

    sheet->config = *config;
    for (int i = 0; i < ROWS_READ; i++) {
        secrets_init(&sheet->secrets[i]);
        problems_init(&sheet->rows[i].problems);
        connector_init(&sheet->rows[i].connector);
    }
    buf_init(&sheet->where, WHERE_MAX);
    sheet->source = source_open(config->path, config->encoding, err);
    if (sheet->source == NULL)
        goto fail;
    sheet->reader = csv_reader_new(sheet->source, config->delimiter);
    buf_init(&notes, NOTES_MAX);
    header = read_header(sheet, &notes, err);
    show_notes(console, &notes);
    if (!header)
        goto fail;
    sheet->beside = csv_reader_beside(sheet->reader);
    return sheet;
fail:
    sheet_close(sheet);
    return NULL;
}

void sheet_close(struct sheet *sheet)
{
    if (sheet == NULL)
        return;
    for (int i = 0; i < ROWS_READ; i++) {
        secrets_release(&sheet->secrets[i]);
        problems_release(&sheet->rows[i].problems);
        connector_release(&sheet->rows[i].connector);
    }
    header_release(&sheet->header);
    free(sheet->header_record.cells);
    free(sheet->header_bytes);
    buf_release(&sheet->where);
    csv_reader_free(sheet->beside);
    csv_reader_free(sheet->reader);
    source_close(sheet->source);
    free(sheet);
}

const char *sheet_name(const struct sheet *sheet)
{
    return source_name(sheet->source);
}

const struct header *sheet_header(const struct sheet *sheet)
{
    return &sheet->header;
}

const struct source_info *sheet_info(const struct sheet *sheet)
{
    return source_info(sheet->source);
}

const struct csv_dialect *sheet_dialect(const struct sheet *sheet)
{
    return csv_dialect(sheet->reader);
}

const struct csv_record *sheet_header_record(const struct sheet *sheet)
{
    return &sheet->header_record;
}

bool sheet_has_secrets(const struct sheet *sheet)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (field_is_secret((enum field)i) && sheet->config.defaults[i] != NULL)
            return true;
    return header_has_secret(&sheet->header);
}

bool sheet_looks_up_secrets(const struct sheet *sheet)
{
    return sheet->config.secret_refs;
}

uint32_t sheet_crc(const struct sheet *sheet)
{
    return source_crc(sheet->source);
}

void sheet_sha256(const struct sheet *sheet, char hex[DIGEST_HEX])
{
    struct err unheard;

    if (!source_sha256(sheet->source, hex, &unheard))
        hex[0] = '\0';
}

static bool repeats_header(const struct sheet *sheet, const struct csv_record *record)
{
    const struct csv_record *header = &sheet->header_record;

    if (record->count != header->count)
        return false;
    for (size_t i = 0; i < record->count; i++)
        if (!span_equal(record->cells[i], header->cells[i]))
            return false;
    return true;
}

static bool read_earlier(struct sheet *sheet, struct sheet_row *row, struct err *err)
{
    row->earlier = (struct outcome){0};
    return !sheet->header.is_result ||
           results_read(&row->earlier, &sheet->header, &row->record, sheet_name(sheet), err);
}

/*
 * A row that had cells beyond the header's columns lost them in the result file (results_row()), and what is left may
 * stand in the wrong columns: an unquoted comma shifts a password into a label. Its right width proves nothing:
 * somebody has to look.
 */
static void distrust_shifted(struct sheet_row *row)
{
    static const char code[] = "too_many_fields";
    struct span codes = row->earlier.error_code;

    if (row->earlier.status == STATUS_INVALID && codes.len > 0 &&
        memmem(codes.data, codes.len, code, sizeof(code) - 1) != NULL)
        buf_text(problems_add(&row->problems, CHECK_TOO_MANY_FIELDS),
                 "the row had more cells than the header has columns, so its cells may stand in the wrong columns; put "
                 "them right and empty its error_code cell");
}

/* In a file of `list` the account's texts have a guard against spreadsheets, which is no part of them. */
static void take_guards_off(struct row_values *values)
{
    for (enum field field = 0; field < FIELDS; field++)
        if (!field_is_secret(field) && !values->defaulted[field])
            values->value[field] = results_unguarded(values->value[field]);
}

/* Makes a checked row of the record in rows[which]. */
static bool make_row(struct sheet *sheet, int which, struct err *err)
{
    struct sheet_row *row = &sheet->rows[which];

    if (!read_earlier(sheet, row, err))
        return false;
    connector_values(&row->values, &sheet->header, sheet->config.defaults, row->record.cells, row->record.count);
    if (sheet->header.is_list)
        take_guards_off(&row->values);
    if (sheet->config.secret_refs)
        secrets_resolve(&sheet->secrets[which], &row->values);
    problems_reset(&row->problems);
    connector_check(&row->connector, &row->values, &sheet->header, &row->problems);
    distrust_shifted(row);
    row->valid = row->problems.set == 0;
    return true;
}

enum csv_step sheet_next(struct sheet *sheet, struct sheet_row **row, struct err *err)
{
    enum csv_step step;

    *row = &sheet->rows[FROM_NEXT];
    do
        step = csv_next(sheet->reader, &(*row)->record, err);
    while (step == CSV_STEP_RECORD && repeats_header(sheet, &(*row)->record));
    if (step == CSV_STEP_RECORD && !make_row(sheet, FROM_NEXT, err))
        return CSV_STEP_FAILED;
    return step;
}

bool sheet_at(struct sheet *sheet, uint64_t offset, size_t length, uint32_t line, struct sheet_row **row,
              struct err *err)
{
    *row = &sheet->rows[FROM_AT];
    return csv_at(sheet->reader, offset, length, line, &(*row)->record, err) && make_row(sheet, FROM_AT, err);
}

bool sheet_other_at(struct sheet *sheet, uint64_t offset, size_t length, uint32_t line, struct sheet_row **row,
                    struct err *err)
{
    *row = &sheet->rows[FROM_OTHER];
    return csv_at(sheet->beside, offset, length, line, &(*row)->record, err) && make_row(sheet, FROM_OTHER, err);
}

bool sheet_record_at(struct sheet *sheet, uint64_t offset, size_t length, uint32_t line, struct sheet_row **row,
                     struct err *err)
{
    *row = &sheet->rows[FROM_AT];
    return csv_at(sheet->reader, offset, length, line, &(*row)->record, err) && read_earlier(sheet, *row, err);
}

struct row_place sheet_place(struct sheet *sheet, const struct rows *rows, uint64_t index)
{
    const struct row *row = &rows->row[index];
    struct row_place place = {.line = row->line, .number = rows_number(rows, index)};
    struct csv_record record;
    struct row_values values;
    struct err unheard;

    if (!csv_at(sheet->beside, row->offset, row->length, row->line, &record, &unheard))
        return place;
    connector_values(&values, &sheet->header, sheet->config.defaults, record.cells, record.count);
    if (connector_may_show(&sheet->header, &values, FIELD_LABEL))
        place.label = text_trim(values.value[FIELD_LABEL]);
    return place;
}

const char *sheet_where(struct sheet *sheet, const struct rows *rows, uint64_t index)
{
    struct row_place place = sheet_place(sheet, rows, index);
    struct buf *out = &sheet->where;

    buf_reset(out);
    buf_format(out, "%s:%" PRIu32 ": row %" PRIu32, sheet_name(sheet), place.line, place.number);
    if (place.label.len > 0) {
        buf_char(out, ' ');
        text_quote(out, place.label, HEADER_SHOWN);
    }
    return buf_view(out).data;
}
