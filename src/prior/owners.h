/*
 * owners: whose connectors are one's own: told by one that an earlier run has created, or by all that are not shared. A
 * list shows what is one's own, and what colleagues share (api.md).
 */
#ifndef PRIOR_OWNERS_H
#define PRIOR_OWNERS_H

#include "model/remote.h"

#include <stdbool.h>
#include <stdint.h>

struct owners {
    uint64_t creator, unshared; /* run_owner_hash(); 0 = not known */
    bool several;               /* owners of unshared ones: they tell nothing */
};

/* A connector of the account; `created`: certainly by the key's own user. */
void owners_note(struct owners *owners, const struct remote *remote, bool created);

/* Whose the key is, as far as is known: `known` where it is not 0. 0 = not known. */
uint64_t owners_own(const struct owners *owners, uint64_t known);

#endif
