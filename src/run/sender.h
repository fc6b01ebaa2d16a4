/*
 * sender: sends the next rows: those to be sent again first, then the others in input order.
 */
#ifndef RUN_SENDER_H
#define RUN_SENDER_H

#include "base/buf.h"
#include "run/run.h"

#include <stdbool.h>
#include <stdint.h>

struct sender {
    struct run *run;
    uint64_t next; /* first row that was not looked at yet */
    const uint32_t *keys;
    uint64_t promised;  /* the journal says that rows before this one may be sent */
    uint64_t stride;    /* how many rows the next promise covers */
    struct buf payload; /* scratch, wiped */
};

/* `promised`: what an interrupted run's journal says; 0 for a new run. `keys`: of first_pass.h, or NULL; borrowed. */
void sender_init(struct sender *sender, struct run *run, uint64_t promised, const uint32_t *keys);
void sender_release(struct sender *sender);

/* Whether there is a row that could be sent at once if the pace allows it. */
bool sender_has_rows(struct sender *sender);

/*
 * While the service is away: sends the one row that finds out whether it is back, another than the last one that did,
 * where there is one. Needs sender_has_rows() and client_probe() to say so.
 */
void sender_probe(struct sender *sender, int64_t now_ms);

/*
 * Sends one row. Needs sender_has_rows() and client_next_send() <= now_ms. The journal's promise is on the disk before
 * the first row that it covers is sent, and says once what this run sends with; where that fails, or the input has
 * changed, nothing is sent and the run stops.
 */
void sender_row(struct sender *sender, int64_t now_ms);

/* The row of an answer's tag, and its flight's public hash: it is no longer in flight. */
uint64_t sender_landed(struct run *run, uint64_t tag, uint64_t *public_hash);

/* After sender_landed(): nothing is left to be done with the answer, and its secret is forgotten. */
void sender_forget(struct run *run, uint64_t tag);

/* The secret that went out with it; empty where there was none. Lasts until sender_forget(). */
struct span sender_secret(const struct run *run, uint64_t tag);

#endif
