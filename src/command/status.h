/*
 * status: `connload status`: says how the connectors of a result file do, and changes nothing.
 *
 * One list of the account, and one GET for each connector that the list lacks. Standard output gets a line for each
 * connector that is missing, was archived by somebody, or whose last sync failed, and for each of which nobody can
 * tell; then the counts. Rows that are `archived` in the file, or that name no connector, are not looked for.
 */
#ifndef COMMAND_STATUS_H
#define COMMAND_STATUS_H

#include "command/rewrite.h"

enum exit_code status_run(const struct rewrite_config *config, struct console *console);

#endif
