#include "net/url.h"

#include "base/buf.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

enum { SHOWN = 200 }; /* bytes of a URL in a message */

bool url_is_loopback(const char *host)
{
    struct in_addr v4;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return text_equal_fold(span_of(host), span_of("localhost")) || strcmp(host, "[::1]") == 0;
}

bool url_check(const char *text, const struct url_parts *parts, struct err *err)
{
    int shown = (int)text_cut(span_of(text), SHOWN);

    if (parts->has_user)
        return err_set(err, EXIT_USAGE,
                       "the base URL holds a user name or a password; the API takes a key instead, see --api-key-file");
    if (parts->scheme == NULL || parts->host == NULL)
        return err_set(err, EXIT_USAGE, "base URL \"%.*s\": it names no host", shown, text);
    if (strcmp(parts->scheme, "https") != 0 && strcmp(parts->scheme, "http") != 0)
        return err_set(err, EXIT_USAGE, "base URL \"%.*s\": it must begin with https://", shown, text);
    if (strcmp(parts->scheme, "http") == 0 && !url_is_loopback(parts->host))
        return err_set(err, EXIT_USAGE,
                       "base URL \"%.*s\": the API key would travel unencrypted; plain http is for this machine alone "
                       "(127.0.0.1, [::1], localhost), use https://",
                       shown, text);
    if (strpbrk(text, "?#") != NULL)
        return err_set(err, EXIT_USAGE, "base URL \"%.*s\": leave out what follows ? or #; paths are appended to it",
                       shown, text);
    return true;
}

bool url_is_proxy_scheme(const char *scheme)
{
    static const char *const schemes[] = {"http", "https", "socks", "socks4", "socks4a", "socks5", "socks5h"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strcmp(scheme, schemes[i]) == 0)
            return true;
    return false;
}
