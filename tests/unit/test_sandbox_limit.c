/* limit and window, by a clock of the tests' own: microseconds, exactly. */
#include "sandbox/limit.h"
#include "sandbox/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

static struct limit make(enum limit_kind kind, uint32_t count, int64_t window_ms, uint32_t burst)
{
    struct limit_config config = {.rate = {.count = count, .window_ms = window_ms}, .kind = kind, .burst = burst};
    struct limit limit;

    limit_init(&limit, config, 0);
    return limit;
}

/* How many of `tries` requests at `now_us` are accepted. */
static int accepted(struct limit *limit, int64_t now_us, int tries)
{
    struct limit_view view;
    int count = 0;

    for (int i = 0; i < tries; i++)
        count += limit_take(limit, now_us, &view);
    return count;
}

static struct limit_view view_at(struct limit *limit, int64_t now_us)
{
    struct limit_view view;

    limit_take(limit, now_us, &view);
    return view;
}

static void no_limit_accepts_all(void **state)
{
    struct limit limit = make(LIMIT_ROLLING, 0, 0, 0);

    (void)state;
    assert_int_equal(accepted(&limit, 0, 1000), 1000);
    assert_int_equal(view_at(&limit, 0).limit, 0);
    limit_release(&limit);
}

static void rolling_frees_each_slot_after_its_own_window(void **state)
{
    struct limit limit = make(LIMIT_ROLLING, 3, 1000, 0);

    (void)state;
    assert_int_equal(accepted(&limit, 0, 2), 2);
    assert_int_equal(accepted(&limit, SECOND / 2, 5), 1);
    assert_int_equal(accepted(&limit, SECOND - 1, 5), 0);
    assert_int_equal(accepted(&limit, SECOND, 5), 2);
    assert_int_equal(accepted(&limit, SECOND + SECOND / 2 - 1, 5), 0);
    assert_int_equal(accepted(&limit, SECOND + SECOND / 2, 5), 1);
    limit_release(&limit);
}

static void rolling_says_exactly_when(void **state)
{
    struct limit limit = make(LIMIT_ROLLING, 1, 1000, 0);

    (void)state;
    assert_int_equal(accepted(&limit, 7, 1), 1);
    assert_int_equal(view_at(&limit, 100).wait_us, SECOND + 7 - 100);
    assert_int_equal(accepted(&limit, SECOND + 6, 1), 0);
    assert_int_equal(accepted(&limit, SECOND + 7, 1), 1);
    limit_release(&limit);
}

static void refused_requests_do_not_count(void **state)
{
    struct limit limit = make(LIMIT_ROLLING, 2, 1000, 0);

    (void)state;
    assert_int_equal(accepted(&limit, 0, 2), 2);
    assert_int_equal(accepted(&limit, SECOND - 1, 1000), 0);
    assert_int_equal(accepted(&limit, SECOND, 1000), 2);
    limit_release(&limit);
}

static void remaining_counts_down(void **state)
{
    struct limit limit = make(LIMIT_ROLLING, 3, 1000, 0);

    (void)state;
    assert_int_equal(view_at(&limit, 0).remaining, 2);
    assert_int_equal(view_at(&limit, 0).remaining, 1);
    assert_int_equal(view_at(&limit, 0).wait_us, SECOND);
    assert_int_equal(view_at(&limit, 0).remaining, 0);
    limit_release(&limit);
}

static void fixed_lets_two_windows_touch(void **state)
{
    struct limit limit = make(LIMIT_FIXED, 3, 1000, 0);

    (void)state;
    assert_int_equal(accepted(&limit, SECOND - 1, 5), 3);
    assert_int_equal(view_at(&limit, SECOND - 1).wait_us, 1);
    assert_int_equal(accepted(&limit, SECOND, 5), 3);
    assert_int_equal(accepted(&limit, 2 * SECOND - 1, 5), 0);
    assert_int_equal(accepted(&limit, 9 * SECOND, 5), 3);
    limit_release(&limit);
}

static void bucket_holds_its_burst_and_refills(void **state)
{
    struct limit limit = make(LIMIT_BUCKET, 10, 1000, 3);

    (void)state;
    assert_int_equal(accepted(&limit, 0, 10), 3);
    assert_int_equal(view_at(&limit, 0).wait_us, SECOND / 10);
    assert_int_equal(accepted(&limit, SECOND / 10 - 1, 10), 0);
    assert_int_equal(accepted(&limit, SECOND / 10, 10), 1);
    assert_int_equal(accepted(&limit, 100 * SECOND, 10), 3);
    limit_release(&limit);
}

static void bucket_without_a_size_holds_the_rate(void **state)
{
    struct limit limit = make(LIMIT_BUCKET, 7, 1000, 0);

    (void)state;
    assert_int_equal(accepted(&limit, 0, 100), 7);
    limit_release(&limit);
}

/* The wait that a refusal names is enough, and nothing less is, for every kind. */
static void the_wait_is_exact(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 42, 0);
    for (int kind = 0; kind < LIMIT_KINDS; kind++) {
        struct limit limit = make((enum limit_kind)kind, 7, 333, 4);
        int64_t now_us = 0;

        for (int i = 0; i < 10000; i++) {
            struct limit_view view;

            now_us += (int64_t)rng_below(&rng, 30000);
            if (limit_take(&limit, now_us, &view))
                continue;
            assert_true(view.wait_us > 0);
            assert_int_equal(accepted(&limit, now_us + view.wait_us - 1, 1), 0);
            now_us += view.wait_us;
            assert_int_equal(accepted(&limit, now_us, 1), 1);
        }
        limit_release(&limit);
    }
}

/* Against the definition, spelt out: no more than N in any (t - W, t]. */
static void rolling_never_passes_its_rate(void **state)
{
    enum { REQUESTS = 5000, RATE = 9 };
    static int64_t at[REQUESTS];
    struct limit limit = make(LIMIT_ROLLING, RATE, 50, 0);
    struct rng rng;
    int64_t now_us = 0;
    size_t count = 0;

    (void)state;
    rng_init(&rng, 7, 0);
    while (count < REQUESTS) {
        now_us += (int64_t)rng_below(&rng, 4000);
        if (accepted(&limit, now_us, 1) == 1)
            at[count++] = now_us;
        if (count > RATE)
            assert_true(at[count - 1] - at[count - 1 - RATE] >= 50000);
    }
    limit_release(&limit);
}

static void window_remembers_the_most(void **state)
{
    struct window window;

    (void)state;
    window_init(&window, 100, 1);
    for (int i = 0; i < 200; i++)
        window_add(&window, i < 150 ? 10 : 50);
    assert_int_equal(window_count(&window, 109), 200);
    assert_int_equal(window_count(&window, 110), 50);
    assert_int_equal(window_wait(&window, 110), 40);
    assert_int_equal(window_count(&window, 150), 0);
    assert_int_equal(window_wait(&window, 150), 0);
    assert_int_equal(window.most, 200);
    window_release(&window);
}

static void window_grows_in_order(void **state)
{
    struct window window;

    (void)state;
    window_init(&window, 1000, 1);
    for (int64_t t = 0; t < 5000; t++)
        window_add(&window, t);
    assert_int_equal(window.most, 1000);
    assert_int_equal(window_count(&window, 5400), 599);
    window_release(&window);
}

static void kinds_are_found_by_name(void **state)
{
    enum limit_kind kind;

    (void)state;
    assert_true(limit_kind_named("bucket", &kind));
    assert_int_equal(kind, LIMIT_BUCKET);
    assert_false(limit_kind_named("buckets", &kind));
    assert_string_equal(limit_kind_name(LIMIT_FIXED), "fixed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit_accepts_all),
        cmocka_unit_test(rolling_frees_each_slot_after_its_own_window),
        cmocka_unit_test(rolling_says_exactly_when),
        cmocka_unit_test(refused_requests_do_not_count),
        cmocka_unit_test(remaining_counts_down),
        cmocka_unit_test(fixed_lets_two_windows_touch),
        cmocka_unit_test(bucket_holds_its_burst_and_refills),
        cmocka_unit_test(bucket_without_a_size_holds_the_rate),
        cmocka_unit_test(the_wait_is_exact),
        cmocka_unit_test(rolling_never_passes_its_rate),
        cmocka_unit_test(window_remembers_the_most),
        cmocka_unit_test(window_grows_in_order),
        cmocka_unit_test(kinds_are_found_by_name),
    };

    return cmocka_run_group_tests_name("sandbox_limit", tests, NULL, NULL);
}
