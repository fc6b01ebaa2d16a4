#include "io/journal_head.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/num.h"
#include "io/record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The head's fields, in order. */
enum head_field {
    HEAD_COMMAND,
    HEAD_INPUT,
    HEAD_INPUT_SIZE,
    HEAD_INPUT_CRC,
    HEAD_ROWS,
    HEAD_PLAN,
    HEAD_BASE_URL,
    HEAD_KEY_MARK,
    HEAD_STARTED,
    HEAD_FIELDS,
};

static const char *const head_names[] = {"command", "input",    "input_size", "input_crc", "rows",
                                         "plan",    "base_url", "key_mark",   "started"};
_Static_assert(sizeof(head_names) / sizeof(head_names[0]) == HEAD_FIELDS, "one name for each field of the head");

void journal_head_copy(struct journal_head *head, const struct journal_head *from)
{
    *head = *from;
    head->command = alloc_text(from->command);
    head->input = alloc_text(from->input);
    head->base_url = alloc_text(from->base_url);
    head->key_mark = alloc_text(from->key_mark);
}

void journal_head_release(struct journal_head *head)
{
    free((void *)head->command);
    free((void *)head->input);
    free((void *)head->base_url);
    free((void *)head->key_mark);
    *head = (struct journal_head){0};
}

/* A field is `NAME=VALUE`, the value escaped. */
static void add_text(struct buf *out, enum head_field field, const char *value)
{
    struct buf escaped;

    buf_init(&escaped, RECORD_MAX);
    record_text(&escaped, span_of(value), JOURNAL_HEAD_TEXT_MAX);
    buf_format(out, "\t%s=", head_names[field]);
    buf_add(out, escaped.data + 1, escaped.len - 1);
    buf_release(&escaped);
}

void journal_head_write(struct buf *out, const struct journal_head *head)
{
    char started[CLOCK_TEXT];

    buf_text(out, JOURNAL_MAGIC JOURNAL_FORMAT);
    add_text(out, HEAD_COMMAND, head->command);
    add_text(out, HEAD_INPUT, head->input);
    buf_format(out, "\t%s=%" PRIu64, head_names[HEAD_INPUT_SIZE], head->input_size);
    buf_format(out, "\t%s=%08" PRIx32, head_names[HEAD_INPUT_CRC], head->input_crc);
    buf_format(out, "\t%s=%" PRIu64, head_names[HEAD_ROWS], head->rows);
    buf_format(out, "\t%s=%016" PRIx64, head_names[HEAD_PLAN], head->plan);
    add_text(out, HEAD_BASE_URL, head->base_url);
    add_text(out, HEAD_KEY_MARK, head->key_mark);
    buf_format(out, "\t%s=%s", head_names[HEAD_STARTED], clock_format(started, head->started_ms));
}

/* The value of a head's field, where it has the name that belongs there. */
static bool read_value(const struct span *fields, enum head_field field, struct span *value)
{
    struct span given = fields[1 + field];
    size_t name = strlen(head_names[field]);

    if (given.len <= name || memcmp(given.data, head_names[field], name) != 0 || given.data[name] != '=')
        return false;
    *value = (struct span){given.data + name + 1, given.len - name - 1};
    return true;
}

static bool read_text(const struct span *fields, enum head_field field, const char **member)
{
    struct span value, text;
    struct buf memory;
    bool ok;

    if (!read_value(fields, field, &value))
        return false;
    buf_init(&memory, RECORD_MAX);
    buf_reserve(&memory, value.len);
    ok = record_read_text(value, &memory, &text) && memchr(text.data, '\0', text.len) == NULL;
    if (ok)
        *member = alloc_copy(text.data, text.len);
    buf_release(&memory);
    return ok;
}

static bool read_number(const struct span *fields, enum head_field field, uint64_t *number)
{
    struct span value;

    return read_value(fields, field, &value) && num_parse_span(value, 0, UINT64_MAX, number);
}

static bool read_hex(const struct span *fields, enum head_field field, size_t digits, uint64_t *number)
{
    struct span value;

    return read_value(fields, field, &value) && record_read_hex(value, digits, number);
}

static bool read_fields(const struct span *fields, struct journal_head *head)
{
    struct span started;
    uint64_t crc = 0;
    bool ok = read_text(fields, HEAD_COMMAND, &head->command) && read_text(fields, HEAD_INPUT, &head->input) &&
              read_number(fields, HEAD_INPUT_SIZE, &head->input_size) && read_hex(fields, HEAD_INPUT_CRC, 8, &crc) &&
              read_number(fields, HEAD_ROWS, &head->rows) && read_hex(fields, HEAD_PLAN, 16, &head->plan) &&
              read_text(fields, HEAD_BASE_URL, &head->base_url) && read_text(fields, HEAD_KEY_MARK, &head->key_mark) &&
              read_value(fields, HEAD_STARTED, &started) && clock_parse_rfc3339(started, &head->started_ms);

    head->input_crc = (uint32_t)crc;
    return ok;
}

bool journal_head_read(struct span line, struct journal_head *head)
{
    struct span fields[1 + HEAD_FIELDS + 1]; /* with the word and the checksum */

    *head = (struct journal_head){0};
    if (!record_is_sealed(line) || record_split(line, fields, 1 + HEAD_FIELDS + 1) != 1 + HEAD_FIELDS + 1)
        return false;
    if ((span_equal(fields[0], span_of(JOURNAL_MAGIC JOURNAL_FORMAT)) ||
         span_equal(fields[0], span_of(JOURNAL_MAGIC JOURNAL_FORMAT_BEFORE))) &&
        read_fields(fields, head))
        return true;
    journal_head_release(head);
    return false;
}
