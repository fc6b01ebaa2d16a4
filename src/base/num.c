#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RATE_TEXT_MAX = 64 };

struct unit {
    const char *name;
    int64_t ms;
};

static const struct unit units[] = {
    {"ms", 1},
    {"s", 1000},
    {"m", 60 * 1000},
    {"h", 3600 * 1000},
};
enum { UNITS = sizeof(units) / sizeof(units[0]) };

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

bool num_parse_span(struct span text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');

        if (!is_digit(text.data[i]) || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (value < min || value > max)
        return false;
    *out = value;
    return true;
}

bool num_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    return num_parse_span(span_of(text), min, max, out);
}

int num_hex_digit(char byte)
{
    if (is_digit(byte))
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

static const struct unit *unit_named(const char *name)
{
    for (size_t i = 0; i < UNITS; i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

/*
 * Reads "12" or "1.25" as thousandths into `milli` and returns the first byte after it; NULL where there is no
 * number, a digit is lost (more than three after the point), or it is too large to be meant.
 */
static const char *read_thousandths(const char *text, int64_t *milli)
{
    int64_t value = 0;
    int decimals = 0;
    bool point = false;
    const char *at = text;

    for (; is_digit(*at) || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        if (value > INT64_MAX / 100000 || (point && ++decimals > 3))
            return NULL;
        value = value * 10 + (*at - '0');
    }
    if (!is_digit(text[0]) || at[-1] == '.')
        return NULL;
    for (; decimals < 3; decimals++)
        value *= 10;
    *milli = value;
    return at;
}

bool num_parse_duration(const char *text, int64_t *ms)
{
    int64_t milli;
    const char *rest = read_thousandths(text, &milli);
    const struct unit *unit;

    if (rest == NULL)
        return false;
    if (*rest == '\0' && milli == 0) {
        *ms = 0;
        return true;
    }
    unit = unit_named(rest);
    if (unit == NULL || milli / 1000 > NUM_DURATION_MAX_MS / unit->ms)
        return false;
    milli *= unit->ms;
    if (milli % 1000 != 0 || milli / 1000 > NUM_DURATION_MAX_MS)
        return false;
    *ms = milli / 1000;
    return true;
}

bool num_parse_rate(const char *text, struct rate *rate)
{
    const char *slash = strchr(text, '/');
    const struct unit *unit;
    uint64_t count;
    int64_t window;

    if (strcmp(text, "none") == 0) {
        *rate = (struct rate){0};
        return true;
    }
    if (slash == NULL || !num_parse_span((struct span){text, (size_t)(slash - text)}, 1, RATE_COUNT_MAX, &count))
        return false;
    unit = unit_named(slash + 1);
    if (unit != NULL)
        window = unit->ms;
    else if (!num_parse_duration(slash + 1, &window) || window < 1)
        return false;
    *rate = (struct rate){.count = (uint32_t)count, .window_ms = window};
    return true;
}

bool num_parse_rates(const char *text, struct rate rates[RATES_MAX])
{
    struct rate read[RATES_MAX] = {{0}};
    size_t count = 0;

    for (const char *comma = text; comma != NULL; text = comma + 1) {
        char one[RATE_TEXT_MAX];
        size_t len = strcspn(text, ",");

        comma = text[len] == ',' ? text + len : NULL;
        if (count == RATES_MAX || len >= sizeof(one))
            return false;
        memcpy(one, text, len);
        one[len] = '\0';
        if (!num_parse_rate(one, &read[count]) || (read[count].count == 0 && (comma != NULL || count > 0)))
            return false;
        count++;
    }
    memcpy(rates, read, sizeof(read));
    return true;
}

bool num_parse_share(const char *text, uint64_t *value, bool *percent)
{
    size_t len = strlen(text);
    const char *rest;
    int64_t milli;

    *percent = len > 0 && text[len - 1] == '%';
    if (!*percent)
        return num_parse(text, 0, UINT32_MAX, value);
    rest = read_thousandths(text, &milli);
    if (rest == NULL || strcmp(rest, "%") != 0 || milli > 100000 || milli % 10 != 0)
        return false;
    *value = (uint64_t)milli / 10;
    return true;
}

char *num_format_duration(char text[NUM_DURATION_TEXT], int64_t ms)
{
    int64_t seconds = ms / 1000;

    if (ms < 1000)
        snprintf(text, NUM_DURATION_TEXT, "%" PRId64 "ms", ms);
    else if (seconds < 60)
        snprintf(text, NUM_DURATION_TEXT, "%" PRId64 ".%" PRId64 "s", seconds, ms % 1000 / 100);
    else if (seconds < 3600)
        snprintf(text, NUM_DURATION_TEXT, "%" PRId64 "m%02" PRId64 "s", seconds / 60, seconds % 60);
    else
        snprintf(text, NUM_DURATION_TEXT, "%" PRId64 "h%02" PRId64 "m", seconds / 3600, seconds % 3600 / 60);
    return text;
}

/* The largest unit that divides the window, so that 60000 reads `m` and 90000 reads `90s`. */
char *num_format_rate(char text[NUM_DURATION_TEXT], struct rate rate)
{
    const struct unit *unit = &units[0];
    int64_t amount;

    if (rate.count == 0) {
        snprintf(text, NUM_DURATION_TEXT, "none");
        return text;
    }
    for (size_t i = 0; i < UNITS; i++)
        if (rate.window_ms % units[i].ms == 0)
            unit = &units[i];
    amount = rate.window_ms / unit->ms;
    if (unit->ms == 1 && amount > 1000 && amount % 100 == 0)
        snprintf(text, NUM_DURATION_TEXT, "%" PRIu32 "/%" PRId64 ".%ds", rate.count, amount / 1000,
                 (int)(amount % 1000) / 100);
    else if (amount == 1)
        snprintf(text, NUM_DURATION_TEXT, "%" PRIu32 "/%s", rate.count, unit->name);
    else
        snprintf(text, NUM_DURATION_TEXT, "%" PRIu32 "/%" PRId64 "%s", rate.count, amount, unit->name);
    return text;
}

char *num_format_rates(char text[RATES_TEXT], const struct rate *rates)
{
    char one[NUM_DURATION_TEXT];
    size_t len = 0;

    for (size_t i = 0; i < RATES_MAX && (i == 0 || rates[i].count > 0); i++)
        len += (size_t)snprintf(text + len, RATES_TEXT - len, "%s%s", i > 0 ? "," : "", num_format_rate(one, rates[i]));
    return text;
}
