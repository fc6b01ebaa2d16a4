#include "model/json.h"
#include "model/json_list.h"
#include "model/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Gathers elements, a line each; stops after `most` of them. */
struct gathered {
    struct buf text;
    int count, most;
};

static bool gather(void *context, struct span element)
{
    struct gathered *gathered = context;

    buf_span(&gathered->text, element);
    buf_char(&gathered->text, '\n');
    return ++gathered->count < gathered->most;
}

/* Feeds `text` in pieces of `step` bytes; returns whether every piece was taken. */
static bool feed(struct json_list *list, struct span text, size_t step)
{
    for (size_t at = 0; at < text.len; at += step)
        if (!json_list_feed(list, text.data + at, text.len - at < step ? text.len - at : step))
            return false;
    return true;
}

/* Reads `text` whole and byte by byte: its elements are to be `expected`, each with a line end; NULL = no list. */
static void expect_list(const char *text, const char *expected)
{
    struct gathered gathered = {.most = 1000};
    struct json_list *list = json_list_new(gather, &gathered);
    static const size_t steps[] = {1000, 1, 2, 7};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        bool whole;

        buf_init(&gathered.text, 10000);
        json_list_reset(list);
        whole = feed(list, span_of(text), steps[i]) && json_list_complete(list);
        if (whole != (expected != NULL))
            fail_msg("%s %s a list in pieces of %zu", text, whole ? "is" : "is not", steps[i]);
        if (expected != NULL)
            assert_string_equal(buf_view(&gathered.text).data, expected);
        buf_release(&gathered.text);
    }
    json_list_free(list);
}

static void cuts_out_the_elements(void **state)
{
    (void)state;
    expect_list("{\"results\":[]}", "");
    expect_list(" {\n\"results\" :\t[ ] }\r\n", "");
    expect_list("{\"results\":[{\"a\":1},{\"b\":[2,{}]}]}", "{\"a\":1}\n{\"b\":[2,{}]}\n");
    expect_list("{\"results\":[ {} , [] , \"s\" , 1 , null,true ]}", "{}\n[]\n\"s\"\n1\nnull\ntrue\n");
    expect_list("{\"results\":[{\"a\":\"]}\\\",[{\\\\\"}]}", "{\"a\":\"]}\\\",[{\\\\\"}\n");
    expect_list("{\"a\":{\"results\":[1]},\"results\":[2],\"b\":[\"}\"],\"c\":-1.5,\"d\":\"\"}", "2\n");
    expect_list("{\"n\":1,\"results\":[2],\"m\":null }", "2\n");
    expect_list("{\"results\":null,\"errors\":[]}", "");
    expect_list("{\"results\": null }", "");
    expect_list("\xEF\xBB\xBF {\"results\":[1]}", "1\n");
    expect_list("{\"results\":{\"results\":[1,2],\"a\":{}},\"errors\":[],\"metadata\":{}}", "1\n2\n");
    expect_list("{\"errors\":[],\"results\":{\"results\":null}}", "");
}

static void knows_what_is_no_list(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "{",
        "{}",
        "[]",
        "[{\"results\":[]}]",
        "null",
        "<html>",
        "{\"results\":nul}",
        "{\"results\":1}",
        "{\"results\":null,\"results\":[]}",
        "{\"results\":{}}",
        "{\"results\":{\"results\":[]}",
        "{\"results\":{\"results\":[]}}}",
        "{\"results\":{\"results\":[]},\"results\":[]}",
        "{\"results\":{\"results\":{\"results\":[]}}}",
        "{\"results\":{\"a\":1},\"results\":[]}",
        "\xEF{\"results\":[]}",
        "\xEF\xBB\xBF\xEF\xBB\xBF{\"results\":[]}",
        "{\"results\":[]}\xEF\xBB\xBF",
        "{\"results\":\"[]\"}",
        "{\"results\":[]",
        "{\"results\":[}",
        "{\"results\":[1}",
        "{\"results\":[1,]}",
        "{\"results\":[,1]}",
        "{\"results\":[1 2]}",
        "{\"results\":[{]}]}",
        "{\"results\":[\"a]}",
        "{\"results\":[[1}]}",
        "{\"results\":[1\"a\"]}",
        "{\"results\":[]}x",
        "{\"results\":[]}{}",
        "{\"results\":[],}",
        "{\"results\":[],1}",
        "{\"results\":[] \"a\":1}",
        "{\"results\":[],\"results\":[]}",
        "{\"results\" []}",
        "{results:[]}",
        "{\"results\":[],\"a\":nul}",
        "{\"results\":[],\"a\":}",
        "{\"results\":[],\"a\":[1,]}",
        "{\"Results\":[]}",
        "{\"results \":[]}",
        "{\"results\":[],\"a\":1",
        "{\"results\":[]]}",
        "{,\"results\":[]}",
        "{\"res\nults\":[]}",
        "{\"data\":{\"results\":[]}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_list(cases[i], NULL);
}

static void stays_refused_until_reset(void **state)
{
    struct gathered gathered = {.most = 1000};
    struct json_list *list = json_list_new(gather, &gathered);

    (void)state;
    buf_init(&gathered.text, 100);
    assert_false(json_list_feed(list, "x", 1));
    assert_false(json_list_feed(list, "{\"results\":[]}", 14));
    assert_false(json_list_complete(list));
    json_list_reset(list);
    assert_true(json_list_feed(list, "{\"results\":[1],\"next\":2}", 24));
    assert_true(json_list_complete(list));
    assert_true(json_list_is_partial(list));
    json_list_reset(list);
    assert_false(json_list_complete(list));
    assert_false(json_list_is_partial(list));
    json_list_free(list);
    json_list_free(NULL);
    buf_release(&gathered.text);
}

static void stops_when_the_callback_says_so(void **state)
{
    struct gathered gathered = {.most = 2};
    struct json_list *list = json_list_new(gather, &gathered);

    (void)state;
    buf_init(&gathered.text, 100);
    assert_false(feed(list, span_of("{\"results\":[1,2,3]}"), 100));
    assert_string_equal(gathered.text.data, "1\n2\n");
    assert_false(json_list_complete(list));
    json_list_free(list);
    buf_release(&gathered.text);
}

struct counted {
    size_t count, longest;
};

static bool count_only(void *context, struct span element)
{
    struct counted *counted = context;

    counted->count++;
    if (element.len > counted->longest)
        counted->longest = element.len;
    return true;
}

/* Feeds `count` times `unit` after `open`, then `close`; what the last feed said, and then whether it is complete. */
static bool feed_repeated(struct json_list *list, const char *open, const char *unit, size_t count, const char *close)
{
    bool good;

    json_list_reset(list);
    good = json_list_feed(list, open, strlen(open));
    for (size_t i = 0; i < count && good; i++)
        good = json_list_feed(list, unit, strlen(unit));
    return good && json_list_feed(list, close, strlen(close)) && json_list_complete(list);
}

static void limits_elements_and_depth(void **state)
{
    struct counted counted = {0};
    struct json_list *list = json_list_new(count_only, &counted);

    (void)state;
    assert_true(feed_repeated(list, "{\"results\":[\"", "x", JSON_ELEMENT_MAX - 2, "\"]}"));
    assert_int_equal(counted.longest, JSON_ELEMENT_MAX);
    assert_false(feed_repeated(list, "{\"results\":[\"", "x", JSON_ELEMENT_MAX - 1, "\"]}"));
    assert_false(feed_repeated(list, "{\"results\":[", "[", 100000000, "]}"));
    assert_false(feed_repeated(list, "{\"results\":[", "[", JSON_DEPTH_MAX + 1,
                               "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"));
    assert_true(feed_repeated(list, "{\"results\":[", "[", JSON_DEPTH_MAX,
                              "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"));
    counted.count = 0;
    assert_true(feed_repeated(list, "{\"results\":[0", ",{\"a\":\"b\"}", 500000, "]}"));
    assert_int_equal(counted.count, 500001);
    assert_true(feed_repeated(list, "{\"", "name", 500000, "\":1,\"results\":[]}"));
    assert_true(feed_repeated(list, "{\"x\":\"", "y", JSON_ELEMENT_MAX * 2, "\",\"results\":[]}"));
    assert_true(json_list_is_partial(list));
    json_list_free(list);
}

/* An element of exactly the greatest size, and one byte more, in one piece. */
static void limits_elements_in_one_piece(void **state)
{
    struct counted counted = {0};
    struct json_list *list = json_list_new(count_only, &counted);
    struct buf text;

    (void)state;
    for (size_t more = 0; more < 2; more++) {
        buf_init(&text, (size_t)JSON_ELEMENT_MAX + 100);
        buf_text(&text, "{\"results\":[\"");
        for (size_t i = 0; i < JSON_ELEMENT_MAX - 2 + more; i++)
            buf_char(&text, 'x');
        buf_text(&text, "\"]}");
        json_list_reset(list);
        assert_int_equal(json_list_feed(list, text.data, text.len), more == 0);
        buf_release(&text);
    }
    json_list_free(list);
}

/* Members beside two elements, and whether they say that there are more. */
static const struct {
    const char *members;
    bool partial;
} asides[] = {
    {"\"request_id\":\"x\",\"page_size\":50", false},
    {"\"next\":null,\"next_page\":\"\",\"has_more\":false,\"cursor\":null,\"nextLinks\":[]", false},
    {"\"next\":\"https://…\"", true},
    {"\"next_page\":2", true},
    {"\"NextPageToken\":\"a\"", true},
    {"\"nextCursor\":{\"a\":1}", true},
    {"\"cursor\":\"x\"", true},
    {"\"has_more\":true", true},
    {"\"hasNextPage\":true", true},
    {"\"truncated\":true", true},
    {"\"prev_cursor\":\"x\"", false},
    {"\"total\":2,\"count\":2", false},
    {"\"total\":2,\"count\":3", true},
    {"\"total\":3", true},
    {"\"total\":3,\"count\":2", true},
    {"\"total_count\":null", false},
    {"\"count\":\"2\"", true},
    {"\"total_pages\":1", false},
    {"\"total_pages\":2", true},
    {"\"pages\":null", false},
    {"\"meta\":{\"paging\":{\"next_cursor\":null,\"total\":2}}", false},
    {"\"meta\":{\"paging\":{\"next_cursor\":\"x\",\"total\":2}}", true},
    {"\"links\":[{\"next\":\"x\"}]", true},
    {"\"links\":[{\"rel\":\"self\",\"href\":\"x\"}]", false},
    {"\"links\":[{\"rel\":\"Next\",\"href\":\"x\"}]", true},
    {"\"@odata.nextLink\":\"x\"", true},
    {"\"scroll_id\":\"x\"", true},
    {"\"paging\":{\"cursors\":{\"after\":\"x\"}}", true},
    {"\"continuationToken\":\"x\"", true},
    {"\"partial\":true,\"last\":true", true},
    {"\"incomplete_results\":true", true},
    {"\"incomplete_results\":false,\"error\":null,\"warnings\":[]", false},
    {"\"errors\":[\"shard 3 is down\"]", true},
    {"\"warnings\":[\"x\"]", true},
    {"\"last\":true,\"isLastPage\":true,\"complete\":true", false},
    {"\"last\":false", true},
    {"\"is_last\":false", true},
    {"\"remaining\":0,\"limit\":3", false},
    {"\"remaining\":1", true},
    {"\"offset\":0,\"limit\":2", true},
    {"\"per_page\":1", true},
    {"\"pagination\":{\"page\":1,\"last_page\":4}", true},
};

static void suspects_paging(void **state)
{
    struct counted counted = {0};
    struct json_list *list = json_list_new(count_only, &counted);

    (void)state;
    for (size_t i = 0; i < sizeof(asides) / sizeof(asides[0]); i++)
        for (int order = 0; order < 2; order++) {
            struct buf text;

            buf_init(&text, 1000);
            buf_format(&text, order == 0 ? "{%s,\"results\":[{\"next\":1},{}]}" : "{\"results\":[{\"next\":1},{}],%s}",
                       asides[i].members);
            json_list_reset(list);
            assert_true(json_list_feed(list, text.data, text.len));
            assert_true(json_list_complete(list));
            if (json_list_is_partial(list) != asides[i].partial)
                fail_msg("%s is %s partial", text.data, asides[i].partial ? "not" : "held for");
            buf_release(&text);
        }
    json_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_out_the_elements),     cmocka_unit_test(knows_what_is_no_list),
        cmocka_unit_test(stays_refused_until_reset), cmocka_unit_test(stops_when_the_callback_says_so),
        cmocka_unit_test(limits_elements_and_depth), cmocka_unit_test(limits_elements_in_one_piece),
        cmocka_unit_test(suspects_paging),
    };

    return cmocka_run_group_tests_name("json_list", tests, NULL, NULL);
}
