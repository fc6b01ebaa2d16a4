#include "sandbox/hashset.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { HASHSET_FIRST_CAP = 1024 };

void hashset_init(struct hashset *set)
{
    *set = (struct hashset){0};
}

void hashset_release(struct hashset *set)
{
    free(set->slots);
    hashset_init(set);
}

/* The slot that holds `hash`, or the empty one where it belongs. `cap` is a power of two. */
static uint64_t *slot_of(uint64_t *slots, size_t cap, uint64_t hash)
{
    size_t at = (size_t)hash & (cap - 1);

    while (slots[at] != 0 && slots[at] != hash)
        at = (at + 1) & (cap - 1);
    return &slots[at];
}

static void grow(struct hashset *set)
{
    size_t cap = set->cap > 0 ? set->cap * 2 : HASHSET_FIRST_CAP;
    uint64_t *slots = alloc_zeroed(cap, sizeof(slots[0]));

    for (size_t i = 0; i < set->cap; i++)
        if (set->slots[i] != 0)
            *slot_of(slots, cap, set->slots[i]) = set->slots[i];
    free(set->slots);
    set->slots = slots;
    set->cap = cap;
}

bool hashset_add(struct hashset *set, uint64_t hash)
{
    uint64_t *slot;

    if (hash == 0)
        hash = 1;
    if (set->used * 2 >= set->cap)
        grow(set);
    slot = slot_of(set->slots, set->cap, hash);
    if (*slot == hash)
        return false;
    *slot = hash;
    set->used++;
    return true;
}
