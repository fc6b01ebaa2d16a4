#include "model/json_text.h"

#include "base/num.h"
#include "base/text.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* A copy under way: what is good is copied in one go, when something has to be replaced and at the end. */
struct first_pass {
    const char *in;
    size_t at, len;
    size_t copied; /* bytes of `in` that are copied, or replaced */
    char *out;     /* large enough by contract */
    size_t used;
};

static unsigned char byte_at(const struct first_pass *pass, size_t at)
{
    return (unsigned char)pass->in[at];
}

/* Copies what is pending. */
static void copy_up_to_here(struct first_pass *pass)
{
    size_t len = pass->at - pass->copied;

    if (len > 0)
        memcpy(pass->out + pass->used, pass->in + pass->copied, len);
    pass->used += len;
    pass->copied = pass->at;
}

/* The next `len` bytes give way to `text`. */
static void replace(struct first_pass *pass, size_t len, const char *text)
{
    size_t new_len = strlen(text);

    copy_up_to_here(pass);
    memcpy(pass->out + pass->used, text, new_len);
    pass->used += new_len;
    pass->at += len;
    pass->copied = pass->at;
}

/* The character at the front: a NUL or a malformed byte is replaced. */
static void pass_character(struct first_pass *pass)
{
    size_t len = text_char_len((struct span){.data = pass->in + pass->at, .len = pass->len - pass->at});

    if (len == 0 || pass->in[pass->at] == '\0')
        replace(pass, 1, replacement);
    else
        pass->at += len;
}

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The highest bit of each byte of `word` that is 0 or not ASCII; above the lowest of them perhaps of others too. */
static uint64_t marks(uint64_t word)
{
    return ((word - EACH_BYTE(1)) | word) & EACH_BYTE(0x80);
}

/* Passes the ASCII that stands for itself in a string: most of it, eight bytes at a time. */
static void pass_plain(struct first_pass *pass)
{
    size_t at = pass->at;
    uint64_t word, stops;

    for (; pass->len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, pass->in + at, sizeof(word));
        word = le64toh(word); /* the first byte is the lowest */
        stops = marks(word) | marks(word ^ EACH_BYTE('"')) | marks(word ^ EACH_BYTE('\\'));
        if (stops != 0) {
            pass->at = at + (size_t)__builtin_ctzll(stops) / 8;
            return;
        }
    }
    while (at < pass->len && byte_at(pass, at) < 0x80 && pass->in[at] != '\0' && pass->in[at] != '"' &&
           pass->in[at] != '\\')
        at++;
    pass->at = at;
}

/* The code unit of the `\uXXXX` at `at`, or -1 where there is none. */
static int code_unit(const struct first_pass *pass, size_t at)
{
    int unit = 0;

    if (pass->len - at < 6 || pass->in[at] != '\\' || pass->in[at + 1] != 'u')
        return -1;
    for (size_t i = at + 2; i < at + 6; i++) {
        int digit = num_hex_digit(pass->in[i]);

        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high_surrogate(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

static bool pass_code_unit(struct first_pass *pass)
{
    int unit = code_unit(pass, pass->at);

    if (unit < 0)
        return false;
    if (is_high_surrogate(unit) && is_low_surrogate(code_unit(pass, pass->at + 6)))
        pass->at += 12;
    else if (unit == 0 || is_high_surrogate(unit) || is_low_surrogate(unit))
        replace(pass, 6, "\\uFFFD");
    else
        pass->at += 6;
    return true;
}

static bool pass_escape(struct first_pass *pass)
{
    if (pass->len - pass->at < 2)
        return false;
    if (pass->in[pass->at + 1] == 'u')
        return pass_code_unit(pass);
    if (pass->in[pass->at + 1] == '\0' || strchr("\"\\/bfnrt", pass->in[pass->at + 1]) == NULL)
        return false;
    pass->at += 2;
    return true;
}

/* From behind a string's opening quote to behind its closing one. */
static bool pass_string(struct first_pass *pass)
{
    for (pass_plain(pass); pass->at < pass->len; pass_plain(pass)) {
        if (pass->in[pass->at] == '"') {
            pass->at++;
            return true;
        }
        if (pass->in[pass->at] != '\\')
            pass_character(pass);
        else if (!pass_escape(pass))
            return false;
    }
    return false;
}

static bool is_control(char byte)
{
    return (unsigned char)byte < ' ' && byte != '\t' && byte != '\n' && byte != '\r';
}

bool json_text_tidy(struct span text, char *out, size_t *len)
{
    struct first_pass pass = {.in = text.data, .len = text.len, .out = out};
    unsigned depth = 0;

    while (pass.at < pass.len) {
        char byte = pass.in[pass.at++];

        if (is_control(byte))
            return false;
        if ((byte == '{' || byte == '[') && ++depth > JSON_DEPTH_MAX)
            return false;
        if ((byte == '}' || byte == ']') && depth-- == 0)
            return false;
        if (byte == '"' && !pass_string(&pass))
            return false;
    }
    copy_up_to_here(&pass);
    out[pass.used] = '\0';
    *len = pass.used;
    return true;
}

size_t json_text_repair(struct span text, char *out)
{
    struct first_pass pass = {.in = text.data, .len = text.len, .out = out};

    for (pass_plain(&pass); pass.at < pass.len; pass_plain(&pass))
        pass_character(&pass);
    copy_up_to_here(&pass);
    out[pass.used] = '\0';
    return pass.used;
}
