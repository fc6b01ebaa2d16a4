#include "model/json.h"
#include "model/json_text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(literal) ((struct span){.data = (literal), .len = sizeof(literal) - 1})

static int open_reader(void **state)
{
    *state = json_reader_new();
    return 0;
}

static int close_reader(void **state)
{
    json_reader_free(*state);
    return 0;
}

static void reads_every_kind(void **state)
{
    static const struct {
        const char *text;
        enum json_kind kind;
    } cases[] = {
        {"null", JSON_NULL},   {"false", JSON_FALSE},   {" true ", JSON_TRUE}, {"-1.5e2", JSON_NUMBER},
        {"\"\"", JSON_STRING}, {"[1]\r\n", JSON_ARRAY}, {"{}", JSON_OBJECT},   {"\xEF\xBB\xBF{}", JSON_OBJECT},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(json_kind(json_read(*state, span_of(cases[i].text))), cases[i].kind);
}

static void refuses_what_is_no_json(void **state)
{
    static const char *const cases[] = {
        "",    " ",     "nul",   "{",   "[1,]", "{\"a\":1",        "{\"a\":1,",     "{\"a\" 1}", "{a:1}", "'a'",
        "{}x", "{} {}", "[1 2]", "\"a", "+1",   "{\"a\":\"\\q\"}", "<html></html>", "NaN",       "]",     "[}",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (json_read(*state, span_of(cases[i])) != NULL)
            fail_msg("%s was read", cases[i]);
    assert_null(json_read(*state, (struct span){0}));
    assert_null(json_read(*state, TEXT("{}\0")));
    assert_null(json_read(*state, TEXT("{\0}")));
}

/* cJSON is handed exactly the text: ASan sees a read past it. */
static void needs_no_terminator(void **state)
{
    static const char text[] = "{\"label\":\"x\"}";

    for (size_t len = 0; len < sizeof(text); len++) {
        char *copy = malloc(len + (len == 0));

        memcpy(copy, text, len);
        assert_int_equal(json_kind(json_read(*state, (struct span){.data = copy, .len = len})),
                         len == sizeof(text) - 1 ? JSON_OBJECT : JSON_NONE);
        free(copy);
    }
}

static void checks_types(void **state)
{
    const struct json_value *object = json_read(
        *state,
        TEXT("{\"s\":\"text\",\"n\":5,\"b\":true,\"z\":null,\"a\":[1,\"two\"],\"s\":\"second\",\"S\":\"third\"}"));
    const struct json_value *array = json_member(object, "a");

    assert_string_equal(json_string(json_member(object, "s")).data, "text");
    assert_int_equal(json_string(json_member(object, "n")).len, 0);
    assert_int_equal(json_string(json_member(object, "z")).len, 0);
    assert_int_equal(json_string(json_member(object, "none")).len, 0);
    assert_true(json_number(json_member(object, "n"), -1) == 5);
    assert_true(json_number(json_member(object, "s"), -1) == -1);
    assert_int_equal(json_kind(json_member(object, "b")), JSON_TRUE);
    assert_null(json_member(array, "s"));
    assert_null(json_member(json_member(object, "s"), "s"));
    assert_true(json_number(json_first(array), -1) == 1);
    assert_string_equal(json_string(json_next(json_first(array))).data, "two");
    assert_null(json_next(json_next(json_first(array))));
    assert_null(json_first(json_member(object, "s")));
    assert_string_equal(json_name(json_first(object)).data, "s");
    assert_int_equal(json_name(json_first(array)).len, 0);
}

static void takes_nothing_for_an_answer(void **state)
{
    (void)state;
    assert_int_equal(json_kind(NULL), JSON_NONE);
    assert_null(json_member(NULL, "a"));
    assert_null(json_first(NULL));
    assert_null(json_next(NULL));
    assert_int_equal(json_name(NULL).len, 0);
    assert_int_equal(json_string(NULL).len, 0);
    assert_true(json_number(NULL, 7) == 7);
}

static void gives_strings_without_nul(void **state)
{
    const struct json_value *list = json_read(*state, TEXT("[\"a\\u0000b\",\"a\0b\",\"\xFF\",\"\\uD800\"]"));
    static const char *const expected[] = {"a\xEF\xBF\xBD"
                                           "b",
                                           "a\xEF\xBF\xBD"
                                           "b",
                                           "\xEF\xBF\xBD", "\xEF\xBF\xBD"};
    const struct json_value *element = json_first(list);

    for (size_t i = 0; i < 4; i++, element = json_next(element))
        assert_string_equal(json_string(element).data, expected[i]);
}

/* A text of `count` times `unit` between `open` and `close`. */
static struct span repeated(const char *open, const char *unit, size_t count, const char *close, struct buf *out)
{
    buf_init(out, (size_t)4 << 20);
    buf_text(out, open);
    for (size_t i = 0; i < count; i++)
        buf_text(out, unit);
    buf_text(out, close);
    return buf_view(out);
}

static void limits_size_depth_and_memory(void **state)
{
    struct buf text;

    assert_non_null(json_read(*state, repeated("\"", "x", JSON_ELEMENT_MAX - 2, "\"", &text)));
    buf_release(&text);
    assert_null(json_read(*state, repeated("\"", "x", JSON_ELEMENT_MAX - 1, "\"", &text)));
    buf_release(&text);
    assert_non_null(
        json_read(*state, repeated("", "[", JSON_DEPTH_MAX,
                                   "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", &text)));
    buf_release(&text);
    assert_null(json_read(*state, repeated("", "[", 500000, "", &text)));
    buf_release(&text);
    assert_null(json_read(*state, repeated("[0", ",0", 500000, "]", &text)));
    buf_release(&text);
    assert_non_null(json_read(*state, TEXT("{}")));
}

static void expect_printed(struct json_object *object, bool indented, const char *expected)
{
    struct buf out;

    buf_init(&out, 10000);
    assert_true(json_object_print(object, indented, &out));
    assert_string_equal(out.data, expected);
    buf_release(&out);
    json_object_free(object);
}

static void writes_every_kind(void **state)
{
    struct json_object *object = json_object_new();

    (void)state;
    json_object_text(object, "text", TEXT("q\"\\\n\x01 Zürich \xFF\0!"));
    json_object_text(object, "empty", (struct span){0});
    json_object_number(object, "number", 2.5);
    json_object_number(object, "infinite", INFINITY);
    json_object_integer(object, "large", INT64_MAX);
    json_object_integer(object, "small", INT64_MIN);
    json_object_integer(object, "odd", INT64_C(9007199254740993));
    json_object_bool(object, "yes", true);
    json_object_bool(object, "no", false);
    json_object_null(object, "null");
    expect_printed(object, false,
                   "{\"text\":\"q\\\"\\\\\\n\\u0001 Zürich \xEF\xBF\xBD\xEF\xBF\xBD!\",\"empty\":\"\",\"number\":2.5,"
                   "\"infinite\":null,\"large\":9223372036854775807,\"small\":-9223372036854775808,"
                   "\"odd\":9007199254740993,\"yes\":true,\"no\":false,\"null\":null}");
}

static void writes_objects_and_lists_in_one_another(void **state)
{
    struct json_object *object = json_object_new(), *list, *child;

    (void)state;
    list = json_object_list(object, "errors");
    child = json_object_child(list, NULL);
    json_object_text(child, "code", TEXT("invalid_email"));
    json_object_integer(json_object_list(child, "lines"), NULL, 14);
    json_object_text(list, NULL, TEXT("text"));
    json_object_null(list, NULL);
    json_object_child(object, "empty");
    json_object_list(object, "none");
    json_object_bool(object, "last", true);
    expect_printed(object, false,
                   "{\"errors\":[{\"code\":\"invalid_email\",\"lines\":[14]},\"text\",null],\"empty\":{},\"none\":[],"
                   "\"last\":true}");
}

static void indents_for_people(void **state)
{
    struct json_object *object = json_object_new();

    (void)state;
    json_object_integer(json_object_child(object, "rows"), "created", 3);
    expect_printed(object, true, "{\n\t\"rows\":\t{\n\t\t\"created\":\t3\n\t}\n}");
}

static void says_when_it_does_not_fit(void **state)
{
    struct json_object *object = json_object_new();
    struct span large = {.data = calloc(JSON_WRITE_MEMORY / JSON_TEXT_GROWTH, 1),
                         .len = JSON_WRITE_MEMORY / JSON_TEXT_GROWTH};
    struct buf out;

    (void)state;
    buf_init(&out, 10);
    json_object_text(object, "name", TEXT("longer than ten bytes"));
    assert_false(json_object_print(object, false, &out));
    buf_release(&out);
    buf_init(&out, 10000);
    assert_true(json_object_print(object, false, &out));
    buf_reset(&out);
    json_object_text(object, "large", large);
    json_object_integer(json_object_list(json_object_child(object, "child"), "list"), NULL, 1);
    assert_false(json_object_print(object, false, &out));
    assert_int_equal(out.len, 0);
    buf_release(&out);
    free((void *)large.data);
    json_object_free(object);
    json_object_free(NULL);
    json_reader_free(NULL);
}

/* Members are added until there is no room for another: nothing is lost silently, nothing crashes. */
static void is_not_printed_without_all_its_members(void **state)
{
    struct json_object *object = json_object_new(), *list = json_object_list(object, "list");
    struct buf out;

    (void)state;
    buf_init(&out, JSON_WRITE_MEMORY);
    for (int i = 0; i < JSON_WRITE_MEMORY / 64; i++)
        json_object_integer(json_object_child(json_object_list(list, NULL), NULL), "number", i);
    assert_false(json_object_print(object, false, &out));
    buf_release(&out);
    json_object_free(object);
}

static void names_its_library(void **state)
{
    (void)state;
    assert_int_equal(strncmp(json_version(), "cJSON 1.", 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind),
        cmocka_unit_test(refuses_what_is_no_json),
        cmocka_unit_test(needs_no_terminator),
        cmocka_unit_test(checks_types),
        cmocka_unit_test(takes_nothing_for_an_answer),
        cmocka_unit_test(gives_strings_without_nul),
        cmocka_unit_test(limits_size_depth_and_memory),
        cmocka_unit_test(writes_every_kind),
        cmocka_unit_test(writes_objects_and_lists_in_one_another),
        cmocka_unit_test(indents_for_people),
        cmocka_unit_test(says_when_it_does_not_fit),
        cmocka_unit_test(is_not_printed_without_all_its_members),
        cmocka_unit_test(names_its_library),
    };

    return cmocka_run_group_tests_name("json", tests, open_reader, close_reader);
}
