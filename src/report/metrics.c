#include "report/metrics.h"

#include "base/text.h"
#include "base/version.h"
#include "io/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    METRICS_MAX = 1 << 20,
    FIRST_BUCKET = 16, /* histogram steps: from 1.024 ms … */
    LAST_BUCKET = 80,  /* … to 67 s … */
    BUCKET_STEPS = 4,  /* … one bucket for each doubling */
};

struct metrics {
    struct buf out;
    struct buf labels; /* that every series carries */
};

static const char *const kinds[REQUEST_KINDS] = {
    [REQUEST_CREATE] = "create",
    [REQUEST_LIST] = "list",
    [REQUEST_DELETE] = "archive",
    [REQUEST_LOOKUP] = "lookup",
};

/* A label value may hold anything but these three as they are; what is no UTF-8 is no label value either. */
static void add_label(struct buf *out, const char *name, struct span value)
{
    buf_format(out, "%s%s=\"", out->len > 0 ? "," : "", name);
    while (value.len > 0) {
        size_t len = text_char_len(value);

        if (len == 0)
            buf_text(out, "\xEF\xBF\xBD");
        else if (value.data[0] == '\n')
            buf_text(out, "\\n");
        else {
            if (value.data[0] == '"' || value.data[0] == '\\')
                buf_char(out, '\\');
            buf_add(out, value.data, len);
        }
        len += len == 0;
        value.data += len;
        value.len -= len;
    }
    buf_char(out, '"');
}

static void add_head(struct metrics *metrics, const char *name, const char *type, const char *help)
{
    buf_format(&metrics->out, "# HELP connload_%s %s\n# TYPE connload_%s %s\n", name, help, name, type);
}

/* One series, with one label of its own (`label` NULL = none). */
static void add_sample(struct metrics *metrics, const char *name, const char *label, const char *value, double number)
{
    buf_format(&metrics->out, "connload_%s{%s", name, metrics->labels.data);
    if (label != NULL)
        buf_format(&metrics->out, ",%s=\"%s\"", label, value);
    buf_format(&metrics->out, "} %.15g\n", number);
}

static void add_gauge(struct metrics *metrics, const char *name, const char *help, double value)
{
    add_head(metrics, name, "gauge", help);
    add_sample(metrics, name, NULL, NULL, value);
}

static void add_rows(struct metrics *metrics, const struct facts *facts, const struct tally *tally)
{
    add_head(metrics, "run_rows", "gauge", "Rows of the input, by what became of them.");
    for (int i = STATUS_CREATED; i < STATUSES; i++)
        add_sample(metrics, "run_rows", "status", status_name((enum status)i), (double)tally->status[i]);
    if (strcmp(facts->command, "check") == 0)
        add_sample(metrics, "run_rows", "status", "passed", (double)tally_passed(tally));
}

static void add_requests(struct metrics *metrics, const struct tally *tally)
{
    add_head(metrics, "run_requests", "gauge", "Requests sent, by kind.");
    for (int i = 0; i < REQUEST_KINDS; i++)
        add_sample(metrics, "run_requests", "kind", kinds[i], (double)tally->requests[i]);
}

/* Requests without an answer are those with the code "none". */
static void add_answers(struct metrics *metrics, const struct tally *tally)
{
    char code[16];

    add_head(metrics, "run_answers", "gauge", "Answers, by HTTP status; none: the request got no answer.");
    for (int i = 0; i < (int)(sizeof(tally->http_status) / sizeof(tally->http_status[0])); i++) {
        if (tally->http_status[i] == 0)
            continue;
        snprintf(code, sizeof(code), "%d", i);
        add_sample(metrics, "run_answers", "code", code, (double)tally->http_status[i]);
    }
    add_sample(metrics, "run_answers", "code", "none", (double)tally->unanswered);
}

static void add_latencies(struct metrics *metrics, const struct tally *tally)
{
    uint64_t below = 0;
    unsigned step = 0;
    char bound[32];

    add_head(metrics, "run_request_duration_seconds", "histogram",
             "Time from sending a request to the end of its answer.");
    for (unsigned bucket = FIRST_BUCKET; bucket <= LAST_BUCKET; bucket += BUCKET_STEPS) {
        while (step < bucket)
            below += tally->latency[step++];
        snprintf(bound, sizeof(bound), "%.9g", (double)tally_latency_floor(bucket) / 1e6);
        add_sample(metrics, "run_request_duration_seconds_bucket", "le", bound, (double)below);
    }
    add_sample(metrics, "run_request_duration_seconds_bucket", "le", "+Inf", (double)tally->latency_count);
    add_sample(metrics, "run_request_duration_seconds_sum", NULL, NULL, (double)tally->latency_sum_us / 1e6);
    add_sample(metrics, "run_request_duration_seconds_count", NULL, NULL, (double)tally->latency_count);
}

static void add_run(struct metrics *metrics, const struct facts *facts, const struct tally *tally)
{
    add_head(metrics, "run_info", "gauge", "The version that ran; always 1.");
    add_sample(metrics, "run_info", "version", CONNLOAD_VERSION, 1);
    add_gauge(metrics, "run_start_timestamp_seconds", "When the last run began, in seconds since 1970.",
              (double)tally->started_wall_ms / 1e3);
    add_gauge(metrics, "run_end_timestamp_seconds", "When the last run ended, in seconds since 1970.",
              (double)tally->ended_wall_ms / 1e3);
    add_gauge(metrics, "run_duration_seconds", "How long the last run took.", (double)tally->took_ms / 1e3);
    add_gauge(metrics, "run_success", "1 where every row has its connector, or passed the checks.",
              facts->exit_code == EXIT_ALL_DONE);
    add_gauge(metrics, "run_exit_code", "The exit code of the last run.", facts->exit_code);
}

static void add_pace(struct metrics *metrics, const struct facts *facts, const struct tally *tally)
{
    add_gauge(metrics, "run_retries", "Requests to create beyond a row's first.", (double)tally->retries);
    add_gauge(metrics, "run_lost_answers", "Rows whose answer was lost and that were settled by the list.",
              (double)tally->lost);
    add_gauge(metrics, "run_rate_limit_requests", "Requests allowed in a window; 0: no limit.", facts->rate.count);
    add_gauge(metrics, "run_rate_limit_window_seconds", "Length of the window.", (double)facts->rate.window_ms / 1e3);
    add_gauge(metrics, "run_most_requests_in_window", "The most requests that any window held.", tally->most_in_window);
    add_gauge(metrics, "run_rate_limit_wait_seconds", "Time in which only the rate limit kept a request back.",
              (double)tally->waited_ms / 1e3);
}

bool metrics_write(const char *path, const struct facts *facts, const struct tally *tally, struct err *err)
{
    struct metrics metrics;
    bool written;

    buf_init(&metrics.out, METRICS_MAX);
    buf_init(&metrics.labels, METRICS_MAX / 4);
    add_label(&metrics.labels, "command", span_of(facts->command));
    add_label(&metrics.labels, "input", span_of(facts->input));
    add_run(&metrics, facts, tally);
    add_rows(&metrics, facts, tally);
    if (facts->base_url != NULL) {
        add_requests(&metrics, tally);
        add_answers(&metrics, tally);
        add_latencies(&metrics, tally);
        add_pace(&metrics, facts, tally);
    }
    written = !metrics.out.overflow && !metrics.labels.overflow
                  ? output_put(path, buf_view(&metrics.out), err)
                  : err_set(err, EXIT_LOCAL, "--metrics %s: too large", path);
    buf_release(&metrics.out);
    buf_release(&metrics.labels);
    return written;
}
