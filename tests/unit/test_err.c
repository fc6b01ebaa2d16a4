#include "base/err.h"
#include "base/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void sets_code_and_sentence(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err.code, EXIT_ALL_DONE);
    assert_false(err_set(&err, EXIT_INPUT, "line %d is %s", 7, "odd"));
    assert_int_equal(err.code, EXIT_INPUT);
    assert_string_equal(err.text, "line 7 is odd");
    assert_false(err_set(&err, EXIT_USAGE, "other"));
    assert_int_equal(err.code, EXIT_USAGE);
    assert_string_equal(err.text, "other");
}

static void appends_the_systems_reason(void **state)
{
    struct err err = {0};

    (void)state;
    errno = ENOENT;
    assert_false(err_system(&err, "can't read %s", "desk.csv"));
    assert_int_equal(err.code, EXIT_LOCAL);
    assert_string_equal(err.text, "can't read desk.csv: No such file or directory");
}

static void names_the_remedy_for_too_many_files(void **state)
{
    struct err err = {0};

    (void)state;
    errno = EMFILE;
    err_system(&err, "can't read %s", "desk.csv");
    assert_string_equal(err.text, "can't read desk.csv: Too many open files; raise the limit on them (ulimit -n)");
    errno = ENFILE;
    err_system(&err, "can't read %s", "desk.csv");
    assert_string_equal(err.text,
                        "can't read desk.csv: Too many open files in system; run it again when there are fewer");
}

/* With each length of what stands before, so that the cut falls on every byte of a character. */
static void cuts_between_characters(void **state)
{
    (void)state;
    for (size_t ahead = 0; ahead < 4; ahead++) {
        struct err err = {0};
        char text[4 * sizeof(err.text)];
        size_t used = ahead;

        memset(text, 'a', ahead);
        for (; used + sizeof("😀") < sizeof(text); used += strlen("😀"))
            memcpy(text + used, "😀", sizeof("😀"));
        err_set(&err, EXIT_INPUT, "%s", text);
        assert_int_equal(text_utf8_error(span_of(err.text)), strlen(err.text));
        assert_in_range(strlen(err.text), sizeof(err.text) - 8, sizeof(err.text) - 1);
        errno = EIO;
        err_system(&err, "%s", text); /* no room for the reason: still well-formed */
        assert_int_equal(text_utf8_error(span_of(err.text)), strlen(err.text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_code_and_sentence),
        cmocka_unit_test(appends_the_systems_reason),
        cmocka_unit_test(names_the_remedy_for_too_many_files),
        cmocka_unit_test(cuts_between_characters),
    };

    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
