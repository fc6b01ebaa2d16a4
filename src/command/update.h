/*
 * update: `connload update`: makes the connectors of a result file what its rows say.
 *
 * Each row that names a connector by its id, and is not archived, is compared with it (edit.h), and what differs is put
 * right by one PUT of the whole connector. PUT is idempotent (api.md): a lost answer is asked for again, an interrupted
 * run can be run again. The file is rewritten: `created` rows stay `created`, `exists` become `updated`; a row whose
 * connector could not be changed keeps its status, and error_code says why.
 */
#ifndef COMMAND_UPDATE_H
#define COMMAND_UPDATE_H

#include "command/rewrite.h"

#include <stdbool.h>

struct update_config {
    struct rewrite_config rewrite; /* but for its command */
    bool again;                    /* also what the account says was changed since the file was written */
};

enum exit_code update_run(const struct update_config *config, struct console *console);

#endif
