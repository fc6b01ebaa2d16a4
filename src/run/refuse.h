/*
 * refuse: rows that fail the checks get their outcome, before anything is sent.
 */
#ifndef RUN_REFUSE_H
#define RUN_REFUSE_H

#include "base/err.h"
#include "model/outcome.h"
#include "run/run.h"

#include <stdbool.h>

/*
 * Gives every row that fails the checks its outcome: says it (`FILE:LINE: …`), counts it, writes it to the run's
 * journal and log where there are any, and tells `listener`. Rows that have an outcome already (an interrupted run's)
 * are passed over. Fails as sheet_at() does, or where the journal can't be written.
 */
bool refuse_invalid(struct run *run, const struct row_listener *listener, struct err *err);

#endif
