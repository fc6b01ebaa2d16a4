#include "sandbox/jsontext.h"

#include "base/text.h"

#include <string.h>

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

static void add_escape(struct buf *out, unsigned char byte)
{
    static const char short_from[] = "\"\\\n\r\t\b\f";
    static const char short_to[] = "\"\\nrtbf";
    const char *found = byte != '\0' ? strchr(short_from, byte) : NULL;

    if (found != NULL) {
        buf_char(out, '\\');
        buf_char(out, short_to[found - short_from]);
    } else {
        buf_format(out, "\\u%04x", byte);
    }
}

void jsontext_string(struct buf *out, struct span text)
{
    size_t at = 0;

    buf_char(out, '"');
    while (at < text.len) {
        size_t run = at, step;

        while (run < text.len && is_plain((unsigned char)text.data[run]))
            run++;
        buf_add(out, text.data + at, run - at);
        at = run;
        if (at == text.len)
            break;
        step = text_char_len((struct span){text.data + at, text.len - at});
        if (step > 1)
            buf_add(out, text.data + at, step);
        else
            add_escape(out, (unsigned char)text.data[at]);
        at += step > 0 ? step : 1;
    }
    buf_char(out, '"');
}

void jsontext_nullable(struct buf *out, const char *text)
{
    if (text == NULL)
        buf_text(out, "null");
    else
        jsontext_string(out, span_of(text));
}

void jsontext_bool(struct buf *out, bool value)
{
    buf_text(out, value ? "true" : "false");
}

void jsontext_one_line(struct buf *out, struct span json)
{
    bool in_string = false, escaped = false;

    for (size_t i = 0; i < json.len; i++) {
        unsigned char byte = (unsigned char)json.data[i];

        if (byte < 0x20 && in_string)
            add_escape(out, byte);
        else
            buf_char(out, byte < 0x20 ? ' ' : (char)byte);
        if (byte == '"' && !escaped)
            in_string = !in_string;
        escaped = in_string && byte == '\\' && !escaped;
    }
}

/* The word at `at` outside of strings, in Python's spelling; how many bytes of JSON it stands for. */
static size_t python_word(struct buf *out, const char *at, size_t left)
{
    static const struct {
        const char *json, *python;
    } words[] = {{"true", "True"}, {"false", "False"}, {"null", "None"}, {":", ": "},
                 {",", ", "},      {" ", ""},          {"\n", ""}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i].json);

        if (len <= left && memcmp(words[i].json, at, len) == 0) {
            buf_text(out, words[i].python);
            return len;
        }
    }
    buf_char(out, *at);
    return 1;
}

void jsontext_python(struct buf *out, struct span json)
{
    bool inside = false;

    for (size_t i = 0; i < json.len;) {
        const char *at = json.data + i;

        if (*at == '"') {
            buf_char(out, '\'');
            inside = !inside;
            i++;
        } else if (!inside) {
            i += python_word(out, at, json.len - i);
        } else if (*at == '\\' && json.len - i > 1) {
            buf_add(out, at[1] == '"' ? at + 1 : at, at[1] == '"' ? 1 : 2);
            i += 2;
        } else {
            buf_char(out, *at);
            i++;
        }
    }
}
