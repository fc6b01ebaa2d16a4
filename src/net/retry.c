#include "net/retry.h"

#include "base/clock.h"
#include "base/text.h"

#include <stddef.h>

/* A count beyond this is no count that anybody keeps; it is cut. */
#define COUNT_MAX UINT64_C(1000000000000000)
/* A larger number of seconds is a time since 1970, and a still larger one that in milliseconds. */
#define SECONDS_MAX UINT64_C(1000000000)
#define EPOCH_SECONDS_MAX UINT64_C(100000000000)

bool retry_allowed(const struct retry_config *config, uint32_t attempts_made)
{
    return attempts_made < config->max_attempts;
}

int64_t retry_backoff(const struct retry_config *config, uint32_t attempt, uint64_t random)
{
    int64_t bound = config->base_ms;

    for (uint32_t i = 1; i < attempt && bound > 0 && bound < config->cap_ms; i++)
        bound = bound > config->cap_ms / 2 ? config->cap_ms : bound * 2;
    if (bound > config->cap_ms)
        bound = config->cap_ms;
    return bound > 0 ? (int64_t)(random % ((uint64_t)bound + 1)) : 0;
}

static size_t digits_len(struct span text)
{
    size_t len = 0;

    while (len < text.len && text.data[len] >= '0' && text.data[len] <= '9')
        len++;
    return len;
}

/* The number that all of `text`'s first `len` bytes, digits, make, cut to `most`. */
static uint64_t number(struct span text, size_t len, uint64_t most)
{
    uint64_t value;

    return num_parse_span((struct span){text.data, len}, 0, most, &value) ? value : most;
}

/* How far `wall_ms` lies ahead of `from_ms`: never negative, never more than the longest wait. */
static int64_t ahead_ms(int64_t wall_ms, int64_t from_ms)
{
    if (wall_ms <= from_ms)
        return 0;
    return wall_ms - from_ms < RETRY_AFTER_MAX_MS ? wall_ms - from_ms : RETRY_AFTER_MAX_MS;
}

static struct span skip(struct span text, size_t len)
{
    return (struct span){text.data + len, text.len - len};
}

/* Takes the decimals off the front of `rest`, if any: thousandths, rounded up. */
static uint64_t take_thousandths(struct span *rest)
{
    uint64_t weight = 100, sum = 0;
    size_t len = rest->len > 0 && rest->data[0] == '.' ? digits_len(skip(*rest, 1)) : 0;
    bool more = false;

    for (size_t i = 1; i <= len; i++, weight /= 10) {
        uint64_t digit = (uint64_t)(rest->data[i] - '0');

        sum += digit * weight;
        more = more || (weight == 0 && digit > 0);
    }
    if (len > 0)
        *rest = skip(*rest, len + 1);
    return sum + more;
}

/* The milliseconds of a unit as servers write it; 0 where there is none of that name. */
static int64_t unit_ms(struct span name)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {
        {"", 1000},
        {"s", 1000},
        {"sec", 1000},
        {"secs", 1000},
        {"second", 1000},
        {"seconds", 1000},
        {"ms", 1},
        {"millis", 1},
        {"milliseconds", 1},
        {"m", 60 * 1000},
        {"min", 60 * 1000},
        {"mins", 60 * 1000},
        {"minute", 60000},
        {"minutes", 60000},
        {"h", 3600 * 1000},
        {"hour", 3600 * 1000},
        {"hours", 3600 * 1000},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (text_equal_fold(name, span_of(units[i].name)))
            return units[i].ms;
    return 0;
}

/* A wait as servers write it: `6`, `6.25`, `6s`, `250 ms`, a time since 1970. Milliseconds, rounded up; -1: none. */
static int64_t read_wait(struct span text, int64_t from_ms)
{
    size_t len = digits_len(text);
    struct span rest = skip(text, len);
    uint64_t whole, thousandths;
    int64_t unit;

    if (len == 0)
        return -1;
    whole = number(text, len, COUNT_MAX);
    thousandths = take_thousandths(&rest);
    unit = unit_ms(span_trim(rest));
    if (unit == 0)
        return -1;
    if (rest.len == 0 && whole > EPOCH_SECONDS_MAX)
        return ahead_ms((int64_t)whole, from_ms);
    if (rest.len == 0 && whole > SECONDS_MAX)
        return ahead_ms((int64_t)(whole * 1000 + thousandths), from_ms);
    if (whole >= (uint64_t)(RETRY_AFTER_MAX_MS / unit))
        return RETRY_AFTER_MAX_MS;
    return ((int64_t)(whole * 1000 + thousandths) * unit + 999) / 1000;
}

/* Takes the next piece, up to a `,` or `;` outside quotes, off the front of `rest`; false where nothing is left. */
static bool next_piece(struct span *rest, struct span *piece)
{
    bool quoted = false;
    size_t len = 0;

    if (rest->len == 0)
        return false;
    while (len < rest->len && (quoted || (rest->data[len] != ',' && rest->data[len] != ';'))) {
        if (rest->data[len] == '"')
            quoted = !quoted;
        len++;
    }
    *piece = span_trim((struct span){rest->data, len});
    *rest = skip(*rest, len < rest->len ? len + 1 : len);
    return true;
}

int64_t retry_after(struct span value, struct span date_header, int64_t wall_ms)
{
    int64_t date, from, longest = -1;
    struct span piece;

    if (!clock_parse_http_date(date_header, &from))
        from = wall_ms;
    value = span_trim(value);
    if (clock_parse_http_date(value, &date) || clock_parse_rfc3339(value, &date))
        return ahead_ms(date, from);
    while (next_piece(&value, &piece)) {
        int64_t wait = read_wait(piece, from);

        if (wait < 0)
            return -1;
        longest = wait > longest ? wait : longest;
    }
    return longest;
}

/* What a header or a parameter of one says. */
enum saying { SAYS_LIMIT, SAYS_REMAINING, SAYS_RESET, SAYS_POLICY, SAYS_ALL };

struct term {
    const char *name;
    enum saying says;
};

static const struct term headers[] = {
    {"RateLimit-Limit", SAYS_LIMIT},           {"RateLimit-Remaining", SAYS_REMAINING},
    {"RateLimit-Reset", SAYS_RESET},           {"RateLimit", SAYS_ALL},
    {"RateLimit-Policy", SAYS_POLICY},         {"X-RateLimit-Limit", SAYS_LIMIT},
    {"X-RateLimit-Remaining", SAYS_REMAINING}, {"X-RateLimit-Reset", SAYS_RESET},
    {"X-Rate-Limit-Limit", SAYS_LIMIT},        {"X-Rate-Limit-Remaining", SAYS_REMAINING},
    {"X-Rate-Limit-Reset", SAYS_RESET},
};

static const struct term all_parameters[] = {
    {"limit", SAYS_LIMIT}, {"remaining", SAYS_REMAINING}, {"reset", SAYS_RESET}, {"r", SAYS_REMAINING},
    {"t", SAYS_RESET},
};

static const struct term policy_parameters[] = {{"q", SAYS_LIMIT}};

static const struct term *find_term(const struct term *terms, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal_fold(span_of(terms[i].name), name))
            return &terms[i];
    return NULL;
}

/* `value` begins with a digit, or says nothing. The first that says a thing is believed. */
static void say(struct pace_hint *hint, enum saying says, struct span value, int64_t wall_ms)
{
    int64_t *field = says == SAYS_LIMIT ? &hint->limit : says == SAYS_REMAINING ? &hint->remaining : &hint->reset_ms;
    size_t len = digits_len(value);
    int64_t said = -1;

    if (says == SAYS_RESET)
        said = read_wait(value, wall_ms);
    else if (len > 0 && (len == value.len || value.data[len] == '.' || value.data[len] == ' '))
        said = (int64_t)number(value, len, COUNT_MAX);
    if (*field >= 0 || said < 0)
        return;
    *field = said;
    hint->present = true;
}

/* `key=digits` pieces of a structured field, each by its table; anything else in it is passed over. */
static void say_structured(struct pace_hint *hint, const struct term *terms, size_t count, struct span value,
                           int64_t wall_ms)
{
    struct span piece;

    while (next_piece(&value, &piece)) {
        const struct term *term;
        struct span digits;
        size_t key = 0;

        while (key < piece.len && piece.data[key] != '=')
            key++;
        if (key == piece.len)
            continue;
        term = find_term(terms, count, span_trim((struct span){piece.data, key}));
        digits = span_trim((struct span){piece.data + key + 1, piece.len - key - 1});
        if (term != NULL)
            say(hint, term->says, digits, wall_ms);
    }
}

void retry_hint(struct pace_hint *hint, struct span name, struct span value, int64_t wall_ms)
{
    const struct term *header = find_term(headers, sizeof(headers) / sizeof(headers[0]), name);
    struct span first;

    if (header == NULL)
        return;
    if (header->says == SAYS_ALL)
        say_structured(hint, all_parameters, sizeof(all_parameters) / sizeof(all_parameters[0]), value, wall_ms);
    else if (header->says == SAYS_POLICY)
        say_structured(hint, policy_parameters, sizeof(policy_parameters) / sizeof(policy_parameters[0]), value,
                       wall_ms);
    else if (next_piece(&value, &first))
        say(hint, header->says, first, wall_ms);
}
