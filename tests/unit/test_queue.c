#include "run/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FLIGHTS = 3, MANY = 1000 };

static int set_up(void **state)
{
    static struct queue queue;

    queue_init(&queue, FLIGHTS);
    *state = &queue;
    return 0;
}

static int tear_down(void **state)
{
    queue_release(*state);
    return 0;
}

static void empty(void **state)
{
    struct queue *queue = *state;
    uint64_t row = 7;

    assert_false(queue_peek(queue, &row));
    assert_false(queue_take(queue, &row));
    assert_false(queue_wake(queue, INT64_MAX - 1, &row));
    assert_int_equal(row, 7);
    assert_int_equal(queue_next(queue), INT64_MAX);
    assert_false(queue_has_like(queue, 0));
}

/* Also where the ring has turned when it has to grow. */
static void first_in_first_out(void **state)
{
    struct queue *queue = *state;
    uint64_t row, expected = 0;

    for (uint64_t i = 0; i < MANY; i++) {
        queue_push(queue, i);
        if (i % 3 == 0) {
            assert_true(queue_peek(queue, &row));
            assert_int_equal(row, expected);
            assert_true(queue_take(queue, &row));
            assert_int_equal(row, expected++);
        }
    }
    while (queue_take(queue, &row))
        assert_int_equal(row, expected++);
    assert_int_equal(expected, MANY);
}

static void a_backoff_ends_in_its_time(void **state)
{
    struct queue *queue = *state;
    uint64_t row;

    queue_wait(queue, 5, 200);
    queue_wait(queue, 6, 100);
    assert_int_equal(queue_next(queue), 100);
    assert_false(queue_wake(queue, 99, &row));
    assert_true(queue_wake(queue, 100, &row));
    assert_int_equal(row, 6);
    assert_false(queue_wake(queue, 199, &row));
    assert_true(queue_wake(queue, 300, &row));
    assert_int_equal(row, 5);
}

static void flights(void **state)
{
    struct queue *queue = *state;
    uint64_t tag[FLIGHTS], again;

    for (uint32_t i = 0; i < FLIGHTS; i++)
        tag[i] = queue_board(queue, &(struct flight){.public_hash = 100 + i, .row = i, .secret = (int)(10 + i)});
    assert_true(queue_has_like(queue, 101));
    assert_int_equal(queue_land(queue, tag[1])->row, 1);
    assert_false(queue_has_like(queue, 101));
    assert_int_equal(queue_secret(queue, tag[1]), 11);
    again = queue_board(queue, &(struct flight){.public_hash = 7, .row = 9, .secret = 19});
    assert_int_equal(queue_land(queue, again)->public_hash, 7);
    assert_int_equal(queue_land(queue, tag[0])->row, 0);
    assert_int_equal(queue_land(queue, tag[2])->row, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(first_in_first_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_backoff_ends_in_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flights, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
