#include "model/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void statuses(void **state)
{
    (void)state;
    for (enum status status = STATUS_NONE; status < STATUSES; status++)
        assert_int_equal(status_named(span_of(status_name(status))), status);
    assert_string_equal(status_name(STATUS_NOT_ATTEMPTED), "not_attempted");
    assert_int_equal(status_named(span_of(" Created ")), STATUS_CREATED);
    assert_int_equal(status_named(span_of("  ")), STATUS_NONE);
    assert_int_equal(status_named(span_of("create")), STATUSES);
    assert_int_equal(status_named(span_of("not attempted")), STATUSES);
}

static void finished(void **state)
{
    (void)state;
    for (enum status status = STATUS_NONE; status < STATUSES; status++)
        assert_int_equal(status_is_finished(status), status == STATUS_CREATED || status == STATUS_EXISTS ||
                                                         status == STATUS_UPDATED || status == STATUS_ARCHIVED);
}

static void columns(void **state)
{
    static const char *const in_order[] = {"status",     "connector_id",  "inbox_email", "http_status",
                                           "error_code", "error_message", "attempts",    "created_at"};

    (void)state;
    assert_int_equal(sizeof(in_order) / sizeof(in_order[0]), RESULT_COLUMNS);
    for (enum result_column column = 0; column < RESULT_COLUMNS; column++) {
        assert_string_equal(result_column_name(column), in_order[column]);
        assert_int_equal(result_column_named(span_of(in_order[column])), column);
    }
    assert_int_equal(result_column_named(span_of(" status ")), RESULT_STATUS);
    assert_int_equal(result_column_named(span_of("Status")), RESULT_COLUMNS);
    assert_int_equal(result_column_named(span_of("")), RESULT_COLUMNS);
    assert_int_equal(result_column_like(span_of(" Status ")), RESULT_STATUS);
    assert_int_equal(result_column_like(span_of("CREATED_AT")), RESULT_CREATED_AT);
    assert_int_equal(result_column_like(span_of("Created at")), RESULT_CREATED_AT);
    assert_int_equal(result_column_like(span_of("created on")), RESULT_COLUMNS);
    assert_int_equal(result_column_like(span_of("")), RESULT_COLUMNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses),
        cmocka_unit_test(finished),
        cmocka_unit_test(columns),
    };

    return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
