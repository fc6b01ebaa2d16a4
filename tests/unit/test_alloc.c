#include "base/alloc.h"
#include "base/exit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void gives_memory_also_for_nothing(void **state)
{
    char *none = alloc_bytes(0), *zeroed = alloc_zeroed(3, 4), *no_objects = alloc_zeroed(0, 4);

    (void)state;
    assert_non_null(none);
    assert_non_null(no_objects);
    assert_memory_equal(zeroed, "\0\0\0\0\0\0\0\0\0\0\0", 12);
    free(none);
    free(zeroed);
    free(no_objects);
}

static void resizes_and_keeps(void **state)
{
    int *numbers = alloc_resize(NULL, 2, sizeof(int));

    (void)state;
    numbers[0] = 1;
    numbers[1] = 2;
    numbers = alloc_resize(numbers, 1000, sizeof(int));
    assert_int_equal(numbers[0] + numbers[1], 3);
    numbers = alloc_resize(numbers, 0, sizeof(int));
    assert_non_null(numbers);
    free(numbers);
}

static void grows_and_keeps(void **state)
{
    char *secret = alloc_grow_wiped(NULL, 8), *same;

    (void)state;
    memcpy(secret, "hunter2", 8);
    same = alloc_grow_wiped(secret, 4); /* there is room: it stays where it is */
    assert_ptr_equal(same, secret);
    secret = alloc_grow_wiped(same, 1 << 20);
    assert_string_equal(secret, "hunter2");
    secret[(1 << 20) - 1] = 'x';
    free(secret);
}

static void copies(void **state)
{
    char *text = alloc_text("label"), *part = alloc_copy("a\0bcd", 3), *empty = alloc_copy(NULL, 0);

    (void)state;
    assert_string_equal(text, "label");
    assert_memory_equal(part, "a\0b", 4);
    assert_string_equal(empty, "");
    free(text);
    free(part);
    free(empty);
}

/* In a child: what a product that overflows says on stderr, and the exit code. */
static void ends_the_program_in_words(void **state)
{
    char said[256] = "";
    int pipes[2], status;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    child = fork();
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        alloc_resize(NULL, SIZE_MAX / 2, 4);
        _exit(EXIT_ALL_DONE);
    }
    close(pipes[1]);
    assert_true(read(pipes[0], said, sizeof(said) - 1) > 0);
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_LOCAL);
    assert_non_null(strstr(said, "out of memory"));
    assert_int_equal(said[strlen(said) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_memory_also_for_nothing),
        cmocka_unit_test(resizes_and_keeps),
        cmocka_unit_test(grows_and_keeps),
        cmocka_unit_test(copies),
        cmocka_unit_test(ends_the_program_in_words),
    };

    return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
