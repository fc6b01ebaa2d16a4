#include "net/url.h"

#include "base/buf.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_loopback(void **state)
{
    static const char *const yes[] = {"127.0.0.1", "127.255.255.254", "[::1]", "localhost", "LocalHost"};
    static const char *const no[] = {"",
                                     "126.0.0.1",
                                     "128.0.0.1",
                                     "0.0.0.0",
                                     "localhost.evil.com",
                                     "127.0.0.1.evil.com",
                                     "[::2]",
                                     "[::ffff:7f00:1]",
                                     "evil.localhost",
                                     "::1",
                                     "127.1",
                                     "localhost.",
                                     "[::1%1]",
                                     "127.0.0.1@evil.com"};

    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        assert_true(url_is_loopback(yes[i]));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_false(url_is_loopback(no[i]));
}

static void refused(const char *text, struct url_parts parts, const char *why)
{
    struct err err = {0};

    assert_false(url_check(text, &parts, &err));
    assert_int_equal(err.code, EXIT_USAGE);
    if (strstr(err.text, why) == NULL)
        fail_msg("%s: %s", text, err.text);
}

static void test_check(void **state)
{
    struct url_parts good = {.scheme = "https", .host = "api.example"}, local = {.scheme = "http", .host = "127.0.0.1"};
    struct err err;

    (void)state;
    assert_true(url_check("https://api.example/gate", &good, &err));
    assert_true(url_check("http://127.0.0.1:8080", &local, &err));
    refused("https://", (struct url_parts){.scheme = "https"}, "names no host");
    refused("ftp://h", (struct url_parts){.scheme = "ftp", .host = "h"}, "must begin with https://");
    refused("http://h", (struct url_parts){.scheme = "http", .host = "h"}, "would travel unencrypted");
    refused("https://api.example/?", good, "leave out what follows ? or #");
    refused("https://api.example/#", good, "leave out what follows ? or #");
    for (size_t ahead = 0; ahead < 2; ahead++) { /* long ones are cut between two characters */
        char text[600] = "ftp://xx";
        struct err cut;

        for (size_t used = strlen("ftp://") + ahead; used + strlen("é") < sizeof(text); used += strlen("é"))
            memcpy(text + used, "é", sizeof("é"));
        assert_false(url_check(text, &(struct url_parts){.scheme = "ftp", .host = "h"}, &cut));
        assert_int_equal(text_utf8_error(span_of(cut.text)), strlen(cut.text));
    }
    good.has_user = true;
    refused("https://u:secret@api.example", good, "holds a user name or a password");
    assert_false(url_check("https://u:secret@api.example", &good, &err));
    assert_null(strstr(err.text, "secret"));
}

static void test_proxy_schemes(void **state)
{
    (void)state;
    assert_true(url_is_proxy_scheme("http") && url_is_proxy_scheme("https") && url_is_proxy_scheme("socks5h"));
    assert_true(url_is_proxy_scheme("socks"));
    assert_false(url_is_proxy_scheme("ftp") || url_is_proxy_scheme("") || url_is_proxy_scheme("socks6"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_proxy_schemes),
    };

    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
