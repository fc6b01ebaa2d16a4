/*
 * answer: what one request is answered, and how: decided by the routes, carried out by the server.
 */
#ifndef SANDBOX_ANSWER_H
#define SANDBOX_ANSWER_H

#include "base/buf.h"
#include "sandbox/faults.h"
#include "sandbox/stream.h"

#include <stdbool.h>
#include <stdint.h>

enum { ANSWER_HEADERS = 12, ANSWER_HEADER_TEXT = 48, ANSWER_BODY_MAX = 32 * 1024 * 1024 };

struct answer_header {
    const char *name; /* lives for ever */
    char value[ANSWER_HEADER_TEXT];
};

struct answer {
    int status;
    const char *content_type; /* lives for ever */
    struct buf body;
    struct stream *stream; /* owned; where set, the body comes from it and `body` is empty */
    struct answer_header headers[ANSWER_HEADERS];
    int header_count;
    const struct fault *fault;    /* what the client suffers, or NULL */
    int64_t delay_us;             /* the answer is held back this long */
    char connector_id[UUID_TEXT]; /* for the log: the connector that the request was about, or "" */
};

void answer_init(struct answer *answer);
void answer_release(struct answer *answer);

/* Adds a header; more than ANSWER_HEADERS are never added. */
void answer_header(struct answer *answer, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Drops what body there is and starts a new one under `status`; the headers stay. */
void answer_begin(struct answer *answer, int status, const char *content_type);

/* The API's error shapes (api.md, Errors seen). */
void answer_detail(struct answer *answer, int status, const char *detail);
void answer_errors(struct answer *answer, int status, const char *message);
void answer_status_code(struct answer *answer, int status, const char *code, const char *message,
                        const char *request_id);
void answer_message(struct answer *answer, int status, const char *message);
void answer_field(struct answer *answer, int status, const char *field, const char *message);
void answer_problem(struct answer *answer, int status, const char *title, const char *detail);

/* The body becomes the `results` of an object round it. */
void answer_envelop(struct answer *answer);

/* A gateway's HTML page. */
void answer_gateway_page(struct answer *answer, int status);

#endif
