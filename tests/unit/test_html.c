#include "report/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_inert(void **state)
{
    static const struct {
        const char *text, *html;
    } cases[] = {
        {"plain", "plain"},
        {"<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;"},
        {"\" onload='x'", "&quot; onload=&#39;x&#39;"},
        {"日本", "日本"},
        {"a\nb\x1b[2J\x7F", "a\\nb\\x1B[2J\\x7F"},
        {"\xE2\x80\xAEgnp", "\\u{202E}gnp"},
        {"\xFF<", "\\xFF&lt;"},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_reset(&out);
        html_text(&out, span_of(cases[i].text), 100);
        assert_string_equal(out.data, cases[i].html);
    }
    buf_release(&out);
}

/* Characters are counted, not what they become. */
static void test_cut(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    html_text(&out, span_of("<<<<<<<<"), 4);
    assert_string_equal(out.data, "&lt;&lt;&lt;&lt;…");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_inert), cmocka_unit_test(test_cut)};

    return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
