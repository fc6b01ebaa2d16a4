#include "model/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(literal) ((struct span){.data = (literal), .len = sizeof(literal) - 1})
#define FFFD "\xEF\xBF\xBD"

/* Copies by `tidy` from and into blocks of exactly the size that the contract names; NULL where it is refused. */
static char *tidied(struct span text)
{
    char *in = malloc(text.len + (text.len == 0)), *out = malloc(JSON_TEXT_GROWTH * text.len + 1);
    size_t len;
    bool good;

    memcpy(in, text.data, text.len);
    good = json_text_tidy((struct span){.data = in, .len = text.len}, out, &len);
    free(in);
    if (good) {
        assert_int_equal(strlen(out), len);
        return out;
    }
    free(out);
    return NULL;
}

static void expect_tidy(struct span text, const char *expected)
{
    char *out = tidied(text);

    if (expected == NULL)
        assert_null(out);
    else if (out == NULL)
        fail_msg("%.*s was refused", (int)text.len, text.data);
    else
        assert_string_equal(out, expected);
    free(out);
}

#define TIDY(literal, expected) expect_tidy(TEXT(literal), expected)

static void leaves_good_text_alone(void **state)
{
    (void)state;
    TIDY("", "");
    TIDY("{\"a\": [1, -2.5e3, true, null]}", "{\"a\": [1, -2.5e3, true, null]}");
    TIDY(" \t\r\n\"Zürich \xF0\x9F\x98\x80\" ", " \t\r\n\"Zürich \xF0\x9F\x98\x80\" ");
    TIDY("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"");
    TIDY("\"tab\there\"", "\"tab\there\"");
    TIDY("\xEF\xBB\xBF{}", "\xEF\xBB\xBF{}");
}

static void replaces_what_is_no_character(void **state)
{
    (void)state;
    TIDY("\"a\0b\"", "\"a" FFFD "b\"");
    TIDY("\"\xFF\xC3\"", "\"" FFFD FFFD "\"");
    TIDY("\"\xED\xA0\x80\"", "\"" FFFD FFFD FFFD "\"");
    TIDY("\"eight plain bytes \xE2\x82 and more\"", "\"eight plain bytes " FFFD FFFD " and more\"");
    TIDY("\"\\u0000\"", "\"\\uFFFD\"");
    TIDY("\"\\uD800\"", "\"\\uFFFD\"");
    TIDY("\"\\uDC00x\"", "\"\\uFFFDx\"");
    TIDY("\"\\uD800\\uD800\\uDC00\"", "\"\\uFFFD\\uD800\\uDC00\"");
    TIDY("\"\\uD800\\u0041\"", "\"\\uFFFD\\u0041\"");
}

static void refuses_what_no_parser_should_see(void **state)
{
    (void)state;
    TIDY("\"open", NULL);
    TIDY("\"open\\", NULL);
    TIDY("\"open\\\"", NULL);
    TIDY("\"\\x41\"", NULL);
    TIDY("\"\\\0\"", NULL);
    TIDY("\"\\u12\"", NULL);
    TIDY("\"\\u12G4\"", NULL);
    TIDY("\"\\u 123\"", NULL);
    TIDY("{}\0", NULL);
    TIDY("{\x01}", NULL);
    TIDY("[]]", NULL);
}

static char *nested(size_t depth)
{
    char *text = calloc(2 * depth + 1, 1);

    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return text;
}

static void limits_the_depth(void **state)
{
    char *most = nested(JSON_DEPTH_MAX), *more = nested(JSON_DEPTH_MAX + 1);

    (void)state;
    expect_tidy(span_of(most), most);
    expect_tidy(span_of(more), NULL);
    TIDY("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"",
         "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"");
    free(most);
    free(more);
}

static void repairs_plain_text(void **state)
{
    char out[64];

    (void)state;
    assert_int_equal(json_text_repair(TEXT("a\"\\\n\xC3\xA9"), out), 6);
    assert_string_equal(out, "a\"\\\n\xC3\xA9");
    assert_int_equal(json_text_repair(TEXT("a\0\xFF"), out), 7);
    assert_string_equal(out, "a" FFFD FFFD);
    assert_int_equal(json_text_repair((struct span){0}, out), 0);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_good_text_alone),
        cmocka_unit_test(replaces_what_is_no_character),
        cmocka_unit_test(refuses_what_no_parser_should_see),
        cmocka_unit_test(limits_the_depth),
        cmocka_unit_test(repairs_plain_text),
    };

    return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}
