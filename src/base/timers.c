#include "base/timers.h"

#include "base/alloc.h"

#include <stdlib.h>

void timers_init(struct timers *timers)
{
    *timers = (struct timers){0};
}

void timers_release(struct timers *timers)
{
    free(timers->heap);
    timers_init(timers);
}

static void sift_up(struct timer *heap, size_t at)
{
    struct timer moving = heap[at];

    while (at > 0 && heap[(at - 1) / 2].due_ms > moving.due_ms) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = moving;
}

static void sift_down(struct timer *heap, size_t count)
{
    struct timer moving = heap[0];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < count && heap[child + 1].due_ms < heap[child].due_ms)
            child++;
        if (child >= count || heap[child].due_ms >= moving.due_ms)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

void timers_add(struct timers *timers, int64_t due_ms, uint64_t id)
{
    if (timers->count == timers->cap) {
        timers->cap = timers->cap > 0 ? timers->cap * 2 : 64;
        timers->heap = alloc_resize(timers->heap, timers->cap, sizeof(timers->heap[0]));
    }
    timers->heap[timers->count] = (struct timer){.due_ms = due_ms, .id = id};
    sift_up(timers->heap, timers->count++);
}

int64_t timers_next(const struct timers *timers)
{
    return timers->count > 0 ? timers->heap[0].due_ms : INT64_MAX;
}

bool timers_pop(struct timers *timers, int64_t now_ms, uint64_t *id)
{
    if (timers_next(timers) > now_ms)
        return false;
    *id = timers->heap[0].id;
    timers->heap[0] = timers->heap[--timers->count];
    if (timers->count > 0)
        sift_down(timers->heap, timers->count);
    return true;
}
