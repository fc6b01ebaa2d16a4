/*
 * witness: whether a list of the account shows what this run knows to exist. Pure, but for memory.
 *
 * A list lags writes, may be served by a replica that lags more, and may be cut without a word. One that lacks a known
 * connector proves no absence. What became known within the lag may be missing.
 *
 * Memory: 48 bytes for each connector that became known within the lag.
 */
#ifndef RUN_WITNESS_H
#define RUN_WITNESS_H

#include "base/buf.h"
#include "model/idset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct witness {
    int64_t lag_ms;      /* how long a list may lack what was made */
    struct idset *known; /* all connectors that are known to exist; borrowed */
    struct idset young;  /* those that a list may still lack */
    struct {
        char id[37];
        int64_t since_ms; /* monotonic */
    } * recent;           /* the young ones in their order */
    size_t recent_count, recent_cap;
    size_t must_show; /* known connectors that the list has to show */
    size_t old_shown, young_shown;
};

void witness_init(struct witness *witness, struct idset *known, int64_t lag_ms);
void witness_release(struct witness *witness);

/* A connector is known to exist since `now_ms`; adds it to `known`. */
void witness_add(struct witness *witness, struct span id, int64_t now_ms);

/* A list is asked for. */
void witness_ask(struct witness *witness, int64_t now_ms);

/* The list begins, again where an attempt failed. */
void witness_begin(struct witness *witness);

/* The list shows that connector; false where it is not a known one. */
bool witness_see(struct witness *witness, struct span id);

/* Whether the list lacks something that it would have to show. */
bool witness_lacks(const struct witness *witness);

/* Whether it has shown anything that is known. */
bool witness_saw(const struct witness *witness);

#endif
