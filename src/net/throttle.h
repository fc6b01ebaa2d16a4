/*
 * throttle: the pace that a server takes whose limit nobody named, found from what it refuses (429).
 *
 * Nothing is held back until the first refusal. From then on requests go out evenly, at a pace that is chosen by what
 * the last of them brought; net/throttle.c begins with the law. The kind of the limit does not matter: a window, a
 * token bucket, plain spacing, one that is shared with others, that changes, or a gateway that refuses at random.
 *
 * Pure: times are monotonic milliseconds, at least 0, that never go back. Paces are requests a millisecond.
 * net/pace is the only user.
 */
#ifndef NET_THROTTLE_H
#define NET_THROTTLE_H

#include "base/num.h"

#include <stdbool.h>
#include <stdint.h>

enum throttle_phase {
    THROTTLE_OPEN,    /* sending, at the pace found or, while none is, at any */
    THROTTLE_HELD,    /* refused: nothing is sent until `until_ms` */
    THROTTLE_PROBING, /* one request is out to see whether the hold is over */
};

enum { THROTTLE_MARKS = 32 };

/* A moment, and how many requests had been taken before it. */
struct throttle_mark {
    int64_t at_ms;
    uint64_t taken;
};

/* Embedded in its user; the members are throttle.c's own, but for those said to be read. */
struct throttle {
    double pace; /* read: the pace in force; 0: none is found yet */
    bool asked;  /* read: of a hold, the server has named its end */

    int64_t wait_most_ms;
    enum throttle_phase phase;
    int64_t until_ms;   /* HELD: the end of the hold; PROBING: when a further probe may go out */
    double due_ms;      /* when the even pace has its next request */
    double lag_ms;      /* by so much the sending may be behind, and catch up */
    bool limited;       /* it is the pace that kept the newest request back */
    uint64_t in_flight; /* requests that are not answered */
    uint64_t stale;     /* those of them that went out at an earlier pace: they say nothing about this one */
    uint64_t taken;     /* requests that the server took */
    uint32_t streak;    /* refusals at this pace since the newest request that was taken */
    uint32_t since;     /* requests taken since the newest refusal */
    int64_t refused_ms; /* the newest refusal */

    /* The event: refusals that hold everybody. */
    int64_t event_ms;           /* when it began */
    int64_t probe_ms;           /* when its newest probe went out */
    bool outage;                /* it is a server's outage: its end teaches nothing */
    struct throttle_mark full;  /* its begin; then, since when the limit is looked for */
    struct throttle_mark cycle; /* the end of the window that was waited for, or the first request */

    /* What is known. */
    int64_t window_ms;                         /* the window that was waited for; 0: none */
    struct throttle_mark window;               /* its newest begin, */
    double before;                             /* and how many were taken in the one before */
    double burst;                              /* how many it takes at once, as an earlier run told; 0: it did not */
    double at_once, at_once_ms;                /* what was taken before the first refusal, and in what time */
    double known;                              /* the greatest lower bound of the limit; 0: none */
    uint64_t marks;                            /* moments at which the limiter was full */
    struct throttle_mark mark[THROTTLE_MARKS]; /* the newest of them: a ring */

    /* The pace's course since the newest refusal. */
    double top, depth, span;    /* it begins by the share `depth` below `top`, and is there in `span` requests */
    double dip;                 /* the next depth, where nothing is known */
    uint32_t calm;              /* requests taken at it, */
    int64_t calm_ms;            /* since when */
    uint32_t doubts;            /* refusals in a row below what is known */
    uint32_t answered, refused; /* of late */
};

/*
 * `found`: what throttle_found() said in an earlier run: a start, never a cap; a count of 0: nothing.
 * `wait_most_ms`: the longest wait where the server names none.
 */
void throttle_init(struct throttle *throttle, struct rate found, int64_t wait_most_ms);

/* When the next request may be sent: `now_ms` or later, never INT64_MAX. */
int64_t throttle_next(const struct throttle *throttle, int64_t now_ms);

/* A request is sent now; one that was reported so was never sent after all. */
void throttle_sent(struct throttle *throttle, int64_t now_ms);
void throttle_unsent(struct throttle *throttle);

/* The server took a request, whatever it made of it. */
void throttle_accepted(struct throttle *throttle, int64_t now_ms);

/* The server refused one for the rate, and asked for a wait of `wait_ms` (-1: it did not say). */
void throttle_refused(struct throttle *throttle, int64_t now_ms, int64_t wait_ms);

/* The server is out for `wait_ms`: all requests are held, the pace stays. */
void throttle_outage(struct throttle *throttle, int64_t now_ms, int64_t wait_ms);

/* Whether all requests are held; `until_ms` is set where so. */
bool throttle_holding(const struct throttle *throttle, int64_t now_ms, int64_t *until_ms);

/* The limit found, as a window that a named limit can fill at once; a count of 0: none was found. */
struct rate throttle_found(const struct throttle *throttle);

#endif
