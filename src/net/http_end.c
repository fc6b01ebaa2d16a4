#include "net/http_end.h"

#include <stdlib.h>
#include <string.h>

struct meaning {
    CURLcode result;
    enum trouble trouble;
};

/* Before the request could be sent; the last entry is for every other result. */
static const struct meaning unsent[] = {
    {CURLE_OPERATION_TIMEDOUT, TROUBLE_CONNECT_TIMEOUT},
    {CURLE_COULDNT_RESOLVE_HOST, TROUBLE_NO_SUCH_HOST},
    {CURLE_COULDNT_RESOLVE_PROXY, TROUBLE_NO_SUCH_PROXY},
    {CURLE_COULDNT_CONNECT, TROUBLE_NO_CONNECTION},
    {CURLE_PROXY, TROUBLE_PROXY},
    {CURLE_PEER_FAILED_VERIFICATION, TROUBLE_CERTIFICATE},
    {CURLE_SSL_CACERT_BADFILE, TROUBLE_CA_FILE},
    {CURLE_SSL_CONNECT_ERROR, TROUBLE_TLS},
    {CURLE_URL_MALFORMAT, TROUBLE_BAD_PATH},
    {CURLE_OK, TROUBLE_UNSENT},
};

/* After it may have been sent. */
static const struct meaning lost[] = {
    {CURLE_OPERATION_TIMEDOUT, TROUBLE_TIMEOUT},
    {CURLE_GOT_NOTHING, TROUBLE_CLOSED},
    {CURLE_PARTIAL_FILE, TROUBLE_CUT_BODY},
    {CURLE_WEIRD_SERVER_REPLY, TROUBLE_NOT_HTTP},
    {CURLE_UNSUPPORTED_PROTOCOL, TROUBLE_NOT_HTTP},
    /* A header line beyond libcurl's own limit (100 KiB) ends like this, before one byte of it is shown to us. */
    {CURLE_OUT_OF_MEMORY, TROUBLE_LONG_HEADER},
#if LIBCURL_VERSION_NUM >= 0x080600
    {CURLE_TOO_LARGE, TROUBLE_LONG_HEADER},
#endif
    {CURLE_OK, TROUBLE_LOST},
};

/* The status with which the proxy refused CONNECT, which libcurl calls a failed read; 0 = it did not. */
static int proxy_status(const struct http_end *end)
{
    long status = 0;

    curl_easy_getinfo(end->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    return end->sendings == 0 && status >= 300 ? (int)status : 0;
}

/* libcurl's words name the host that could not be connected to: with a proxy that is seldom the API's. */
static bool is_proxy_dead(const struct http_end *end)
{
    const char *host = end->base->authority.data, *port = strrchr(host, ':');
    const char *at = strstr(end->error, " port ");
    size_t len = (size_t)(port - host);

    if (end->result != CURLE_COULDNT_CONNECT || !end->base->proxied || at == NULL)
        return false;
    return (size_t)(at - end->error) < len || strncmp(at - len, host, len) != 0 ||
           strtoul(at + strlen(" port "), NULL, 10) != strtoul(port + 1, NULL, 10);
}

static enum trouble trouble_of(const struct http_end *end)
{
    const struct meaning *meaning = end->sendings == 0 ? unsent : lost;
    int status = proxy_status(end);

    if (end->trouble != TROUBLE_NONE)
        return end->trouble;
    if (status > 0)
        return status / 100 == 4 ? TROUBLE_PROXY_REFUSED : TROUBLE_PROXY_FAILED;
    if (end->sendings == 0 && end->result == CURLE_COULDNT_CONNECT && end->open_error != 0)
        return TROUBLE_NO_SOCKET;
    if (is_proxy_dead(end))
        return TROUBLE_NO_PROXY;
    while (meaning->result != end->result && meaning->result != CURLE_OK)
        meaning++;
    return meaning->trouble;
}

static const char *words_for(const struct http_end *end, enum trouble trouble)
{
    long cause = 0;

    if (trouble == TROUBLE_NO_SOCKET)
        return strerror(end->open_error);
    curl_easy_getinfo(end->easy, CURLINFO_OS_ERRNO, &cause);
    /* With a proxy it is libcurl's words that say which of the two hosts is meant. */
    if (trouble == TROUBLE_NO_CONNECTION && cause > 0 && !end->base->proxied)
        return strerror((int)cause);
    /* A proxy's URL that libcurl quotes may hold a password. */
    if (end->error[0] == '\0' || strchr(end->error, '@') != NULL)
        return curl_easy_strerror(end->result);
    return end->error;
}

enum fate http_end_fate(const struct http_end *end)
{
    if (end->result == CURLE_OK && end->trouble == TROUBLE_NONE)
        return FATE_ANSWERED;
    return end->sendings == 0 || end->refused ? FATE_UNSENT : FATE_LOST;
}

enum trouble http_end_explain(const struct http_end *end, int64_t limit_ms, struct buf *out)
{
    enum trouble trouble = trouble_of(end);
    struct trouble_facts facts = {
        .host = end->base->authority.data,
        .words = words_for(end, trouble),
        .limit_ms = limit_ms,
        .status = proxy_status(end),
    };

    trouble_describe(trouble, &facts, out);
    return trouble;
}
