/*
 * requests: the latest requests, kept for GET /_sandbox/requests: as the log has them, but with their secrets masked.
 *
 * Memory: at most REQUESTS_MOST of them, and 2 MiB of their texts. The oldest go first.
 */
#ifndef SANDBOX_REQUESTS_H
#define SANDBOX_REQUESTS_H

#include "base/buf.h"
#include "sandbox/log.h"

#include <stddef.h>

enum { REQUESTS_MOST = 10000 };

struct kept_request;

struct requests {
    struct kept_request **ring; /* REQUESTS_MOST slots, from the first request on */
    size_t first, count, bytes;
};

void requests_init(struct requests *requests);
void requests_release(struct requests *requests);

/* Keeps a copy of the line. */
void requests_add(struct requests *requests, const struct log_line *line);

/* Appends `{"results":[…]}`, oldest first. */
void requests_write(const struct requests *requests, struct buf *out);

#endif
