#include "base/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void empty(void **state)
{
    struct timers timers;
    uint64_t id;

    (void)state;
    timers_init(&timers);
    assert_int_equal(timers_next(&timers), INT64_MAX);
    assert_false(timers_pop(&timers, INT64_MAX - 1, &id));
    timers_release(&timers);
}

static void nothing_before_its_time(void **state)
{
    struct timers timers;
    uint64_t id = 0;

    (void)state;
    timers_init(&timers);
    timers_add(&timers, 100, 7);
    assert_int_equal(timers_next(&timers), 100);
    assert_false(timers_pop(&timers, 99, &id));
    assert_true(timers_pop(&timers, 100, &id));
    assert_int_equal(id, 7);
    assert_false(timers_pop(&timers, 100, &id));
    timers_release(&timers);
}

static void same_time_and_same_id(void **state)
{
    struct timers timers;
    uint64_t id, sum = 0;

    (void)state;
    timers_init(&timers);
    timers_add(&timers, 5, 1);
    timers_add(&timers, 5, 1);
    timers_add(&timers, -5, 40); /* a monotonic clock may begin anywhere */
    timers_add(&timers, 5, 200);
    assert_true(timers_pop(&timers, 0, &id));
    assert_int_equal(id, 40);
    while (timers_pop(&timers, 5, &id))
        sum += id;
    assert_int_equal(sum, 202);
    timers_release(&timers);
}

/* Adds and pops at random against the simplest thing that could be right. */
static void against_a_plain_list(void **state)
{
    enum { STEPS = 5000, HORIZON = 1000 };
    static int64_t due[STEPS];
    struct timers timers;
    unsigned seed = 20261124;
    size_t pending = 0;
    uint64_t added = 0, id;

    (void)state;
    timers_init(&timers);
    for (int step = 0; step < STEPS; step++) {
        int64_t now = rand_r(&seed) % HORIZON, earliest = INT64_MAX;

        due[added] = rand_r(&seed) % HORIZON;
        timers_add(&timers, due[added], added);
        added++;
        pending++;
        for (uint64_t i = 0; i < added; i++)
            if (due[i] < earliest)
                earliest = due[i];
        assert_int_equal(timers_next(&timers), earliest);
        if (timers_pop(&timers, now, &id)) {
            assert_int_equal(due[id], earliest);
            assert_true(earliest <= now);
            due[id] = INT64_MAX;
            pending--;
        } else
            assert_true(earliest > now);
        assert_int_equal(timers.count, pending);
    }
    timers_release(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(nothing_before_its_time),
        cmocka_unit_test(same_time_and_same_id),
        cmocka_unit_test(against_a_plain_list),
    };

    return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
