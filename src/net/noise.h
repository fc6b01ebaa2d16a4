/*
 * noise: refusals that do not depend on the pace, told from those that a limit brings.
 *
 * A gateway may answer 429 now and then whatever is sent. net/adapt, which takes each refusal for a sign that the pace
 * was too high, would lower it without end. A limit shows by what a lower pace brings: fewer refusals, soon none. So,
 * where the pace was lowered to half over a chain of events and refusals went on, the pace from before the chain is
 * tried once more. Were there a limit at the low pace, it would now refuse the surplus, half of the requests or more;
 * where the server takes about as many as before, the refusals are noise. From then on each is its own request's
 * trouble, and the pace grows, block by block, as long as the share of refusals stays what it is. A growth that brings
 * more is taken back and tried again later, smaller. So a limit is found behind the noise, too, if not as exactly.
 *
 * A block of answers is as long as its question needs: whether the share of what is taken is what it was, or less by
 * the block's growth (a sequential probability ratio test).
 *
 * It is over where the limit refuses at a pace that was taken before, or when no refusal has come for long.
 *
 * Times are monotonic milliseconds, paces requests a millisecond. net/adapt is the only user.
 */
#ifndef NET_NOISE_H
#define NET_NOISE_H

#include <stdbool.h>
#include <stdint.h>

/* What an answer says. */
enum noise_news {
    NOISE_ON,     /* nothing new, or another `pace` */
    NOISE_DENIED, /* the suspicion was wrong: there is a limit, and `taken` is the pace that was kept to before it */
    NOISE_FULL,   /* a limit refuses at a pace that was taken before */
    NOISE_GONE,   /* no refusals any more: `taken` is the pace */
};

/* Embedded in its user; the fields are noise.c's own, but for those said to be read. */
struct noise {
    bool on;      /* read: refusals are taken for noise */
    double pace;  /* read: in force while on */
    double taken; /* read: the highest pace at which the share of refusals was not above `share` */

    double share;      /* of the requests is refused whatever the pace */
    bool told;         /* the refusals ask for waits, which are obeyed */
    double growth;     /* what a trial multiplies the pace by */
    bool trial;        /* `pace` is `growth` times `taken` */
    bool limited;      /* a limit was full while noise was on: it is come near with small steps */
    double limit;      /* what was learned of it then */
    bool believed;     /* the first trial was taken */
    uint32_t rest;     /* blocks until the next trial */
    uint32_t patience; /* blocks of rest after the next trial that fails */
    uint64_t clean;    /* answers since the newest refusal, those in trials left out */
    double heard;      /* answers since noise is on, with what the chain says of those before it */
    double missed;     /* of them refusals */

    /* The block. */
    int64_t from_ms;
    uint32_t answers, refusals;
    double odds; /* the logarithm of a limit's likelihood against noise's */

    /* The chain of events that lowered the pace. */
    uint32_t events, needed, learned; /* `learned`: those at a learned pace */
    uint32_t probes;                  /* refused in them */
    double took_ms, held_ms;          /* the cycles at a learned pace, and what of them was a hold; */
    uint64_t kept;                    /* accepted in them */
    double share_kept, share_missed;  /* accepted and refused in them, the older the less */
    uint32_t contradictions;          /* events whose pace was well below what had been taken in those before */
    uint64_t accepted;                /* between them */
    double began;                     /* the pace before it */
};

void noise_init(struct noise *noise);

/* An event that is over, with the cycle that it ended. */
struct noise_event {
    uint64_t accepted, refused; /* requests of the cycle, of the event */
    uint32_t probes;            /* refused after a hold */
    bool told;                  /* a refusal asked for a wait */
    double took_ms, held_ms;    /* the cycle, and its hold */
    double before, after;       /* the pace; 0: none */
};

/* True where, with this event, noise is suspected: it is on from now, at another pace. */
bool noise_event(struct noise *noise, int64_t now_ms, const struct noise_event *event);

/* One answer while noise is on; it is off after any news but NOISE_ON. */
enum noise_news noise_answer(struct noise *noise, int64_t now_ms, bool refused);

#endif
