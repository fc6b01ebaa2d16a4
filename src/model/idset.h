/*
 * idset: a set of connector ids, 8 to 16 bytes each: which connectors are some row's.
 *
 * An id is kept as a 63-bit digest of its UUID, so a set of a million ids holds a false member with a chance below 1 in
 * ten million, and then errs to the safe side: a row ends `unknown` instead of being paired.
 */
#ifndef MODEL_IDSET_H
#define MODEL_IDSET_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idset {
    uint64_t *slot; /* 0 = free; a member's lowest bit is its mark */
    size_t count, cap;
};

void idset_init(struct idset *set);

/* Makes room for `count` ids in all: a set that is never to grow needs no memory for two tables at once. */
void idset_reserve(struct idset *set, size_t count);

void idset_release(struct idset *set);

/* Adds the id (case does not matter); false where it was there already. */
bool idset_add(struct idset *set, struct span id);

bool idset_has(const struct idset *set, struct span id);

/* Marks a member; true where it is one and had no mark. */
bool idset_mark(struct idset *set, struct span id);

/* Takes all marks off. */
void idset_unmark(struct idset *set);

#endif
