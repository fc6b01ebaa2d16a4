#include "flow/summary.h"

#include "base/num.h"
#include "base/text.h"
#include "flow/paths.h"
#include "io/columns.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SUMMARY_BYTES = 1 << 20, TITLE = 10, CODE_COLUMNS = 16, WORTH_SAYING_MS = 1000 };

enum colour { PLAIN, BOLD, GREEN, RED, YELLOW, DIM, COLOURS };

static const char *const codes[COLOURS] = {
    [PLAIN] = "", [BOLD] = "\x1b[1m", [GREEN] = "\x1b[32m", [RED] = "\x1b[31m", [YELLOW] = "\x1b[33m", [DIM] = "\x1b[2m",
};

static const enum colour status_colours[STATUSES] = {
    [STATUS_CREATED] = GREEN, [STATUS_EXISTS] = GREEN, [STATUS_INVALID] = RED,
    [STATUS_REJECTED] = RED,  [STATUS_FAILED] = RED,   [STATUS_UNKNOWN] = YELLOW,
};

struct page {
    struct buf *out;
    const struct facts *facts;
    const struct tally *tally;
    size_t columns; /* 0 = any */
    size_t at;      /* columns that the line has by now */
    bool colour;
};

static void style(struct page *page, enum colour colour)
{
    if (page->colour && colour != PLAIN)
        buf_text(page->out, codes[colour]);
}

static void plain(struct page *page, enum colour colour)
{
    if (page->colour && colour != PLAIN)
        buf_text(page->out, "\x1b[0m");
}

static void end_line(struct page *page)
{
    buf_char(page->out, '\n');
    page->at = 0;
}

/* A piece that is not broken: it begins a line of its own where the line has no room for it. */
__attribute__((format(printf, 3, 4))) static void put(struct page *page, enum colour colour, const char *format, ...)
{
    struct buf piece;
    size_t columns;
    va_list args;
    char *text;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    if (text == NULL)
        return;
    buf_init(&piece, SUMMARY_BYTES);
    text_show(&piece, span_of(text), SUMMARY_BYTES / 16);
    columns = columns_of(buf_view(&piece));
    if (page->columns > 0 && page->at > 0 && page->at + 1 + columns > page->columns)
        end_line(page);
    if (page->at > 0)
        buf_char(page->out, ' ');
    page->at += columns + (page->at > 0);
    style(page, colour);
    buf_span(page->out, buf_view(&piece));
    plain(page, colour);
    buf_release(&piece);
    free(text);
}
