#include "report/figures.h"

#include "base/alloc.h"
#include "base/version.h"
#include "io/csv_read.h"
#include "model/json.h"
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODES = sizeof(((struct tally *)NULL)->http_status) / sizeof(uint64_t), FIGURES_MAX = 100 + CODES };

struct figures {
    struct figure figure[FIGURES_MAX];
    unsigned count;
    char code[CODES][4];
    char limit[RATES_TEXT];
    char found[NUM_DURATION_TEXT];
};

/* ---- How the table is written: a line for each figure, and one for what it is as a metric ---- */

static struct figure *add(struct figures *f, enum figure_kind kind, const char *object, const char *name)
{
    if (f->count == FIGURES_MAX)
        abort();
    f->figure[f->count] = (struct figure){.kind = kind, .object = object, .name = name};
    return &f->figure[f->count++];
}

static void begin(struct figures *f, const char *name, bool applies)
{
    add(f, FIGURE_OBJECT, NULL, name)->absent = !applies;
}

static void text(struct figures *f, const char *object, const char *name, const char *value)
{
    add(f, FIGURE_TEXT, object, name)->text = value;
}

static void number(struct figures *f, enum figure_kind kind, const char *object, const char *name, double value)
{
    add(f, kind, object, name)->number = value;
}

static void count(struct figures *f, const char *object, const char *name, uint64_t value)
{
    number(f, FIGURE_COUNT, object, name, (double)value);
}

/* What the last figure is as a metric. */
static void metric(struct figures *f, const char *name, const char *help)
{
    f->figure[f->count - 1].metric = name;
    f->figure[f->count - 1].help = help;
}

static void label(struct figures *f, const char *name, const char *value)
{
    f->figure[f->count - 1].label = name;
    f->figure[f->count - 1].value = value;
}

/* ---- The table ---- */

static void add_file(struct figures *f, const char *name, const char *path, const char *sha256)
{
    begin(f, name, path != NULL);
    text(f, name, "path", path);
    text(f, name, "sha256", sha256);
}

static void add_run(struct figures *f, const struct run_info *info, const struct tally *tally)
{
    text(f, NULL, "connload", CONNLOAD_VERSION);
    metric(f, "connload_run_info", "The version that ran; always 1.");
    label(f, "version", CONNLOAD_VERSION);
    begin(f, "libraries", true);
    text(f, "libraries", "libcurl", http_version());
    text(f, "libraries", "libcsv", csv_version());
    text(f, "libraries", "cjson", json_version());
    text(f, NULL, "command", info->command);
    number(f, FIGURE_BOOL, NULL, "dry_run", info->dry_run);
    number(f, FIGURE_BOOL, NULL, "resumed", info->resumed);
    text(f, NULL, "base_url", info->base_url);
    number(f, FIGURE_TIME, NULL, "started", (double)tally->started_wall_ms);
    metric(f, "connload_run_start_timestamp_seconds", "When the last run began, in seconds since 1970.");
    number(f, FIGURE_TIME, NULL, "ended", (double)tally->ended_wall_ms);
    metric(f, "connload_run_end_timestamp_seconds", "When the last run ended, in seconds since 1970.");
    number(f, FIGURE_MS, NULL, "duration_ms", (double)tally->took_ms);
    metric(f, "connload_run_duration_seconds", "How long the last run took.");
    add_file(f, "input", info->input, info->input_sha256);
    add_file(f, "results", info->results, info->results_sha256);
}

static void add_rows(struct figures *f, const struct run_info *info, const struct tally *tally)
{
    count(f, NULL, "rows", tally->rows);
    count(f, NULL, "carried", tally->carried);
    begin(f, "status", true);
    for (int i = STATUS_CREATED; i <= STATUSES; i++) { /* what passed a check has no status */
        const char *name = i < STATUSES ? status_name((enum status)i) : "passed";

        if (i == STATUSES && strcmp(info->command, "check") != 0)
            continue;
        count(f, "status", name, i < STATUSES ? tally->status[i] : tally_passed(tally));
        metric(f, "connload_run_rows", "Rows of the input, by what became of them.");
        label(f, "status", name);
    }
}

/* Of `status`: how the connectors of the file do. */
static void add_health(struct figures *f, const struct run_info *info)
{
    static const char *const names[HEALTHS] = {
        [HEALTH_WELL] = "well",         [HEALTH_MISSING] = "missing",
        [HEALTH_ARCHIVED] = "archived", [HEALTH_SYNC_FAILED] = "sync_failed",
        [HEALTH_UNTOLD] = "untold",
    };
    bool applies = strcmp(info->command, "status") == 0;

    begin(f, "connectors", applies);
    for (int i = 0; applies && i < HEALTHS; i++) {
        count(f, "connectors", names[i], info->health[i]);
        metric(f, "connload_run_connectors", "Connectors of the result file, by how they do.");
        label(f, "state", names[i]);
    }
}

static void add_answers(struct figures *f, const struct tally *tally)
{
    static const char help[] = "Answers, by HTTP status; none: the request got no answer.";

    begin(f, "answers", true);
    for (unsigned i = 0; i < CODES; i++) {
        if (tally->http_status[i] == 0)
            continue;
        snprintf(f->code[i], sizeof(f->code[i]), "%u", i % 1000);
        count(f, "answers", f->code[i], tally->http_status[i]);
        metric(f, "connload_run_answers", help);
        label(f, "code", f->code[i]);
    }
    count(f, NULL, "unanswered", tally->unanswered);
    metric(f, "connload_run_answers", help);
    label(f, "code", "none");
}

static void add_requests(struct figures *f, const struct tally *tally)
{
    static const char *const kinds[REQUEST_KINDS] = {
        [REQUEST_CREATE] = "create", [REQUEST_LIST] = "list",     [REQUEST_DELETE] = "archive",
        [REQUEST_LOOKUP] = "lookup", [REQUEST_UPDATE] = "update",
    };

    begin(f, "requests", true);
    for (int i = 0; i < REQUEST_KINDS; i++) {
        count(f, "requests", kinds[i], tally->requests[i]);
        metric(f, "connload_run_requests", "Requests sent, by kind.");
        label(f, "kind", kinds[i]);
    }
    count(f, NULL, "retries", tally->retries);
    metric(f, "connload_run_retries", "Requests to create beyond a row's first.");
    add_answers(f, tally);
    begin(f, "lost", true);
    count(f, "lost", "rows", tally->lost);
    metric(f, "connload_run_lost_answers", "Rows whose answer was lost and that were settled by the list.");
    count(f, "lost", "created", tally->settled_created);
    count(f, "lost", "absent", tally->settled_absent);
    count(f, "lost", "unknown", tally->settled_unknown);
}

static void add_latencies(struct figures *f, const struct tally *tally)
{
    static const struct {
        const char *name;
        double share;
    } quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};
    bool any = tally->latency_count > 0;

    begin(f, "latency_ms", any);
    count(f, "latency_ms", "count", tally->latency_count);
    number(f, FIGURE_NUMBER, "latency_ms", "mean",
           any ? (double)tally->latency_sum_us / (double)tally->latency_count / 1e3 : 0);
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
        number(f, FIGURE_NUMBER, "latency_ms", quantiles[i].name,
               (double)tally_latency_quantile(tally, quantiles[i].share) / 1e3);
    number(f, FIGURE_NUMBER, "latency_ms", "max", (double)tally->latency_max_us / 1e3);
    add(f, FIGURE_HISTOGRAM, NULL, NULL);
    metric(f, "connload_run_request_duration_seconds", "Time from sending a request to the end of its answer.");
}

static void add_pace(struct figures *f, const struct run_info *info, const struct tally *tally)
{
    begin(f, "rate", info->rates[0].count > 0);
    text(f, "rate", "limit", num_format_rates(f->limit, info->rates));
    count(f, "rate", "requests", info->rates[0].count);
    metric(f, "connload_run_rate_limit_requests", "Requests allowed in a window; 0: no limit.");
    number(f, FIGURE_MS, "rate", "window_ms", (double)info->rates[0].window_ms);
    metric(f, "connload_run_rate_limit_window_seconds", "Length of the window.");
    begin(f, "found", tally->refused > 0 && tally->found.count > 0);
    text(f, "found", "limit", num_format_rate(f->found, tally->found));
    count(f, "found", "requests", tally->found.count);
    number(f, FIGURE_MS, "found", "window_ms", (double)tally->found.window_ms);
    count(f, NULL, "most_in_window", tally->most_in_window);
    metric(f, "connload_run_most_requests_in_window", "The most requests that any window held.");
    number(f, FIGURE_MS, NULL, "waited_ms", (double)tally->waited_ms);
    metric(f, "connload_run_rate_limit_wait_seconds", "Time in which only the rate limit kept a request back.");
}

static void add_outages(struct figures *f, const struct tally *tally)
{
    begin(f, "outages", true);
    count(f, "outages", "count", tally->outages);
    metric(f, "connload_run_outages", "Times that the service was away.");
    number(f, FIGURE_MS, "outages", "away_ms", (double)tally->away_ms);
    metric(f, "connload_run_outage_seconds", "How long the service was away, in all.");
}

static void add_end(struct figures *f, const struct run_info *info)
{
    count(f, NULL, "concurrency", info->concurrency);
    f->figure[f->count - 1].absent = info->base_url == NULL;
    count(f, NULL, "look_alikes", info->look_alikes);
    count(f, NULL, "left_sheet", info->left_sheet);
    count(f, NULL, "blocked", info->blocked);
    count(f, NULL, "changed", info->changed);
    metric(f, "connload_run_changed", "Connectors that were changed to what their rows say.");
    add_health(f, info);
    add(f, FIGURE_ERRORS, NULL, "errors");
    begin(f, "stop", info->stop != STOP_NONE);
    text(f, "stop", "reason", stop_reason_name(info->stop));
    text(f, "stop", "message", info->stop_text);
    number(f, FIGURE_BOOL, NULL, NULL, info->exit_code == EXIT_ALL_DONE);
    metric(f, "connload_run_success", "1 where every row has its connector, or passed the checks.");
    count(f, NULL, "exit_code", info->exit_code);
    metric(f, "connload_run_exit_code", "The exit code of the last run.");
}

struct figures *figures_new(const struct run_info *info, const struct tally *tally)
{
    struct figures *f = alloc_zeroed(1, sizeof(*f));
    unsigned network;

    add_run(f, info, tally);
    add_rows(f, info, tally);
    network = f->count;
    add_requests(f, tally);
    add_latencies(f, tally);
    add_pace(f, info, tally);
    add_outages(f, tally);
    /* a command that sends nothing has no such metrics; the summary always has all members */
    for (unsigned i = network; i < f->count && info->base_url == NULL; i++)
        f->figure[i].metric = NULL;
    add_end(f, info);
    return f;
}

void figures_free(struct figures *figures)
{
    free(figures);
}

const struct figure *figures_next(const struct figures *figures, const struct figure *figure)
{
    const struct figure *next = figure != NULL ? figure + 1 : figures->figure;

    return next < figures->figure + figures->count ? next : NULL;
}
