/*
 * The law for limits that nobody named (net/throttle), through net/pace, against simulated limiters of every kind: what
 * part of the limit was used, and what part of the requests was refused, those in flight at the first refusal left out.
 *
 * What it makes of single events comes first.
 *
 * With the argument `table` all of it is printed (`make limits`); else a part of it is held to the targets.
 */
#include "pace_world.h"

#include <string.h>

/* ---- single events by hand ---- */

static const struct pace_answer taken = {.retry_after_ms = -1, .hint = {false, -1, -1, -1}};
static const struct pace_answer refused_5s = {.refused = true, .retry_after_ms = 5000, .hint = {false, -1, -1, -1}};
static const struct pace_answer refused_mute = {.refused = true, .retry_after_ms = -1, .hint = {false, -1, -1, -1}};

static struct pace *new_pace(uint32_t count, int64_t window_ms)
{
    struct pace_config config = {.limit = {.count = count, .window_ms = window_ms}};

    return pace_new(&config);
}

/* Sixteen at once, all refused: one hold, then one probe, then all go on. */
static void burst_of_refusals_is_one_event(void **state)
{
    struct pace *pace = new_pace(0, 0);
    int64_t until;

    (void)state;
    for (int i = 0; i < 116; i++)
        pace_sent(pace, 0);
    for (int i = 0; i < 100; i++)
        pace_answered(pace, 20, &taken);
    assert_false(pace_holding(pace, 20, &until));
    for (int i = 0; i < 16; i++)
        pace_answered(pace, 20 + i, &refused_5s);
    assert_true(pace_holding(pace, 40, &until));
    assert_int_equal(until, 5035);
    assert_int_equal(pace_next(pace, 40), 5035);
    pace_sent(pace, 5035);
    assert_true(pace_next(pace, 5035) > 5035);
    pace_answered(pace, 5060, &taken);
    assert_false(pace_holding(pace, 5060, &until));
    /* 100 were taken in 5,035 ms, of which up to a second may have been rounded up: a window of 5 s. */
    assert_true(fabs(pace_rate_per_s(pace) - 0.98 * 100 / 5) < 0.01);
    pace_free(pace);
}

static void refused_probes_wait_longer(void **state)
{
    struct pace *pace = new_pace(0, 0);
    int64_t now = 0, last = 0;

    (void)state;
    for (int i = 0; i < 12; i++) {
        int64_t wait;

        pace_sent(pace, now);
        pace_answered(pace, now, &refused_mute);
        wait = pace_next(pace, now) - now;
        assert_in_range(wait, last > 0 ? last : 1, 60000);
        last = wait;
        now += wait;
    }
    assert_int_equal(last, 60000);
    pace_free(pace);
}

/* Somebody else used the window up: nothing is known of the rate, and the first burst may go out in full. */
static void first_refusal_alone_teaches_nothing(void **state)
{
    struct pace *pace = new_pace(500, 60000);

    (void)state;
    pace_sent(pace, 0);
    pace_answered(pace, 10, &refused_5s);
    pace_sent(pace, 5010);
    pace_answered(pace, 5020, &taken);
    assert_int_equal(pace_next(pace, 5020), 5020);
    assert_int_equal(pace_eta_ms(pace, 5020, 498), 0);
    pace_free(pace);
}

static void outage_holds_and_teaches_nothing(void **state)
{
    const struct pace_answer outage = {.outage = true, .retry_after_ms = 30000, .hint = {false, -1, -1, -1}};
    struct pace *pace = new_pace(0, 0);
    int64_t until;

    (void)state;
    for (int i = 0; i < 50; i++) {
        pace_sent(pace, 0);
        pace_answered(pace, 0, &taken);
    }
    pace_sent(pace, 0);
    pace_answered(pace, 100, &outage);
    assert_true(pace_holding(pace, 100, &until));
    assert_int_equal(until, 30100);
    pace_sent(pace, 30100);
    pace_answered(pace, 30110, &taken);
    assert_true(pace_rate_per_s(pace) == 0);
    assert_int_equal(pace_next(pace, 30110), 30110);
    pace_free(pace);
}

static void reset_header_stands_in_for_retry_after(void **state)
{
    static const struct {
        struct pace_hint hint;
        int64_t wait_ms;
    } cases[] = {
        {{true, 100, 0, 7000}, 7000},
        {{true, -1, -1, 7000}, 7000},
        {{true, 100, 5, 7000}, 100}, /* not the limit that refused */
        {{true, 100, 0, INT64_C(366) * 24 * 3600 * 1000}, 3600 * 1000},
        {{true, 100, 0, -1}, 100},
        {{false, -1, -1, -1}, 100},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pace_answer answer = {.refused = true, .retry_after_ms = -1, .hint = cases[i].hint};
        struct pace *pace = new_pace(0, 0);

        pace_sent(pace, 0);
        pace_answered(pace, 0, &answer);
        assert_int_equal(pace_next(pace, 0), cases[i].wait_ms);
        pace_free(pace);
    }
}

static void hung_probe_is_followed_by_another(void **state)
{
    struct pace *pace = new_pace(0, 0);

    (void)state;
    pace_sent(pace, 0);
    pace_answered(pace, 0, &refused_5s);
    pace_sent(pace, 5000);
    assert_int_equal(pace_next(pace, 5000), 6000);
    pace_unsent(pace, 5100); /* never went out: the next may go at once */
    assert_int_equal(pace_next(pace, 5100), 5100);
    pace_free(pace);
}

/* What was found can be named, and is where a later run begins. */
static void what_was_found_is_a_start(void **state)
{
    struct pace *pace = new_pace(0, 0);
    struct pace_config config = {.found = {.count = 49, .window_ms = 2500}};
    struct rate found;

    (void)state;
    assert_int_equal(pace_found(pace).count, 0);
    for (int i = 0; i < 101; i++)
        pace_sent(pace, 0);
    for (int i = 0; i < 100; i++)
        pace_answered(pace, 20, &taken);
    pace_answered(pace, 20, &refused_5s);
    pace_sent(pace, 5020);
    pace_answered(pace, 5040, &taken);
    found = pace_found(pace);
    assert_int_equal(found.count, 98);
    assert_int_equal(found.window_ms, 5000);
    assert_true(fabs((double)found.count / (double)found.window_ms * 1000 - pace_rate_per_s(pace)) < 0.1);
    pace_free(pace);
    pace = pace_new(&config);
    assert_true(fabs(pace_rate_per_s(pace) - 19.6) < 1e-9);
    assert_int_equal(pace_found(pace).count, 49);
    pace_sent(pace, 0);
    assert_int_equal(pace_next(pace, 0), 52);
    pace_free(pace);
}

/* ---- whole limits ---- */

enum { TRIPS = 4, RATES = 6, SPANS = 2, TABLE_SEEDS = 6 };

/* One way, and how much longer it may be. */
static const struct trip {
    int64_t latency, jitter;
} trips[TRIPS] = {{MS / 2, MS / 2}, {10 * MS, 4 * MS}, {50 * MS, 20 * MS}, {250 * MS, 100 * MS}};

static const double rates[RATES] = {10, 100, 5, 20, 50, 300};

struct limiter {
    const char *name;
    enum kind kind;
    double burst;    /* of a bucket, in requests; less than 0: in seconds of its rate */
    double window_s; /* of a window */
    bool counts_refused, shared;
    double noise; /* the share that is refused at random */
    double step;  /* the limit is so many times what it was, after three tenths of the run; 0: it stays */
    double least[SPANS], most[SPANS]; /* what the test holds the means to, where it is not the target */
};

static const struct limiter limiters[] = {
    {.name = "spacing", .burst = 1, .least = {0.7, 0.75}}, /* what jitter leaves of it */
    {.name = "bucket, burst 5", .burst = 5},
    {.name = "bucket, burst 1 s", .burst = -1},
    {.name = "bucket, burst 5 s", .burst = -5},
    {.name = "rolling 1 s", .kind = ROLLING, .window_s = 1},
    {.name = "rolling 10 s", .kind = ROLLING, .window_s = 10},
    {.name = "rolling 60 s", .kind = ROLLING, .window_s = 60},
    {.name = "fixed 1 s", .kind = FIXED, .window_s = 1, .most = {0.05, 0.035}},
    {.name = "fixed 10 s", .kind = FIXED, .window_s = 10},
    {.name = "fixed 60 s", .kind = FIXED, .window_s = 60},
    {.name = "rolling 10 s, refused count",
     .kind = ROLLING,
     .window_s = 10,
     .counts_refused = true,
     .least = {0, 0.88}},
    {.name = "bucket, burst 1 s, 2 % random", .burst = -1, .noise = 0.02},
    {.name = "fixed 10 s, 2 % random", .kind = FIXED, .window_s = 10, .noise = 0.02, .least = {0, 0.8}},
    {.name = "bucket, burst 1 s, shared", .burst = -1, .shared = true, .most = {0.05, 0.035}},
    {.name = "rolling 10 s, shared",
     .kind = ROLLING,
     .window_s = 10,
     .shared = true,
     .least = {0, 0.9},
     .most = {0.05, 0.03}},
    {.name = "bucket, burst 1 s, halved", .burst = -1, .step = 0.5},
    {.name = "bucket, burst 1 s, doubled", .burst = -1, .step = 2},
    {.name = "fixed 10 s, halved", .kind = FIXED, .window_s = 10, .step = 0.5},
    {.name = "fixed 10 s, doubled", .kind = FIXED, .window_s = 10, .step = 2},
};
enum { LIMITERS = sizeof(limiters) / sizeof(limiters[0]) };

static const double least_used[SPANS] = {0.85, 0.95}, most_refused[SPANS] = {0.05, 0.02};

static double span_s(const struct limiter *limiter, int span)
{
    static const double spans[SPANS] = {20, 100}, stepped[SPANS] = {100, 300};

    return limiter->step > 0 ? stepped[span] : spans[span];
}

static void make_world(struct world *world, const struct limiter *limiter, enum form form, double rate, uint64_t seed)
{
    struct server *server = &world->server;
    double count = limiter->kind != BUCKET ? rate * limiter->window_s
                   : limiter->burst > 0    ? limiter->burst
                                           : -limiter->burst * rate;

    world_init(world, seed);
    server->kind = limiter->kind;
    server->form = form;
    server->counts_refused = limiter->counts_refused;
    server->shared = limiter->shared;
    server->refill = rate / 1e6;
    server->window = limiter->window_s > 0 ? (int64_t)(limiter->window_s * 1e6) : S;
    server->count = (uint32_t)count;
    server->step = limiter->step;
    world->gateway.share = limiter->noise;
    world->lag_ms = 1;
    world->concurrency = 16;
    world->has_rows = true;
}

/* How many requests the limit allows in `took_s`; one that was raised counts when it must have been found. */
static double allowed(const struct world *world, const struct limiter *limiter, double rate, double step_s,
                      double took_s)
{
    const struct server *server = &world->server;
    double all = rate * took_s;

    if (limiter->step > 1)
        step_s += fmax(60, 200 / rate);
    if (limiter->step > 0 && took_s > step_s)
        all = rate * (step_s + limiter->step * (took_s - step_s));
    if (server->kind != BUCKET)
        all *= (double)server->window / (double)(server->window + world->jitter);
    return all - (double)server->other_taken;
}

struct result {
    double used, refused;
};

static struct result simulate(const struct limiter *limiter, enum form form, double rate, const struct trip *trip,
                              double span, uint64_t seed)
{
    static struct world world;
    struct pace_config config = {.limit = {0}};
    struct pace *pace = pace_new(&config);
    double rows = rate * span;
    struct result result;

    make_world(&world, limiter, form, rate, seed);
    world.latency = trip->latency;
    world.jitter = trip->jitter;
    world.rows = (uint64_t)rows;
    world.server.step_at = limiter->step > 0 ? (int64_t)(span * 0.3e6) : 0;
    server_start(&world.server);
    run(&world, pace, INT64_MAX);
    result.used = rows / allowed(&world, limiter, rate, span * 0.3, (double)world.last_over / 1e6);
    result.refused = (double)(world.refused - world.by_gateway - world.first) / (double)world.sent;
    pace_free(pace);
    world_release(&world);
    return result;
}

/* The means of many runs, how many there were, and how many met both targets. */
struct line {
    double used, refused;
    uint32_t runs, met;
};

/* Sixteen transfers at once must be able to reach the limit. */
static bool can_reach(double rate, const struct trip *trip)
{
    return rate * (2 * (double)trip->latency + (double)trip->jitter) / 1e6 <= 10;
}

static struct line make_line(const struct limiter *limiter, enum form form, int span, int rate_count, uint64_t seeds)
{
    struct line line = {0};

    for (int r = 0; r < rate_count; r++)
        for (int t = 0; t < TRIPS; t++)
            for (uint64_t seed = 1; seed <= seeds && can_reach(rates[r], &trips[t]); seed++) {
                struct result result = simulate(limiter, form, rates[r], &trips[t], span_s(limiter, span), seed);

                line.used += fmin(result.used, 1);
                line.refused += result.refused;
                line.met += result.used >= least_used[span] && result.refused <= most_refused[span];
                line.runs++;
            }
    line.used /= line.runs;
    line.refused /= line.runs;
    return line;
}

static void print_table(void)
{
    static const char *const names[] = {"seconds", "date", "none"};

    puts("| limiter, 5 to 300/s, 1 to 600 ms | Retry-After | run | used | refused | runs that meet both |");
    puts("| --- | --- | --- | --- | --- | --- |");
    for (int i = 0; i < LIMITERS; i++)
        for (enum form form = SECONDS; form <= ABSENT; form++)
            for (int span = 0; span < SPANS; span++) {
                struct line line = make_line(&limiters[i], form, span, RATES, TABLE_SEEDS);

                printf("| %s | %s | %.0f s | %.3f | %.1f %% | %u of %u |\n", limiters[i].name, names[form],
                       span_s(&limiters[i], span), line.used, 100 * line.refused, line.met, line.runs);
            }
}

static void limits_are_found(void **state)
{
    (void)state;
    for (int i = 0; i < LIMITERS; i++)
        for (int span = 0; span < SPANS; span++) {
            const struct limiter *limiter = &limiters[i];
            struct line line = make_line(limiter, i % 2 == 0 ? ABSENT : SECONDS, span, 2, 2);
            double least = limiter->least[span] > 0 ? limiter->least[span] : least_used[span];
            double most = limiter->most[span] > 0 ? limiter->most[span] : most_refused[span];

            if (line.used < least || line.refused > most)
                fail_msg("%s, %.0f s: %.3f of the limit used, %.4f of the requests refused", limiter->name,
                         span_s(limiter, span), line.used, line.refused);
        }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_of_refusals_is_one_event),
        cmocka_unit_test(refused_probes_wait_longer),
        cmocka_unit_test(first_refusal_alone_teaches_nothing),
        cmocka_unit_test(outage_holds_and_teaches_nothing),
        cmocka_unit_test(reset_header_stands_in_for_retry_after),
        cmocka_unit_test(hung_probe_is_followed_by_another),
        cmocka_unit_test(what_was_found_is_a_start),
        cmocka_unit_test(limits_are_found),
    };

    if (argc > 1 && strcmp(argv[1], "table") == 0) {
        print_table();
        return 0;
    }
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
