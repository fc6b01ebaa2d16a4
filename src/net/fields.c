#include "net/fields.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "net/retry.h"

#include <string.h>

/* The best first. A gateway's own id (CF-Ray) is the last resort: the service's id is the one that support asks for. */
static const char *const request_ids[] = {"x-request-id", "x-amzn-requestid", "x-correlation-id", "cf-ray"};
enum { REQUEST_IDS = sizeof(request_ids) / sizeof(request_ids[0]) };

static void forget(struct fields *fields)
{
    fields->complete = false;
    fields->retry_after.len = 0;
    fields->date.len = 0;
    fields->reset.len = 0;
    fields->request_id.len = 0;
    fields->request_id_rank = -1;
    fields->more = false;
    fields->total = -1;
    fields->hint = PACE_HINT_NONE;
}

void fields_reset(struct fields *fields)
{
    fields->bytes = 0;
    forget(fields);
}

struct span field_view(const struct field_value *value)
{
    return (struct span){value->text, value->len};
}

struct pace_hint fields_hint(const struct fields *fields, int64_t wall_ms)
{
    struct pace_hint hint = fields->hint;
    int64_t date_ms;

    if (fields->reset.len > 0 && clock_parse_http_date(field_view(&fields->date), &date_ms))
        wall_ms = date_ms;
    retry_hint(&hint, span_of("RateLimit-Reset"), field_view(&fields->reset), wall_ms);
    return hint;
}

static void keep(struct field_value *place, struct span value)
{
    if (value.len == 0 || value.len > sizeof(place->text))
        return;
    memcpy(place->text, value.data, value.len);
    place->len = value.len;
}

static void keep_first(struct field_value *place, struct span value)
{
    if (place->len == 0)
        keep(place, value);
}

static bool is_printable(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] <= ' ' || value.data[i] > '~')
            return false;
    return true;
}

static void keep_request_id(struct fields *fields, int rank, struct span value)
{
    bool better = fields->request_id_rank < 0 || rank < fields->request_id_rank;

    if (!better || value.len == 0 || value.len > FIELD_VALUE_MAX || !is_printable(value))
        return;
    keep(&fields->request_id, value);
    fields->request_id_rank = rank;
}

static bool is_named(struct span name, const char *wanted)
{
    return text_equal_fold(name, span_of(wanted));
}

/* rel=next, rel="next", rel="last next": where a page follows, whatever its address. Too much is better than too
 * little. */
static bool names_next(struct span value)
{
    for (const char *at = value.data, *end = value.data + value.len; end - at >= 4; at++)
        if (text_equal_fold((struct span){at, 4}, span_of("next")))
            return true;
    return false;
}

/* When a window begins anew may be a time by the server's clock, which a Date behind it tells. */
static bool is_reset(struct span name)
{
    return is_named(name, "ratelimit-reset") || is_named(name, "x-ratelimit-reset") ||
           is_named(name, "x-rate-limit-reset");
}

/* Where it is no number, one that nothing agrees with. */
static int64_t read_total(struct span value)
{
    uint64_t total;

    return num_parse_span(value, 0, INT64_MAX, &total) ? (int64_t)total : INT64_MAX;
}

static void take_hint(struct fields *fields, struct span name, struct span value, int64_t wall_ms)
{
    if (is_reset(name))
        keep_first(&fields->reset, value);
    else
        retry_hint(&fields->hint, name, value, wall_ms);
}

static void take_field(struct fields *fields, struct span name, struct span value, int64_t wall_ms)
{
    if (is_named(name, "date"))
        keep_first(&fields->date, value);
    else if (is_named(name, "retry-after"))
        keep_first(&fields->retry_after, value);
    else if (is_named(name, "link"))
        fields->more = fields->more || names_next(value);
    else if (is_named(name, "content-range") || is_named(name, "x-next-page"))
        fields->more = fields->more || value.len > 0;
    else if (is_named(name, "x-total-count") || is_named(name, "x-total"))
        fields->total = read_total(value);
    else if (is_named(name, "age"))
        fields->more = fields->more || !span_equal(value, span_of("0"));
    else if (strchr("rRxX", name.data[0]) != NULL)
        take_hint(fields, name, value, wall_ms);
    for (int rank = 0; rank < REQUEST_IDS; rank++)
        if (is_named(name, request_ids[rank]))
            keep_request_id(fields, rank, value);
}

void fields_add(struct fields *fields, struct span line, int64_t wall_ms)
{
    static const char status_line[] = "HTTP/";
    const char *colon;
    struct span name;

    fields->bytes += line.len;
    if (line.len >= sizeof(status_line) - 1 && memcmp(line.data, status_line, sizeof(status_line) - 1) == 0) {
        forget(fields);
        return;
    }
    if (line.len == 0 || line.data[0] == '\r' || line.data[0] == '\n') {
        fields->complete = true;
        return;
    }
    colon = memchr(line.data, ':', line.len);
    /* Every field read here begins with one of these: most lines end at this test. */
    if (colon == NULL || strchr("acdlrxACDLRX", line.data[0]) == NULL || line.data[0] == '\0')
        return;
    name = (struct span){line.data, (size_t)(colon - line.data)};
    line.data = colon + 1;
    line.len -= name.len + 1;
    take_field(fields, name, span_trim(line), wall_ms);
}
