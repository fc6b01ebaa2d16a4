#include "api/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 10000000, KEEP = 60000 };

static struct history history;

static void given(const char *text)
{
    history_release(&history);
    history_read(&history, span_of(text), NOW, KEEP);
}

static const char *written(void)
{
    static struct buf text;

    buf_release(&text);
    buf_init(&text, 4096);
    history_write(&history, NOW, &text);
    return text.len > 0 ? text.data : "";
}

static void what_was_in_flight_ended_with_the_last_line(void **state)
{
    (void)state;
    given("sent 9990000 5 0 7\nsent 9995000 3 4 7\nsent 9993000 1 1 8\n");
    history_settle(&history, 0);
    assert_string_equal(written(), "sent 9993000 1 1 0\nsent 9995000 8 8 0\n");
    given("sent 9990000 5 0 7\nsent 9995000 3 4 7\n");
    history_settle(&history, 7);
    assert_string_equal(written(), "sent 9995000 4 4 0\n");
}

static void the_older_the_coarser_and_never_earlier(void **state)
{
    (void)state;
    given("sent 9999910 1 1 1\nsent 9999950 1 1 1\nsent 9999990 2 2 2\nsent 9950001 1 1 1\nsent 9950900 1 1 1\n");
    history_settle(&history, 0);
    assert_string_equal(written(), "sent 9951000 2 2 0\nsent 10000000 4 4 0\n");
}

static void too_old_is_left_out_and_the_future_is_now(void **state)
{
    (void)state;
    given("sent 9939999 9 9 1\nsent 90000000000 2 2 1\nfound 40 2000 90000000000\n");
    history_settle(&history, 0);
    assert_string_equal(written(), "sent 10000000 2 2 0\nfound 40 2000 10000000\n");
    history_release(&history);
    history_read(&history, span_of("found 40 2000 9999999"), NOW + HISTORY_FOUND_MS, KEEP);
    assert_int_equal(history.found.count, 0);
}

static void other_lines_are_passed_over(void **state)
{
    static const char *const lines[] = {"",
                                        "sent",
                                        "sent 9999000 1 1",
                                        "sent 9999000 1 1 1 1",
                                        "sent 9999000 -1 1 1",
                                        "sent 9999000 99999999999 1 1",
                                        "sent x 1 1 1",
                                        "found 0 2000 9999000",
                                        "found 40 0 9999000",
                                        "found 40",
                                        "connload 2",
                                        "\xff\xfe"};

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        given(lines[i]);
        assert_int_equal(history.count, 0);
        assert_int_equal(history.found.count, 0);
    }
}

static void the_pace_is_told(void **state)
{
    struct pace *pace = pace_new(&(struct pace_config){.limit = {10, 60000}});

    (void)state;
    given("sent 9970000 4 4 1\nsent 9990000 6 5 1\n");
    history_settle(&history, 0);
    history_tell(&history, pace, 500000, NOW);
    assert_int_equal(pace_next(pace, 500000), 500000 + 30000 + 31);
    pace_free(pace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_in_flight_ended_with_the_last_line),
        cmocka_unit_test(the_older_the_coarser_and_never_earlier),
        cmocka_unit_test(too_old_is_left_out_and_the_future_is_now),
        cmocka_unit_test(other_lines_are_passed_over),
        cmocka_unit_test(the_pace_is_told),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    given("");
    history_release(&history);
    written();
    return failed;
}
