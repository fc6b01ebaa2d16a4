/*
 * create: `connload create`: a connector for every row that has none yet, exactly once.
 */
#ifndef COMMAND_CREATE_H
#define COMMAND_CREATE_H

#include "api/client.h"
#include "base/exit.h"
#include "command/paths.h"
#include "command/session.h"
#include "io/console.h"
#include "sheet/sheet.h"

#include <stdbool.h>
#include <stdint.h>

struct create_config {
    struct sheet_config sheet;
    struct session_config session;
    struct paths_config paths;
    int64_t late_ms; /* how long after it was given up a request may still be acted on */
    int64_t settle_ms;
    uint64_t limit;        /* the first so many sendable rows; 0 = all */
    uint64_t max_failures; /* a number, or hundredths of a percent of the rows to be sent; 0 = never */
    bool max_failures_percent;
    unsigned shard, shard_count;
    bool skip_existing, update, again, strict, allow_duplicates, preflight, redact;
};

/* Runs the whole command: everything that is said is said, everything that is to be written is written. */
enum exit_code create_run(const struct create_config *config, struct console *console);

#endif
