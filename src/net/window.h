/*
 * window: a queue of times in order, run-length coded: one entry of 8 bytes for all that share a millisecond, so that
 * a minute at 50,000 a second takes 60,000 entries, not 3 million.
 */
#ifndef NET_WINDOW_H
#define NET_WINDOW_H

#include <stddef.h>
#include <stdint.h>

struct window {
    uint64_t *entries; /* a ring: the time in the upper 44 bits, how often in the lower 20 */
    size_t head, used, cap;
    uint64_t count; /* times held: the sum over all entries */
};

/* An empty queue. Allocates nothing; memory grows with the entries held. */
void window_init(struct window *window);
void window_release(struct window *window);

/*
 * Adds `count` times at `at_ms`, which lies in [0, 2^44). A time before the newest one held counts as the newest:
 * the order is kept, and nothing becomes due early.
 */
void window_add(struct window *window, int64_t at_ms, uint64_t count);

/* The oldest time held; INT64_MAX where there is none. */
int64_t window_oldest(const struct window *window);

/* The time that `index` older ones precede (0 is the oldest); INT64_MAX where fewer are held. Takes time by entries. */
int64_t window_at(const struct window *window, uint64_t index);

/* Drops the `count` oldest times, or all where fewer are held. */
void window_drop_oldest(struct window *window, uint64_t count);

/* Drops every time at or before `at_ms`. */
void window_drop_until(struct window *window, int64_t at_ms);

#endif
