/*
 * retry: whether and when a row is tried again, and what a server's headers say about that.
 *
 * Pure: the time and the random number are arguments. Nothing that a server sends is trusted: a value that is not
 * exactly of the form described counts as absent, and a huge one is cut.
 */
#ifndef NET_RETRY_H
#define NET_RETRY_H

#include "base/buf.h"
#include "base/num.h"
#include "net/pace.h"

#include <stdbool.h>
#include <stdint.h>

struct retry_config {
    uint32_t max_attempts;
    int64_t base_ms, cap_ms; /* of the exponential backoff */
};

/* The longest that a server can make us wait: longer values are cut to it. */
#define RETRY_AFTER_MAX_MS NUM_DURATION_MAX_MS

/* Whether a row that was attempted `attempts_made` times may be attempted once more. */
bool retry_allowed(const struct retry_config *config, uint32_t attempts_made);

/*
 * Milliseconds to wait after attempt number `attempt` (from 1) failed: exponential backoff with full jitter, uniform in
 * [0, min(cap, base * 2^(attempt-1))]. `random` is uniform over 64 bits.
 */
int64_t retry_backoff(const struct retry_config *config, uint32_t attempt, uint64_t random);

/*
 * Retry-After (RFC 9110 section 10.2.3): seconds or an HTTP date, and what servers send in their place: decimals, a
 * unit (`6s`, `250ms`, `2 min`), an RFC 3339 date, seconds or milliseconds since 1970, several of them joined by a
 * comma, of which the longest counts. A date is relative to the same answer's Date header where it has one (the
 * server's clock), else to `wall_ms`. Milliseconds in [0, RETRY_AFTER_MAX_MS], rounded up; a date that has passed gives
 * 0; -1 where the value is absent (empty), negative, or none of these.
 */
int64_t retry_after(struct span value, struct span date_header, int64_t wall_ms);

/*
 * Reads one header field into `hint`, which begins as PACE_HINT_NONE; any other header is ignored, as is a value that
 * makes no sense. The name may be in any case. Understood are
 *  - RateLimit-Limit, -Remaining, -Reset (draft-ietf-httpapi-ratelimit-headers-03; reset in seconds),
 *  - RateLimit: limit=10, remaining=5, reset=30 (the same draft, -07),
 *  - RateLimit: "default";r=5;t=30 (-08 and later), and RateLimit-Policy: "default";q=10;w=60 for the limit,
 *  - X-RateLimit-Limit, -Remaining, -Reset, also written X-Rate-Limit-….
 * A reset is a wait as in retry_after(); one since 1970 is relative to `wall_ms`: the answer's Date, where it has one.
 * Where several policies are named, the first that says a thing is taken: the drafts let a server lead with the one
 * that binds.
 */
void retry_hint(struct pace_hint *hint, struct span name, struct span value, int64_t wall_ms);

#endif
