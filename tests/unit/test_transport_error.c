#include "net/transport_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void says(enum transport_error transport_error, const char *words, const char *wanted)
{
    struct transport_error_run_info info = {
        .host = "api.example:443", .proxy = "p:2", .words = words, .limit_ms = 10000, .status = 407};
    struct buf out;

    buf_init(&out, 4096);
    transport_error_describe(transport_error, &info, &out);
    assert_string_equal(out.data, wanted);
    buf_release(&out);
}

static void test_sentences(void **state)
{
    (void)state;
    says(TRANSPORT_ERROR_NO_CONNECTION, "Connection refused",
         "could not connect to api.example:443: connection refused");
    says(TRANSPORT_ERROR_NO_CONNECTION, "EOF", "could not connect to api.example:443: EOF");
    says(TRANSPORT_ERROR_TLS, "OpenSSL says no",
         "no TLS connection to api.example:443: OpenSSL says no; see that this port of the base URL is for https");
    says(TRANSPORT_ERROR_PROXY, "Closed ", "no connection to api.example:443 through the proxy: closed");
    says(TRANSPORT_ERROR_PROXY, "", "no connection to api.example:443 through the proxy");
    says(TRANSPORT_ERROR_LOST, "\x1b[31mred", "the connection was lost: \\x1B[31mred");
    says(TRANSPORT_ERROR_CONNECT_TIMEOUT, "", "no connection to api.example:443 within 10.0s");
    says(TRANSPORT_ERROR_PROXY_REFUSED, "", "the proxy refused the way to api.example:443: status 407");
    says(TRANSPORT_ERROR_NO_PROXY, "Connection refused",
         "could not connect to the proxy p:2: connection refused; check --proxy, or HTTPS_PROXY in the environment");
    says(TRANSPORT_ERROR_PROXY_TIMEOUT, "",
         "no connection to api.example:443 through the proxy p:2 within 10.0s; check --proxy, or HTTPS_PROXY in the "
         "environment");
    says(TRANSPORT_ERROR_CERTIFICATE, "self-signed",
         "the server's certificate can't be verified: self-signed; --cacert FILE names another authority");
}

/* Each has a code and a sentence with a small first letter and no full stop. */
static void test_all_are_complete(void **state)
{
    struct transport_error_run_info info = {.host = "h:1", .proxy = "p:2", .words = "w"};
    struct buf out;

    (void)state;
    assert_null(transport_error_code(TRANSPORT_ERROR_NONE));
    buf_init(&out, 4096);
    for (int i = TRANSPORT_ERROR_NONE + 1; i < TRANSPORT_ERRORS; i++) {
        buf_reset(&out);
        transport_error_describe((enum transport_error)i, &info, &out);
        assert_non_null(transport_error_code((enum transport_error)i));
        assert_in_range(out.data[0], 'a', 'z');
        assert_true(out.data[out.len - 1] != '.');
    }
    buf_release(&out);
}

/* A fatal trouble ends the run: nothing that can pass by itself, nothing after the request was sent. */
static void test_fatal(void **state)
{
    (void)state;
    assert_true(transport_error_is_fatal(TRANSPORT_ERROR_CERTIFICATE) &&
                transport_error_is_fatal(TRANSPORT_ERROR_PROXY_REFUSED));
    assert_false(transport_error_is_fatal(TRANSPORT_ERROR_TLS) ||
                 transport_error_is_fatal(TRANSPORT_ERROR_NO_SUCH_HOST));
    for (int i = TRANSPORT_ERROR_STREAM_REFUSED; i < TRANSPORT_ERRORS; i++)
        assert_false(transport_error_is_fatal((enum transport_error)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_all_are_complete),
        cmocka_unit_test(test_fatal),
    };

    return cmocka_run_group_tests_name("transport_error", tests, NULL, NULL);
}
