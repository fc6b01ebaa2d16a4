/*
 * json_list: a list answer `{"results": [connector, …]}` (api.md) read as it arrives, in memory that does not grow
 * with it: each element is handed over as soon as its last byte is there.
 *
 * The frame around the elements is checked; an element itself is checked for matching brackets, closed strings and
 * depth, and the rest is for whoever parses it.
 */
#ifndef MODEL_JSON_LIST_H
#define MODEL_JSON_LIST_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LIST_ASIDE_MAX = 4096, /* bytes of a member beside `results` that are looked at; a larger one counts as a hint */
};

struct json_list;

/*
 * Called for each element of `results` with its JSON text, any value's, without blanks around it; valid during the
 * call. False ends the reading.
 */
typedef bool json_list_element(void *context, struct span element);

struct json_list *json_list_new(json_list_element *element, void *context);
void json_list_free(struct json_list *list); /* NULL is fine */

/* Begins a new answer. */
void json_list_reset(struct json_list *list);

/*
 * The next bytes. False once it is clear that this is no list, or an element is larger than JSON_ELEMENT_MAX, or its
 * brackets are deeper than JSON_DEPTH_MAX, or the callback has said so; then every further call is false too.
 */
bool json_list_feed(struct json_list *list, const char *bytes, size_t len);

/*
 * After the last byte: whether it was one whole list: an object with exactly one `results`, which is an array, null (no
 * element) or once more such an object (an envelope round the list). A BOM before it is skipped.
 */
bool json_list_complete(const struct json_list *list);

/*
 * Whether the answer says that there is more than it shows. No paging is documented (api.md), so this is deliberately
 * suspicious: absence can't be proved by such a list. Beside `results`, at any depth, without regard to case, `_`, `-`,
 * `.` and `@`:
 *
 *   next…, more…, has_more…, has_next…, continuation…,       anything but null, false, "" or empty
 *   partial…, incomplete…, error…, warning…, cursor, end_cursor,
 *   after, scroll_id, truncated, is_truncated, odata.nextLink
 *   last, is_last…, complete                                 false
 *   rel                                                      "next"
 *   remaining                                                a number over 0
 *   total, total_count, total_results, total_items, count    anything but null or the number of elements
 *   limit, page_size, per_page                               no more than the number of elements
 *   total_pages, page_count, pages, last_page                anything but null, 0 or 1
 *
 * or a member larger than LIST_ASIDE_MAX.
 */
bool json_list_is_partial(const struct json_list *list);

#endif
