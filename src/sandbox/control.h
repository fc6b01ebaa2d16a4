/*
 * control: the sandbox's own paths, for the tests that drive it. They need no key, suffer no fault and count nowhere.
 *
 *   GET  /_sandbox/stats       counts, as one JSON object
 *   GET  /_sandbox/connectors  every connector of every account, without lag; of secrets a hash
 *   GET  /_sandbox/faults      the orders; POST replaces them all: {"drop-after": 50, "list:slow": "100:1"}
 *   GET  /_sandbox/rate        {"rate":"500/m"}; POST sets it, "none" lifts it
 *   POST /_sandbox/reset       forgets connectors, counts and used-up limits
 */
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "sandbox/answer.h"
#include "sandbox/call.h"
#include "sandbox/world.h"

/* Answers a call whose path begins with /_sandbox/. */
void control_answer(struct world *world, const struct call *call, struct answer *answer);

#endif
