/*
 * The law (CUBIC, RFC 9438, counted in requests and bounded from below):
 *
 *   until the first 429 any pace goes. An event is that 429, one that asks for more than a second, or three in a row:
 *       all wait, as long as asked or 0.1, 0.3, 1, 2, 5, 10 ... s; then one probe at a time until one is taken.
 *   an event that took a second speaks of a window: pace = what was taken in it / the usual window that fits the wait;
 *       else the pace begins at one request in the wait.
 *   known = the most that was taken between two moments at which the limiter was full, by the time: below the limit.
 *   taken:   pace = top * (1 + depth * (n / span - 1) ^ 3), n being those since the last refusal: back at the pace
 *            that was refused after `span`, and then away from it; at most twice what was taken.
 *   refused: top = halfway from known to pace; pace falls by `dip` below it, but not below known;
 *            soon refused again: a deeper dip; late: a flatter one. 15 % refused where known is kept: begin anew.
 *            What is refused far above top or, again and again, below known, may be chance: the pace climbs on.
 */
#include "net/throttle.h"

#include <math.h>

/* Shares and times, tuned by the simulation in tests/unit/test_limits.c. */
#define DIP_FIRST 0.5
#define DIP_ANEW 0.2
#define DIP_LEAST 0.02
#define DIP_MOST 0.4
#define BELOW 0.98      /* of what is known is the least pace after a refusal */
#define FADES_MOST 0.02 /* of what is known is forgotten where that is refused */
#define DROPPED 0.15    /* a limit that was lowered refuses so much at a pace that it took */
#define CLIMBS 1.2      /* so far above the pace that was refused, one refusal alone may be chance */
#define SAME_WINDOW 0.7 /* of a window is the longest wait for its end that agrees with it */
#define AVERAGE 0.4     /* of what was taken in all is the least that a window can hold */
#define BLUR_MS 100.0   /* by so much the network can blur the time between two answers */
#define CATCH_UP_MS 2.0
enum {
    TELLS_MS = 1000, /* a refusal that asks for more speaks of a window */
    WINDOW_MS = 900, /* and so does one that was over after so long */
    STREAK = 3,
    ROUND = 8,  /* requests that tell of a pace at all; the first span */
    CALM = 100, /* the span in the end */
    ENOUGH = 5,
    DOUBTS = 3,
    COUNTED = 32,         /* answers of which the share is reckoned */
    FULL_LEAST_MS = 1000, /* between two moments that are compared */
    FROM_ORIGIN_MS = 60000,
    ROUND_TRIP_MS = 50,
    ROUNDED_MS = 1000, /* a longer window is told in tenths of a second */
    TENTH_MS = 100,
    WAIT_MOST_LEAST_MS = 500, /* a shorter longest wait is not kept to: a window would be stormed */
    PATIENCE_MS = 1000,       /* a request that is not answered for so long is followed by another */
};

/* From an event's begin, where the server names no time; those of seconds from the begin of what may be a window. */
static const int64_t waits_ms[] = {100, 300, 1000, 2000, 5000, 10000, 15000, 20000, 30000, 60000};
enum { WAITS = sizeof(waits_ms) / sizeof(waits_ms[0]) };

static const int64_t usual_ms[] = {1000,  2000,   5000,   10000,  15000,  20000,   30000,
                                   60000, 120000, 300000, 600000, 900000, 1800000, 3600000};
enum { USUAL = sizeof(usual_ms) / sizeof(usual_ms[0]) };

void throttle_init(struct throttle *throttle, struct rate found, int64_t wait_most_ms)
{
    *throttle = (struct throttle){.wait_most_ms = wait_most_ms, .lag_ms = CATCH_UP_MS, .dip = DIP_ANEW, .span = ROUND};
    throttle->cycle.at_ms = -1;
    throttle->burst = found.count;
    if (found.count > 0)
        throttle->pace = throttle->top = (double)found.count / (double)found.window_ms;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t throttle_next(const struct throttle *throttle, int64_t now_ms)
{
    int64_t next = throttle->pace > 0 && throttle->due_ms > (double)now_ms ? (int64_t)ceil(throttle->due_ms) : now_ms;

    if (throttle->phase != THROTTLE_OPEN)
        next = later(next, throttle->until_ms);
    if (throttle->phase == THROTTLE_HELD && throttle->stale > 0)
        next = later(next, throttle->event_ms + PATIENCE_MS);
    return next;
}

void throttle_sent(struct throttle *throttle, int64_t now_ms)
{
    double now = (double)now_ms;

    if (throttle->cycle.at_ms < 0)
        throttle->cycle.at_ms = now_ms;
    if (throttle->pace > 0) {
        throttle->limited = throttle->due_ms + fmax(CATCH_UP_MS, 0.5 / throttle->pace) >= now;
        if (throttle->limited)
            throttle->lag_ms = CATCH_UP_MS;
        throttle->due_ms = fmax(throttle->due_ms, now - throttle->lag_ms) + 1 / throttle->pace;
    }
    throttle->in_flight++;
    if (throttle->phase == THROTTLE_OPEN)
        return;
    throttle->phase = THROTTLE_PROBING;
    throttle->probe_ms = now_ms;
    throttle->until_ms = now_ms + PATIENCE_MS;
}

/* One that was in flight is over: whether it says something about the pace in force. */
static bool end_flight(struct throttle *throttle)
{
    bool fresh = throttle->stale == 0;

    throttle->in_flight -= throttle->in_flight > 0;
    throttle->stale -= !fresh;
    return fresh;
}

void throttle_unsent(struct throttle *throttle)
{
    if (throttle->phase == THROTTLE_PROBING)
        throttle->until_ms = 0;
    end_flight(throttle);
}

static void add_mark(struct throttle *throttle, int64_t at_ms)
{
    throttle->mark[throttle->marks++ % THROTTLE_MARKS] =
        (struct throttle_mark){.at_ms = at_ms, .taken = throttle->taken};
}

/* The limiter was full: what it took since earlier such moments, by the time, are lower bounds of the limit. */
static void mark_full(struct throttle *throttle, int64_t at_ms)
{
    uint64_t first = throttle->marks > THROTTLE_MARKS ? throttle->marks - THROTTLE_MARKS : 0;
    double blur_ms = fmax(BLUR_MS, (double)throttle->in_flight / throttle->pace / 2);

    for (uint64_t i = first; i < throttle->marks; i++) {
        const struct throttle_mark *mark = &throttle->mark[i % THROTTLE_MARKS];
        double taken = (double)(throttle->taken - mark->taken), took = (double)(at_ms - mark->at_ms);

        if (taken >= ROUND && took >= fmax(FULL_LEAST_MS, 0.9 * (double)throttle->window_ms))
            throttle->known = fmax(throttle->known, (taken - 1) / (took + blur_ms));
    }
    add_mark(throttle, at_ms);
}

static void set_pace(struct throttle *throttle, int64_t now_ms, double pace)
{
    throttle->due_ms += 1 / pace - 1 / throttle->pace;
    throttle->due_ms = fmin(throttle->due_ms, (double)now_ms + 1 / pace);
    throttle->pace = pace;
}

/* The pace begins to grow, from `depth` below `top`. The more is known, the slower; a window shows it at its end. */
static void begin_calm(struct throttle *throttle, int64_t now_ms, double top, double depth)
{
    throttle->top = top;
    throttle->depth = depth;
    throttle->calm = 0;
    throttle->calm_ms = now_ms;
    if (throttle->window_ms > 0)
        throttle->span = fmax(CALM, 1.2 * throttle->known * (double)throttle->window_ms);
    else
        throttle->span = fmax(fmin((double)(throttle->taken - throttle->full.taken) / 2, CALM), ROUND);
}

/* One was taken; that says something about the pace where nothing else kept it back. */
static void grow(struct throttle *throttle, int64_t now_ms)
{
    double at, pace;

    if (!throttle->limited)
        return;
    throttle->calm++;
    at = throttle->calm / throttle->span - 1;
    pace = throttle->top * (1 + throttle->depth * at * at * at);
    if (throttle->calm >= ROUND)
        pace = fmin(pace, 2.0 * throttle->calm / fmax((double)(now_ms - throttle->calm_ms), 1));
    set_pace(throttle, now_ms, fmax(pace, throttle->pace));
}

/* What is known was refused: it is less, by so much the sooner that was, or was lowered. The new pace before a dip. */
static double doubt_known(struct throttle *throttle, int64_t now_ms)
{
    double share = (double)throttle->refused / throttle->answered, calm = throttle->calm;

    throttle->known *= 1 - fmin(FADES_MOST, 1 / fmax(calm * calm, 1));
    if (throttle->refused < ENOUGH || share < DROPPED)
        return throttle->pace;
    throttle->marks = 0;
    throttle->known = 0;
    throttle->answered = throttle->refused = 0;
    throttle->dip = DIP_ANEW;
    throttle->full = (struct throttle_mark){.at_ms = now_ms, .taken = throttle->taken};
    return throttle->pace * (1 - share);
}

/* One was refused. */
static void lower(struct throttle *throttle, int64_t now_ms)
{
    bool alone = throttle->since > ROUND;
    double pace = throttle->pace, top;

    throttle->since = 0;
    mark_full(throttle, throttle->refused_ms);
    if (pace > throttle->top * CLIMBS && alone)
        return;
    throttle->doubts = pace <= throttle->known ? throttle->doubts + 1 : 0;
    if (throttle->calm < throttle->span / 2)
        throttle->dip = fmin(throttle->dip * 1.5, DIP_MOST);
    else if (throttle->calm > throttle->span)
        throttle->dip = fmax(throttle->dip * 0.7, DIP_LEAST);
    if (pace <= throttle->known * 1.01)
        pace = doubt_known(throttle, now_ms);
    top = pace < throttle->top ? pace * (1 - throttle->dip / 4) : pace;
    if (throttle->known > pace / 2)
        top = fmax((throttle->known + fmax(pace, throttle->known)) / 2, throttle->known * 1.005);
    pace = fmin(pace, fmax(top * (1 - throttle->dip), throttle->known * BELOW));
    begin_calm(throttle, now_ms, top, 1 - pace / top);
    set_pace(throttle, now_ms, pace);
    throttle->stale = throttle->in_flight;
    if (throttle->doubts < DOUBTS)
        return;
    throttle->doubts = 0;
    throttle->span = ROUND;
}

/* The usual window that is longer than `least_ms` and not longer than `most_ms`, else that. */
static int64_t usual_window(int64_t least_ms, int64_t most_ms)
{
    for (int i = 0; i < USUAL; i++)
        if (usual_ms[i] > least_ms && usual_ms[i] <= most_ms)
            return usual_ms[i];
    return most_ms;
}

/* The event waited for a window's end. `since` is the end of the event before, or the first request. */
static void learn_window(struct throttle *throttle, struct throttle_mark since, int64_t waited_ms)
{
    int64_t least_ms = throttle->refused_ms - since.at_ms, most_ms = throttle->probe_ms - since.at_ms, end_ms;
    double taken = (double)(throttle->taken - since.taken), average = taken / fmax((double)most_ms, 1);

    if (throttle->asked) /* whole seconds, rounded up */
        least_ms = most_ms * 9 / 10 - 700;
    if (throttle->window_ms == 0 || (double)waited_ms >= SAME_WINDOW * (double)throttle->window_ms) {
        throttle->window_ms = usual_window(least_ms, most_ms);
    } else {
        since.at_ms = throttle->probe_ms - throttle->window_ms;
        taken =
            (double)(throttle->taken - throttle->window.taken) +
            throttle->before * fmax(0, (double)(throttle->window.at_ms - since.at_ms) / (double)throttle->window_ms);
    }
    end_ms = later(throttle->event_ms, since.at_ms + throttle->window_ms);
    throttle->known = fmax(fmax(taken, 0.5) / (double)throttle->window_ms, average * AVERAGE);
    throttle->pace = throttle->known * BELOW;
    throttle->dip = DIP_LEAST;
    throttle->marks = 0;
    add_mark(throttle, end_ms);
    throttle->window = throttle->cycle = (struct throttle_mark){.at_ms = end_ms, .taken = throttle->taken};
    throttle->before = taken;
    /* What the wait was too long is made good. */
    throttle->due_ms = (double)end_ms;
    throttle->lag_ms = fmax((double)(throttle->probe_ms - end_ms), CATCH_UP_MS);
}

/* What an event says about the limit. First events after a handful of requests may be somebody else's. */
static void learn(struct throttle *throttle, int64_t now_ms)
{
    int64_t waited_ms = throttle->probe_ms - throttle->event_ms;
    bool window = waited_ms >= later(WINDOW_MS, throttle->window_ms / 8);

    throttle->due_ms = (double)now_ms;
    if (throttle->pace > 0 && !window) {
        lower(throttle, now_ms);
        return;
    }
    if (throttle->pace <= 0 && window && throttle->taken - throttle->cycle.taken < ROUND / 2) {
        throttle->cycle = (struct throttle_mark){.at_ms = now_ms, .taken = throttle->taken};
        return;
    }
    if (throttle->pace <= 0) {
        throttle->at_once = (double)throttle->full.taken;
        throttle->at_once_ms = (double)(throttle->full.at_ms - throttle->cycle.at_ms);
    }
    if (window) {
        learn_window(throttle, throttle->cycle, waited_ms);
    } else {
        throttle->pace = 1 / (double)later(waited_ms, 1);
        throttle->dip = DIP_FIRST;
        throttle->full = (struct throttle_mark){.at_ms = throttle->refused_ms, .taken = throttle->taken};
        throttle->marks = 0;
        add_mark(throttle, throttle->refused_ms);
    }
    begin_calm(throttle, now_ms, throttle->pace / (1 - throttle->dip), throttle->dip);
}

/* A probe was taken. */
static void end_event(struct throttle *throttle, int64_t now_ms)
{
    throttle->phase = THROTTLE_OPEN;
    throttle->streak = 0;
    throttle->answered = throttle->refused = 0;
    if (!throttle->outage)
        learn(throttle, now_ms);
}

static void count(struct throttle *throttle, bool refused)
{
    if (throttle->answered >= COUNTED) {
        throttle->answered /= 2;
        throttle->refused /= 2;
    }
    throttle->answered++;
    throttle->refused += refused;
}

void throttle_accepted(struct throttle *throttle, int64_t now_ms)
{
    bool fresh = end_flight(throttle);

    throttle->streak = 0;
    throttle->since += fresh;
    if (throttle->phase == THROTTLE_PROBING && fresh)
        end_event(throttle, now_ms);
    while (throttle->window_ms > 0 && now_ms >= throttle->window.at_ms + throttle->window_ms) {
        throttle->before = (double)(throttle->taken - throttle->window.taken);
        throttle->window.at_ms += throttle->window_ms;
        throttle->window.taken = throttle->taken;
    }
    throttle->taken++;
    if (throttle->phase != THROTTLE_OPEN || !fresh)
        return;
    count(throttle, false);
    if (throttle->pace > 0)
        grow(throttle, now_ms);
}

/* When a wait of our own choice is over: by the table, then a minute each. */
static int64_t own_wait(const struct throttle *throttle, int64_t now_ms)
{
    int64_t until_ms = now_ms + waits_ms[WAITS - 1], most_ms = later(throttle->wait_most_ms, WAIT_MOST_LEAST_MS);
    bool young = throttle->event_ms - throttle->cycle.at_ms < FROM_ORIGIN_MS;

    for (int i = WAITS - 1; i >= 0; i--) {
        int64_t from_ms = young && waits_ms[i] > TELLS_MS ? throttle->cycle.at_ms + ROUND_TRIP_MS : throttle->event_ms;

        if (from_ms + waits_ms[i] > now_ms && from_ms + waits_ms[i] < until_ms)
            until_ms = from_ms + waits_ms[i];
    }
    return until_ms < now_ms + most_ms ? until_ms : now_ms + most_ms;
}

static void hold(struct throttle *throttle, int64_t now_ms, int64_t wait_ms)
{
    if (throttle->phase == THROTTLE_OPEN) {
        throttle->event_ms = now_ms;
        throttle->full = (struct throttle_mark){.at_ms = now_ms, .taken = throttle->taken};
        throttle->outage = false;
        throttle->stale = throttle->in_flight;
    }
    throttle->asked = wait_ms > TELLS_MS;
    throttle->until_ms = throttle->asked ? now_ms + wait_ms : own_wait(throttle, now_ms);
    throttle->phase = THROTTLE_HELD;
}

void throttle_refused(struct throttle *throttle, int64_t now_ms, int64_t wait_ms)
{
    bool fresh = end_flight(throttle), tells = wait_ms > TELLS_MS;

    throttle->streak += fresh;
    throttle->refused_ms = now_ms;
    if (throttle->phase == THROTTLE_HELD) {
        if (tells && now_ms + wait_ms > throttle->until_ms)
            hold(throttle, now_ms, wait_ms);
    } else if (throttle->phase == THROTTLE_PROBING) {
        if (fresh)
            hold(throttle, now_ms, wait_ms);
    } else if (tells || throttle->streak >= STREAK || throttle->pace <= 0) {
        hold(throttle, now_ms, wait_ms);
    } else if (fresh) {
        count(throttle, true);
        if (throttle->streak == 1)
            lower(throttle, now_ms);
    }
}

void throttle_outage(struct throttle *throttle, int64_t now_ms, int64_t wait_ms)
{
    end_flight(throttle);
    if (throttle->phase == THROTTLE_OPEN) {
        throttle->event_ms = now_ms;
        throttle->outage = true;
    }
    throttle->until_ms = now_ms + wait_ms;
    throttle->asked = true;
    throttle->phase = THROTTLE_HELD;
}

bool throttle_holding(const struct throttle *throttle, int64_t now_ms, int64_t *until_ms)
{
    if (throttle->phase != THROTTLE_HELD || throttle->until_ms <= now_ms)
        return false;
    *until_ms = throttle->until_ms;
    return true;
}

struct rate throttle_found(const struct throttle *throttle)
{
    double pace = fmin(throttle->pace, throttle->known > 0 ? throttle->known : throttle->top), count, window_ms;

    if (pace <= 0 || (throttle->known <= 0 && throttle->burst <= 0))
        return (struct rate){.count = 0};
    count = throttle->burst > 0 ? throttle->burst : throttle->at_once - pace * throttle->at_once_ms;
    if (throttle->window_ms > 0)
        count = pace * (double)throttle->window_ms;
    count = fmin(fmax(floor(count + 0.001), ceil(pace)), RATE_COUNT_MAX);
    window_ms = fmin(ceil(count / pace - 0.001), (double)NUM_DURATION_MAX_MS);
    if (window_ms > ROUNDED_MS)
        window_ms = ceil(window_ms / TENTH_MS) * TENTH_MS;
    return (struct rate){.count = (uint32_t)count, .window_ms = (int64_t)window_ms};
}
