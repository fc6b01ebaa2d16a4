/*
 * timers: what is due when: a binary heap of (time, id), for backoffs and settling.
 *
 * Ids are the caller's (a row's index). An id may be in it more than once; nothing is ever removed but what is due.
 * Memory grows with the number of pending timers, 16 bytes each.
 */
#ifndef BASE_TIMERS_H
#define BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t due_ms; /* monotonic */
    uint64_t id;
};

struct timers {
    struct timer *heap;
    size_t count, cap;
};

void timers_init(struct timers *timers);
void timers_release(struct timers *timers);

void timers_add(struct timers *timers, int64_t due_ms, uint64_t id);

/* When the earliest is due; INT64_MAX where none is pending. */
int64_t timers_next(const struct timers *timers);

/* Takes the earliest timer if it is due at `now_ms`; timers due at the same time come out in no set order. */
bool timers_pop(struct timers *timers, int64_t now_ms, uint64_t *id);

#endif
