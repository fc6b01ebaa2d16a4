#include "sandbox/api.h"

#include "base/clock.h"
#include "sandbox/clocks.h"
#include "sandbox/connectors.h"
#include "sandbox/control.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { REQUEST_ID_TEXT = 32 };

bool api_is_control(const char *path)
{
    static const char prefix[] = "/_sandbox/";

    return strncmp(path, prefix, sizeof(prefix) - 1) == 0;
}

static int64_t seconds_up(int64_t us)
{
    return (us + 999999) / 1000000;
}

/* Both dialects: the IETF draft's delta seconds, and the older X- headers with the moment itself. */
static void add_rate_headers(const struct world *world, const struct limit_view *view, struct answer *answer)
{
    int64_t reset_s = seconds_up(view->reset_us);

    if (!world->config.rate_headers || view->limit == 0)
        return;
    answer_header(answer, "RateLimit-Limit", "%" PRIu32, view->limit);
    answer_header(answer, "RateLimit-Remaining", "%" PRIu32, view->remaining);
    answer_header(answer, "RateLimit-Reset", "%" PRId64, reset_s);
    answer_header(answer, "X-RateLimit-Limit", "%" PRIu32, view->limit);
    answer_header(answer, "X-RateLimit-Remaining", "%" PRIu32, view->remaining);
    answer_header(answer, "X-RateLimit-Reset", "%" PRId64, seconds_up(world_wall_us(world) + view->reset_us));
}

static void refuse_rate(const struct world *world, const struct limit_view *view, const char *request_id,
                        struct answer *answer)
{
    char date[CLOCK_TEXT];

    if (world->config.retry_form == RETRY_SECONDS)
        answer_header(answer, "Retry-After", "%" PRId64, seconds_up(view->wait_us));
    else if (world->config.retry_form == RETRY_DATE)
        answer_header(answer, "Retry-After", "%s",
                      clock_format_http_date(date, seconds_up(world_wall_us(world) + view->wait_us) * 1000));
    answer_status_code(answer, 429, "RATE_LIMIT_EXCEEDED", "Too many requests", request_id);
}

/* The limit counts every request with a valid key, whatever it asks for; those it refuses do not count. */
static void answer_keyed(struct world *world, struct account *account, const struct call *call, const char *request_id,
                         struct answer *answer)
{
    int64_t now_us = clocks_mono_us();
    struct limit_view view;
    bool accepted = limits_take(&account->limits, now_us, &view);

    add_rate_headers(world, &view, answer);
    if (accepted)
        connectors_answer(world, account, call, request_id, answer);
    else
        refuse_rate(world, &view, request_id, answer);
}

static void count(struct stats *stats, const struct call *call, const struct answer *answer)
{
    const struct fault *fault = answer->fault;

    stats->requests++;
    stats->methods[stats_method_named(call->method)]++;
    if (fault != NULL && (fault->effect == EFFECT_DROP || fault->effect == EFFECT_HANG))
        stats->unanswered++;
    else
        stats->statuses[answer->status]++;
}

static void hold_back(struct world *world, struct answer *answer)
{
    answer->delay_us = world->config.latency_ms * 1000;
    if (world->config.jitter_ms > 0)
        answer->delay_us += (int64_t)rng_below(&world->delays, (uint64_t)world->config.jitter_ms * 1000 + 1);
}

static void answer_connectors_api(struct world *world, const struct call *call, struct answer *answer)
{
    struct account *account = world_account(world, call->key);
    int64_t now_us = clocks_mono_us();
    char request_id[REQUEST_ID_TEXT];
    struct limit_view view;
    struct log_line line;

    snprintf(request_id, sizeof(request_id), "req-%010" PRIu64, ++world->seq);
    answer_header(answer, "X-Request-Id", "%s", request_id);
    if (account != NULL)
        limits_see(&account->limits, now_us);
    if (!limit_take(&world->address_limit, now_us, &view)) {
        refuse_rate(world, &view, request_id, answer);
    } else if (account != NULL) {
        answer_keyed(world, account, call, request_id, answer);
    } else {
        world->stats.unauthorized++;
        answer_gateway_page(answer, 401);
    }
    hold_back(world, answer);
    count(&world->stats, call, answer);
    line = log_line_of(world->seq, clock_mono_ms(), call, account != NULL, answer);
    requests_add(&world->requests, &line);
    if (world->log != NULL)
        log_write(world->log, &line);
}

void api_answer(struct world *world, const struct call *call, struct answer *answer)
{
    char date[CLOCK_TEXT];

    world_carry_out_late(world, clocks_mono_us());
    answer_header(answer, "Date", "%s", clock_format_http_date(date, world_wall_us(world) / 1000));
    if (api_is_control(call->path))
        control_answer(world, call, answer);
    else
        answer_connectors_api(world, call, answer);
}
