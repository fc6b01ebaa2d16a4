#include "model/label.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
    const char *sent, *shown;
    enum label_likeness likeness;
} table[] = {
    {"FX desk", "FX desk", LABEL_KEPT},
    {"FX desk", "fx DESK", LABEL_KEPT},
    {" Rates  morning\u00a0notes", "Rates morning notes", LABEL_KEPT},
    {"Cafe\u0301 research", "Caf\u00e9 research", LABEL_KEPT},
    {"\ufb01xed \u2460", "fixed 1", LABEL_KEPT}, /* NFKC */
    {"\u00c4quit\u00e9", "\u00e4quit\u00e9", LABEL_KEPT},
    {"M&A notes", "M&amp;A notes", LABEL_KEPT},
    {"<a> \"b\" 'c'", "&lt;a&gt; &quot;b&quot; &#x27;c&#39;", LABEL_KEPT},
    {"a&b;c", "a&amp;b;c", LABEL_KEPT},
    {"soft\u00adhyphen", "softhyphen", LABEL_KEPT},
    {"+++", "+++", LABEL_KEPT},

    {"Rates \U0001F4C8 daily", "Rates daily", LABEL_ALIKE},
    {"FX-1", "FX 1", LABEL_ALIKE},
    {"Credit research of the whole desk", "Credit research of t", LABEL_ALIKE},
    {"Credit research", "[ACME] Credit research", LABEL_ALIKE},
    {"Broker research feed 12", "Broker research feed 1", LABEL_ALIKE},

    {"FX desk", "FX desk 2", LABEL_PART}, /* too short to be known by its beginning */
    {"Desk 1", "[ACME] Desk 1", LABEL_PART},
    {"FX", "FX desk", LABEL_OTHER},
    {"Broker research feed 12", "Broker research feed 2", LABEL_OTHER},
    {"FX desk", "Rates desk", LABEL_OTHER},
    {"+++", "---", LABEL_OTHER},
    {"FX desk", "", LABEL_OTHER},
    {"a&#0;b", "ab", LABEL_OTHER},
    {"a&#99999999999;b", "a", LABEL_OTHER},
    {"broken \xff\xfe", "other", LABEL_OTHER},
};

static void likeness(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        enum label_likeness got = label_compare(span_of(table[i].sent), span_of(table[i].shown));

        if (got != table[i].likeness)
            fail_msg("\"%s\" and \"%s\": %d", table[i].sent, table[i].shown, (int)got);
        assert_int_equal(label_compare(span_of(table[i].shown), span_of(table[i].sent)), got);
    }
}

static void like_labels_share_a_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct label_keys a = label_keys(span_of(table[i].sent)), b = label_keys(span_of(table[i].shown));

        if (table[i].likeness != LABEL_OTHER && a.head != b.head && a.tail != b.tail && !a.is_short && !b.is_short)
            fail_msg("\"%s\" and \"%s\"", table[i].sent, table[i].shown);
    }
    assert_true(label_keys(span_of("FX desk")).head != label_keys(span_of("Rates desk")).head);
    assert_true(label_keys(span_of("FX desk 1")).tail != label_keys(span_of("FX desk 2")).tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(likeness),
        cmocka_unit_test(like_labels_share_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
