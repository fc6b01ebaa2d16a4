#include "model/idset.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <stdlib.h>

void idset_init(struct idset *set)
{
    *set = (struct idset){0};
}

void idset_release(struct idset *set)
{
    free(set->slot);
    idset_init(set);
}

#define MARK UINT64_C(1)

static uint64_t digest(struct span id)
{
    uint64_t hash = hash_finish(hash_span_fold(HASH_START, id)) & ~MARK;

    return hash != 0 ? hash : 2; /* 0 is a free slot */
}

/* The slot of the digest, or the free one where it would go: the digest's upper 30 bits as a share of the capacity. */
static size_t find(const struct idset *set, uint64_t hash)
{
    size_t at = (size_t)((hash >> 34) * set->cap >> 30);

    while (set->slot[at] != 0 && (set->slot[at] & ~MARK) != (hash & ~MARK))
        at = at + 1 < set->cap ? at + 1 : 0;
    return at;
}

static void resize(struct idset *set, size_t cap)
{
    struct idset larger = {.cap = cap, .count = set->count};

    larger.slot = alloc_zeroed(larger.cap, sizeof(larger.slot[0]));
    for (size_t i = 0; i < set->cap; i++)
        if (set->slot[i] != 0)
            larger.slot[find(&larger, set->slot[i])] = set->slot[i];
    free(set->slot);
    *set = larger;
}

void idset_reserve(struct idset *set, size_t count)
{
    size_t cap = count + count / 4 + 256;

    if (cap > set->cap)
        resize(set, cap);
}

bool idset_add(struct idset *set, struct span id)
{
    uint64_t hash = digest(id);
    size_t at;

    if (set->count + set->count / 4 >= set->cap)
        resize(set, set->cap > 0 ? set->cap * 2 : 256);
    at = find(set, hash);
    if (set->slot[at] != 0)
        return false;
    set->slot[at] = hash;
    set->count++;
    return true;
}

bool idset_has(const struct idset *set, struct span id)
{
    uint64_t hash = digest(id);

    return set->cap > 0 && set->slot[find(set, hash)] != 0;
}

bool idset_mark(struct idset *set, struct span id)
{
    size_t at = set->cap > 0 ? find(set, digest(id)) : 0;

    if (set->cap == 0 || set->slot[at] == 0 || (set->slot[at] & MARK) != 0)
        return false;
    set->slot[at] |= MARK;
    return true;
}

void idset_unmark(struct idset *set)
{
    for (size_t i = 0; i < set->cap; i++)
        set->slot[i] &= ~MARK;
}
