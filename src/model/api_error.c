#include "model/api_error.h"

#include "base/text.h"
#include "model/json.h"
#include "model/json_text.h"
#include "model/redact.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHOWN_MAX = 4096,     /* bytes of API_ERROR_MESSAGE characters and more, those that no one sees written out */
    HTML_MARK_MAX = 4096, /* bytes in which a page shows that it is HTML */
    PARTS_MAX = 10,       /* messages of one list that are looked at */
};

/* Members that hold a message, or more that do, the most telling first. */
static const char *const message_names[] = {"errors", "message", "detail", "error_description",
                                            "error",  "msg",     "reason"};

/* Members that hold a code, and those that may hold an object, or a list of them, with one. */
static const char *const code_names[] = {"errorCode", "error_code", "code", "type"};
static const char *const code_holders[] = {"error", "errors", "detail"};

enum {
    MESSAGE_NAMES = sizeof(message_names) / sizeof(message_names[0]),
    CODE_NAMES = sizeof(code_names) / sizeof(code_names[0]),
    CODE_HOLDERS = sizeof(code_holders) / sizeof(code_holders[0]),
};

static struct span first_bytes(struct span text, size_t most)
{
    return (struct span){.data = text.data, .len = text.len < most ? text.len : most};
}

/* `body.label` of ["body", "label"]; numbers are the places in a list. */
static void add_location(const struct json_value *location, struct buf *out)
{
    for (const struct json_value *step = json_first(location); step != NULL; step = json_next(step)) {
        if (step != json_first(location))
            buf_char(out, '.');
        if (json_kind(step) == JSON_NUMBER)
            buf_format(out, "%.0f", json_number(step, 0));
        else
            buf_span(out, json_string(step));
    }
}

/* Appends the messages in `value`; returns whether there was one. Where not, `out` is as it was. */
typedef bool describer(const struct json_value *value, struct buf *out);

static bool describe_string(const struct json_value *value, struct buf *out)
{
    struct span text = span_trim(json_string(value));

    return text.len > 0 && buf_span(out, text);
}

/* What it is about, and what the first of its members that has something to say has to say. */
static bool describe_object(const struct json_value *object, describer *describe_member, struct buf *out)
{
    struct span title = json_string(json_member(object, "title"));
    const struct json_value *location = json_member(object, "loc");
    size_t start = out->len, prefix;
    bool found = false;

    if (json_kind(location) == JSON_ARRAY)
        add_location(location, out);
    else
        buf_span(out, title);
    prefix = out->len;
    if (prefix > start)
        buf_text(out, ": ");
    for (int i = 0; i < MESSAGE_NAMES && !found; i++)
        found = describe_member(json_member(object, message_names[i]), out);
    if (!found)
        out->len = title.len > 0 ? prefix : start;
    return found || title.len > 0;
}

/* A text, or an object that holds one. */
static bool describe_one(const struct json_value *value, struct buf *out)
{
    return json_kind(value) == JSON_OBJECT ? describe_object(value, describe_string, out) : describe_string(value, out);
}

/* One, or a list of them. */
static bool describe_several(const struct json_value *value, struct buf *out)
{
    const struct json_value *element = json_first(value);
    size_t parts = 0;

    if (json_kind(value) != JSON_ARRAY)
        return describe_one(value, out);
    for (int i = 0; i < PARTS_MAX && element != NULL; i++, element = json_next(element)) {
        size_t start = out->len;

        if (parts > 0)
            buf_text(out, "; ");
        if (describe_one(element, out))
            parts++;
        else
            out->len = start;
    }
    return parts > 0;
}

static bool describe(const struct json_value *body, struct buf *out)
{
    return json_kind(body) == JSON_OBJECT ? describe_object(body, describe_several, out) : describe_several(body, out);
}

static bool is_code(struct span text)
{
    if (text.len == 0 || text.len > API_ERROR_CODE || span_equal(text, span_of("about:blank")))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        char folded = (char)(byte | 0x20);

        if (!(folded >= 'a' && folded <= 'z') && !(byte >= '0' && byte <= '9') && strchr("_.:/-", byte) == NULL)
            return false;
    }
    return true;
}

static struct span own_code(const struct json_value *object)
{
    for (int i = 0; i < CODE_NAMES; i++) {
        struct span text = json_string(json_member(object, code_names[i]));

        if (is_code(text))
            return text;
    }
    return (struct span){0};
}

static struct span find_code(const struct json_value *object)
{
    struct span code = own_code(object);

    for (int i = 0; i < CODE_HOLDERS && code.len == 0; i++) {
        const struct json_value *holder = json_member(object, code_holders[i]);

        code = own_code(json_kind(holder) == JSON_ARRAY ? json_first(holder) : holder);
    }
    return code;
}

/* Where `needle`, in lower case, is in `text`, without regard to ASCII case; text.len = nowhere. */
static size_t find_fold(struct span text, const char *needle)
{
    size_t len = strlen(needle);

    for (size_t at = 0; at + len <= text.len; at++)
        if (text_equal_fold((struct span){.data = text.data + at, .len = len}, span_of(needle)))
            return at;
    return text.len;
}

static bool is_html(struct span text)
{
    static const char *const marks[] = {"<!doctype html", "<html", "<head", "<title", "<body", "<h1"};

    if (text.len == 0 || text.data[0] != '<')
        return false;
    text = first_bytes(text, HTML_MARK_MAX);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (find_fold(text, marks[i]) < text.len)
            return true;
    return false;
}

static struct span skip(struct span text, size_t len)
{
    return (struct span){.data = text.data + len, .len = text.len - len};
}

/* The character that an entity at the front stands for, and its length; "&" alone where it is none. */
static const char *read_entity(struct span text, size_t *len)
{
    static const char *const entities[][2] = {{"&amp;", "&"},   {"&lt;", "<"},  {"&gt;", ">"},
                                              {"&quot;", "\""}, {"&#39;", "'"}, {"&nbsp;", " "}};

    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        *len = strlen(entities[i][0]);
        if (text.len >= *len && memcmp(text.data, entities[i][0], *len) == 0)
            return entities[i][1];
    }
    *len = 1;
    return "&";
}

/* What of a piece of HTML is text: without tags, entities decoded. */
static void add_html_text(struct span html, struct buf *out)
{
    size_t len;

    for (; html.len > 0; html = skip(html, len)) {
        const char *end = html.data[0] == '<' ? memchr(html.data, '>', html.len) : NULL;

        len = 1;
        if (end != NULL)
            len = (size_t)(end - html.data) + 1;
        else if (html.data[0] == '&')
            buf_text(out, read_entity(html, &len));
        else
            buf_char(out, html.data[0]);
    }
}

static void describe_html(struct span page, struct buf *out)
{
    struct span title = skip(page, find_fold(page, "<title"));
    const char *end = title.len > 0 ? memchr(title.data, '>', title.len) : NULL;

    if (end != NULL) {
        title = skip(title, (size_t)(end - title.data) + 1);
        title.len = find_fold(title, "</title");
        add_html_text(title, out);
    }
    if (span_trim(buf_view(out)).len == 0) {
        buf_reset(out);
        buf_text(out, "an HTML page");
    }
}

static void collect(struct span body, struct buf *message, struct buf *code)
{
    struct json_reader *reader = json_reader_new();
    const struct json_value *value = json_read(reader, body);
    bool described = describe(value, message);

    buf_span(code, find_code(value));
    if (!described && is_html(body))
        describe_html(body, message);
    else if (!described)
        buf_span(message, body);
    json_reader_free(reader);
}

/* Runs of blanks and control characters as one space each. */
static void add_one_line(struct span text, struct buf *out)
{
    bool gap = false;

    text = span_trim(text);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if (byte <= ' ' || byte == 0x7F) {
            gap = true;
            continue;
        }
        if (gap && out->len > 0)
            buf_char(out, ' ');
        gap = false;
        buf_char(out, text.data[i]);
    }
}

/* The characters that fit, the last one `…` where that is not all of them. `text` is well-formed. */
static void add_cut(struct span text, struct buf *out)
{
    size_t at = 0, almost = 0, count = 0;

    for (; at < text.len && count < API_ERROR_MESSAGE; count++) {
        if (count == API_ERROR_MESSAGE - 1)
            almost = at;
        at += text_char_len(skip(text, at));
    }
    buf_span(out, first_bytes(text, at < text.len ? almost : at));
    if (at < text.len)
        buf_text(out, "…");
}

void api_error_read(struct span body, struct api_secrets secrets, struct buf *message, struct buf *code)
{
    /* all that a body says, for to cut it would leave parts of secrets: of a byte JSON makes three at most */
    size_t longest = JSON_TEXT_GROWTH * body.len + PARTS_MAX * strlen("; ");
    struct buf collected, found, line, redacted, shown, cut;

    buf_init(&collected, longest);
    buf_init(&found, API_ERROR_CODE);
    buf_init(&line, longest);
    buf_init(&redacted, SHOWN_MAX);
    buf_init(&shown, SHOWN_MAX);
    buf_init(&cut, SHOWN_MAX);
    collect(span_trim(body), &collected, &found);
    add_one_line(buf_view(&collected), &line);
    redact(buf_view(&line), secrets.secret, secrets.count, &redacted);
    text_show(&shown, buf_view(&redacted), API_ERROR_MESSAGE);
    add_cut(buf_view(&shown), &cut);
    redact_parts(buf_view(&cut), secrets.secret, secrets.count, message);
    if (!redact_needed(buf_view(&found), secrets.secret, secrets.count))
        buf_span(code, buf_view(&found));
    buf_wipe(&collected);
    buf_wipe(&line);
    buf_release(&redacted);
    buf_wipe(&shown);
    buf_wipe(&cut);
    buf_release(&found);
}

const char *api_error_without_status(const char *message, int status)
{
    char *end;
    long number = strtol(message, &end, 10);

    return number == status && *end == ' ' && end[1] != '\0' ? end + 1 : message;
}

/* Null, false, 0, "", [] and {} are nothing. */
static bool is_something(const struct json_value *value)
{
    enum json_kind kind = json_kind(value);

    if (kind == JSON_STRING)
        return span_trim(json_string(value)).len > 0;
    return kind == JSON_TRUE || json_number(value, 0) != 0 || json_first(value) != NULL;
}

bool api_error_is_told(struct span body)
{
    static const char *const errors[] = {"errors", "error", "fault"}, *const good[] = {"success", "ok"};
    struct json_reader *reader = json_reader_new();
    const struct json_value *value = api_error_is_json(body) ? json_read(reader, body) : NULL;
    bool told = false;

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        told = told || is_something(json_member(value, errors[i]));
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        told = told || json_kind(json_member(value, good[i])) == JSON_FALSE;
    json_reader_free(reader);
    return told;
}

bool api_error_is_json(struct span body)
{
    static const char bom[] = "\xEF\xBB\xBF";
    struct span text = span_trim(body);
    size_t skipped = text.len > 3 && memcmp(text.data, bom, 3) == 0 ? 3 : 0;

    return text.len > skipped && text.data[skipped] == '{';
}

/* Whether it is `{"message": "…"}`, as API Gateway writes it, with one of the texts. */
static bool says_alone(struct span body, const char *const *texts, size_t count)
{
    struct json_reader *reader = json_reader_new();
    const struct json_value *value = api_error_is_json(body) ? json_read(reader, body) : NULL;
    const struct json_value *first = json_first(value);
    struct span said = json_string(json_member(value, "message"));
    bool found = false;

    for (size_t i = 0; i < count; i++)
        found = found || text_equal_fold(span_trim(said), span_of(texts[i]));
    found = found && first != NULL && json_next(first) == NULL;
    json_reader_free(reader);
    return found;
}

bool api_error_is_unknown_path(struct span body)
{
    static const char *const texts[] = {"Missing Authentication Token"};

    return says_alone(body, texts, 1);
}

bool api_error_is_gateways(struct span body)
{
    static const char *const texts[] = {"Forbidden", "Missing Authentication Token"};

    return !api_error_is_json(body) || says_alone(body, texts, 2);
}
