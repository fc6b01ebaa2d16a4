/* retry: backoff, Retry-After and RateLimit headers, well-formed, odd and hostile. */
#include "base/clock.h"
#include "net/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define WALL_MS INT64_C(1795500000000) /* Tue, 24 Nov 2026 06:00:00 GMT */
#define NOW "Tue, 24 Nov 2026 06:00:00 GMT"

static const struct retry_config config = {.max_attempts = 5, .base_ms = 500, .cap_ms = 60000};

static void the_wall_time_is_what_the_dates_say(void **state)
{
    int64_t wall_ms;

    (void)state;
    assert_true(clock_parse_http_date(span_of(NOW), &wall_ms));
    assert_true(wall_ms == WALL_MS);
}

static void attempts_are_counted_from_one(void **state)
{
    (void)state;
    assert_true(retry_allowed(&config, 0));
    assert_true(retry_allowed(&config, 4));
    assert_false(retry_allowed(&config, 5));
    assert_false(retry_allowed(&config, UINT32_MAX));
}

/* The bound that attempt number `attempt` draws from: the largest result over all remainders is reached at bound. */
static int64_t bound_of(const struct retry_config *with, uint32_t attempt, int64_t expected)
{
    assert_int_equal(retry_backoff(with, attempt, (uint64_t)expected + 1), 0);
    assert_int_equal(retry_backoff(with, attempt, 0), 0);
    return retry_backoff(with, attempt, (uint64_t)expected);
}

static void backoff_doubles_up_to_the_cap(void **state)
{
    static const int64_t bounds[] = {500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};

    (void)state;
    for (uint32_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
        assert_int_equal(bound_of(&config, i + 1, bounds[i]), bounds[i]);
    assert_int_equal(bound_of(&config, UINT32_MAX, 60000), 60000);
}

static void backoff_takes_odd_settings(void **state)
{
    const struct retry_config none = {.base_ms = 0, .cap_ms = 60000};
    const struct retry_config low_cap = {.base_ms = 500, .cap_ms = 100};
    const struct retry_config huge = {.base_ms = 3, .cap_ms = INT64_MAX};

    (void)state;
    assert_int_equal(retry_backoff(&none, 7, UINT64_MAX), 0);
    assert_int_equal(bound_of(&low_cap, 1, 100), 100);
    assert_true(retry_backoff(&huge, 200, UINT64_MAX) >= 0);
}

static void backoff_is_full_jitter(void **state)
{
    uint64_t random = 1, sum = 0;
    int64_t least = INT64_MAX, most = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        int64_t wait;

        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        wait = retry_backoff(&config, 3, random >> 20);
        assert_in_range(wait, 0, 2000);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
        sum += (uint64_t)wait;
    }
    assert_in_range(sum / 10000, 950, 1050);
    assert_in_range(least, 0, 10);
    assert_in_range(most, 1990, 2000);
}

struct retry_after_case {
    const char *value, *date;
    int64_t wait_ms;
};

static void expect_waits(const struct retry_after_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t wait = retry_after(span_of(cases[i].value), span_of(cases[i].date), WALL_MS);

        if (wait != cases[i].wait_ms)
            fail_msg("Retry-After \"%s\": %lld, not %lld", cases[i].value, (long long)wait,
                     (long long)cases[i].wait_ms);
    }
}

static void retry_after_takes_seconds_and_dates(void **state)
{
    static const struct retry_after_case cases[] = {
        {"0", NOW, 0},
        {"120", NOW, 120000},
        {" 7\t", NULL, 7000},
        {"31622400", NULL, RETRY_AFTER_MAX_MS},
        {"31622401", NULL, RETRY_AFTER_MAX_MS},
        {"99999999999999999999999999", NULL, RETRY_AFTER_MAX_MS},
        {"Tue, 24 Nov 2026 06:00:30 GMT", NULL, 30000},
        {"Tuesday, 24-Nov-26 06:00:30 GMT", NULL, 30000},
        {"Tue Nov 24 06:00:30 2026", NULL, 30000},
        /* The server's own clock counts, however wrong it is. */
        {"Tue, 24 Nov 2026 09:00:30 GMT", "Tue, 24 Nov 2026 09:00:00 GMT", 30000},
        {"Sun, 01 Jan 2006 00:01:00 GMT", "Sun, 01 Jan 2006 00:00:00 GMT", 60000},
        {"Tue, 24 Nov 2026 06:00:30 GMT", "yesterday", 30000},
        {"Tue, 24 Nov 2026 05:00:00 GMT", NULL, 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", NULL, RETRY_AFTER_MAX_MS},
        {"", NOW, -1},
        {"   ", NOW, -1},
        {"-1", NOW, -1},
        {"+5", NOW, -1},
    };

    (void)state;
    expect_waits(cases, sizeof(cases) / sizeof(cases[0]));
    assert_int_equal(retry_after((struct span){"1\0002", 3}, span_of(NULL), WALL_MS), -1);
    assert_int_equal(retry_after((struct span){NULL, 0}, (struct span){NULL, 0}, WALL_MS), -1);
}

/* What servers send in its place. */
static void retry_after_takes_decimals_units_and_other_dates(void **state)
{
    static const struct retry_after_case cases[] = {
        {"1.5", NOW, 1500},
        {"6.0", NOW, 6000},
        {"24.9971", NOW, 24998},
        {"0.0000001", NOW, 1},
        {"5s", NOW, 5000},
        {"5 S", NOW, 5000},
        {"1.2501 ms", NOW, 2},
        {"2 min", NOW, 120000},
        {"1h", NOW, 3600000},
        {"99999999h", NOW, RETRY_AFTER_MAX_MS},
        {"6,6", NOW, 6000},
        {"6, 7.5", NOW, 7500},
        {"Tue, 24 Nov 2026 06:00:30 +0000", NOW, 30000},
        {"2026-11-24T06:00:30Z", NOW, 30000},
        {"1795500030", NOW, 30000},
        {"1795500030500", NOW, 30500},
        {"1.", NOW, -1},
        {".5", NOW, -1},
        {"5 s s", NOW, -1},
        {"5,soon", NOW, -1},
        {"1.5.5", NOW, -1},
        {"5e3", NOW, -1},
        {"0x10", NOW, -1},
        {"soon", NOW, -1},
        {"Wed, 31 Feb 2026 06:00:30 GMT", NOW, -1},
        {"Tue, 24 Nov 2026 06:00:30", NOW, -1},
    };

    (void)state;
    expect_waits(cases, sizeof(cases) / sizeof(cases[0]));
}

static void rate_limit_headers_are_read(void **state)
{
    static const struct {
        const char *name, *value;
        int64_t limit, remaining, reset_ms;
    } cases[] = {
        {"RateLimit-Limit", "100", 100, -1, -1},
        {"ratelimit-limit", "10, 10;w=1, 1000;w=3600", 10, -1, -1},
        {"RATELIMIT-REMAINING", "0", -1, 0, -1},
        {"RateLimit-Reset", "30", -1, -1, 30000},
        {"RateLimit-Reset", "1795500030", -1, -1, 30000},
        {"RateLimit-Reset", "2.5", -1, -1, 2500},
        {"X-RateLimit-Reset", "20ms", -1, -1, 20},
        {"RateLimit", "limit=100, remaining=50, reset=5", 100, 50, 5000},
        {"RateLimit", "limit=100;w=60,remaining=50,reset=5", 100, 50, 5000},
        {"RateLimit", "\"default\";r=50;t=30", -1, 50, 30000},
        {"RateLimit", "\"burst\";r=3;t=1, \"daily\";r=900;t=80000", -1, 3, 1000},
        {"RateLimit", "\"r=9;t=9\";r=50;t=30", -1, 50, 30000},
        {"RateLimit", "default ; r = 50 ; t = 30", -1, 50, 30000},
        {"RateLimit-Policy", "\"default\";q=100;w=60", 100, -1, -1},
        {"X-RateLimit-Limit", "5000", 5000, -1, -1},
        {"X-RateLimit-Remaining", "4999", -1, 4999, -1},
        {"X-RateLimit-Reset", "60", -1, -1, 60000},
        {"X-RateLimit-Reset", "1795500030", -1, -1, 30000},
        {"X-RateLimit-Reset", "1795500030.25", -1, -1, 30250},
        {"X-RateLimit-Reset", "1795500030500", -1, -1, 30500},
        {"X-RateLimit-Reset", "1795490000", -1, -1, 0},
        {"x-rate-limit-reset", "60", -1, -1, 60000},
        /* Hostile and broken ones. */
        {"RateLimit-Limit", "99999999999999999999999999", INT64_C(1000000000000000), -1, -1},
        {"X-RateLimit-Reset", "99999999999999999999999999", -1, -1, RETRY_AFTER_MAX_MS},
        {"X-RateLimit-Remaining", "-1", -1, -1, -1},
        {"X-RateLimit-Remaining", "", -1, -1, -1},
        {"X-RateLimit-Remaining", "12abc", -1, -1, -1},
        {"RateLimit", "\"default;r=50;t=30", -1, -1, -1},
        {"RateLimit", "r=;t=-5;=7;;,,", -1, -1, -1},
        {"RateLimit", "r", -1, -1, -1},
        {"RateLimit", "", -1, -1, -1},
        /* Others. */
        {"X-RateLimit", "limit=5", -1, -1, -1},
        {"X-RateLimit-Used", "5", -1, -1, -1},
        {"Retry-After", "5", -1, -1, -1},
        {"", "5", -1, -1, -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pace_hint hint = PACE_HINT_NONE;
        bool said = cases[i].limit >= 0 || cases[i].remaining >= 0 || cases[i].reset_ms >= 0;

        retry_hint(&hint, span_of(cases[i].name), span_of(cases[i].value), WALL_MS);
        if (hint.present != said || hint.limit != cases[i].limit || hint.remaining != cases[i].remaining ||
            hint.reset_ms != cases[i].reset_ms)
            fail_msg("%s: %s: present %d limit %lld remaining %lld reset %lld", cases[i].name, cases[i].value,
                     hint.present, (long long)hint.limit, (long long)hint.remaining, (long long)hint.reset_ms);
    }
}

static void headers_add_up_and_the_first_counts(void **state)
{
    struct pace_hint hint = PACE_HINT_NONE;

    (void)state;
    retry_hint(&hint, span_of("X-RateLimit-Limit"), span_of("500"), WALL_MS);
    retry_hint(&hint, span_of("X-RateLimit-Remaining"), span_of("3"), WALL_MS);
    retry_hint(&hint, span_of("RateLimit"), span_of("limit=9, remaining=9, reset=9"), WALL_MS);
    assert_true(hint.present);
    assert_int_equal(hint.limit, 500);
    assert_int_equal(hint.remaining, 3);
    assert_int_equal(hint.reset_ms, 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wall_time_is_what_the_dates_say),
        cmocka_unit_test(attempts_are_counted_from_one),
        cmocka_unit_test(backoff_doubles_up_to_the_cap),
        cmocka_unit_test(backoff_takes_odd_settings),
        cmocka_unit_test(backoff_is_full_jitter),
        cmocka_unit_test(retry_after_takes_seconds_and_dates),
        cmocka_unit_test(retry_after_takes_decimals_units_and_other_dates),
        cmocka_unit_test(rate_limit_headers_are_read),
        cmocka_unit_test(headers_add_up_and_the_first_counts),
    };

    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
