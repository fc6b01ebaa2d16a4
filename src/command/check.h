/*
 * check: `connload check`: every row checked, nothing sent; with -o the errors are written beside the rows.
 */
#ifndef COMMAND_CHECK_H
#define COMMAND_CHECK_H

#include "base/exit.h"
#include "command/paths.h"
#include "command/session.h"
#include "io/console.h"
#include "sheet/sheet.h"

#include <stdbool.h>

struct check_config {
    struct session_config session;
    struct sheet_config sheet;
    struct paths_config paths; /* nothing is written without an `output` */
    bool allow_duplicates, redact;
    unsigned shard, shard_count;
};

/* Says every problem of every row, and what they come to. EXIT_ALL_DONE where there is none, else EXIT_SOME_NOT. */
enum exit_code check_run(const struct check_config *config, struct console *console);

#endif
