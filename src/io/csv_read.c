#include "io/csv_read.h"

#include "base/alloc.h"
#include "base/text.h"
#include "io/csv_scan.h"
#include "io/sniff.h"

#include <csv.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW_MAX = CSV_RECORD_MAX + 3 * SOURCE_PIECE, /* a record, what follows it in its last piece, and a piece more */
    DETECT_MAX = 1 << 20,                           /* bytes within which the header has to end to be told by */
    PARSER_BLOCK = 1 << 14, /* bytes by which libcsv's buffer grows at least; for a long record once */
};

#define QUOTE_REMEDY "write a quote inside a cell twice (\"\") and quote the whole cell, as a spreadsheet does"

/* Where the next byte of one kind is in the window; each byte of the window is searched once. */
struct finder {
    char byte;
    bool found;
    size_t at; /* found: where it is; else: not before here */
};

enum { FIND_LF, FIND_CR, FIND_QUOTE, FIND_NUL, FINDERS };

/* One record, parsed. */
struct cells {
    struct csv_parser parser;
    struct buf text; /* the bytes of cells that libcsv read, one after the other */
    struct span *spans;
    size_t count; /* may pass CSV_CELLS_MAX; spans do not */
    size_t cap;
    bool blank; /* all cells are */
};

struct csv_reader {
    struct source *source;
    char wanted; /* delimiter, or 0 */
    bool begun;
    bool ended; /* the source is */
    struct csv_dialect dialect;
    struct buf window;
    size_t at;       /* in the window: what csv_next() reads next */
    uint64_t offset; /* of the window in the input */
    uint64_t line;   /* of `at` */
    uint32_t row;    /* as a spreadsheet counts, of the record that was read last */
    struct finder finders[FINDERS];
    struct cells cells;
    struct buf again; /* the raw bytes of csv_at() */
    struct cells cells_again;
};

/* ---- Parsing: a record's cells, by libcsv ---- */

/* libcsv takes no other answer than memory either; its cells may be secrets, and it only ever grows. */
static void *resize(void *old, size_t size)
{
    return alloc_grow_wiped(old, size);
}

static int never_blank(unsigned char byte)
{
    (void)byte;
    return 0;
}

static void cells_init(struct cells *cells)
{
    csv_init(&cells->parser, 0);
    csv_set_realloc_func(&cells->parser, resize);
    csv_set_space_func(&cells->parser, never_blank);
    buf_init(&cells->text, CSV_RECORD_MAX);
}

static void cells_release(struct cells *cells)
{
    if (cells->parser.entry_buf != NULL)
        explicit_bzero(cells->parser.entry_buf, cells->parser.entry_size);
    csv_free(&cells->parser);
    buf_wipe(&cells->text);
    free(cells->spans);
}

static void add_cell(struct cells *cells, struct span cell)
{
    if (cells->count++ >= CSV_CELLS_MAX)
        return;
    if (cells->count > cells->cap) {
        cells->cap = 2 * cells->count;
        cells->spans = alloc_resize(cells->spans, cells->cap, sizeof(*cells->spans));
    }
    cells->spans[cells->count - 1] = cell;
    cells->blank = cells->blank && text_is_blank(cell);
}

/* libcsv's bytes die with this call: they go where parse() made room, so that none of them moves any more. */
static void take_cell(void *bytes, size_t len, void *context)
{
    struct cells *cells = context;
    struct span cell = {.data = cells->text.data + cells->text.len, .len = len};

    buf_add(&cells->text, bytes, len);
    add_cell(cells, cell);
}

static void parse(struct cells *cells, struct span raw, char delimiter)
{
    buf_reset(&cells->text);
    buf_reserve(&cells->text, raw.len);
    csv_set_delim(&cells->parser, (unsigned char)delimiter);
    csv_set_blk_size(&cells->parser, raw.len < PARSER_BLOCK ? PARSER_BLOCK : raw.len + 1);
    csv_parse(&cells->parser, raw.data, raw.len, take_cell, NULL, cells);
    csv_fini(&cells->parser, take_cell, NULL, cells);
}

/*
 * Most records have no quote, so that their cells are just what lies between the delimiters. Telling libcsv to leave
 * the blanks costs it a call for each byte; on such records it would take three quarters of the time of a check.
 */
static void split(struct cells *cells, struct span raw, char delimiter)
{
    const char *end = raw.data + raw.len, *cell = raw.data, *stop;

    while ((stop = memchr(cell, delimiter, (size_t)(end - cell))) != NULL) {
        add_cell(cells, (struct span){.data = cell, .len = (size_t)(stop - cell)});
        cell = stop + 1;
    }
    add_cell(cells, (struct span){.data = cell, .len = (size_t)(end - cell)});
}

static void read_cells(struct cells *cells, struct span raw, bool quotes, char delimiter)
{
    cells->count = 0;
    cells->blank = true;
    if (quotes)
        parse(cells, raw, delimiter);
    else
        split(cells, raw, delimiter);
}

/* ---- The window on the input ---- */

static size_t find(struct csv_reader *reader, int which, size_t from)
{
    struct finder *finder = &reader->finders[which];
    const struct buf *window = &reader->window;

    if (finder->at < from) {
        finder->at = from;
        finder->found = false;
    }
    if (!finder->found && finder->at < window->len) {
        const char *byte = memchr(window->data + finder->at, finder->byte, window->len - finder->at);

        finder->found = byte != NULL;
        finder->at = byte != NULL ? (size_t)(byte - window->data) : window->len;
    }
    return finder->at;
}

/* Forgets the bytes before `at`. */
static void slide(struct csv_reader *reader)
{
    struct buf *window = &reader->window;
    size_t gone = reader->at;

    if (gone == 0)
        return;
    memmove(window->data, window->data + gone, window->len - gone);
    window->len -= gone;
    reader->offset += gone;
    reader->at = 0;
    for (int i = 0; i < FINDERS; i++) {
        struct finder *finder = &reader->finders[i];

        finder->found = finder->found && finder->at >= gone;
        finder->at = finder->at >= gone ? finder->at - gone : 0;
    }
}

/* Ctrl-Z, with which DOS programs and `copy a.csv+b.csv` on Windows end a file. */
static bool is_dos_end(char byte)
{
    return byte == '\x1A';
}

/* Takes the Ctrl-Zs off the end of the input. */
static void drop_dos_end(struct csv_reader *reader)
{
    struct buf *window = &reader->window;

    while (window->len > reader->at && is_dos_end(window->data[window->len - 1]))
        window->len--;
}

/* One more piece into the window, or `ended`. What lies before `at` goes. */
static bool fill(struct csv_reader *reader, struct err *err)
{
    struct span piece;

    slide(reader);
    if (!source_next(reader->source, &piece, err))
        return false;
    reader->ended = piece.len == 0;
    buf_span(&reader->window, piece);
    if (reader->ended)
        drop_dos_end(reader);
    return true;
}

/* All that is there of what csv_next() reads next. */
static struct span ahead(const struct csv_reader *reader)
{
    return (struct span){.data = reader->window.data + reader->at, .len = reader->window.len - reader->at};
}

/* ---- Sentences ---- */

/* `bytes` into the record that begins at `at`. */
static uint64_t line_at(const struct csv_reader *reader, size_t bytes)
{
    unsigned crs = 0;

    return reader->line + (uint64_t)sniff_line_ends((struct span){reader->window.data + reader->at, bytes}, &crs);
}

/* Which cell of the record at `at` holds its byte `bytes`. */
static size_t column_at(const struct csv_reader *reader, size_t bytes)
{
    struct csv_scan scan = {0};

    csv_scan_record(&scan, (struct span){reader->window.data + reader->at, bytes}, reader->dialect.delimiter);
    return scan.column;
}

enum { ROW_TEXT = 24 };

/* `: row 5` of the record at `at`; nothing of the first record, which is the header. */
static const char *show_row(const struct csv_reader *reader, char text[ROW_TEXT])
{
    text[0] = '\0';
    if (reader->row > 0)
        snprintf(text, ROW_TEXT, ": row %" PRIu64, (uint64_t)reader->row + 1);
    return text;
}

static bool fail_quote(const struct csv_reader *reader, const struct csv_scan *scan, const char *how, struct err *err)
{
    char column[TEXT_COLUMN], row[ROW_TEXT];

    return err_set(err, EXIT_INPUT,
                   "%s:%" PRIu64 "%s: a quote opened in column %s is %s; put the closing quote (\") at "
                   "the end of that cell, and " QUOTE_REMEDY,
                   source_name(reader->source), line_at(reader, scan->cell), show_row(reader, row),
                   text_column(column, scan->column), how);
}

/* What to do about text behind a quote: in the header's first cell it is likely the delimiter, which was not taken for
 * one. */
static const char *text_remedy(const struct csv_reader *reader, const struct csv_scan *scan, char byte)
{
    bool first = reader->line <= (reader->dialect.sep_line ? 2 : 1) && scan->column == 0;

    if (first && byte == '|')
        return "if cells are separated by |, add --delimiter '|'";
    if (first && reader->wanted != '\0' && byte != '\0' && strchr(",;\t", byte) != NULL)
        return "if that is what separates cells, leave --delimiter out";
    return QUOTE_REMEDY;
}

static bool fail_text(const struct csv_reader *reader, const struct csv_scan *scan, struct err *err)
{
    char column[TEXT_COLUMN], row[ROW_TEXT], begun[96] = "";
    uint64_t line = line_at(reader, scan->at), first = line_at(reader, scan->cell);
    char byte = reader->window.data[reader->at + scan->at];

    if (first != line)
        snprintf(begun, sizeof(begun), " (a cell that begins on line %" PRIu64 ", perhaps without its closing quote)",
                 first);
    return err_set(err, EXIT_INPUT, "%s:%" PRIu64 "%s: %s follows the closing quote in column %s%s; %s",
                   source_name(reader->source), line, show_row(reader, row),
                   byte == ' ' || byte == '\t' ? "a blank" : "text", text_column(column, scan->column), begun,
                   text_remedy(reader, scan, byte));
}

static bool fail_long(const struct csv_reader *reader, const struct csv_scan *scan, struct err *err)
{
    char row[ROW_TEXT];

    if (scan->state == CSV_SCAN_QUOTED)
        return fail_quote(reader, scan, "not closed within 16 MiB", err);
    return err_set(err, EXIT_INPUT,
                   "%s:%" PRIu64 "%s: a row of more than 16 MiB, so this is no sheet; "
                   "give the sheet saved as CSV (" SNIFF_SAVE_AS ")",
                   source_name(reader->source), reader->line, show_row(reader, row));
}

static bool fail_nul(const struct csv_reader *reader, size_t bytes, struct err *err)
{
    char row[ROW_TEXT];

    return err_set(err, EXIT_INPUT, "%s:%" PRIu64 "%s: " SNIFF_NUL, source_name(reader->source), line_at(reader, bytes),
                   show_row(reader, row));
}

/* What the byte would be, were this Windows-1252; only where the next one is ASCII, as it mostly is in such text. */
static void guess_1252(struct buf *out, struct span bad)
{
    unsigned char byte = (unsigned char)bad.data[0];

    if (bad.len > 1 && (unsigned char)bad.data[1] >= 0x80)
        return;
    if (byte >= 0xA0)
        buf_format(out, " (in Windows-1252 it would be \"%c%c\")", 0xC0 | byte >> 6, 0x80 | (byte & 0x3F));
    else
        buf_text(out, " (it looks like Windows-1252)");
}

static bool fail_utf8(const struct csv_reader *reader, struct span raw, size_t bytes, struct err *err)
{
    char column[TEXT_COLUMN], row[ROW_TEXT];
    const char *name = source_name(reader->source);
    struct buf guess;

    buf_init(&guess, 128);
    guess_1252(&guess, (struct span){raw.data + bytes, raw.len - bytes});
    err_set(err, EXIT_INPUT,
            "%s:%" PRIu64
            "%s: column %s: byte 0x%02X is not UTF-8%s; name what it is (--encoding windows-1252), or save "
            "the sheet as UTF-8 (" SNIFF_SAVE_AS ")",
            name, line_at(reader, bytes), show_row(reader, row), text_column(column, column_at(reader, bytes)),
            (unsigned char)raw.data[bytes], buf_view(&guess).data);
    buf_release(&guess);
    return false;
}

static bool fail_cells(const struct csv_reader *reader, uint64_t line, size_t count, struct err *err)
{
    char row[ROW_TEXT];

    return err_set(err, EXIT_INPUT,
                   "%s:%" PRIu64 "%s: a row of %zu cells, more than any spreadsheet holds (16384); "
                   "split it into rows",
                   source_name(reader->source), line, show_row(reader, row), count);
}

/* ---- The dialect ---- */

/* Looks at the beginning: a `sep=` line, the delimiter. */
static bool begin(struct csv_reader *reader, struct err *err)
{
    struct span text;
    size_t first;
    char sep;

    while (!reader->ended && reader->window.len < DETECT_MAX)
        if (!fill(reader, err))
            return false;
    reader->begun = true;
    text = ahead(reader);
    first = csv_scan_line(text);
    sep = csv_scan_sep((struct span){text.data, first});
    if (sep != '\0') {
        reader->dialect.sep_line = true;
        reader->at = first + csv_scan_line_end(text, first);
        reader->line++;
    }
    if (reader->wanted != '\0')
        reader->dialect.delimiter = reader->wanted;
    else
        reader->dialect.delimiter = sep != '\0' ? sep : csv_scan_delimiter(text, reader->ended);
    return true;
}

/* Of the line end that lies before `at`, if any: that of the header, just read. */
static enum csv_newline last_newline(const struct csv_reader *reader)
{
    const char *bytes = reader->window.data;
    size_t at = reader->at;

    if (bytes[at - 1] == '\r')
        return CSV_NEWLINE_CR;
    return bytes[at - 1] == '\n' && at > 1 && bytes[at - 2] == '\r' ? CSV_NEWLINE_CRLF : CSV_NEWLINE_LF;
}

/* ---- Records ---- */

struct csv_reader *csv_reader_new(struct source *source, char delimiter)
{
    static const char bytes[FINDERS] = {[FIND_LF] = '\n', [FIND_CR] = '\r', [FIND_QUOTE] = '"', [FIND_NUL] = '\0'};
    struct csv_reader *reader = alloc_zeroed(1, sizeof(*reader));

    reader->source = source;
    reader->wanted = delimiter;
    reader->line = 1;
    for (int i = 0; i < FINDERS; i++)
        reader->finders[i].byte = bytes[i];
    buf_init(&reader->window, WINDOW_MAX);
    buf_init(&reader->again, CSV_RECORD_MAX);
    cells_init(&reader->cells);
    cells_init(&reader->cells_again);
    return reader;
}

struct csv_reader *csv_reader_beside(const struct csv_reader *reader)
{
    struct csv_reader *beside = csv_reader_new(reader->source, reader->dialect.delimiter);

    beside->dialect = reader->dialect;
    return beside;
}

void csv_reader_free(struct csv_reader *reader)
{
    if (reader == NULL)
        return;
    buf_wipe(&reader->window);
    buf_wipe(&reader->again);
    cells_release(&reader->cells);
    cells_release(&reader->cells_again);
    free(reader);
}

/* The record ends at the next line end, as none of its cells is quoted. False where that isn't in the window. */
static bool end_unquoted(struct csv_reader *reader, size_t *end)
{
    size_t lf = find(reader, FIND_LF, reader->at), cr = find(reader, FIND_CR, reader->at);

    *end = lf < cr ? lf : cr;
    return *end < reader->window.len && find(reader, FIND_QUOTE, reader->at) > *end;
}

/* Whether there is nothing but Ctrl-Zs from there on: perhaps the input's end. */
static bool may_be_dos_end(struct span text, size_t at)
{
    while (at < text.len && is_dos_end(text.data[at]))
        at++;
    return at == text.len;
}

/*
 * Finds the end of the record at `at`, and brings it into the window whole with its line end. Long records come in
 * piece by piece; `scan` goes on where it stopped.
 */
static bool end_scanned(struct csv_reader *reader, size_t *len, struct err *err)
{
    struct csv_scan scan = {0};
    enum csv_scan_end end;

    while ((end = csv_scan_record(&scan, ahead(reader), reader->dialect.delimiter)) == CSV_SCAN_BYTES ||
           (end == CSV_SCAN_TEXT && may_be_dos_end(ahead(reader), scan.at))) {
        if (scan.at > CSV_RECORD_MAX)
            return fail_long(reader, &scan, err);
        if (reader->ended)
            break;
        if (!fill(reader, err))
            return false;
        if (scan.at > ahead(reader).len) /* what was taken for the last cell's were Ctrl-Zs at the end */
            scan.at = ahead(reader).len;
    }
    if (end == CSV_SCAN_TEXT)
        return fail_text(reader, &scan, err);
    if (scan.at > CSV_RECORD_MAX)
        return fail_long(reader, &scan, err);
    if (end == CSV_SCAN_BYTES && scan.state == CSV_SCAN_QUOTED)
        return fail_quote(reader, &scan, "never closed", err);
    *len = scan.at;
    return true;
}

/* The bytes of the record at `at`; its line end is in the window as well. */
static bool next_raw(struct csv_reader *reader, struct span *raw, bool *quotes, struct err *err)
{
    size_t end, len = 0;

    if (end_unquoted(reader, &end))
        len = end - reader->at;
    else if (!end_scanned(reader, &len, err))
        return false;
    /* A CR at the window's end may be a part of CR LF, or of CR CR LF. */
    while (reader->window.len - reader->at - len < CSV_SCAN_LINE_END_MAX && !reader->ended)
        if (!fill(reader, err))
            return false;
    *raw = (struct span){reader->window.data + reader->at, len};
    *quotes = find(reader, FIND_QUOTE, reader->at) < reader->at + len;
    return true;
}

static bool check_raw(struct csv_reader *reader, struct span raw, struct err *err)
{
    size_t nul = find(reader, FIND_NUL, reader->at) - reader->at;
    size_t bad = text_utf8_error(raw);

    if (nul < raw.len)
        return fail_nul(reader, nul, err);
    if (bad < raw.len)
        return fail_utf8(reader, raw, bad, err);
    if (reader->line > CSV_LINES_MAX)
        return err_set(err, EXIT_INPUT, "%s has more than %" PRIu32 " lines; split it into several files",
                       source_name(reader->source), CSV_LINES_MAX);
    return true;
}

/* Past the record and its line end. */
static void step_over(struct csv_reader *reader, struct span raw)
{
    size_t end = reader->at + raw.len, past = csv_scan_line_end(ahead(reader), raw.len);

    if (find(reader, FIND_LF, reader->at) < end || find(reader, FIND_CR, reader->at) < end)
        reader->line = line_at(reader, raw.len);
    reader->line += past > 0;
    reader->at = end + past;
}

/* The bytes at `at` that no record begins with: the byte order mark or Ctrl-Z of a file that others were joined to. */
static size_t seam_len(const struct csv_reader *reader)
{
    struct span text = ahead(reader);

    if (text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)
        return 3;
    return text.len > 0 && is_dos_end(text.data[0]) ? 1 : 0;
}

/* Goes to where the next record begins; whether there is one. */
static bool has_more(struct csv_reader *reader, bool *more, struct err *err)
{
    size_t seam;

    do {
        while (reader->window.len - reader->at < 3 && !reader->ended)
            if (!fill(reader, err))
                return false;
        seam = seam_len(reader);
        reader->at += seam;
    } while (seam > 0);
    *more = reader->at < reader->window.len;
    return true;
}

/* One record, blank or not. */
static bool next_record(struct csv_reader *reader, struct csv_record *record, struct err *err)
{
    struct cells *cells = &reader->cells;
    struct span raw;
    bool quotes;

    if (!next_raw(reader, &raw, &quotes, err) || !check_raw(reader, raw, err))
        return false;
    *record = (struct csv_record){
        .raw = raw,
        .offset = reader->offset + reader->at,
        .line = (uint32_t)reader->line,
        .row = reader->row + 1,
    };
    read_cells(cells, raw, quotes, reader->dialect.delimiter);
    if (cells->count > CSV_CELLS_MAX)
        return fail_cells(reader, reader->line, cells->count, err);
    record->cells = cells->spans;
    record->count = cells->count;
    reader->row++;
    step_over(reader, raw);
    return true;
}

enum csv_step csv_next(struct csv_reader *reader, struct csv_record *record, struct err *err)
{
    bool more, header = !reader->begun;

    if (header && !begin(reader, err))
        return CSV_STEP_FAILED;
    do {
        if (!has_more(reader, &more, err))
            return CSV_STEP_FAILED;
        if (!more)
            return CSV_STEP_END;
        if (!next_record(reader, record, err))
            return CSV_STEP_FAILED;
    } while (reader->cells.blank);
    if (header)
        reader->dialect.newline = last_newline(reader);
    return CSV_STEP_RECORD;
}

const struct csv_dialect *csv_dialect(const struct csv_reader *reader)
{
    return &reader->dialect;
}

static bool has_byte(struct span raw, char byte)
{
    return memchr(raw.data, byte, raw.len) != NULL;
}

/*
 * One whole record, as csv_next() gave it: a checksum can be made to agree, and what follows relies on it. Without a
 * quote that is any text without a line end.
 */
static bool is_whole(struct span raw, char delimiter, bool *quotes)
{
    struct csv_scan scan = {0};
    bool whole;

    *quotes = has_byte(raw, '"');
    if (*quotes)
        whole = csv_scan_record(&scan, raw, delimiter) == CSV_SCAN_BYTES && scan.state != CSV_SCAN_QUOTED;
    else
        whole = !has_byte(raw, '\n') && !has_byte(raw, '\r');
    return whole && text_utf8_error(raw) == raw.len && !has_byte(raw, '\0');
}

bool csv_at(struct csv_reader *reader, uint64_t offset, size_t length, uint32_t line, struct csv_record *record,
            struct err *err)
{
    struct cells *cells = &reader->cells_again;
    char delimiter = reader->dialect.delimiter;
    struct span raw = {.len = length};
    bool quotes = false, whole;

    buf_reset(&reader->again);
    whole = length > 0 && buf_reserve(&reader->again, length);
    if (whole && !source_at(reader->source, offset, reader->again.data, length, err))
        return false;
    raw.data = reader->again.data;
    whole = whole && is_whole(raw, delimiter, &quotes);
    if (whole)
        read_cells(cells, raw, quotes, delimiter);
    if (!whole || cells->count > CSV_CELLS_MAX)
        return err_set(err, EXIT_INPUT,
                       "%s:%" PRIu32 ": the row has changed since it was first read; "
                       "run again when nothing writes to the file",
                       source_name(reader->source), line);
    *record =
        (struct csv_record){.cells = cells->spans, .count = cells->count, .raw = raw, .offset = offset, .line = line};
    return true;
}

/* A record of csv_next() has no text after a closing quote nor a bare line end; elsewhere they are the cell's. */
size_t csv_split_raw(struct span raw, char delimiter, struct span *cells, size_t max)
{
    struct csv_scan scan = {0};
    enum csv_scan_end end;

    do {
        while ((end = csv_scan_cell(&scan, raw, delimiter)) == CSV_SCAN_TEXT || end == CSV_SCAN_LINE_END) {
            scan.state = CSV_SCAN_PLAIN;
            scan.at++;
        }
        if (scan.column < max)
            cells[scan.column] = (struct span){.data = raw.data + scan.cell, .len = scan.at - scan.cell};
        csv_scan_step(&scan);
    } while (end == CSV_SCAN_DELIMITER);
    return scan.column;
}

#define TEXT_OF(number) #number
#define VERSION_OF(major, minor, release) "libcsv " TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(release)

const char *csv_version(void)
{
    return VERSION_OF(CSV_MAJOR, CSV_MINOR, CSV_RELEASE);
}
