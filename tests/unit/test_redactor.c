#include "api/redactor.h"

#include "model/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KEY "k3y-of-the-account"

static const struct span none;

static bool knows(struct redactor *redactor, struct span own, const char *secret)
{
    char id[100];

    snprintf(id, sizeof(id), "id-%s-1", secret);
    return !redactor_allows(redactor, own, span_of(id));
}

static void knows_key_and_own_secret(void **state)
{
    struct redactor redactor;

    (void)state;
    redactor_init(&redactor, KEY, 2);
    assert_true(knows(&redactor, none, KEY));
    assert_false(knows(&redactor, none, "pw"));
    assert_true(knows(&redactor, span_of("pw"), "pw"));
    assert_true(knows(&redactor, span_of("pw"), KEY));
    assert_int_equal(redactor_keep(&redactor, none), REDACTOR_NONE);
    assert_int_equal(redactor_kept(&redactor, REDACTOR_NONE).len, 0);
    redactor_let_go(&redactor, REDACTOR_NONE);
    redactor_release(&redactor);
    redactor_init(&redactor, NULL, 1); /* a dry run may have no key */
    assert_false(knows(&redactor, none, "x"));
    redactor_release(&redactor);
}

/* One that is in flight stays, however many come and go; of those that have landed the last ones do. */
static void knows_what_was_sent_last(void **state)
{
    struct redactor redactor;
    char secret[32];
    int held, place;

    (void)state;
    redactor_init(&redactor, KEY, 2);
    held = redactor_keep(&redactor, span_of("long-in-flight"));
    assert_int_equal(redactor_keep(&redactor, span_of("short")),
                     held + 1); /* of another row: a word that any text may have */
    redactor_let_go(&redactor, held + 1);
    assert_false(knows(&redactor, none, "short"));
    for (int i = 0; i < 1000; i++) {
        snprintf(secret, sizeof(secret), "secret-%04d", i);
        place = redactor_keep(&redactor, span_of(secret));
        assert_int_not_equal(place, held);
        assert_true(span_equal(redactor_kept(&redactor, place), span_of(secret)));
        redactor_let_go(&redactor, place);
    }
    assert_true(span_equal(redactor_kept(&redactor, held), span_of("long-in-flight")));
    assert_true(knows(&redactor, none, "long-in-flight"));
    for (int i = 0; i < 1000; i++) {
        snprintf(secret, sizeof(secret), "secret-%04d", i);
        assert_int_equal(knows(&redactor, none, secret), i >= 999 - REDACTOR_RECENT);
    }
    redactor_release(&redactor);
}

static void expect_field(const char *key, const char *own, const char *text, const char *expected)
{
    struct redactor redactor;
    struct buf out;

    redactor_init(&redactor, key, 1);
    redactor_keep(&redactor, span_of("another-rows"));
    buf_init(&out, 1000);
    redactor_field(&redactor, span_of(own), span_of(text), &out);
    assert_string_equal(buf_view(&out).data, expected);
    buf_release(&out);
    redactor_release(&redactor);
}

/* A field is no message: what may be a word of its own stays. */
static void takes_secrets_out_of_fields(void **state)
{
    (void)state;
    expect_field(KEY, "", "", "");
    expect_field(KEY, "hunter2", "a@inbox.example", "a@inbox.example");
    expect_field(KEY, "hunter2", "hunter2@" KEY ".example", REDACTED "@" REDACTED ".example");
    expect_field("sandbox", "pw", "pw@sandbox.example", "pw@sandbox.example");
    expect_field(KEY, "", "another-rows@inbox.example", "another-rows@inbox.example");
    expect_field(KEY, "", "the account has \"k3y-of-the-ac…\"", "the account has \"" REDACTED "…\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_key_and_own_secret),
        cmocka_unit_test(knows_what_was_sent_last),
        cmocka_unit_test(takes_secrets_out_of_fields),
    };

    return cmocka_run_group_tests_name("redactor", tests, NULL, NULL);
}
