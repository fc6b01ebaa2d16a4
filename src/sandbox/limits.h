/*
 * limits: the rate limits of one key, several at once (500/m,50/10s), and how many requests fell into their windows.
 *
 * A request is accepted where every limit has room for it; one that is refused counts in none. Pure: the time is an
 * argument, in microseconds.
 */
#ifndef SANDBOX_LIMITS_H
#define SANDBOX_LIMITS_H

#include "base/buf.h"
#include "base/num.h"
#include "sandbox/limit.h"
#include "sandbox/window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIMITS_MAX = 8 };

struct limits_config {
    struct rate rates[LIMITS_MAX];
    size_t count; /* 0: no limit */
    enum limit_kind kind;
    uint32_t burst; /* of each bucket; 0: the rate's count */
};

struct limits {
    size_t count; /* at least 1: without a limit one that refuses nothing, with a window of a minute */
    struct limit limits[LIMITS_MAX];
    struct window seen[LIMITS_MAX];     /* requests that asked, in the window of each limit */
    struct window accepted[LIMITS_MAX]; /* those of them that were accepted */
};

/* Sets the rates of `config` from `500/m`, `500/m,50/10s` or `none`; false, and nothing set, for any other text. */
bool limits_parse(struct limits_config *config, const char *text);

/* Appends the rates as limits_parse() takes them. */
void limits_format(struct buf *out, const struct limits_config *config);

void limits_init(struct limits *limits, const struct limits_config *config, int64_t now_us);
void limits_release(struct limits *limits);

/* Counts a request at `now_us`, whether it is asked for with limits_take() or not. */
void limits_see(struct limits *limits, int64_t now_us);

/* Asks for one request: true where it is accepted. `view` is of the limit that is nearest to refusing. */
bool limits_take(struct limits *limits, int64_t now_us, struct limit_view *view);

#endif
