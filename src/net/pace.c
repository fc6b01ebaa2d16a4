#include "net/pace.h"

#include "base/alloc.h"
#include "net/throttle.h"
#include "net/window.h"

#include <math.h>
#include <stdlib.h>

enum {
    STATISTIC_WINDOW_MS = 60 * 1000, /* where no limit is declared */
    BACKOFF_MOST_MS = 60 * 1000,
    HINT_WAIT_MOST_MS = 3600 * 1000, /* for the longest of the usual windows */
};

/* One limit. */
struct slots {
    uint32_t count;
    double per_ms;         /* their number by the window */
    int64_t rest_ms;       /* a slot's pause after its answer: the window and the guard */
    struct window resting; /* when the slots whose request is over are free again; times that passed may linger */
};

struct pace {
    struct slots slots[RATES_MAX];
    size_t limits;      /* how many of them; 0: no limit is declared */
    uint32_t in_flight; /* slots of each taken by requests that are not over */

    struct window sends; /* sendings within the window before the newest */
    int64_t window_ms;   /* the window that they are counted in */
    uint64_t most;       /* of all windows that are past */

    struct throttle throttle;
};

/* Rounding to milliseconds at both ends, and clocks that run 500 ppm apart, rounded up. */
static int64_t guard_ms(int64_t window_ms)
{
    return 1 + (window_ms + 1999) / 2000;
}

static void add_limit(struct pace *pace, struct rate rate)
{
    struct slots *slots = &pace->slots[pace->limits];

    if (rate.count == 0)
        return;
    slots->count = rate.count;
    slots->per_ms = (double)rate.count / (double)rate.window_ms;
    slots->rest_ms = rate.window_ms + guard_ms(rate.window_ms);
    window_init(&slots->resting);
    pace->limits++;
}

struct pace *pace_new(const struct pace_config *config)
{
    struct pace *pace = alloc_zeroed(1, sizeof(*pace));

    pace->window_ms = config->limit.count > 0 ? config->limit.window_ms : STATISTIC_WINDOW_MS;
    add_limit(pace, config->limit);
    for (size_t i = 0; i < RATES_MAX - 1; i++)
        add_limit(pace, config->also[i]);
    window_init(&pace->sends);
    throttle_init(&pace->throttle, config->found,
                  config->backoff_most_ms > 0 ? config->backoff_most_ms : BACKOFF_MOST_MS);
    return pace;
}

void pace_free(struct pace *pace)
{
    if (pace == NULL)
        return;
    for (size_t i = 0; i < pace->limits; i++)
        window_release(&pace->slots[i].resting);
    window_release(&pace->sends);
    free(pace);
}

/* Slots that are taken, rest, or rested and were not taken again. */
static uint64_t slots_used(const struct pace *pace, const struct slots *slots)
{
    return pace->in_flight + slots->resting.count;
}

/* Only the newest releases can matter, as many as there are slots. */
static void forget_surplus(const struct pace *pace, struct slots *slots, uint64_t keep)
{
    if (slots_used(pace, slots) > keep)
        window_drop_oldest(&slots->resting, slots_used(pace, slots) - keep);
}

void pace_remember(struct pace *pace, int64_t now_ms, uint32_t count, int64_t ago_ms)
{
    int64_t ago = ago_ms > 0 ? ago_ms : 0;

    for (struct slots *slots = pace->slots; slots < pace->slots + pace->limits; slots++) {
        if (ago >= slots->rest_ms)
            continue;
        window_add(&slots->resting, now_ms + slots->rest_ms - ago, count);
        forget_surplus(pace, slots, slots->count);
    }
}

/* When every limit has a slot. */
static int64_t slot_next(const struct pace *pace, int64_t now_ms)
{
    int64_t next = now_ms;

    for (const struct slots *slots = pace->slots; slots < pace->slots + pace->limits; slots++) {
        int64_t oldest = window_oldest(&slots->resting);

        if (slots_used(pace, slots) >= slots->count && oldest > next)
            next = oldest;
    }
    return next;
}

int64_t pace_next(const struct pace *pace, int64_t now_ms)
{
    int64_t slot = slot_next(pace, now_ms);
    int64_t learned = throttle_next(&pace->throttle, now_ms);

    return slot > learned ? slot : learned;
}

static void count_send(struct pace *pace, int64_t now_ms)
{
    /* While the oldest is leaving, the queue holds exactly the window that begins with it. */
    if (window_oldest(&pace->sends) <= now_ms - pace->window_ms && pace->sends.count > pace->most)
        pace->most = pace->sends.count;
    window_drop_until(&pace->sends, now_ms - pace->window_ms);
    window_add(&pace->sends, now_ms, 1);
}

void pace_sent(struct pace *pace, int64_t now_ms)
{
    for (size_t i = 0; i < pace->limits; i++)
        forget_surplus(pace, &pace->slots[i], pace->slots[i].count - 1);
    pace->in_flight++;
    count_send(pace, now_ms);
    throttle_sent(&pace->throttle, now_ms);
}

static void end_request(struct pace *pace)
{
    if (pace->in_flight > 0)
        pace->in_flight--;
}

static void rest_slot(struct pace *pace, int64_t now_ms)
{
    for (size_t i = 0; i < pace->limits; i++)
        window_add(&pace->slots[i].resting, now_ms + pace->slots[i].rest_ms, 1);
}

/*
 * A refusal without Retry-After may still say when its window begins anew. Half a year of that is not believed: it may
 * well be another limit's.
 */
static int64_t wait_of(const struct pace_answer *answer)
{
    const struct pace_hint *hint = &answer->hint;

    if (answer->retry_after_ms >= 0 || !hint->present || hint->remaining > 0)
        return answer->retry_after_ms;
    return hint->reset_ms < HINT_WAIT_MOST_MS ? hint->reset_ms : HINT_WAIT_MOST_MS;
}

void pace_answered(struct pace *pace, int64_t now_ms, const struct pace_answer *answer)
{
    end_request(pace);
    rest_slot(pace, now_ms);
    if (answer->refused)
        throttle_refused(&pace->throttle, now_ms, wait_of(answer));
    else if (answer->outage && answer->retry_after_ms >= 0)
        throttle_outage(&pace->throttle, now_ms, answer->retry_after_ms);
    else
        throttle_accepted(&pace->throttle, now_ms);
}

void pace_unsent(struct pace *pace, int64_t now_ms)
{
    end_request(pace);
    rest_slot(pace, now_ms);
    throttle_unsent(&pace->throttle);
}

bool pace_holding(const struct pace *pace, int64_t now_ms, int64_t *until_ms)
{
    return throttle_holding(&pace->throttle, now_ms, until_ms);
}

bool pace_hold_was_asked(const struct pace *pace)
{
    return pace->throttle.asked;
}

/* The declared limits and the pace found, whichever is lowest, in requests a millisecond; INFINITY: none. */
static double rate_per_ms(const struct pace *pace)
{
    double rate = pace->throttle.pace > 0 ? pace->throttle.pace : INFINITY;

    for (size_t i = 0; i < pace->limits; i++)
        rate = fmin(rate, pace->slots[i].per_ms);
    return rate;
}

double pace_rate_per_s(const struct pace *pace)
{
    double rate = rate_per_ms(pace);

    return isinf(rate) ? 0 : rate * 1000;
}

struct rate pace_found(const struct pace *pace)
{
    return throttle_found(&pace->throttle);
}

/* When the slots let the request go that `index` further ones (fewer than there are slots) precede. */
static int64_t slot_time(const struct pace *pace, const struct slots *slots, int64_t now_ms, uint64_t index)
{
    uint64_t used = slots_used(pace, slots);
    uint64_t open = used < slots->count ? slots->count - used : 0;
    int64_t at;

    if (index < open)
        return now_ms;
    at = window_at(&slots->resting, index - open);
    if (at == INT64_MAX)
        at = now_ms + slots->rest_ms;
    return at > now_ms ? at : now_ms;
}

/* Milliseconds from a double that may be beyond any run. */
static int64_t whole_ms(double ms)
{
    return ms < 1e15 ? (int64_t)ms : INT64_C(1000000000000000);
}

static int64_t slots_eta(const struct pace *pace, int64_t now_ms, uint64_t requests)
{
    int64_t most = 0;

    for (const struct slots *slots = pace->slots; slots < pace->slots + pace->limits; slots++) {
        uint64_t last = requests - 1, windows = last / slots->count;
        int64_t eta = slot_time(pace, slots, now_ms, last % slots->count) - now_ms +
                      whole_ms((double)windows * (double)slots->rest_ms);

        most = eta > most ? eta : most;
    }
    return most;
}

int64_t pace_eta_ms(const struct pace *pace, int64_t now_ms, uint64_t requests)
{
    double learned = pace->throttle.pace;
    int64_t even, slots;

    if (requests == 0)
        return 0;
    slots = slots_eta(pace, now_ms, requests);
    even = throttle_next(&pace->throttle, now_ms) - now_ms;
    if (learned > 0)
        even += whole_ms((double)(requests - 1) / learned);
    return slots > even ? slots : even;
}

uint32_t pace_most_in_window(const struct pace *pace)
{
    uint64_t most = pace->sends.count > pace->most ? pace->sends.count : pace->most;

    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}
