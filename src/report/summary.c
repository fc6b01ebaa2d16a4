#include "report/summary.h"

#include "base/num.h"
#include "base/text.h"
#include "io/columns.h"
#include "report/advice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUMMARY_BYTES = 1 << 20, MESSAGE_INDENT = 4, WORTH_SAYING_MS = 1000, LABEL_SHOWN = 40 };

enum colour { PLAIN, BOLD, GREEN, RED, YELLOW, DIM, COLOURS };

static const char *const codes[COLOURS] = {
    [PLAIN] = "",       [BOLD] = "\x1b[1m",    [GREEN] = "\x1b[32m",
    [RED] = "\x1b[31m", [YELLOW] = "\x1b[33m", [DIM] = "\x1b[2m",
};

static const enum colour status_colours[STATUSES] = {
    [STATUS_CREATED] = GREEN, [STATUS_EXISTS] = GREEN, [STATUS_UPDATED] = GREEN,  [STATUS_INVALID] = RED,
    [STATUS_REJECTED] = RED,  [STATUS_FAILED] = RED,   [STATUS_UNKNOWN] = YELLOW,
};

struct page {
    struct buf *out;
    const struct run_info *info;
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
    struct buf text, piece;
    size_t columns;
    va_list args;

    buf_init(&text, SUMMARY_BYTES);
    buf_init(&piece, SUMMARY_BYTES);
    va_start(args, format);
    buf_vformat(&text, format, args);
    va_end(args);
    text_show(&piece, buf_view(&text), SUMMARY_BYTES / 16);
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
    buf_release(&text);
}

static bool is_command(const struct page *page, const char *name)
{
    return strcmp(page->info->command, name) == 0;
}

static enum colour colour_of(const struct page *page, enum status status)
{
    return status == STATUS_CREATED && is_command(page, "undo") ? RED : status_colours[status];
}

/* What people call the rows of a status, after the command. */
static void name_status(const struct page *page, enum status status, char name[32])
{
    snprintf(name, 32, "%s", status_name(status));
    if (status == STATUS_EXISTS && is_command(page, "list"))
        snprintf(name, 32, "active");
    else if (status == STATUS_CREATED && is_command(page, "undo"))
        snprintf(name, 32, "not archived");
    else if (status == STATUS_NOT_ATTEMPTED)
        snprintf(name, 32, page->info->dry_run ? "not sent" : "not attempted");
}

static bool is_rewrite(const struct page *page)
{
    return is_command(page, "undo") || is_command(page, "update");
}

/*
 * `check` gives no status to rows that pass, nor `undo --dry-run` and `update --dry-run` to those that they would
 * change: they are what is left.
 */
static uint64_t without_status(const struct page *page)
{
    return is_command(page, "check") || (is_rewrite(page) && page->info->dry_run) ? tally_passed(page->tally) : 0;
}

static const char *name_without_status(const struct page *page)
{
    if (is_command(page, "undo"))
        return "would be archived";
    if (is_command(page, "update"))
        return "that differ";
    return without_status(page) == 1 ? "passes" : "pass";
}

static void put_count(struct page *page, uint64_t *left, enum colour colour, uint64_t count, const char *name)
{
    if (count == 0)
        return;
    *left -= count;
    put(page, colour, "%" PRIu64 " %s%s", count, name, *left > 0 ? "," : "");
}

static void put_counts(struct page *page)
{
    const struct tally *tally = page->tally;
    uint64_t left = without_status(page);
    char name[32];

    for (int i = STATUS_CREATED; i < STATUSES; i++)
        left += tally->status[i];
    put_count(page, &left, GREEN, without_status(page), name_without_status(page));
    for (int i = STATUS_CREATED; i < STATUSES; i++) {
        name_status(page, (enum status)i, name);
        put_count(page, &left, colour_of(page, (enum status)i), tally->status[i], name);
    }
}

static void put_heading(struct page *page)
{
    char time[NUM_DURATION_TEXT];
    uint64_t rows = page->tally->rows;

    put(page, BOLD, "%" PRIu64 " %s%s in %s%s", rows, is_command(page, "list") ? "connector" : "row",
        rows == 1 ? "" : "s", num_format_duration(time, page->tally->took_ms), rows > 0 ? ":" : "");
    put_counts(page);
    end_line(page);
    if (page->tally->carried > 0 && is_command(page, "create")) {
        put(page, PLAIN, "%" PRIu64 " of them", page->tally->carried);
        put(page, PLAIN, "%s finished by an earlier run", page->tally->carried == 1 ? "was" : "were");
        end_line(page);
    }
}

/* Rows a second; 0 where the run was too short to tell. */
static double live_of(const struct page *page)
{
    const struct tally *tally = page->tally;
    uint64_t rows = tally->requests[REQUEST_DELETE] + tally->requests[REQUEST_UPDATE];

    if (tally->requests[REQUEST_CREATE] > tally->retries)
        rows += tally->requests[REQUEST_CREATE] - tally->retries;
    return tally->took_ms >= WORTH_SAYING_MS ? (double)rows * 1000 / (double)tally->took_ms : 0;
}

/* Whether any was sent. */
static bool put_unsent(struct page *page, uint64_t requests)
{
    uint64_t unsent = page->tally->unsent;

    if (unsent == 0)
        return requests > 0;
    put(page, YELLOW, "%" PRIu64 " of %" PRIu64 " request%s could not be sent%s", unsent, requests,
        requests == 1 ? "" : "s", unsent < requests ? ";" : "");
    return unsent < requests;
}

static void put_refused(struct page *page)
{
    const struct rate *rate = page->info->rates;
    uint64_t count = page->tally->refused;
    char limit[RATES_TEXT];

    if (count == 0)
        return;
    put(page, YELLOW, "%" PRIu64 " answer%s 429:", count, count == 1 ? "" : "s");
    if (rate->count > 0) {
        put(page, YELLOW, "the server's limit is lower");
        put(page, YELLOW, "than --rate %s, or shared", num_format_rates(limit, rate));
    } else
        put(page, YELLOW, "the server has a limit; name it with --rate");
    end_line(page);
}

/* A limit that nobody named, and how to name it. */
static void put_found(struct page *page)
{
    const struct rate *found = &page->tally->found;
    char limit[NUM_DURATION_TEXT];
    double per_s;

    if (page->tally->refused == 0 || found->count == 0)
        return;
    per_s = (double)found->count * 1000 / (double)found->window_ms;
    put(page, PLAIN, "the server took about %.*f requests a second;", per_s < 1 ? 2 : per_s < 100 ? 1 : 0, per_s);
    put(page, PLAIN, "next time: --rate %s", num_format_rate(limit, *found));
    end_line(page);
}

static void put_pace(struct page *page)
{
    const struct tally *tally = page->tally;
    const struct rate *rate = page->info->rates;
    char limit[RATES_TEXT];
    double live = live_of(page);

    if (put_unsent(page, tally_requests(tally))) {
        if (live > 0)
            put(page, PLAIN, "%.1f rows a second%s", live, rate->count > 0 ? ";" : "");
        if (rate->count > 0) {
            put(page, PLAIN, "at most %" PRIu32 " request%s in any window", tally->most_in_window,
                tally->most_in_window == 1 ? "" : "s");
            put(page, PLAIN, "(limit %s)", num_format_rates(limit, rate));
        }
    }
    if (page->at > 0)
        end_line(page);
    put_refused(page);
    put_found(page);
}

static void put_lost(struct page *page)
{
    const struct tally *tally = page->tally;
    uint64_t left = tally->settled_created + tally->settled_absent + tally->settled_unknown;

    if (tally->lost == 0)
        return;
    put(page, PLAIN, "%" PRIu64 " answer%s lost%s", tally->lost, tally->lost == 1 ? " was" : "s were",
        left > 0 ? ":" : "");
    put_count(page, &left, PLAIN, tally->settled_created, "found in the account's list");
    put_count(page, &left, PLAIN, tally->settled_absent, "certainly not created");
    put_count(page, &left, YELLOW, tally->settled_unknown, "not to be settled");
    end_line(page);
}

static void put_outages(struct page *page)
{
    const struct tally *tally = page->tally;
    char time[NUM_DURATION_TEXT];

    if (tally->away_ms < WORTH_SAYING_MS)
        return;
    put(page, YELLOW, "the service was away for %s", num_format_duration(time, tally->away_ms));
    if (tally->outages > 1)
        put(page, YELLOW, "in %u times", tally->outages);
    end_line(page);
}

static void put_look_alikes(struct page *page)
{
    uint64_t count = page->info->look_alikes;

    if (count == 0)
        return;
    put(page, YELLOW, "%" PRIu64 " row%s", count, count == 1 ? " looks" : "s look");
    put(page, YELLOW, "like a connector that the account had already;");
    put(page, YELLOW, "--skip-existing keeps such rows from being created again");
    end_line(page);
}

static void put_changed(struct page *page)
{
    uint64_t changed = page->info->changed, unnamed = page->info->unnamed;

    if (changed > 0)
        put(page, GREEN, "%" PRIu64 " connector%s changed%s", changed, changed == 1 ? " was" : "s were",
            unnamed > 0 ? ";" : "");
    if (unnamed > 0)
        put(page, PLAIN, "%" PRIu64 " row%s no connector, or an archived one", unnamed,
            unnamed == 1 ? " names" : "s name");
    if (page->at > 0)
        end_line(page);
}

/* Nothing else names them: whoever wants to archive them needs the ids. */
static void put_left_sheet(struct page *page)
{
    uint64_t count = page->info->left_sheet;

    if (count == 0)
        return;
    put(page, YELLOW, "%" PRIu64 " connector%s of the replaced result file", count, count == 1 ? "" : "s");
    put(page, YELLOW, "%s no row in the sheet any more;", count == 1 ? "has" : "have");
    put(page, YELLOW, "--log names %s", count == 1 ? "it" : "them");
    end_line(page);
}

/* `row 4 "Rates" (line 6)`, or `rows 4 "Rates", 17 "FX" … (lines 6, 19 …)`: as many as are kept. */
static void add_places(struct buf *out, const struct tally_error *error)
{
    unsigned kept = tally_places(error);
    const char *more = error->count > kept ? " …" : "";

    buf_text(out, error->count == 1 ? "row" : "rows");
    for (unsigned i = 0; i < kept; i++) {
        buf_format(out, "%s %" PRIu32, i > 0 ? "," : "", error->rows[i].number);
        if (error->rows[i].label[0] == '\0')
            continue;
        buf_char(out, ' ');
        text_quote(out, span_of(error->rows[i].label), LABEL_SHOWN);
    }
    buf_format(out, "%s (%s", more, error->count == 1 ? "line" : "lines");
    for (unsigned i = 0; i < kept; i++)
        buf_format(out, "%s %" PRIu32, i > 0 ? "," : "", error->rows[i].line);
    buf_format(out, "%s)", more);
}

/* A word of a message; one that is wider than the terminal goes on below. */
static void put_word(struct page *page, struct span word)
{
    size_t columns = columns_of(word), room = page->columns > MESSAGE_INDENT ? page->columns - MESSAGE_INDENT : 0;

    if (page->at > 0 && page->columns > 0 && page->at + 1 + columns > page->columns)
        end_line(page);
    while (page->at == 0 && room > 1 && columns > room) {
        struct span piece = columns_cut(word, room);

        buf_format(page->out, "%*s%.*s\n", MESSAGE_INDENT, "", (int)piece.len, piece.data);
        word = (struct span){word.data + piece.len, word.len - piece.len};
        columns = columns_of(word);
    }
    buf_format(page->out, "%*s%.*s", page->at == 0 ? MESSAGE_INDENT : 1, "", (int)word.len, word.data);
    page->at += (page->at == 0 ? MESSAGE_INDENT : 1) + columns;
}

static void put_words(struct page *page, const char *text)
{
    const char *end;

    for (const char *at = text; *at != '\0'; at = *end == ' ' ? end + 1 : end) {
        end = strchrnul(at, ' ');
        put_word(page, (struct span){at, (size_t)(end - at)});
    }
}

/* Broken where it is wider than the terminal, and not cut: its end says what to look for. */
static void put_message(struct page *page, struct span text)
{
    struct buf shown;

    buf_init(&shown, SUMMARY_BYTES);
    text_show(&shown, text, TALLY_MESSAGE);
    put_words(page, buf_view(&shown).data);
    end_line(page);
    buf_release(&shown);
}

/* `2 invalid: invalid_email, rows 4, 17 (lines 4, 17)`, and what the first of them says. */
static void put_error(struct page *page, const struct tally_error *error)
{
    struct buf places;
    char name[32];

    buf_init(&places, SUMMARY_BYTES);
    name_status(page, error->status, name);
    add_places(&places, error);
    put(page, colour_of(page, error->status), "%" PRIu64 " %s:", error->count, name);
    put(page, BOLD, "%s,", error->code);
    put_words(page, places.data);
    end_line(page);
    if (error->message[0] != '\0')
        put_message(page, span_of(error->message));
    buf_release(&places);
}

/* What a few lines have just said of the rows that fail the checks is not said again by kind. */
static bool is_said(const struct tally *tally, const struct tally_error *error)
{
    return error->status == STATUS_INVALID && tally->said <= SUMMARY_SAID &&
           tally->said >= tally->status[STATUS_INVALID];
}

static void put_errors(struct page *page)
{
    const struct tally_error *sorted[TALLY_ERRORS];
    unsigned kinds = tally_errors(page->tally, sorted), count = 0;

    for (unsigned i = 0; i < kinds; i++)
        if (!is_said(page->tally, sorted[i]))
            sorted[count++] = sorted[i];
    if (count == 0)
        return;
    end_line(page);
    for (unsigned i = 0; i < count && i < SUMMARY_KINDS; i++)
        put_error(page, sorted[i]);
    if (count > SUMMARY_KINDS) {
        put(page, PLAIN, "and %u more kinds of errors (--summary and --report name all)", count - SUMMARY_KINDS);
        end_line(page);
    }
}

/* ---- What to do next ---- */

/* Why --strict sent nothing: the rows that are not to blame have no error to show. */
static void say_held_back(const struct tally *tally, struct buf *out)
{
    uint64_t count = tally->status[STATUS_INVALID];

    buf_format(out, "nothing was sent: %" PRIu64 " row%s the checks (--strict)", count,
               count == 1 ? " fails" : "s fail");
}

/* "stopped by SIGTERM" and the like say it twice where a title says it too. */
static void put_stop(struct page *page)
{
    const char *why = page->info->stop_text;

    if (page->info->held_back && !page->info->dry_run) {
        buf_text(page->out, "stopped  ");
        say_held_back(page->tally, page->out);
        end_line(page);
    }
    if (page->info->stop == STOP_NONE || why == NULL)
        return;
    if (strncmp(why, "stopped ", strlen("stopped ")) == 0)
        why += strlen("stopped ");
    buf_text(page->out, "stopped  ");
    style(page, YELLOW);
    text_show(page->out, span_of(why), SUMMARY_BYTES / 16);
    plain(page, YELLOW);
    end_line(page);
}

static void put_results(struct page *page)
{
    if (page->info->left != NULL) {
        buf_text(page->out, "results  nothing was sent; ");
        text_show(page->out, span_of(page->info->left), SUMMARY_BYTES / 16);
        buf_text(page->out, " is left as it was");
        end_line(page);
    }
    if (page->info->results == NULL || strcmp(page->info->results, "-") == 0)
        return;
    buf_text(page->out, "results  ");
    text_show(page->out, span_of(page->info->results), SUMMARY_BYTES / 16);
    end_line(page);
}

/* What is to be typed or copied as it stands is neither broken nor cut. */
static void put_next(struct page *page)
{
    struct advice advice = advice_of(page->info, page->tally);
    char *shell;

    if (advice.mend == NULL && advice.what == NULL)
        return;
    buf_format(page->out, "next     %s%s%s\n", advice.mend != NULL ? advice.mend : "",
               advice.mend != NULL && advice.what != NULL ? "; " : "", advice.what != NULL ? advice.what : "");
    if (advice.command == NULL)
        return;
    shell = text_shell_path(advice.path);
    buf_text(page->out, "         ");
    style(page, BOLD);
    buf_format(page->out, "connload %s ", advice.command);
    text_show(page->out, span_of(shell), SUMMARY_BYTES / 16);
    text_show(page->out, span_of(page->info->repeat), SUMMARY_BYTES / 16);
    plain(page, BOLD);
    end_line(page);
    free(shell);
}

void summary_text(struct buf *out, const struct run_info *info, const struct tally *tally, unsigned columns,
                  bool colour)
{
    struct page page = {.out = out, .info = info, .tally = tally, .columns = columns, .colour = colour};
    size_t before;
    bool apart;

    put_heading(&page);
    put_pace(&page);
    put_lost(&page);
    put_outages(&page);
    put_look_alikes(&page);
    put_left_sheet(&page);
    put_changed(&page);
    before = out->len;
    put_errors(&page);
    apart = out->len > before; /* errors stand between blank lines */
    if (apart)
        end_line(&page);
    before = out->len;
    put_stop(&page);
    put_results(&page);
    put_next(&page);
    if (apart && out->len == before)
        out->data[--out->len] = '\0';
}

/* ---- Under --quiet ---- */

/* Whether rows of that status are why the exit code isn't 0. */
static bool is_amiss(const struct page *page, enum status status)
{
    if (is_command(page, "undo"))
        return status == STATUS_CREATED;
    if (status == STATUS_NOT_ATTEMPTED)
        return !page->info->dry_run;
    return status >= STATUS_INVALID;
}

/* "3 rejected, 1 failed"; "" where no row is amiss. */
static void count_amiss(const struct page *page, struct buf *out)
{
    for (int i = STATUS_CREATED; i < STATUSES; i++) {
        uint64_t count = page->tally->status[i];
        char name[32];

        if (count == 0 || !is_amiss(page, (enum status)i))
            continue;
        name_status(page, (enum status)i, name);
        buf_format(out, "%s%" PRIu64 " %s", out->len > 0 ? ", " : "", count, name);
    }
}

/* Where to look; "" where the file is the one that the line names already, or there is none. */
static void add_place(const struct run_info *info, struct buf *out)
{
    if (info->left != NULL)
        buf_format(out, "; nothing was sent; %s is left as it was", info->left);
    else if (info->results != NULL && strcmp(info->results, "-") != 0 && strcmp(info->results, info->input) != 0)
        buf_format(out, "; see %s", info->results);
}

static void say_brief(struct console *console, const struct run_info *info, const struct tally *tally)
{
    struct page page = {.info = info, .tally = tally};
    struct buf line;

    if (info->exit_code == EXIT_ALL_DONE)
        return;
    if (info->stop != STOP_NONE && info->stop_text != NULL)
        console_say(console, "connload: %s%s",
                    strncmp(info->stop_text, "stopped ", 8) == 0 ? "" : "stopped: ", info->stop_text);
    buf_init(&line, SUMMARY_BYTES);
    if (info->held_back && !info->dry_run) {
        say_held_back(tally, &line);
        console_say(console, "connload: %s", line.data);
        buf_reset(&line);
    }
    count_amiss(&page, &line);
    if (line.len > 0) {
        add_place(info, &line);
        console_say(console, "connload: %s: %s", strcmp(info->input, "-") == 0 ? "standard input" : info->input,
                    line.data);
    }
    buf_release(&line);
}

void summary_show(struct console *console, const struct run_info *info, const struct tally *tally)
{
    struct buf out;

    if (console_is_quiet(console)) {
        say_brief(console, info, tally);
        return;
    }
    buf_init(&out, SUMMARY_BYTES);
    summary_text(&out, info, tally, console_width(console), console_has_colour(console));
    console_block(console, buf_view(&out));
    buf_release(&out);
}
