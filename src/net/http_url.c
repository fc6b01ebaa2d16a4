#include "net/http_url.h"

#include "base/text.h"
#include "net/url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return there;
}

/* The part, or NULL; the caller gives it to curl_free(). */
static char *url_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;

    return curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK ? text : NULL;
}

static bool check_parts(CURLU *url, const char *text, struct err *err)
{
    char *scheme = url_part(url, CURLUPART_SCHEME), *host = url_part(url, CURLUPART_HOST);
    struct url_parts parts = {
        .scheme = scheme,
        .host = host,
        .has_user = has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD),
    };
    bool ok = url_check(text, &parts, err);

    curl_free(scheme);
    curl_free(host);
    return ok;
}

/* The URL parsed and found good, or NULL; the caller gives it to curl_url_cleanup(). */
static CURLU *parse_base_url(const char *text, struct err *err)
{
    CURLU *url = curl_url();
    CURLUcode code = CURLUE_OUT_OF_MEMORY;

    if (url != NULL)
        code = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS);
    /* Not quoted: what can't be parsed may hold a password. */
    if (code == CURLUE_OUT_OF_MEMORY)
        err_set(err, EXIT_LOCAL, "out of memory");
    else if (code == CURLUE_BAD_SCHEME)
        err_set(err, EXIT_USAGE, "the base URL must begin with https://");
    else if (code != CURLUE_OK)
        err_set(err, EXIT_USAGE, "the base URL can't be used: %s", curl_url_strerror(code));
    else if (strlen(text) > HTTP_URL_MAX / 2)
        err_set(err, EXIT_USAGE, "the base URL is longer than %d bytes", HTTP_URL_MAX / 2);
    else if (check_parts(url, text, err))
        return url;
    curl_url_cleanup(url);
    return NULL;
}

bool http_check_url(const char *base_url, struct err *err)
{
    CURLU *url = parse_base_url(base_url, err);

    curl_url_cleanup(url);
    return url != NULL;
}

/* The variable that libcurl takes the proxy for https from, other things being equal; NULL = none. */
static const char *proxy_variable(void)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && value[0] != '\0')
            return names[i];
    }
    return NULL;
}

static bool read_base(struct http_base *base, const char *text, struct err *err)
{
    CURLU *url = parse_base_url(text, err);
    char *scheme, *host, *port, *path;
    bool ok;

    if (url == NULL)
        return false;
    scheme = url_part(url, CURLUPART_SCHEME);
    host = url_part(url, CURLUPART_HOST);
    port = url_part(url, CURLUPART_PORT);
    path = url_part(url, CURLUPART_PATH);
    ok = scheme != NULL && host != NULL && port != NULL && path != NULL;
    if (ok) {
        base->port = atoi(port);
        base->plain = strcmp(scheme, "http") == 0;
        buf_format(&base->authority, "%s:%s", host, port);
        buf_format(&base->origin, "%s://%s:%s/", scheme, host, port);
        buf_text(&base->prefix, path);
        while (base->prefix.len > 0 && base->prefix.data[base->prefix.len - 1] == '/')
            base->prefix.len--;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_url_cleanup(url);
    return ok || err_set(err, EXIT_LOCAL, "out of memory");
}

static bool is_decodable(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(url, part, &text, CURLU_URLDECODE);

    curl_free(text);
    return code == CURLUE_OK || code == CURLUE_NO_USER || code == CURLUE_NO_PASSWORD;
}

/* Where it can't decode the user, libcurl (7.88) goes without a proxy, silently. */
static bool is_usable_proxy(CURLU *url, const char *scheme)
{
    return scheme != NULL && url_is_proxy_scheme(scheme) && is_decodable(url, CURLUPART_USER) &&
           is_decodable(url, CURLUPART_PASSWORD);
}

/* `name` says where it comes from. */
static bool read_proxy(struct http_base *base, const char *name, const char *proxy, struct err *err)
{
    CURLU *url = curl_url();
    unsigned flags = CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME;
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool ok;

    if (url != NULL && curl_url_set(url, CURLUPART_URL, proxy, flags) == CURLUE_OK) {
        scheme = url_part(url, CURLUPART_SCHEME);
        host = url_part(url, CURLUPART_HOST);
        curl_url_get(url, CURLUPART_PORT, &port, 0);
    }
    ok = is_usable_proxy(url, scheme);
    if (ok) {
        base->proxy_tls = strcmp(scheme, "https") == 0;
        base->proxy_port = port != NULL ? atoi(port) : base->proxy_tls ? 443 : 1080; /* as libcurl takes it */
        buf_format(&base->proxy, "%s:%d", host != NULL ? host : "", base->proxy_port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    /* Not quoted: a proxy's URL may hold a password. */
    return ok || err_set(err, EXIT_USAGE,
                         "%s is not a proxy's URL such as http://proxy.example:3128 or socks5h://127.0.0.1:1080", name);
}

bool http_base_init(struct http_base *base, const char *text, const char *proxy, struct err *err)
{
    const char *name = proxy != NULL ? "--proxy" : proxy_variable();

    buf_init(&base->origin, HTTP_URL_MAX);
    buf_init(&base->prefix, HTTP_URL_MAX);
    buf_init(&base->authority, HTTP_URL_MAX);
    buf_init(&base->proxy, HTTP_URL_MAX);
    if (!read_base(base, text, err))
        return false;
    /*
     * Plain http to a proxy would carry the key over the wire unencrypted, which the loopback rule is there to
     * prevent, and this machine's loopback is not the proxy's: http_proxy in the environment does not count here.
     */
    if (base->plain && proxy != NULL)
        return err_set(err, EXIT_USAGE,
                       "--proxy can't be used with base URL \"%.*s\": the API key would travel unencrypted",
                       (int)text_cut(span_of(text), 200), text);
    return base->plain || name == NULL || read_proxy(base, name, proxy != NULL ? proxy : getenv(name), err);
}

void http_base_release(struct http_base *base)
{
    buf_release(&base->origin);
    buf_release(&base->prefix);
    buf_release(&base->authority);
    buf_release(&base->proxy);
}
