/*
 * plan: `--dry-run`: what a run would do to each row, how many requests that takes and how long.
 */
#ifndef FLOW_PLAN_H
#define FLOW_PLAN_H

#include "base/err.h"
#include "flow/facts.h"
#include "flow/run.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Lists the account where it can, gives rows that exist their outcome, holds the
 * others, and says so row by row on standard output.
 */
struct plan_config {
    const uint32_t *keys;     /* of intake.h */
    const char *why_unlisted; /* the account is not to be listed, because of this; NULL = it is */
    bool skip_existing;
    uint64_t limit; /* 0 = none */
};

bool plan_show(struct run *run, const struct plan_config *config, struct facts *facts, struct err *err);

#endif
