/*
 * hashset: a set of 64-bit hashes. Two different things with one hash are taken for the same: for a million payloads
 * the odds are about 3 in 100 million.
 */
#ifndef SANDBOX_HASHSET_H
#define SANDBOX_HASHSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashset {
    uint64_t *slots; /* 0: empty */
    size_t cap, used;
};

void hashset_init(struct hashset *set);
void hashset_release(struct hashset *set);

/* Adds `hash`; true where it was not in the set yet. */
bool hashset_add(struct hashset *set, uint64_t hash);

#endif
