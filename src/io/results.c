#include "io/results.h"

#include "base/alloc.h"
#include "base/num.h"
#include "base/text.h"
#include "io/csv_write.h"
#include "model/json_text.h"
#include "model/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 40 }; /* characters of a cell in a message */

/* --- the name --- */

/* Whether `name` ends in `ending` (ASCII case ignored), with something left of it; takes it off `*len` then. */
static bool drop_ending(const char *name, size_t *len, const char *ending)
{
    size_t drop = strlen(ending);

    if (*len <= drop || !text_equal_fold((struct span){name + *len - drop, drop}, span_of(ending)))
        return false;
    *len -= drop;
    return true;
}

char *results_default_path(const char *input, unsigned shard, unsigned shard_count)
{
    size_t len = strlen(input);
    bool gz = drop_ending(input, &len, ".gz");
    bool tsv = drop_ending(input, &len, ".tsv");
    bool csv = !tsv && drop_ending(input, &len, ".csv");
    struct buf path;

    if ((csv || tsv) && drop_ending(input, &len, ".results") && shard_count <= 1)
        return alloc_text(input);
    if (!csv && !tsv)
        drop_ending(input, &len, ".txt");
    buf_init(&path, SIZE_MAX / 2);
    buf_add(&path, input, len);
    if (shard_count > 1)
        buf_format(&path, ".%u-of-%u", shard, shard_count);
    buf_text(&path, tsv ? ".results.tsv" : ".results.csv");
    if (gz)
        buf_text(&path, ".gz");
    return path.data;
}

/* --- out --- */

static void end_line(struct buf *out, const struct csv_dialect *dialect)
{
    static const char *const ends[] = {[CSV_NEWLINE_LF] = "\n", [CSV_NEWLINE_CRLF] = "\r\n", [CSV_NEWLINE_CR] = "\r"};

    buf_text(out, ends[dialect->newline]);
}

/* Whether column `at` holds a secret. */
static bool is_secret_column(const struct header *header, size_t at)
{
    for (enum field field = 0; field < FIELDS; field++)
        if (header->column[field] == (int)at && field_is_secret(field))
            return true;
    return false;
}

/* Appends the input's cells of a record, as they came, each followed by a delimiter. */
static void add_input_cells(struct buf *out, const struct results_style *style, const struct csv_record *record,
                            bool without_secrets)
{
    const struct header *header = style->header;
    struct span *cells;
    size_t count;

    /* The usual row has just these cells, and all of them stay. */
    if (record->count == header->columns && !(without_secrets && header_has_secret(header))) {
        buf_span(out, record->raw);
        buf_char(out, style->dialect.delimiter);
        return;
    }
    cells = alloc_zeroed(header->columns, sizeof(*cells));
    count = csv_split_raw(record->raw, style->dialect.delimiter, cells, header->columns);
    for (size_t i = 0; i < header->columns; i++) {
        if (i < count && !(without_secrets && is_secret_column(header, i)))
            buf_span(out, cells[i]);
        buf_char(out, style->dialect.delimiter);
    }
    free(cells);
}

void results_header(struct buf *out, const struct results_style *style, const struct csv_record *header_record)
{
    char delimiter = style->dialect.delimiter;

    if (style->bom)
        buf_text(out, "\xEF\xBB\xBF");
    if (style->dialect.sep_line) {
        buf_format(out, "sep=%c", delimiter);
        end_line(out, &style->dialect);
    }
    add_input_cells(out, style, header_record, false);
    for (enum result_column column = 0; column < RESULT_COLUMNS; column++) {
        if (column > 0)
            buf_char(out, delimiter);
        buf_text(out, result_column_name(column));
    }
    end_line(out, &style->dialect);
}

/* Whatever an outcome's text holds, what is written can be read again: connload reads nothing but UTF-8. */
static void add_foreign(struct buf *out, struct span text, char delimiter)
{
    char *repaired;

    if (text_utf8_error(text) == text.len) {
        csv_write_foreign(out, text, delimiter);
        return;
    }
    repaired = alloc_bytes(JSON_TEXT_GROWTH * text.len + 1);
    csv_write_foreign(out, (struct span){repaired, json_text_repair(text, repaired)}, delimiter);
    free(repaired);
}

static void add_outcome(struct buf *out, const struct outcome *outcome, char delimiter)
{
    char http_status[16] = "", attempts[16] = "";
    struct span cells[RESULT_COLUMNS];

    if (outcome->http_status != 0)
        snprintf(http_status, sizeof(http_status), "%d", outcome->http_status);
    if (outcome->status != STATUS_NONE || outcome->attempts > 0)
        snprintf(attempts, sizeof(attempts), "%u", outcome->attempts);
    cells[RESULT_STATUS] = span_of(status_name(outcome->status));
    cells[RESULT_CONNECTOR_ID] = outcome->connector_id;
    cells[RESULT_INBOX_EMAIL] = outcome->inbox_email;
    cells[RESULT_HTTP_STATUS] = span_of(http_status);
    cells[RESULT_ERROR_CODE] = outcome->error_code;
    cells[RESULT_ERROR_MESSAGE] = outcome->error_message;
    cells[RESULT_ATTEMPTS] = span_of(attempts);
    cells[RESULT_CREATED_AT] = outcome->created_at;
    for (size_t i = 0; i < RESULT_COLUMNS; i++) {
        if (i > 0)
            buf_char(out, delimiter);
        add_foreign(out, cells[i], delimiter);
    }
}

void results_row(struct buf *out, const struct results_style *style, const struct csv_record *record,
                 const struct outcome *outcome)
{
    add_input_cells(out, style, record, style->redact || status_is_finished(outcome->status));
    add_outcome(out, outcome, style->dialect.delimiter);
    end_line(out, &style->dialect);
}

/* --- in --- */

struct span results_unguarded(struct span cell)
{
    if (cell.len >= 2 && cell.data[0] == '\'' && cell.data[1] != '\0' && strchr("=+-@\t\r", cell.data[1]) != NULL)
        return (struct span){cell.data + 1, cell.len - 1};
    return cell;
}

/* A spreadsheet may have made `201,00` or `1.0` of a number. */
static uint32_t number(struct span cell, uint32_t max)
{
    struct span whole = text_trim(cell);
    size_t end = whole.len;
    uint64_t value;

    while (end > 0 && whole.data[end - 1] == '0')
        end--;
    if (end > 0 && end < whole.len && (whole.data[end - 1] == '.' || whole.data[end - 1] == ','))
        whole.len = end - 1;
    return num_parse_span(whole, 0, max, &value) ? (uint32_t)value : 0;
}

/* Appends the cell after `lead`; nothing where it may hold a piece of a secret that a comma without quotes moved there.
 */
static void show_cell(struct buf *out, const char *lead, const struct header *header, struct span cell)
{
    if (header_has_secret(header))
        return;
    buf_text(out, lead);
    text_quote(out, cell, SHOWN_MAX);
}

static bool refuse_status(struct span status, const struct header *header, const struct csv_record *record,
                          const char *file, struct err *err)
{
    struct buf shown;

    buf_init(&shown, 1024);
    buf_text(&shown, "the status");
    show_cell(&shown, " ", header, status);
    err_set(err, EXIT_INPUT,
            "%s:%u: row %u: %s is none that connload writes (created, exists, updated, archived, invalid, "
            "rejected, failed, unknown or not_attempted); put back what stood there, or empty the cell if the account "
            "certainly has no such connector",
            file, record->line, record->row, shown.data);
    buf_release(&shown);
    return false;
}

/*
 * What is no id, where one should be, beside a status that would be sent: a spreadsheet may have changed it. To send
 * the row could create a second connector. An id is looked up before.
 */
static bool refuse_contradiction(const struct outcome *outcome, const struct header *header,
                                 const struct csv_record *record, const char *file, struct err *err)
{
    struct buf shown;

    if (outcome->connector_id.len == 0 || remote_is_uuid(outcome->connector_id) ||
        status_is_finished(outcome->status) || outcome->status == STATUS_UNKNOWN)
        return true;
    buf_init(&shown, 1024);
    buf_text(&shown, "the row names a connector");
    show_cell(&shown, ", ", header, outcome->connector_id);
    err_set(
        err, EXIT_INPUT,
        "%s:%u: row %u: %s, whose id is none, and its status is \"%s\"; put back the id, or empty connector_id if a new "
        "connector is wanted",
        file, record->line, record->row, shown.data, status_name(outcome->status));
    buf_release(&shown);
    return false;
}

bool results_read(struct outcome *outcome, const struct header *header, const struct csv_record *record,
                  const char *file, struct err *err)
{
    struct span cells[RESULT_COLUMNS];
    size_t count = record->count, width = header->columns + RESULT_COLUMNS;

    while (count > width && text_is_blank(record->cells[count - 1]))
        count--;
    if (count > width)
        return err_set(err, EXIT_INPUT,
                       "%s:%u: row %u: the row has %zu cells, the header %zu; a delimiter too many, or a cell "
                       "that needs quotes around it",
                       file, record->line, record->row, count, width);
    for (size_t i = 0; i < RESULT_COLUMNS; i++) {
        size_t at = header->columns + i;

        cells[i] = at < record->count ? results_unguarded(record->cells[at]) : (struct span){"", 0};
    }
    *outcome = (struct outcome){
        .status = status_named(cells[RESULT_STATUS]),
        .connector_id = text_trim(cells[RESULT_CONNECTOR_ID]),
        .inbox_email = cells[RESULT_INBOX_EMAIL],
        .http_status = (int)number(cells[RESULT_HTTP_STATUS], 999),
        .error_code = text_trim(cells[RESULT_ERROR_CODE]),
        .error_message = cells[RESULT_ERROR_MESSAGE],
        .attempts = number(cells[RESULT_ATTEMPTS], UINT32_MAX),
        .created_at = text_trim(cells[RESULT_CREATED_AT]),
    };
    if (outcome->status == STATUSES)
        return refuse_status(cells[RESULT_STATUS], header, record, file, err);
    return refuse_contradiction(outcome, header, record, file, err);
}
