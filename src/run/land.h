/*
 * land: what a create's answer does to its row: classify, decide, act.
 */
#ifndef RUN_LAND_H
#define RUN_LAND_H

#include "model/remote.h"
#include "net/http.h"
#include "run/run.h"

struct land {
    struct run *run;
    struct remote remote; /* scratch */
    struct buf differs;   /* scratch: in what the answer's connector differs from the row */
};

void land_init(struct land *land, struct run *run);
void land_release(struct land *land);

/* Takes the answer to a request that sender_row() sent. */
void land_answer(struct land *land, const struct http_answer *answer);

#endif
