#include "net/noise.h"

#include <math.h>

/* Shares and counts, tuned by the simulation in tests/unit/test_adapt.c. */
#define LOWERED 1.5       /* by this the pace must have come down for a suspicion */
#define CONTRADICTION 1.1 /* a pace that is refused though so many times as much was taken before */
#define GROWTH 2.0        /* of the pace in a trial, at first */
#define GROWTH_LEAST 1.25 /* after trials that failed */
#define GROWTH_TOLD 4.0   /* of the refusals' odds, where waits are obeyed */
#define HOLD_FILL 40.0    /* a hold is so many times as long as the sending between two */
#define FIRST_GROWTH 4.0  /* so much more a limit would refuse in the first trial */
#define DOUBT 2.0         /* refusals more than there were: a share seen in few is rather taken too high than too low */
#define FIRST_TRIAL 8.0   /* the first trial is at this at least: a limit would show at once */
#define BACK 0.9          /* of what was taken remains after a trial that failed: it may have been just above */
#define EXERCISED 0.5     /* of a pace must really have been sent, or a higher one changes nothing */
#define SHARE_LEAST 0.05  /* a share is not known more exactly than this */
#define SHARE_MOST 0.9
#define SHARE_NOTICED 0.005 /* less noise than that is none */
#define SHARE_NEWS 0.3      /* a block's weight in the share */
#define CERTAIN 4.0         /* logarithm of the odds that decide a block */
#define LONGER_THAN_MEAN 8  /* an event that so much more went before does not belong to the chain */
enum {
    EVENTS = 3,
    CONTRADICTIONS = 2,
    EVENTS_MOST = 96,
    BLOCK_ANSWERS = 16,   /* at least, */
    BLOCK_CYCLES = 3,     /* and as many times as many answers as a refusal comes among, */
    BLOCK_MS = 500,       /* so that most refused rows have come back */
    LIMITED_MS = 1000,    /* a limit is not believed in sooner, */
    LIMITED_REFUSALS = 4, /* nor after fewer refusals, */
    LIMITED_BURST = 48,   /* unless so many come at once */
    PATIENCE = 4,
    PATIENCE_MOST = 64,
    CLEAN_ANSWERS = 240, /* without a refusal, at least, */
    CLEAN = 14,          /* times as many as come between two refusals on average: by chance once in a million times */
};

void noise_init(struct noise *noise)
{
    *noise = (struct noise){.needed = EVENTS};
}

static double clamp(double value, double least, double most)
{
    return fmin(fmax(value, least), most);
}

static void begin_block(struct noise *noise, int64_t now_ms)
{
    noise->pace = noise->trial ? noise->taken * noise->growth : noise->taken;
    noise->from_ms = now_ms;
    noise->answers = 0;
    noise->refusals = 0;
    noise->odds = 0;
}

static void forget_chain(struct noise *noise)
{
    noise->events = 0;
    noise->learned = 0;
    noise->kept = 0;
    noise->share_kept = 0;
    noise->share_missed = 0;
    noise->contradictions = 0;
    noise->probes = 0;
    noise->took_ms = 0;
    noise->held_ms = 0;
    noise->accepted = 0;
    noise->began = 0;
}

/* Whether a limit would not explain the chain: it was lowered far enough, and no probe had to wait for a window. */
static bool is_suspicious(const struct noise *noise, double low)
{
    bool contradicted = noise->contradictions >= CONTRADICTIONS;

    if ((noise->events < noise->needed && !contradicted) || low <= 0 || noise->began < LOWERED * low ||
        noise->share_missed < SHARE_NOTICED * noise->share_kept)
        return false;
    return contradicted || (!noise->told && noise->probes * 2 <= noise->events);
}

/*
 * The suspicion: what a limit at the low pace could not take is tried. Where waits are obeyed, they leave a limit room
 * for about what came in during a hold: then nearly all the time must be hold, far more than it was in the chain.
 */
static void begin(struct noise *noise, int64_t now_ms, double low)
{
    double pace = fmax(noise->began, noise->limited ? noise->limit : FIRST_TRIAL * low);

    noise->growth = FIRST_GROWTH;
    if (noise->told) {
        pace = fmax(pace, HOLD_FILL * (double)noise->accepted / noise->events / (noise->held_ms / noise->learned));
        noise->growth = fmin(noise->took_ms / noise->held_ms, GROWTH_TOLD);
    }
    noise->on = true;
    noise->share = (noise->share_missed + DOUBT) / (noise->share_missed + DOUBT + noise->share_kept);
    noise->taken = fmin(noise->began, fmax(low, (double)noise->kept / noise->took_ms));
    noise->trial = true;
    noise->believed = false;
    noise->rest = 0;
    noise->patience = PATIENCE;
    noise->clean = 0;
    noise->heard = noise->share_kept + noise->share_missed;
    noise->missed = noise->share_missed;
    forget_chain(noise);
    begin_block(noise, now_ms);
    noise->pace = pace;
}

bool noise_event(struct noise *noise, int64_t now_ms, const struct noise_event *event)
{
    if (noise->learned > 0 && event->accepted > LONGER_THAN_MEAN * (noise->accepted / noise->events + 2))
        forget_chain(noise);
    if (noise->events++ == 0)
        noise->told = false;
    noise->told |= event->told;
    noise->accepted += event->accepted;
    noise->probes += event->probes;
    if (event->before > 0 && CONTRADICTION * event->before * noise->took_ms <= (double)noise->kept)
        noise->contradictions += noise->took_ms > 0;
    if (event->before > 0) {
        noise->learned++;
        noise->kept += event->accepted;
        noise->share_kept = noise->share_kept / 2 + (double)event->accepted;
        noise->share_missed = noise->share_missed / 2 + (double)event->refused;
        noise->took_ms += event->took_ms;
        noise->held_ms += event->held_ms;
    }
    if (noise->limited && event->before <= 0)
        noise->limit = event->after;
    noise->began = fmax(noise->began, event->before > 0 ? event->before : event->after);
    if (!is_suspicious(noise, event->after))
        return false;
    begin(noise, now_ms, event->after);
    return true;
}

/* The trial's pace brought more refusals. */
static enum noise_news take_back(struct noise *noise)
{
    if (!noise->believed) {
        noise->needed = noise->needed < EVENTS_MOST ? noise->needed * 3 / 2 : EVENTS_MOST;
        return NOISE_DENIED;
    }
    noise->trial = false;
    noise->taken *= BACK;
    noise->growth = fmax(sqrt(noise->growth), GROWTH_LEAST);
    noise->rest = noise->patience;
    noise->patience = noise->patience < PATIENCE_MOST ? noise->patience * 2 : PATIENCE_MOST;
    return NOISE_ON;
}

/* The share of refusals is no higher: on with a higher pace, if this one was really gone. */
static void go_on(struct noise *noise, int64_t now_ms)
{
    double share = (double)noise->refusals / (double)noise->answers;
    double most = noise->pace * (double)(now_ms - noise->from_ms);

    noise->share += SHARE_NEWS * (share - noise->share);
    if (noise->trial && !noise->believed && noise->limited) {
        noise->taken = noise->pace;
        noise->growth = GROWTH_LEAST;
        noise->rest = PATIENCE;
    } else if (noise->trial) {
        noise->taken = noise->pace;
        noise->growth = noise->told      ? GROWTH_TOLD
                        : noise->limited ? GROWTH_LEAST
                                         : clamp(noise->growth * noise->growth, GROWTH_LEAST, GROWTH);
    } else if (noise->rest > 0)
        noise->rest--;
    noise->believed = true;
    noise->trial = !noise->told && noise->rest == 0 && (double)noise->answers >= EXERCISED * most;
}

/* What a limit may let pass at any pace, because its window was empty, must not count: that is about one cycle. */
static bool is_whole(const struct noise *noise, int64_t now_ms)
{
    double answers = BLOCK_CYCLES / fmax(noise->share, SHARE_NOTICED);

    return now_ms - noise->from_ms >= BLOCK_MS && noise->answers >= fmax(answers, BLOCK_ANSWERS);
}

/* Whether the block's refusals are more than noise. */
static bool is_limited(const struct noise *noise, int64_t now_ms)
{
    uint32_t least = now_ms - noise->from_ms < LIMITED_MS ? LIMITED_BURST : LIMITED_REFUSALS;

    return noise->refusals >= least && noise->odds >= CERTAIN;
}

static bool is_noise(const struct noise *noise, int64_t now_ms)
{
    return noise->odds <= -CERTAIN && is_whole(noise, now_ms);
}

static enum noise_news judge(struct noise *noise, int64_t now_ms)
{
    enum noise_news news = NOISE_ON;

    if (is_limited(noise, now_ms))
        news = noise->trial ? take_back(noise) : NOISE_FULL;
    else if (is_noise(noise, now_ms))
        go_on(noise, now_ms);
    else
        return NOISE_ON;
    begin_block(noise, now_ms);
    return news;
}

/* The share of refusals that a limit would bring. */
static double surplus(const struct noise *noise, double share)
{
    double growth = noise->trial ? noise->growth : noise->told ? GROWTH_TOLD : GROWTH;

    if (noise->told)
        return share * growth / (share * growth + 1 - share);
    return 1 - (1 - share) / growth;
}

enum noise_news noise_answer(struct noise *noise, int64_t now_ms, bool refused)
{
    double share = clamp(noise->share, noise->told ? SHARE_NOTICED : SHARE_LEAST, SHARE_MOST);
    double limited = surplus(noise, share);
    enum noise_news news;

    noise->answers++;
    noise->refusals += refused;
    noise->odds += refused ? log(limited / share) : log((1 - limited) / (1 - share));
    noise->clean = refused ? 0 : noise->clean + !noise->trial;
    noise->heard += 1;
    noise->missed += refused;
    news = judge(noise, now_ms);
    if (news == NOISE_ON && noise->clean > CLEAN_ANSWERS && (double)noise->clean * noise->missed > CLEAN * noise->heard)
        news = NOISE_GONE;
    noise->limited |= news == NOISE_FULL;
    noise->on = news == NOISE_ON;
    return news;
}
