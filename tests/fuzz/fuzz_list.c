/*
 * fuzz_list: any body as a list answer (model/json_list). The first byte chooses the sizes of the pieces. In one piece
 * and in many it must give the same; and where the whole can be read at once, what is in it.
 */
#include "base/hash.h"
#include "model/json.h"
#include "model/json_list.h"
#include "model/json_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

/* What a reading gave. `next` is the element that the whole text has at this place, while it is compared. */
struct reading {
    uint64_t hash, count;
    bool whole, partial;
    struct json_reader *reader;
    const struct json_value *next;
};

static bool same_but_for_content(const struct json_value *a, const struct json_value *b)
{
    return json_kind(a) == json_kind(b) && span_equal(json_name(a), json_name(b)) &&
           span_equal(json_string(a), json_string(b)) && json_number(a, 0) == json_number(b, 0);
}

static bool same_value(const struct json_value *a, const struct json_value *b)
{
    const struct json_value *next_a[JSON_DEPTH_MAX + 1], *next_b[JSON_DEPTH_MAX + 1];
    size_t depth = 0;

    if (!same_but_for_content(a, b))
        return false;
    next_a[depth] = json_first(a);
    next_b[depth++] = json_first(b);
    while (depth > 0) {
        a = next_a[depth - 1];
        b = next_b[depth - 1];
        next_a[depth - 1] = json_next(a);
        next_b[depth - 1] = json_next(b);
        if (!same_but_for_content(a, b))
            return false;
        if (a == NULL) {
            depth--;
        } else {
            next_a[depth] = json_first(a);
            next_b[depth++] = json_first(b);
        }
    }
    return true;
}

static bool take_element(void *context, struct span element)
{
    struct reading *reading = context;

    demand(element.len > 0);
    reading->hash = hash_span(reading->hash, element);
    reading->count++;
    if (reading->next != NULL) {
        demand(same_value(json_read(reading->reader, element), reading->next));
        reading->next = json_next(reading->next);
    }
    return true;
}

/* Reads in pieces whose sizes follow from `seed`; 0 = in one. */
static void read_list(struct reading *reading, struct span body, uint32_t seed)
{
    struct json_list *list = json_list_new(take_element, reading);
    bool good = true;

    while (good && body.len > 0) {
        size_t step = body.len;

        if (seed != 0) {
            seed = seed * 1103515245U + 12345U;
            step = 1 + (seed >> 16) % 32;
        }
        if (step > body.len)
            step = body.len;
        good = json_list_feed(list, body.data, step);
        body.data += step;
        body.len -= step;
    }
    reading->whole = json_list_complete(list);
    reading->partial = json_list_is_partial(list);
    demand(good || !reading->whole);
    json_list_free(list);
}

/* The one member named `results`, or NULL. */
static const struct json_value *only_results(const struct json_value *object)
{
    int count = 0;

    if (json_kind(object) != JSON_OBJECT)
        return NULL;
    for (const struct json_value *member = json_first(object); member != NULL; member = json_next(member))
        count += span_equal(json_name(member), span_of("results"));
    return count == 1 ? json_member(object, "results") : NULL;
}

/* The list, perhaps in an envelope. */
static const struct json_value *results_of(const struct json_value *object)
{
    const struct json_value *results = only_results(object);

    if (json_kind(results) == JSON_OBJECT)
        results = only_results(results);
    return json_kind(results) == JSON_ARRAY ? results : NULL;
}

/* The list does not undo escapes in names, and knows no BOM. */
static bool is_plain(struct span body)
{
    return body.len > 0 && body.data[0] != '\xEF' && memmem(body.data, body.len, "\\u", 2) == NULL;
}

static void compare_with_whole(struct span body)
{
    struct json_reader *reader = json_reader_new();
    const struct json_value *results = results_of(json_read(reader, body));
    struct reading reading = {.reader = json_reader_new(), .next = json_first(results)};

    if (results != NULL && is_plain(body)) {
        bool empty = json_first(results) == NULL;

        read_list(&reading, body, 0);
        demand(reading.whole);
        demand(reading.next == NULL && (reading.count == 0) == empty);
    }
    json_reader_free(reading.reader);
    json_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = {.data = (const char *)data + 1, .len = size - 1};
    struct reading at_once = {0}, in_pieces = {0};

    if (size == 0)
        return 0;
    read_list(&at_once, body, 0);
    read_list(&in_pieces, body, data[0] + 1U);
    demand(at_once.hash == in_pieces.hash && at_once.count == in_pieces.count);
    demand(at_once.whole == in_pieces.whole && (!at_once.whole || at_once.partial == in_pieces.partial));
    compare_with_whole(body);
    return 0;
}
