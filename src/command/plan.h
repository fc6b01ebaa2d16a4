/*
 * plan: `--dry-run`: what a run would do to each row, how many requests that takes and how long.
 */
#ifndef COMMAND_PLAN_H
#define COMMAND_PLAN_H

#include "base/err.h"
#include "prior/existing.h"
#include "report/run_info.h"
#include "run/run.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Lists the account where it can and anything is to be sent, gives rows that exist their outcome, holds the others, and
 * says so row by row on `out`, a descriptor; run_info->planned counts those that would be sent. A refused key stops the
 * client, as it would the run, and nothing is said.
 */
struct plan_config {
    struct existing_config existing;
    const char *why_unlisted; /* the account is not to be listed, because of this; NULL = it is */
    bool again;               /* --again, or a run that goes on: nobody is asked about exact twins */
    bool held;                /* --strict, and a row fails the checks: nothing would be sent */
    uint64_t limit;           /* 0 = none */
    int out;                  /* standard output, or standard error where the results go to that */
};

/* Appends how many requests a plan takes, `parts` of which, and how long the limit makes that last: a line. */
void plan_cost(const struct client *client, uint64_t requests, const char *parts, struct buf *out);

bool plan_show(struct run *run, const struct plan_config *config, struct run_info *info, struct err *err);

#endif
