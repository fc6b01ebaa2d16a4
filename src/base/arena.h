/*
 * arena: memory for many small objects that live and die together, with a stated cap.
 *
 * Nothing in it is freed singly. What was used is overwritten when the arena is emptied: secrets may lie in it.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *newest; /* NULL until the first arena_take() */
    size_t size;                /* bytes allocated in all chunks */
    size_t max;                 /* most bytes that may be */
    bool full;                  /* an arena_take() was refused */
};

/* An empty arena that will never hold more than `max` bytes. Allocates nothing. */
void arena_init(struct arena *arena, size_t max);

/* Wipes and frees everything; the arena is empty again and keeps its cap. */
void arena_release(struct arena *arena);

/* Wipes everything and clears `full`; one chunk of moderate size is kept for reuse. */
void arena_reset(struct arena *arena);

/*
 * `size` bytes, uninitialised, aligned for any type, valid until the arena is reset or released. NULL, with `full`
 * set, where that would pass the cap.
 */
void *arena_take(struct arena *arena, size_t size);

#endif
