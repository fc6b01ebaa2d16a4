#include "api/tally.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_LATENCY_US = 64, STEPS_A_DOUBLING = 4, FIRST_SPAN_MS = 1000 };

void tally_init(struct tally *tally, int64_t wall_ms, int64_t now_ms)
{
    *tally = (struct tally){.started_wall_ms = wall_ms, .started_ms = now_ms, .span_ms = FIRST_SPAN_MS};
}

/* The timeline covers any length of run: when it is full, its steps become twice as long. */
static struct tally_span *span_at(struct tally *tally, int64_t now_ms)
{
    uint64_t elapsed = now_ms > tally->started_ms ? (uint64_t)(now_ms - tally->started_ms) : 0;

    while (elapsed / (uint64_t)tally->span_ms >= TALLY_SPANS) {
        for (unsigned i = 0; i < TALLY_SPANS / 2; i++) {
            const struct tally_span *a = &tally->span[2 * i], *b = a + 1;

            tally->span[i] = (struct tally_span){a->sent + b->sent, a->created + b->created, a->refused + b->refused,
                                                 a->failed + b->failed};
        }
        memset(&tally->span[TALLY_SPANS / 2], 0, sizeof(tally->span[0]) * (TALLY_SPANS / 2));
        tally->span_ms *= 2;
        tally->spans = (tally->spans + 1) / 2;
    }
    if (elapsed / (uint64_t)tally->span_ms >= tally->spans)
        tally->spans = (unsigned)(elapsed / (uint64_t)tally->span_ms) + 1;
    return &tally->span[elapsed / (uint64_t)tally->span_ms];
}

void tally_sent(struct tally *tally, enum request_kind kind, int64_t now_ms)
{
    tally->requests[kind]++;
    span_at(tally, now_ms)->sent++;
}

uint64_t tally_requests(const struct tally *tally)
{
    uint64_t requests = 0;

    for (int i = 0; i < REQUEST_KINDS; i++)
        requests += tally->requests[i];
    return requests;
}

int64_t tally_latency_floor(unsigned step)
{
    int64_t base = (int64_t)FIRST_LATENCY_US << (step / STEPS_A_DOUBLING);

    return base + base * (int64_t)(step % STEPS_A_DOUBLING) / STEPS_A_DOUBLING;
}

static unsigned latency_step(int64_t us)
{
    unsigned step = 0;

    while (step + 1 < TALLY_LATENCIES && tally_latency_floor(step + 1) <= us)
        step++;
    return step;
}

void tally_answer(struct tally *tally, int http_status, int64_t latency_us, int64_t now_ms)
{
    if (http_status <= 0 || http_status >= 600)
        tally->unanswered++;
    else
        tally->http_status[http_status]++;
    if (http_status == 429) {
        tally->refused++;
        span_at(tally, now_ms)->refused++;
    } else if (http_status < 200 || http_status >= 300)
        span_at(tally, now_ms)->failed++;
    if (http_status <= 0 || latency_us <= 0)
        return;
    tally->latency[latency_step(latency_us)]++;
    tally->latency_count++;
    tally->latency_sum_us += latency_us;
    if (latency_us > tally->latency_max_us)
        tally->latency_max_us = latency_us;
}

int64_t tally_latency_quantile(const struct tally *tally, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)tally->latency_count), seen = 0;

    if (tally->latency_count == 0)
        return 0;
    for (unsigned i = 0; i < TALLY_LATENCIES; i++) {
        seen += tally->latency[i];
        if (seen > wanted || seen == tally->latency_count) {
            int64_t ceiling = tally_latency_floor(i + 1);

            return ceiling < tally->latency_max_us ? ceiling : tally->latency_max_us;
        }
    }
    return tally->latency_max_us;
}

static struct tally_error *error_of(struct tally *tally, enum status status, struct span code)
{
    struct tally_error *error;

    for (unsigned i = 0; i < tally->error_kinds; i++) {
        error = &tally->error[i];
        if (error->status == status && span_equal(span_of(error->code), code))
            return error;
    }
    if (tally->error_kinds == TALLY_ERRORS)
        return &tally->error[TALLY_ERRORS - 1];
    error = &tally->error[tally->error_kinds++];
    error->status = status;
    if (tally->error_kinds == TALLY_ERRORS || code.len >= TALLY_CODE)
        code = span_of("other");
    snprintf(error->code, sizeof(error->code), "%.*s", (int)code.len, code.data);
    return error;
}

unsigned tally_places(const struct tally_error *error)
{
    return error->count < TALLY_ROWS ? (unsigned)error->count : TALLY_ROWS;
}

/* Rows end in any order; people look for the first ones in the sheet. */
static void keep_place(struct tally_error *error, const struct row_place *place)
{
    struct tally_place *kept = error->rows;
    unsigned at = tally_places(error);

    while (at > 0 && kept[at - 1].line > place->line) {
        if (at < TALLY_ROWS)
            kept[at] = kept[at - 1];
        at--;
    }
    if (at == TALLY_ROWS)
        return;
    kept[at] = (struct tally_place){.line = place->line, .number = place->number};
    snprintf(kept[at].label, TALLY_LABEL, "%.*s", (int)text_cut(place->label, TALLY_LABEL - 1), place->label.data);
}

/* What there is no room for is shown to be missing. */
static void keep_message(struct tally_error *error, struct span message)
{
    static const char more[] = "…";
    size_t len = message.len < TALLY_MESSAGE ? message.len : text_cut(message, TALLY_MESSAGE - sizeof(more));

    snprintf(error->message, TALLY_MESSAGE, "%.*s%s", (int)len, message.data, len < message.len ? more : "");
}

static void count_error(struct tally *tally, const struct outcome *outcome, struct span code,
                        const struct row_place *place)
{
    struct tally_error *error = error_of(tally, outcome->status, code);
    bool is_shared = !span_equal(code, outcome->error_code);

    /* a row with several codes has their messages in one: another row's says what this code alone is about */
    if (error->message[0] == '\0' || (error->message_is_shared && !is_shared)) {
        keep_message(error, outcome->error_message);
        error->message_is_shared = is_shared;
    }
    keep_place(error, place);
    error->count++;
}

void tally_row(struct tally *tally, const struct outcome *outcome, const struct row_place *place, int64_t now_ms)
{
    struct span rest = outcome->error_code;

    tally->status[outcome->status]++;
    if (outcome->status == STATUS_CREATED)
        span_at(tally, now_ms)->created++;
    while (rest.len > 0) {
        const char *end = memchr(rest.data, ';', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.data) : rest.len;

        count_error(tally, outcome, (struct span){rest.data, len}, place);
        rest.data += len;
        rest.len -= len;
        if (rest.len > 0) {
            rest.data++;
            rest.len--;
        }
    }
}

void tally_carried(struct tally *tally, enum status status)
{
    tally->status[status]++;
    tally->carried++;
}

uint64_t tally_without(const struct tally *tally)
{
    return tally->status[STATUS_INVALID] + tally->status[STATUS_REJECTED] + tally->status[STATUS_FAILED] +
           tally->status[STATUS_UNKNOWN] + tally->status[STATUS_NOT_ATTEMPTED];
}

uint64_t tally_passed(const struct tally *tally)
{
    uint64_t others = 0;

    for (int i = STATUS_CREATED; i < STATUSES; i++)
        others += tally->status[i];
    return tally->rows > others ? tally->rows - others : 0;
}

static int compare_errors(const void *a, const void *b)
{
    const struct tally_error *one = *(const struct tally_error *const *)a,
                             *other = *(const struct tally_error *const *)b;

    if (one->count != other->count)
        return one->count < other->count ? 1 : -1;
    return one < other ? -1 : one > other;
}

unsigned tally_errors(const struct tally *tally, const struct tally_error *sorted[TALLY_ERRORS])
{
    for (unsigned i = 0; i < tally->error_kinds; i++)
        sorted[i] = &tally->error[i];
    qsort(sorted, tally->error_kinds, sizeof(sorted[0]), compare_errors);
    return tally->error_kinds;
}
