#include "net/transport_error.h"

#include "base/num.h"
#include "base/text.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { WORDS_MAX = 160 }; /* characters of somebody else's words in a sentence */

/* What follows the sentence. */
enum detail { DETAIL_NONE, DETAIL_WORDS, DETAIL_LIMIT, DETAIL_STATUS };

/* `%` in the sentence stands for the host and its port, `^` for the proxy and its. */
struct entry {
    const char *code, *sentence;
    enum detail detail;
    bool fatal;
    const char *remedy;
};

#define CHECK_PROXY "check --proxy, or HTTPS_PROXY in the environment"

static const struct entry entries[] = {
    [TRANSPORT_ERROR_NONE] = {.code = NULL, .sentence = ""},
    [TRANSPORT_ERROR_CONNECT_TIMEOUT] = {"timeout", "no connection to %", DETAIL_LIMIT, false, NULL},
    [TRANSPORT_ERROR_NO_SUCH_HOST] = {"no_such_host", "no address was found for %", DETAIL_NONE, false, NULL},
    [TRANSPORT_ERROR_NO_SUCH_PROXY] = {"proxy", "no address was found for the proxy", DETAIL_WORDS, true, CHECK_PROXY},
    [TRANSPORT_ERROR_NO_PROXY] = {"proxy", "could not connect to the proxy ^", DETAIL_WORDS, false, CHECK_PROXY},
    [TRANSPORT_ERROR_PROXY_TIMEOUT] = {"timeout", "no connection to % through the proxy ^", DETAIL_LIMIT, false,
                                       CHECK_PROXY},
    [TRANSPORT_ERROR_PROXY_TLS] = {"tls", "no TLS connection to the proxy ^", DETAIL_WORDS, false, CHECK_PROXY},
    [TRANSPORT_ERROR_NO_CONNECTION] = {"no_connection", "could not connect to %", DETAIL_WORDS, false, NULL},
    [TRANSPORT_ERROR_NO_SOCKET] = {"no_connection", "no connection to % can be made", DETAIL_WORDS, false,
                                   "raise the limit on them (ulimit -n)"},
    [TRANSPORT_ERROR_PROXY] = {"proxy", "no connection to % through the proxy", DETAIL_WORDS, false, NULL},
    [TRANSPORT_ERROR_PROXY_REFUSED] = {"proxy", "the proxy refused the way to %", DETAIL_STATUS, true, NULL},
    [TRANSPORT_ERROR_PROXY_FAILED] = {"proxy", "the proxy found no way to %", DETAIL_STATUS, false, NULL},
    [TRANSPORT_ERROR_CERTIFICATE] = {"tls", "the server's certificate can't be verified", DETAIL_WORDS, true,
                                     "--cacert FILE names another authority"},
    [TRANSPORT_ERROR_CA_FILE] = {"tls", "the certificate authorities can't be read", DETAIL_WORDS, true,
                                 "install ca-certificates, or name a file with --cacert"},
    [TRANSPORT_ERROR_TLS] = {"tls", "no TLS connection to %", DETAIL_WORDS, false,
                             "see that this port of the base URL is for https"},
    [TRANSPORT_ERROR_BAD_PATH] = {"bad_url", "the request's path can't be part of a URL", DETAIL_NONE, true, NULL},
    [TRANSPORT_ERROR_UNSENT] = {"no_connection", "no connection to %", DETAIL_WORDS, false, NULL},
    [TRANSPORT_ERROR_STREAM_REFUSED] = {"no_connection", "the server refused the HTTP/2 stream", DETAIL_NONE, false,
                                        NULL},
    [TRANSPORT_ERROR_TIMEOUT] = {"timeout", "no whole answer", DETAIL_LIMIT, false, NULL},
    [TRANSPORT_ERROR_REPEAT] = {"connection_lost", "a kept-alive connection was lost before an answer came",
                                DETAIL_NONE, false, NULL},
    [TRANSPORT_ERROR_CLOSED] = {"connection_lost", "the connection was closed before an answer came", DETAIL_NONE,
                                false, NULL},
    [TRANSPORT_ERROR_CUT_HEADER] = {"connection_lost", "the answer was cut short in its header", DETAIL_NONE, false,
                                    NULL},
    [TRANSPORT_ERROR_CUT_BODY] = {"connection_lost", "the answer was cut short", DETAIL_WORDS, false, NULL},
    [TRANSPORT_ERROR_LONG_HEADER] = {"answer_too_large", "the answer's header was longer than 64 KiB", DETAIL_NONE,
                                     false, NULL},
    [TRANSPORT_ERROR_LONG_BODY] = {"answer_too_large", "the answer was longer than 1 MiB", DETAIL_NONE, false, NULL},
    [TRANSPORT_ERROR_NOT_HTTP] = {"bad_answer", "the answer is not HTTP", DETAIL_WORDS, false, NULL},
    [TRANSPORT_ERROR_SINK] = {"bad_answer", "the answer was given up half-way", DETAIL_NONE, false, NULL},
    [TRANSPORT_ERROR_LOST] = {"connection_lost", "the connection was lost", DETAIL_WORDS, false, NULL},
    [TRANSPORT_ERROR_STOPPED] = {"stopped", "the run was stopped before an answer came", DETAIL_NONE, false, NULL},
};
static_assert(sizeof(entries) / sizeof(entries[0]) == TRANSPORT_ERRORS, "an entry for each");

const char *transport_error_code(enum transport_error transport_error)
{
    return entries[transport_error].code;
}

bool transport_error_is_fatal(enum transport_error transport_error)
{
    return entries[transport_error].fatal;
}

/* In the middle of a sentence "Connection refused" begins small; "OpenSSL" and "HTTP" do not. */
static void add_words(struct buf *out, const char *words)
{
    static const char small[] = "abcdefghijklmnopqrstuvwxyz";
    struct span trimmed = span_trim(span_of(words)); /* libcurl's may end in a blank */
    size_t at, letters;

    if (trimmed.len == 0)
        return;
    words = trimmed.data;
    buf_text(out, ": ");
    at = out->len;
    letters = strspn(words + 1, small);
    text_show(out, trimmed, WORDS_MAX);
    if (words[0] >= 'A' && words[0] <= 'Z' && letters > 0 && (words[letters + 1] == ' ' || words[letters + 1] == '\0'))
        out->data[at] = small[words[0] - 'A'];
}

static void add_detail(struct buf *out, enum detail detail, const struct transport_error_run_info *info)
{
    char limit[NUM_DURATION_TEXT];

    if (detail == DETAIL_LIMIT)
        buf_format(out, " within %s", num_format_duration(limit, info->limit_ms));
    else if (detail == DETAIL_STATUS)
        buf_format(out, ": status %d", info->status);
    else if (detail == DETAIL_WORDS)
        add_words(out, info->words);
}

void transport_error_describe(enum transport_error transport_error, const struct transport_error_run_info *info,
                              struct buf *out)
{
    const struct entry *entry = &entries[transport_error];

    for (const char *at = entry->sentence; *at != '\0'; at++)
        if (*at == '%')
            buf_text(out, info->host);
        else if (*at == '^')
            buf_text(out, info->proxy);
        else
            buf_char(out, *at);
    add_detail(out, entry->detail, info);
    if (entry->remedy != NULL)
        buf_format(out, "; %s", entry->remedy);
}
