#include "io/csv_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct example {
    const char *cell;
    const char *written;
    char delimiter;
};

static void check(const struct example *example)
{
    struct buf out;

    buf_init(&out, 100);
    buf_text(&out, "x,");
    csv_write_foreign(&out, span_of(example->cell), example->delimiter);
    assert_string_equal(out.data + 2, example->written);
    assert_int_equal(out.len, 2 + strlen(example->written));
    buf_release(&out);
}

static void quotes_only_where_it_has_to(void **state)
{
    static const struct example examples[] = {
        {"", "", ','},
        {"plain", "plain", ','},
        {"two words", "two words", ','},
        {"O'Neil", "O'Neil", ','},
        {"a,b", "\"a,b\"", ','},
        {"a,b", "a,b", ';'},
        {"a;b", "\"a;b\"", ';'},
        {"a;b", "a;b", ','},
        {"a\tb", "\"a\tb\"", '\t'},
        {"a\tb", "a\tb", ','},
        {"5\" pipe", "\"5\"\" pipe\"", ','},
        {"\"", "\"\"\"\"", ','},
        {"\"\"", "\"\"\"\"\"\"", ','},
        {"two\nlines", "\"two\nlines\"", ','},
        {"two\rlines", "\"two\rlines\"", ','},
        {"two\r\nlines", "\"two\r\nlines\"", ','},
        {" a", "\" a\"", ','},
        {"a ", "\"a \"", ','},
        {"a\t", "\"a\t\"", ','},
        {" ", "\" \"", ','},
        {"Zürich 東京", "Zürich 東京", ','},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
        check(&examples[i]);
}

static void makes_formulas_text(void **state)
{
    static const struct example examples[] = {
        {"", "", ','},
        {"label is missing", "label is missing", ','},
        {"a=b", "a=b", ','},
        {"=1+1", "'=1+1", ','},
        {"+1", "'+1", ','},
        {"-1", "'-1", ','},
        {"@SUM(A1)", "'@SUM(A1)", ','},
        {"\t=1", "\"'\t=1\"", ','},
        {"\r=1", "\"'\r=1\"", ','},
        {"=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\"", ','},
        {"-a;b", "\"'-a;b\"", ';'},
        {"-a;b", "'-a;b", ','},
        {"= ", "\"'= \"", ','},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
        check(&examples[i]);
}

static void stops_at_the_cap(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 8);
    csv_write_foreign(&out, span_of("a,bcdef"), ','); /* 9 bytes with its quotes */
    assert_true(out.overflow);
    assert_int_equal(out.len, 0);
    buf_reset(&out);
    csv_write_foreign(&out, span_of("a,bcde"), ',');
    assert_false(out.overflow);
    assert_string_equal(out.data, "\"a,bcde\"");
    buf_reset(&out);
    csv_write_foreign(&out, span_of("=,bcde"), ',');
    assert_true(out.overflow);
    buf_release(&out);
}

static void keeps_nul_bytes(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 20);
    csv_write_foreign(&out, (struct span){"a\0,", 3}, ',');
    assert_int_equal(out.len, 5);
    assert_memory_equal(out.data, "\"a\0,\"", 5);
    buf_release(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_only_where_it_has_to),
        cmocka_unit_test(makes_formulas_text),
        cmocka_unit_test(stops_at_the_cap),
        cmocka_unit_test(keeps_nul_bytes),
    };

    return cmocka_run_group_tests_name("csv_write", tests, NULL, NULL);
}
