#include "net/window.h"

#include "base/alloc.h"

#include <stdlib.h>

#define RUN_BITS 20
#define RUN_MAX ((UINT64_C(1) << RUN_BITS) - 1)
#define TIME_MAX ((INT64_C(1) << 44) - 1)

void window_init(struct window *window)
{
    *window = (struct window){0};
}

void window_release(struct window *window)
{
    free(window->entries);
    window_init(window);
}

static uint64_t *entry(const struct window *window, size_t index)
{
    return &window->entries[(window->head + index) & (window->cap - 1)];
}

static int64_t entry_time(uint64_t packed)
{
    return (int64_t)(packed >> RUN_BITS);
}

static uint64_t entry_run(uint64_t packed)
{
    return packed & RUN_MAX;
}

/* Twice the capacity, always a power of two; the ring is laid out from the start again. */
static void grow(struct window *window)
{
    size_t cap = window->cap > 0 ? window->cap * 2 : 64;
    uint64_t *entries = alloc_bytes(cap * sizeof(entries[0]));

    for (size_t i = 0; i < window->used; i++)
        entries[i] = *entry(window, i);
    free(window->entries);
    window->entries = entries;
    window->head = 0;
    window->cap = cap;
}

static void push(struct window *window, int64_t at_ms, uint64_t run)
{
    if (window->used == window->cap)
        grow(window);
    window->used++;
    *entry(window, window->used - 1) = (uint64_t)at_ms << RUN_BITS | run;
}

void window_add(struct window *window, int64_t at_ms, uint64_t count)
{
    int64_t at = at_ms < 0 ? 0 : at_ms > TIME_MAX ? TIME_MAX : at_ms;

    window->count += count;
    if (window->used > 0) {
        uint64_t *last = entry(window, window->used - 1);
        uint64_t room = RUN_MAX - entry_run(*last);
        uint64_t joining = count < room ? count : room;

        if (entry_time(*last) >= at) {
            at = entry_time(*last);
            *last += joining;
            count -= joining;
        }
    }
    for (; count > 0; count -= count < RUN_MAX ? count : RUN_MAX)
        push(window, at, count < RUN_MAX ? count : RUN_MAX);
}

int64_t window_oldest(const struct window *window)
{
    return window->used > 0 ? entry_time(*entry(window, 0)) : INT64_MAX;
}

int64_t window_at(const struct window *window, uint64_t index)
{
    for (size_t i = 0; i < window->used; i++) {
        uint64_t run = entry_run(*entry(window, i));

        if (index < run)
            return entry_time(*entry(window, i));
        index -= run;
    }
    return INT64_MAX;
}

/* Takes the oldest entry off the ring, whole. */
static void drop_entry(struct window *window)
{
    window->count -= entry_run(*entry(window, 0));
    window->head = (window->head + 1) & (window->cap - 1);
    window->used--;
}

void window_drop_oldest(struct window *window, uint64_t count)
{
    while (count > 0 && window->used > 0) {
        uint64_t run = entry_run(*entry(window, 0));

        if (count < run) {
            *entry(window, 0) -= count;
            window->count -= count;
            return;
        }
        drop_entry(window);
        count -= run;
    }
}

void window_drop_until(struct window *window, int64_t at_ms)
{
    while (window->used > 0 && entry_time(*entry(window, 0)) <= at_ms)
        drop_entry(window);
}
