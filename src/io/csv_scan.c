#include "io/csv_scan.h"

#include "base/text.h"
#include "model/field.h"

#include <stdint.h>
#include <string.h>

static const char candidates[] = {',', ';', '\t'};

static bool is_line_end(char byte)
{
    return byte == '\n' || byte == '\r';
}

static size_t skip_plain(struct span text, size_t at, char delimiter)
{
    while (at < text.len && text.data[at] != delimiter && !is_line_end(text.data[at]))
        at++;
    return at;
}

static size_t skip_quoted(struct span text, size_t at)
{
    const char *quote = memchr(text.data + at, '"', text.len - at);

    return quote != NULL ? (size_t)(quote - text.data) : text.len;
}

enum csv_scan_end csv_scan_cell(struct csv_scan *scan, struct span text, char delimiter)
{
    while (scan->at < text.len) {
        char byte = text.data[scan->at];

        if (scan->state == CSV_SCAN_START) {
            scan->state = byte == '"' ? CSV_SCAN_QUOTED : CSV_SCAN_PLAIN;
            scan->at += byte == '"';
        } else if (scan->state == CSV_SCAN_QUOTED) {
            scan->at = skip_quoted(text, scan->at);
            if (scan->at < text.len) {
                scan->state = CSV_SCAN_CLOSED;
                scan->at++;
            }
        } else if (byte == delimiter) {
            return CSV_SCAN_DELIMITER;
        } else if (is_line_end(byte)) {
            return CSV_SCAN_LINE_END;
        } else if (scan->state == CSV_SCAN_PLAIN) {
            scan->at = skip_plain(text, scan->at, delimiter);
        } else if (byte == '"') { /* a doubled quote: the cell goes on */
            scan->state = CSV_SCAN_QUOTED;
            scan->at++;
        } else {
            return CSV_SCAN_TEXT;
        }
    }
    return CSV_SCAN_BYTES;
}

void csv_scan_step(struct csv_scan *scan)
{
    scan->cell = ++scan->at;
    scan->column++;
    scan->state = CSV_SCAN_START;
}

enum csv_scan_end csv_scan_record(struct csv_scan *scan, struct span text, char delimiter)
{
    enum csv_scan_end end;

    while ((end = csv_scan_cell(scan, text, delimiter)) == CSV_SCAN_DELIMITER)
        csv_scan_step(scan);
    return end;
}

char csv_scan_sep(struct span line)
{
    if (line.len == 7 && line.data[0] == '"' && line.data[6] == '"')
        line = (struct span){line.data + 1, 5};
    if (line.len != 5 || !text_equal_fold((struct span){line.data, 4}, span_of("sep=")))
        return '\0';
    return line.data[4] == '"' || (unsigned char)line.data[4] >= 0x80 ? '\0' : line.data[4];
}

size_t csv_scan_line(struct span text)
{
    size_t at = 0;

    while (at < text.len && !is_line_end(text.data[at]))
        at++;
    return at;
}

size_t csv_scan_line_end(struct span text, size_t at)
{
    static const char *const ends[] = {"\r\n", "\r\r\n"};

    if (at >= text.len)
        return 0;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (text.len - at >= strlen(ends[i]) && memcmp(text.data + at, ends[i], strlen(ends[i])) == 0)
            return strlen(ends[i]);
    return 1;
}

/*
 * How much speaks for `delimiter`: names of fields before all, then cells. Of a header that it leaves without end, or
 * with text behind a quote, the names until there: where they are the only ones, that is the mistake to tell of.
 */
static uint64_t score(struct span text, bool whole, char delimiter)
{
    struct csv_scan scan = {0};
    enum csv_scan_end end;
    uint64_t named = 0;

    do {
        struct span cell;

        end = csv_scan_cell(&scan, text, delimiter);
        if (end == CSV_SCAN_TEXT || (end == CSV_SCAN_BYTES && (!whole || scan.state == CSV_SCAN_QUOTED)))
            return named << 32;
        cell = (struct span){text.data + scan.cell, scan.at - scan.cell};
        if (scan.state == CSV_SCAN_CLOSED)
            cell = (struct span){cell.data + 1, cell.len - 2};
        named += field_named(cell) != FIELDS;
        csv_scan_step(&scan);
    } while (end == CSV_SCAN_DELIMITER);
    return named << 32 | scan.column;
}

static bool is_filler(char byte)
{
    return byte != '\0' && strchr(",;\t \r\n", byte) != NULL;
}

/* Rows of nothing but delimiters and blanks, as at the top of a sheet, say nothing. */
static struct span skip_empty_rows(struct span text)
{
    size_t row = 0;

    for (size_t at = 0; at < text.len && is_filler(text.data[at]); at++)
        if (is_line_end(text.data[at]))
            row = at + 1;
    return (struct span){text.data + row, text.len - row};
}

char csv_scan_delimiter(struct span text, bool whole)
{
    char best = candidates[0];
    uint64_t most = 0;

    text = skip_empty_rows(text);
    for (size_t i = 0; i < sizeof(candidates); i++) {
        uint64_t points = score(text, whole, candidates[i]);

        if (points > most) {
            most = points;
            best = candidates[i];
        }
    }
    return best;
}
