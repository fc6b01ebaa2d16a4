/*
 * api: what each request is answered: the connectors API (api.md) and, under /_sandbox/, the sandbox's own.
 */
#ifndef SANDBOX_API_H
#define SANDBOX_API_H

#include "sandbox/answer.h"
#include "sandbox/call.h"
#include "sandbox/world.h"

#include <stdbool.h>

/* Whether the path is one of the sandbox's own: neither counted nor limited, and needs no key. */
bool api_is_control(const char *path);

/* Does what `call` asks for, counts it, and sets `answer`, which is initialised and empty. */
void api_answer(struct world *world, const struct call *call, struct answer *answer);

#endif
