#include "base/text.h"

#include <string.h>

enum {
    NEAREST_LONGEST = 32, /* names and misspellings longer than this are not compared */
    SHELL_PATH_MAX = 1 << 18,
};

/* The length of the well-formed sequence at `at`, or 0 (RFC 3629 section 4: no overlongs, no surrogates). */
static size_t sequence_len(const unsigned char *at, size_t left)
{
    size_t len;
    unsigned char low = 0x80, high = 0xBF;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4)
        return 0;
    len = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (left < len)
        return 0;
    if (at[0] == 0xE0)
        low = 0xA0;
    else if (at[0] == 0xED)
        high = 0x9F;
    else if (at[0] == 0xF0)
        low = 0x90;
    else if (at[0] == 0xF4)
        high = 0x8F;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

/* Most text is ASCII: eight bytes at a time while no high bit is set. */
static size_t skip_ascii(const unsigned char *bytes, size_t at, size_t len)
{
    uint64_t word;

    while (len - at >= sizeof(word)) {
        memcpy(&word, bytes + at, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
        at += sizeof(word);
    }
    return at;
}

size_t text_utf8_error(struct span text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t at = 0;

    while (at < text.len) {
        size_t step;

        at = skip_ascii(bytes, at, text.len);
        if (at == text.len)
            break;
        step = sequence_len(bytes + at, text.len - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

size_t text_char_len(struct span text)
{
    return text.len == 0 ? 0 : sequence_len((const unsigned char *)text.data, text.len);
}

size_t text_cut(struct span text, size_t most)
{
    size_t at = most;

    if (text.len <= most)
        return text.len;
    while (at > 0 && most - at < 3 && ((unsigned char)text.data[at] & 0xC0) == 0x80)
        at--;
    return at;
}

static uint32_t code_point(const unsigned char *at, size_t len)
{
    static const unsigned char first_bits[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t point = at[0] & first_bits[len];

    for (size_t i = 1; i < len; i++)
        point = point << 6 | (at[i] & 0x3F);
    return point;
}

uint32_t text_code_point(struct span text)
{
    return code_point((const unsigned char *)text.data, text_char_len(text));
}

struct range {
    uint32_t first, last;
};

/* Unicode's White_Space beyond ASCII, and the two of no width that stand for a blank where they are pasted. */
static const struct range wide_blanks[] = {
    {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200B}, {0x2028, 0x2029},
    {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF},
};

/* Unicode's Default_Ignorable_Code_Point but for those two, and what else is drawn as nothing. */
static const struct range unseen[] = {
    {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},     {0x115F, 0x1160},   {0x17B4, 0x17B5},   {0x180B, 0x180F},
    {0x200C, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x206F},   {0x2800, 0x2800},   {0x3164, 0x3164},   {0xFE00, 0xFE0F},
    {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

static bool is_within(uint32_t point, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count && point >= ranges[i].first; i++)
        if (point <= ranges[i].last)
            return true;
    return false;
}

static bool is_wide_blank(uint32_t point)
{
    return is_within(point, wide_blanks, sizeof(wide_blanks) / sizeof(wide_blanks[0]));
}

bool text_is_unseen(uint32_t point)
{
    return is_within(point, unseen, sizeof(unseen) / sizeof(unseen[0]));
}

static bool is_ascii_blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static size_t wide_blank_len(struct span text)
{
    size_t len = text_char_len(text);

    return len > 1 && is_wide_blank(text_code_point(text)) ? len : 0;
}

size_t text_blank_len(struct span text)
{
    if (text.len == 0)
        return 0;
    return (text.data[0] & 0x80) != 0 ? wide_blank_len(text) : is_ascii_blank(text.data[0]);
}

size_t text_unseen_len(struct span text)
{
    size_t len = text_char_len(text);

    return len > 1 && text_is_unseen(text_code_point(text)) ? len : 0;
}

bool text_is_blank(struct span text)
{
    size_t len;

    while (text.len > 0) {
        len = text_blank_len(text);
        if (len == 0)
            len = text_unseen_len(text);
        if (len == 0)
            return false;
        text.data += len;
        text.len -= len;
    }
    return true;
}

/* The bytes of the blank at the end of `text`, or 0. */
static size_t last_blank_len(struct span text)
{
    if (text.len == 0)
        return 0;
    if ((text.data[text.len - 1] & 0x80) == 0)
        return is_ascii_blank(text.data[text.len - 1]);
    for (size_t len = 2; len <= 3 && len <= text.len; len++)
        if (wide_blank_len((struct span){text.data + text.len - len, len}) == len)
            return len;
    return 0;
}

static bool is_visible(char byte)
{
    return byte > ' ' && byte < 0x7F;
}

struct span text_trim(struct span text)
{
    size_t blank;

    /* The usual text begins and ends with something that is ASCII and no blank. */
    if (text.len > 0 && is_visible(text.data[0]) && is_visible(text.data[text.len - 1]))
        return text;
    while ((blank = text_blank_len(text)) > 0) {
        text.data += blank;
        text.len -= blank;
    }
    while ((blank = last_blank_len(text)) > 0)
        text.len -= blank;
    return text;
}

/* Characters that move the cursor, reorder a line, or cannot be seen. */
static bool is_unsafe(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x200B || point == 0x2028 || point == 0x2029 ||
           point == 0xFEFF || text_is_unseen(point);
}

/* Joiners and variants belong to the letter before them in scripts that have them, and to pictures. */
static bool is_joined(uint32_t point, uint32_t before)
{
    return before >= 0x600 && !text_is_unseen(before) &&
           (point == 0x200C || point == 0x200D || (point >= 0xFE00 && point <= 0xFE0F));
}

static void show_unsafe(struct buf *out, uint32_t point)
{
    if (point == '\n')
        buf_text(out, "\\n");
    else if (point == '\r')
        buf_text(out, "\\r");
    else if (point == '\t')
        buf_text(out, "\\t");
    else if (point < 0xA0)
        buf_format(out, "\\x%02X", point);
    else
        buf_format(out, "\\u{%X}", point);
}

void text_show(struct buf *out, struct span text, size_t most)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    uint32_t before = 0;
    size_t at = 0;

    for (size_t shown = 0; at < text.len; shown++) {
        size_t len = sequence_len(bytes + at, text.len - at);
        uint32_t point = len > 0 ? code_point(bytes + at, len) : bytes[at];

        if (shown == most) {
            buf_text(out, "…");
            break;
        }
        if (len == 0)
            buf_format(out, "\\x%02X", bytes[at]);
        else if (is_unsafe(point) && !is_joined(point, before))
            show_unsafe(out, point);
        else
            buf_add(out, bytes + at, len);
        before = is_joined(point, before) ? before : point;
        at += len > 0 ? len : 1;
    }
}

void text_quote(struct buf *out, struct span text, size_t most)
{
    buf_char(out, '"');
    text_show(out, text, most);
    buf_char(out, '"');
}

void text_shell(struct buf *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:@%,=";

    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        buf_text(out, text);
        return;
    }
    buf_char(out, '\'');
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'')
            buf_text(out, "'\\''");
        else
            buf_char(out, *at);
    }
    buf_char(out, '\'');
}

char *text_shell_path(const char *path)
{
    struct buf out;

    buf_init(&out, SHELL_PATH_MAX);
    if (path[0] == '-')
        buf_text(&out, "./");
    text_shell(&out, path);
    return out.data;
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

bool text_equal_fold(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

char *text_column(char name[TEXT_COLUMN], size_t index)
{
    char *at = name + TEXT_COLUMN - 1;

    *at = '\0';
    for (index++; index > 0 && at > name; index = (index - 1) / 26)
        *--at = (char)('A' + (index - 1) % 26);
    return memmove(name, at, strlen(at) + 1);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, by rows. */
static size_t edit_distance(struct span a, struct span b)
{
    size_t row[NEAREST_LONGEST + 1];

    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t changed = diagonal + (lower(a.data[i - 1]) != lower(b.data[j - 1]));

            diagonal = row[j];
            row[j] = smaller(changed, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.len];
}

int text_nearest(struct span text, const char *const names[], size_t count)
{
    size_t best = 4;
    int found = -1;

    for (size_t i = 0; i < count; i++) {
        struct span name = span_of(names[i]);
        size_t distance;

        if (text.len > NEAREST_LONGEST || name.len > NEAREST_LONGEST)
            continue;
        distance = edit_distance(text, name);
        if (distance < best && distance <= (name.len + 2) / 3) {
            best = distance;
            found = (int)i;
        }
    }
    return found;
}
