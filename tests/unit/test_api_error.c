#include "base/text.h"
#include "model/api_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct span secret_texts[] = {{"hunter2", 7}, {"pass\"word", 9}};
static const struct api_secrets secrets = {secret_texts, 2};

static void expect_error(const char *body, const char *message, const char *code)
{
    struct buf got_message, got_code;

    buf_init(&got_message, 2000);
    buf_init(&got_code, 200);
    api_error_read(span_of(body), secrets, &got_message, &got_code);
    assert_string_equal(buf_view(&got_message).data, message);
    assert_string_equal(buf_view(&got_code).data, code);
    buf_release(&got_message);
    buf_release(&got_code);
}

struct error_case {
    const char *body, *message, *code;
};

static void expect_errors(const struct error_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_error(cases[i].body, cases[i].message, cases[i].code);
}

static void reads_the_shapes_that_were_seen(void **state)
{
    static const struct error_case cases[] = {
        {"{\"errors\": [{\"message\": \"Label is taken\"}]}", "Label is taken", ""},
        {"{\"errors\": [{\"message\": \"One\"}, {\"message\": null}, {\"message\": \"Two\"}]}", "One; Two", ""},
        {"{\"statusCode\": 404, \"message\": \"Not here\", \"errorCode\": \"NO_CONNECTOR\", \"requestId\": \"r-1\"}",
         "Not here", "NO_CONNECTOR"},
        {"{\"detail\": \"Not authenticated\"}", "Not authenticated", ""},
        {"{\"detail\": [{\"loc\": [\"body\", \"label\"], \"msg\": \"field required\", \"type\": \"missing\"}]}",
         "body.label: field required", "missing"},
        {"{\"detail\": [{\"loc\": [\"body\", \"config\", \"allowed_emails\", 0], "
         "\"msg\": \"no address\"}, {\"loc\": [], \"msg\": \"two\"}]}",
         "body.config.allowed_emails.0: no address; two", ""},
        {"{\"type\": \"https://api.example/problems/quota\", \"title\": \"Out of quota\", \"detail\": \"0 left\"}",
         "Out of quota: 0 left", "https://api.example/problems/quota"},
        {"{\"type\": \"about:blank\", \"title\": \"Forbidden\"}", "Forbidden", ""},
        {"{\"error\": {\"code\": \"rate_limited\", \"message\": \"Slow down\"}}", "Slow down", "rate_limited"},
        {"{\"error\": \"invalid_key\", \"error_description\": \"The key is gone\"}", "The key is gone", ""},
        {"{\"errors\": {\"label\": [\"x\"]}, \"title\": \"Bad\"}", "Bad", ""},
        {"{\"errors\": [\"a\", \"b\"]}", "a; b", ""},
        {"\"just a text\"", "just a text", ""},
    };

    (void)state;
    expect_errors(cases, sizeof(cases) / sizeof(cases[0]));
}

static void reads_pages(void **state)
{
    static const struct error_case cases[] = {
        {"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body></html>", "502 Bad Gateway", ""},
        {"\n<!DOCTYPE HTML>\n<TITLE lang=\"en\">\n Access &amp; &lt;Identity&gt; &quot;x&quot; <b>now</b>\n</TITLE>",
         "Access & <Identity> \"x\" now", ""},
        {"<html><body><h1>Sorry</h1></body></html>", "an HTML page", ""},
        {"<html><title> </title></html>", "an HTML page", ""},
        {"<html><title>cut &am", "cut &am", ""},
        {"<html><title", "an HTML page", ""},
        {"<html><title>a &amp;lt; b</title>", "a &lt; b", ""},
        {"<Error><Message>x</Message></Error>", "<Error><Message>x</Message></Error>", ""},
    };

    (void)state;
    expect_errors(cases, sizeof(cases) / sizeof(cases[0]));
}

static void shows_the_beginning_of_anything_else(void **state)
{
    static const struct error_case cases[] = {
        {"", "", ""},
        {" \r\n", "", ""},
        {"upstream\r\n\ttimed  out\n", "upstream timed out", ""},
        {"{\"ok\": false}", "{\"ok\": false}", ""},
        {"[]", "[]", ""},
        {"{\"message\": \"\", \"errorCode\": \"X\"}", "{\"message\": \"\", \"errorCode\": \"X\"}", "X"},
        {"{\"message\": 5", "{\"message\": 5", ""},
        {"bad \xFF byte", "bad \\xFF byte", ""},
    };

    (void)state;
    expect_errors(cases, sizeof(cases) / sizeof(cases[0]));
}

static void shows_no_control_character(void **state)
{
    static const struct error_case cases[] = {
        {"{\"message\": \"a\\u001b[31mb\\u0007c\\nd\"}", "a [31mb c d", ""},
        {"{\"message\": \"x\\u0000y\"}", "x\xEF\xBF\xBDy", ""},
        {"{\"message\": \"\\u202egnp.exe\\u009b\"}", "\\u{202E}gnp.exe\\x9B", ""},
    };

    (void)state;
    expect_errors(cases, sizeof(cases) / sizeof(cases[0]));
}

static void believes_only_plain_codes(void **state)
{
    static const struct error_case cases[] = {
        {"{\"message\": \"m\", \"errorCode\": \"=cmd()\"}", "m", ""},
        {"{\"message\": \"m\", \"errorCode\": \"with blank\"}", "m", ""},
        {"{\"message\": \"m\", \"errorCode\": 5, \"code\": \"a_B.c:d/e-9\"}", "m", "a_B.c:d/e-9"},
        {"{\"message\": \"m\", \"errorCode\": \"x\\ny\"}", "m", ""},
        {"{\"message\": \"m\", \"errorCode\": \"1234567890123456789012345678901234567890123456789012345678901234\"}",
         "m", "1234567890123456789012345678901234567890123456789012345678901234"},
        {"{\"message\": \"m\", \"errorCode\": \"12345678901234567890123456789012345678901234567890123456789012345\"}",
         "m", ""},
        {"{\"message\": \"m\", \"errorCode\": \"no:hunter2\"}", "m", ""},
    };

    (void)state;
    expect_errors(cases, sizeof(cases) / sizeof(cases[0]));
}

static void gives_no_secret_back(void **state)
{
    static const struct error_case cases[] = {
        {"{\"message\": \"bad password hunter2!\"}", "bad password [secret]!", ""},
        {"{\"message\": \"got {\\\"user_password\\\": \\\"pass\\\\\\\"word\\\"}\"}",
         "got {\"user_password\": \"[secret]\"}", ""},
        {"<html><title>pass&quot;word</title>", "[secret]", ""},
        {"refused: {\"user_password\":\"pass\\\"word\"}", "refused: {\"user_password\":\"[secret]\"}", ""},
    };

    (void)state;
    expect_errors(cases, sizeof(cases) / sizeof(cases[0]));
}

/* Redacted before its blanks have become one and after it, and once more where what is cut or quoted leaves a part. */
static void gives_no_secret_back_in_pieces(void **state)
{
    static const struct span texts[] = {{"pa55 w0rd-of-a-broker", 21}, {"s3ss10n", 7}};
    static const struct error_case cases[] = {
        {"{\"message\": \"got pa55\\u007f w0rd-of-a-broker!\"}", "got [secret]!", ""},
        {"{\"message\": \"got pa55\\n\\tw0rd-of-a-broker!\"}", "got [secret]!", ""},
        {"{\"message\": \"got s3ss\\u0000\\u000110n!\"}", "got [secret]!", ""},
        {"<html><title>got pa55 <b>w0rd</b>-of-a-br&#111ker</title>", "got [secret]", ""},
        {"{\"detail\": [{\"msg\": \"input_value='pa55 w0rd...f-a-broker', input_type=str\"}]}",
         "input_value='[secret]...[secret]', input_type=str", ""},
        {"{\"message\": \"m\", \"errorCode\": \"S3SS10N\"}", "m", ""},
    };
    struct buf message, code;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_init(&message, 2000);
        buf_init(&code, 200);
        api_error_read(span_of(cases[i].body), (struct api_secrets){texts, 2}, &message, &code);
        assert_string_equal(buf_view(&message).data, cases[i].message);
        assert_string_equal(buf_view(&code).data, cases[i].code);
        buf_release(&message);
        buf_release(&code);
    }
}

/* However far behind the blanks of an answer it stands: whole when it is looked for, also where the message is cut. */
static void finds_a_secret_far_behind(void **state)
{
    static const size_t places[] = {280, 291, 299, 65536, 262130, 262143, 262144, 1000000};

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct buf body, message, code;

        buf_init(&body, (size_t)2 << 20);
        buf_init(&message, 5000);
        buf_init(&code, 100);
        buf_text(&body, "not ");
        while (body.len < places[i])
            buf_char(&body, places[i] < API_ERROR_MESSAGE ? 'x' : ' ');
        buf_text(&body, "hunter2, pass\"word");
        api_error_read(buf_view(&body), secrets, &message, &code);
        assert_null(strstr(message.data, "hunt"));
        assert_null(strstr(message.data, "pass"));
        if (places[i] > API_ERROR_MESSAGE)
            assert_string_equal(message.data, "not [secret], [secret]");
        buf_release(&body);
        buf_release(&message);
        buf_release(&code);
    }
}

static size_t characters(struct span text)
{
    size_t count = 0;

    for (; text.len > 0; count++) {
        size_t len = text_char_len(text);

        assert_true(len > 0);
        text.data += len;
        text.len -= len;
    }
    return count;
}

/* `unit` so often that it has to be cut: what comes has 300 characters, the last one `…`, and no half of a secret. */
static void expect_cut(const char *open, const char *unit, size_t count, const char *close)
{
    struct buf body, message, code;

    buf_init(&body, (size_t)2 << 20);
    buf_init(&message, 5000);
    buf_init(&code, 100);
    buf_text(&body, open);
    for (size_t i = 0; i < count; i++)
        buf_text(&body, unit);
    buf_text(&body, close);
    api_error_read(buf_view(&body), secrets, &message, &code);
    assert_int_equal(characters(buf_view(&message)), API_ERROR_MESSAGE);
    assert_string_equal(message.data + message.len - strlen("…"), "…");
    assert_null(strstr(message.data, "hun"));
    buf_release(&body);
    buf_release(&message);
    buf_release(&code);
}

static void cuts_long_messages(void **state)
{
    (void)state;
    expect_cut("", "x", 301, "");
    expect_cut("{\"message\":\"", "é", 301, "\"}");
    expect_cut("{\"message\":\"", "\\u202e", 300, "\"}");
    expect_cut("{\"message\":\"", "x", 1000000, "\"}");
    expect_cut("{\"errors\":[\"a\"", ",\"0123456789 0123456789 0123456789\"", 20, "]}");
    expect_cut("<html><title>", "x", 100000, "");
    expect_cut("", "\xFF", 1000, "");
    expect_cut("{\"message\":\"", " hunter2", 100, "\"}");
}

static void keeps_what_fits(void **state)
{
    struct buf body, message, code;

    (void)state;
    buf_init(&body, 1000);
    buf_init(&message, 5000);
    buf_init(&code, 100);
    for (int i = 0; i < API_ERROR_MESSAGE; i++)
        buf_char(&body, 'x');
    buf_text(&message, "before: ");
    api_error_read(buf_view(&body), (struct api_secrets){0}, &message, &code);
    assert_int_equal(message.len, 8 + API_ERROR_MESSAGE);
    assert_string_equal(message.data + 8, body.data);
    buf_release(&body);
    buf_release(&message);
    buf_release(&code);
}

static void looks_two_objects_deep(void **state)
{
    (void)state;
    expect_error("{\"error\":{\"code\":403,\"message\":\"Off\",\"errors\":[{\"message\":\"x\"}]}}", "Off", "");
    expect_error("{\"error\":{\"error\":{\"message\":\"deep\"}}}", "{\"error\":{\"error\":{\"message\":\"deep\"}}}",
                 "");
}

static void tells_an_error_whatever_the_status(void **state)
{
    static const char *const told[] = {
        "{\"errors\": [{\"message\": \"Quota\"}]}",
        "\xEF\xBB\xBF{\"errors\": [1]}",
        "{\"results\": null, \"errors\": [{}], \"metadata\": {}}",
        "{\"results\": {\"connector_id\": 1}, \"errors\": \"one\"}",
        "{\"success\": false, \"error\": {\"code\": \"quota\"}}",
        "{\"ok\": false}",
        "{\"fault\": {\"faultstring\": \"x\"}}",
        "{\"error\": true}",
        "{\"error\": 7}",
    };
    static const char *const untold[] = {
        "",
        "{}",
        "{\"errors\": []}",
        "{\"errors\": null, \"error\": \"\", \"success\": true}",
        "{\"error\": 0, \"errors\": {}}",
        "{\"error\": \"  \", \"ok\": null}",
        "{\"results\": {\"errors\": [1]}}",
        "[{\"errors\": [1]}]",
        "\"errors\"",
        "{\"errors\": [1]",
        "<html>errors</html>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        if (!api_error_is_told(span_of(told[i])))
            fail_msg("%s", told[i]);
    for (size_t i = 0; i < sizeof(untold) / sizeof(untold[0]); i++)
        if (api_error_is_told(span_of(untold[i])))
            fail_msg("%s", untold[i]);
}

static void without_status(void **state)
{
    (void)state;
    assert_string_equal(api_error_without_status("401 Authorization Required", 401), "Authorization Required");
    assert_string_equal(api_error_without_status("401 Authorization Required", 403), "401 Authorization Required");
    assert_string_equal(api_error_without_status("401", 401), "401");
    assert_string_equal(api_error_without_status("4011 rows", 401), "4011 rows");
    assert_string_equal(api_error_without_status("", 0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_shapes_that_were_seen),
        cmocka_unit_test(reads_pages),
        cmocka_unit_test(shows_the_beginning_of_anything_else),
        cmocka_unit_test(shows_no_control_character),
        cmocka_unit_test(believes_only_plain_codes),
        cmocka_unit_test(gives_no_secret_back),
        cmocka_unit_test(gives_no_secret_back_in_pieces),
        cmocka_unit_test(finds_a_secret_far_behind),
        cmocka_unit_test(cuts_long_messages),
        cmocka_unit_test(keeps_what_fits),
        cmocka_unit_test(looks_two_objects_deep),
        cmocka_unit_test(tells_an_error_whatever_the_status),
        cmocka_unit_test(without_status),
    };

    return cmocka_run_group_tests_name("api_error", tests, NULL, NULL);
}
