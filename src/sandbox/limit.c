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

/* -- each kind: whether there is room, a slot taken, and what may be told -- */

static bool rolling_has_room(struct limit *limit, int64_t now_us)
{
    return window_count(&limit->window, now_us) < limit->config.rate.count;
}

static void rolling_use(struct limit *limit, int64_t now_us)
{
    window_add(&limit->window, now_us);
}

static void rolling_tell(struct limit *limit, int64_t now_us, struct limit_view *view)
{
    view->remaining = limit->config.rate.count - (uint32_t)window_count(&limit->window, now_us);
    view->reset_us = window_wait(&limit->window, now_us);
}

static bool fixed_has_room(struct limit *limit, int64_t now_us)
{
    int64_t index = (now_us - limit->start_us) / window_us(limit);

    if (index != limit->index) {
        limit->index = index;
        limit->used = 0;
    }
    return limit->used < limit->config.rate.count;
}

static void fixed_use(struct limit *limit, int64_t now_us)
{
    (void)now_us;
    limit->used++;
}

static void fixed_tell(struct limit *limit, int64_t now_us, struct limit_view *view)
{
    view->remaining = limit->config.rate.count - limit->used;
    view->reset_us = limit->start_us + (limit->index + 1) * window_us(limit) - now_us;
}

static double us_per_token(const struct limit *limit)
{
    return (double)window_us(limit) / limit->config.rate.count;
}

/* A millionth of a token is rounding, not a refusal: the wait that was told is honoured. */
static bool bucket_has_room(struct limit *limit, int64_t now_us)
{
    limit->tokens += (double)(now_us - limit->filled_us) / us_per_token(limit);
    if (limit->tokens > limit->config.burst)
        limit->tokens = limit->config.burst;
    limit->filled_us = now_us;
    return limit->tokens >= 1 - 1e-6;
}

static void bucket_use(struct limit *limit, int64_t now_us)
{
    (void)now_us;
    limit->tokens -= limit->tokens >= 1 ? 1 : limit->tokens;
}

static void bucket_tell(struct limit *limit, int64_t now_us, struct limit_view *view)
{
    (void)now_us;
    view->remaining = (uint32_t)limit->tokens;
    view->reset_us = (int64_t)((view->remaining + 1 - limit->tokens) * us_per_token(limit) + 0.999);
}

static const struct {
    bool (*has_room)(struct limit *, int64_t);
    void (*use)(struct limit *, int64_t);
    void (*tell)(struct limit *, int64_t, struct limit_view *);
} kinds[] = {
    {rolling_has_room, rolling_use, rolling_tell},
    {fixed_has_room, fixed_use, fixed_tell},
    {bucket_has_room, bucket_use, bucket_tell},
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == LIMIT_KINDS, "every kind has its rule");

bool limit_has_room(struct limit *limit, int64_t now_us)
{
    return limit->config.rate.count == 0 || kinds[limit->config.kind].has_room(limit, now_us);
}

bool limit_take(struct limit *limit, int64_t now_us, struct limit_view *view)
{
    bool accepted = limit_has_room(limit, now_us);

    if (accepted && limit->config.rate.count > 0)
        kinds[limit->config.kind].use(limit, now_us);
    limit_tell(limit, now_us, view);
    return accepted;
}

void limit_tell(struct limit *limit, int64_t now_us, struct limit_view *view)
{
    *view = (struct limit_view){.limit = limit->config.rate.count};
    if (limit->config.rate.count == 0)
        return;
    kinds[limit->config.kind].tell(limit, now_us, view);
    view->wait_us = view->remaining > 0 ? 0 : view->reset_us;
}
