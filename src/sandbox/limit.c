#include "sandbox/limit.h"

#include <assert.h>
#include <string.h>

static const char *const kind_names[] = {"rolling", "fixed", "bucket"};
static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == LIMIT_KINDS, "every kind has its name");

const char *limit_kind_name(enum limit_kind kind)
{
    return kind_names[kind];
}

bool limit_kind_named(const char *name, enum limit_kind *kind)
{
    for (int i = 0; i < LIMIT_KINDS; i++) {
        if (strcmp(kind_names[i], name) == 0) {
            *kind = (enum limit_kind)i;
            return true;
        }
    }
    return false;
}

static int64_t window_us(const struct limit *limit)
{
    return limit->config.rate.window_ms * 1000;
}

void limit_init(struct limit *limit, struct limit_config config, int64_t now_us)
{
    if (config.burst == 0)
        config.burst = config.rate.count;
    *limit = (struct limit){.config = config, .start_us = now_us, .tokens = config.burst, .filled_us = now_us};
    window_init(&limit->window, config.rate.window_ms * 1000, 1);
}

void limit_release(struct limit *limit)
{
    window_release(&limit->window);
}

static bool take_rolling(struct limit *limit, int64_t now_us, struct limit_view *view)
{
    bool accepted = window_count(&limit->window, now_us) < limit->config.rate.count;

    if (accepted)
        window_add(&limit->window, now_us);
    view->remaining = limit->config.rate.count - (uint32_t)window_count(&limit->window, now_us);
    view->reset_us = window_wait(&limit->window, now_us);
    return accepted;
}

static bool take_fixed(struct limit *limit, int64_t now_us, struct limit_view *view)
{
    int64_t index = (now_us - limit->start_us) / window_us(limit);
    bool accepted;

    if (index != limit->index) {
        limit->index = index;
        limit->used = 0;
    }
    accepted = limit->used < limit->config.rate.count;
    if (accepted)
        limit->used++;
    view->remaining = limit->config.rate.count - limit->used;
    view->reset_us = limit->start_us + (index + 1) * window_us(limit) - now_us;
    return accepted;
}

static bool take_bucket(struct limit *limit, int64_t now_us, struct limit_view *view)
{
    double us_per_token = (double)window_us(limit) / limit->config.rate.count;
    bool accepted;

    limit->tokens += (double)(now_us - limit->filled_us) / us_per_token;
    if (limit->tokens > limit->config.burst)
        limit->tokens = limit->config.burst;
    limit->filled_us = now_us;
    /* A millionth of a token is rounding, not a refusal: the wait that was told is honoured. */
    accepted = limit->tokens >= 1 - 1e-6;
    if (accepted)
        limit->tokens -= limit->tokens >= 1 ? 1 : limit->tokens;
    view->remaining = (uint32_t)limit->tokens;
    view->reset_us = (int64_t)((view->remaining + 1 - limit->tokens) * us_per_token + 0.999);
    return accepted;
}

bool limit_take(struct limit *limit, int64_t now_us, struct limit_view *view)
{
    typedef bool take_fn(struct limit *, int64_t, struct limit_view *);
    static take_fn *const take[] = {take_rolling, take_fixed, take_bucket};
    bool accepted;

    static_assert(sizeof(take) / sizeof(take[0]) == LIMIT_KINDS, "every kind has its rule");
    *view = (struct limit_view){.limit = limit->config.rate.count};
    if (limit->config.rate.count == 0)
        return true;
    accepted = take[limit->config.kind](limit, now_us, view);
    view->wait_us = view->remaining > 0 ? 0 : view->reset_us;
    return accepted;
}
