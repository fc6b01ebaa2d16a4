/*
 * adapt: the pace that a server takes whose limit is not known, learned from what it refuses.
 *
 * Nothing is learned, and nothing held back, until the first refusal. A refusal, with those of all requests that were
 * in flight beside it, is one event: all requests are held until Retry-After (without one: a backoff of our own, that
 * grows), then a single probe goes out, and its acceptance ends the event. What the server accepted from one event's
 * end to the next, divided by that time, is what it takes: right for a rolling window, a fixed window and a token
 * bucket alike, because each is about as full at the one end as at the other (where the hold was longer than it had to
 * be, it is too low, never too high for long). From then on requests go out evenly, a little below that: no burst, so
 * no storm at a window's edge.
 *
 * Two bounds close in on the limit: `low`, the highest pace that was kept up for a while without a refusal, and `high`,
 * the lowest that was refused. Between them the middle is tried, the sooner the further they are apart. Once they are
 * close, the pace stays at `low` for a calm that is long enough to keep refusals under 2 % of the requests; then
 * `high` is forgotten and growing steps are tried: a limit that was raised or lifted is found in some minutes.
 *
 * Refusals that go on whatever the pace are told from a limit's by net/noise. While it takes them for noise, the pace is
 * its business; a refusal is then its own request's trouble, and holds the others only where the server asks for a wait
 * (Retry-After), or where so many come in a row that it takes nothing at all.
 *
 * What it does not do: believe RateLimit headers on accepted answers (what "remaining" counts differs from server to
 * server), or find a good pace under a limit of a few requests that somebody else draws on at random.
 *
 * Times are monotonic milliseconds, as in net/pace.h, which is the only user.
 */
#ifndef NET_ADAPT_H
#define NET_ADAPT_H

#include "net/noise.h"

#include <stdbool.h>
#include <stdint.h>

enum adapt_phase {
    ADAPT_OPEN,    /* sending, at the learned pace or, while none is, at any */
    ADAPT_HELD,    /* refused: nothing is sent until `until_ms` */
    ADAPT_PROBING, /* one request is out to see whether the hold is over */
};

/* Embedded in its user; the fields are adapt.c's own. Paces are requests a millisecond. */
struct adapt {
    enum adapt_phase phase;
    bool begun;        /* a request has been sent */
    bool limit_speaks; /* a refusal has asked for a wait: one that does not is a gateway's */
    uint32_t streak;   /* refusals since the newest accepted request */
    bool asked;        /* HELD: for as long as the server says, not by a backoff of our own */
    int64_t until_ms;  /* HELD: the end of the hold; PROBING: when a further probe may go out */

    int64_t backoff_most_ms; /* the longest backoff of our own */

    /* The newest event: refusals that belong together. */
    int64_t event_ms;     /* when it began */
    bool told;            /* a refusal asked for a wait */
    bool outage;          /* it is a server's outage: its end teaches nothing */
    uint64_t refused;     /* requests, with those of the events that it is an aftershock of */
    uint64_t refused_now; /* requests, its own alone */
    uint32_t probes;      /* of them after a hold */
    uint32_t tries;       /* probes refused, which lengthen a backoff of our own */
    uint32_t stragglers;  /* requests that were in flight when it began and may still be refused */
    uint32_t aftershocks; /* events since, which a full window can bring although the pace is right again */
    uint32_t passed_over; /* first events that had too few requests before them to learn from */
    int64_t late_ms;      /* by how much the hold may have been too long */
    double lost_ms;       /* the sending time that it cost */

    /* The cycle: from the newest probe of an event that is over (before any: from the first request) to the next. */
    int64_t cycle_ms;
    int64_t probe_ms; /* when the newest probe went out */
    uint64_t sent, accepted;

    /* What is learned. */
    double pace;      /* in force; 0: nothing is learned yet, any pace goes */
    double low, high; /* kept up without a refusal, or measured; refused (INFINITY: none known) */
    double step;      /* the share by which the last growing step went up */
    bool trial;       /* `pace` is above `low`, to see whether it is taken */
    bool proven;      /* `low` was kept up for a whole proof */
    double due_ms;    /* when the even pace has its next request */

    /* Proof: how long a pace has been kept up. */
    int64_t proof_from_ms;
    uint64_t proof_sent;    /* requests since then */
    int64_t proof_ms;       /* how long it must be */
    int64_t least_proof_ms; /* about the server's window: how long the first cycle was */

    struct noise noise;
};

/* `backoff_most_ms`: the longest backoff of our own; 0 = a minute. */
void adapt_init(struct adapt *adapt, int64_t backoff_most_ms);

/* When the next request may be sent, as far as this module is concerned: `now_ms` or later, never INT64_MAX. */
int64_t adapt_next(const struct adapt *adapt, int64_t now_ms);

/* A request is sent now; one that was reported so was never sent after all. */
void adapt_sent(struct adapt *adapt, int64_t now_ms);
void adapt_unsent(struct adapt *adapt);

/* The server took a request, whatever it made of it. */
void adapt_accepted(struct adapt *adapt, int64_t now_ms);

/*
 * The server refused one for the rate, with `in_flight` others not answered yet, and asked for a wait of `wait_ms`
 * (-1: it did not say).
 */
void adapt_refused(struct adapt *adapt, int64_t now_ms, uint32_t in_flight, int64_t wait_ms);

/* The server is out for `wait_ms`: all requests are held, the pace stays. */
void adapt_outage(struct adapt *adapt, int64_t now_ms, int64_t wait_ms);

/* Whether all requests are held; `until_ms` is set where so. adapt_asked(): for as long as the server says. */
bool adapt_holding(const struct adapt *adapt, int64_t now_ms, int64_t *until_ms);
bool adapt_asked(const struct adapt *adapt);

/* The learned pace in requests a millisecond; 0: none. */
double adapt_pace(const struct adapt *adapt);

#endif
