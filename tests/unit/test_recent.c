#include "prior/recent.h"

#include "run/settle.h"
#include "tempdir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HEADER                                                                                                 \
    "type,label,allowed_emails,status,connector_id,inbox_email,http_status,error_code,error_message,attempts," \
    "created_at\n"

static const int64_t window_ms = 60000, written_ms = 1795500000000; /* 2026-11-24T06:00:00Z */

static struct recent recent;

static void write_results(const char *text)
{
    struct timespec times[2] = {{.tv_sec = written_ms / 1000}, {.tv_sec = written_ms / 1000}};

    assert_true(tempdir_write("desk.results.csv", text, strlen(text)));
    assert_int_equal(utimensat(AT_FDCWD, "desk.results.csv", times, 0), 0);
}

/* What a run knows that begins `after_ms` after the file was written. */
static void look(int64_t after_ms, const char *text)
{
    write_results(text);
    recent_init(&recent, window_ms, written_ms + after_ms);
    recent_add_file(&recent, "desk.results.csv");
}

/* Requests that are `from` to `to` seconds old. */
static uint32_t aged(int from, int to)
{
    uint32_t sum = 0;

    for (int i = from; i <= to; i++)
        sum += recent.requests[i];
    return sum;
}

static void counts_creates_when_they_were(void **state)
{
    (void)state;
    look(2000, HEADER "email,A,a@example.com,created,id-1,,201,,,1,2026-11-24T05:59:58Z\n"
                      "email,F,f@example.com,created,id-6,,201,,,1,2026-11-24T06:00:00Z\n"
                      "email,B,b@example.com,created,id-2,,201,,,3,2026-11-24T05:59:50Z\n"
                      "email,C,c@example.com,created,id-3,,201,,,1,2026-11-24T05:58:00Z\n"
                      "email,D,d@example.com,rejected,,,422,,,1,\n"
                      "email,E,e@example.com,invalid,,,,,,0,\n");
    /* with the rejected row and the lists, by the file's time */
    assert_int_equal(recent.requests[2], 1 + 1 + 1 + SETTLE_LISTS_MAX);
    assert_int_equal(aged(3, 4), 1);
    assert_int_equal(aged(10, 12), 3);
    assert_int_equal(aged(0, RECENT_STEPS - 1), 7 + SETTLE_LISTS_MAX);
}

static void an_old_file_tells_nothing(void **state)
{
    (void)state;
    look(window_ms, HEADER "email,D,d@example.com,rejected,,,422,,,1,\n");
    assert_int_equal(aged(0, RECENT_STEPS - 1), 0);
    look(1000, "type,label\nemail,A\n");
    assert_int_equal(aged(0, RECENT_STEPS - 1), 0);
}

static void counts_archiving_when_the_file_was_written(void **state)
{
    (void)state;
    look(5000, HEADER "email,A,a@example.com,archived,id-1,,200,,,1,2026-11-23T05:59:58Z\n"
                      "email,B,b@example.com,archived,id-2,,200,,,1,2026-11-24T05:59:45Z\n"
                      "email,C,c@example.com,created,id-3,,201,,,1,2026-11-24T06:00:00Z\n");
    assert_int_equal(recent.requests[5], 1 + 2 + 1);
    assert_int_equal(aged(20, 20), 1); /* the second one's create */
    assert_int_equal(aged(0, RECENT_STEPS - 1), 1 + 2 + 1 + 1);
}

/* Nobody wrote down how many lists it took to settle rows: as many as it can have been. */
static void counts_the_lists_that_settled_rows(void **state)
{
    static const char *const settled[] = {
        "created,id-1,,,,,1,2026-11-24T05:59:50Z\n",
        "created,id-1,,201,,,2,2026-11-24T05:59:50Z\n",
        "unknown,,,500,unsettled,,1,\n",
        "failed,,,503,answer_lost,,1,\n",
    };
    static const char *const others[] = {
        "created,id-1,,201,,,1,2026-11-24T05:59:50Z\n",
        "created,id-1,,,,,1,2026-11-24T05:58:50Z\n",
        "exists,id-1,,,,,0,2026-11-24T05:59:50Z\n",
        "failed,,,,no_connection,,1,\n",
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        snprintf(text, sizeof(text),
                 HEADER "email,B,b@example.com,created,id-2,,201,,,1,2026-11-24T06:00:00Z\nemail,A,a@x.org,%s",
                 settled[i]);
        look(2000, text);
        assert_int_equal(recent.requests[2] + aged(12, 12), 1 + 1 + SETTLE_LISTS_MAX + (i == 1 ? 2 : 1));
        snprintf(text, sizeof(text),
                 HEADER "email,B,b@example.com,created,id-2,,201,,,1,2026-11-24T06:00:00Z\nemail,A,a@x.org,%s",
                 others[i]);
        look(2000, text);
        assert_in_range(aged(0, RECENT_STEPS - 1), 2, 3);
    }
}

/* A server that is twenty seconds behind: the newest create was no later than the file. */
static void a_server_behind_our_clock_hides_nothing(void **state)
{
    (void)state;
    look(2000, HEADER "email,A,a@example.com,created,id-1,,201,,,1,2026-11-24T05:59:40Z\n"
                      "email,B,b@example.com,created,id-2,,201,,,1,2026-11-24T05:59:25Z\n"
                      "email,C,c@example.com,created,id-3,,201,,,1,2026-11-24T05:58:30Z\n"
                      "email,D,d@example.com,exists,id-4,,,,,0,2026-11-24T05:59:59Z\n");
    assert_int_equal(recent.requests[2], 1 + 1);
    assert_int_equal(aged(16, 18), 1);
    assert_int_equal(aged(0, RECENT_STEPS - 1), 3);
}

static void a_server_ahead_of_our_clock_counts_as_now(void **state)
{
    (void)state;
    look(2000, HEADER "email,A,a@example.com,created,id-1,,201,,,1,2026-11-24T06:00:20Z\n"
                      "email,B,b@example.com,created,id-2,,201,,,1,2026-11-24T06:00:10Z\n");
    assert_int_equal(recent.requests[2], 2 + 1);
}

/* The run that wrote the file created nothing: no clock is so far behind. */
static void rows_of_another_day_are_not_moved(void **state)
{
    (void)state;
    look(2000, HEADER "email,A,a@example.com,created,id-1,,201,,,1,2026-11-23T05:59:40Z\n"
                      "email,B,b@example.com,created,id-2,,201,,,1,2026-11-23T05:59:25Z\n");
    assert_int_equal(aged(0, RECENT_STEPS - 1), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, tempdir_enter, tempdir_leave)
        IN_FOLDER(counts_creates_when_they_were),
        IN_FOLDER(an_old_file_tells_nothing),
        IN_FOLDER(counts_archiving_when_the_file_was_written),
        IN_FOLDER(counts_the_lists_that_settled_rows),
        IN_FOLDER(a_server_behind_our_clock_hides_nothing),
        IN_FOLDER(a_server_ahead_of_our_clock_counts_as_now),
        IN_FOLDER(rows_of_another_day_are_not_moved),
    };

    return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
