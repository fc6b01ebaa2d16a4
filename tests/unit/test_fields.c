#include "net/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void add(struct fields *fields, const char *line)
{
    fields_add(fields, span_of(line), 1795498207000);
}

static bool is(const struct field_value *value, const char *wanted)
{
    return span_equal(field_view(value), span_of(wanted));
}

static void test_values(void **state)
{
    struct fields fields;

    (void)state;
    fields_reset(&fields);
    add(&fields, "HTTP/1.1 429 Too Many\r\n");
    add(&fields, "DATE:\tTue, 24 Nov 2026 05:30:07 GMT \r\n");
    add(&fields, "retry-after:30\r\n");
    add(&fields, "Retry-After: 99\r\n");
    add(&fields, "RateLimit-Limit: 10\r\n");
    assert_false(fields.complete);
    add(&fields, "\r\n");
    assert_true(fields.complete);
    assert_true(is(&fields.date, "Tue, 24 Nov 2026 05:30:07 GMT"));
    assert_true(is(&fields.retry_after, "30"));
    assert_int_equal(fields.hint.limit, 10);
    assert_int_equal(fields.bytes, 23 + 38 + 16 + 17 + 21 + 2);
}

/* The server's clock is ten minutes ahead of ours, and says so before or after the reset. */
static void test_a_reset_is_by_the_servers_clock(void **state)
{
    static const char *const lines[] = {"X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1795498809",
                                        "Date: Tue, 24 Nov 2026 05:40:07 GMT"};
    struct fields up, down, none;

    (void)state;
    fields_reset(&up);
    fields_reset(&down);
    fields_reset(&none);
    for (int i = 0; i < 3; i++) {
        add(&up, lines[i]);
        add(&down, lines[2 - i]);
    }
    add(&none, lines[1]);
    assert_int_equal(fields_hint(&up, 1795498207000).reset_ms, 2000);
    assert_int_equal(fields_hint(&down, 1795498207000).reset_ms, 2000);
    assert_int_equal(fields_hint(&down, 1795498207000).remaining, 0);
    assert_int_equal(fields_hint(&none, 1795498207000).reset_ms, 602000);
    add(&up, "HTTP/1.1 200 OK");
    assert_false(fields_hint(&up, 0).present);
}

static void test_a_status_line_begins_anew(void **state)
{
    struct fields fields;

    (void)state;
    fields_reset(&fields);
    add(&fields, "HTTP/1.1 103 Early Hints\r\n");
    add(&fields, "Retry-After: 7\r\n");
    add(&fields, "X-Request-Id: a\r\n");
    add(&fields, "X-RateLimit-Remaining: 1\r\n");
    add(&fields, "\r\n");
    add(&fields, "HTTP/1.1 200 OK\r\n");
    assert_int_equal(fields.retry_after.len + fields.request_id.len, 0);
    assert_false(fields.complete || fields.hint.present);
    assert_int_equal(fields.bytes, 26 + 16 + 17 + 26 + 2 + 17);
}

static void test_request_ids_by_rank(void **state)
{
    static const char *const lines[] = {"CF-Ray: 4", "X-Correlation-Id: 3", "X-Amzn-RequestId: 2", "x-request-id: 1"};
    struct fields up, down;

    (void)state;
    fields_reset(&up);
    fields_reset(&down);
    for (int i = 0; i < 4; i++) {
        add(&up, lines[i]);
        add(&down, lines[3 - i]);
        assert_int_equal(up.request_id.text[0], '4' - i);
        assert_int_equal(down.request_id.text[0], '1');
    }
}

static void test_junk_counts_as_absent(void **state)
{
    static const char *const junk[] = {
        "",
        ":",
        "x",
        "X-Request-Id",
        "X-Request-Id:",
        "X-Request-Id: \r\n",
        "X-Request-Id: two words",
        "X-Request-Id: \xff",
        "X-Request-Id: \x1b[31m",
        " X-Request-Id: folded",
        "X-Request-Id : blank",
        "Retry-After",
        "Date:",
        "RateLimit: ;;;=,",
    };
    char longer[FIELD_VALUE_MAX + 32];
    struct fields fields;

    (void)state;
    fields_reset(&fields);
    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
        add(&fields, junk[i]);
    memset(longer, 'a', sizeof(longer));
    memcpy(longer, "X-Request-Id: ", 14);
    fields_add(&fields, (struct span){longer, sizeof(longer)}, 0);
    fields_add(&fields, (struct span){"\0: x", 4}, 0);
    fields_add(&fields, (struct span){"x-request-id: a\0b", 17}, 0);
    assert_int_equal(fields.request_id.len + fields.retry_after.len + fields.date.len, 0);
    assert_false(fields.hint.present);
}

static void test_signs_of_a_part(void **state)
{
    static const struct {
        const char *line;
        bool more;
    } cases[] = {
        {"Link: </contents/v1/connectors?page=2>; rel=\"next\"", true},
        {"link: <x>; rel=Next", true},
        {"LINK: <x>; rel=\"prev\", <y>; rel=\"next\"", true},
        {"Link: <x>; rel=\"prev\"", false},
        {"Link:", false},
        {"X-Link: rel=next", false},
        {"Content-Range: items 0-49/120", true},
        {"X-Next-Page: 2", true},
        {"X-Next-Page:", false},
        {"Age: 0", false},
        {"Age: 17", true},
    };
    struct fields fields;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fields_reset(&fields);
        add(&fields, cases[i].line);
        assert_int_equal(fields.more, cases[i].more);
    }
    add(&fields, cases[0].line);
    add(&fields, "HTTP/1.1 200 OK");
    assert_false(fields.more);
    assert_int_equal(fields.total, -1);
    add(&fields, "X-Total-Count: 120");
    assert_int_equal(fields.total, 120);
    add(&fields, "X-Total-Count: many");
    assert_int_equal(fields.total, INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_a_reset_is_by_the_servers_clock),
        cmocka_unit_test(test_a_status_line_begins_anew),
        cmocka_unit_test(test_request_ids_by_rank),
        cmocka_unit_test(test_junk_counts_as_absent),
        cmocka_unit_test(test_signs_of_a_part),
    };

    return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
