#include "model/redact.h"

#include "base/num.h"
#include "base/text.h"

#include <stdint.h>
#include <string.h>

enum {
    PART_MIN = 8,   /* bytes of a secret that are too many beside an ellipsis */
    BASE64_MIN = 6, /* bytes of a secret whose base64 is no word by chance */
};

/* One character as it may be spelled: how many bytes the spelling takes (0 = it is none), and what it stands for. */
struct spelling {
    size_t len;
    char bytes[4];
    size_t count;
};

/* Up to `most` digits at the front; returns how many there were. */
static size_t read_digits(struct span text, uint32_t base, size_t most, uint32_t *number)
{
    size_t count = 0;

    *number = 0;
    for (; count < most && count < text.len; count++) {
        int digit = num_hex_digit(text.data[count]);

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

/* `\xNN` and `\UNNNNNNNN` of a text as Python shows it. */
static struct spelling spell_python(struct span text, size_t digits)
{
    uint32_t point;

    if (read_digits(behind(text, 2), 16, digits, &point) != digits)
        return (struct spelling){0};
    return spell_point(2 + digits, point);
}

/* Likewise of bytes, and in C: `\xNN`, and `\NNN`, octal, each one byte. */
static struct spelling spell_raw(struct span text)
{
    bool hex = text.len > 2 && text.data[0] == '\\' && text.data[1] == 'x';
    uint32_t byte;
    size_t start = hex ? 2 : 1, digits = hex ? 2 : 3;

    if (text.len < start + digits || text.data[0] != '\\' ||
        read_digits(behind(text, start), hex ? 16 : 8, digits, &byte) != digits || byte > 0xFF)
        return (struct spelling){0};
    return spell_byte(start + digits, (char)byte);
}

static struct spelling spell_escape(struct span text)
{
    static const char forms[] = "\"\"\\\\//b\bf\fn\nr\rt\t''";

    if (text.len < 2)
        return (struct spelling){0};
    if (text.data[1] == 'u')
        return spell_json_unit(text);
    if (text.data[1] == 'x' || text.data[1] == 'U')
        return spell_python(text, text.data[1] == 'x' ? 2 : 8);
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
    } named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&nbsp;", ' '}};
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
    if (digits == 0)
        return (struct spelling){0};
    digits += start + digits < text.len && text.data[start + digits] == ';';
    return spell_point(start + digits, number);
}

static struct spelling spell_percent(struct span text)
{
    uint32_t byte;

    if (text.len < 3 || read_digits(behind(text, 1), 16, 2, &byte) != 2)
        return (struct spelling){0};
    return spell_byte(3, (char)byte);
}

/* The spelling at the front of `text`, if there is one. */
static struct spelling spell(struct span text)
{
    switch (text.data[0]) {
    case '\\':
        return spell_escape(text);
    case '&':
        return spell_entity(text);
    case '%':
        return spell_percent(text);
    default:
        return (struct spelling){0};
    }
}

static char fold(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

static bool begins_with(struct span text, const char *bytes, size_t count)
{
    return count <= text.len && text_equal_fold((struct span){text.data, count}, (struct span){bytes, count});
}

/* The bytes of what no one sees at the front of `text`, though it stands between the characters; 0 = it is seen. */
static size_t unseen_len(struct span text)
{
    unsigned char byte = (unsigned char)text.data[0];
    size_t len = text_char_len(text);
    uint32_t point;

    if (byte < 0x80 || len == 0)
        return byte < ' ' || byte >= 0x7F;
    point = text_code_point(text);
    return point < 0xA0 || point == 0xFFFD || text_is_unseen(point) ? len : 0;
}

/* The bytes of the blanks at the front of `text`, and of what no one sees between them. */
static size_t gap_len(struct span text)
{
    size_t at = 0, blank;

    while (at < text.len) {
        blank = text_blank_len(behind(text, at));
        if (blank == 0)
            blank = unseen_len(behind(text, at));
        if (blank == 0)
            break;
        at += blank;
    }
    return at;
}

/* What one step matches: so much of the text, and so much of the secret. Nothing of either: no match. */
struct step {
    size_t text, secret;
};

/* The quotes at the front of `text`, each written twice as CSV and SQL do, for those at the front of the secret. */
static struct step step_quotes(struct span text, struct span secret)
{
    char quote = secret.data[0];
    size_t wanted = 0, found = 0;

    while (wanted < secret.len && secret.data[wanted] == quote)
        wanted++;
    while (found < text.len && text.data[found] == quote)
        found++;
    if (found == 2 * wanted || (found > 2 * wanted && wanted == secret.len))
        return (struct step){2 * wanted, wanted};
    return (struct step){0};
}

static struct step step(struct span text, struct span secret)
{
    struct spelling spelling = spell(text);
    struct step quotes;

    if (spelling.len > 0 && begins_with(secret, spelling.bytes, spelling.count))
        return (struct step){spelling.len, spelling.count};
    spelling = spell_raw(text);
    if (spelling.len > 0 && begins_with(secret, spelling.bytes, 1))
        return (struct step){spelling.len, 1};
    if (secret.data[0] == '"' || secret.data[0] == '\'') {
        quotes = step_quotes(text, secret);
        if (quotes.text > 0)
            return quotes;
    }
    if (text_blank_len(secret) > 0) {
        if (text.data[0] == '+')
            return (struct step){1, 1};
        return gap_len(text) > 0 ? (struct step){gap_len(text), gap_len(secret)} : (struct step){0};
    }
    if (fold(text.data[0]) == fold(secret.data[0]))
        return (struct step){1, 1};
    return (struct step){gap_len(text), 0};
}

/* How many bytes at the front of `text` spell the secret; 0 = they don't. */
static size_t spelled_len(struct span text, struct span secret)
{
    size_t at = 0, matched = 0;

    while (matched < secret.len && at < text.len) {
        struct step next = step(behind(text, at), behind(secret, matched));

        if (next.text == 0 || matched + next.secret == 0)
            return 0;
        at += next.text;
        matched += next.secret;
    }
    return matched == secret.len ? at : 0;
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Which of the 64 a byte stands for, in either alphabet (RFC 4648, sections 4 and 5); -1 = none. */
static int base64_value(char byte)
{
    const char *at;

    if (byte == '-' || byte == '_')
        return byte == '-' ? 62 : 63;
    at = byte != '\0' ? strchr(base64, byte) : NULL;
    return at != NULL ? (int)(at - base64) : -1;
}

/* The six bits from bit 6 * `index` of the secret. */
static int six_bits(struct span secret, size_t index)
{
    size_t at = index * 6 / 8;
    unsigned first = (unsigned char)secret.data[at];
    unsigned second = at + 1 < secret.len ? (unsigned char)secret.data[at + 1] : 0;

    return (int)((first << 8 | second) >> (10 - index * 6 % 8) & 63);
}

/* How many bytes at the front of `text` are the secret in base64, with what else is encoded behind it; 0 = none. */
static size_t base64_len(struct span text, struct span secret)
{
    size_t whole = secret.len * 8 / 6, at = 0;

    if (secret.len < BASE64_MIN || text.len < whole)
        return 0;
    for (; at < whole; at++)
        if (base64_value(text.data[at]) != six_bits(secret, at))
            return 0;
    while (at < text.len && (text.data[at] == '=' || base64_value(text.data[at]) >= 0))
        at++;
    return at;
}

/* How a secret, however it is written, may begin. */
enum { BEGINS_ITSELF = 1, BEGINS_SPELLING = 2 };

struct search {
    const struct span *secrets;
    size_t count;
    unsigned char begins[256];
};

static void may_begin(struct search *search, char byte)
{
    search->begins[(unsigned char)byte] |= BEGINS_ITSELF;
}

static void add_beginnings(struct search *search, struct span secret)
{
    char first = fold(secret.data[0]);
    int six = six_bits(secret, 0);

    may_begin(search, first);
    if (first >= 'a' && first <= 'z')
        may_begin(search, (char)(first - ('a' - 'A')));
    if (first == ' ')
        may_begin(search, '+');
    if (secret.len >= BASE64_MIN)
        may_begin(search, base64[six]);
    if (secret.len >= BASE64_MIN && six >= 62)
        may_begin(search, six == 62 ? '-' : '_');
}

static void search_init(struct search *search, const struct span *secrets, size_t count)
{
    static const char spelling[] = "\\&%";

    *search = (struct search){.secrets = secrets, .count = count};
    for (size_t i = 0; i < count; i++)
        if (secrets[i].len > 0)
            add_beginnings(search, secrets[i]);
    for (const char *at = spelling; *at != '\0'; at++)
        search->begins[(unsigned char)*at] |= BEGINS_SPELLING;
}

/* Whether it is worth looking: nearly every text is full of bytes with which no secret begins. */
static bool may_be_secret(const struct search *search, struct span text)
{
    unsigned char begins = search->begins[(unsigned char)text.data[0]];
    struct spelling spelling, raw;

    if (begins != BEGINS_SPELLING)
        return begins != 0;
    spelling = spell(text);
    raw = spell_raw(text);
    return (spelling.len > 0 && (search->begins[(unsigned char)spelling.bytes[0]] & BEGINS_ITSELF) != 0) ||
           (raw.len > 0 && (search->begins[(unsigned char)raw.bytes[0]] & BEGINS_ITSELF) != 0);
}

/* The longest secret at the front of `text`. As it is comes first: what looks like an escape may be part of it. */
static size_t secret_len(const struct search *search, struct span text)
{
    size_t longest = 0;

    if (!may_be_secret(search, text))
        return 0;
    for (size_t i = 0; i < search->count; i++) {
        struct span secret = search->secrets[i];
        size_t len;

        if (secret.len == 0)
            continue;
        if (text.len >= secret.len && memcmp(text.data, secret.data, secret.len) == 0)
            len = secret.len;
        else
            len = spelled_len(text, secret);
        if (len == 0)
            len = base64_len(text, secret);
        if (len > longest)
            longest = len;
    }
    return longest;
}

/* Appends what of the text fits, cut between two characters. */
static void add_fitting(struct buf *out, struct span text)
{
    buf_add(out, text.data, text_cut(text, out->max - out->len));
}

void redact(struct span text, const struct span *secrets, size_t count, struct buf *out)
{
    struct search search;
    size_t at = 0, copied = 0;

    search_init(&search, secrets, count);
    while (at < text.len && at - copied <= out->max - out->len) {
        size_t len = secret_len(&search, behind(text, at));

        if (len == 0) {
            at++;
            continue;
        }
        add_fitting(out, (struct span){text.data + copied, at - copied});
        add_fitting(out, span_of(REDACTED));
        at += len;
        copied = at;
    }
    add_fitting(out, (struct span){text.data + copied, at - copied});
}

/* Parts of secrets, beside an ellipsis */

/* The bytes of the ellipsis at the front of `text`, `…` or three dots and more; 0 = there is none. */
static size_t ellipsis_len(struct span text)
{
    size_t dots = 0;

    if (text.data[0] != '.' && text.data[0] != "…"[0])
        return 0;
    if (text.len >= strlen("…") && memcmp(text.data, "…", strlen("…")) == 0)
        return strlen("…");
    while (dots < text.len && text.data[dots] == '.')
        dots++;
    return dots >= 3 ? dots : 0;
}

/* The next place of the PART_MIN bytes `part` in `secret`, from `from` on; secret.len = there is none. */
static size_t find_part(struct span secret, size_t from, const char *part)
{
    const char *at = memmem(secret.data + from, secret.len - from, part, PART_MIN);

    return at != NULL ? (size_t)(at - secret.data) : secret.len;
}

/* How many bytes at the end of `text`, PART_MIN or more, are a piece of the secret. */
static size_t part_before(struct span text, struct span secret)
{
    size_t longest = 0, at;

    if (text.len < PART_MIN || secret.len < PART_MIN)
        return 0;
    for (at = find_part(secret, 0, text.data + text.len - PART_MIN); at < secret.len;
         at = find_part(secret, at + 1, text.data + text.len - PART_MIN)) {
        size_t more = 0;

        while (more < at && more < text.len - PART_MIN &&
               secret.data[at - more - 1] == text.data[text.len - PART_MIN - more - 1])
            more++;
        if (PART_MIN + more > longest)
            longest = PART_MIN + more;
    }
    return longest;
}

/* Likewise at the front. */
static size_t part_behind(struct span text, struct span secret)
{
    size_t longest = 0, at;

    if (text.len < PART_MIN || secret.len < PART_MIN)
        return 0;
    for (at = find_part(secret, 0, text.data); at < secret.len; at = find_part(secret, at + 1, text.data)) {
        size_t len = PART_MIN;

        while (len < text.len && at + len < secret.len && secret.data[at + len] == text.data[len])
            len++;
        if (len > longest)
            longest = len;
    }
    return longest;
}

static size_t longest_part(struct span text, const struct span *secrets, size_t count,
                           size_t (*part_of)(struct span text, struct span secret))
{
    size_t longest = 0;

    for (size_t i = 0; i < count; i++) {
        size_t len = part_of(text, secrets[i]);

        longest = len > longest ? len : longest;
    }
    return longest;
}

void redact_parts(struct span text, const struct span *secrets, size_t count, struct buf *out)
{
    size_t at = 0, copied = 0;

    while (at < text.len) {
        size_t dots = ellipsis_len(behind(text, at));
        size_t before, past;

        if (dots == 0) {
            at++;
            continue;
        }
        before = longest_part((struct span){text.data + copied, at - copied}, secrets, count, part_before);
        past = longest_part(behind(text, at + dots), secrets, count, part_behind);
        buf_add(out, text.data + copied, at - copied - before);
        buf_text(out, before > 0 ? REDACTED : "");
        buf_add(out, text.data + at, dots);
        buf_text(out, past > 0 ? REDACTED : "");
        at += dots + past;
        copied = at;
    }
    buf_add(out, text.data + copied, at - copied);
}

static bool has_part(struct span text, const struct span *secrets, size_t count)
{
    size_t at = 0, from = 0;

    while (at < text.len) {
        size_t dots = ellipsis_len(behind(text, at));

        if (dots == 0) {
            at++;
            continue;
        }
        if (longest_part((struct span){text.data + from, at - from}, secrets, count, part_before) > 0 ||
            longest_part(behind(text, at + dots), secrets, count, part_behind) > 0)
            return true;
        at += dots;
        from = at;
    }
    return false;
}

bool redact_needed(struct span text, const struct span *secrets, size_t count)
{
    struct search search;

    search_init(&search, secrets, count);
    for (size_t at = 0; at < text.len; at++)
        if (secret_len(&search, behind(text, at)) > 0)
            return true;
    return has_part(text, secrets, count);
}
