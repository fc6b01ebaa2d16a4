#include "io/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct progress busy = {
    .doing = "creating",
    .total = 10000,
    .done = 1234,
    .created = 1200,
    .failed = 34,
    .rate = 8.333,
    .eta_ms = 1051999,
};

static const struct progress waiting = {
    .doing = "creating",
    .total = 1000,
    .done = 500,
    .created = 500,
    .rate = 3,
    .wait_ms = 40001,
    .why = "for the rate limit",
    .eta_ms = 40001,
};

static char *line(const struct progress *progress, unsigned columns, bool colour, bool utf8)
{
    static char text[4096];
    struct progress_style style = {.columns = columns, .colour = colour, .utf8 = utf8};
    struct buf out;

    buf_init(&out, sizeof(text) - 1);
    progress_live(&out, progress, &style);
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    buf_release(&out);
    return text;
}

static char *plain(const struct progress *progress)
{
    static char text[4096];
    struct buf out;

    buf_init(&out, sizeof(text) - 1);
    progress_plain(&out, progress);
    snprintf(text, sizeof(text), "%s", out.data);
    buf_release(&out);
    return text;
}

/* Columns of a line whose characters all have one: code points, without SGR sequences. */
static unsigned columns_in(const char *text)
{
    unsigned columns = 0;

    for (; *text != '\0'; text++) {
        if (*text == '\x1b')
            text = strchr(text, 'm');
        else if (((unsigned char)*text & 0xC0) != 0x80)
            columns++;
    }
    return columns;
}

static void test_all_of_it(void **state)
{
    (void)state;
    assert_string_equal(line(&busy, 100, false, false),
                        "creating  [###.......................]  1234/10000  1200 created  "
                        "34 failed  8.3 rows/s  17m32s left");
    assert_string_equal(
        line(&waiting, 100, false, false),
        "creating  [##########...........]  500/1000  500 created  waiting 41 s for the rate limit  41 s left");
}

/* What goes first, and what stays. */
static void test_narrower(void **state)
{
    static const struct {
        const struct progress *progress;
        unsigned columns;
        const char *text;
    } cases[] = {
        {&busy, 78, "creating  [....]  1234/10000  1200 created  34 failed  8.3 rows/s  17m32s left"},
        {&busy, 77, "creating  [#..............]  1234/10000  1200 created  34 failed  17m32s left"},
        {&busy, 60, "[........]  1234/10000  1200 created  34 failed  17m32s left"},
        {&busy, 50, "[#..........]  1234/10000  1200 created  34 failed"},
        {&busy, 39, "1234/10000  1200 created  34 failed"},
        {&busy, 30, "1234/10000  34 failed"},
        {&busy, 19, "1234/10000"},
        {&busy, 5, "1234/"},
        {&waiting, 70, "creating  [#####.....]  500/1000  500 created  waiting 41 s  41 s left"},
        {&waiting, 40, "500/1000  500 created  waiting 41 s"},
        {&waiting, 30, "500/1000  waiting 41 s"},
        {&waiting, 19, "500/1000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(line(cases[i].progress, cases[i].columns, false, false), cases[i].text);
}

static void test_never_too_wide(void **state)
{
    struct progress most = busy;

    (void)state;
    most.total = most.done = most.created = most.failed = most.unknown = most.invalid = most.unsettled = UINT64_MAX;
    most.rate = 1e9;
    most.wait_ms = most.eta_ms = INT64_C(366) * 86400 * 1000;
    most.why = "for the account's list to catch up";
    for (unsigned columns = 1; columns <= 250; columns++) {
        assert_true(columns_in(line(&most, columns, true, true)) <= columns);
        assert_true(columns_in(line(&busy, columns, true, true)) <= columns);
        assert_true(columns_in(line(&waiting, columns, true, true)) <= columns);
    }
}

static void test_counts_its_columns(void **state)
{
    struct progress_style style = {.columns = 90, .colour = true, .utf8 = true};
    struct buf out;
    unsigned columns;

    (void)state;
    buf_init(&out, 4096);
    columns = progress_live(&out, &busy, &style);
    assert_int_equal(columns, 90);
    assert_int_equal(columns, columns_in(out.data));
    buf_release(&out);
}

static void test_colour(void **state)
{
    const char *text = line(&busy, 100, true, false);

    (void)state;
    assert_non_null(strstr(text, "\x1b[32m1200 created\x1b[0m"));
    assert_non_null(strstr(text, "\x1b[31m34 failed\x1b[0m"));
    assert_null(strchr(line(&busy, 100, false, true), '\x1b'));
}

static void test_bar(void **state)
{
    struct progress some = {.total = 4, .eta_ms = -1};

    (void)state;
    assert_string_equal(line(&some, 12, false, true), "───────  0/4");
    some.done = 2;
    assert_string_equal(line(&some, 13, false, true), "━━━━────  2/4");
    some.done = 4;
    assert_string_equal(line(&some, 12, false, true), "━━━━━━━  4/4");
    some.done = 5;
    assert_string_equal(line(&some, 12, false, true), "━━━━━━━  5/4");
}

static void test_without_total(void **state)
{
    struct progress some = {.doing = "listing the account", .done = 300, .eta_ms = -1};

    (void)state;
    assert_string_equal(line(&some, 80, false, true), "listing the account  300");
    assert_string_equal(plain(&some), "listing the account: 300");
}

static void test_plain(void **state)
{
    struct progress some = {
        .doing = "archiving", .total = 9, .done = 3, .created = 3, .made = "archived", .eta_ms = -1};

    struct progress doubtful = busy;

    (void)state;
    doubtful.unknown = 2;
    doubtful.invalid = 3;
    assert_string_equal(plain(&doubtful),
                        "creating: 1234 of 10000 rows, 1200 created, 34 failed, 2 unknown, 3 invalid, "
                        "8.3 rows/s, 17m32s left");
    assert_string_equal(plain(&busy), "creating: 1234 of 10000 rows, 1200 created, 34 failed, 8.3 rows/s, 17m32s left");
    assert_string_equal(plain(&waiting),
                        "creating: 500 of 1000 rows, 500 created, 3.0 rows/s, waiting 41 s for the rate "
                        "limit, 41 s left");
    assert_string_equal(plain(&some), "archiving: 3 of 9 rows, 3 archived");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_it),      cmocka_unit_test(test_narrower),
        cmocka_unit_test(test_never_too_wide), cmocka_unit_test(test_counts_its_columns),
        cmocka_unit_test(test_colour),         cmocka_unit_test(test_bar),
        cmocka_unit_test(test_without_total),  cmocka_unit_test(test_plain),
    };

    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
