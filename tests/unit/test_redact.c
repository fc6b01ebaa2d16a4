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
    expect_redacted("hun-ter2 hun\x7F 2 h\x01", "hunter2", "hun-ter2 hun\x7F 2 h\x01");
    expect_redacted("\x01hunter", "hunter2", "\x01hunter");
    expect_redacted("pa55w0rd pa55  w0rd", "pa55-w0rd", "pa55w0rd pa55  w0rd");
    expect_redacted("aHVudGVtMg==", "hunter2", "aHVudGVtMg=="); /* huntem2 */
    expect_redacted("cHc=", "pw", "cHc=");                      /* too short to be told from a word */
    expect_redacted("hunter... ...unter2", "hunter2", "hunter... ...unter2");
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
        {"p\\xe9\\x20x", "pé x"},
        {"p\\xc3\\xa9x", "péx"},
        {"\\xE2\\x82\\xACx", "€x"},
        {"p\\303\\251x", "péx"},
        {"\\U0001f600x", "\xF0\x9F\x98\x80x"},
        {"\\x41bc", "Abc"},
        {"\\x41bc", "\\x41bc"},
        {"pa\"\"w0rd", "pa\"w0rd"},
        {"pa''''w0rd", "pa''w0rd"},
        {"''pa''w0rd\"\"", "'pa'w0rd\""},
        {"it''s \"\"it\"\"", "it's \"it\""},
        {"a&amp;b", "a&b"},
        {"&lt;x&gt;", "<x>"},
        {"&quot;&#39;", "\"'"},
        {"&#x27;&#233;", "'é"},
        {"a%20b%2Fc", "a b/c"},
        {"p%C3%A9", "pé"},
        {"100%", "100%"},
        {"\\u0041bc", "Abc"},
        {"a\\u00e9\\\"&amp;", "aé\"&"},
        {"&#112;&#97", "pa"},
        {"&#x70&#x61;", "pa"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_redacted(cases[i].text, cases[i].secret, REDACTED);
}

/* In another case, in other blanks, with characters that are not seen or can't be, and in base64. */
static void knows_secrets_written_otherwise(void **state)
{
    static const struct {
        const char *text, *secret;
    } cases[] = {
        {"HuNTer2", "hunter2"},
        {"hunter2", "HUNTER2"},
        {"%48unter2", "hunter2"},
        {"pa55+w0rd", "pa55 w0rd"},
        {"pa55&nbsp;w0rd", "pa55 w0rd"},
        {"pa55\xC2\xA0w0rd", "pa55 w0rd"},
        {"pa55 w0rd", "pa55\xC2\xA0w0rd"},
        {"pa55\r\nw0rd", "pa55 w0rd"},
        {"pa55 \x7F w0rd", "pa55 w0rd"},
        {"pa\x7F\x01\x35\x35w0rd", "pa55w0rd"},
        {"pa55\xE2\x80\x8Bw0rd", "pa55w0rd"},
        {"pa5 5 w0\nrd", "pa55w0rd"},
        {"pa55\xE2\x80\xAE\xC2\xADw0\xC2\x9Brd", "pa55w0rd"},
        {"pa55\xFFw0\xEF\xBF\xBDrd", "pa55w0rd"},
        {"cGE1NSB3MHJkLW9mLWEmYnJva2Vy", "pa55 w0rd-of-a&broker"},
        {"aHVudGVyMg==", "hunter2"},
        {"aHVudGVyMg", "hunter2"},
        {"aHVudGVyMjpk", "hunter2"}, /* with `:d` behind it */
        {"++++++++", "\xFB\xEF\xBE\xFB\xEF\xBE"},
        {"----____", "\xFB\xEF\xBE\xFF\xFF\xFF"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_redacted(cases[i].text, cases[i].secret, REDACTED);
}

/* A secret at the end of what fits is not cut but left out, or its mark is. */
static void appends_what_fits(void **state)
{
    static const struct {
        const char *text, *left;
        size_t most;
    } cases[] = {
        {"an hunter2", "an", 2},
        {"an hunter2", "an ", 3},
        {"an hunter2", "an [sec", 7},
        {"an hunter2 é", "an [secret] ", 13},
        {"an hunter2 é", "an [secret] é", 14},
        {"abcdefghunter2", "abcdefg", 7},
        {"", "", 0},
        {"hunter2", "", 0},
    };
    struct span secret = span_of("hunter2");

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;

        buf_init(&out, cases[i].most);
        redact(span_of(cases[i].text), &secret, 1, &out);
        assert_string_equal(buf_view(&out).data, cases[i].left);
        buf_release(&out);
    }
}

/* As frameworks abbreviate what they quote. */
static void takes_out_parts_beside_an_ellipsis(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {"nothing ... to … hide", "nothing ... to … hide"},
        {"k3y-of-the", "k3y-of-the"},
        {"value='k3y-of-t...-account'", "value='" REDACTED "..." REDACTED "'"},
        {"value='k3y-of-t…e-account'", "value='" REDACTED "…" REDACTED "'"},
        {"value='k3y-of-...account'", "value='k3y-of-...account'"}, /* 7 bytes of 18 */
        {"{'key': 'k3y-of-the-accoun...", "{'key': '" REDACTED "..."},
        {"....f-the-acc…", "...." REDACTED "…"},
        {"f-the-ac...f-the-ac...f-the-ac", REDACTED "..." REDACTED "..." REDACTED},
        {"key-123...hunter2...", "key-123...hunter2..."}, /* whole ones are redact()'s */
        {"abcabcabY...abcabcabc", "abcabcabY..." REDACTED},
    };
    static const struct span secrets[] = {{"k3y-of-the-account", 18}, {"key-123", 7}, {NULL, 0}, {"abcabcabcabX", 12}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;

        buf_init(&out, 1000);
        redact_parts(span_of(cases[i].text), secrets, 4, &out);
        assert_string_equal(buf_view(&out).data, cases[i].expected);
        if (i != 9)
            assert_int_equal(redact_needed(span_of(cases[i].text), secrets, 4),
                             strcmp(cases[i].text, cases[i].expected) != 0);
        buf_release(&out);
    }
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
        cmocka_unit_test(knows_secrets_written_otherwise),
        cmocka_unit_test(appends_what_fits),
        cmocka_unit_test(takes_out_parts_beside_an_ellipsis),
        cmocka_unit_test(reads_no_further_than_the_text),
    };

    return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
