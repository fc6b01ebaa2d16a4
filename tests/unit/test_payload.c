#include "model/json.h"
#include "model/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(literal) ((struct span){.data = (literal), .len = sizeof(literal) - 1})

/* The payload is `expected`, and as long as connector_payload_size() says. */
static void expect_payload(const struct connector *connector, const char *expected)
{
    struct buf out;

    buf_init(&out, PAYLOAD_MAX);
    assert_true(payload_write(connector, &out));
    assert_string_equal(out.data, expected);
    assert_int_equal(connector_payload_size(connector), out.len);
    buf_release(&out);
}

static void writes_each_type(void **state)
{
    struct span emails[] = {TEXT("a@x.example"), TEXT("B@x.example")};

    (void)state;
    expect_payload(&(struct connector){.type = TYPE_EMAIL, .label = TEXT("Macro"), .emails = emails, .email_count = 2},
                   "{\"type\":\"email\",\"label\":\"Macro\",\"config\":{\"allowed_emails\":[\"a@x.example\","
                   "\"B@x.example\"]}}");
    expect_payload(&(struct connector){.type = TYPE_INVESTMENT_RESEARCH,
                                       .label = TEXT("Broker"),
                                       .description = TEXT("notes"),
                                       .share_with_org = true,
                                       .user_id = TEXT("u"),
                                       .user_password = TEXT("p")},
                   "{\"type\":\"investment_research\",\"label\":\"Broker\",\"description\":\"notes\","
                   "\"share_with_org\":true,\"config\":{\"user_id\":\"u\",\"user_password\":\"p\"}}");
    expect_payload(&(struct connector){.type = TYPE_SHAREPOINT, .label = TEXT("Site"), .session_id = TEXT("s")},
                   "{\"type\":\"sharepoint\",\"label\":\"Site\",\"config\":{\"session_id\":\"s\"}}");
}

/* Spans have no terminator: ASan sees a read past one. */
static void reads_spans_to_their_end_only(void **state)
{
    char *label = malloc(3);

    (void)state;
    memset(label, 'a', 3);
    expect_payload(
        &(struct connector){.type = TYPE_SHAREPOINT, .label = {.data = label, .len = 3}, .session_id = TEXT("s")},
        "{\"type\":\"sharepoint\",\"label\":\"aaa\",\"config\":{\"session_id\":\"s\"}}");
    free(label);
}

static void escapes_what_json_demands(void **state)
{
    (void)state;
    expect_payload(&(struct connector){.type = TYPE_SHAREPOINT,
                                       .label = TEXT("\"q\"\\/\b\f\n\r\t\x01\x1F\x7F"),
                                       .description = TEXT("Zürich \xF0\x9F\x98\x80 <b>&\xE2\x80\xA8"),
                                       .session_id = TEXT("s")},
                   "{\"type\":\"sharepoint\",\"label\":\"\\\"q\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\","
                   "\"description\":\"Zürich \xF0\x9F\x98\x80 <b>&\xE2\x80\xA8\",\"config\":{\"session_id\":\"s\"}}");
}

/* Every character that UTF-8 writes in one or two bytes, other than NUL, is counted right, and comes back as it was. */
static void agrees_with_the_size_for_every_byte(void **state)
{
    struct json_reader *reader = json_reader_new();
    struct buf out;

    (void)state;
    for (unsigned point = 1; point < 0x800; point++) {
        char text[2] = {(char)point, 0};
        struct connector connector = {
            .type = TYPE_SHAREPOINT, .label = {.data = text, .len = 1}, .session_id = TEXT("s")};

        if (point >= 0x80) {
            text[0] = (char)(0xC0 | point >> 6);
            text[1] = (char)(0x80 | (point & 0x3F));
            connector.label.len = 2;
        }
        buf_init(&out, PAYLOAD_MAX);
        assert_true(payload_write(&connector, &out));
        assert_int_equal(connector_payload_size(&connector), out.len);
        assert_true(span_equal(json_string(json_member(json_read(reader, buf_view(&out)), "label")), connector.label));
        buf_release(&out);
    }
    json_reader_free(reader);
}

static void fills_the_largest_body_and_no_more(void **state)
{
    enum { FRAME = sizeof("{\"type\":\"sharepoint\",\"label\":\"\",\"config\":{\"session_id\":\"s\"}}") - 1 };
    char *label = malloc(PAYLOAD_MAX);
    struct connector connector = {
        .type = TYPE_SHAREPOINT, .label = {.data = label, .len = PAYLOAD_MAX - FRAME}, .session_id = TEXT("s")};
    struct buf out;

    (void)state;
    memset(label, 'x', PAYLOAD_MAX);
    buf_init(&out, PAYLOAD_MAX);
    assert_true(payload_write(&connector, &out));
    assert_int_equal(out.len, PAYLOAD_MAX);
    buf_reset(&out);
    connector.label.len++;
    assert_false(payload_write(&connector, &out));
    buf_release(&out);
    free(label);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_each_type),
        cmocka_unit_test(reads_spans_to_their_end_only),
        cmocka_unit_test(escapes_what_json_demands),
        cmocka_unit_test(agrees_with_the_size_for_every_byte),
        cmocka_unit_test(fills_the_largest_body_and_no_more),
    };

    return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
