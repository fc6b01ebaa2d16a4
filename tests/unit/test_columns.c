#include "io/columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_width(void **state)
{
    static const struct {
        const char *text;
        size_t columns;
    } cases[] = {
        {"", 0},
        {"plain", 5},
        {"é…", 2},
        {"日本語", 6},
        {"e\xCC\x81", 1},        /* a combining accent */
        {"\xF0\x9F\x98\x80", 2}, /* an emoji */
        {"a\xFF"
         "b",
         3},                 /* malformed */
        {"\xE2\x80\x8B", 0}, /* no one sees it */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(columns_of(span_of(cases[i].text)), cases[i].columns);
}

static void test_cut(void **state)
{
    static const struct {
        const char *text;
        size_t columns;
        const char *cut;
    } cases[] = {
        {"plain", 5, "plain"}, {"plain", 4, "plai"}, {"plain", 0, ""}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(span_equal(columns_cut(span_of(cases[i].text), cases[i].columns), span_of(cases[i].cut)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_width), cmocka_unit_test(test_cut)};

    return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
