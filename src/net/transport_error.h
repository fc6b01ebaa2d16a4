/*
 * transport_error: why a request has no whole answer: its error_code for machines, its sentence for people, and
 * whether another attempt could help. Pure.
 */
#ifndef NET_TRANSPORT_ERROR_H
#define NET_TRANSPORT_ERROR_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum transport_error {
    TRANSPORT_ERROR_NONE,
    /* The request was not sent. */
    TRANSPORT_ERROR_CONNECT_TIMEOUT,
    TRANSPORT_ERROR_NO_SUCH_HOST,
    TRANSPORT_ERROR_NO_SUCH_PROXY,
    TRANSPORT_ERROR_NO_PROXY,      /* no connection to it */
    TRANSPORT_ERROR_PROXY_TIMEOUT, /* no tunnel through it in time */
    TRANSPORT_ERROR_PROXY_TLS,     /* no TLS with the proxy itself */
    TRANSPORT_ERROR_NO_CONNECTION, /* refused, no route */
    TRANSPORT_ERROR_NO_SOCKET,     /* too many files are open on this machine */
    TRANSPORT_ERROR_PROXY,         /* it could not be spoken to */
    TRANSPORT_ERROR_PROXY_REFUSED, /* it answered CONNECT with a 4xx: it wants a password, or forbids the host */
    TRANSPORT_ERROR_PROXY_FAILED,  /* likewise with another status, which may pass */
    TRANSPORT_ERROR_CERTIFICATE,
    TRANSPORT_ERROR_CA_FILE,
    TRANSPORT_ERROR_TLS,
    TRANSPORT_ERROR_BAD_PATH,
    TRANSPORT_ERROR_UNSENT, /* any other reason */
    /* It was sent and certainly not acted on. */
    TRANSPORT_ERROR_STREAM_REFUSED,
    /* It was sent and may have been acted on. */
    TRANSPORT_ERROR_TIMEOUT,
    TRANSPORT_ERROR_REPEAT, /* a reused connection died; libcurl was about to send the request again */
    TRANSPORT_ERROR_CLOSED, /* the connection was closed without a byte */
    TRANSPORT_ERROR_CUT_HEADER,
    TRANSPORT_ERROR_CUT_BODY,
    TRANSPORT_ERROR_LONG_HEADER,
    TRANSPORT_ERROR_LONG_BODY,
    TRANSPORT_ERROR_NOT_HTTP,
    TRANSPORT_ERROR_SINK, /* the caller's sink gave the answer up */
    TRANSPORT_ERROR_LOST, /* any other reason */
    /* Sent or not. */
    TRANSPORT_ERROR_STOPPED,
    TRANSPORT_ERRORS,
};

/*
 * The result file's error_code: `timeout`, `no_such_host`, `no_connection`, `proxy`, `tls`, `bad_url`,
 * `connection_lost`, `answer_too_large`, `bad_answer`, `stopped`. Static; NULL for TRANSPORT_ERROR_NONE.
 */
const char *transport_error_code(enum transport_error transport_error);

/* Another attempt with the same settings can't help. */
bool transport_error_is_fatal(enum transport_error transport_error);

struct transport_error_run_info {
    const char *host;  /* host:port */
    const char *proxy; /* likewise */
    const char *words; /* what a library or the system says about it; shown escaped and cut */
    int64_t limit_ms;  /* the time that ran out, for the two timeouts */
    int status;        /* the proxy's, for TRANSPORT_ERROR_PROXY_REFUSED and TRANSPORT_ERROR_PROXY_FAILED */
};

/* Appends the sentence, without a full stop. Nothing for TRANSPORT_ERROR_NONE. */
void transport_error_describe(enum transport_error transport_error, const struct transport_error_run_info *info,
                              struct buf *out);

#endif
