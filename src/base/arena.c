#include "base/arena.h"

#include "base/alloc.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_FIRST_CHUNK = 8192 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t size, used; /* of `bytes` */
    alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena, size_t max)
{
    *arena = (struct arena){.max = max};
}

static void drop_newest(struct arena *arena)
{
    struct arena_chunk *chunk = arena->newest;

    arena->newest = chunk->older;
    arena->size -= chunk->size;
    explicit_bzero(chunk->bytes, chunk->used);
    free(chunk);
}

void arena_release(struct arena *arena)
{
    while (arena->newest != NULL)
        drop_newest(arena);
    arena->full = false;
}

void arena_reset(struct arena *arena)
{
    arena->full = false;
    if (arena->newest == NULL)
        return;
    while (arena->newest->older != NULL)
        drop_newest(arena);
    if (arena->newest->size > ARENA_FIRST_CHUNK) {
        drop_newest(arena);
        return;
    }
    explicit_bzero(arena->newest->bytes, arena->newest->used);
    arena->newest->used = 0;
}

/* A further chunk, twice as large as the last one where the cap allows, with room for `size` bytes. */
static bool grow(struct arena *arena, size_t size)
{
    size_t left = arena->max - arena->size;
    size_t want = arena->newest != NULL ? arena->newest->size * 2 : ARENA_FIRST_CHUNK;
    struct arena_chunk *chunk;

    if (size > left) {
        arena->full = true;
        return false;
    }
    if (want < size)
        want = size;
    if (want > left)
        want = left;
    chunk = alloc_bytes(sizeof(*chunk) + want);
    *chunk = (struct arena_chunk){.older = arena->newest, .size = want};
    arena->newest = chunk;
    arena->size += want;
    return true;
}

void *arena_take(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = arena->newest;
    void *taken;

    if (size > arena->max) {
        arena->full = true;
        return NULL;
    }
    size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (chunk == NULL || size > chunk->size - chunk->used) {
        if (!grow(arena, size))
            return NULL;
        chunk = arena->newest;
    }
    taken = chunk->bytes + chunk->used;
    chunk->used += size;
    return taken;
}
