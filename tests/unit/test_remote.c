#include "model/remote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID "3f2b8c1e-7a54-4d7e-9a41-0c8d5b6e7f10"

static int open_remote(void **state)
{
    static struct remote remote;

    remote_init(&remote);
    *state = &remote;
    return 0;
}

static int close_remote(void **state)
{
    remote_release(*state);
    return 0;
}

static void expect_text(struct span text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    if (text.len > 0)
        assert_memory_equal(text.data, expected, text.len);
}

static void reads_an_email_connector(void **state)
{
    struct remote *remote = *state;

    assert_true(remote_read(
        remote,
        span_of(
            "{\"connector_id\":\"" ID "\",\"user_id\":\"u1\",\"org_id\":\"o1\",\"share_with_org\":true,"
            "\"label\":\"Macro \\u00e9\",\"description\":\"notes\",\"type\":\"email\",\"config\":{\"allowed_emails\":"
            "[\"a@x.example\",\"b@x.example\"],\"email_hash\":\"h\",\"email\":\"h@in.example\"},"
            "\"created_at\":\"2026-11-24T05:30:07.123456Z\",\"updated_at\":\"2026-11-24T05:30:07.123456Z\","
            "\"archived\":false,\"files_count\":0,\"last_sync_at\":null,\"brand_new\":[{}]}")));
    expect_text(remote->id, ID);
    expect_text(remote->owner_id, "u1");
    expect_text(remote->org_id, "o1");
    expect_text(remote->created_at, "2026-11-24T05:30:07.123456Z");
    assert_int_equal(remote->created_ms, INT64_C(1795498207123));
    expect_text(remote->inbox_email, "h@in.example");
    assert_false(remote->archived);
    assert_int_equal(remote->connector.type, TYPE_EMAIL);
    assert_true(remote->connector.share_with_org);
    expect_text(remote->connector.label, "Macro é");
    expect_text(remote->connector.description, "notes");
    expect_text(remote->connector.user_id, "");
    assert_int_equal(remote->connector.email_count, 2);
    expect_text(remote->connector.emails[1], "b@x.example");
}

static void reads_the_other_types(void **state)
{
    struct remote *remote = *state;

    assert_true(
        remote_read(remote, span_of("{\"connector_id\":\"" ID "\",\"type\":\"investment_research\",\"archived\":true,"
                                    "\"user_id\":\"owner\",\"config\":{\"user_id\":\"broker\"}}")));
    assert_int_equal(remote->connector.type, TYPE_INVESTMENT_RESEARCH);
    expect_text(remote->connector.user_id, "broker");
    expect_text(remote->owner_id, "owner");
    assert_true(remote->archived);
    assert_int_equal(remote->connector.email_count, 0);
    assert_true(remote_read(remote, span_of("{\"connector_id\":\"" ID "\",\"type\":\"sharepoint\",\"config\":{}}")));
    assert_int_equal(remote->connector.type, TYPE_SHAREPOINT);
    expect_text(remote->connector.user_id, "");
    assert_false(remote->archived);
    assert_true(remote_read(remote, span_of("{\"connector_id\":\"" ID "\",\"type\":\"Email\"}")));
    assert_int_equal(remote->connector.type, TYPE_NONE);
}

static void takes_wrong_types_for_absent(void **state)
{
    struct remote *remote = *state;

    assert_true(remote_read(
        remote,
        span_of("{\"connector_id\":\"" ID "\",\"user_id\":5,\"org_id\":null,\"share_with_org\":\"true\",\"label\":{},"
                "\"description\":null,\"type\":3,\"config\":{\"allowed_emails\":[null,7,\"a@x.example\",[\"b\"]],"
                "\"email\":false,\"user_id\":[]},\"created_at\":1795498207,\"archived\":1}")));
    expect_text(remote->owner_id, "");
    expect_text(remote->org_id, "");
    expect_text(remote->inbox_email, "");
    expect_text(remote->created_at, "");
    assert_int_equal(remote->created_ms, -1);
    assert_false(remote->archived);
    assert_false(remote->connector.share_with_org);
    expect_text(remote->connector.label, "");
    expect_text(remote->connector.description, "");
    expect_text(remote->connector.user_id, "");
    assert_int_equal(remote->connector.type, TYPE_NONE);
    assert_int_equal(remote->connector.email_count, 1);
    for (size_t i = 0; i < 5; i++) {
        static const char *const configs[] = {"null", "5", "\"x\"", "[[\"allowed_emails\"]]",
                                              "{\"allowed_emails\":{\"a\":\"a@x.example\"}}"};
        struct buf text;

        buf_init(&text, 1000);
        buf_format(&text, "{\"connector_id\":\"" ID "\",\"config\":%s}", configs[i]);
        assert_true(remote_read(remote, buf_view(&text)));
        assert_int_equal(remote->connector.email_count, 0);
        buf_release(&text);
    }
}

static void takes_it_out_of_its_envelope(void **state)
{
    struct remote *remote = *state;

    assert_true(remote_read(remote, span_of("\xEF\xBB\xBF{\"results\":{\"connector_id\":\"" ID "\",\"label\":\"A\","
                                            "\"archived\":true},\"errors\":[],\"metadata\":{}}")));
    expect_text(remote->id, ID);
    expect_text(remote->connector.label, "A");
    assert_true(remote->archived);
    assert_true(remote_read(remote, span_of("{\"connector_id\":\"" ID "\",\"results\":{}}")));
    assert_false(remote_read(remote, span_of("{\"results\":[{\"connector_id\":\"" ID "\"}]}")));
    assert_false(remote_read(remote, span_of("{\"results\":{\"results\":{\"connector_id\":\"" ID "\"}}}")));
    assert_false(remote_read(remote, span_of("{\"connector_id\":null,\"results\":{\"connector_id\":\"" ID "\"}}")));
}

static void believes_no_connector_without_a_uuid(void **state)
{
    static const char *const cases[] = {
        "",
        "null",
        "[]",
        "{}",
        "\"" ID "\"",
        "{\"connector_id\":null}",
        "{\"connector_id\":5}",
        "{\"connector_id\":\"\"}",
        "{\"connector_id\":\"3f2b8c1e7a544d7e9a410c8d5b6e7f10\"}",
        "{\"connector_id\":\"" ID "0\"}",
        "{\"connector_id\":\"00000000-0000-0000-0000-000000000000\"}",
        "{\"connector_id\":\"" ID "\\u0000\"}",
        "{\"connector_id\":\" " ID "\"}",
        "{\"connector_id\":[\"" ID "\"]}",
        "{\"connector_id\":\"3f2b8c1e-7a54-4d7e-9a41-0c8d5b6e7f1g\"}",
        "{\"Connector_Id\":\"" ID "\"}",
        "{\"connector_id\":5,\"connector_id\":\"" ID "\"}",
        "{\"connector_id\":\"" ID "\"}}",
        "{\"connector_id\":\"" ID "\"",
        "{\"connector_id\":\"" ID "\"} x",
        "[{\"connector_id\":\"" ID "\"}]",
        "{\"data\":{\"connector_id\":\"" ID "\"}}",
        "<html>" ID "</html>",
    };
    struct remote *remote = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(remote_read(remote, span_of("{\"connector_id\":\"" ID "\",\"label\":\"old\",\"archived\":true}")));
        if (remote_read(remote, span_of(cases[i])))
            fail_msg("%s was believed", cases[i]);
        assert_int_equal(remote->id.len + remote->connector.label.len + remote->archived, 0);
        assert_int_equal(remote->created_ms, -1);
    }
}

/* They go into files: what is none of the sort may be anything, a secret that comes back too. */
static void believes_only_times_and_ids(void **state)
{
    static const char *const times[] = {
        "k3y", "", "24.11.2026", "=1+1", "2026-11-24", "2026-11-24T05:30:07", "2026-11-24T05:30:07Z k3y"};
    static const char *const ids[] = {"", "two words", "\\u00e9", "\\u0007"};
    struct remote *remote = *state;
    struct buf text;

    buf_init(&text, 1000);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        buf_reset(&text);
        buf_format(&text, "{\"connector_id\":\"" ID "\",\"created_at\":\"%s\"}", times[i]);
        assert_true(remote_read(remote, buf_view(&text)));
        expect_text(remote->created_at, "");
        assert_int_equal(remote->created_ms, -1);
    }
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        buf_reset(&text);
        buf_format(&text, "{\"connector_id\":\"" ID "\",\"org_id\":\"%s\"}", ids[i]);
        assert_true(remote_read(remote, buf_view(&text)));
        expect_text(remote->org_id, "");
    }
    buf_release(&text);
}

static void limits_what_a_server_can_make_us_keep(void **state)
{
    struct remote *remote = *state;
    struct buf text;

    buf_init(&text, JSON_ELEMENT_MAX);
    buf_text(&text, "{\"connector_id\":\"" ID "\",\"org_id\":\"");
    for (int i = 0; i <= REMOTE_TEXT_MAX; i++)
        buf_char(&text, 'o');
    buf_text(&text, "\",\"config\":{\"allowed_emails\":[\"a@x.example\"");
    for (int i = 0; i < EMAILS_MAX; i++)
        buf_format(&text, ",\"b%d@x.example\"", i);
    buf_text(&text, "]}}");
    assert_true(remote_read(remote, buf_view(&text)));
    expect_text(remote->org_id, "");
    assert_int_equal(remote->connector.email_count, EMAILS_MAX);
    buf_release(&text);
}

static void addresses_are_a_set(void **state)
{
    struct remote *remote = *state;

    assert_true(remote_read(remote, span_of("{\"connector_id\":\"" ID "\",\"config\":{\"allowed_emails\":"
                                            "[\"a@x\",\"b@x\",\"A@X\"]}}")));
    assert_int_equal(remote->connector.email_count, 2);
    assert_true(remote_read(remote, span_of("{\"connector_id\":\"" ID "\"}")));
    assert_int_equal(remote->connector.email_count, 0);
}

static void takes_the_first_of_two(void **state)
{
    struct remote *remote = *state;

    assert_true(remote_read(remote, span_of("{\"connector_id\":\"" ID "\",\"label\":\"one\",\"label\":\"two\"}")));
    expect_text(remote->connector.label, "one");
}

static void knows_uuids(void **state)
{
    (void)state;
    assert_true(remote_is_uuid(span_of(ID)));
    assert_true(remote_is_uuid(span_of("3F2B8C1E-7A54-4D7E-9A41-0C8D5B6E7F10")));
    assert_true(remote_is_uuid(span_of("00000000-0000-0000-0000-000000000001")));
    assert_false(remote_is_uuid(span_of("00000000-0000-0000-0000-000000000000")));
    assert_false(remote_is_uuid((struct span){0}));
    assert_false(remote_is_uuid(span_of("3f2b8c1e-7a54-4d7e-9a41-0c8d5b6e7f1")));
    assert_false(remote_is_uuid(span_of("{f2b8c1e-7a54-4d7e-9a41-0c8d5b6e7f1}")));
    assert_false(remote_is_uuid(span_of("3f2b8c1e07a54-4d7e-9a41-0c8d5b6e7f10")));
    assert_false(remote_is_uuid(span_of("3f2b8c1-e7a54-4d7e-9a41-0c8d5b6e7f10")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_an_email_connector),
        cmocka_unit_test(reads_the_other_types),
        cmocka_unit_test(takes_it_out_of_its_envelope),
        cmocka_unit_test(takes_wrong_types_for_absent),
        cmocka_unit_test(believes_no_connector_without_a_uuid),
        cmocka_unit_test(believes_only_times_and_ids),
        cmocka_unit_test(limits_what_a_server_can_make_us_keep),
        cmocka_unit_test(takes_the_first_of_two),
        cmocka_unit_test(addresses_are_a_set),
        cmocka_unit_test(knows_uuids),
    };

    return cmocka_run_group_tests_name("remote", tests, open_remote, close_remote);
}
