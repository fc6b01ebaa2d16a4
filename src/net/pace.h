/*
 * pace: when the next request may be sent.
 *
 * A declared limit of N requests in any rolling window W is kept by N slots. A request takes a slot when it is sent;
 * the slot is free again W after the request's *answer* arrived, or after it was given up. The server saw the old
 * request before its answer and sees the new one after its sending, so that no rolling window as the server sees it
 * ever holds more than N, whatever the latency and its jitter; and N requests go out at once, not one every W/N.
 * A slot rests for W plus a guard: 1 ms, because both ends of the pause are rounded down to a millisecond, and
 * W/2000, rounded up, because two clocks may differ by 500 ppm. So R requests take about floor((R-1)/N) times
 * W + 0.05 % + 2 ms, plus one round trip for each window.
 *
 * A limit that was not declared, or is lower than declared, shows as refused requests (429): it is found and kept to
 * (net/throttle.h). The declared limit always stays in force too.
 *
 * Pure policy: `now_ms` is monotonic milliseconds, at least 0, and never goes back from one call to the next.
 * Every request that touches the key takes part: creates, lists, archives, the preflight.
 */
#ifndef NET_PACE_H
#define NET_PACE_H

#include "base/num.h"

#include <stdbool.h>
#include <stdint.h>

struct pace;

struct pace_config {
    struct rate limit;               /* a count of 0: no limit is known */
    struct rate also[RATES_MAX - 1]; /* further limits, each kept to; the first with a count of 0 ends them */
    int64_t backoff_most_ms;         /* the longest wait after a refusal that names none; 0 = a minute */
    struct rate found;               /* what pace_found() said in an earlier run: a start, never a cap */
};

/* What RateLimit headers said (net/retry.h reads them). -1 where they did not say. */
struct pace_hint {
    bool present;      /* at least one such header was understood */
    int64_t limit;     /* requests in the server's window */
    int64_t remaining; /* requests left in it */
    int64_t reset_ms;  /* until it begins anew, milliseconds from the answer */
};

#define PACE_HINT_NONE ((struct pace_hint){.present = false, .limit = -1, .remaining = -1, .reset_ms = -1})

struct pace_answer {
    bool refused;           /* 429: the rate was too high; all wait, and the pace adapts */
    bool outage;            /* 503 with Retry-After: all wait, but it says nothing about the rate */
    int64_t retry_after_ms; /* -1: absent */
    struct pace_hint hint;  /* PACE_HINT_NONE where there was none */
};

/* A pace with every slot free. The caller frees it with pace_free(), which takes NULL too. */
struct pace *pace_new(const struct pace_config *config);
void pace_free(struct pace *pace);

/*
 * Slots that other runs have used: `count` of their requests were answered `ago_ms` ago (less than 0 counts as 0). The
 * oldest first, before the first pace_sent(); later for what others send meanwhile. Without a declared limit it does
 * nothing.
 */
void pace_remember(struct pace *pace, int64_t now_ms, uint32_t count, int64_t ago_ms);

/*
 * When the next request may be sent: `now_ms` if at once, a later time, or INT64_MAX while every slot is in flight and
 * only an answer can free one. A later time may move, both ways, with the next answer: ask again after each.
 */
int64_t pace_next(const struct pace *pace, int64_t now_ms);

/* Takes a slot for a request that is sent now. Only when pace_next() has said `now_ms`. */
void pace_sent(struct pace *pace, int64_t now_ms);

/*
 * One request that was sent is over: its answer arrived, or it was given up (timeout, lost connection: no refusal, no
 * Retry-After, no hint). Its slot is free again a window from now.
 */
void pace_answered(struct pace *pace, int64_t now_ms, const struct pace_answer *answer);

/* One request that took a slot was certainly never sent (no connection). It counts all the same: a host that does not
 * answer is not stormed. */
void pace_unsent(struct pace *pace, int64_t now_ms);

/* Whether a refusal's Retry-After (or our own backoff in its place) holds all requests; `until_ms` is set where so. */
bool pace_holding(const struct pace *pace, int64_t now_ms, int64_t *until_ms);

/* Of a hold: the server has named its end (Retry-After); otherwise it is a backoff of our own after a 429. */
bool pace_hold_was_asked(const struct pace *pace);

/* The pace in force, declared or learned, whichever is lower, in requests a second; 0: none is known. */
double pace_rate_per_s(const struct pace *pace);

/*
 * What was found of a limit that nobody named, as --rate would name it: a little less than the server took. A count of
 * 0: nothing was found.
 */
struct rate pace_found(const struct pace *pace);

/*
 * The least time, in milliseconds from now, until the last of `requests` further ones can be sent, as far as the limit
 * is known: for the ETA. 0 where all can go at once.
 */
int64_t pace_eta_ms(const struct pace *pace, int64_t now_ms, uint64_t requests);

/*
 * The most requests sent within any rolling window so far (the declared window; 60 s where there is none), by the
 * times of sending, an earlier run's left out.
 */
uint32_t pace_most_in_window(const struct pace *pace);

#endif
