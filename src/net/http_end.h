/*
 * http_end: what became of a transfer: whether it was answered, lost or never sent, and why. A part of net/http.
 */
#ifndef NET_HTTP_END_H
#define NET_HTTP_END_H

#include "base/buf.h"
#include "model/outcome.h"
#include "net/http_url.h"
#include "net/transport_error.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/* How a transfer has ended, as libcurl and what it called have told. */
struct http_end {
    CURLcode result;
    enum transport_error transport_error; /* what the result does not say, or TRANSPORT_ERROR_NONE */
    unsigned sendings;                    /* calls of the PREREQ callback */
    bool refused;    /* the server has refused the HTTP/2 stream: it says that it has done nothing */
    int opened_port; /* of the last address to which a connection was tried; 0 = none was */
    int open_error;  /* errno where there were too many open files for one more socket, or 0 */

    /* What http_end_read() finds out. */
    bool by_proxy;     /* the way led through the proxy */
    int proxy_status;  /* of its answer to CONNECT; 0 = none came */
    int cause;         /* errno of the connection, or 0 */
    const char *error; /* libcurl's words; for people alone */
};

/* Asks the handle for what its result leaves open. */
void http_end_read(struct http_end *end, CURL *easy, const struct http_base *base);

enum fate http_end_fate(const struct http_end *end);

/* Why it has no whole answer. */
enum transport_error http_end_transport_error(const struct http_end *end, const struct http_base *base);

/* Appends the sentence for that trouble. `limit_ms` is the time that the transfer had, for the timeouts. */
void http_end_explain(const struct http_end *end, const struct http_base *base, int64_t limit_ms, struct buf *out);

#endif
