/*
 * undo: `connload undo`: archives the connectors that a result file names as created.
 *
 * DELETE is idempotent (api.md): a lost answer is simply asked for again, and an interrupted run can be run again. The
 * result file is rewritten with `archived`; a row whose connector could not be archived stays `created`. An answer that
 * does not say `archived: true` is checked by a GET of the connector. One that is gone behind a DELETE that may have
 * been acted on is archived.
 */
#ifndef COMMAND_UNDO_H
#define COMMAND_UNDO_H

#include "command/rewrite.h"

#include <stdbool.h>

struct undo_config {
    struct rewrite_config rewrite; /* but for its command */
    bool yes;                      /* do not ask */
};

enum exit_code undo_run(const struct undo_config *config, struct console *console);

#endif
