#include "net/retry.h"

#include "base/clock.h"
#include "base/text.h"

#include <stddef.h>

/* A count beyond this is no count that anybody keeps; it is cut. */
#define COUNT_MAX UINT64_C(1000000000000000)
/* X-RateLimit-Reset: a larger number of seconds is a time since 1970, and a still larger one that in milliseconds. */
#define DELTA_MAX UINT64_C(31536000)
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

static int64_t seconds_to_ms(uint64_t seconds)
{
    return seconds < (uint64_t)(RETRY_AFTER_MAX_MS / 1000) ? (int64_t)seconds * 1000 : RETRY_AFTER_MAX_MS;
}

/* How far `wall_ms` lies ahead of `from_ms`: never negative, never more than the longest wait. */
static int64_t ahead_ms(int64_t wall_ms, int64_t from_ms)
{
    if (wall_ms <= from_ms)
        return 0;
    return wall_ms - from_ms < RETRY_AFTER_MAX_MS ? wall_ms - from_ms : RETRY_AFTER_MAX_MS;
}

int64_t retry_after(struct span value, struct span date_header, int64_t wall_ms)
{
    int64_t date, from;

    value = span_trim(value);
    if (value.len > 0 && digits_len(value) == value.len)
        return seconds_to_ms(number(value, value.len, COUNT_MAX));
    if (value.len == 0 || !clock_parse_http_date(value, &date))
        return -1;
    if (!clock_parse_http_date(date_header, &from))
        from = wall_ms;
    return ahead_ms(date, from);
}

/* What a header or a parameter of one says. */
enum saying { SAYS_LIMIT, SAYS_REMAINING, SAYS_RESET, SAYS_RESET_OR_EPOCH, SAYS_POLICY, SAYS_ALL };

struct term {
    const char *name;
    enum saying says;
};

static const struct term headers[] = {
    {"RateLimit-Limit", SAYS_LIMIT},
    {"RateLimit-Remaining", SAYS_REMAINING},
    {"RateLimit-Reset", SAYS_RESET},
    {"RateLimit", SAYS_ALL},
    {"RateLimit-Policy", SAYS_POLICY},
    {"X-RateLimit-Limit", SAYS_LIMIT},
    {"X-RateLimit-Remaining", SAYS_REMAINING},
    {"X-RateLimit-Reset", SAYS_RESET_OR_EPOCH},
    {"X-Rate-Limit-Limit", SAYS_LIMIT},
    {"X-Rate-Limit-Remaining", SAYS_REMAINING},
    {"X-Rate-Limit-Reset", SAYS_RESET_OR_EPOCH},
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

static int64_t reset_ms(uint64_t value, bool epoch, int64_t wall_ms)
{
    if (!epoch || value <= DELTA_MAX)
        return seconds_to_ms(value);
    return ahead_ms(value > EPOCH_SECONDS_MAX ? (int64_t)value : (int64_t)value * 1000, wall_ms);
}

/* The first that says a thing is believed. */
static void say(struct pace_hint *hint, enum saying says, uint64_t value, int64_t wall_ms)
{
    int64_t *field = says == SAYS_LIMIT ? &hint->limit : says == SAYS_REMAINING ? &hint->remaining : &hint->reset_ms;
    bool reset = says == SAYS_RESET || says == SAYS_RESET_OR_EPOCH;

    if (*field >= 0)
        return;
    *field = reset ? reset_ms(value, says == SAYS_RESET_OR_EPOCH, wall_ms) : (int64_t)value;
    hint->present = true;
}

/* A number that ends where the value does, or where decimals, parameters or a further item follow. */
static void say_plain(struct pace_hint *hint, enum saying says, struct span value, int64_t wall_ms)
{
    size_t len;

    value = span_trim(value);
    len = digits_len(value);
    if (len == 0)
        return;
    if (len == value.len || value.data[len] == ',' || value.data[len] == ';' || value.data[len] == '.' ||
        value.data[len] == ' ')
        say(hint, says, number(value, len, COUNT_MAX), wall_ms);
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
    if (len < rest->len)
        len++;
    *rest = (struct span){rest->data + len, rest->len - len};
    return true;
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
        if (term != NULL && digits.len > 0 && digits_len(digits) == digits.len)
            say(hint, term->says, number(digits, digits.len, COUNT_MAX), wall_ms);
    }
}

void retry_hint(struct pace_hint *hint, struct span name, struct span value, int64_t wall_ms)
{
    const struct term *header = find_term(headers, sizeof(headers) / sizeof(headers[0]), name);

    if (header == NULL)
        return;
    if (header->says == SAYS_ALL)
        say_structured(hint, all_parameters, sizeof(all_parameters) / sizeof(all_parameters[0]), value, wall_ms);
    else if (header->says == SAYS_POLICY)
        say_structured(hint, policy_parameters, sizeof(policy_parameters) / sizeof(policy_parameters[0]), value,
                       wall_ms);
    else
        say_plain(hint, header->says, value, wall_ms);
}
