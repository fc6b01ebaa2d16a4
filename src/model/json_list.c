#include "model/json_list.h"

#include "base/alloc.h"
#include "base/text.h"
#include "model/json.h"
#include "model/json_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 32 }; /* of a member's name; no known one is longer */

/* What the next byte that is no blank may be, or what it is in the middle of. */
enum place {
    PLACE_START,         /* before the object, and before a BOM, if there is one */
    PLACE_BOM_2,         /* its second byte */
    PLACE_BOM_3,         /* and its third */
    PLACE_OBJECT,        /* behind it */
    PLACE_FIRST_NAME,    /* a name or the object's end */
    PLACE_NAME,          /* a name, after a comma */
    PLACE_IN_NAME,       /* inside a name's quotes */
    PLACE_COLON,         /* after a name */
    PLACE_MEMBER,        /* a member's value */
    PLACE_IN_MEMBER,     /* inside the value of a member other than `results` */
    PLACE_AFTER_MEMBER,  /* a comma or the object's end */
    PLACE_FIRST_ELEMENT, /* an element or the array's end */
    PLACE_ELEMENT,       /* an element, after a comma */
    PLACE_IN_ELEMENT,
    PLACE_AFTER_ELEMENT, /* a comma or the array's end */
    PLACE_END,           /* behind the object: blanks */
    PLACE_FAILED,        /* no list, or stopped by the callback */
};

/* How far the reading of one value has come; values are told apart by their first byte. */
struct value_scan {
    uint64_t objects; /* a bit for each open bracket, the innermost lowest: 1 = `{` */
    unsigned depth;
    bool in_string, escaped;
    bool scalar; /* a number or a literal: ends before the byte that does not belong to it */
};

struct json_list {
    json_list_element *element;
    void *context;
    enum place place;
    struct value_scan scan;
    struct buf value; /* the part of an element or member that came with earlier bytes */
    struct buf name;  /* the current member's, raw, its first bytes */
    bool has_results;
    bool enveloped; /* inside an object that is the `results` of one round it */
    bool more;      /* a hint that does not depend on the count */
    bool claims;    /* a total was given: */
    double claimed; /* that many elements */
    double limit;   /* the most elements of an answer; INFINITY: not said */
    uint64_t count;
    struct json_reader *reader; /* for the members beside `results` */
};

struct json_list *json_list_new(json_list_element *element, void *context)
{
    struct json_list *list = alloc_zeroed(1, sizeof(*list));

    list->element = element;
    list->context = context;
    list->reader = json_reader_new();
    buf_init(&list->value, JSON_ELEMENT_MAX);
    buf_init(&list->name, NAME_MAX_BYTES);
    return list;
}

void json_list_free(struct json_list *list)
{
    if (list == NULL)
        return;
    json_reader_free(list->reader);
    buf_release(&list->value);
    buf_release(&list->name);
    free(list);
}

void json_list_reset(struct json_list *list)
{
    list->place = PLACE_START;
    buf_reset(&list->value);
    buf_reset(&list->name);
    list->has_results = list->enveloped = list->more = list->claims = false;
    list->limit = INFINITY;
    list->count = 0;
}

static size_t fail(struct json_list *list, size_t at)
{
    list->place = PLACE_FAILED;
    return at;
}

/* ---- One value, wherever the pieces of it end ---- */

/* From inside a string to behind its closing quote, or to the end of the bytes. */
static size_t scan_string(struct value_scan *scan, const char *bytes, size_t at, size_t len)
{
    for (; at < len; at++) {
        if (scan->escaped) {
            scan->escaped = false;
            continue;
        }
        while (at < len && bytes[at] != '"' && bytes[at] != '\\')
            at++;
        if (at == len)
            break;
        if (bytes[at] == '"') {
            scan->in_string = false;
            return at + 1;
        }
        scan->escaped = true;
    }
    return at;
}

/* An opening or closing bracket; false where it closes another kind, or is one too many. */
static bool scan_bracket(struct value_scan *scan, char byte)
{
    bool object = byte == '{' || byte == '}';

    if (byte == '{' || byte == '[') {
        scan->objects = scan->objects << 1 | object;
        return ++scan->depth <= JSON_DEPTH_MAX;
    }
    if (scan->depth == 0 || (scan->objects & 1) != object)
        return false;
    scan->objects >>= 1;
    scan->depth--;
    return true;
}

static bool ends_scalar(char byte)
{
    return byte == ',' || byte == ']' || byte == '}' || byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static bool is_structural(char byte)
{
    return byte == '"' || byte == '{' || byte == '}' || byte == '[' || byte == ']';
}

enum progress { VALUE_GOES_ON, VALUE_DONE, VALUE_BROKEN };

static enum progress scan_scalar(const char *bytes, size_t *at, size_t len)
{
    for (; *at < len; ++*at) {
        if (ends_scalar(bytes[*at]))
            return VALUE_DONE;
        if (is_structural(bytes[*at]))
            return VALUE_BROKEN;
    }
    return VALUE_GOES_ON;
}

/* Goes on with the value from `*at`, to behind its last byte or to the end of the bytes. */
static enum progress scan_value(struct value_scan *scan, const char *bytes, size_t *at, size_t len)
{
    if (scan->scalar)
        return scan_scalar(bytes, at, len);
    while (*at < len) {
        char byte;

        if (scan->in_string) {
            *at = scan_string(scan, bytes, *at, len);
            if (!scan->in_string && scan->depth == 0)
                return VALUE_DONE;
            continue;
        }
        byte = bytes[(*at)++];
        if (byte == '"') {
            scan->in_string = true;
        } else if (is_structural(byte)) {
            if (!scan_bracket(scan, byte))
                return VALUE_BROKEN;
            if (scan->depth == 0)
                return VALUE_DONE;
        }
    }
    return VALUE_GOES_ON;
}

/* A comma is no value. */
static void begin_value(struct json_list *list, enum place place, char first)
{
    list->place = first != ',' ? place : PLACE_FAILED;
    list->scan = (struct value_scan){.scalar = !is_structural(first)};
    buf_reset(&list->value);
}

/* ---- Members beside `results` ---- */

enum hint {
    HINT_NONE,
    HINT_MORE,  /* anything in it says that there is more */
    HINT_LAST,  /* false says so */
    HINT_REL,   /* "next" says so */
    HINT_REST,  /* a number of elements that are not shown */
    HINT_COUNT, /* a number of elements */
    HINT_LIMIT, /* the most elements that one answer shows */
    HINT_PAGES, /* a number of pages */
};

/* Names without `_`, `-`, `.` and `@`, in lower case; `prefix`: what follows does not matter. */
static const struct {
    const char *name;
    bool prefix;
    enum hint hint;
} hints[] = {
    {"next", true, HINT_MORE},           {"odatanextlink", false, HINT_MORE},
    {"cursor", false, HINT_MORE},        {"endcursor", false, HINT_MORE},
    {"after", false, HINT_MORE},         {"continuation", true, HINT_MORE},
    {"scrollid", false, HINT_MORE},      {"hasmore", true, HINT_MORE},
    {"hasnext", true, HINT_MORE},        {"more", true, HINT_MORE},
    {"truncated", false, HINT_MORE},     {"istruncated", false, HINT_MORE},
    {"partial", true, HINT_MORE},        {"incomplete", true, HINT_MORE},
    {"error", true, HINT_MORE},          {"warning", true, HINT_MORE},
    {"last", false, HINT_LAST},          {"islast", true, HINT_LAST},
    {"complete", false, HINT_LAST},      {"rel", false, HINT_REL},
    {"remaining", false, HINT_REST},     {"limit", false, HINT_LIMIT},
    {"pagesize", false, HINT_LIMIT},     {"perpage", false, HINT_LIMIT},
    {"total", false, HINT_COUNT},        {"totalcount", false, HINT_COUNT},
    {"totalresults", false, HINT_COUNT}, {"totalitems", false, HINT_COUNT},
    {"count", false, HINT_COUNT},        {"totalpages", false, HINT_PAGES},
    {"pagecount", false, HINT_PAGES},    {"pages", false, HINT_PAGES},
    {"lastpage", false, HINT_PAGES},
};

static enum hint hint_of(struct span name)
{
    char bytes[NAME_MAX_BYTES];
    struct span plain = {.data = bytes};

    for (size_t i = 0; i < name.len && plain.len < sizeof(bytes); i++)
        if (strchr("_-.@", name.data[i]) == NULL)
            bytes[plain.len++] = name.data[i];
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        struct span known = span_of(hints[i].name);
        struct span front = plain;

        if (hints[i].prefix && front.len > known.len)
            front.len = known.len;
        if (text_equal_fold(front, known))
            return hints[i].hint;
    }
    return HINT_NONE;
}

/* Null, false, "", [] and {}. */
static bool is_nothing(const struct json_value *value)
{
    enum json_kind kind = json_kind(value);

    if (kind == JSON_STRING)
        return json_string(value).len == 0;
    if (kind == JSON_ARRAY || kind == JSON_OBJECT)
        return json_first(value) == NULL;
    return kind == JSON_NULL || kind == JSON_FALSE;
}

static void take_count(struct json_list *list, const struct json_value *value)
{
    double number = json_number(value, -1);

    if (json_kind(value) == JSON_NULL)
        return;
    if (number < 0 || (list->claims && list->claimed != number))
        list->more = true;
    list->claims = true;
    list->claimed = number;
}

/* Whether the name of the member is a hint; what its value says is taken in. */
static bool take_hint(struct json_list *list, struct span name, const struct json_value *value)
{
    enum hint hint = hint_of(name);

    if (hint == HINT_MORE)
        list->more |= !is_nothing(value);
    else if (hint == HINT_LAST)
        list->more |= json_kind(value) == JSON_FALSE;
    else if (hint == HINT_REL)
        list->more |= text_equal_fold(json_string(value), span_of("next"));
    else if (hint == HINT_REST)
        list->more |= json_number(value, 0) > 0;
    else if (hint == HINT_LIMIT)
        list->limit = fmin(list->limit, json_number(value, INFINITY));
    else if (hint == HINT_COUNT)
        take_count(list, value);
    else if (hint == HINT_PAGES)
        list->more |= json_kind(value) != JSON_NULL && !(json_number(value, 2) <= 1);
    return hint != HINT_NONE;
}

/* A member, and the members of what is in it, at any depth: the reader has limited it. */
static void look_for_hints(struct json_list *list, struct span name, const struct json_value *value)
{
    const struct json_value *next[JSON_DEPTH_MAX + 1] = {NULL}; /* at each depth, what is still to be looked at */
    size_t depth = 0;

    if (!take_hint(list, name, value))
        next[depth++] = json_first(value);
    while (depth > 0) {
        const struct json_value *inner = next[depth - 1];

        next[depth - 1] = json_next(inner);
        if (inner == NULL)
            depth--;
        else if (!take_hint(list, json_name(inner), inner))
            next[depth++] = json_first(inner);
    }
}

static bool is_results(const struct json_list *list)
{
    return !list->name.overflow && span_equal(buf_view(&list->name), span_of("results"));
}

static size_t end_member(struct json_list *list, struct span text, size_t at)
{
    const struct json_value *value;

    list->place = PLACE_AFTER_MEMBER;
    if (list->value.overflow || text.len > LIST_ASIDE_MAX) {
        list->more = true;
        return at;
    }
    value = json_read(list->reader, text);
    if (value == NULL || (is_results(list) && json_kind(value) != JSON_NULL))
        return fail(list, at);
    look_for_hints(list, buf_view(&list->name), value);
    return at;
}

static size_t end_element(struct json_list *list, struct span text, size_t at)
{
    list->place = PLACE_AFTER_ELEMENT;
    list->count++;
    return list->element(list->context, text) ? at : fail(list, at);
}

/* Goes on inside an element or a member. What came with earlier bytes is in list->value; else nothing is copied. */
static size_t in_value(struct json_list *list, const char *bytes, size_t at, size_t len)
{
    struct span piece = {.data = bytes + at};
    bool element = list->place == PLACE_IN_ELEMENT;
    enum progress progress = scan_value(&list->scan, bytes, &at, len);

    piece.len = (size_t)(bytes + at - piece.data);
    if (progress == VALUE_BROKEN)
        return fail(list, at);
    if (progress == VALUE_GOES_ON || list->value.len > 0) {
        buf_span(&list->value, piece);
        piece = buf_view(&list->value);
    }
    if (element && (list->value.overflow || piece.len > JSON_ELEMENT_MAX))
        return fail(list, at);
    if (progress == VALUE_GOES_ON)
        return at;
    return element ? end_element(list, piece, at) : end_member(list, piece, at);
}

/* ---- The frame ---- */

static size_t in_name(struct json_list *list, const char *bytes, size_t at, size_t len)
{
    for (; at < len; at++) {
        bool escaped = list->scan.escaped;

        if (bytes[at] == '"' && !escaped) {
            list->place = PLACE_COLON;
            return at + 1;
        }
        list->scan.escaped = bytes[at] == '\\' && !escaped;
        buf_char(&list->name, bytes[at]);
    }
    return at;
}

static size_t begin_member(struct json_list *list, char first, size_t at)
{
    if (!is_results(list)) {
        begin_value(list, PLACE_IN_MEMBER, first);
        return at;
    }
    if (list->has_results || (first == '{' && list->enveloped))
        return fail(list, at);
    if (first == '{') {
        list->enveloped = true;
        list->place = PLACE_FIRST_NAME;
        return at + 1;
    }
    list->has_results = true;
    list->place = PLACE_FIRST_ELEMENT;
    if (first == '[')
        return at + 1;
    begin_value(list, PLACE_IN_MEMBER, first); /* null: end_member() */
    return at;
}

/* Where a byte of the frame leads. */
static const struct {
    enum place from;
    char byte;
    enum place to;
} steps[] = {
    {PLACE_START, '{', PLACE_FIRST_NAME},      {PLACE_START, '\xEF', PLACE_BOM_2},
    {PLACE_BOM_2, '\xBB', PLACE_BOM_3},        {PLACE_BOM_3, '\xBF', PLACE_OBJECT},
    {PLACE_OBJECT, '{', PLACE_FIRST_NAME},     {PLACE_FIRST_NAME, '"', PLACE_IN_NAME},
    {PLACE_FIRST_NAME, '}', PLACE_END},        {PLACE_NAME, '"', PLACE_IN_NAME},
    {PLACE_COLON, ':', PLACE_MEMBER},          {PLACE_AFTER_MEMBER, ',', PLACE_NAME},
    {PLACE_AFTER_MEMBER, '}', PLACE_END},      {PLACE_FIRST_ELEMENT, ']', PLACE_AFTER_MEMBER},
    {PLACE_AFTER_ELEMENT, ',', PLACE_ELEMENT}, {PLACE_AFTER_ELEMENT, ']', PLACE_AFTER_MEMBER},
};

static size_t take_step(struct json_list *list, char byte, size_t at)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (steps[i].from == list->place && steps[i].byte == byte) {
            list->place = steps[i].to;
            list->scan.escaped = false;
            if (list->place == PLACE_IN_NAME)
                buf_reset(&list->name);
            if (list->place == PLACE_END && list->enveloped) {
                list->enveloped = false;
                list->place = list->has_results ? PLACE_AFTER_MEMBER : PLACE_FAILED;
            }
            return at + 1;
        }
    return fail(list, at);
}

/* A byte of the frame that is no blank. */
static size_t frame_byte(struct json_list *list, const char *bytes, size_t at)
{
    char byte = bytes[at];

    if (list->place == PLACE_MEMBER)
        return begin_member(list, byte, at);
    if (list->place == PLACE_ELEMENT || (list->place == PLACE_FIRST_ELEMENT && byte != ']')) {
        begin_value(list, PLACE_IN_ELEMENT, byte);
        return at;
    }
    return take_step(list, byte, at);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

bool json_list_feed(struct json_list *list, const char *bytes, size_t len)
{
    size_t at = 0;

    while (at < len && list->place != PLACE_FAILED) {
        if (list->place == PLACE_IN_ELEMENT || list->place == PLACE_IN_MEMBER)
            at = in_value(list, bytes, at, len);
        else if (list->place == PLACE_IN_NAME)
            at = in_name(list, bytes, at, len);
        else if (is_blank(bytes[at]))
            at++;
        else
            at = frame_byte(list, bytes, at);
    }
    return list->place != PLACE_FAILED;
}

bool json_list_complete(const struct json_list *list)
{
    return list->place == PLACE_END && list->has_results;
}

bool json_list_is_partial(const struct json_list *list)
{
    return list->more || (list->claims && list->claimed != (double)list->count) ||
           (list->count > 0 && list->limit <= (double)list->count);
}
