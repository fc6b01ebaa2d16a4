#include "model/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* `text` without `secret` (and without "key-123", the second one) is `expected`. */
static void expect_redacted(const char *text, const char *secret, const char *expected)
{
    struct span secrets[] = {span_of(secret), span_of("key-123"), {0}};
    struct span given = span_of(text);
    char *copy = malloc(given.len + (given.len == 0));
    struct span exact = {.data = copy, .len = given.len};
    struct buf out;

    memcpy(copy, given.data, given.len);
    buf_init(&out, 1000);
    redact(exact, secrets, 3, &out);
    assert_string_equal(buf_view(&out).data, expected);
    assert_int_equal(redact_needed(exact, secrets, 3), strcmp(text, expected) != 0);
    buf_release(&out);
    free(copy);
}

static void leaves_other_text_alone(void **state)
{
    (void)state;
    expect_redacted("", "hunter2", "");
    expect_redacted("hunter3 hunter hunter", "hunter2", "hunter3 hunter hunter");
    expect_redacted("\\u00e9 &amp; %20 \\ & %", "hunter2", "\\u00e9 &amp; %20 \\ & %");
    expect_redacted("nothing to hide", "", "nothing to hide");
}

static void takes_out_every_occurrence(void **state)
{
    (void)state;
    expect_redacted("hunter2", "hunter2", REDACTED);
    expect_redacted("a hunter2, hunter2hunter2 and key-123.", "hunter2",
                    "a " REDACTED ", " REDACTED REDACTED " and " REDACTED ".");
    expect_redacted("key-1234", "key-1234", REDACTED);
    expect_redacted("key-123, key", "key", REDACTED ", " REDACTED);
}

static void knows_secrets_in_disguise(void **state)
{
    static const struct {
        const char *text, *secret;
    } cases[] = {
        {"a\\\"b", "a\"b"},
        {"a\\\\b", "a\\b"},
        {"\\\\\\\\host", "\\\\host"},
        {"\\\\host", "\\\\host"},
        {"a\\/b", "a/b"},
        {"a\\nb\\t", "a\nb\t"},
        {"p\\u00e9", "pé"},
        {"\\ud83d\\ude00", "\xF0\x9F\x98\x80"},
        {"a&amp;b", "a&b"},
        {"&lt;x&gt;", "<x>"},
        {"&quot;&#39;", "\"'"},
        {"&#x27;&#233;", "'é"},
        {"a%20b%2Fc", "a b/c"},
        {"p%C3%A9", "pé"},
        {"100%", "100%"},
        {"\\u0041bc", "Abc"},
        {"a\\u00e9\\\"&amp;", "aé\"&"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_redacted(cases[i].text, cases[i].secret, REDACTED);
}

/* What looks like the beginning of a spelling, at the very end of the text. */
static void reads_no_further_than_the_text(void **state)
{
    static const char *const cases[] = {"\\", "\\u", "\\u00", "\\ud83d", "\\ud83d\\", "\\ud83d\\u", "&",
                                        "&#", "&#x", "&#12",  "%",       "%2",        "&am",        "&#x27"};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_redacted(cases[i], "secret", cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_other_text_alone),
        cmocka_unit_test(takes_out_every_occurrence),
        cmocka_unit_test(knows_secrets_in_disguise),
        cmocka_unit_test(reads_no_further_than_the_text),
    };

    return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
