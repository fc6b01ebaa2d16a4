#include "net/adapt.h"

#include <math.h>

/* Shares and times, tuned by the simulation in tests/unit/test_pace.c. */
#define MARGIN 0.98        /* of what was measured is taken as the pace */
#define DECREASE 0.97      /* at least this far down from a pace that was refused */
#define STEP 0.015         /* the first growing step; each is twice the last */
#define CLOSE_ENOUGH 1.015 /* `low` and `high` nearer than this: stay at `low` */
#define SAME_LIMIT 1.3     /* growth that was refused within this: the limit is about what it was */
#define NEAR 1.05          /* and it is looked for within this */
#define EXERCISED 0.85     /* of a pace must really have been sent, or nothing is proven */
#define PROOF_DECAY 0.85   /* proofs get shorter by this when growth ends as expected */
#define CREDIT_MS 5.0      /* a late wake-up of the loop is made good up to this */
#define BACKOFF_GROWTH 1.6
enum {
    CALM_REQUESTS = 60,            /* requests for each refusal before a higher pace is risked, */
    CALM_LOSS = 40,                /* and this many times the sending time that the event cost, */
    CALM_MOST_MS = 40 * 60 * 1000, /* but no longer than this */
    PROOF_REQUESTS = 16,           /* fewer prove and teach nothing */
    PROOF_LEAST_MS = 1000,
    PROOF_WINDOWS = 8,          /* proofs grow to this many times the least one, */
    PROOF_GROWN_MS = 60 * 1000, /* or to this, whichever is longer, */
    PROOF_MOST_MS = 600 * 1000, /* but never beyond this */
    AFTERSHOCKS = 4,
    FIRST_EVENTS = 3,
    CYCLE_MOST_MS = 300 * 1000, /* of noise */
    DEAF = 16,                  /* refusals in a row hold all requests, noise or not */
    HOLD_LEAST_MS = 500,        /* outlasts most requests in flight, and leaves the server some room */
    PATIENCE_MS = 1000,         /* a probe that is not answered for so long is followed by another */
    RETRY_AFTER_UNIT_MS = 1000, /* Retry-After is rounded to this */
    BACKOFF_MS = 1000,          /* where there is no Retry-After */
    BACKOFF_MOST_MS = 60 * 1000,
};

void adapt_init(struct adapt *adapt, int64_t backoff_most_ms)
{
    *adapt = (struct adapt){.phase = ADAPT_OPEN, .high = INFINITY, .step = STEP / 2, .proof_ms = PROOF_LEAST_MS};
    adapt->backoff_most_ms = backoff_most_ms > 0 ? backoff_most_ms : BACKOFF_MOST_MS;
    noise_init(&adapt->noise);
}

int64_t adapt_next(const struct adapt *adapt, int64_t now_ms)
{
    int64_t next = adapt->pace > 0 && adapt->due_ms > (double)now_ms ? (int64_t)ceil(adapt->due_ms) : now_ms;

    if (adapt->phase != ADAPT_OPEN && adapt->until_ms > next)
        next = adapt->until_ms;
    return next;
}

void adapt_sent(struct adapt *adapt, int64_t now_ms)
{
    if (!adapt->begun) {
        adapt->begun = true;
        adapt->cycle_ms = now_ms;
    }
    if (adapt->pace > 0)
        adapt->due_ms = fmax(adapt->due_ms, (double)now_ms - CREDIT_MS) + 1 / adapt->pace;
    adapt->sent++;
    adapt->proof_sent++;
    if (adapt->phase == ADAPT_OPEN)
        return;
    adapt->phase = ADAPT_PROBING;
    adapt->probe_ms = now_ms;
    adapt->until_ms = now_ms + PATIENCE_MS;
}

void adapt_unsent(struct adapt *adapt)
{
    if (adapt->phase == ADAPT_PROBING)
        adapt->until_ms = adapt->probe_ms;
    if (adapt->sent > 0)
        adapt->sent--;
    if (adapt->proof_sent > 0)
        adapt->proof_sent--;
}

static void restart_proof(struct adapt *adapt, int64_t now_ms)
{
    adapt->proof_from_ms = now_ms;
    adapt->proof_sent = 0;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/*
 * The pace that counted as safe was refused: down to what was measured, and proofs take longer from now on. Not so for
 * an aftershock: the window is still full of what a trial sent too fast, and the pace is right.
 */
static void lower(struct adapt *adapt, double measured, double took_ms)
{
    double refused = adapt->pace;
    int64_t most_ms = clamp(PROOF_WINDOWS * adapt->least_proof_ms, PROOF_GROWN_MS, PROOF_MOST_MS);

    if (adapt->proven && adapt->aftershocks < AFTERSHOCKS && took_ms < (double)adapt->least_proof_ms) {
        adapt->aftershocks++;
        return;
    }
    adapt->proven = false;
    adapt->low = fmin(measured * MARGIN, refused * DECREASE);
    if (adapt->accepted < PROOF_REQUESTS)
        adapt->low = fmax(adapt->low, refused / 2);
    adapt->high = refused;
    adapt->proof_ms = clamp(adapt->proof_ms * 2, PROOF_LEAST_MS, most_ms);
}

/* Growing steps were refused at last. A short way up, the limit is likely the old one, and little is risked again. */
static void stop_growth(struct adapt *adapt)
{
    double refused = adapt->pace;

    if (refused <= adapt->low * SAME_LIMIT) {
        adapt->high = fmin(refused, adapt->low * NEAR);
    } else {
        adapt->high = refused;
        adapt->low = fmax(adapt->low, refused / (1 + adapt->step) * 0.9);
    }
    adapt->proof_ms = clamp((int64_t)((double)adapt->proof_ms * PROOF_DECAY), adapt->least_proof_ms, PROOF_MOST_MS);
}

/* The first pace. The more doubtful it is, because the hold may have been too long, the longer the first step. */
static void learn_first(struct adapt *adapt, double measured, double took_ms)
{
    double doubt = fmin((double)adapt->late_ms / took_ms, 1);

    adapt->low = measured * MARGIN;
    adapt->step = fmax(doubt, STEP) / 2;
    adapt->least_proof_ms = clamp((int64_t)took_ms, PROOF_LEAST_MS, PROOF_MOST_MS);
    adapt->proof_ms = adapt->least_proof_ms;
}

static bool growing(const struct adapt *adapt)
{
    return adapt->trial && isinf(adapt->high);
}

/* What one cycle, from the last event's end to this one's, says about the limit. */
static void learn(struct adapt *adapt)
{
    double took_ms = fmax((double)(adapt->probe_ms - adapt->cycle_ms), 1);
    double measured = fmax((double)adapt->accepted, 0.5) / took_ms;

    adapt->lost_ms = 0;
    if (adapt->pace <= 0) {
        learn_first(adapt, measured, took_ms);
        return;
    }
    adapt->lost_ms = fmax(took_ms - (double)adapt->accepted / adapt->low, 0);
    adapt->lost_ms = fmin(adapt->lost_ms, (double)(adapt->probe_ms - adapt->event_ms));
    if (growing(adapt)) {
        stop_growth(adapt);
    } else if (adapt->trial) {
        adapt->high = adapt->pace;
        adapt->low = fmax(adapt->low, fmin(measured, adapt->pace) * MARGIN);
    } else {
        lower(adapt, measured, took_ms);
    }
}

/*
 * A first refusal after a handful of requests says little: somebody else may have used the window up. The next events
 * are waited for, a few at most, and the cycle goes on, unless it has not begun at all.
 */
static bool too_little_to_learn(struct adapt *adapt)
{
    if (adapt->pace > 0 || adapt->outage || adapt->accepted >= PROOF_REQUESTS || adapt->passed_over == FIRST_EVENTS)
        return false;
    if (adapt->accepted == 0)
        adapt->cycle_ms = adapt->probe_ms;
    else
        adapt->passed_over++;
    return true;
}

/* Sending begins anew, at the pace that counts as safe. */
static void begin_cycle(struct adapt *adapt, int64_t now_ms)
{
    adapt->pace = adapt->low;
    adapt->outage = false;
    adapt->trial = false;
    adapt->cycle_ms = adapt->probe_ms;
    adapt->accepted = 0;
    adapt->sent = 1;
    adapt->due_ms = adapt->pace > 0 ? (double)now_ms + 1 / adapt->pace : 0;
    restart_proof(adapt, now_ms);
}

/* A probe was accepted: the event is over, a new cycle begins with the probe. */
static void close_event(struct adapt *adapt, int64_t now_ms)
{
    struct noise_event event = {
        .accepted = adapt->accepted,
        .refused = adapt->refused_now,
        .probes = adapt->probes,
        .told = adapt->told,
        .took_ms = fmax((double)(adapt->probe_ms - adapt->cycle_ms), 1),
        .held_ms = fmax((double)(adapt->probe_ms - adapt->event_ms), 1),
        .before = adapt->pace,
    };
    bool outage = adapt->outage;

    adapt->phase = ADAPT_OPEN;
    if (adapt->noise.on)
        return;
    if (too_little_to_learn(adapt)) {
        event.accepted = 0; /* they count in the event that teaches */
    } else {
        if (!outage)
            learn(adapt);
        begin_cycle(adapt, now_ms);
    }
    event.after = adapt->pace;
    if (!outage && noise_event(&adapt->noise, now_ms, &event)) {
        adapt->pace = adapt->noise.pace;
        adapt->aftershocks = 0;
    }
}

/* How many times CLOSE_ENOUGH apart the bounds are: the more, the sooner a trial pays. */
static double gap(const struct adapt *adapt)
{
    if (isinf(adapt->high))
        return fmax(2 * adapt->step / STEP, 1);
    return fmax(log(adapt->high / adapt->low) / log(CLOSE_ENOUGH), 1);
}

/* Whether the newest event is far enough behind, in requests and time, to risk another; `share` of the usual calm. */
static bool calm(const struct adapt *adapt, int64_t now_ms, double share)
{
    double requests = CALM_REQUESTS * (double)adapt->refused * share;
    double wait_ms = fmin(CALM_LOSS * adapt->lost_ms * share, CALM_MOST_MS);

    return (double)adapt->sent >= requests && (double)(now_ms - adapt->cycle_ms) >= wait_ms;
}

/* The pace was kept up: stay, or try a higher one where it is calm. */
static void advance(struct adapt *adapt, int64_t now_ms)
{
    bool close = adapt->high < adapt->low * CLOSE_ENOUGH;

    if (!growing(adapt))
        adapt->trial = false;
    if (!calm(adapt, now_ms, close ? 2 : 1 / gap(adapt)))
        return;
    if (close) {
        adapt->high = INFINITY;
        adapt->step = STEP / 2;
    }
    if (isinf(adapt->high)) {
        adapt->step = fmin(adapt->step * 2, 1);
        adapt->pace *= 1 + adapt->step;
    } else {
        adapt->pace = sqrt(adapt->low * adapt->high);
    }
    adapt->trial = true;
}

/* How long the pace in force must be kept up: the further the steps, the sooner the limit would show. */
static int64_t proof_needed(const struct adapt *adapt)
{
    int64_t needed = adapt->proof_ms;

    if (growing(adapt))
        needed = (int64_t)((double)needed * STEP / adapt->step);
    return needed > adapt->least_proof_ms ? needed : adapt->least_proof_ms;
}

/*
 * Refusals are a limit's again, or there are none. Where a limit is full that was not known of, the cycle since noise
 * was suspected says what it is, as the first of all did.
 */
static void end_noise(struct adapt *adapt, int64_t now_ms, enum noise_news news)
{
    adapt->high = INFINITY;
    adapt->step = STEP / 2;
    adapt->lost_ms = 0;
    adapt->aftershocks = 0;
    adapt->proven = news == NOISE_DENIED; /* what was sent too fast may bring aftershocks */
    if (news == NOISE_FULL) {
        adapt->pace = 0;
        adapt->passed_over = FIRST_EVENTS;
        return;
    }
    adapt->low = adapt->noise.taken;
    adapt->probe_ms = now_ms;
    begin_cycle(adapt, now_ms);
    adapt->outage = news == NOISE_DENIED;
}

/* A cycle without an end keeps to what was of late. */
static void shorten_cycle(struct adapt *adapt, int64_t now_ms)
{
    if (now_ms - adapt->cycle_ms < CYCLE_MOST_MS)
        return;
    adapt->cycle_ms = now_ms - CYCLE_MOST_MS / 2;
    adapt->accepted /= 2;
}

/* Tells net/noise, where it is on, of an answer; whether it still is. */
static bool still_noise(struct adapt *adapt, int64_t now_ms, bool refused)
{
    enum noise_news news;

    if (!adapt->noise.on)
        return false;
    shorten_cycle(adapt, now_ms);
    news = noise_answer(&adapt->noise, now_ms, refused);
    if (news == NOISE_ON)
        adapt->pace = adapt->noise.pace;
    else
        end_noise(adapt, now_ms, news);
    return news == NOISE_ON;
}

void adapt_accepted(struct adapt *adapt, int64_t now_ms)
{
    int64_t kept = now_ms - adapt->proof_from_ms;

    if (adapt->stragglers > 0)
        adapt->stragglers--;
    if (adapt->phase == ADAPT_PROBING)
        close_event(adapt, now_ms);
    adapt->accepted++;
    adapt->streak = 0;
    if (still_noise(adapt, now_ms, false))
        return;
    if (adapt->phase != ADAPT_OPEN || adapt->pace <= 0 || kept < proof_needed(adapt) ||
        adapt->proof_sent < PROOF_REQUESTS)
        return;
    /* Only a pace that was really gone is proven. */
    if ((double)adapt->proof_sent >= EXERCISED * adapt->pace * (double)kept) {
        if (!growing(adapt))
            adapt->low = fmax(adapt->low, adapt->pace);
        adapt->proven = true;
        adapt->aftershocks = 0;
        advance(adapt, now_ms);
    }
    restart_proof(adapt, now_ms);
}

/* Without a Retry-After, or where one was obeyed and the probe refused all the same, the wait grows by itself. */
static int64_t choose_wait(const struct adapt *adapt, int64_t wait_ms)
{
    double own = fmin(BACKOFF_MS * pow(BACKOFF_GROWTH, adapt->tries), (double)adapt->backoff_most_ms);

    if (wait_ms < 0)
        return (int64_t)own;
    return !adapt->noise.on && adapt->tries > 0 && wait_ms < (int64_t)own ? (int64_t)own : wait_ms;
}

static void hold(struct adapt *adapt, int64_t now_ms, int64_t wait_ms, bool asked)
{
    int64_t until = now_ms + (wait_ms > HOLD_LEAST_MS ? wait_ms : HOLD_LEAST_MS);

    if (adapt->phase != ADAPT_HELD || until > adapt->until_ms) {
        adapt->until_ms = until;
        adapt->asked = asked;
    }
    adapt->phase = ADAPT_HELD;
}

static void open_event(struct adapt *adapt, int64_t now_ms, uint32_t in_flight)
{
    if (adapt->aftershocks == 0)
        adapt->refused = 0;
    adapt->refused_now = 0;
    adapt->probes = 0;
    adapt->told = false;
    adapt->tries = adapt->aftershocks;
    adapt->event_ms = now_ms;
    adapt->stragglers = in_flight;
}

/*
 * Whether a refusal is its own request's trouble: taken for noise, or mute where the limit is known to speak, and not
 * the last of a long row of them.
 */
static bool is_noise(struct adapt *adapt, int64_t now_ms, bool straggler, int64_t wait_ms)
{
    bool noise = still_noise(adapt, now_ms, true);

    adapt->limit_speaks |= wait_ms >= 0;
    if (noise && wait_ms >= 0 && !adapt->noise.told) {
        adapt->noise.on = false;
        end_noise(adapt, now_ms, NOISE_FULL);
    }
    if (wait_ms >= 0 || (!noise && !adapt->limit_speaks))
        return false;
    return adapt->phase == ADAPT_OPEN && (straggler || adapt->streak < DEAF);
}

void adapt_refused(struct adapt *adapt, int64_t now_ms, uint32_t in_flight, int64_t wait_ms)
{
    bool straggler = adapt->stragglers > 0;
    int64_t wait;

    if (straggler)
        adapt->stragglers--;
    adapt->streak++;
    if (is_noise(adapt, now_ms, straggler, wait_ms))
        return;
    if (adapt->phase == ADAPT_OPEN && !straggler)
        open_event(adapt, now_ms, in_flight);
    adapt->told |= wait_ms >= 0;
    adapt->refused++;
    adapt->refused_now++;
    if (adapt->phase == ADAPT_PROBING) {
        adapt->tries++;
        adapt->probes++;
    }
    wait = choose_wait(adapt, wait_ms);
    adapt->late_ms = wait == wait_ms ? RETRY_AFTER_UNIT_MS : wait;
    hold(adapt, now_ms, wait, wait == wait_ms);
}

void adapt_outage(struct adapt *adapt, int64_t now_ms, int64_t wait_ms)
{
    if (adapt->phase == ADAPT_OPEN)
        adapt->outage = true;
    hold(adapt, now_ms, wait_ms, true);
}

bool adapt_holding(const struct adapt *adapt, int64_t now_ms, int64_t *until_ms)
{
    if (adapt->phase != ADAPT_HELD || adapt->until_ms <= now_ms)
        return false;
    *until_ms = adapt->until_ms;
    return true;
}

bool adapt_asked(const struct adapt *adapt)
{
    return adapt->asked;
}

double adapt_pace(const struct adapt *adapt)
{
    return adapt->pace;
}
