/*
 * http_request: what net/http takes: how it is set up, and what is to be sent.
 */
#ifndef NET_HTTP_REQUEST_H
#define NET_HTTP_REQUEST_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_BODY_MAX = 1 << 20,    /* bytes of an answer kept; a longer one is cut off: FATE_LOST with its status */
    HTTP_HEADERS_MAX = 1 << 16, /* bytes of all header lines of one answer, 1xx answers included; more: FATE_LOST */
    HTTP_PAYLOAD_MAX = 1 << 16, /* bytes of a request's body (api.md, "Limits") */
    HTTP_KEY_MAX = 4096,        /* bytes of an API key */
};

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE };

struct http_config {
    const char *base_url;   /* as http_check_url() wants it; a path prefix is kept, slashes at its end are not */
    const char *api_key;    /* sent as X-API-KEY to base_url's host and nowhere else */
    const char *ca_file;    /* --cacert or SSL_CERT_FILE, instead of the system's authorities; NULL = those */
    const char *proxy;      /* --proxy; NULL = what libcurl finds in the environment. Never used for loopback http */
    const char *user_agent; /* `connload/0.2.0` */
    unsigned concurrency;   /* most requests in flight, at least 1 */
    int64_t timeout_ms;     /* a request, from its start to the last byte of its answer */
    int64_t connect_timeout_ms;
    bool http2; /* over TLS where the server speaks it; else HTTP/1.1 */
};

/* Gets each piece of a 2xx answer's body as it comes; none is kept. False gives the request up: FATE_LOST. */
typedef bool http_sink(void *context, const char *bytes, size_t len);

struct http_request {
    enum http_method method;
    const char *path; /* appended to base_url, with its leading slash, made of a URL's characters; copied */
    struct span body; /* of a POST or a PUT alone; copied, and wiped when the request has ended */
    uint64_t tag;     /* the caller's, comes back with the answer */
    http_sink *sink;  /* NULL = keep the body; other than 2xx is always kept */
    void *sink_context;
};

#endif
