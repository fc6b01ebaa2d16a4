/*
 * num: numbers, durations and rates as people type them, parsed strictly: the whole text or nothing.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* At most `count` requests in any rolling `window_ms`; a count of 0 means no limit ("none"). */
struct rate {
    uint32_t count;
    int64_t window_ms;
};

enum {
    RATES_MAX = 8,             /* limits at once */
    RATE_COUNT_MAX = 10000000, /* 10 million requests a window */
    RATES_TEXT = 256,          /* bytes that num_format_rates() needs at most */
    NUM_DURATION_TEXT = 32,    /* bytes that num_format_duration() needs at most */
};
#define NUM_DURATION_MAX_MS ((int64_t)366 * 24 * 3600 * 1000)

/* Decimal digits only, no sign, no blanks, within [min, max]. */
bool num_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out);
bool num_parse_span(struct span text, uint64_t min, uint64_t max, uint64_t *out);

/* What a hexadecimal digit of either case stands for, or -1. */
int num_hex_digit(char byte);

/* `250ms`, `30s`, `1.5s`, `5m`, `2h`, `0`: milliseconds. A bare number other than 0 is refused: it has no unit. */
bool num_parse_duration(const char *text, int64_t *ms);

/* `none`, `500/m`, `20/s`, `9000/h`, `50/3s`, `10/250ms`. */
bool num_parse_rate(const char *text, struct rate *rate);

/* `500/m,50/10s`, or `none` alone: up to RATES_MAX limits; those that are not named have a count of 0. */
bool num_parse_rates(const char *text, struct rate rates[RATES_MAX]);

/* `12` (percent = false) or `2.5%` (percent = true, value in hundredths of a percent: 250). */
bool num_parse_share(const char *text, uint64_t *value, bool *percent);

/* For people: `250ms`, `3.2s`, `1m05s`, `2h03m`. `text` holds NUM_DURATION_TEXT bytes; returns it. */
char *num_format_duration(char text[NUM_DURATION_TEXT], int64_t ms);

/* As --rate takes it: `500/m`, `50/3s`, `none`. `text` holds NUM_DURATION_TEXT bytes; returns it. */
char *num_format_rate(char text[NUM_DURATION_TEXT], struct rate rate);

/* The same for up to RATES_MAX: `500/m,50/10s`. The first with a count of 0 ends them. */
char *num_format_rates(char text[RATES_TEXT], const struct rate *rates);

#endif
