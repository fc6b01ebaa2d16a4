/*
 * doubts: rows that what is in front of the API answered with 403: their own, or a block of everybody. They wait in
 * ROW_BACKOFF, without a timer, until the next probe tells.
 */
#ifndef RUN_DOUBTS_H
#define RUN_DOUBTS_H

#include "net/http.h"
#include "run/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct doubt {
    uint32_t row;
    int64_t sent_ms, ended_ms;
    const struct word *said;
};

struct doubts {
    struct doubt *at;
    size_t count, cap;
    unsigned lists; /* that did not tell whose their 403 was */
};

void doubts_release(struct doubts *doubts);

/* The row of an answer, for run->code and run->text, waits until it is known whose its 403 is. */
void doubts_add(struct doubts *doubts, struct run *run, uint64_t row, const struct http_answer *answer);

/* Gives the rows their outcome, or sends them again, where it is known; `listed`: after a list's answer. Where lists
 * can't tell, it is the rows' own. */
void doubts_resolve(struct doubts *doubts, struct run *run, bool listed);

#endif
