#include "io/record.h"

#include "base/num.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

enum { CRC_DIGITS = 8 };

static const char hex_digits[] = "0123456789abcdef";

/* What follows the backslash of a control character that has an escape of its own; 0 for the others. */
static char short_escape(char byte)
{
    switch (byte) {
    case '\t':
        return 't';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\\':
        return '\\';
    default:
        return '\0';
    }
}

static bool is_plain(char byte)
{
    unsigned char value = (unsigned char)byte;

    return value >= 0x20 && value != 0x7F && value != '\\';
}

static void add_escaped(struct buf *out, char byte)
{
    char letter = short_escape(byte);
    char escape[4] = {'\\', 'x', hex_digits[(unsigned char)byte >> 4], hex_digits[(unsigned char)byte & 15]};

    if (letter == '\0') {
        buf_add(out, escape, sizeof(escape));
        return;
    }
    escape[1] = letter;
    buf_add(out, escape, 2);
}

void record_text(struct buf *out, struct span text, size_t most)
{
    size_t from = 0;

    text.len = text_cut(text, most);
    buf_char(out, '\t');
    for (size_t i = 0; i < text.len; i++) {
        if (is_plain(text.data[i]))
            continue;
        buf_add(out, text.data + from, i - from);
        add_escaped(out, text.data[i]);
        from = i + 1;
    }
    if (from < text.len)
        buf_add(out, text.data + from, text.len - from);
}

void record_number(struct buf *out, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_char(out, '\t');
    buf_add(out, digits + at, sizeof(digits) - at);
}

void record_signed(struct buf *out, int64_t number)
{
    buf_format(out, "\t%" PRId64, number);
}

size_t record_split(struct span line, struct span *fields, size_t max)
{
    size_t count = 0;
    const char *at = line.data, *end = line.data + line.len;

    for (;;) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        const char *stop = tab != NULL ? tab : end;

        if (count < max)
            fields[count] = (struct span){at, (size_t)(stop - at)};
        count++;
        if (tab == NULL)
            return count;
        at = tab + 1;
    }
}

/* As they are written: a journal with others was not written by connload. */
static int hex_value(char byte)
{
    const char *digit = byte != '\0' ? strchr(hex_digits, byte) : NULL;

    return digit != NULL ? (int)(digit - hex_digits) : -1;
}

/* Reads the escape at the start of `rest`; returns its length, 0 where it is none. */
static size_t read_escape(struct span rest, char *byte)
{
    static const char plain[] = "\t\n\r\\";
    int high, low;

    if (rest.len < 2)
        return 0;
    for (size_t i = 0; i < sizeof(plain) - 1; i++)
        if (rest.data[1] == short_escape(plain[i])) {
            *byte = plain[i];
            return 2;
        }
    if (rest.len < 4 || rest.data[1] != 'x')
        return 0;
    high = hex_value(rest.data[2]);
    low = hex_value(rest.data[3]);
    *byte = (char)(high * 16 + low);
    return high >= 0 && low >= 0 ? 4 : 0;
}

bool record_read_text(struct span field, struct buf *memory, struct span *text)
{
    size_t from = memory->len;

    if (memchr(field.data, '\\', field.len) == NULL) {
        *text = field;
        return true;
    }
    while (field.len > 0) {
        char byte = field.data[0];
        size_t step = byte == '\\' ? read_escape(field, &byte) : 1;

        if (step == 0)
            return false;
        buf_char(memory, byte);
        field.data += step;
        field.len -= step;
    }
    *text = (struct span){memory->data + from, memory->len - from};
    return true;
}

bool record_read_signed(struct span field, int64_t *number)
{
    bool negative = field.len > 0 && field.data[0] == '-';
    struct span digits = {field.data + negative, field.len - negative};
    uint64_t value;

    if (!num_parse_span(digits, 0, INT64_MAX, &value))
        return false;
    *number = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

bool record_read_hex(struct span field, size_t digits, uint64_t *number)
{
    uint64_t value = 0;

    if (field.len != digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        int digit = hex_value(field.data[i]);

        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    *number = value;
    return true;
}

void record_seal(struct buf *out, size_t start)
{
    uLong crc;

    buf_char(out, '\t');
    crc = crc32_z(0, (const Bytef *)out->data + start, out->len - start);
    buf_format(out, "%08lx\n", crc);
}

bool record_is_sealed(struct span line)
{
    size_t body = line.len - CRC_DIGITS;
    uint64_t crc;

    if (line.len <= CRC_DIGITS || line.data[body - 1] != '\t')
        return false;
    return record_read_hex((struct span){line.data + body, CRC_DIGITS}, CRC_DIGITS, &crc) &&
           crc == crc32_z(0, (const Bytef *)line.data, body);
}
