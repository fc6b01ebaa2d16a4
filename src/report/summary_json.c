#include "report/summary.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/version.h"
#include "io/csv_read.h"
#include "io/output.h"
#include "model/json.h"
#include "net/http.h"

#include <stdio.h>
#include <string.h>

enum { JSON_BYTES = 1 << 20, CODES = sizeof(((struct tally *)NULL)->http_status) / sizeof(uint64_t) };

/* The names of members must outlive the object. */
struct names {
    char code[CODES][4];
};

static void add_count(struct json_object *object, const char *name, uint64_t count)
{
    json_object_integer(object, name, (int64_t)count);
}

static void add_text(struct json_object *object, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        json_object_null(object, name);
    else
        json_object_text(object, name, span_of(text));
}

static void add_time(struct json_object *object, const char *name, int64_t wall_ms)
{
    char text[CLOCK_TEXT];

    json_object_text(object, name, span_of(clock_format(text, wall_ms)));
}

static void add_file(struct json_object *object, const char *name, const char *path, const char *sha256)
{
    struct json_object *file;

    if (path == NULL) {
        json_object_null(object, name);
        return;
    }
    file = json_object_child(object, name);
    add_text(file, "path", path);
    add_text(file, "sha256", sha256);
}

static void add_run(struct json_object *object, const struct facts *facts, const struct tally *tally)
{
    struct json_object *libraries;

    add_text(object, "connload", CONNLOAD_VERSION);
    libraries = json_object_child(object, "libraries");
    add_text(libraries, "libcurl", http_version());
    add_text(libraries, "libcsv", csv_version());
    add_text(libraries, "cjson", json_version());
    add_text(object, "command", facts->command);
    json_object_bool(object, "dry_run", facts->dry_run);
    json_object_bool(object, "resumed", facts->resumed);
    add_text(object, "base_url", facts->base_url);
    add_time(object, "started", tally->started_wall_ms);
    add_time(object, "ended", tally->ended_wall_ms);
    json_object_integer(object, "duration_ms", tally->took_ms);
    add_file(object, "input", facts->input, facts->input_sha256);
    add_file(object, "results", facts->results, facts->results_sha256);
}

static void add_rows(struct json_object *object, const struct facts *facts, const struct tally *tally)
{
    struct json_object *status;

    add_count(object, "rows", tally->rows);
    add_count(object, "carried", tally->carried);
    status = json_object_child(object, "status");
    for (int i = STATUS_CREATED; i < STATUSES; i++)
        add_count(status, status_name((enum status)i), tally->status[i]);
    if (strcmp(facts->command, "check") == 0)
        add_count(status, "passed", tally_passed(tally));
}

static void add_requests(struct json_object *object, const struct tally *tally, struct names *names)
{
    struct json_object *requests = json_object_child(object, "requests"), *answers, *lost;

    add_count(requests, "create", tally->requests[REQUEST_CREATE]);
    add_count(requests, "list", tally->requests[REQUEST_LIST]);
    add_count(requests, "archive", tally->requests[REQUEST_DELETE]);
    add_count(requests, "lookup", tally->requests[REQUEST_LOOKUP]);
    add_count(object, "retries", tally->retries);
    answers = json_object_child(object, "answers");
    for (unsigned i = 0; i < CODES; i++) {
        if (tally->http_status[i] == 0)
            continue;
        snprintf(names->code[i], sizeof(names->code[i]), "%u", i % 1000);
        add_count(answers, names->code[i], tally->http_status[i]);
    }
    add_count(object, "unanswered", tally->unanswered);
    lost = json_object_child(object, "lost");
    add_count(lost, "rows", tally->lost);
    add_count(lost, "created", tally->settled_created);
    add_count(lost, "absent", tally->settled_absent);
    add_count(lost, "unknown", tally->settled_unknown);
}

static void add_latency(struct json_object *object, const struct tally *tally)
{
    struct json_object *latency;

    if (tally->latency_count == 0) {
        json_object_null(object, "latency_ms");
        return;
    }
    latency = json_object_child(object, "latency_ms");
    add_count(latency, "count", tally->latency_count);
    json_object_number(latency, "mean", (double)tally->latency_sum_us / (double)tally->latency_count / 1e3);
    json_object_number(latency, "p50", (double)tally_latency_quantile(tally, 0.5) / 1e3);
    json_object_number(latency, "p90", (double)tally_latency_quantile(tally, 0.9) / 1e3);
    json_object_number(latency, "p99", (double)tally_latency_quantile(tally, 0.99) / 1e3);
    json_object_number(latency, "max", (double)tally->latency_max_us / 1e3);
}

static void add_pace(struct json_object *object, const struct facts *facts, const struct tally *tally)
{
    struct json_object *rate;

    if (facts->rate.count > 0) {
        char limit[NUM_DURATION_TEXT];

        rate = json_object_child(object, "rate");
        add_text(rate, "limit", num_format_rate(limit, facts->rate));
        json_object_integer(rate, "requests", facts->rate.count);
        json_object_integer(rate, "window_ms", facts->rate.window_ms);
    } else
        json_object_null(object, "rate");
    json_object_integer(object, "most_in_window", tally->most_in_window);
    add_count(object, "waited_ms", tally->waited_ms);
    if (facts->base_url != NULL)
        json_object_integer(object, "concurrency", facts->concurrency);
    else
        json_object_null(object, "concurrency");
    add_count(object, "look_alikes", facts->look_alikes);
    add_count(object, "blocked", facts->blocked);
}

static void add_errors(struct json_object *object, const struct tally *tally)
{
    const struct tally_error *sorted[TALLY_ERRORS];
    unsigned count = tally_errors(tally, sorted);
    struct json_object *errors = json_object_list(object, "errors");

    for (unsigned i = 0; i < count; i++) {
        struct json_object *error = json_object_child(errors, NULL), *lines;

        add_text(error, "status", status_name(sorted[i]->status));
        add_text(error, "code", sorted[i]->code);
        add_count(error, "count", sorted[i]->count);
        json_object_text(error, "message", span_of(sorted[i]->message));
        lines = json_object_list(error, "lines");
        for (unsigned k = 0; k < tally_lines(sorted[i]); k++)
            json_object_integer(lines, NULL, sorted[i]->lines[k]);
    }
}

static void add_end(struct json_object *object, const struct facts *facts)
{
    struct json_object *stop;

    if (facts->stop == STOP_NONE)
        json_object_null(object, "stop");
    else {
        stop = json_object_child(object, "stop");
        add_text(stop, "reason", stop_reason_name(facts->stop));
        add_text(stop, "message", facts->stop_text);
    }
    json_object_integer(object, "exit_code", facts->exit_code);
}

bool summary_write(const char *path, const struct facts *facts, const struct tally *tally, struct err *err)
{
    struct json_object *object = json_object_new();
    struct names names;
    struct buf out;
    bool written;

    buf_init(&out, JSON_BYTES);
    add_run(object, facts, tally);
    add_rows(object, facts, tally);
    add_requests(object, tally, &names);
    add_latency(object, tally);
    add_pace(object, facts, tally);
    add_errors(object, tally);
    add_end(object, facts);
    if (json_object_print(object, true, &out) && buf_char(&out, '\n'))
        written = output_put(path, buf_view(&out), err);
    else
        written = err_set(err, EXIT_LOCAL, "the summary for %s takes more than %d bytes", path, JSON_BYTES);
    json_object_free(object);
    buf_release(&out);
    return written;
}
