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

/* What is known of one request. */
struct log_line {
    uint64_t seq;
    int64_t ms;          /* monotonic */
    uint64_t connection; /* its number */
    const char *method;
    const char *path;         /* with the query */
    bool key;                 /* whether it is valid */
    const char *content_type; /* or NULL */
    struct span body;         /* followed by a NUL */
    int status;               /* 0: not answered */
    const char *fault;        /* or NULL; lives for ever */
    const char *connector_id; /* or NULL */
};

/* The line of a call and its answer; valid as long as they are. */
struct log_line log_line_of(uint64_t seq, int64_t ms, const struct call *call, bool key, const struct answer *answer);

/*
 * Appends the line as a JSON object: the body as JSON, as a string where it is none, or null. `masked`: without
 * secrets; a body that is no JSON and may hold one is masked whole.
 */
void log_format(struct buf *out, const struct log_line *line, bool masked);

/* Writes the line, secrets included. The first one that can't be written is the last: log_close() says so. */
void log_write(struct log *log, const struct log_line *line);

#endif
