/*
 * trouble: why a request has no whole answer: its error_code for machines, its sentence for people, and whether another
 * attempt could help. Pure.
 */
#ifndef NET_TROUBLE_H
#define NET_TROUBLE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum trouble {
    TROUBLE_NONE,
    /* The request was not sent. */
    TROUBLE_CONNECT_TIMEOUT,
    TROUBLE_NO_SUCH_HOST,
    TROUBLE_NO_SUCH_PROXY,
    TROUBLE_NO_PROXY,      /* no connection to it */
    TROUBLE_PROXY_TIMEOUT, /* no tunnel through it in time */
    TROUBLE_PROXY_TLS,     /* no TLS with the proxy itself */
    TROUBLE_NO_CONNECTION, /* refused, no route */
    TROUBLE_NO_SOCKET,     /* too many files are open on this machine */
    TROUBLE_PROXY,         /* it could not be spoken to */
    TROUBLE_PROXY_REFUSED, /* it answered CONNECT with a 4xx: it wants a password, or forbids the host */
    TROUBLE_PROXY_FAILED,  /* likewise with another status, which may pass */
    TROUBLE_CERTIFICATE,
    TROUBLE_CA_FILE,
    TROUBLE_TLS,
    TROUBLE_BAD_PATH,
    TROUBLE_UNSENT, /* any other reason */
    /* It was sent and certainly not acted on. */
    TROUBLE_STREAM_REFUSED,
    /* It was sent and may have been acted on. */
    TROUBLE_TIMEOUT,
    TROUBLE_REPEAT, /* a reused connection died; libcurl was about to send the request again */
    TROUBLE_CLOSED, /* the connection was closed without a byte */
    TROUBLE_CUT_HEADER,
    TROUBLE_CUT_BODY,
    TROUBLE_LONG_HEADER,
    TROUBLE_LONG_BODY,
    TROUBLE_NOT_HTTP,
    TROUBLE_SINK, /* the caller's sink gave the answer up */
    TROUBLE_LOST, /* any other reason */
    /* Sent or not. */
    TROUBLE_STOPPED,
    TROUBLES,
};

/*
 * The result file's error_code: `timeout`, `no_such_host`, `no_connection`, `proxy`, `tls`, `bad_url`,
 * `connection_lost`, `answer_too_large`, `bad_answer`, `stopped`. Static; NULL for TROUBLE_NONE.
 */
const char *trouble_code(enum trouble trouble);

/* Another attempt with the same settings can't help. */
bool trouble_is_fatal(enum trouble trouble);

struct trouble_facts {
    const char *host;  /* host:port */
    const char *proxy; /* likewise */
    const char *words; /* what a library or the system says about it; shown escaped and cut */
    int64_t limit_ms;  /* the time that ran out, for the two timeouts */
    int status;        /* the proxy's, for TROUBLE_PROXY_REFUSED and TROUBLE_PROXY_FAILED */
};

/* Appends the sentence, without a full stop. Nothing for TROUBLE_NONE. */
void trouble_describe(enum trouble trouble, const struct trouble_facts *facts, struct buf *out);

#endif
