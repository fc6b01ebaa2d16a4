/*
 * faults: which faults there are, which are ordered, and which request suffers one.
 *
 * An order is a share of the requests of one kind (creates, lists, ...). The shares of one kind add up to 100 % at
 * most: one draw decides for each request, from a seeded generator, so the same requests suffer the same faults.
 */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include "base/buf.h"
#include "base/err.h"
#include "sandbox/hashset.h"
#include "sandbox/rng.h"

#include <stdbool.h>
#include <stdint.h>

/* The kinds of request that can suffer a fault; the names are prefixes, as in `list:drop-after`. */
enum fault_call { CALL_CREATE, CALL_LIST, CALL_GET, CALL_PUT, CALL_DELETE, CALL_SYNC, CALLS };

/* What the client sees. */
enum fault_effect {
    EFFECT_NONE,     /* no fault */
    EFFECT_DROP,     /* the connection closes without one answer byte */
    EFFECT_HANG,     /* no answer until the client goes away */
    EFFECT_STATUS,   /* an error status with a body of one of the shapes */
    EFFECT_GARBAGE,  /* the right status, an unreadable body */
    EFFECT_CUT,      /* the answer breaks off in the middle */
    EFFECT_WRONG_ID, /* the answer names an id that does not exist */
    EFFECT_SLOW,     /* the answer trickles */
    EFFECT_CLOSE,    /* the right answer, then the connection closes without notice */
    EFFECT_ENVELOPE, /* the right answer, as `results` of an object round it */
    EFFECT_STALE,    /* the connector as it was before the request */
};

/* When a request takes effect that suffers a fault. */
enum fault_time {
    FAULT_BEFORE, /* never: the fault comes first */
    FAULT_AFTER,  /* before the fault */
    FAULT_LATE,   /* a create only: a while after the answer */
};

/* The bodies of errors (api.md, Errors seen). */
enum fault_shape {
    SHAPE_PAGE,    /* a gateway's HTML page */
    SHAPE_MESSAGE, /* {"message": words} */
    SHAPE_ERRORS,  /* {"errors": [{"message": words}]} */
    SHAPE_CODE,    /* {"statusCode": ..., "message": words, "errorCode": title, ...} */
    SHAPE_FIELD,   /* {"detail": [{"loc": ["body", title], "msg": words}]} */
    SHAPE_PROBLEM, /* a problem document with title and words */
    SHAPE_QUOTING, /* as SHAPE_ERRORS, in several lines that quote what was sent, secrets included */
};

struct fault {
    const char *name;
    enum fault_effect effect;
    enum fault_time time;
    int status;                /* EFFECT_STATUS: the status; else 0 */
    enum fault_shape shape;    /* EFFECT_STATUS */
    const char *title, *words; /* of the shape; NULL where it has none */
    bool reused_only;          /* only on a connection that served an earlier request */
    const char *help;
};

enum { FAULTS = 29, FAULT_SHARE_ALL = 10000 }; /* shares are hundredths of a percent */

struct fault_order {
    uint32_t share;
    uint64_t left; /* how many more times; UINT64_MAX: no end */
};

struct faults {
    struct fault_order orders[CALLS][FAULTS];
    uint64_t hits[CALLS][FAULTS]; /* how often each was suffered */
    bool first_only;              /* each distinct payload suffers on its first POST at most */
    struct hashset seen;          /* payloads that were posted; kept for `first_only` */
    struct rng rng;
};

void faults_init(struct faults *faults, uint64_t seed, bool first_only);
void faults_release(struct faults *faults);

/* Nothing is ordered any more; the counts stay. */
void faults_clear(struct faults *faults);

/* Counts and payloads seen are forgotten; the orders stay. */
void faults_forget(struct faults *faults);

/* `50`, `12.5`, `50%`: in hundredths of a percent; false for other texts and for more than 100 %. */
bool faults_parse_share(const char *text, uint64_t *share);

/* Orders `[CALL:]NAME` at `PERCENT[:COUNT]`; false with a sentence (EXIT_USAGE) where that can't be. */
bool faults_order(struct faults *faults, const char *name, const char *amount, struct err *err);

/*
 * The fault that this request suffers, or NULL. `reused`: its connection has served an earlier request. `payload`:
 * the hash of a create's payload, 0 for other calls.
 */
const struct fault *faults_draw(struct faults *faults, enum fault_call call, bool reused, uint64_t payload);

/* The fault at `index` in the table. */
const struct fault *faults_at(int index);

/* The prefix of a call: `create`, `list`, ... */
const char *faults_call_name(enum fault_call call);

/* Appends the orders as a JSON object, `{"drop-after":12.5,"list:slow":100}`; a count as a text `"100:2"`. */
void faults_write_orders(const struct faults *faults, struct buf *out);

/* Appends how often each fault was suffered, as a JSON object with the same names. */
void faults_write_hits(const struct faults *faults, struct buf *out);

#endif
