#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { BAD = -1 };
struct time_case {
    const char *text;
    int64_t wall_ms; /* BAD: refused */
};

static const int64_t morning = INT64_C(1795498207123); /* 2026-11-24T05:30:07.123Z */

static void writes_and_reads_back(void **state)
{
    char text[CLOCK_TEXT];
    int64_t wall;

    (void)state;
    assert_string_equal(clock_format(text, morning), "2026-11-24T05:30:07.123Z");
    assert_true(clock_parse_rfc3339(span_of(text), &wall));
    assert_int_equal(wall, morning);
    assert_string_equal(clock_format_http_date(text, morning), "Tue, 24 Nov 2026 05:30:07 GMT");
    assert_true(clock_parse_http_date(span_of(text), &wall));
    assert_int_equal(wall, morning - 123);
    assert_string_equal(clock_format(text, 0), "1970-01-01T00:00:00.000Z");
}

static void check_all(const struct time_case *table, size_t count, bool (*parse)(struct span, int64_t *))
{
    for (size_t i = 0; i < count; i++) {
        int64_t wall = BAD;

        if (parse(span_of(table[i].text), &wall) != (table[i].wall_ms != BAD))
            fail_msg("%s", table[i].text);
        if (table[i].wall_ms != BAD)
            assert_int_equal(wall, table[i].wall_ms);
    }
}

static void rfc3339(void **state)
{
    static const struct time_case table[] = {
        {"2026-11-24T05:30:07.123456Z", morning},
        {"2026-11-24T05:30:07.123999999Z", morning},
        {"2026-11-24T05:30:07.1Z", morning - 23},
        {"2026-11-24t05:30:07.123z", morning},
        {"2026-11-24 05:30:07.123Z", morning},
        {"2026-11-24T05:30:07Z", morning - 123},
        {"2026-11-24T07:00:07.123+01:30", morning},
        {"2026-11-23T21:30:07.123-08:00", morning},
        {"2026-11-24T05:30:07.123-00:00", morning},
        {"1970-01-01T00:00:00Z", 0},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)}, /* a leap second is the second after it */
        {"2026-02-29T00:00:00Z", BAD},
        {"2026-13-01T00:00:00Z", BAD},
        {"2026-00-01T00:00:00Z", BAD},
        {"2026-01-00T00:00:00Z", BAD},
        {"2026-01-32T00:00:00Z", BAD},
        {"2026-11-24T24:00:00Z", BAD},
        {"2026-11-24T05:60:00Z", BAD},
        {"2026-11-24T05:30:61Z", BAD},
        {"2026-11-24T05:30:07", BAD},
        {"2026-11-24T05:30:07.Z", BAD},
        {"2026-11-24T05:30:07Zx", BAD},
        {"2026-11-24T05:30:07+0100", BAD},
        {"2026-11-24T05:30:07+24:00", BAD},
        {"2026-11-24T05:30:07+01:60", BAD},
        {"2026-11-24T05:30:07+ 1:00", BAD},
        {"2026-11-24T05:30:07+-1:00", BAD},
        {"2026-11-24X05:30:07Z", BAD},
        {"2026- 1-24T05:30:07Z", BAD},
        {"2026-+1-24T05:30:07Z", BAD},
        {"2026-11-24T05:-1:07Z", BAD},
        {"2026-1-24T05:30:07Z", BAD},
        {"2026-11-24", BAD},
        {"", BAD},
        {"2026-11-24T05:30:07.1234567890123456789012345678901234567890123456789Z", BAD},
    };

    (void)state;
    check_all(table, COUNT(table), clock_parse_rfc3339);
}

static void http_dates(void **state)
{
    static const struct time_case table[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", INT64_C(784111777000)},
        {"Sunday, 06-Nov-94 08:49:37 GMT", INT64_C(784111777000)},
        {"Sun Nov  6 08:49:37 1994", INT64_C(784111777000)},
        {"  Sun, 06 Nov 1994 08:49:37 GMT\r\n", INT64_C(784111777000)},
        {"Tuesday, 24-Nov-26 05:30:07 GMT", INT64_C(1795498207000)},
        {"Sat, 31 Dec 2016 23:59:60 GMT", INT64_C(1483228800000)},
        {"Sun, 06 Nov 1994 08:49:37", BAD},
        {"Sun, 06 Nov 1994 08:49:37 UTC", INT64_C(784111777000)},
        {"Sun, 06 Nov 1994 08:49:37 +0000", INT64_C(784111777000)},
        {"Sun, 06 Nov 1994 08:49:37 +0100", BAD},
        {"Sun, 06 Nov 1994 08:49:37 GMT+1", BAD},
        {"Sun, 06 Nov 1994 08:-1:37 GMT", BAD},
        {"Sun, 06 Nov 1994 24:00:00 GMT", BAD},
        {"Sun, 31 Feb 1994 08:49:37 GMT", BAD},
        {"Sun, 06 Nix 1994 08:49:37 GMT", BAD},
        {"Sun, 06 nov 1994 08:49:37 GMT", BAD},
        {"Sun, 06 Nov 1969 08:49:37 GMT", BAD},
        {"120", BAD},
        {"", BAD},
        {"Sun, 06 Nov 1994 08:49:37 GMT and very much more text than a date ever has", BAD},
    };

    (void)state;
    check_all(table, COUNT(table), clock_parse_http_date);
}

static void nothing_and_nul(void **state)
{
    static const char nul[] = "2026-11-24T05:30:07Z\0";
    int64_t wall;

    (void)state;
    assert_false(clock_parse_rfc3339((struct span){NULL, 0}, &wall));
    assert_false(clock_parse_http_date((struct span){NULL, 0}, &wall));
    assert_false(clock_parse_rfc3339((struct span){nul, sizeof(nul) - 1}, &wall));
    assert_false(clock_parse_http_date((struct span){"Sun, 06 Nov 1994 08:49:37 GMT\0", 30}, &wall));
}

static void monotonic(void **state)
{
    int64_t before = clock_mono_ms();

    (void)state;
    assert_true(clock_mono_ms() >= before);
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads_back), cmocka_unit_test(rfc3339),   cmocka_unit_test(http_dates),
        cmocka_unit_test(nothing_and_nul),       cmocka_unit_test(monotonic),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
