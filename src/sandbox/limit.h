/*
 * limit: whether a request is accepted under a rate limit: a rolling window, a fixed window, or a token bucket.
 *
 * Pure: the time is an argument, in microseconds. A request that is refused does not count.
 */
#ifndef SANDBOX_LIMIT_H
#define SANDBOX_LIMIT_H

#include "base/buf.h"
#include "base/num.h"
#include "sandbox/window.h"

#include <stdbool.h>
#include <stdint.h>

enum limit_kind {
    LIMIT_ROLLING, /* never more than N in any rolling window */
    LIMIT_FIXED,   /* N in each window; the windows stand side by side from the start on */
    LIMIT_BUCKET,  /* a bucket of `burst` tokens, N new ones a window */
    LIMIT_KINDS
};

struct limit_config {
    struct rate rate; /* a count of 0: no limit */
    enum limit_kind kind;
    uint32_t burst; /* bucket size; 0: the rate's count */
};

/* What the server may tell its client about the limit. */
struct limit_view {
    uint32_t limit;     /* N */
    uint32_t remaining; /* requests that would still be accepted now */
    int64_t wait_us;    /* until the next request is accepted; 0 where one is accepted now */
    int64_t reset_us;   /* until more are accepted than now */
};

struct limit {
    struct limit_config config;
    int64_t start_us;     /* when the limit began */
    struct window window; /* rolling */
    int64_t index;        /* fixed: which window it is */
    uint32_t used;        /* fixed: requests in that window */
    double tokens;        /* bucket */
    int64_t filled_us;    /* bucket: when `tokens` was right */
};

/* The name of a kind, as --rate-kind takes it. */
const char *limit_kind_name(enum limit_kind kind);

/* The kind of that name; false where there is none. */
bool limit_kind_named(const char *name, enum limit_kind *kind);

void limit_init(struct limit *limit, struct limit_config config, int64_t now_us);
void limit_release(struct limit *limit);

/* Whether a request at `now_us` would be accepted. Times never go back. */
bool limit_has_room(struct limit *limit, int64_t now_us);

/* Sets `view` as it stands at `now_us`, after limit_has_room() for that time. */
void limit_tell(struct limit *limit, int64_t now_us, struct limit_view *view);

/* Asks for one request at `now_us`: true where it is accepted (and counted). `view` is as it stands afterwards. */
bool limit_take(struct limit *limit, int64_t now_us, struct limit_view *view);

#endif
