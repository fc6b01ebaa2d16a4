/*
 * The law:
 *
 *   until the first 429 any pace goes. An event is that 429, one that asks for more than a second, or three in a row:
 *       everything waits, as long as asked or 0.1, 0.3, 1, 3 ... s; then one probe at a time until one is taken;
 *       pace = what was taken since the event before, by the time; the requests in flight grow from one again.
 *   `known` is what was taken between two moments at which the limiter was full, by the time: at most the limit.
 *   a round is 8 answers and half a second or longer; two refusals end it. At its end
 *       credit += answers * (1 % + noise) - refusals
 *       refused more than noise: pace = known, or what was taken; the next step is small
 *       credit left:             pace *= 1 + step; step *= 1.5
 *       credit overdrawn:        a round at 0.8 of the pace shows what is refused whatever the pace: the noise.
 */
#include "net/throttle.h"

#include <math.h>

/* Shares and times, tuned by the simulation in tests/unit/test_limits.c. */
#define STEP_FIRST 0.01 /* of a step where the limit is known, */
#define STEP_FAR 0.25   /* where it is not, */
#define STEP_MUTE 0.08  /* after a wait that the server did not name, */
#define STEP_MOST 0.5   /* and at most */
#define STEP_GROWTH 1.5
#define CREDIT_MOST 5.0
#define CREDIT_FULL 4.0 /* no need to wait longer than the shortest round */
#define CREDIT_GROW (-1.0)
#define CREDIT_LEAST (-2.5)
#define CREDIT_SHARE 0.01
#define CREDIT_STEP 0.1 /* the longer the step, the further the limit, the more may be risked */
#define CONTROL 0.8     /* of the pace in a control */
#define EXERCISED 0.85  /* of a pace must really have been sent, or nothing is proven */
#define MARGIN 0.98     /* of what was measured is taken as the pace */
#define TRUSTED 0.9     /* `known` is right where it is so near to what was taken */
#define SAME_PACE 1.05
#define DROPPED 0.1      /* a limit that was lowered refuses so much at a pace that it took */
#define WHOLE_WINDOW 0.9 /* of a window, at least, tells about it */
#define BACK 0.95
#define BLUR_MS 100.0 /* by so much the network can blur the time between two answers */
#define CATCH_UP_MS 2.0
enum {
    TELLS_MS = 1000, /* a refusal that asks for more speaks of a window */
    WINDOW_MS = 900, /* and so does one that was over after so long */
    STREAK = 3,
    ENOUGH = 2,
    RAMP_MOST = 64,
    BAD_CONTROLS = 4,
    CONTROL_MEMORY = 400, /* answers */
    ROUND_LEAST = 8,
    ROUND_LEAST_MS = 500,
    ROUND_MOST_MS = 4000,
    WAIT_MOST_LEAST_MS = 500, /* a shorter longest wait is not kept to: a window would be stormed */
    MARK_APART_MS = 200,
    PATIENCE_MS = 1000, /* a request that is not answered for so long is followed by another */
};

/* From an event's begin, where the server names no time: past the usual windows. */
static const int64_t waits_ms[] = {100, 300, 1000, 3000, 5000, 10000, 20000, 30000, 60000};
enum { WAITS = sizeof(waits_ms) / sizeof(waits_ms[0]) };

static void begin_round(struct throttle *throttle, int64_t now_ms, int64_t least_ms)
{
    throttle->least_ms = least_ms < ROUND_MOST_MS ? least_ms : ROUND_MOST_MS;
    if (throttle->least_ms < throttle->memory_ms)
        throttle->least_ms = throttle->memory_ms;
    throttle->round_ms = now_ms;
    throttle->sent = 0;
    throttle->answered = 0;
    throttle->refused = 0;
    throttle->stale = throttle->in_flight;
}

void throttle_init(struct throttle *throttle, struct rate found, int64_t wait_most_ms)
{
    double pace = found.count > 0 ? (double)found.count / (double)found.window_ms : 0;

    *throttle = (struct throttle){
        .pace = pace, .burst = found.count, .credit = CREDIT_MOST, .step = STEP_FAR, .wait_most_ms = wait_most_ms};
    throttle->cycle.at_ms = -1;
    begin_round(throttle, 0, ROUND_LEAST_MS);
}

static double pace_now(const struct throttle *throttle)
{
    return throttle->control ? fmin(throttle->pace, throttle->known) * CONTROL : throttle->pace;
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
    if (throttle->ramp > 0 && throttle->in_flight - throttle->stale >= throttle->ramp)
        next = later(next, throttle->sent_ms + PATIENCE_MS);
    return next;
}

void throttle_sent(struct throttle *throttle, int64_t now_ms)
{
    if (throttle->cycle.at_ms < 0)
        throttle->cycle.at_ms = throttle->window.at_ms = now_ms;
    if (throttle->pace > 0)
        throttle->due_ms = fmax(throttle->due_ms, (double)now_ms - CATCH_UP_MS) + 1 / pace_now(throttle);
    if (throttle->sent == 0)
        throttle->round_ms = now_ms;
    throttle->sent_ms = now_ms;
    throttle->in_flight++;
    throttle->sent++;
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
    throttle->sent -= throttle->sent > 0;
}

/* The limiter was full: what it took since earlier such moments, by the time, are lower bounds of the limit. */
static void mark_full(struct throttle *throttle, int64_t at_ms)
{
    uint64_t first = throttle->marks > THROTTLE_MARKS ? throttle->marks - THROTTLE_MARKS : 0;
    struct throttle_mark *newest = &throttle->mark[(throttle->marks - 1) % THROTTLE_MARKS];

    for (uint64_t i = first; i < throttle->marks; i++) {
        const struct throttle_mark *mark = &throttle->mark[i % THROTTLE_MARKS];
        double taken = (double)(throttle->taken - mark->taken), took = (double)(at_ms - mark->at_ms);

        if (taken >= ROUND_LEAST && took >= WHOLE_WINDOW * (double)throttle->memory_ms)
            throttle->known = fmax(throttle->known, (taken - 1) / (took + BLUR_MS));
    }
    if (throttle->marks == 0 || at_ms >= newest->at_ms + MARK_APART_MS)
        newest = &throttle->mark[throttle->marks++ % THROTTLE_MARKS];
    *newest = (struct throttle_mark){.at_ms = at_ms, .taken = throttle->taken};
}

static void forget(struct throttle *throttle)
{
    throttle->marks = 0;
    throttle->known = 0;
}

/* What was taken from `since` until `at_ms`, by the time; 0: that is too short to tell. */
static double taken_since(const struct throttle *throttle, const struct throttle_mark *since, int64_t at_ms)
{
    double taken = (double)(throttle->taken - since->taken), took = (double)(at_ms - since->at_ms);

    return taken >= ROUND_LEAST && took >= WHOLE_WINDOW * (double)throttle->memory_ms ? taken / fmax(took, 1) : 0;
}

/*
 * A control shows what is refused whatever the pace: a little more than that, where it is seen in few. One that is
 * refused a lot shows first that less is known than was thought.
 */
static void measure_noise(struct throttle *throttle)
{
    throttle->control = false;
    throttle->control_due = throttle->taken + CONTROL_MEMORY;
    throttle->bad_controls = throttle->refused > DROPPED * throttle->answered ? throttle->bad_controls + 1 : 0;
    if (throttle->bad_controls > 0 && throttle->bad_controls < BAD_CONTROLS) {
        forget(throttle);
        throttle->pace *= CONTROL * (1 - (double)throttle->refused / throttle->answered);
        return;
    }
    throttle->control_answered += throttle->answered;
    throttle->control_refused += throttle->refused;
    if (throttle->control_answered > CONTROL_MEMORY) {
        throttle->control_answered /= 2;
        throttle->control_refused /= 2;
    }
    throttle->noise = throttle->control_refused > 0 ? (throttle->control_refused + 1) / throttle->control_answered : 0;
}

/* The pace was too high: down to what is known, or was taken of the `sent`. The nearer it is, the smaller the step. */
static void lower(struct throttle *throttle, int64_t now_ms, double excess, double sent)
{
    double pace = throttle->pace, bound = fmin(pace, sent) * (1 - excess);

    throttle->step = STEP_FIRST;
    if (throttle->memory_ms == 0 && excess > DROPPED && throttle->refused >= ENOUGH &&
        pace <= SAME_PACE * throttle->known)
        forget(throttle);
    if (throttle->known >= TRUSTED * bound)
        bound = throttle->known;
    else
        throttle->step = fmin(fmax((pace / bound - 1) / 4, STEP_FIRST), STEP_FAR);
    if (throttle->memory_ms > 0)
        bound = fmax(bound, taken_since(throttle, &throttle->cycle, now_ms));
    throttle->pace = fmin(bound, pace) * (1 - fmin(excess, 1 - MARGIN));
    throttle->control = throttle->credit < 0 && throttle->known > 0 && excess <= DROPPED;
}

static void end_round(struct throttle *throttle, int64_t now_ms)
{
    double answered = throttle->answered, noise = throttle->noise * answered;
    double excess = (throttle->refused - noise) / answered;
    double sent = (double)throttle->sent / fmax((double)(now_ms - throttle->round_ms), 1);

    throttle->credit += (CREDIT_SHARE + CREDIT_STEP * throttle->step - excess) * answered;
    throttle->credit = fmax(fmin(throttle->credit, CREDIT_MOST), CREDIT_LEAST);
    if (throttle->control) {
        measure_noise(throttle);
    } else if (throttle->refused > noise + sqrt(noise)) {
        lower(throttle, now_ms, excess, sent);
    } else if (throttle->credit >= CREDIT_GROW && sent >= EXERCISED * throttle->pace) {
        throttle->pace *= 1 + throttle->step;
        throttle->step = fmin(throttle->step * STEP_GROWTH, STEP_MOST);
        throttle->control = throttle->noise > 0 && throttle->known > 0 && throttle->taken >= throttle->control_due;
    }
    throttle->due_ms = fmin(throttle->due_ms, (double)now_ms + 1 / throttle->pace);
    begin_round(throttle, now_ms, throttle->credit >= CREDIT_FULL ? ROUND_LEAST_MS : throttle->least_ms * 2);
}

/*
 * The pace after an event that was over at `at_ms`, and what it says about the limit. First events after a handful of
 * requests say little: somebody else may have used the window up.
 */
static void learn(struct throttle *throttle, int64_t at_ms, bool window)
{
    struct throttle_mark now = {.at_ms = at_ms, .taken = throttle->taken};
    struct throttle_mark since = window ? throttle->window : throttle->cycle;
    double took = fmax((double)(at_ms - since.at_ms), 1), pace = fmax((double)(now.taken - since.taken), 0.5) / took;

    if (throttle->pace <= 0 && window && now.taken < ROUND_LEAST) {
        throttle->memory_ms = 0;
        return;
    }
    if (throttle->pace > 0 && took < WHOLE_WINDOW * (double)throttle->memory_ms) {
        throttle->pace *= BACK;
        if (throttle->known > 0)
            throttle->pace = fmin(throttle->pace, throttle->known * MARGIN);
        return;
    }
    if (throttle->memory_ms > 0) {
        forget(throttle);
        throttle->known = pace;
    }
    pace = fmax(pace, throttle->known) * MARGIN;
    throttle->pace = throttle->pace > 0 ? fmin(throttle->pace, pace) : pace;
    if (throttle->burst <= 0)
        throttle->burst = fmax((double)throttle->at_once - throttle->pace * (double)throttle->full_ms, 1);
    throttle->cycle = now;
    if (window)
        throttle->window = now;
}

/* A probe was taken. The wait was over some time since the newest refusal, or in the second that was rounded up. */
static void end_event(struct throttle *throttle, int64_t now_ms)
{
    int64_t doubt_ms = throttle->asked ? TELLS_MS : throttle->probe_ms - throttle->refused_ms;
    int64_t at_ms = throttle->probe_ms - doubt_ms / 2, waited_ms = at_ms - throttle->event_ms;
    bool window = throttle->probe_ms - throttle->event_ms >= WINDOW_MS;

    throttle->phase = THROTTLE_OPEN;
    throttle->control = false;
    throttle->ramp = 1;
    throttle->streak = 0;
    throttle->due_ms = (double)now_ms;
    begin_round(throttle, now_ms, ROUND_LEAST_MS);
    if (throttle->outage)
        return;
    if (window && waited_ms > throttle->memory_ms)
        throttle->memory_ms = waited_ms;
    throttle->step = throttle->memory_ms == 0 ? STEP_FAR : throttle->asked ? STEP_FIRST : STEP_MUTE;
    mark_full(throttle, window ? at_ms : throttle->refused_ms);
    learn(throttle, at_ms, window);
    begin_round(throttle, now_ms, ROUND_LEAST_MS);
}

static void count(struct throttle *throttle, int64_t now_ms, bool refused)
{
    double noise = throttle->noise * ++throttle->answered;

    throttle->refused += refused;
    if (throttle->pace > 0 && throttle->phase == THROTTLE_OPEN &&
        (throttle->refused >= ENOUGH + noise + 2 * sqrt(noise) ||
         (throttle->answered >= ROUND_LEAST && now_ms - throttle->round_ms >= throttle->least_ms)))
        end_round(throttle, now_ms);
}

void throttle_accepted(struct throttle *throttle, int64_t now_ms)
{
    bool fresh = end_flight(throttle);

    if (throttle->phase == THROTTLE_OPEN && throttle->full)
        mark_full(throttle, throttle->refused_ms);
    throttle->full = false;
    throttle->streak = 0;
    if (throttle->phase == THROTTLE_PROBING && fresh)
        end_event(throttle, now_ms);
    throttle->taken++;
    if (throttle->ramp > 0 && throttle->ramp++ >= RAMP_MOST)
        throttle->ramp = 0;
    if (fresh)
        count(throttle, now_ms, false);
}

/* When a wait of our own choice is over: by the table from the event's begin, then a minute each. */
static int64_t own_wait(struct throttle *throttle, int64_t now_ms)
{
    int64_t until_ms, most_ms;

    while (throttle->waits + 1 < WAITS && throttle->event_ms + waits_ms[throttle->waits] <= now_ms)
        throttle->waits++;
    until_ms = throttle->event_ms + waits_ms[throttle->waits];
    if (until_ms <= now_ms)
        until_ms = now_ms + waits_ms[WAITS - 1];
    most_ms = throttle->wait_most_ms > WAIT_MOST_LEAST_MS ? throttle->wait_most_ms : WAIT_MOST_LEAST_MS;
    return until_ms < now_ms + most_ms ? until_ms : now_ms + most_ms;
}

static void hold(struct throttle *throttle, int64_t now_ms, int64_t wait_ms)
{
    if (throttle->phase == THROTTLE_OPEN) {
        if (throttle->pace <= 0) {
            throttle->at_once = throttle->taken;
            throttle->full_ms = now_ms - throttle->cycle.at_ms;
        }
        throttle->event_ms = now_ms;
        throttle->waits = 0;
        throttle->outage = false;
        throttle->stale = throttle->in_flight;
    }
    throttle->asked = wait_ms > TELLS_MS;
    throttle->until_ms = throttle->asked ? now_ms + wait_ms : own_wait(throttle, now_ms);
    throttle->phase = THROTTLE_HELD;
}

void throttle_refused(struct throttle *throttle, int64_t now_ms, int64_t wait_ms)
{
    bool fresh = end_flight(throttle), tells = wait_ms > TELLS_MS, event;

    throttle->streak += fresh;
    if (throttle->streak > 1)
        throttle->control = false;
    throttle->full = true;
    throttle->refused_ms = now_ms;
    if (throttle->phase == THROTTLE_HELD) {
        if (tells && now_ms + wait_ms > throttle->until_ms)
            hold(throttle, now_ms, wait_ms);
        return;
    }
    event = throttle->phase == THROTTLE_PROBING ? fresh : throttle->pace <= 0 || tells || throttle->streak >= STREAK;
    if (event)
        hold(throttle, now_ms, wait_ms);
    else if (fresh)
        count(throttle, now_ms, true);
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
    double pace = throttle->pace, count = fmax(throttle->burst, ceil(pace));

    if (pace <= 0)
        return (struct rate){.count = 0};
    if (count < 2)
        count = 1;
    count = fmin(floor(count), RATE_COUNT_MAX);
    return (struct rate){.count = (uint32_t)count, .window_ms = (int64_t)fmin(ceil(count / pace), NUM_DURATION_MAX_MS)};
}
