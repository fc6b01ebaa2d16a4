#include "base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void numbers(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } table[] = {
        {"0", true, 0},
        {"007", true, 7},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x10", false, 0},
        {"1e3", false, 0},
        {"\xD9\xA1", false, 0}, /* an Arabic-Indic digit */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        uint64_t value = 0;

        assert_int_equal(num_parse(table[i].text, 0, UINT64_MAX, &value), table[i].good);
        assert_int_equal(value, table[i].value);
    }
}

static void numbers_have_bounds(void **state)
{
    uint64_t value = 42;

    (void)state;
    assert_true(num_parse("1", 1, 10, &value));
    assert_true(num_parse("10", 1, 10, &value));
    value = 42;
    assert_false(num_parse("0", 1, 10, &value));
    assert_false(num_parse("11", 1, 10, &value));
    assert_int_equal(value, 42); /* untouched */
}

static void hexadecimal_digits(void **state)
{
    static const char digits[] = "0123456789abcdef", capitals[] = "ABCDEF";

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char *digit = byte != '\0' ? strchr(digits, byte) : NULL,
                   *capital = byte != '\0' ? strchr(capitals, byte) : NULL;

        assert_int_equal(num_hex_digit((char)byte), digit != NULL     ? digit - digits
                                                    : capital != NULL ? capital - capitals + 10
                                                                      : -1);
    }
}

static void spans_end_where_they_say(void **state)
{
    uint64_t value;

    (void)state;
    assert_true(num_parse_span((struct span){"12345", 3}, 0, UINT64_MAX, &value));
    assert_int_equal(value, 123);
    assert_false(num_parse_span((struct span){NULL, 0}, 0, UINT64_MAX, &value));
    assert_false(num_parse_span((struct span){"1\0", 2}, 0, UINT64_MAX, &value));
}

static void durations(void **state)
{
    enum { BAD = -1 };
    static const struct {
        const char *text;
        int64_t ms;
    } table[] = {
        {"250ms", 250},
        {"30s", 30000},
        {"1.5s", 1500},
        {"0.001s", 1},
        {"1.25m", 75000},
        {"5m", 300000},
        {"2h", 7200000},
        {"0", 0},
        {"0s", 0},
        {"0.0", 0},
        {"8784h", NUM_DURATION_MAX_MS},
        {"8785h", BAD},
        {"8784.001h", BAD},
        {"31622400.001s", BAD}, /* a millisecond too long */
        {"99999999999999999999h", BAD},
        {"30", BAD},
        {"", BAD},
        {"s", BAD},
        {"-1s", BAD},
        {"+1s", BAD},
        {" 1s", BAD},
        {"1 s", BAD},
        {"1s ", BAD},
        {"1S", BAD},
        {"1d", BAD},
        {"1.s", BAD},
        {".5s", BAD},
        {"1..5s", BAD},
        {"1.2345s", BAD},
        {"0.5ms", BAD}, /* a fraction of the clock's unit */
        {"1s500ms", BAD},
        {"1e3s", BAD},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        int64_t ms = BAD;

        assert_int_equal(num_parse_duration(table[i].text, &ms), table[i].ms != BAD);
        assert_int_equal(ms, table[i].ms);
    }
}

static void rates(void **state)
{
    static const struct {
        const char *text, *written; /* NULL: refused */
        struct rate rate;
    } table[] = {
        {"none", "none", {0, 0}},
        {"500/m", "500/m", {500, 60000}},
        {"20/s", "20/s", {20, 1000}},
        {"9000/h", "9000/h", {9000, 3600000}},
        {"7/ms", "7/ms", {7, 1}},
        {"50/3s", "50/3s", {50, 3000}},
        {"10/250ms", "10/250ms", {10, 250}},
        {"500/60s", "500/m", {500, 60000}},
        {"1/90s", "1/90s", {1, 90000}},
        {"1/1.5s", "1/1.5s", {1, 1500}},
        {"10000000/s", "10000000/s", {RATE_COUNT_MAX, 1000}},
        {"10000001/s", NULL, {0, 0}},
        {"0/s", NULL, {0, 0}},
        {"5/0", NULL, {0, 0}},
        {"5/0s", NULL, {0, 0}},
        {"5/", NULL, {0, 0}},
        {"/s", NULL, {0, 0}},
        {"5", NULL, {0, 0}},
        {"", NULL, {0, 0}},
        {"5/s/s", NULL, {0, 0}},
        {"-5/s", NULL, {0, 0}},
        {"5 /s", NULL, {0, 0}},
        {"5/60", NULL, {0, 0}},
        {"None", NULL, {0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct rate rate = {0};
        char text[NUM_DURATION_TEXT];

        assert_int_equal(num_parse_rate(table[i].text, &rate), table[i].written != NULL);
        assert_int_equal(rate.count, table[i].rate.count);
        assert_int_equal(rate.window_ms, table[i].rate.window_ms);
        if (table[i].written != NULL)
            assert_string_equal(num_format_rate(text, rate), table[i].written);
    }
}

static void several_rates(void **state)
{
    struct rate rates[RATES_MAX] = {{1, 1}};
    char text[RATES_TEXT];

    (void)state;
    assert_true(num_parse_rates("500/m,50/10s", rates));
    assert_string_equal(num_format_rates(text, rates), "500/m,50/10s");
    assert_true(rates[1].count == 50 && rates[1].window_ms == 10000 && rates[2].count == 0);
    assert_false(num_parse_rates("500/m,", rates));
    assert_false(num_parse_rates(",500/m", rates));
    assert_false(num_parse_rates("none,5/s", rates));
    assert_false(num_parse_rates("5/s,none", rates));
    assert_false(num_parse_rates("1/s,1/s,1/s,1/s,1/s,1/s,1/s,1/s,1/s", rates));
    assert_int_equal(rates[0].count, 500); /* as it was */
    assert_true(num_parse_rates("none", rates));
    assert_string_equal(num_format_rates(text, rates), "none");
}

static void shares(void **state)
{
    static const struct {
        const char *text;
        bool good, percent;
        uint64_t value;
    } table[] = {
        {"12", true, false, 12},         {"0", true, false, 0},       {"4294967295", true, false, UINT32_MAX},
        {"4294967296", false, false, 0}, {"2.5%", true, true, 250},   {"0%", true, true, 0},
        {"0.01%", true, true, 1},        {"100%", true, true, 10000}, {"100.01%", false, true, 0},
        {"0.001%", false, true, 0},      {"%", false, true, 0},       {"1%%", false, true, 0},
        {"-1%", false, true, 0},         {"1.5", false, false, 0},    {"", false, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        uint64_t value = 0;
        bool percent;

        assert_int_equal(num_parse_share(table[i].text, &value, &percent), table[i].good);
        assert_int_equal(percent, table[i].percent);
        assert_int_equal(value, table[i].value);
    }
}

static void durations_for_people(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } table[] = {
        {0, "0ms"},
        {999, "999ms"},
        {1000, "1.0s"},
        {3299, "3.2s"},
        {59999, "59.9s"},
        {60000, "1m00s"},
        {65000, "1m05s"},
        {3599999, "59m59s"},
        {3600000, "1h00m"},
        {7380000, "2h03m"},
        {NUM_DURATION_MAX_MS, "8784h00m"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        char text[NUM_DURATION_TEXT];

        assert_string_equal(num_format_duration(text, table[i].ms), table[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(numbers_have_bounds),
        cmocka_unit_test(hexadecimal_digits),
        cmocka_unit_test(spans_end_where_they_say),
        cmocka_unit_test(durations),
        cmocka_unit_test(rates),
        cmocka_unit_test(several_rates),
        cmocka_unit_test(shares),
        cmocka_unit_test(durations_for_people),
    };

    return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
