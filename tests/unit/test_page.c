#include "report/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct page {
    struct buf out;
};

static bool never(const struct page *page)
{
    (void)page;
    return false;
}

static void add_name(struct page *page)
{
    buf_text(&page->out, "{{name}}"); /* what is put in is not looked at again */
}

static const struct page_slot slots[] = {{"name", NULL, add_name}, {"none", never, NULL}, {"nonesuch", never, NULL}};

static void test_fill(void **state)
{
    static const struct {
        const char *html, *filled;
    } cases[] = {
        {"", ""},
        {"a{b}c", "a{b}c"},
        {"a {{name}}.", "a {{name}}."},
        {"{{name}}{{name}}", "{{name}}{{name}}"},
        {"a{{name?}} b {{name}}{{/name}} c", "a b {{name}} c"},
        {"a{{none?}} b {{name}}{{/none}} c", "a c"},
        {"{{none?}}{{nonesuch?}}x{{/nonesuch}}y{{/none}}z", "z"},
        {"{{none?}}x{{/none}}{{none?}}y{{/none}}", ""},
        {"{{name?}}x{{none?}}y{{/none}}{{/name}}z", "xz"},
        {"an open {{", "an open {{"},
    };
    struct page page;

    (void)state;
    buf_init(&page.out, 1000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_reset(&page.out);
        page_fill(&page.out, span_of(cases[i].html), slots, sizeof(slots) / sizeof(slots[0]), &page);
        assert_true(span_equal(buf_view(&page.out), span_of(cases[i].filled)));
    }
    buf_release(&page.out);
}

/* The files are in the program, whole. */
static void test_files(void **state)
{
    static const struct {
        struct span (*part)(void);
        const char *begin, *end;
    } cases[] = {
        {page_html, "<!DOCTYPE html>", "</html>\n"},
        {page_style, ":root{", "}\n"},
        {page_script, "(function () {", "})();\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span part = cases[i].part();
        size_t begin = strlen(cases[i].begin), end = strlen(cases[i].end);

        assert_true(part.len > begin + end);
        assert_memory_equal(part.data, cases[i].begin, begin);
        assert_memory_equal(part.data + part.len - end, cases[i].end, end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fill), cmocka_unit_test(test_files)};

    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
