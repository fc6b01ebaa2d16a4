/*
 * receiver: what a create's answer does to its row: classify, decide, act.
 */
#ifndef RUN_RECEIVER_H
#define RUN_RECEIVER_H

#include "model/remote.h"
#include "net/http.h"
#include "run/doubts.h"
#include "run/run.h"

struct receiver {
    struct run *run;
    struct doubts doubts;
    unsigned forbidden;   /* rows in a row that the API itself answered with 403 */
    struct remote remote; /* scratch */
    struct buf differs;   /* scratch: in what the answer's connector differs from the row */
};

void receiver_init(struct receiver *receiver, struct run *run);
void receiver_release(struct receiver *receiver);

/* Takes the answer to a request that sender_row() sent. */
void receiver_answer(struct receiver *receiver, const struct http_answer *answer);

#endif
