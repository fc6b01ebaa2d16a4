/*
 * window: how many events fell into the rolling window that ends now, and the most there ever were in one.
 *
 * Pure: times are arguments, in microseconds, and never go back. An event at t is in the window until t + length,
 * that moment excluded. Memory: one entry for each `grain` in which something happened, a window's worth at most.
 */
#ifndef SANDBOX_WINDOW_H
#define SANDBOX_WINDOW_H

#include <stddef.h>
#include <stdint.h>

struct window_entry {
    int64_t at_us;
    uint64_t count;
};

struct window {
    int64_t length_us, grain_us;
    struct window_entry *ring;
    size_t head, used, cap;
    uint64_t count; /* events in the window */
    uint64_t most;  /* the largest count so far */
};

/* An empty window of `length_us`; times are rounded down to `grain_us` (1: exact). */
void window_init(struct window *window, int64_t length_us, int64_t grain_us);
void window_release(struct window *window);

/* The number of events in the window that ends at `now_us`; drops those that have left it. */
uint64_t window_count(struct window *window, int64_t now_us);

/* Adds one event at `now_us`. */
void window_add(struct window *window, int64_t now_us);

/* Microseconds from `now_us` until the oldest event leaves the window; 0 where it is empty. */
int64_t window_wait(struct window *window, int64_t now_us);

#endif
