/*
 * load: the connectors of a result file of connload, put into the sandbox's account. The one home of libcsv in the
 * sandbox.
 */
#ifndef SANDBOX_LOAD_H
#define SANDBOX_LOAD_H

#include "base/err.h"
#include "sandbox/world.h"

#include <stdbool.h>

/*
 * Stores a connector for each row of `path` whose connector_id is an id: with that id, its inbox, its times and its
 * last sync, all visible. What the sandbox's colleague owns (owner_id) stays his; all else is the first account's.
 * False with a sentence: EXIT_LOCAL where it can't be read, EXIT_INPUT where it is no such file.
 */
bool load_results(struct world *world, const char *path, struct err *err);

#endif
