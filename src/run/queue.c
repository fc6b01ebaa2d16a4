#include "run/queue.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_CAP = 256 };

void queue_init(struct queue *queue, unsigned flights)
{
    *queue = (struct queue){.flights = flights, .flight = alloc_zeroed(flights, sizeof(queue->flight[0]))};
    timers_init(&queue->backoffs);
}

void queue_release(struct queue *queue)
{
    timers_release(&queue->backoffs);
    free(queue->ready);
    free(queue->flight);
    *queue = (struct queue){0};
}

static void grow(struct queue *queue)
{
    size_t cap = queue->cap > 0 ? queue->cap * 2 : FIRST_CAP;
    uint32_t *ring = alloc_zeroed(cap, sizeof(ring[0]));

    for (size_t i = 0; i < queue->count; i++)
        ring[i] = queue->ready[(queue->head + i) % queue->cap];
    free(queue->ready);
    queue->ready = ring;
    queue->head = 0;
    queue->cap = cap;
}

void queue_push(struct queue *queue, uint64_t row)
{
    if (queue->count == queue->cap)
        grow(queue);
    queue->ready[(queue->head + queue->count) % queue->cap] = (uint32_t)row;
    queue->count++;
}

void queue_wait(struct queue *queue, uint64_t row, int64_t due_ms)
{
    timers_add(&queue->backoffs, due_ms, row);
}

bool queue_peek(const struct queue *queue, uint64_t *row)
{
    if (queue->count == 0)
        return false;
    *row = queue->ready[queue->head];
    return true;
}

bool queue_take(struct queue *queue, uint64_t *row)
{
    if (!queue_peek(queue, row))
        return false;
    queue->head = (queue->head + 1) % queue->cap;
    queue->count--;
    return true;
}

bool queue_wake(struct queue *queue, int64_t now_ms, uint64_t *row)
{
    return timers_pop(&queue->backoffs, now_ms, row);
}

int64_t queue_next(const struct queue *queue)
{
    return timers_next(&queue->backoffs);
}

uint64_t queue_board(struct queue *queue, const struct flight *flight)
{
    unsigned at = 0;

    while (at < queue->flights && queue->flight[at].taken)
        at++;
    assert(at < queue->flights);
    queue->flight[at] = *flight;
    queue->flight[at].taken = true;
    return (uint64_t)at << 32 | flight->row;
}

const struct flight *queue_land(struct queue *queue, uint64_t tag)
{
    struct flight *flight = &queue->flight[tag >> 32];

    assert(flight->taken);
    flight->taken = false;
    return flight;
}

int queue_secret(const struct queue *queue, uint64_t tag)
{
    return queue->flight[tag >> 32].secret;
}

bool queue_has_like(const struct queue *queue, uint64_t public_hash)
{
    for (unsigned i = 0; i < queue->flights; i++)
        if (queue->flight[i].taken && queue->flight[i].public_hash == public_hash)
            return true;
    return false;
}
