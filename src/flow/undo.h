/*
 * undo: `connload undo`: archives the connectors that a result file names as created.
 *
 * DELETE is idempotent (api.md): a lost answer is simply asked for again, and an interrupted run can be run again. The
 * result file is rewritten with `archived`; a row whose connector could not be archived stays `created`. An answer that
 * does not say `archived: true` is checked by a GET of the connector. One that is gone behind a DELETE that may have
 * been acted on is archived.
 */
#ifndef FLOW_UNDO_H
#define FLOW_UNDO_H

#include "base/exit.h"
#include "flow/courier.h"
#include "flow/sheet.h"
#include "io/console.h"
#include "report/reporting.h"

#include <stdbool.h>
#include <stdint.h>

struct undo_config {
    struct sheet_config sheet;     /* the result file */
    struct courier_config courier; /* http.api_key is filled in */
    const char *repeat;            /* of facts.h */
    struct reporting_config reporting;
    const char *api_key_file;
    int64_t settle_ms; /* how long reads may lag writes: so long after it a DELETE is checked */
    bool yes;          /* do not ask */
    bool dry_run;      /* say what would be archived, and send nothing */
    bool redact;
};

enum exit_code undo_run(const struct undo_config *config, struct console *console);

#endif
