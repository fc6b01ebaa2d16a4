/*
 * fuzz_check: any two rows under the full header. The input is cells, one a line, FIELDS of them for the first row and
 * the rest for the second; the first byte chooses the defaults.
 */
#include "model/check.h"

#include "model/email.h"
#include "model/payload.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS_MAX = 3 * FIELDS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static size_t split(const char *text, size_t size, struct span cells[CELLS_MAX])
{
    size_t count = 0;

    while (size > 0 && count < CELLS_MAX) {
        const char *end = memchr(text, '\n', size);
        size_t len = end != NULL ? (size_t)(end - text) : size;

        cells[count++] = (struct span){text, len};
        len += end != NULL;
        text += len;
        size -= len;
    }
    return count;
}

static void read_header(struct header *header)
{
    struct span cells[FIELDS];
    const struct header_options options = {.file = "f.csv", .line = 1};
    struct buf notes;
    struct err err;

    for (enum field field = 0; field < FIELDS; field++)
        cells[field] = span_of(field_name(field));
    buf_init(&notes, 1000);
    require(header_read(header, cells, FIELDS, &options, &notes, &err));
    buf_release(&notes);
}

/* Whether the row passes; what a passing row promises. */
static bool check_row(struct connector *connector, const struct header *header, const char *const defaults[FIELDS],
                      const struct span *cells, size_t count)
{
    struct row_values values;
    struct problems problems;
    struct buf text;
    bool passed;

    connector_values(&values, header, defaults, cells, count);
    problems_init(&problems);
    passed = connector_check(connector, &values, header, &problems);
    require(passed == (problems.set == 0));
    buf_init(&text, 1 << 20);
    problems_messages(&problems, &text);
    require(passed == (text.len == 0));
    problems_codes(&problems, &text);
    if (passed) {
        buf_reset(&text);
        require(payload_write(connector, &text));
        require(text.len == connector_payload_size(connector) && text.len <= PAYLOAD_MAX);
        for (size_t i = 0; i < connector->email_count; i++)
            require(email_is_valid(connector->emails[i]));
    }
    buf_release(&text);
    problems_release(&problems);
    return passed;
}

/* Equal means equal hashes, and equal to oneself; differences are empty exactly where the public parts are equal. */
static void compare(const struct connector *a, const struct connector *b)
{
    struct buf text;

    require(connector_equal(a, a) && connector_equal(a, b) == connector_equal(b, a));
    require(!connector_equal(a, b) || (connector_public_equal(a, b) && connector_hash(a) == connector_hash(b)));
    require(!connector_public_equal(a, b) || connector_key_equal(a, b));
    require(!connector_public_equal(a, b) || connector_public_hash(a) == connector_public_hash(b));
    require(!connector_key_equal(a, b) || connector_key_hash(a) == connector_key_hash(b));
    buf_init(&text, 1 << 20);
    connector_differences(a, b, &text);
    require((text.len == 0) == connector_public_equal(a, b));
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const given[FIELDS] = {"sharepoint", "L", "D", "yes", "a@b", "u", "p", "s"};
    const char *defaults[FIELDS] = {NULL};
    struct span cells[CELLS_MAX];
    struct header header;
    struct connector first, second;
    size_t count, in_first;
    bool both;

    if (size == 0)
        return 0;
    for (enum field field = 0; field < FIELDS; field++)
        defaults[field] = (data[0] >> field & 1) != 0 ? given[field] : NULL;
    count = split((const char *)data + 1, size - 1, cells);
    in_first = count < FIELDS ? count : FIELDS;
    read_header(&header);
    connector_init(&first);
    connector_init(&second);
    both = check_row(&first, &header, defaults, cells, in_first);
    both = check_row(&second, &header, defaults, cells + in_first, count - in_first) && both;
    if (both)
        compare(&first, &second);
    connector_release(&first);
    connector_release(&second);
    header_release(&header);
    return 0;
}
