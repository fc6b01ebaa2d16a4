/*
 * http_url: the base URL and the proxy, taken apart by the parser that will later send the requests, so that the two
 * can't disagree about what the host is. A part of net/http; others need http_check_url() alone.
 */
#ifndef NET_HTTP_URL_H
#define NET_HTTP_URL_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

/*
 * https://…, or http:// for loopback alone (127.0.0.0/8, [::1], localhost); no user, password, query or fragment. Where
 * not, false, and `err` is EXIT_USAGE. Needs no http handle.
 */
bool http_check_url(const char *base_url, struct err *err);

enum { HTTP_URL_MAX = 8192 }; /* bytes of base URL and path together */

/* The base URL as later requests and sentences need it. */
struct http_base {
    struct buf origin;    /* scheme://host:port/ */
    struct buf prefix;    /* the path, without slashes at the end; empty = none */
    struct buf authority; /* host:port, for people */
    struct buf proxy;     /* host:port of the proxy that is configured; empty = none */
    int port, proxy_port;
    bool plain;     /* http to this machine: no proxy is used, whatever the environment says */
    bool proxy_tls; /* the proxy is spoken to over TLS */
};

/*
 * `text` is as http_check_url() wants it, `proxy` is --proxy or NULL. False, with `err` set (EXIT_USAGE), where one of
 * them, or the proxy in the environment, can't be used. http_base_release() takes what is left, too.
 */
bool http_base_init(struct http_base *base, const char *text, const char *proxy, struct err *err);

void http_base_release(struct http_base *base);

#endif
