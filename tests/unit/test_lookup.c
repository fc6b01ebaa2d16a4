/* lookup: what the answer to the GET of one connector means. */
#include "api/lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID "0d9f1c7e-3a52-4f0e-9d5b-6b1f0a4c2e11"
#define OTHER_ID "1d9f1c7e-3a52-4f0e-9d5b-6b1f0a4c2e11"

struct answered {
    enum lookup_result result;
    enum stop_reason stop;
    char why[200];
};

static struct answered answered(const struct http_answer *answer)
{
    struct client client = {.config.http.base_url = "https://api.example"};
    struct answered what = {0};
    struct remote remote;
    struct buf why;

    redactor_init(&client.redactor, "key", 1);
    remote_init(&remote);
    buf_init(&why, 4096);
    what.result = lookup_answer(&client, answer, span_of(ID), &remote, &why);
    what.stop = client.stop;
    snprintf(what.why, sizeof(what.why), "%s", buf_view(&why).data);
    buf_release(&why);
    remote_release(&remote);
    redactor_release(&client.redactor);
    return what;
}

static void an_answer_is_found_gone_failed_or_none_yet(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum lookup_result result;
        enum stop_reason stop;
        const char *why;
    } table[] = {
        {200, "{\"connector_id\":\"" ID "\"}", LOOKUP_FOUND, STOP_NONE, ""},
        {200, "{\"connector_id\":\"0D9F1C7E-3A52-4F0E-9D5B-6B1F0A4C2E11\",\"archived\":true}", LOOKUP_FOUND, STOP_NONE,
         ""},
        {200, "{\"connector_id\":\"" OTHER_ID "\"}", LOOKUP_AGAIN, STOP_NONE,
         "the server answered 200, but not with that connector"},
        {200, "<html>", LOOKUP_AGAIN, STOP_NONE, "the server answered 200, but not with that connector"},
        {404, "", LOOKUP_GONE, STOP_NONE, ""},
        {401, "", LOOKUP_FAILED, STOP_KEY_REFUSED, "the server answered 401"},
        {403, "{\"detail\":\"not yours\"}", LOOKUP_FAILED, STOP_NONE, "the server answered 403: not yours"},
        {410, "", LOOKUP_FAILED, STOP_NONE, "the server answered 410"},
        {302, "", LOOKUP_FAILED, STOP_NONE, "the server answered 302"},
        {429, "", LOOKUP_AGAIN, STOP_NONE, "the server answered 429"},
        {500, "", LOOKUP_AGAIN, STOP_NONE, "the server answered 500"},
        {503, "", LOOKUP_AGAIN, STOP_NONE, "the server answered 503"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct http_answer answer = {
            .fate = FATE_ANSWERED, .status = table[i].status, .sent = true, .body = span_of(table[i].body)};
        struct answered what = answered(&answer);

        assert_int_equal(what.result, table[i].result);
        assert_int_equal(what.stop, table[i].stop);
        assert_string_equal(what.why, table[i].why);
    }
}

static void no_answer_is_none_yet_but_for_what_stays_so(void **state)
{
    struct http_answer lost = {.fate = FATE_LOST, .problem = "the connection was reset"};
    struct http_answer certificate = {.fate = FATE_UNSENT, .problem = "the certificate is bad", .fatal = true};

    (void)state;
    assert_int_equal(answered(&lost).result, LOOKUP_AGAIN);
    assert_string_equal(answered(&lost).why, "the connection was reset");
    assert_int_equal(answered(&certificate).result, LOOKUP_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_found_gone_failed_or_none_yet),
        cmocka_unit_test(no_answer_is_none_yet_but_for_what_stays_so),
    };

    return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
