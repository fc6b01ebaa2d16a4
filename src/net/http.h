/*
 * http: the home of libcurl: many requests at once over one multi handle, connections kept and reused.
 *
 * No request is ever sent twice by itself (design note: libcurl repeats a POST on a fresh connection when a reused
 * one dies before any answer byte; CURLOPT_PREREQFUNCTION is called before each sending and ABORTs the second).
 * Redirects are never followed. Certificates and host names are always checked. Answers are capped.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "model/outcome.h"
#include "net/pace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_BODY_MAX = 1 << 20,    /* bytes of an answer kept; a longer one is cut off: FATE_LOST with its status */
    HTTP_HEADERS_MAX = 1 << 16, /* bytes of all header lines of one answer, 1xx answers included; more: FATE_LOST */
    HTTP_PAYLOAD_MAX = 1 << 16, /* bytes of a request's body (api.md, "Limits") */
    HTTP_KEY_MAX = 4096,        /* bytes of an API key */
};

struct http;

enum http_method { HTTP_GET, HTTP_POST, HTTP_DELETE };

struct http_config {
    const char
        *base_url; /* https://…, or http:// for loopback alone; without a trailing slash; no user, query or fragment */
    const char *api_key; /* sent as X-API-KEY to base_url's host and nowhere else */
    const char *ca_file; /* --cacert or SSL_CERT_FILE; NULL = the system's */
    const char *proxy;   /* --proxy; NULL = what libcurl finds in the environment */
    const char *user_agent;
    unsigned concurrency; /* most requests in flight */
    int64_t timeout_ms;   /* a request, from its start to the last byte of its answer */
    int64_t connect_timeout_ms;
    bool http2;
};

/* Checks the base URL: scheme, loopback rule, no credentials, no query. `err` is EXIT_USAGE. Needs no http handle. */
bool http_check_url(const char *base_url, struct err *err);

struct http *http_new(const struct http_config *config, struct err *err);

/* Gives up whatever is in flight, wipes copies of the key, closes connections. */
void http_free(struct http *http);

/* Gets each piece of a 2xx answer's body as it arrives instead of its being kept; false gives the request up (FATE_LOST). */
typedef bool http_sink(void *context, const char *bytes, size_t len);

struct http_request {
    enum http_method method;
    const char *path; /* appended to base_url, with its leading slash; copied */
    struct span body; /* copied (wiped when the request has ended); empty = none */
    uint64_t tag;     /* the caller's, comes back with the answer */
    http_sink *sink;  /* NULL = keep the body */
    void *sink_context;
};

/* The requests in flight, and whether one more may be started (fewer than `concurrency`). */
unsigned http_in_flight(const struct http *http);
bool http_has_room(const struct http *http);

/* Starts a request. Needs http_has_room(). */
void http_send(struct http *http, const struct http_request *request);

struct http_answer {
    uint64_t tag;
    enum fate fate;
    int status; /* 0 where no status line came */
    bool sent;  /* the PREREQ callback was called: bytes may have left */
    bool timed_out;
    const char
        *problem; /* for people, "connection reset by peer"; NULL for FATE_ANSWERED. Valid until the next http_next() */
    const char *
        problem_code; /* error_code: `timeout`, `connection_lost`, `no_connection`, `no_such_host`, `tls`, `proxy`, `answer_too_large`; static */
    bool fatal;       /* another attempt can't help: bad certificate, unresolvable proxy, unsupported protocol */
    struct span body; /* as far as it came; valid until the next http_next() or http_send() */
    int64_t retry_after_ms; /* -1 = none */
    int64_t date_ms;        /* the Date header in wall ms; -1 = none */
    struct span request_id; /* X-Request-Id or the like; as body */
    struct pace_hint hint;
    int64_t started_ms, ended_ms; /* monotonic: when http_send() was called, when it ended */
    int64_t latency_us;           /* from the sending of the request (PREREQ) to the end; 0 where not sent */
    bool attempt_on_reused;       /* the connection had been used before */
};

/* Takes the next ended request; false where none has ended. */
bool http_next(struct http *http, struct http_answer *answer);

/* Lets transfers go on; returns after `wait_ms` at most, earlier when something happened or http_wakeup() was called. */
bool http_wait(struct http *http, int64_t wait_ms, struct err *err);

/* Wakes http_wait() up; safe in a signal handler. */
void http_wakeup(struct http *http);

/* Gives up every request in flight: each comes out of http_next() as FATE_LOST or FATE_UNSENT with code `stopped`. */
void http_abort(struct http *http);

/* `libcurl/7.88.1 OpenSSL/3.0.15 zlib/1.2.13 nghttp2/1.52.0` for --version. Static. */
const char *http_version(void);

#endif
