/*
 * late: creates that take effect a while after they were answered.
 *
 * They are carried out at the first request after their time: nobody can tell that from their time itself. About
 * 300 bytes each, until late_release().
 */
#ifndef SANDBOX_LATE_H
#define SANDBOX_LATE_H

#include "base/timers.h"
#include "sandbox/payload.h"
#include "sandbox/store.h"

#include <stddef.h>
#include <stdint.h>

struct late_create {
    struct store_entry entry;
    struct payload payload;
};

struct late {
    struct timers due;           /* in monotonic microseconds; the ids are indexes of `creates` */
    struct late_create *creates; /* in the order in which they were asked for */
    size_t count, cap;
};

void late_init(struct late *late);

/* Forgets what was not carried out. */
void late_release(struct late *late);

/* Puts a create off until `due_us` (monotonic). Takes the content of `payload`, which is empty afterwards. */
void late_add(struct late *late, int64_t due_us, const struct store_entry *entry, struct payload *payload);

/* Stores what is due at `mono_us`; how many that were. */
size_t late_carry_out(struct late *late, struct store *store, int64_t mono_us);

#endif
