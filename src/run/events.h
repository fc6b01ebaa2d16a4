/*
 * events: the log's lines about rows (io/log.h has the members of all lines).
 */
#ifndef RUN_EVENTS_H
#define RUN_EVENTS_H

#include "io/log.h"
#include "model/outcome.h"
#include "sheet/rows.h"

#include <stdint.h>

/* Begins a line about the row of that index: its number, line and state. NULL where there is no log. */
struct json_object *events_row(struct log *log, const char *event, const struct rows *rows, uint64_t index);

/* The whole line `row`: a row has its outcome. */
void events_outcome(struct log *log, const struct rows *rows, uint64_t index, const struct outcome *outcome);

#endif
