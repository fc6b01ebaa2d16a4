#include "report/report.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/version.h"
#include "io/digest.h"
#include "io/output.h"
#include "net/http.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_BYTES = 16 << 20,
    PAGE_BYTES = 4 << 20, /* around the rows */
    LABEL_SHOWN = 200,    /* characters */
    MESSAGE_SHOWN = 600,
    NAME_SHOWN = 1000,
};

struct report {
    struct buf rows; /* the table's, as HTML */
    uint64_t shown, more;
};

struct report *report_new(void)
{
    struct report *report = alloc_zeroed(1, sizeof(*report));

    buf_init(&report->rows, ROWS_BYTES);
    return report;
}

void report_free(struct report *report)
{
    if (report == NULL)
        return;
    buf_wipe(&report->rows);
    free(report);
}

static void add_cell(struct buf *out, struct span text, size_t most)
{
    buf_text(out, "<td>");
    html_text(out, text, most);
    buf_text(out, "</td>");
}

/* Codes joined by `;` may be broken there, and nowhere else while there is room. */
static void add_codes(struct buf *out, struct span codes)
{
    buf_text(out, "<td class=\"c\">");
    while (codes.len > 0) {
        const char *end = memchr(codes.data, ';', codes.len);
        size_t len = end != NULL ? (size_t)(end - codes.data) + 1 : codes.len;

        html_text(out, (struct span){codes.data, len}, LABEL_SHOWN);
        if (end != NULL)
            buf_text(out, "<wbr>");
        codes.data += len;
        codes.len -= len;
    }
    buf_text(out, "</td>");
}

void report_row(struct report *report, uint32_t line, struct span label, struct span type,
                const struct outcome *outcome)
{
    struct buf *out;
    size_t before;

    if (report == NULL)
        return;
    out = &report->rows;
    before = out->len;
    if (report->shown < REPORT_ROWS_MAX && !out->overflow) {
        buf_format(out, "<tr><th scope=\"row\" data-before=\"line \">%" PRIu32 "</th>", line);
        add_cell(out, label, LABEL_SHOWN);
        add_cell(out, type, LABEL_SHOWN);
        buf_format(out, "<td class=\"tag\">%s</td>", status_name(outcome->status));
        add_codes(out, outcome->error_code);
        add_cell(out, outcome->error_message, MESSAGE_SHOWN);
        buf_text(out, "</tr>\n");
    } else
        out->overflow = true;
    if (out->overflow) {
        out->len = before;
        report->more++;
    } else
        report->shown++;
}

/* ---- The page ---- */

/* What a Content-Security-Policy calls the one style sheet or script that may be used. */
static bool add_hash(struct buf *out, void (*part)(struct buf *out), struct err *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct digest *digest = digest_new(err);
    char hex[DIGEST_HEX];
    struct buf text;
    bool done;

    if (digest == NULL)
        return false;
    buf_init(&text, PAGE_BYTES);
    part(&text);
    digest_add(digest, buf_view(&text));
    buf_release(&text);
    done = digest_finish(digest, hex, err);
    digest_free(digest);
    if (!done)
        return false;
    /* 64 hex digits are 256 bits: 42 letters for three digits each, and a last one with `=` for what is left */
    buf_text(out, "'sha256-");
    for (size_t i = 0; i < DIGEST_HEX - 1; i += 3) {
        char three[4] = "000";
        unsigned long value;

        memcpy(three, hex + i, i + 3 < DIGEST_HEX ? 3 : DIGEST_HEX - 1 - i);
        value = strtoul(three, NULL, 16);
        buf_char(out, letters[value >> 6]);
        buf_char(out, letters[value & 63]);
    }
    out->len--;
    buf_text(out, "='");
    return true;
}

struct page {
    struct buf out;
    const struct report *report;
    const struct facts *facts;
    const struct tally *tally;
};

static bool is_command(const struct page *page, const char *name)
{
    return strcmp(page->facts->command, name) == 0;
}

static void add_name(struct page *page, const char *name)
{
    html_text(&page->out, span_of(name), NAME_SHOWN);
}

static bool add_head(struct page *page, struct err *err)
{
    struct buf *out = &page->out;

    buf_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"referrer\" content=\"no-referrer\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                  "base-uri 'none'; form-action 'none'; style-src ");
    if (!add_hash(out, page_style, err))
        return false;
    buf_text(out, "; script-src ");
    if (!add_hash(out, page_script, err))
        return false;
    buf_text(out, "\">\n<link rel=\"icon\" href=\"data:,\">\n<title>connload ");
    buf_text(out, page->facts->command);
    buf_char(out, ' ');
    add_name(page, page->facts->input);
    buf_text(out, "</title>\n<style>");
    page_style(out);
    buf_text(out, "</style>\n</head>\n<body>\n");
    return true;
}

/* How many of the rows are as the command wants them, in words. */
static void add_verdict(struct page *page)
{
    const struct tally *tally = page->tally;
    struct buf *out = &page->out;
    uint64_t rows = tally->rows, without = tally_without(tally);
    uint64_t with = rows > without ? rows - without : 0;

    buf_format(out, "<p class=\"verdict%s\">", page->facts->exit_code == EXIT_ALL_DONE ? " good" : "");
    if (is_command(page, "check"))
        buf_format(out, "%" PRIu64 " of %" PRIu64 " rows pass the checks.", with, rows);
    else if (is_command(page, "undo"))
        buf_format(out, "Archived: %" PRIu64 ". Not archived: %" PRIu64 ".", tally->status[STATUS_ARCHIVED],
                   tally->status[STATUS_CREATED]);
    else if (is_command(page, "list"))
        buf_format(out, "The account has %" PRIu64 " connectors, %" PRIu64 " of them archived.", rows,
                   tally->status[STATUS_ARCHIVED]);
    else if (page->facts->dry_run)
        buf_format(out, "A dry run: %" PRIu64 " of %" PRIu64 " rows would be sent.",
                   tally->status[STATUS_NOT_ATTEMPTED], rows);
    else
        buf_format(out, "%" PRIu64 " of %" PRIu64 " rows have their connector.", with, rows);
    buf_text(out, "</p>\n");
    if (page->facts->stop_text == NULL)
        return;
    buf_text(out, "<p class=\"stop\">Stopped early: ");
    add_name(page, page->facts->stop_text);
    buf_text(out, "</p>\n");
}

static void add_header(struct page *page)
{
    char started[CLOCK_TEXT], ended[CLOCK_TEXT];
    struct buf *out = &page->out;

    if (page->report->shown > 0)
        buf_text(out, "<a class=\"skip\" href=\"#rows\">To the rows</a>\n");
    buf_format(out, "<header>\n<h1>connload %s ", page->facts->command);
    add_name(page, page->facts->input);
    buf_text(out, "</h1>\n");
    add_verdict(page);
    buf_format(out, "<p class=\"soft\">From <time>%s</time> to <time>%s</time>",
               clock_format(started, page->tally->started_wall_ms), clock_format(ended, page->tally->ended_wall_ms));
    if (page->facts->base_url != NULL) {
        buf_text(out, ", at ");
        add_name(page, page->facts->base_url);
    }
    buf_text(out, "</p>\n</header>\n<main>\n");
}

__attribute__((format(printf, 3, 4))) static void add_figure(struct page *page, const char *name, const char *format,
                                                             ...)
{
    struct buf text, value;
    va_list args;

    buf_init(&text, NAME_SHOWN);
    buf_init(&value, NAME_SHOWN);
    va_start(args, format);
    buf_vformat(&text, format, args);
    va_end(args);
    html_text(&value, buf_view(&text), NAME_SHOWN / 8);
    buf_format(&page->out, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, value.len > 0 ? value.data : "");
    buf_release(&value);
    buf_release(&text);
}

static void add_network_figures(struct page *page)
{
    const struct tally *tally = page->tally;
    char text[NUM_DURATION_TEXT];

    add_figure(page, "requests", "%" PRIu64, tally_requests(tally));
    add_figure(page, "repeated", "%" PRIu64, tally->retries);
    add_figure(page, "answers 429", "%" PRIu64, tally->refused);
    add_figure(page, "answers lost, settled by the list", "%" PRIu64, tally->lost);
    add_figure(page, "rate limit", "%s", num_format_rate(text, page->facts->rate));
    add_figure(page, "most requests in any window", "%" PRIu32, tally->most_in_window);
    add_figure(page, "kept waiting by the limit alone", "%s", num_format_duration(text, (int64_t)tally->waited_ms));
}

static void add_figures(struct page *page)
{
    const struct tally *tally = page->tally;
    char time[NUM_DURATION_TEXT];

    buf_text(&page->out,
             "<section aria-labelledby=\"figures\"><h2 id=\"figures\">Figures</h2><dl class=\"figures\">\n");
    add_figure(page, is_command(page, "list") ? "connectors" : "rows", "%" PRIu64, tally->rows);
    add_figure(page, "time", "%s", num_format_duration(time, tally->took_ms));
    if (tally->carried > 0)
        add_figure(page, "finished by an earlier run", "%" PRIu64, tally->carried);
    if (page->facts->base_url != NULL)
        add_network_figures(page);
    if (page->facts->look_alikes > 0)
        add_figure(page, "look like connectors that the account had", "%" PRIu64, page->facts->look_alikes);
    buf_text(&page->out, "</dl></section>\n");
    if (tally->rows == 0)
        return;
    buf_text(&page->out, "<section aria-labelledby=\"outcomes\"><h2 id=\"outcomes\">What became of the rows</h2>\n");
    chart_outcomes(&page->out, page->facts, tally);
    buf_text(&page->out, "</section>\n");
}

static void add_kind(struct buf *out, const struct tally_error *error)
{
    unsigned kept = tally_lines(error);

    buf_format(out, "<tr><td class=\"n\">%" PRIu64 "</td><td class=\"tag\">%s</td>", error->count,
               status_name(error->status));
    add_codes(out, span_of(error->code));
    buf_text(out, "<td class=\"c\">");
    for (unsigned i = 0; i < kept; i++)
        buf_format(out, "%s%" PRIu32, i > 0 ? ", " : "", error->lines[i]);
    buf_text(out, error->count > kept ? " …</td>" : "</td>");
    add_cell(out, span_of(error->message), MESSAGE_SHOWN);
    buf_text(out, "</tr>\n");
}

static void add_kinds(struct page *page)
{
    const struct tally_error *sorted[TALLY_ERRORS];
    unsigned count = tally_errors(page->tally, sorted);

    if (count == 0)
        return;
    buf_text(&page->out,
             "<section aria-labelledby=\"kinds\"><h2 id=\"kinds\">Errors by kind</h2>\n"
             "<div class=\"scroll\"><table class=\"wide\"><thead><tr>"
             "<th scope=\"col\">Rows</th><th scope=\"col\">Status</th><th scope=\"col\">Code</th>"
             "<th scope=\"col\">First lines</th><th scope=\"col\">First message</th></tr></thead><tbody>\n");
    for (unsigned i = 0; i < count; i++)
        add_kind(&page->out, sorted[i]);
    buf_text(&page->out, "</tbody></table></div></section>\n");
}

static void begin_rows(struct page *page)
{
    struct buf *out = &page->out;

    buf_format(out, "<section aria-labelledby=\"rows\"><h2 id=\"rows\" tabindex=\"-1\">%s</h2>\n",
               is_command(page, "check")  ? "Rows that fail the checks"
               : is_command(page, "undo") ? "Rows to look at"
                                          : "Rows without a connector");
    buf_text(out, "<div class=\"tools\" id=\"tools\" hidden><label for=\"filter\">Show only rows with</label>"
                  "<input id=\"filter\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\">"
                  "<span id=\"said\" role=\"status\"></span></div>\n");
    buf_format(out,
               "<div class=\"scroll\"><table class=\"wide\" id=\"table\"><caption>%" PRIu64
               " row%s, by the line of the input",
               page->report->shown, page->report->shown == 1 ? "" : "s");
    if (page->report->more > 0)
        buf_format(out,
                   is_command(page, "check") ? "; %" PRIu64 " more are said on the terminal alone"
                                             : "; %" PRIu64 " more are in the result file alone",
                   page->report->more);
    buf_text(
        out,
        "</caption><thead><tr><th scope=\"col\">Line</th><th scope=\"col\">Label</th><th scope=\"col\">Type</th>"
        "<th scope=\"col\">Status</th><th scope=\"col\">Code</th><th scope=\"col\">Message</th></tr></thead><tbody>\n");
}

static void end_page(struct page *page)
{
    const struct facts *facts = page->facts;
    struct buf *out = &page->out;

    buf_text(out, "</main>\n<footer>\n");
    if (facts->results != NULL) {
        buf_text(out, "<p>Results: ");
        add_name(page, facts->results);
        buf_text(out, "</p>\n");
    }
    buf_format(out, "<p>connload %s, %s</p>\n</footer>\n", CONNLOAD_VERSION, http_version());
    if (page->report->shown > 0) {
        buf_text(out, "<script>");
        page_script(out);
        buf_text(out, "</script>\n");
    }
    buf_text(out, "</body>\n</html>\n");
}

static bool flush(struct page *page, struct output *output, struct err *err)
{
    bool written = output_write(output, buf_view(&page->out), err);

    buf_reset(&page->out);
    return written;
}

static bool write_page(struct page *page, struct output *output, struct err *err)
{
    if (!add_head(page, err))
        return false;
    add_header(page);
    add_figures(page);
    chart_requests(&page->out, page->facts, page->tally);
    chart_latencies(&page->out, page->tally);
    add_kinds(page);
    if (page->report->shown > 0) {
        begin_rows(page);
        if (!flush(page, output, err) || !output_write(output, buf_view(&page->report->rows), err))
            return false;
        buf_text(&page->out, "</tbody></table></div></section>\n");
    }
    end_page(page);
    return flush(page, output, err);
}

bool report_write(const struct report *report, const char *path, const struct facts *facts, const struct tally *tally,
                  struct err *err)
{
    struct page page = {.report = report, .facts = facts, .tally = tally};
    struct output_config config = {.path = path};
    struct output *output = output_open(&config, err);
    bool written;

    if (output == NULL)
        return false;
    buf_init(&page.out, PAGE_BYTES);
    written = write_page(&page, output, err) && output_finish(output, NULL, NULL, err) && output_publish(output, err);
    if (!written)
        output_abandon(output);
    buf_release(&page.out);
    return written;
}
