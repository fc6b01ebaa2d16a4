#include "model/redact.h"

#include <stdint.h>
#include <string.h>

/* One character as it may be spelled: how many bytes the spelling takes (0 = it is none), and what it stands for. */
struct spelling {
    size_t len;
    char bytes[4];
    size_t count;
};

static int hex_digit(char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = byte != '\0' ? strchr(digits, byte >= 'A' && byte <= 'F' ? byte + ('a' - 'A') : byte) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* Up to `most` digits at the front; returns how many there were. */
static size_t read_digits(struct span text, uint32_t base, size_t most, uint32_t *number)
{
    size_t count = 0;

    *number = 0;
    for (; count < most && count < text.len; count++) {
        int digit = hex_digit(text.data[count]);

        if (digit < 0 || (uint32_t)digit >= base)
            break;
        *number = *number * base + (uint32_t)digit;
    }
    return count;
}

static struct span behind(struct span text, size_t len)
{
    return (struct span){.data = text.data + len, .len = text.len - len};
}

static struct spelling spell_byte(size_t len, char byte)
{
    return (struct spelling){.len = len, .bytes = {byte}, .count = 1};
}

static struct spelling spell_point(size_t len, uint32_t point)
{
    struct spelling spelling = {.len = len};
    size_t more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned char lead[4] = {0, 0xC0, 0xE0, 0xF0};

    if (point > 0x10FFFF)
        return (struct spelling){0};
    spelling.count = more + 1;
    spelling.bytes[0] = (char)(lead[more] | point >> (6 * more));
    for (size_t i = 1; i <= more; i++)
        spelling.bytes[i] = (char)(0x80 | (point >> (6 * (more - i)) & 0x3F));
    return spelling;
}

/* `\uXXXX`, or two of them that are a surrogate pair. */
static struct spelling spell_json_unit(struct span text)
{
    uint32_t high, low;

    if (read_digits(behind(text, 2), 16, 4, &high) != 4)
        return (struct spelling){0};
    if (high >= 0xD800 && high <= 0xDBFF && text.len >= 12 && text.data[6] == '\\' && text.data[7] == 'u' &&
        read_digits(behind(text, 8), 16, 4, &low) == 4 && low >= 0xDC00 && low <= 0xDFFF)
        return spell_point(12, 0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00)));
    return spell_point(6, high);
}

static struct spelling spell_json(struct span text)
{
    static const char forms[] = "\"\"\\\\//b\bf\fn\nr\rt\t''";

    if (text.len < 2)
        return (struct spelling){0};
    if (text.data[1] == 'u')
        return spell_json_unit(text);
    for (const char *form = forms; *form != '\0'; form += 2)
        if (*form == text.data[1])
            return spell_byte(2, form[1]);
    return (struct spelling){0};
}

static struct spelling spell_entity(struct span text)
{
    static const struct {
        const char *entity;
        char byte;
    } named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    uint32_t number;
    size_t start, digits;

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        size_t len = strlen(named[i].entity);

        if (text.len >= len && memcmp(text.data, named[i].entity, len) == 0)
            return spell_byte(len, named[i].byte);
    }
    if (text.len < 4 || text.data[1] != '#')
        return (struct spelling){0};
    start = text.data[2] == 'x' || text.data[2] == 'X' ? 3 : 2;
    digits = read_digits(behind(text, start), start == 3 ? 16 : 10, 7, &number);
    if (digits == 0 || start + digits >= text.len || text.data[start + digits] != ';')
        return (struct spelling){0};
    return spell_point(start + digits + 1, number);
}

static struct spelling spell_percent(struct span text)
{
    uint32_t byte;

    if (text.len < 3 || read_digits(behind(text, 1), 16, 2, &byte) != 2)
        return (struct spelling){0};
    return spell_byte(3, (char)byte);
}

static bool begins_spelling(char byte)
{
    return byte == '\\' || byte == '&' || byte == '%';
}

/* The spelling at the front of `text`, if there is one. */
static struct spelling spell(struct span text)
{
    switch (text.data[0]) {
    case '\\':
        return spell_json(text);
    case '&':
        return spell_entity(text);
    case '%':
        return spell_percent(text);
    default:
        return (struct spelling){0};
    }
}

/* How many bytes at the front of `text` spell the secret; 0 = they don't. */
static size_t spelled_len(struct span text, struct span secret)
{
    size_t at = 0, matched = 0;

    while (matched < secret.len && at < text.len) {
        struct spelling spelling = spell(behind(text, at));

        if (spelling.len > 0 && spelling.count <= secret.len - matched &&
            memcmp(spelling.bytes, secret.data + matched, spelling.count) == 0) {
            at += spelling.len;
            matched += spelling.count;
        } else if (text.data[at] == secret.data[matched]) {
            at++;
            matched++;
        } else {
            return 0;
        }
    }
    return matched == secret.len ? at : 0;
}

/* The longest secret at the front of `text`. As it is comes first: what looks like an escape may be part of it. */
static size_t secret_len(struct span text, const struct span *secrets, size_t count)
{
    size_t longest = 0;

    for (size_t i = 0; i < count; i++) {
        struct span secret = secrets[i];
        size_t len;

        if (secret.len == 0 || (text.data[0] != secret.data[0] && !begins_spelling(text.data[0])))
            continue;
        if (text.len >= secret.len && memcmp(text.data, secret.data, secret.len) == 0)
            len = secret.len;
        else
            len = spelled_len(text, secret);
        if (len > longest)
            longest = len;
    }
    return longest;
}

void redact(struct span text, const struct span *secrets, size_t count, struct buf *out)
{
    size_t at = 0, copied = 0;

    while (at < text.len) {
        size_t len = secret_len(behind(text, at), secrets, count);

        if (len == 0) {
            at++;
            continue;
        }
        buf_add(out, text.data + copied, at - copied);
        buf_text(out, REDACTED);
        at += len;
        copied = at;
    }
    buf_add(out, text.data + copied, at - copied);
}

bool redact_needed(struct span text, const struct span *secrets, size_t count)
{
    for (; text.len > 0; text = behind(text, 1))
        if (secret_len(text, secrets, count) > 0)
            return true;
    return false;
}
