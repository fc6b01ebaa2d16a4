#include "run/witness.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

void witness_init(struct witness *witness, struct idset *known, int64_t lag_ms)
{
    *witness = (struct witness){.known = known, .lag_ms = lag_ms};
    idset_init(&witness->young);
}

void witness_release(struct witness *witness)
{
    idset_release(&witness->young);
    free(witness->recent);
}

/* Those that are no longer young go. */
static void forget_old(struct witness *witness, int64_t now_ms)
{
    size_t old = 0;

    while (old < witness->recent_count && witness->recent[old].since_ms + witness->lag_ms <= now_ms)
        old++;
    if (old == 0)
        return;
    witness->recent_count -= old;
    memmove(witness->recent, witness->recent + old, witness->recent_count * sizeof(witness->recent[0]));
    idset_release(&witness->young);
    for (size_t i = 0; i < witness->recent_count; i++)
        idset_add(&witness->young, span_of(witness->recent[i].id));
}

static void make_room(struct witness *witness, int64_t now_ms)
{
    if (witness->recent_count < witness->recent_cap)
        return;
    forget_old(witness, now_ms);
    if (2 * witness->recent_count < witness->recent_cap)
        return;
    witness->recent_cap = witness->recent_cap > 0 ? 2 * witness->recent_cap : 64;
    witness->recent = alloc_resize(witness->recent, witness->recent_cap, sizeof(witness->recent[0]));
}

void witness_add(struct witness *witness, struct span id, int64_t now_ms)
{
    if (id.len >= sizeof(witness->recent[0].id) || !idset_add(witness->known, id))
        return;
    make_room(witness, now_ms);
    memcpy(witness->recent[witness->recent_count].id, id.data, id.len);
    witness->recent[witness->recent_count].id[id.len] = '\0';
    witness->recent[witness->recent_count++].since_ms = now_ms;
    idset_add(&witness->young, id);
}

void witness_ask(struct witness *witness, int64_t now_ms)
{
    forget_old(witness, now_ms);
    witness->must_show = witness->known->count - witness->young.count;
}

void witness_begin(struct witness *witness)
{
    idset_unmark(witness->known);
    witness->old_shown = witness->young_shown = 0;
}

bool witness_see(struct witness *witness, struct span id)
{
    if (idset_mark(witness->known, id)) {
        if (idset_has(&witness->young, id))
            witness->young_shown++;
        else
            witness->old_shown++;
        return true;
    }
    return idset_has(witness->known, id);
}

bool witness_lacks(const struct witness *witness)
{
    return witness->old_shown < witness->must_show;
}

bool witness_saw(const struct witness *witness)
{
    return witness->old_shown + witness->young_shown > 0;
}
