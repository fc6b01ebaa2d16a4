#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(literal)                 \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }
#define SPAN(literal) ((struct span)BYTES(literal))

/* Where well-formed UTF-8 ends: the table of Unicode 15, section 3.9, at its edges. */
static void utf8(void **state)
{
    static const struct {
        struct span text;
        size_t error;
    } table[] = {
        {{NULL, 0}, 0},
        {BYTES("plain ASCII, longer than a word"), 31},
        {BYTES("\0\x7F"), 2},
        {BYTES("\xC2\x80\xDF\xBF"), 4},
        {BYTES("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"), 12},
        {BYTES("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"), 8},
        {BYTES("a\x80"), 1},
        {BYTES("\xC0\x80"), 0},         /* overlong */
        {BYTES("\xC1\xBF"), 0},         /* overlong */
        {BYTES("\xE0\x9F\xBF"), 0},     /* overlong */
        {BYTES("\xED\xA0\x80"), 0},     /* surrogate */
        {BYTES("\xF0\x8F\xBF\xBF"), 0}, /* overlong */
        {BYTES("\xF4\x90\x80\x80"), 0}, /* above U+10FFFF */
        {BYTES("\xF5\x80\x80\x80"), 0},
        {BYTES("\xFF"), 0},
        {BYTES("12345678\xFF"), 8},
        {BYTES("1234567\xFF"), 7},
        {BYTES("ab\xC3"), 2}, /* cut */
        {BYTES("ab\xE2\x82"), 2},
        {BYTES("ab\xF0\x9F\x98"), 2},
        {BYTES("\xC3("), 0},
        {BYTES("\xE2\x82("), 0},
        {BYTES("\xE2(\xAC"), 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(text_utf8_error(table[i].text), table[i].error);
}

static void characters(void **state)
{
    (void)state;
    assert_int_equal(text_char_len(SPAN("")), 0);
    assert_int_equal(text_char_len(SPAN("ab")), 1);
    assert_int_equal(text_char_len(SPAN("é")), 2);
    assert_int_equal(text_char_len(SPAN("€")), 3);
    assert_int_equal(text_char_len(SPAN("😀")), 4);
}

/* Where a text can be cut so that at most so many bytes are left and no character is halved. */
static void cuts_between_characters(void **state)
{
    static const struct {
        struct span text;
        size_t most, left;
    } table[] = {
        {{NULL, 0}, 5, 0},
        {BYTES("abc"), 5, 3},
        {BYTES("abc"), 3, 3},
        {BYTES("abc"), 2, 2},
        {BYTES("abc"), 0, 0},
        {BYTES("aéb"), 3, 3},
        {BYTES("aéb"), 2, 1},
        {BYTES("a€b"), 3, 1},
        {BYTES("a€b"), 2, 1},
        {BYTES("a😀"), 4, 1},
        {BYTES("a😀"), 5, 5},
        {BYTES("😀"), 3, 0},
        {BYTES("a\xE2\x82"), 3, 3}, /* malformed as it came: no worse */
        {BYTES("ab\x80\x80\x80\x80\x80\x80"), 7, 4},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(text_cut(table[i].text, table[i].most), table[i].left);
}

static void code_points(void **state)
{
    (void)state;
    assert_int_equal(text_code_point(SPAN("ab")), 'a');
    assert_int_equal(text_code_point(SPAN("é")), 0xE9);
    assert_int_equal(text_code_point(SPAN("€")), 0x20AC);
    assert_int_equal(text_code_point(SPAN("😀")), 0x1F600);
}

/* A text, and what is left of it without the blanks at its ends. */
static void trims_wide_blanks(void **state)
{
    static const struct {
        struct span text, trimmed;
    } table[] = {
        {{NULL, 0}, BYTES("")},
        {BYTES(" \t\r\n\v\f"), BYTES("")},
        {BYTES("\xC2\xA0\xE2\x80\x8B\xE2\x80\xAF\xEF\xBB\xBF"), BYTES("")},
        {BYTES("\xEF\xBB\xBF a\xC2\xA0z\xC2\xA0 \xE2\x80\xAF"), BYTES("a\xC2\xA0z")},
        {BYTES("\u3000\u2003a\u2009z\u2028\u2029\u1680\u205F"), BYTES("a\u2009z")},
        {BYTES("\xC2\x84\u200C"), BYTES("\xC2\x84\u200C")},   /* neighbours of blanks */
        {BYTES("\u200D a \u00AD"), BYTES("\u200D a \u00AD")}, /* unseen, but no blanks */
        {BYTES("\xC2"), BYTES("\xC2")},
        {BYTES("\xA0"), BYTES("\xA0")},
        {BYTES("\x80\x8B"), BYTES("\x80\x8B")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        assert_true(span_equal(text_trim(table[i].text), table[i].trimmed));
    assert_int_equal(text_blank_len(SPAN("")), 0);
    assert_int_equal(text_blank_len(SPAN("a ")), 0);
    assert_int_equal(text_blank_len(SPAN(" a")), 1);
    assert_int_equal(text_blank_len(SPAN("\xC2\xA0"
                                         "a")),
                     2);
    assert_int_equal(text_blank_len(SPAN("\xE2\x80\x8B")), 3);
}

static void knows_what_is_not_seen(void **state)
{
    static const char *const unseen[] = {"",       " ",      "\u3000", "\u200D", "\u3164",         "\u2800",
                                         "\u00AD", "\uFE0F", "\u034F", "\u200B", "\u200E\n\u00A0", "\U000E0020"};
    static const char *const seen[] = {"a", "\u200Da", " -", "\u00AC", "\uFE10", "\U000E1000", "\x1A", "\xAD"};

    (void)state;
    for (size_t i = 0; i < COUNT(unseen); i++)
        assert_true(text_is_blank(span_of(unseen[i])));
    for (size_t i = 0; i < COUNT(seen); i++)
        assert_false(text_is_blank(span_of(seen[i])));
    assert_int_equal(text_unseen_len(SPAN("\u00AD")), 2);
    assert_int_equal(text_unseen_len(SPAN("a\u00AD")), 0);
    assert_int_equal(text_unseen_len(SPAN("\u3000")), 0);
    assert_int_equal(text_unseen_len(SPAN("")), 0);
}

static void shows_harmlessly(void **state)
{
    static const struct {
        struct span text;
        size_t most;
        const char *shown;
    } table[] = {
        {BYTES(""), 5, ""},
        {BYTES("abc"), 3, "abc"},
        {BYTES("abcd"), 3, "abc…"},
        {BYTES("äöü"), 3, "äöü"},
        {BYTES("äöüß"), 3, "äöü…"},
        {BYTES("a\nb\rc\td"), 80, "a\\nb\\rc\\td"},
        {BYTES("\x1B[31mred"), 80, "\\x1B[31mred"},
        {BYTES("nul\0nul"), 80, "nul\\x00nul"},
        {BYTES("\x7F\xC2\x9B"), 80, "\\x7F\\x9B"},
        {BYTES("\xE2\x80\xAE"
               "abc"),
         80, "\\u{202E}abc"},
        {BYTES("\xE2\x81\xA6"), 80, "\\u{2066}"},
        {BYTES("\xE2\x80\xA8"), 80, "\\u{2028}"},
        {BYTES("\xEF\xBB\xBF"), 80, "\\u{FEFF}"},
        {BYTES("a\xFFz"), 80, "a\\xFFz"},
        {BYTES("cut \xE2\x82"), 80, "cut \\xE2\\x82"},
        {BYTES("\n\n\n\n"), 2, "\\n\\n…"},
        {BYTES("abc"), 0, "…"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct buf out;

        buf_init(&out, 1000);
        text_show(&out, table[i].text, table[i].most);
        buf_char(&out, '.');
        assert_int_equal(out.len, strlen(table[i].shown) + 1);
        assert_memory_equal(out.data, table[i].shown, out.len - 1);
        buf_release(&out);
    }
}

static void quotes(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    text_quote(&out, SPAN("a\tb"), 10);
    text_quote(&out, SPAN("long"), 2);
    assert_string_equal(out.data, "\"a\\tb\"\"lo…\"");
    buf_release(&out);
}

static void folds_case(void **state)
{
    (void)state;
    assert_true(text_equal_fold(SPAN("User_ID"), SPAN("uSER_id")));
    assert_true(text_equal_fold(SPAN(""), (struct span){NULL, 0}));
    assert_false(text_equal_fold(SPAN("abc"), SPAN("ab")));
    assert_false(text_equal_fold(SPAN("@"), SPAN("`"))); /* the neighbours of the letters */
    assert_false(text_equal_fold(SPAN("["), SPAN("{")));
    assert_false(text_equal_fold(SPAN("Ä"), SPAN("ä"))); /* ASCII only */
}

static void columns(void **state)
{
    static const struct {
        size_t index;
        const char *name;
    } table[] = {{0, "A"},    {25, "Z"},    {26, "AA"},     {51, "AZ"},     {52, "BA"},
                 {701, "ZZ"}, {702, "AAA"}, {16383, "XFD"}, {18277, "ZZZ"}, {18278, "AAAA"}};

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        char name[TEXT_COLUMN];

        assert_string_equal(text_column(name, table[i].index), table[i].name);
    }
}

static void nearest(void **state)
{
    static const char *const names[] = {"type", "label", "description", "allowed_emails", "user_password"};
    static const struct {
        const char *text;
        int index;
    } table[] = {
        {"label", 1},          {"lable", 1},
        {"LABEL", 1},          {"Typ", 0},
        {"descripton", 2},     {"alowed_email", 3},
        {"allowed-emails", 3}, {"user_pasword", 4},
        {"xxxxx", -1},         {"", -1},
        {"emails", -1},        {"a_name_longer_than_any_that_is_compared", -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(text_nearest(span_of(table[i].text), names, COUNT(names)), table[i].index);
    assert_int_equal(text_nearest(SPAN("type"), names, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8),
        cmocka_unit_test(characters),
        cmocka_unit_test(shows_harmlessly),
        cmocka_unit_test(quotes),
        cmocka_unit_test(folds_case),
        cmocka_unit_test(columns),
        cmocka_unit_test(nearest),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(code_points),
        cmocka_unit_test(trims_wide_blanks),
        cmocka_unit_test(knows_what_is_not_seen),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
