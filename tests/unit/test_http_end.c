#include "net/http_end.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PLAIN_PROXY "http://ana:pr0xypass@p.example:3128"
#define TLS_PROXY "https://p.example"

/* Each line holds whatever libcurl's words are. */
static const struct {
    const char *proxy;
    struct http_end end;
    enum fate fate;
    enum transport_error transport_error;
} table[] = {
    {NULL, {.result = CURLE_OK, .sendings = 1}, FATE_ANSWERED, TRANSPORT_ERROR_NONE},
    {NULL, {.result = CURLE_COULDNT_CONNECT}, FATE_UNSENT, TRANSPORT_ERROR_NO_CONNECTION},
    {NULL, {.result = CURLE_COULDNT_CONNECT, .open_error = EMFILE}, FATE_UNSENT, TRANSPORT_ERROR_NO_SOCKET},
    {NULL, {.result = CURLE_COULDNT_RESOLVE_HOST}, FATE_UNSENT, TRANSPORT_ERROR_NO_SUCH_HOST},
    {NULL, {.result = CURLE_OPERATION_TIMEDOUT}, FATE_UNSENT, TRANSPORT_ERROR_CONNECT_TIMEOUT},
    {NULL, {.result = CURLE_PEER_FAILED_VERIFICATION}, FATE_UNSENT, TRANSPORT_ERROR_CERTIFICATE},
    {NULL, {.result = CURLE_SSL_CONNECT_ERROR}, FATE_UNSENT, TRANSPORT_ERROR_TLS},
    {NULL, {.result = CURLE_FAILED_INIT}, FATE_UNSENT, TRANSPORT_ERROR_UNSENT},
    {NULL, {.result = CURLE_OPERATION_TIMEDOUT, .sendings = 1}, FATE_LOST, TRANSPORT_ERROR_TIMEOUT},
    {NULL, {.result = CURLE_COULDNT_CONNECT, .sendings = 1}, FATE_LOST, TRANSPORT_ERROR_LOST},
    {NULL,
     {.result = CURLE_ABORTED_BY_CALLBACK, .sendings = 2, .transport_error = TRANSPORT_ERROR_REPEAT},
     FATE_LOST,
     TRANSPORT_ERROR_REPEAT},
    {NULL,
     {.result = CURLE_ABORTED_BY_CALLBACK,
      .sendings = 2,
      .refused = true,
      .transport_error = TRANSPORT_ERROR_STREAM_REFUSED},
     FATE_UNSENT,
     TRANSPORT_ERROR_STREAM_REFUSED},
    {NULL,
     {.result = CURLE_OK, .sendings = 1, .transport_error = TRANSPORT_ERROR_CUT_HEADER},
     FATE_LOST,
     TRANSPORT_ERROR_CUT_HEADER},

    /* A proxy is configured, and was not on the way. */
    {PLAIN_PROXY, {.result = CURLE_COULDNT_CONNECT}, FATE_UNSENT, TRANSPORT_ERROR_NO_CONNECTION},
    {TLS_PROXY, {.result = CURLE_SSL_CONNECT_ERROR}, FATE_UNSENT, TRANSPORT_ERROR_TLS},

    /* On the way to it. */
    {PLAIN_PROXY,
     {.result = CURLE_COULDNT_RESOLVE_PROXY, .by_proxy = true},
     FATE_UNSENT,
     TRANSPORT_ERROR_NO_SUCH_PROXY},
    {PLAIN_PROXY, {.result = CURLE_COULDNT_CONNECT, .by_proxy = true}, FATE_UNSENT, TRANSPORT_ERROR_NO_PROXY},
    {PLAIN_PROXY,
     {.result = CURLE_COULDNT_CONNECT, .by_proxy = true, .open_error = EMFILE},
     FATE_UNSENT,
     TRANSPORT_ERROR_NO_SOCKET},
    {PLAIN_PROXY, {.result = CURLE_OPERATION_TIMEDOUT, .by_proxy = true}, FATE_UNSENT, TRANSPORT_ERROR_PROXY_TIMEOUT},
    {TLS_PROXY, {.result = CURLE_PEER_FAILED_VERIFICATION, .by_proxy = true}, FATE_UNSENT, TRANSPORT_ERROR_PROXY_TLS},
    {TLS_PROXY, {.result = CURLE_SSL_CONNECT_ERROR, .by_proxy = true}, FATE_UNSENT, TRANSPORT_ERROR_PROXY_TLS},
    {PLAIN_PROXY, {.result = CURLE_PROXY, .by_proxy = true}, FATE_UNSENT, TRANSPORT_ERROR_PROXY},

    /* Its answer to CONNECT, whatever libcurl calls that. */
    {PLAIN_PROXY,
     {.result = CURLE_RECV_ERROR, .by_proxy = true, .proxy_status = 407},
     FATE_UNSENT,
     TRANSPORT_ERROR_PROXY_REFUSED},
    {PLAIN_PROXY,
     {.result = CURLE_COULDNT_CONNECT, .by_proxy = true, .proxy_status = 503},
     FATE_UNSENT,
     TRANSPORT_ERROR_PROXY_FAILED},

    /* Its tunnel stands: what fails lies behind it. */
    {PLAIN_PROXY,
     {.result = CURLE_OPERATION_TIMEDOUT, .by_proxy = true, .proxy_status = 200},
     FATE_UNSENT,
     TRANSPORT_ERROR_CONNECT_TIMEOUT},
    {TLS_PROXY,
     {.result = CURLE_PEER_FAILED_VERIFICATION, .by_proxy = true, .proxy_status = 200},
     FATE_UNSENT,
     TRANSPORT_ERROR_CERTIFICATE},
    {PLAIN_PROXY,
     {.result = CURLE_SSL_CONNECT_ERROR, .by_proxy = true, .proxy_status = 200},
     FATE_UNSENT,
     TRANSPORT_ERROR_TLS},
    {PLAIN_PROXY,
     {.result = CURLE_OPERATION_TIMEDOUT, .by_proxy = true, .proxy_status = 200, .sendings = 1},
     FATE_LOST,
     TRANSPORT_ERROR_TIMEOUT},
};

static void base_init(struct http_base *base, const char *proxy)
{
    struct err err;

    *base = (struct http_base){0};
    assert_true(http_base_init(base, "https://api.example/gate//", proxy, &err));
}

static void test_what_became_of_it(void **state)
{
    static const char *const words[] = {"", "Failed to connect to api.example port 443 after 0 ms: no",
                                        "Failed to connect to p.example:3128 via proxy", "Connection timed out"};

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct http_end end = table[i].end;
        struct http_base base;

        base_init(&base, table[i].proxy);
        for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
            end.error = words[w];
            assert_int_equal(http_end_fate(&end), table[i].fate);
            if (table[i].fate != FATE_ANSWERED && http_end_transport_error(&end, &base) != table[i].transport_error)
                fail_msg("line %zu: trouble %d", i, http_end_transport_error(&end, &base));
        }
        http_base_release(&base);
    }
}

static void says(const char *proxy, struct http_end end, const char *wanted)
{
    struct http_base base;
    struct buf out;

    base_init(&base, proxy);
    buf_init(&out, 1024);
    http_end_explain(&end, &base, 1000, &out);
    assert_string_equal(out.data, wanted);
    buf_release(&out);
    http_base_release(&base);
}

/* The system's reason where there is one; no password of a proxy. */
static void test_sentences(void **state)
{
    (void)state;
    says(NULL, (struct http_end){.result = CURLE_COULDNT_CONNECT, .cause = ECONNREFUSED, .error = "Anything"},
         "could not connect to api.example:443: connection refused");
    says(PLAIN_PROXY,
         (struct http_end){
             .result = CURLE_COULDNT_CONNECT, .by_proxy = true, .cause = ECONNREFUSED, .error = "Anything"},
         "could not connect to the proxy p.example:3128: connection refused; check --proxy, or HTTPS_PROXY in the "
         "environment");
    says(PLAIN_PROXY, (struct http_end){.result = CURLE_PROXY, .by_proxy = true, .error = "bad http://a:pr0xypass@p"},
         "no connection to api.example:443 through the proxy: proxy handshake error");
    says(PLAIN_PROXY, (struct http_end){.result = CURLE_RECV_ERROR, .by_proxy = true, .proxy_status = 407, .error = ""},
         "the proxy refused the way to api.example:443: status 407");
}

static void expect_proxy(const char *proxy, const char *authority, bool tls)
{
    struct http_base base;

    base_init(&base, proxy);
    assert_string_equal(base.proxy.data, authority);
    assert_int_equal(base.proxy_tls, tls);
    assert_string_equal(base.authority.data, "api.example:443");
    assert_string_equal(base.origin.data, "https://api.example:443/");
    assert_int_equal(base.prefix.len, strlen("/gate"));
    assert_memory_equal(base.prefix.data, "/gate", base.prefix.len);
    http_base_release(&base);
}

/* The port is libcurl's where the URL names none; a user and a password are left out. */
static void test_the_proxy_is_named(void **state)
{
    (void)state;
    expect_proxy(PLAIN_PROXY, "p.example:3128", false);
    expect_proxy(TLS_PROXY, "p.example:443", true);
    expect_proxy("p.example", "p.example:1080", false);
    expect_proxy("socks5h://[::1]", "[::1]:1080", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_became_of_it),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_the_proxy_is_named),
    };

    return cmocka_run_group_tests_name("http_end", tests, NULL, NULL);
}
