/*
 * queue: rows that are to be sent again: those whose backoff runs, and those that could be sent at once, first in,
 * first out; and the requests that are in flight. Time is an argument.
 */
#ifndef RUN_QUEUE_H
#define RUN_QUEUE_H

#include "base/timers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A request in flight. */
struct flight {
    uint64_t public_hash; /* connector_public_hash() of what was sent */
    uint32_t row;
    int secret; /* its place in the client's redactor */
    bool taken;
};

struct queue {
    struct timers backoffs;
    uint32_t *ready; /* a ring */
    size_t head, count, cap;
    struct flight *flight; /* `flights` of them, as many as requests may be in flight */
    unsigned flights;
};

void queue_init(struct queue *queue, unsigned flights);
void queue_release(struct queue *queue);

/* The row could be sent at once; or from `due_ms` on. */
void queue_push(struct queue *queue, uint64_t row);
void queue_wait(struct queue *queue, uint64_t row, int64_t due_ms);

/* The row that can be sent next, left in the queue or taken off it; false where there is none. */
bool queue_peek(const struct queue *queue, uint64_t *row);
bool queue_take(struct queue *queue, uint64_t *row);

/* The next row whose backoff is over by `now_ms`, taken off; and when the first backoff ends, INT64_MAX without any. */
bool queue_wake(struct queue *queue, int64_t now_ms, uint64_t *row);
int64_t queue_next(const struct queue *queue);

/* A request goes out: the tag by which its answer is known. Needs one of the flights to be free. */
uint64_t queue_board(struct queue *queue, const struct flight *flight);

/* The flight of a tag, which is over with that; lasts until the next queue_board(). */
const struct flight *queue_land(struct queue *queue, uint64_t tag);

/* The secret's place of a tag's flight, also behind queue_land(). */
int queue_secret(const struct queue *queue, uint64_t tag);

/* Whether a request with that payload is in flight. */
bool queue_has_like(const struct queue *queue, uint64_t public_hash);

#endif
