/* window: a queue of times, run-length coded. */
#include "net/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void window_keeps_order_and_count(void **state)
{
    struct window window;

    (void)state;
    window_init(&window);
    assert_true(window_oldest(&window) == INT64_MAX);
    window_add(&window, 10, 3000000); /* more than one entry holds */
    window_add(&window, 20, 2);
    window_add(&window, 15, 1); /* out of order: counts as 20 */
    assert_int_equal(window.count, 3000003);
    assert_int_equal(window_at(&window, 2999999), 10);
    assert_int_equal(window_at(&window, 3000000), 20);
    assert_int_equal(window_at(&window, 3000002), 20);
    assert_true(window_at(&window, 3000003) == INT64_MAX);
    window_drop_oldest(&window, 2999999);
    assert_int_equal(window_oldest(&window), 10);
    window_drop_until(&window, 10);
    assert_int_equal(window_oldest(&window), 20);
    assert_int_equal(window.count, 3);
    window_drop_oldest(&window, 5);
    assert_int_equal(window.count, 0);
    for (int64_t at = 0; at < 1000; at++) { /* round the ring while it grows */
        window_add(&window, 100 + at, 1);
        window_add(&window, 100 + at, 1);
        window_drop_oldest(&window, 1);
    }
    assert_int_equal(window.count, 1000);
    assert_int_equal(window_oldest(&window), 600);
    window_release(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_keeps_order_and_count),
    };

    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
