#include "report/summary.h"

#include "base/text.h"
#include "io/columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct tally tally;
static char shown[65536];

static int fresh(void **state)
{
    (void)state;
    tally_init(&tally, 0, 0);
    tally.took_ms = 3200;
    return 0;
}

static void ended(enum status status, const char *code, const char *message, uint32_t line)
{
    struct outcome outcome = {.status = status, .error_code = span_of(code), .error_message = span_of(message)};

    struct row_place place = {.line = line, .number = line - 1, .label = span_of(line == 8 ? "Rates\n" : "")};

    tally.rows++;
    tally_row(&tally, &outcome, &place, 0);
}

static void show(const struct run_info *info, unsigned columns, bool colour)
{
    struct buf out;

    buf_init(&out, sizeof(shown) - 1);
    summary_text(&out, info, &tally, columns, colour);
    snprintf(shown, sizeof(shown), "%s", out.data);
    buf_release(&out);
}

static void desk(void)
{
    for (uint32_t i = 0; i < 20; i++) {
        ended(STATUS_CREATED, NULL, NULL, 10 + i);
        tally_sent(&tally, REQUEST_CREATE, 0);
    }
    ended(STATUS_INVALID, "invalid_email", "column E \"allowed_emails\": \"anna@\" is not an e-mail address", 17);
    ended(STATUS_INVALID, "invalid_email;missing_label",
          "column E \"allowed_emails\": \"bob\" is not an e-mail address", 4);
    ended(STATUS_FAILED, "http_503", "the server answered 503: \x1b[2Jcome back", 8);
    tally.most_in_window = 20;
}

static const struct run_info created = {
    .command = "create",
    .input = "desk.csv",
    .results = "desk.results.csv",
    .base_url = "https://api.example",
    .rates = {{500, 60000}},
    .exit_code = EXIT_SOME_NOT,
};

static void test_create(void **state)
{
    (void)state;
    desk();
    show(&created, 0, false);
    assert_string_equal(shown, "23 rows in 3.2s: 20 created, 2 invalid, 1 failed\n"
                               "6.2 rows a second; at most 20 requests in any window (limit 500/m)\n"
                               "\n"
                               "2 invalid: invalid_email, rows 3, 16 (lines 4, 17)\n"
                               "    column E \"allowed_emails\": \"anna@\" is not an e-mail address\n"
                               "1 invalid: missing_label, row 3 (line 4)\n"
                               "    column E \"allowed_emails\": \"bob\" is not an e-mail address\n"
                               "1 failed: http_503, row 7 \"Rates\\n\" (line 8)\n"
                               "    the server answered 503: \\x1B[2Jcome back\n"
                               "\n"
                               "results  desk.results.csv\n"
                               "next     correct the rows in that file (error_message says how), then:\n"
                               "         connload create desk.results.csv\n");
}

/* On a narrow terminal only what is to be typed, and what must be said whole, is wider than it. */
static void test_narrow(void **state)
{
    char *line, *rest = shown;

    (void)state;
    desk();
    show(&created, 40, true);
    assert_non_null(strstr(shown, "\x1b[32m20 created,\x1b[0m"));
    show(&created, 40, false);
    assert_null(strchr(shown, '\x1b'));
    assert_non_null(strstr(shown, "    column E \"allowed_emails\": \"anna@\"\n    is not an e-mail address\n"));
    while ((line = strsep(&rest, "\n")) != NULL)
        if (strncmp(line, "results", 7) != 0 && strncmp(line, "next", 4) != 0 && strncmp(line, "     ", 5) != 0)
            assert_true(columns_of(span_of(line)) <= 40);
}

/* A message that is longer than what is kept of it is cut between two characters. */
static void test_long_message(void **state)
{
    char message[2 * TALLY_MESSAGE + 3] = "";

    (void)state;
    for (size_t ahead = 0; ahead < 2; ahead++) {
        memset(message, 'x', ahead);
        for (size_t i = 0; i < TALLY_MESSAGE; i++)
            memcpy(message + ahead + 2 * i, "é", sizeof("é"));
        ended(STATUS_FAILED, ahead == 0 ? "a" : "b", message, 2);
        assert_int_equal(text_utf8_error(span_of(tally.error[ahead].message)), strlen(tally.error[ahead].message));
        assert_in_range(strlen(tally.error[ahead].message), TALLY_MESSAGE - 3, TALLY_MESSAGE - 1);
    }
}

/* Of a row that may exist, what to look for comes last. */
static void test_a_message_is_not_cut(void **state)
{
    (void)state;
    ended(
        STATUS_UNKNOWN, "unsettled",
        "may exist: its answer was lost at about 2026-11-24T09:00:00.000Z; the account's list lags behind what this run "
        "has created; look in the account for a connector of type email labelled \"Rates strategy, Northquay\"",
        2);
    show(&created, 80, false);
    assert_non_null(strstr(shown, "    may exist: its answer was lost at about 2026-11-24T09:00:00.000Z; the\n"
                                  "    account's list lags behind what this run has created; look in the account\n"
                                  "    for a connector of type email labelled \"Rates strategy, Northquay\"\n"));
}

static void test_all_done(void **state)
{
    struct run_info info = created;

    (void)state;
    info.exit_code = EXIT_ALL_DONE;
    ended(STATUS_CREATED, NULL, NULL, 2);
    tally_carried(&tally, STATUS_CREATED);
    tally.rows++;
    show(&info, 0, false);
    assert_string_equal(
        shown, "2 rows in 3.2s: 2 created\n1 of them was finished by an earlier run\nresults  desk.results.csv\n");
}

static void test_next(void **state)
{
    static const struct {
        struct run_info info;
        const char *next;
    } cases[] = {
        {{.command = "create", .input = "a", .results = "my desk.csv", .repeat = " --limit 1"},
         "next     send the rest:\n         connload create 'my desk.csv' --limit 1\n"},
        {{.command = "create", .input = "a", .results = "b", .stop = STOP_KEY_REFUSED},
         "next     mend the key first: check BIGDATA_API_KEY or --api-key-file; then:\n         connload create b\n"},
        {{.command = "create", .input = "a", .left = "b", .stop = STOP_KEY_REFUSED},
         "next     mend the key first: check BIGDATA_API_KEY or --api-key-file; then the same command\n"},
        {{.command = "create", .input = "a", .stop = STOP_KEY_REFUSED},
         "next     mend the key first: check BIGDATA_API_KEY or --api-key-file\n"},
        {{.command = "create", .input = "-", .dry_run = true, .planned = 1},
         "next     the same command without --dry-run\n"},
    };

    (void)state;
    ended(STATUS_FAILED, NULL, NULL, 2);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        show(&cases[i].info, 0, false);
        assert_non_null(strstr(shown, cases[i].next));
    }
    show(&(struct run_info){.command = "list", .results = "a"}, 0, false);
    assert_null(strstr(shown, "next"));
}

static void test_stop(void **state)
{
    struct run_info info = created;

    (void)state;
    info.stop = STOP_SIGNAL;
    info.stop_text = "stopped by SIGTERM";
    ended(STATUS_NOT_ATTEMPTED, NULL, NULL, 2);
    show(&info, 0, false);
    assert_non_null(strstr(shown, ": 1 not attempted\n"));
    assert_non_null(strstr(shown, "\nstopped  by SIGTERM\nresults  "));
}

static void test_lost_and_look_alikes(void **state)
{
    struct run_info info = created;

    (void)state;
    info.look_alikes = 1;
    tally.lost = 3;
    tally.settled_created = 2;
    tally.settled_unknown = 1;
    show(&info, 0, false);
    assert_non_null(strstr(shown, "3 answers were lost: 2 found in the account's list, 1 not to be settled\n"));
    assert_non_null(strstr(shown, "1 row looks like a connector that the account had already; --skip-existing"));
}

static void test_requests(void **state)
{
    static const struct {
        uint64_t sent, unsent, refused;
        struct rate rate;
        int64_t took_ms;
        const char *line;
    } cases[] = {
        {256, 0, 0, {0, 0}, 5000, "0 rows in 5.0s\n51.2 rows a second\nresults"},
        {256, 0, 0, {0, 0}, 500, "0 rows in 500ms\nresults"},
        {1, 0, 0, {500, 60000}, 500, "\nat most 7 requests in any window (limit 500/m)\nresults"},
        {2, 2, 0, {500, 60000}, 5000, "\n2 of 2 requests could not be sent\nresults"},
        {1, 1, 0, {0, 0}, 5000, "\n1 of 1 request could not be sent\n"},
        {20,
         3,
         0,
         {500, 60000},
         500,
         "\n3 of 20 requests could not be sent; at most 7 requests in any window (limit 500/m)\n"},
        {9,
         0,
         3,
         {500, 60000},
         500,
         "(limit 500/m)\n3 answers 429: the server's limit is lower than --rate 500/m, or shared\n"},
        {9, 0, 1, {0, 0}, 500, "0 rows in 500ms\n1 answer 429: the server has a limit; name it with --rate\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run_info info = created;

        fresh(state);
        info.rates[0] = cases[i].rate;
        tally.requests[REQUEST_CREATE] = cases[i].sent;
        tally.unsent = cases[i].unsent;
        tally.refused = cases[i].refused;
        tally.took_ms = cases[i].took_ms;
        tally.most_in_window = 7;
        show(&info, 0, false);
        assert_non_null(strstr(shown, cases[i].line));
    }
}

/* A limit that nobody named is told as it can be named. */
static void test_limit_found(void **state)
{
    struct run_info info = created;

    fresh(state);
    info.rates[0] = (struct rate){0, 0};
    tally.found = (struct rate){49, 2500};
    show(&info, 0, false);
    assert_null(strstr(shown, "next time"));
    tally.refused = 3;
    show(&info, 0, false);
    assert_non_null(strstr(shown, "\nthe server took about 19.6 requests a second; next time: --rate 49/2.5s\n"));
}

static void test_check_and_list(void **state)
{
    static const struct run_info check = {.command = "check", .input = "-"}, list = {.command = "list"};

    (void)state;
    ended(STATUS_INVALID, "missing_label", NULL, 2);
    tally.rows = 3;
    show(&check, 0, false);
    assert_string_equal(shown, "3 rows in 3.2s: 2 pass, 1 invalid\n\n1 invalid: missing_label, row 1 (line 2)\n");
    show(&(struct run_info){.command = "undo", .input = "a", .dry_run = true}, 0, false);
    assert_non_null(strstr(shown, "3 rows in 3.2s: 2 would be archived, 1 invalid\n"));
    fresh(NULL);
    tally.rows = 1;
    tally.status[STATUS_EXISTS] = 1;
    show(&list, 0, false);
    assert_string_equal(shown, "1 connector in 3.2s: 1 active\n");
}

static void test_many_kinds(void **state)
{
    char code[32];

    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        snprintf(code, sizeof(code), "code_%u", i);
        ended(STATUS_REJECTED, code, "no", i + 2);
    }
    show(&created, 0, false);
    assert_non_null(strstr(shown, "and 8 more kinds of errors (--summary and --report name all)\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_create, fresh),
        cmocka_unit_test_setup(test_narrow, fresh),
        cmocka_unit_test_setup(test_long_message, fresh),
        cmocka_unit_test_setup(test_all_done, fresh),
        cmocka_unit_test_setup(test_next, fresh),
        cmocka_unit_test_setup(test_stop, fresh),
        cmocka_unit_test_setup(test_lost_and_look_alikes, fresh),
        cmocka_unit_test_setup(test_limit_found, fresh),
        cmocka_unit_test_setup(test_check_and_list, fresh),
        cmocka_unit_test_setup(test_many_kinds, fresh),
        cmocka_unit_test(test_requests),
        cmocka_unit_test_setup(test_a_message_is_not_cut, fresh),
    };

    return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
