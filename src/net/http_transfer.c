#include "net/http_transfer.h"

#include "net/transport_error.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <time.h>

enum {
    PAYLOAD_KEPT = 1 << 13,   /* bytes of a payload buffer that stay allocated between requests */
    RECEIVE_BUFFER = 1 << 11, /* bytes: libcurl gives it back, and has it wiped, after each request */

    /*
     * Seconds that a connection may have been idle and still be used: libcurl rounds down, so it is less than 4 s.
     * Gateways keep them for a minute and more (nginx 75 s, AWS ALB 60 s), but Node, uvicorn and Apache for 5 s. An
     * end that has arrived is seen (is_stale()); one that crosses the request on the way is a lost answer: a row to
     * settle, which takes 5 s and a list. A fresh connection costs two round trips, after a pause that was longer
     * than these.
     */
    IDLE_S = 3,
};

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- what libcurl calls ---- */

/* NOLINTBEGIN(readability-non-const-parameter): the types are libcurl's */

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = context;
    int fd = sockets_open(&transfer->common->sockets, address->family, address->socktype, address->protocol);

    (void)purpose;
    transfer->end.opened_port = sockets_port(&address->addr);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE))
        transfer->end.open_error = errno;
    return fd;
}

static int on_close(void *context, curl_socket_t fd)
{
    struct http_common *common = context;

    return sockets_close(&common->sockets, fd);
}

/* The TLS of the connection that the request is to go out on; NULL = none, or not OpenSSL's. */
static SSL *tls_of(CURL *easy)
{
    struct curl_tlssessioninfo *info = NULL;

    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == NULL ||
        info->backend != CURLSSLBACKEND_OPENSSL)
        return NULL;
    return info->internals;
}

static bool is_http2(SSL *tls)
{
    const unsigned char *name = NULL;
    unsigned len = 0;

    SSL_get0_alpn_selected(tls, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

/*
 * An idle HTTP/1 connection on which something has come in: an answer that nobody asked for, which would be taken for
 * this request's and shift all later ones, or the end of the connection. libcurl (7.88) looks for the end of TCP
 * alone: it reads neither the alert by which TLS ends nor what TLS has decrypted but not handed over. Over HTTP/2 there
 * are frames at any time; where it can't be told, it may be HTTP/2.
 */
static bool is_stale(const struct transfer *transfer, int local_port)
{
    struct http_common *common = transfer->common;
    SSL *tls = tls_of(transfer->easy);

    if (tls != NULL ? is_http2(tls) : common->http2)
        return false;
    return sockets_have_input(&common->sockets, local_port) || (tls != NULL && SSL_has_pending(tls) != 0);
}

/*
 * Called when a connection stands and the request is about to be written: the exact "may have been sent" flag. A
 * second call is libcurl's own repetition, after a reused connection has died without an answer byte, of a request
 * that may have been acted on; there is no option against it. It picks a fresh connection or an idle one, up to five
 * times; the refusal costs the connection that it picked.
 */
static int on_send(void *context, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct transfer *transfer = context;
    long connects = 0;

    (void)remote_ip, (void)local_ip, (void)remote_port;
    if (transfer->end.sendings > 0) {
        transfer->end.sendings++;
        transfer->end.transport_error = transfer->end.refused ? TRANSPORT_ERROR_STREAM_REFUSED : TRANSPORT_ERROR_REPEAT;
        return CURL_PREREQFUNC_ABORT;
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
    transfer->stale = connects == 0 && is_stale(transfer, local_port);
    if (transfer->stale)
        return CURL_PREREQFUNC_ABORT;
    transfer->end.sendings++;
    transfer->sent_us = now_us();
    return CURL_PREREQFUNC_OK;
}

/*
 * No result code tells a refused HTTP/2 stream (RFC 9113 section 8.7: the server has not acted on it) from a connection
 * that died: libcurl repeats both by itself. Its log does, where the connection was a fresh one; on a used one, and
 * after a GOAWAY, it doesn't either (7.88), and the request counts as lost. Words that change in a later version only
 * do that too.
 */
static int on_log(CURL *easy, curl_infotype type, char *text, size_t len, void *context)
{
    static const char words[] = "REFUSED_STREAM, retrying";
    struct transfer *transfer = context;

    (void)easy;
    if (type == CURLINFO_TEXT && len >= sizeof(words) - 1 && memcmp(text, words, sizeof(words) - 1) == 0)
        transfer->end.refused = true;
    return 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t len = size * count;

    fields_add(&transfer->fields, (struct span){line, len}, transfer->common->wall_ms);
    if (transfer->fields.bytes <= HTTP_HEADERS_MAX)
        return len;
    transfer->end.transport_error = TRANSPORT_ERROR_LONG_HEADER;
    return 0;
}

int transfer_status(const struct transfer *transfer)
{
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 ? (int)status : 0; /* 1xx: the answer itself has not come */
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t len = size * count;

    if (transfer->sink != NULL && transfer_status(transfer) / 100 == 2) {
        if (transfer->sink(transfer->sink_context, bytes, len))
            return len;
        transfer->end.transport_error = TRANSPORT_ERROR_SINK;
        return 0;
    }
    if (buf_add(&transfer->body, bytes, len))
        return len;
    buf_add(&transfer->body, bytes, HTTP_BODY_MAX - transfer->body.len);
    transfer->end.transport_error = TRANSPORT_ERROR_LONG_BODY;
    return 0;
}

/* NOLINTEND(readability-non-const-parameter) */

/* ---- construction ---- */

/* What every request has in common. FOLLOWLOCATION, cookies, HSTS and alt-svc are off unless switched on. */
static const struct {
    CURLoption option;
    long value;
} fixed_options[] = {
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_SSL_VERIFYPEER, 1},
    {CURLOPT_SSL_VERIFYHOST, 2},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_HTTP_CONTENT_DECODING, 0}, /* no Accept-Encoding is sent; a bomb that comes all the same stays packed */
    {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
    {CURLOPT_TCP_NODELAY, 1},
    {CURLOPT_TCP_KEEPALIVE, 1},
    {CURLOPT_MAXAGE_CONN, IDLE_S},
    {CURLOPT_QUICK_EXIT, 1}, /* a name server that does not answer holds up its own request, not the loop */
};

/* Sets an option of `easy`; `ok` turns false where libcurl refuses it. */
#define SET(option, value) (ok = curl_easy_setopt(easy, option, value) == CURLE_OK && ok)

static bool set_common(CURL *easy, const struct http_common *common, const struct http_config *config)
{
    bool ok = true;

    for (size_t i = 0; i < sizeof(fixed_options) / sizeof(fixed_options[0]); i++)
        SET(fixed_options[i].option, fixed_options[i].value);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, config->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PIPEWAIT, config->http2 ? 1L : 0L);
    if (!config->http2) /* its frames are larger */
        SET(CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
    SET(CURLOPT_TIMEOUT_MS, (long)config->timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout_ms);
    if (config->proxy != NULL)
        SET(CURLOPT_PROXY, config->proxy);
    if (common->base.plain)
        SET(CURLOPT_NOPROXY, "*");
    if (config->ca_file != NULL)
        SET(CURLOPT_CAINFO, config->ca_file);
    /*
     * A directory of authorities beside the file would keep trusting what --cacert leaves out, and makes libcurl parse
     * the file anew for each connection instead of once.
     */
    if (config->ca_file != NULL || curl_version_info(CURLVERSION_NOW)->cainfo != NULL)
        SET(CURLOPT_CAPATH, NULL);
    return ok;
}

static bool set_callbacks(CURL *easy, struct transfer *transfer, bool http2)
{
    bool ok = true;

    SET(CURLOPT_PRIVATE, transfer);
    SET(CURLOPT_CURLU, transfer->url);
    SET(CURLOPT_ERRORBUFFER, transfer->error);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
    SET(CURLOPT_OPENSOCKETDATA, transfer);
    SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
    SET(CURLOPT_CLOSESOCKETDATA, transfer->common);
    SET(CURLOPT_PREREQFUNCTION, on_send);
    SET(CURLOPT_PREREQDATA, transfer);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, transfer);
    if (http2) {
        SET(CURLOPT_VERBOSE, 1L);
        SET(CURLOPT_DEBUGFUNCTION, on_log);
        SET(CURLOPT_DEBUGDATA, transfer);
    }
    return ok;
}

bool transfer_init(struct transfer *transfer, struct http_common *common, const struct http_config *config)
{
    transfer->common = common;
    transfer->method = -1;
    buf_init(&transfer->target, HTTP_URL_MAX);
    buf_init(&transfer->payload, HTTP_PAYLOAD_MAX);
    buf_init(&transfer->body, HTTP_BODY_MAX);
    transfer->easy = curl_easy_init();
    transfer->url = curl_url();
    return transfer->easy != NULL && transfer->url != NULL &&
           curl_url_set(transfer->url, CURLUPART_URL, common->base.origin.data, 0) == CURLUE_OK &&
           set_common(transfer->easy, common, config) && set_callbacks(transfer->easy, transfer, config->http2);
}

static bool append_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

/*
 * The header lines are made once; libcurl keeps pointing to them. It takes a line as it is faster than it makes its own
 * of CURLOPT_USERAGENT. An `Expect: 100-continue` it adds only to bodies larger than ours.
 */
bool http_common_init(struct http_common *common, const struct http_config *config)
{
    struct curl_slist **plain = &common->plain_headers, **body = &common->body_headers;
    struct buf agent, key;
    bool ok;

    buf_init(&agent, HTTP_URL_MAX);
    buf_init(&key, HTTP_KEY_MAX + 64);
    buf_format(&agent, "User-Agent: %s", config->user_agent);
    buf_format(&key, "X-API-KEY: %s", config->api_key);
    ok = append_header(plain, agent.data) && append_header(body, agent.data) && append_header(plain, key.data) &&
         append_header(body, key.data) && append_header(plain, "Accept: application/json") &&
         append_header(body, "Accept: application/json") &&
         append_header(plain, "Cache-Control: no-cache") && /* a list is to show the account as it is */
         append_header(body, "Content-Type: application/json");
    buf_release(&agent);
    buf_wipe(&key);
    return ok;
}

/* ---- destruction ---- */

static void wipe_headers(struct curl_slist *list)
{
    for (struct curl_slist *line = list; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(list);
}

void http_common_release(struct http_common *common)
{
    sockets_release(&common->sockets);
    wipe_headers(common->plain_headers);
    wipe_headers(common->body_headers);
    http_base_release(&common->base);
}

void transfer_release(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_url_cleanup(transfer->url);
    buf_release(&transfer->target);
    buf_wipe(&transfer->payload);
    buf_wipe(&transfer->body);
}

/* ---- from the start to the end ---- */

void transfer_end(struct transfer *transfer, CURLcode result)
{
    transfer->state = TRANSFER_ENDED;
    transfer->end.result = result;
    if (transfer->fresh) /* later requests take what is idle again */
        curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 0L);
    transfer->fresh = false;
    if (result == CURLE_OK && !transfer->fields.complete)
        transfer->end.transport_error =
            TRANSPORT_ERROR_CUT_HEADER; /* libcurl takes the connection's end for the header's */
    transfer->ended_us = now_us();
    if (transfer->payload.data != NULL)
        explicit_bzero(transfer->payload.data, transfer->payload.len);
    buf_reset(&transfer->payload);
    if (transfer->payload.cap > PAYLOAD_KEPT)
        buf_release(&transfer->payload);
}

/* A target that is no part of a URL could end the request line, and begin another one. */
static bool is_path(const char *path)
{
    for (const char *at = path; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f || *at == '#')
            return false;
    return path[0] == '/' && strlen(path) < HTTP_URL_MAX / 2;
}

/* The URL is the server's alone and is never parsed anew; the path goes by itself. */
static bool set_path(struct transfer *transfer, const char *path)
{
    struct span prefix = buf_view(&transfer->common->base.prefix);

    if (transfer->target.len > prefix.len && strcmp(transfer->target.data + prefix.len, path) == 0)
        return true;
    buf_reset(&transfer->target);
    if (!is_path(path))
        return false;
    buf_span(&transfer->target, prefix);
    buf_text(&transfer->target, path);
    return curl_easy_setopt(transfer->easy, CURLOPT_REQUEST_TARGET, transfer->target.data) == CURLE_OK;
}

/* `name` is for libcurl, where it would not use it by itself. */
static const struct {
    const char *name;
    bool has_body;
} methods[] = {
    [HTTP_GET] = {NULL, false},
    [HTTP_POST] = {NULL, true},
    [HTTP_PUT] = {"PUT", true}, /* libcurl's own PUT asks a callback for the body */
    [HTTP_DELETE] = {"DELETE", false},
};

static bool set_method(struct transfer *transfer, enum http_method method)
{
    bool has_body = methods[method].has_body, ok = true;
    CURL *easy = transfer->easy;

    if (transfer->method == (int)method)
        return true;
    SET(has_body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
    SET(CURLOPT_CUSTOMREQUEST, methods[method].name);
    SET(CURLOPT_HTTPHEADER, has_body ? transfer->common->body_headers : transfer->common->plain_headers);
    transfer->method = ok ? (int)method : -1;
    return ok;
}

static bool set_payload(struct transfer *transfer, enum http_method method, struct span body)
{
    CURL *easy = transfer->easy;

    if (!methods[method].has_body)
        return body.len == 0;
    buf_add(&transfer->payload, "", 0); /* data is not NULL, which libcurl would read as "ask a callback" */
    return buf_span(&transfer->payload, body) &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->payload.data) == CURLE_OK;
}

CURLcode transfer_begin(struct transfer *transfer, const struct http_request *request)
{
    transfer->state = TRANSFER_FLYING;
    transfer->end = (struct http_end){.error = transfer->error};
    transfer->stale = false;
    transfer->tag = request->tag;
    transfer->sink = request->sink;
    transfer->sink_context = request->sink_context;
    transfer->started_us = now_us();
    transfer->error[0] = '\0';
    buf_reset(&transfer->body);
    fields_reset(&transfer->fields);
    if (!set_path(transfer, request->path))
        return CURLE_URL_MALFORMAT;
    return set_method(transfer, request->method) && set_payload(transfer, request->method, request->body)
               ? CURLE_OK
               : CURLE_FAILED_INIT;
}

bool transfer_begin_afresh(struct transfer *transfer)
{
    if (!transfer->stale || transfer->fresh)
        return false;
    transfer->stale = false;
    transfer->fresh = true;
    transfer->error[0] = '\0';
    return curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK;
}
