/*
 * list: `connload list`: the account's connectors as a result file: each a row, `exists` or `archived`, its fields as
 * input columns. No secret comes back from the API, so the secret columns are empty.
 */
#ifndef COMMAND_LIST_H
#define COMMAND_LIST_H

#include "api/client.h"
#include "base/exit.h"
#include "io/console.h"
#include "report/reporting.h"

#include <stdbool.h>

struct list_config {
    struct client_config client; /* http.api_key is filled in */
    struct reporting_config reporting;
    const char *api_key_file;
    const char *output; /* -o; NULL = standard output */
    char delimiter;     /* 0 = comma */
    bool force;         /* may replace an existing file */
};

enum exit_code list_run(const struct list_config *config, struct console *console);

#endif
