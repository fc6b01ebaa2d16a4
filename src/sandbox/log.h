/*
 * log: a JSON line for each request, in the order in which they arrived, written before the request is answered.
 *
 * The file has mode 0600: the bodies are in it as they came, with their secrets, so that a test can assert exact
 * requests.
 */
#ifndef SANDBOX_LOG_H
#define SANDBOX_LOG_H

#include "base/err.h"
#include "sandbox/answer.h"
#include "sandbox/call.h"

#include <stdbool.h>
#include <stdint.h>

struct log;

/* Opens `path` for writing, emptied; NULL, with a sentence, where that can't be. */
struct log *log_open(const char *path, struct err *err);

/* Takes NULL. False, with a sentence, where a line could not be written. */
bool log_close(struct log *log, struct err *err);

/*
 * Writes the line: seq, ms (monotonic), connection (its number), method, path (with query), key (whether it is
 * valid), content_type, body (JSON, or a string where it is none, or null), status (null: not answered), fault,
 * connector_id. The first line that can't be written is the last: log_close() says so.
 */
void log_write(struct log *log, uint64_t seq, int64_t mono_ms, const struct call *call, bool key_ok,
               const struct answer *answer);

#endif
