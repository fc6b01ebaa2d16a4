/*
 * list: `connload list`: the account's connectors as a result file: each a row, `exists` or `archived`, its fields as
 * input columns. No secret comes back from the API, so the secret columns are empty.
 */
#ifndef COMMAND_LIST_H
#define COMMAND_LIST_H

#include "base/exit.h"
#include "command/session.h"
#include "io/console.h"

#include <stdbool.h>

struct list_config {
    struct session_config session;
    const char *output; /* -o; NULL = standard output */
    char delimiter;     /* 0 = comma */
    bool force;         /* may replace an existing file */
};

enum exit_code list_run(const struct list_config *config, struct console *console);

#endif
