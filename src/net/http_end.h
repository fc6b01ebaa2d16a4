/*
 * http_end: what became of a transfer: whether it was answered, lost or never sent, and why. A part of net/http.
 */
#ifndef NET_HTTP_END_H
#define NET_HTTP_END_H

#include "base/buf.h"
#include "model/outcome.h"
#include "net/http_url.h"
#include "net/trouble.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/* How a transfer has ended, as libcurl and what it called have told. */
struct http_end {
    CURL *easy;
    const struct http_base *base;
    CURLcode result;
    enum trouble trouble; /* what the result does not say, or TROUBLE_NONE */
    int open_error;       /* errno where there were too many open files for one more socket, or 0 */
    unsigned sendings;    /* calls of the PREREQ callback */
    bool refused;         /* the server has refused the HTTP/2 stream: it says that it has done nothing */
    const char *error;    /* libcurl's words */
};

enum fate http_end_fate(const struct http_end *end);

/* Why it has no whole answer; the sentence is appended. `limit_ms` is the time that it had, for the timeouts. */
enum trouble http_end_explain(const struct http_end *end, int64_t limit_ms, struct buf *out);

#endif
