#include "report/report.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/version.h"
#include "io/csv_read.h"
#include "io/digest.h"
#include "io/output.h"
#include "model/json.h"
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
    INBOXES_BYTES = 4 << 20,
    PAGE_BYTES = 4 << 20, /* around the rows */
    LABEL_SHOWN = 200,    /* characters */
    MESSAGE_SHOWN = 600,
    NAME_SHOWN = 1000,
};

/* A table's rows, as HTML. */
struct lines {
    struct buf out;
    uint64_t shown, more;
};

struct report {
    struct lines rows, inboxes;
};

struct report *report_new(void)
{
    struct report *report = alloc_zeroed(1, sizeof(*report));

    buf_init(&report->rows.out, ROWS_BYTES);
    buf_init(&report->inboxes.out, INBOXES_BYTES);
    return report;
}

void report_free(struct report *report)
{
    if (report == NULL)
        return;
    buf_wipe(&report->rows.out);
    buf_wipe(&report->inboxes.out);
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

/* A row is shown whole or counted; after the first that is not shown, all are counted. */
static bool begin_line(struct lines *lines, size_t *before)
{
    *before = lines->out.len;
    if (lines->shown == REPORT_ROWS_MAX)
        lines->out.overflow = true;
    lines->more += lines->out.overflow;
    return !lines->out.overflow;
}

static void end_line(struct lines *lines, size_t before)
{
    buf_text(&lines->out, "</tr>\n");
    if (lines->out.overflow) {
        lines->out.len = before;
        lines->more++;
    } else
        lines->shown++;
}

static void take_row(struct report *report, const struct row_place *place, struct span type,
                     const struct outcome *outcome)
{
    struct buf *out = &report->rows.out;
    size_t before;

    if (!begin_line(&report->rows, &before))
        return;
    buf_format(out, "<tr><th scope=\"row\" data-before=\"line \">%" PRIu32 "</th>", place->line);
    buf_format(out, "<td data-before=\"row \">%" PRIu32 "</td>", place->number);
    add_cell(out, place->label, LABEL_SHOWN);
    add_cell(out, type, LABEL_SHOWN);
    buf_format(out, "<td class=\"tag\">%s</td>", status_name(outcome->status));
    add_codes(out, outcome->error_code);
    add_cell(out, outcome->error_message, MESSAGE_SHOWN);
    end_line(&report->rows, before);
}

static void take_inbox(struct report *report, struct span label, struct span inbox)
{
    size_t before;

    if (!begin_line(&report->inboxes, &before))
        return;
    buf_text(&report->inboxes.out, "<tr>");
    add_cell(&report->inboxes.out, label, LABEL_SHOWN);
    add_cell(&report->inboxes.out, inbox, LABEL_SHOWN);
    end_line(&report->inboxes, before);
}

static void take(void *context, const struct row_place *place, struct span type, const struct outcome *outcome)
{
    struct report *report = context;

    if (outcome->status == STATUS_CREATED && outcome->inbox_email.len > 0)
        take_inbox(report, place->label, outcome->inbox_email);
    if (!status_is_finished(outcome->status) || outcome->error_code.len > 0)
        take_row(report, place, type, outcome);
}

struct row_listener report_listener(struct report *report)
{
    return report != NULL ? (struct row_listener){take, report} : (struct row_listener){0};
}

/* ---- The page ---- */

struct page {
    struct buf out;
    struct output *output;
    const struct report *report;
    const struct run_info *info;
    const struct tally *tally;
    struct err *err;
    bool failed;
};

static bool is_command(const struct page *page, const char *name)
{
    return strcmp(page->info->command, name) == 0;
}

static void add_name(struct page *page, const char *name)
{
    html_text(&page->out, span_of(name), NAME_SHOWN);
}

/* What a Content-Security-Policy calls the one style sheet or script that may be used. */
static void add_hash(struct page *page, struct span part)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct digest *digest = digest_new(page->err);
    char hex[DIGEST_HEX] = "";

    if (digest != NULL)
        digest_add(digest, part);
    if (digest == NULL || !digest_finish(digest, hex, page->err))
        page->failed = true;
    digest_free(digest);
    if (page->failed)
        return;
    /* 64 hex digits are 256 bits: 42 letters for three digits each, and a last one with `=` for what is left */
    buf_text(&page->out, "'sha256-");
    for (size_t i = 0; i < DIGEST_HEX - 1; i += 3) {
        char three[4] = "000";
        unsigned long value;

        memcpy(three, hex + i, i + 3 < DIGEST_HEX ? 3 : DIGEST_HEX - 1 - i);
        value = strtoul(three, NULL, 16);
        buf_char(&page->out, letters[value >> 6]);
        buf_char(&page->out, letters[value & 63]);
    }
    page->out.len--;
    buf_text(&page->out, "='");
}

static void add_style_hash(struct page *page)
{
    add_hash(page, page_style());
}

static void add_script_hash(struct page *page)
{
    add_hash(page, page_script());
}

static void add_style(struct page *page)
{
    buf_span(&page->out, page_style());
}

static void add_script(struct page *page)
{
    buf_span(&page->out, page_script());
}

static void add_title(struct page *page)
{
    buf_format(&page->out, "%s ", page->info->command);
    add_name(page, page->info->input);
}

static bool is_good(const struct page *page)
{
    return page->info->exit_code == EXIT_ALL_DONE;
}

/* How many of the rows are as the command wants them, in words. */
static void add_verdict(struct page *page)
{
    const struct tally *tally = page->tally;
    struct buf *out = &page->out;
    uint64_t rows = tally->rows, without = tally_without(tally);
    uint64_t with = rows > without ? rows - without : 0;

    if (rows == 0 && page->info->stop != STOP_NONE)
        buf_text(out, "Nothing was done.");
    else if (is_command(page, "check"))
        buf_format(out, "%" PRIu64 " of %" PRIu64 " rows pass the checks.", with, rows);
    else if (is_command(page, "undo"))
        buf_format(out, "Archived: %" PRIu64 ". Not archived: %" PRIu64 ".", tally->status[STATUS_ARCHIVED],
                   tally->status[STATUS_CREATED]);
    else if (is_command(page, "list"))
        buf_format(out, "The account has %" PRIu64 " connectors, %" PRIu64 " of them archived.", rows,
                   tally->status[STATUS_ARCHIVED]);
    else if (page->info->dry_run)
        buf_format(out, "A dry run: %" PRIu64 " of %" PRIu64 " rows would be sent.",
                   tally->status[STATUS_NOT_ATTEMPTED], rows);
    else
        buf_format(out, "%" PRIu64 " of %" PRIu64 " rows have their connector.", with, rows);
}

static bool has_stop(const struct page *page)
{
    return page->info->stop_text != NULL;
}

static void add_stop(struct page *page)
{
    add_name(page, page->info->stop_text);
}

static void add_time(struct page *page, int64_t wall_ms)
{
    char text[CLOCK_TEXT];

    buf_text(&page->out, clock_format(text, wall_ms));
}

static void add_started(struct page *page)
{
    add_time(page, page->tally->started_wall_ms);
}

static void add_ended(struct page *page)
{
    add_time(page, page->tally->ended_wall_ms);
}

static bool has_base_url(const struct page *page)
{
    return page->info->base_url != NULL;
}

static void add_base_url(struct page *page)
{
    add_name(page, page->info->base_url);
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
    char text[RATES_TEXT];

    add_figure(page, "requests", "%" PRIu64, tally_requests(tally));
    add_figure(page, "repeated", "%" PRIu64, tally->retries);
    add_figure(page, "answers 429", "%" PRIu64, tally->refused);
    add_figure(page, "answers lost, settled by the list", "%" PRIu64, tally->lost);
    if (tally->outages > 0)
        add_figure(page, "the service was away", "%s", num_format_duration(text, tally->away_ms));
    add_figure(page, "rate limit", "%s", num_format_rates(text, page->info->rates));
    add_figure(page, "most requests in any window", "%" PRIu32, tally->most_in_window);
    add_figure(page, "kept waiting by the limit alone", "%s", num_format_duration(text, (int64_t)tally->waited_ms));
}

static void add_figures(struct page *page)
{
    const struct tally *tally = page->tally;
    char time[NUM_DURATION_TEXT];

    add_figure(page, is_command(page, "list") ? "connectors" : "rows", "%" PRIu64, tally->rows);
    add_figure(page, "time", "%s", num_format_duration(time, tally->took_ms));
    if (tally->carried > 0)
        add_figure(page, "finished by an earlier run", "%" PRIu64, tally->carried);
    if (page->info->base_url != NULL)
        add_network_figures(page);
    if (page->info->look_alikes > 0)
        add_figure(page, "look like connectors that the account had", "%" PRIu64, page->info->look_alikes);
}

static bool has_outcomes(const struct page *page)
{
    return page->tally->rows > 0;
}

static void add_outcomes(struct page *page)
{
    chart_outcomes(&page->out, page->info, page->tally);
}

static void add_requests(struct page *page)
{
    chart_requests(&page->out, page->info, page->tally);
}

static void add_latencies(struct page *page)
{
    chart_latencies(&page->out, page->tally);
}

static bool has_kinds(const struct page *page)
{
    return page->tally->error_kinds > 0;
}

static void add_kind(struct buf *out, const struct tally_error *error)
{
    unsigned kept = tally_places(error);
    const char *end = error->count > kept ? " …</td>" : "</td>";

    buf_format(out, "<tr><td class=\"n\">%" PRIu64 "</td><td class=\"tag\">%s</td>", error->count,
               status_name(error->status));
    add_codes(out, span_of(error->code));
    buf_text(out, "<td class=\"c\">");
    for (unsigned i = 0; i < kept; i++)
        buf_format(out, "%s%" PRIu32, i > 0 ? ", " : "", error->rows[i].line);
    buf_text(out, end);
    buf_text(out, "<td class=\"c\">");
    for (unsigned i = 0; i < kept; i++)
        buf_format(out, "%s%" PRIu32, i > 0 ? ", " : "", error->rows[i].number);
    buf_text(out, end);
    add_cell(out, span_of(error->message), MESSAGE_SHOWN);
    buf_text(out, "</tr>\n");
}

static void add_kinds(struct page *page)
{
    const struct tally_error *sorted[TALLY_ERRORS];
    unsigned count = tally_errors(page->tally, sorted);

    for (unsigned i = 0; i < count; i++)
        add_kind(&page->out, sorted[i]);
}

static bool has_rows(const struct page *page)
{
    return page->report->rows.shown > 0;
}

static void add_rows_title(struct page *page)
{
    buf_text(&page->out, is_command(page, "check")    ? "Rows that fail the checks"
                         : is_command(page, "create") ? "Rows without a connector"
                                                      : "Rows to look at");
}

static void add_rows_caption(struct page *page)
{
    const struct lines *rows = &page->report->rows;

    buf_format(&page->out, "%" PRIu64 " row%s, by the line of the input", rows->shown, rows->shown == 1 ? "" : "s");
    if (rows->more > 0)
        buf_format(&page->out, "; %" PRIu64 " more are %s alone", rows->more,
                   is_command(page, "check") ? "said on the terminal" : "in the result file");
}

static void flush(struct page *page)
{
    if (!page->failed && !output_write(page->output, buf_view(&page->out), page->err))
        page->failed = true;
    buf_reset(&page->out);
}

static void add_lines(struct page *page, const struct lines *lines)
{
    flush(page);
    if (!page->failed && !output_write(page->output, buf_view(&lines->out), page->err))
        page->failed = true;
}

static void add_rows(struct page *page)
{
    add_lines(page, &page->report->rows);
}

static bool has_inboxes(const struct page *page)
{
    return page->report->inboxes.shown > 0;
}

static void add_inboxes_caption(struct page *page)
{
    const struct lines *inboxes = &page->report->inboxes;

    buf_format(&page->out, "%" PRIu64 " connector%s", inboxes->shown, inboxes->shown == 1 ? "" : "s");
    if (inboxes->more > 0)
        buf_format(&page->out, "; %" PRIu64 " more are in the result file alone", inboxes->more);
}

static void add_inboxes(struct page *page)
{
    add_lines(page, &page->report->inboxes);
}

static void add_file(struct page *page, const char *name, const char *path, const char *sha256)
{
    if (path == NULL)
        return;
    buf_format(&page->out, "<dt>%s</dt><dd>", name);
    add_name(page, path);
    if (sha256[0] != '\0')
        buf_format(&page->out, "<br>SHA-256 <code>%s</code>", sha256);
    buf_text(&page->out, "</dd>\n");
}

static void add_files(struct page *page)
{
    add_file(page, "Input", page->info->input, page->info->input_sha256);
    add_file(page, "Results", page->info->results, page->info->results_sha256);
}

static void add_version(struct page *page)
{
    buf_format(&page->out, "connload %s, %s, %s, %s", CONNLOAD_VERSION, http_version(), csv_version(), json_version());
}

/* In the order of page.html. */
static const struct page_slot slots[] = {
    {"style-hash", NULL, add_style_hash},
    {"script-hash", NULL, add_script_hash},
    {"title", NULL, add_title},
    {"style", NULL, add_style},
    {"good", is_good, NULL},
    {"verdict", NULL, add_verdict},
    {"stop", has_stop, add_stop},
    {"started", NULL, add_started},
    {"ended", NULL, add_ended},
    {"base-url", has_base_url, add_base_url},
    {"kinds", has_kinds, add_kinds},
    {"rows", has_rows, add_rows},
    {"rows-title", NULL, add_rows_title},
    {"rows-caption", NULL, add_rows_caption},
    {"outcomes", has_outcomes, add_outcomes},
    {"inboxes", has_inboxes, add_inboxes},
    {"inboxes-caption", NULL, add_inboxes_caption},
    {"figures", NULL, add_figures},
    {"requests", NULL, add_requests},
    {"latencies", NULL, add_latencies},
    {"files", NULL, add_files},
    {"version", NULL, add_version},
    {"script", NULL, add_script},
};

bool report_write(const struct report *report, const char *path, const struct run_info *info, const struct tally *tally,
                  struct err *err)
{
    struct output_config config = {.path = path};
    struct page page = {.report = report, .info = info, .tally = tally, .err = err};
    bool written;

    page.output = output_open(&config, err);
    if (page.output == NULL)
        return false;
    buf_init(&page.out, PAGE_BYTES);
    page_fill(&page.out, page_html(), slots, sizeof(slots) / sizeof(slots[0]), &page);
    flush(&page);
    written = !page.failed && output_finish(page.output, NULL, NULL, err) && output_publish(page.output, err);
    if (!written)
        output_abandon(page.output);
    buf_release(&page.out);
    return written;
}
