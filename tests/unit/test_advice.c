#include "report/advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define KEY "mend the key first: check BIGDATA_API_KEY or --api-key-file"
#define HOST "mend this first: check --base-url (BIGDATA_API_BASE_URL), DNS, proxy and certificates"

/* A run of one row that ended with `status` (STATUS_NONE: it passed, or 0 rows where `empty`), `code` and `message`. */
static const struct {
    struct run_info info;
    enum status status;
    const char *code, *message;
    struct advice advice;
    bool empty;
} cases[] = {
    {.info = {.command = "check", .input = "a"},
     .status = STATUS_INVALID,
     .advice = {.what = "correct these rows, and check again:", .command = "check", .path = "a"}},
    {.info = {.command = "check", .input = "a"},
     .status = STATUS_INVALID,
     .code = "secret_unresolved",
     .advice = {.what = "set what the references name, and check again:", .command = "check", .path = "a"}},
    {.info = {.command = "check", .input = "a"},
     .status = STATUS_INVALID,
     .code = "invalid_email",
     .message = "--default allowed_emails: \"ana@\" is not an e-mail address",
     .advice = {.what = "correct --default, and check again:", .command = "check", .path = "a"}},
    {.info = {.command = "check", .input = "a", .results = "b"},
     .status = STATUS_INVALID,
     .advice = {.what = "correct the rows in that file (error_message says how), and check again:",
                .command = "check",
                .path = "b"}},
    {.info = {.command = "check", .input = "-", .results = "b"},
     .advice = {.what = "create them:", .command = "create", .path = "b"}},
    {.info = {.command = "check", .input = "-", .results = "-"}, .status = STATUS_INVALID},
    {.info = {.command = "check", .input = "a"}, .advice = {.what = "create them:", .command = "create", .path = "a"}},
    {.info = {.command = "check", .input = "a"}, .empty = true},
    {.info = {.command = "check", .input = "-"}},
    {.info = {.command = "check", .input = "a", .finished = 1},
     .advice = {.what = "nothing: every row is created, exists, updated or archived"}},

    {.info = {.command = "create", .input = "a", .results = "-"}, .status = STATUS_FAILED},
    {.info = {.command = "create", .input = "a", .results = "b"},
     .status = STATUS_FAILED,
     .advice = {.what = "send the rest:", .command = "create", .path = "b"}},
    {.info = {.command = "create", .input = "a", .results = "b"},
     .status = STATUS_REJECTED,
     .advice = {.what = "correct the rows in that file (error_message says how), then:",
                .command = "create",
                .path = "b"}},
    {.info = {.command = "create", .input = "a", .results = "b"},
     .status = STATUS_INVALID,
     .code = "secret_unresolved",
     .advice = {.what = "set what the references name (error_message says which), then:",
                .command = "create",
                .path = "b"}},
    {.info = {.command = "create", .input = "a", .results = "b"},
     .status = STATUS_UNKNOWN,
     .advice = {.what = "settle the unknown rows by the account's list, and send the rest:",
                .command = "create",
                .path = "b"}},
    {.info = {.command = "create", .input = "a", .results = "b"}, .status = STATUS_CREATED},
    {.info = {.command = "create", .input = "a", .left = "b", .held_back = true},
     .status = STATUS_INVALID,
     .advice = {.what = "correct these rows, then the same command"}},

    {.info = {.command = "create", .input = "a", .dry_run = true, .planned = 1},
     .status = STATUS_NOT_ATTEMPTED,
     .advice = {.what = "do it:", .command = "create", .path = "a"}},
    {.info = {.command = "create", .input = "-", .dry_run = true, .planned = 1},
     .status = STATUS_NOT_ATTEMPTED,
     .advice = {.what = "the same command without --dry-run"}},
    {.info = {.command = "create", .input = "a", .dry_run = true},
     .status = STATUS_INVALID,
     .advice = {.what = "correct these rows, then:", .command = "create", .path = "a"}},
    {.info = {.command = "create", .input = "a", .dry_run = true}, .status = STATUS_EXISTS},

    {.info = {.command = "create", .input = "a", .dry_run = true, .stop = STOP_KEY_REFUSED},
     .status = STATUS_NOT_ATTEMPTED,
     .advice = {.mend = KEY, .what = "then:", .command = "create --dry-run", .path = "a"}},
    {.info = {.command = "create", .input = "a", .results = "b", .stop = STOP_UNREACHABLE},
     .status = STATUS_NOT_ATTEMPTED,
     .advice = {.mend = HOST, .what = "then:", .command = "create", .path = "b"}},
    {.info = {.command = "create", .input = "a", .results = "-", .stop = STOP_UNREACHABLE},
     .status = STATUS_NOT_ATTEMPTED,
     .advice = {.mend = HOST}},
    {.info = {.command = "create", .input = "a", .left = "b", .stop = STOP_KEY_REFUSED},
     .status = STATUS_NOT_ATTEMPTED,
     .advice = {.mend = KEY, .what = "then the same command"}},

    {.info = {.command = "undo", .input = "a", .results = "a", .exit_code = EXIT_SOME_NOT, .hopeless = 1},
     .status = STATUS_CREATED,
     .advice = {.what = "look at these rows: error_message says why they can't be archived"}},
    {.info = {.command = "undo", .input = "a", .results = "a", .exit_code = EXIT_SOME_NOT},
     .status = STATUS_CREATED,
     .advice = {.what = "archive the rest:", .command = "undo", .path = "a"}},
    {.info = {.command = "undo", .input = "a", .results = "a"}, .status = STATUS_ARCHIVED},
    {.info = {.command = "list", .results = "a"}, .status = STATUS_EXISTS},
};

static void expect(const char *is, const char *wanted)
{
    if (wanted == NULL)
        assert_null(is);
    else
        assert_string_equal(is, wanted);
}

static void test_advice(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct tally tally;
        struct outcome outcome = {.status = cases[i].status,
                                  .error_code = span_of(cases[i].code),
                                  .error_message = span_of(cases[i].message)};
        struct advice advice;

        tally_init(&tally, 0, 0);
        tally.rows = !cases[i].empty;
        if (outcome.status != STATUS_NONE)
            tally_row(&tally, &outcome, &(struct row_place){.line = 2, .number = 2}, 0);
        advice = advice_of(&cases[i].info, &tally);
        expect(advice.mend, cases[i].advice.mend);
        expect(advice.what, cases[i].advice.what);
        expect(advice.command, cases[i].advice.command);
        expect(advice.path, cases[i].advice.path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_advice)};

    return cmocka_run_group_tests_name("advice", tests, NULL, NULL);
}
