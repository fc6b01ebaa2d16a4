/*
 * url: which base URLs a key may be sent to. Pure: net/http_url.c takes the URL apart with the same parser that will
 * later send the request, so that the two can't disagree about what the host is.
 */
#ifndef NET_URL_H
#define NET_URL_H

#include "base/err.h"

#include <stdbool.h>

/* The parts as libcurl's URL API gives them: scheme in lower case, IPv4 addresses in canonical form, [] round IPv6. */
struct url_parts {
    const char *scheme, *host; /* NULL = none */
    bool has_user;             /* a user name or a password */
};

/* 127.0.0.0/8, [::1] and `localhost` (which libcurl never asks DNS for); no name that merely looks like them. */
bool url_is_loopback(const char *host);

/*
 * https, or http for loopback alone; no user, no password, no query, no fragment. `text` is the whole URL, as typed.
 * `err` is EXIT_USAGE; it quotes the URL only where that holds no password.
 */
bool url_check(const char *text, const struct url_parts *parts, struct err *err);

/* Proxies that libcurl can speak to. */
bool url_is_proxy_scheme(const char *scheme);

#endif
