#include "sheet/tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void none_and_one(void **state)
{
    struct tags tags = {0};
    size_t at = 0, from, count;

    (void)state;
    tags_sort(&tags);
    assert_false(tags_next_group(&tags, &at, &from, &count));
    assert_int_equal(tags_find(&tags, 0), 0);
    tags_add(&tags, 7, 0);
    tags_sort(&tags);
    at = 0;
    assert_false(tags_next_group(&tags, &at, &from, &count));
    tags_release(&tags);
}

/* Highest and lowest tags are no special ones, and rows of one group come in order. */
static void groups(void **state)
{
    static const uint32_t given[] = {UINT32_MAX, 0, 5, UINT32_MAX, 9, 0, 0};
    struct tags tags = {0};
    size_t at = 0, from, count;

    (void)state;
    for (uint32_t row = 0; row < 7; row++)
        tags_add(&tags, given[row], row);
    tags_sort(&tags);
    assert_true(tags_next_group(&tags, &at, &from, &count));
    assert_int_equal(from, 0);
    assert_int_equal(count, 3);
    assert_int_equal(tags.tag[0].row, 1);
    assert_int_equal(tags.tag[1].row, 5);
    assert_int_equal(tags.tag[2].row, 6);
    assert_true(tags_next_group(&tags, &at, &from, &count));
    assert_int_equal(from, 5);
    assert_int_equal(count, 2);
    assert_int_equal(tags.tag[5].row, 0);
    assert_int_equal(tags.tag[6].row, 3);
    assert_false(tags_next_group(&tags, &at, &from, &count));
    tags_release(&tags);
}

static void found_by_tag(void **state)
{
    struct tags tags = {0};

    (void)state;
    for (uint32_t row = 0; row < 5000; row++)
        tags_add(&tags, 2 * (4999 - row), row);
    tags_sort(&tags);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(tags_find(&tags, 2 * i), i);
        assert_int_equal(tags.tag[i].row, 4999 - i);
        assert_int_equal(tags_find(&tags, 2 * i + 1), i + 1);
    }
    tags_release(&tags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_and_one),
        cmocka_unit_test(groups),
        cmocka_unit_test(found_by_tag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
