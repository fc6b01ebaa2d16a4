#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void gives_aligned_memory_that_does_not_overlap(void **state)
{
    enum { COUNT = 1000 };
    struct arena arena;
    unsigned char *taken[COUNT];

    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT; i++) {
        taken[i] = arena_take(&arena, i % 100);
        assert_non_null(taken[i]);
        assert_int_equal((uintptr_t)taken[i] % alignof(max_align_t), 0);
        memset(taken[i], (int)(i % 251), i % 100);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < i % 100; j++)
            assert_int_equal(taken[i][j], i % 251);
    arena_release(&arena);
    assert_int_equal(arena.size, 0);
}

static void keeps_its_cap(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 100000);
    assert_null(arena_take(&arena, 100001));
    assert_null(arena_take(&arena, SIZE_MAX));
    assert_true(arena.full);
    arena_reset(&arena);
    assert_false(arena.full);
    while (arena_take(&arena, 1000) != NULL)
        assert_true(arena.size <= 100000);
    assert_true(arena.full);
    assert_true(arena.size > 90000);
    arena_release(&arena);
}

static void wipes_and_reuses_its_first_chunk(void **state)
{
    struct arena arena;
    char *first, *again;

    (void)state;
    arena_init(&arena, 1 << 20);
    first = arena_take(&arena, 16);
    memcpy(first, "hunter2", 8);
    assert_non_null(arena_take(&arena, 100000));
    arena_reset(&arena);
    again = arena_take(&arena, 16);
    assert_ptr_equal(first, again);
    assert_memory_equal(again, "\0\0\0\0\0\0\0", 8);
    arena_release(&arena);
}

static void keeps_no_large_chunk(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 1 << 20);
    assert_non_null(arena_take(&arena, 500000));
    arena_reset(&arena);
    assert_int_equal(arena.size, 0);
    arena_reset(&arena);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_aligned_memory_that_does_not_overlap),
        cmocka_unit_test(keeps_its_cap),
        cmocka_unit_test(wipes_and_reuses_its_first_chunk),
        cmocka_unit_test(keeps_no_large_chunk),
    };

    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
