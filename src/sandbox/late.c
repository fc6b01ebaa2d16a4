#include "sandbox/late.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { FIRST_CAP = 16 };

void late_init(struct late *late)
{
    *late = (struct late){0};
    timers_init(&late->due);
}

void late_release(struct late *late)
{
    for (size_t i = 0; i < late->count; i++)
        payload_release(&late->creates[i].payload);
    free(late->creates);
    timers_release(&late->due);
    late_init(late);
}

void late_add(struct late *late, int64_t due_us, const struct store_entry *entry, struct payload *payload)
{
    if (late->count == late->cap) {
        late->cap = late->cap > 0 ? late->cap * 2 : FIRST_CAP;
        late->creates = alloc_resize(late->creates, late->cap, sizeof(late->creates[0]));
    }
    late->creates[late->count] = (struct late_create){.entry = *entry, .payload = *payload};
    payload_init(payload);
    timers_add(&late->due, due_us, late->count++);
}

size_t late_carry_out(struct late *late, struct store *store, int64_t mono_us)
{
    size_t done = 0;
    uint64_t at;

    while (timers_pop(&late->due, mono_us, &at)) {
        store_add(store, &late->creates[at].entry, &late->creates[at].payload);
        payload_release(&late->creates[at].payload);
        done++;
    }
    return done;
}
