#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void starts_empty(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 10);
    assert_null(buf.data);
    assert_int_equal(buf_view(&buf).len, 0);
    assert_non_null(buf_view(&buf).data);
    buf_release(&buf);
    buf_wipe(&buf);
}

static void collects(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 1000);
    assert_true(buf_text(&buf, "one"));
    assert_true(buf_char(&buf, ' '));
    assert_true(buf_format(&buf, "%d-%s", 2, "two"));
    assert_true(buf_span(&buf, (struct span){"three four", 5}));
    assert_true(buf_add(&buf, "\0x", 2));
    assert_true(buf_add(&buf, NULL, 0));
    assert_int_equal(buf.len, 16);
    assert_memory_equal(buf.data, "one 2-twothree\0x", 17); /* with the NUL that len does not count */
    buf_release(&buf);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.max, 1000);
}

static void grows_to_its_cap_and_no_further(void **state)
{
    enum { MAX = 100000 };
    struct buf buf;

    (void)state;
    buf_init(&buf, MAX);
    for (int i = 0; i < MAX; i++)
        assert_true(buf_char(&buf, (char)('a' + i % 26)));
    assert_int_equal(buf.cap, MAX + 1);
    assert_false(buf.overflow);
    assert_false(buf_char(&buf, '!'));
    assert_true(buf.overflow);
    assert_int_equal(buf.len, MAX);
    for (int i = 0; i < MAX; i++)
        assert_int_equal(buf.data[i], 'a' + i % 26);
    assert_int_equal(buf.data[MAX], '\0');
    buf_release(&buf);
}

static void an_overflow_adds_nothing_and_stays(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 4);
    assert_true(buf_text(&buf, "abc"));
    assert_false(buf_text(&buf, "de"));
    assert_false(buf_format(&buf, "%s", "fg"));
    assert_false(buf_reserve(&buf, 2));
    assert_false(buf_reserve(&buf, SIZE_MAX));
    assert_true(buf_char(&buf, 'd')); /* it fits, and the overflow is still told */
    assert_true(buf.overflow);
    assert_string_equal(buf.data, "abcd");
    buf_reset(&buf);
    assert_false(buf.overflow);
    assert_string_equal(buf.data, "");
    assert_true(buf_text(&buf, "new"));
    buf_release(&buf);
}

static void a_cap_of_nothing(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 0);
    assert_true(buf_text(&buf, ""));
    assert_false(buf_char(&buf, 'x'));
    assert_string_equal(buf_view(&buf).data, "");
    buf_release(&buf);
}

static void reserve_keeps_bytes_and_moves_no_more(void **state)
{
    struct buf buf;
    char *data;

    (void)state;
    buf_init(&buf, 100000);
    buf_text(&buf, "kept");
    assert_true(buf_reserve(&buf, 50000));
    data = buf.data;
    for (int i = 0; i < 5000; i++)
        assert_true(buf_text(&buf, "0123456789"));
    assert_ptr_equal(buf.data, data);
    assert_memory_equal(buf.data, "kept0123", 8);
    buf_wipe(&buf);
    assert_null(buf.data);
}

static void spans(void **state)
{
    (void)state;
    assert_int_equal(span_of(NULL).len, 0);
    assert_int_equal(span_of("abc").len, 3);
    assert_true(span_equal(span_of(""), span_of(NULL)));
    assert_true(span_equal((struct span){"a\0b", 3}, (struct span){"a\0b", 3}));
    assert_false(span_equal((struct span){"a\0b", 3}, (struct span){"a\0c", 3}));
    assert_false(span_equal(span_of("ab"), span_of("a")));
}

static void trims(void **state)
{
    static const char *const table[][2] = {
        {"", ""},
        {" ", ""},
        {" \t\r\n\v\f", ""},
        {"a", "a"},
        {" a b ", "a b"},
        {"\n\ta", "a"},
        {"a\r\n", "a"},
        {"\xC2\xA0"
         "a",
         "\xC2\xA0"
         "a"}, /* only ASCII's */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_true(span_equal(span_trim(span_of(table[i][0])), span_of(table[i][1])));
    assert_int_equal(span_trim((struct span){NULL, 0}).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty),
        cmocka_unit_test(collects),
        cmocka_unit_test(grows_to_its_cap_and_no_further),
        cmocka_unit_test(an_overflow_adds_nothing_and_stays),
        cmocka_unit_test(a_cap_of_nothing),
        cmocka_unit_test(reserve_keeps_bytes_and_moves_no_more),
        cmocka_unit_test(spans),
        cmocka_unit_test(trims),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
