#include "report/chart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tally tally;
static struct run_info info;
static struct buf out;

static int fresh(void **state)
{
    (void)state;
    tally_init(&tally, 0, 0);
    info = (struct run_info){.command = "create", .rates = {{10, 3000}}};
    buf_init(&out, 4 << 20);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

static void send(int64_t ms, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        tally_sent(&tally, REQUEST_CREATE, ms);
}

static bool has(const char *text)
{
    return out.data != NULL && strstr(out.data, text) != NULL;
}

static void test_nothing_to_show(void **state)
{
    (void)state;
    chart_outcomes(&out, &info, &tally);
    chart_requests(&out, &info, &tally);
    chart_latencies(&out, &tally);
    assert_int_equal(out.len, 0);
}

static void test_outcomes(void **state)
{
    (void)state;
    tally.rows = 4;
    tally.status[STATUS_CREATED] = 3;
    tally.status[STATUS_FAILED] = 1;
    chart_outcomes(&out, &info, &tally);
    assert_true(has("<b>3</b> created <span class=\"soft\">75.0&#160;%</span>"));
    assert_true(has("<rect class=\"s-failed\" x=\"540.00\""));
    assert_false(has("passed"));
}

/* The window that ends at a step holds what was sent in as many steps as it is long. */
static void test_window(void **state)
{
    (void)state;
    send(0, 6);
    send(1000, 4);
    send(3000, 6);
    tally.most_in_window = 10;
    chart_requests(&out, &info, &tally);
    assert_true(has("limit 10/3s</text>"));
    assert_true(has("<title>after 3&#160;s: 6 sent, 0 created, 0 answers 429, 0 failed</title>"));
    /* 6, 10, 10, 10: the plot is 174 high below 26; the limit is its top */
    assert_true(
        has("<path class=\"held\" d=\"M70.0 95.6H229.5L229.5 26.0H389.0L389.0 26.0H548.5L548.5 26.0H708.0\"/>"));
    assert_true(has("<line class=\"limit\" x1=\"70\" x2=\"708\" y1=\"26.0\" y2=\"26.0\"/>"));
    assert_true(has("the most that any window held was 10"));
}

/* Where a step is longer than the window, the limit is that of as many windows as it has. */
static void test_limit_of_a_step(void **state)
{
    (void)state;
    info.rates[0] = (struct rate){5, 250};
    send(0, 20);
    send(1000, 10);
    chart_requests(&out, &info, &tally);
    assert_true(has("<line class=\"limit\" x1=\"70\" x2=\"708\" y1=\"26.0\" y2=\"26.0\"/>"));
    assert_true(has(">20</text>"));
    assert_false(has("class=\"held\""));
}

static void test_far_limit_is_named(void **state)
{
    (void)state;
    info.rates[0] = (struct rate){500, 60000};
    send(0, 3);
    chart_requests(&out, &info, &tally);
    assert_true(has("limit 500/m: above the picture"));
    assert_false(has("class=\"limit\""));
}

static void test_no_limit(void **state)
{
    (void)state;
    info.rates[0] = (struct rate){0, 0};
    send(0, 3);
    chart_requests(&out, &info, &tally);
    assert_false(has("limit"));
}

/* A long run has few labels and a table of readable length, whatever its steps. */
static void test_long_run(void **state)
{
    unsigned rows = 0;

    (void)state;
    for (int64_t s = 0; s < 36000; s += 7)
        send(s * 1000, 1);
    chart_requests(&out, &info, &tally);
    assert_true(has(">10&#160;h</text>") || has(">9&#160;h</text>") || has(">8&#160;h</text>"));
    for (const char *at = out.data; (at = strstr(at, "<th scope=\"row\">")) != NULL; at++)
        rows++;
    assert_in_range(rows, 30, 60);
}

static void test_latencies(void **state)
{
    (void)state;
    for (int i = 0; i < 99; i++)
        tally_answer(&tally, 201, 50000, 0);
    tally_answer(&tally, 201, 2000000, 0);
    chart_latencies(&out, &tally);
    assert_true(has(": 99</title>"));
    assert_true(has("the slowest: 2.0&#160;s."));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_to_show), TEST(test_outcomes),           TEST(test_window),   TEST(test_limit_of_a_step),
        TEST(test_no_limit),        TEST(test_far_limit_is_named), TEST(test_long_run), TEST(test_latencies),
    };

    return cmocka_run_group_tests_name("chart", tests, NULL, NULL);
}
