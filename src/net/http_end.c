#include "net/http_end.h"

#include <string.h>

struct meaning {
    CURLcode result;
    enum transport_error transport_error;
};

/* Before the request could be sent; the last entry is for every other result. */
static const struct meaning unsent[] = {
    {CURLE_OPERATION_TIMEDOUT, TRANSPORT_ERROR_CONNECT_TIMEOUT},
    {CURLE_COULDNT_RESOLVE_HOST, TRANSPORT_ERROR_NO_SUCH_HOST},
    {CURLE_COULDNT_RESOLVE_PROXY, TRANSPORT_ERROR_NO_SUCH_PROXY},
    {CURLE_COULDNT_CONNECT, TRANSPORT_ERROR_NO_CONNECTION},
    {CURLE_PROXY, TRANSPORT_ERROR_PROXY},
    {CURLE_PEER_FAILED_VERIFICATION, TRANSPORT_ERROR_CERTIFICATE},
    {CURLE_SSL_CACERT_BADFILE, TRANSPORT_ERROR_CA_FILE},
    {CURLE_SSL_CONNECT_ERROR, TRANSPORT_ERROR_TLS},
    {CURLE_URL_MALFORMAT, TRANSPORT_ERROR_BAD_PATH},
    {CURLE_OK, TRANSPORT_ERROR_UNSENT},
};

/* After it may have been sent. */
static const struct meaning lost[] = {
    {CURLE_OPERATION_TIMEDOUT, TRANSPORT_ERROR_TIMEOUT},
    {CURLE_GOT_NOTHING, TRANSPORT_ERROR_CLOSED},
    {CURLE_PARTIAL_FILE, TRANSPORT_ERROR_CUT_BODY},
    {CURLE_WEIRD_SERVER_REPLY, TRANSPORT_ERROR_NOT_HTTP},
    {CURLE_UNSUPPORTED_PROTOCOL, TRANSPORT_ERROR_NOT_HTTP},
    /* A header line beyond libcurl's own limit (100 KiB) ends like this, before one byte of it is shown to us. */
    {CURLE_OUT_OF_MEMORY, TRANSPORT_ERROR_LONG_HEADER},
#if LIBCURL_VERSION_NUM >= 0x080600
    {CURLE_TOO_LARGE, TRANSPORT_ERROR_LONG_HEADER},
#endif
    {CURLE_OK, TRANSPORT_ERROR_LOST},
};

/* libcurl before 8.7 refuses the number. */
#if LIBCURL_VERSION_NUM < 0x080700
#define CURLINFO_USED_PROXY ((CURLINFO)(CURLINFO_LONG + 66))
#endif

/*
 * Whether the way led through the proxy: NO_PROXY may have made an exception. Where libcurl can't say, the port that a
 * connection was tried to does, unless both have the same.
 */
static bool used_proxy(CURL *easy, const struct http_base *base, int opened_port)
{
    long used = 0;

    if (base->proxy.len == 0)
        return false;
    if (curl_easy_getinfo(easy, CURLINFO_USED_PROXY, &used) == CURLE_OK)
        return used != 0;
    return opened_port == 0 || opened_port == base->proxy_port;
}

void http_end_read(struct http_end *end, CURL *easy, const struct http_base *base)
{
    long status = 0, cause = 0;

    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &cause);
    end->proxy_status = (int)status;
    end->cause = (int)cause;
    end->by_proxy = used_proxy(easy, base, end->opened_port);
}

/* What failed was the way to the proxy or its tunnel, not what lies behind it. A SOCKS proxy has no status. */
static enum transport_error proxy_transport_error(const struct http_end *end, const struct http_base *base)
{
    if (end->proxy_status >= 300)
        return end->proxy_status / 100 == 4 ? TRANSPORT_ERROR_PROXY_REFUSED : TRANSPORT_ERROR_PROXY_FAILED;
    if (end->proxy_status >= 200)
        return TRANSPORT_ERROR_NONE;
    if (end->result == CURLE_COULDNT_CONNECT)
        return TRANSPORT_ERROR_NO_PROXY;
    if (end->result == CURLE_OPERATION_TIMEDOUT)
        return TRANSPORT_ERROR_PROXY_TIMEOUT;
    if (base->proxy_tls && (end->result == CURLE_PEER_FAILED_VERIFICATION || end->result == CURLE_SSL_CONNECT_ERROR))
        return TRANSPORT_ERROR_PROXY_TLS;
    return TRANSPORT_ERROR_NONE;
}

enum transport_error http_end_transport_error(const struct http_end *end, const struct http_base *base)
{
    const struct meaning *meaning = end->sendings == 0 ? unsent : lost;
    enum transport_error transport_error = end->transport_error;

    if (transport_error == TRANSPORT_ERROR_NONE && end->sendings == 0 && end->result == CURLE_COULDNT_CONNECT &&
        end->open_error != 0)
        transport_error = TRANSPORT_ERROR_NO_SOCKET;
    if (transport_error == TRANSPORT_ERROR_NONE && end->sendings == 0 && end->by_proxy)
        transport_error = proxy_transport_error(end, base);
    if (transport_error != TRANSPORT_ERROR_NONE)
        return transport_error;
    while (meaning->result != end->result && meaning->result != CURLE_OK)
        meaning++;
    return meaning->transport_error;
}

static const char *words_for(const struct http_end *end, enum transport_error transport_error)
{
    if (transport_error == TRANSPORT_ERROR_NO_SOCKET)
        return strerror(end->open_error);
    if ((transport_error == TRANSPORT_ERROR_NO_CONNECTION || transport_error == TRANSPORT_ERROR_NO_PROXY) &&
        end->cause > 0)
        return strerror(end->cause);
    /* A proxy's URL that libcurl quotes may hold a password. */
    if (end->error[0] == '\0' || strchr(end->error, '@') != NULL)
        return curl_easy_strerror(end->result);
    return end->error;
}

enum fate http_end_fate(const struct http_end *end)
{
    if (end->result == CURLE_OK && end->transport_error == TRANSPORT_ERROR_NONE)
        return FATE_ANSWERED;
    return end->sendings == 0 || end->refused ? FATE_UNSENT : FATE_LOST;
}

void http_end_explain(const struct http_end *end, const struct http_base *base, int64_t limit_ms, struct buf *out)
{
    enum transport_error transport_error = http_end_transport_error(end, base);
    struct transport_error_run_info info = {
        .host = base->authority.data,
        .proxy = base->proxy.len > 0 ? base->proxy.data : "",
        .words = words_for(end, transport_error),
        .limit_ms = limit_ms,
        .status = end->proxy_status,
    };

    transport_error_describe(transport_error, &info, out);
}
