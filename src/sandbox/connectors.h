/*
 * connectors: the calls of api.md, and the faults they suffer.
 */
#ifndef SANDBOX_CONNECTORS_H
#define SANDBOX_CONNECTORS_H

#include "sandbox/answer.h"
#include "sandbox/call.h"
#include "sandbox/world.h"

/* Carries out a call whose key and rate have been accepted. `request_id` is quoted in errors. */
void connectors_answer(struct world *world, struct account *account, const struct call *call, const char *request_id,
                       struct answer *answer);

#endif
