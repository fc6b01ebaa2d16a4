/* pace: slots, by hand and against simulated servers that really enforce the declared limit. */
#include "net/pace.h"
#include "pace_world.h"

enum { KNOWN_WORLDS = 4000 };

static const struct pace_answer taken = {.retry_after_ms = -1, .hint = {false, -1, -1, -1}};

static struct pace *new_pace(uint32_t count, int64_t window_ms)
{
    struct pace_config config = {.limit = {.count = count, .window_ms = window_ms}};

    return pace_new(&config);
}

static void slots_are_free_a_window_after_the_answer(void **state)
{
    struct pace *pace = new_pace(2, 10000);

    (void)state;
    assert_int_equal(pace_next(pace, 100), 100);
    pace_sent(pace, 100);
    pace_sent(pace, 100);
    assert_true(pace_next(pace, 150) == INT64_MAX);
    pace_answered(pace, 400, &taken);
    assert_int_equal(pace_next(pace, 400), 400 + 10000 + 1 + 5);
    pace_answered(pace, 900, &taken);
    assert_int_equal(pace_next(pace, 10405), 10406);
    assert_int_equal(pace_next(pace, 10406), 10406);
    pace_sent(pace, 10406);
    assert_int_equal(pace_next(pace, 10406), 10906);
    assert_int_equal(pace_most_in_window(pace), 2);
    pace_free(pace);
}

static void a_request_that_found_no_host_counts(void **state)
{
    struct pace *pace = new_pace(1, 10000);

    (void)state;
    pace_sent(pace, 5);
    assert_true(pace_next(pace, 5) == INT64_MAX);
    pace_unsent(pace, 7);
    assert_int_equal(pace_next(pace, 8), 7 + 10006);
    assert_int_equal(pace_most_in_window(pace), 1);
    pace_free(pace);
}

static void each_limit_has_its_slots(void **state)
{
    struct pace_config config = {.limit = {.count = 3, .window_ms = 10000}, .also = {{.count = 2, .window_ms = 1000}}};
    struct pace *pace = pace_new(&config);

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pace_next(pace, 0), 0);
        pace_sent(pace, 0);
        pace_answered(pace, 0, &(struct pace_answer){.retry_after_ms = -1, .hint = PACE_HINT_NONE});
    }
    assert_in_range(pace_next(pace, 0), 1001, 1010);
    assert_in_range(pace_eta_ms(pace, 0, 2), 10001, 10020);
    pace_sent(pace, 1010);
    pace_answered(pace, 1010, &(struct pace_answer){.retry_after_ms = -1, .hint = PACE_HINT_NONE});
    assert_in_range(pace_next(pace, 1010), 10001, 10020);
    pace_free(pace);
}

static void earlier_run_is_remembered(void **state)
{
    struct pace *pace = new_pace(10, 60000);

    (void)state;
    pace_remember(pace, 1000, 500, 90000); /* long past */
    pace_remember(pace, 1000, 4, 30000);
    pace_remember(pace, 1000, 3, -5); /* a clock that went back */
    assert_int_equal(pace_eta_ms(pace, 1000, 3), 0);
    assert_int_equal(pace_eta_ms(pace, 1000, 4), 30031);
    assert_int_equal(pace_eta_ms(pace, 1000, 8), 60031);
    for (int i = 0; i < 3; i++)
        pace_sent(pace, 1000);
    assert_int_equal(pace_next(pace, 1000), 31031);
    pace_free(pace);

    pace = new_pace(10, 60000);
    pace_remember(pace, 1000, UINT32_MAX, 50000); /* more than there are slots: the newest count */
    pace_remember(pace, 1000, 8, 20000);
    assert_int_equal(pace_eta_ms(pace, 1000, 2), 10031);
    assert_int_equal(pace_eta_ms(pace, 1000, 3), 40031);
    pace_free(pace);
}

static void eta_counts_windows(void **state)
{
    struct pace *pace = new_pace(500, 60000);

    (void)state;
    assert_int_equal(pace_eta_ms(pace, 0, 0), 0);
    assert_int_equal(pace_eta_ms(pace, 0, 500), 0);
    assert_int_equal(pace_eta_ms(pace, 0, 501), 60031);
    assert_int_equal(pace_eta_ms(pace, 0, 10000), 19 * 60031);
    assert_true(pace_eta_ms(pace, 0, UINT64_MAX) > 0);
    assert_true(fabs(pace_rate_per_s(pace) - 500.0 / 60) < 1e-9);
    pace_free(pace);

    pace = new_pace(0, 0);
    assert_int_equal(pace_eta_ms(pace, 0, UINT64_MAX), 0);
    assert_true(pace_rate_per_s(pace) == 0);
    pace_free(pace);
    pace_free(NULL);
}

/* 3 million sendings in a minute, counted exactly, and cheaply: by the millisecond. */
static void unlimited_sends_are_counted_exactly(void **state)
{
    struct pace *pace = new_pace(0, 0);

    (void)state;
    for (int64_t now = 0; now < 70000; now++)
        for (int i = 0; i < 50; i++)
            pace_sent(pace, now);
    assert_int_equal(pace_most_in_window(pace), 3000000);
    pace_free(pace);
}

/* ---- a limit that is known ---- */

/* The most of `count` times in order that lie within any `window`, [t, t + window). */
static uint32_t most_within(const int64_t *times, uint64_t count, int64_t window)
{
    uint64_t from = 0, most = 0;

    for (uint64_t to = 0; to < count; to++) {
        while (times[from] + window <= times[to])
            from++;
        most = to + 1 - from > most ? to + 1 - from : most;
    }
    return (uint32_t)most;
}

/* Uniform in the logarithm. */
static double pick_scale(uint64_t *state, double least, double most)
{
    return least * pow(most / least, uniform(state));
}

static struct rate make_known_world(struct world *world, uint64_t seed)
{
    struct rate limit;

    world_init(world, seed);
    limit.count = (uint32_t)pick_scale(&world->random, 1, 600);
    limit.window_ms = (int64_t)pick_scale(&world->random, 250, 120000);
    world->concurrency = (uint32_t)pick(&world->random, 1, 40);
    /* Without latency nothing but the guard stands between the clocks. */
    world->latency = pick(&world->random, 0, 2) > 0 ? pick(&world->random, 0, 60 * MS) : 0;
    world->jitter = pick(&world->random, 0, 1) ? pick(&world->random, 0, 400 * MS) : 0;
    world->requests = (uint64_t)pick(&world->random, 1, 5 * (int64_t)limit.count + 20);
    world->sends = calloc(world->requests, sizeof(world->sends[0]));
    world->server.drift = 1 + (uniform(&world->random) - 0.5) * 0.0008;
    world->server.kind = ROLLING;
    world->server.count = limit.count;
    world->server.window = limit.window_ms * MS;
    server_start(&world->server);
    return limit;
}

/* Disturbances that the arithmetic bound knows nothing of. */
static void disturb(struct world *world)
{
    world->lost_percent = (uint32_t)pick(&world->random, 0, 30);
    world->unsent_percent = (uint32_t)pick(&world->random, 0, 20);
    world->timeout = 2 * (world->latency + world->jitter) + pick(&world->random, 0, 5 * S);
    world->lag_ms = pick(&world->random, 0, 20);
}

static void known_limit_is_never_exceeded(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= KNOWN_WORLDS; seed++) {
        struct world world;
        struct pace_config config = {.limit = make_known_world(&world, seed)};
        struct pace *pace = pace_new(&config);
        uint32_t most;

        disturb(&world);
        run(&world, pace, INT64_MAX);
        most = most_within(world.sends, world.sent, config.limit.window_ms);
        if (world.refused > 0 || world.sent != world.requests || most > config.limit.count)
            fail_msg("seed %" PRIu64 ": %" PRIu64 " refused, %" PRIu64 " of %" PRIu64 " sent, %u in a window of %u",
                     seed, world.refused, world.sent, world.requests, most, config.limit.count);
        if (world.unsent_percent == 0 && pace_most_in_window(pace) != most)
            fail_msg("seed %" PRIu64 ": most in a window %u, not %u", seed, pace_most_in_window(pace), most);
        if (pace_most_in_window(pace) > config.limit.count)
            fail_msg("seed %" PRIu64 ": claims %u in a window of %u", seed, pace_most_in_window(pace),
                     config.limit.count);
        pace_free(pace);
        world_release(&world);
    }
}

/*
 * R requests finish within 2 % of floor((R-1)/N) windows, one round trip for each window, and what the first window
 * takes at this concurrency.
 */
static void known_limit_is_used_up(void **state)
{
    uint32_t checked = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= KNOWN_WORLDS; seed++) {
        struct world world;
        struct pace_config config = {.limit = make_known_world(&world, seed)};
        struct pace *pace = pace_new(&config);
        double round_trip = (double)(2 * (world.latency + world.jitter));
        uint64_t windows = (world.requests - 1) / config.limit.count;
        double first = ceil(fmin(config.limit.count, (double)world.requests) / world.concurrency) * round_trip;
        double bound =
            (double)windows * (1.02 * (double)config.limit.window_ms * 1000 + round_trip) + first + round_trip;

        run(&world, pace, INT64_MAX);
        /* Where the round trips alone fill the window, the concurrency is the limit. */
        if (first * 2 < (double)config.limit.window_ms * 1000) {
            checked++;
            if ((double)world.last_over > bound || world.refused > 0)
                fail_msg("seed %" PRIu64 ": took %.3f s, bound %.3f s, %" PRIu64 " refused", seed,
                         (double)world.last_over / 1e6, bound / 1e6, world.refused);
        }
        pace_free(pace);
        world_release(&world);
    }
    assert_true(checked > KNOWN_WORLDS / 4);
}

/* Refusals that name no time are waited for by a backoff that has the user's cap, and are not said to have asked. */
static void a_hold_knows_who_asked(void **state)
{
    struct pace_config config = {.limit = {0}, .backoff_most_ms = 2000};
    struct pace_answer refusal = {.refused = true, .retry_after_ms = -1, .hint = PACE_HINT_NONE};
    struct pace *pace = pace_new(&config);
    int64_t now_ms = 1000, until_ms;

    (void)state;
    for (int i = 0; i < 6; i++) {
        pace_sent(pace, now_ms);
        pace_answered(pace, now_ms, &refusal);
        assert_true(pace_holding(pace, now_ms, &until_ms));
        assert_false(pace_hold_was_asked(pace));
        assert_in_range(until_ms - now_ms, 100, 2000);
        now_ms = until_ms;
    }
    refusal.retry_after_ms = 7000;
    pace_sent(pace, now_ms);
    pace_answered(pace, now_ms, &refusal);
    assert_true(pace_holding(pace, now_ms, &until_ms) && pace_hold_was_asked(pace));
    assert_int_equal(until_ms, now_ms + 7000);
    pace_free(pace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_free_a_window_after_the_answer),
        cmocka_unit_test(a_request_that_found_no_host_counts),
        cmocka_unit_test(each_limit_has_its_slots),
        cmocka_unit_test(earlier_run_is_remembered),
        cmocka_unit_test(eta_counts_windows),
        cmocka_unit_test(unlimited_sends_are_counted_exactly),
        cmocka_unit_test(a_hold_knows_who_asked),
        cmocka_unit_test(known_limit_is_never_exceeded),
        cmocka_unit_test(known_limit_is_used_up),
    };

    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
