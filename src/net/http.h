/*
 * http: the home of libcurl: many requests at once over one multi handle, connections kept and reused.
 *
 * No request is ever sent twice by itself: libcurl repeats a POST by itself when a reused connection dies before any
 * answer byte, and CURLOPT_PREREQFUNCTION, which it calls before each sending, refuses the second one. Nor is one sent
 * on an idle HTTP/1 connection on which something has come in, which would be taken for its answer: it goes out on a
 * fresh one instead, as one sending.
 * Redirects are never followed. Certificates and host names are always checked. Answers are capped.
 * The program that uses this ignores SIGPIPE. One thread uses a handle; http_wakeup() alone may come from elsewhere.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "model/outcome.h"
#include "net/http_request.h"
#include "net/http_url.h"
#include "net/pace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;

/*
 * Copies what it keeps of the configuration. NULL, with `err` set, where the URL, the key, the proxy or the file of
 * authorities can't be used (EXIT_USAGE), or libcurl can't (EXIT_LOCAL).
 */
struct http *http_new(const struct http_config *config, struct err *err);

/* Gives up whatever is in flight, wipes copies of the key and of payloads, closes connections. Takes NULL too. */
void http_free(struct http *http);

/* The requests started and not yet come out of http_next(). */
unsigned http_in_flight(const struct http *http);

/* One more may be started: fewer than `concurrency` are in flight. */
bool http_has_room(const struct http *http);

/*
 * Starts a request, which goes out in the next http_wait(). Needs http_has_room(). One that can't be started comes out
 * of http_next() like any other, as FATE_UNSENT.
 */
void http_send(struct http *http, const struct http_request *request);

struct http_answer {
    uint64_t tag;
    enum fate fate;
    int status;          /* of the header, also where the rest did not come; 0 = none came, or only 1xx */
    bool sent;           /* it may have left, and counts for the rate; also a refused stream (FATE_UNSENT) */
    const char *problem; /* for people, a sentence without a full stop; NULL for FATE_ANSWERED */
    const char *
        problem_code; /* as transport_error_code() lists them (net/transport_error.h); NULL for FATE_ANSWERED. Static */
    bool fatal;       /* another attempt can't help: bad certificate, a proxy that refuses or does not exist */
    struct span body; /* as far as it came; not decoded, whatever its Content-Encoding */
    int64_t retry_after_ms; /* -1 = none, or none that makes sense */
    int64_t date_ms;        /* the Date header in wall ms; -1 likewise */
    struct span request_id; /* X-Request-Id or the like (net/fields.h); empty = none */
    struct pace_hint hint;
    bool more;                    /* its header says that it does not show everything, as it is now (net/fields.h) */
    int64_t total;                /* how many elements its header says there are; -1 = it does not */
    int64_t started_ms, ended_ms; /* monotonic: when http_send() was called, when it ended */
    int64_t latency_us;           /* from the sending of the request to its end; 0 where not sent */
};

/* Takes the next ended request; false where none has ended. What `answer` points to is valid until the next call. */
bool http_next(struct http *http, struct http_answer *answer);

/*
 * Lets requests go on. Returns after `wait_ms` at most, earlier when something happened, a signal came or http_wakeup()
 * was called, at once where an answer is waiting for http_next(). False, with `err` set (EXIT_LOCAL), where the system
 * can't wait for sockets any more.
 */
bool http_wait(struct http *http, int64_t wait_ms, struct err *err);

/*
 * Ends the http_wait() that runs, or the next one, early. For signal handlers and other threads: libcurl only writes a
 * byte to a non-blocking socket of its own there, without a lock or memory, and errno is kept.
 */
void http_wakeup(struct http *http);

/* Gives up every request in flight: each comes out of http_next(), as FATE_LOST or FATE_UNSENT with code `stopped`. */
void http_abort(struct http *http);

/* `libcurl/7.88.1 OpenSSL/3.0.15 zlib/1.2.13 nghttp2/1.52.0` for --version. Static. */
const char *http_version(void);

#endif
