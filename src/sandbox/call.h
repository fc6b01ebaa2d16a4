/*
 * call: one HTTP request as it arrived. Every pointer is the server's and lives until the request is answered.
 */
#ifndef SANDBOX_CALL_H
#define SANDBOX_CALL_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct call {
    const char *method;
    const char *path;         /* decoded, without the query */
    const char *uri;          /* as sent, with the query */
    const char *key;          /* X-API-KEY, or NULL */
    const char *content_type; /* or NULL */
    const char *force_delete; /* the query parameter, "" where it has no value, or NULL */
    struct span body;         /* followed by a NUL */
    bool too_large;           /* the body was longer than PAYLOAD_BODY_MAX; `body` is cut */
    bool reused;              /* the connection served an earlier request */
    uint64_t connection;      /* the connection's number, from 1 */
};

#endif
