/*
 * log: `--log FILE`: a JSON line for each attempt and event, appended; the man page documents the members.
 *
 * The file is opened for appending with mode 0600. Lines are gathered and written by log_flush() (the event loop calls
 * it once a turn), each write whole lines only. A NULL log takes everything and does nothing.
 */
#ifndef IO_LOG_H
#define IO_LOG_H

#include "base/err.h"
#include "model/json.h"

#include <stdbool.h>

struct log;

struct log *log_open(const char *path, struct err *err);
void log_close(struct log *log); /* flushes */

/* Begins a line with its `time` (RFC 3339, wall clock) and `event`; NULL where there is no log. */
struct json_object *log_begin(struct log *log, const char *event);
/* Ends the line; frees the object. NULL is fine. */
void log_end(struct log *log, struct json_object *line);

/* False where the file can't be written (EXIT_LOCAL), once; after that the log is silent. */
bool log_flush(struct log *log, struct err *err);

#endif
