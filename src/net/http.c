#include "net/http.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "net/http_transfer.h"
#include "net/retry.h"
#include "net/transport_error.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BODY_KEPT = 1 << 16,   /* bytes of a body buffer that stay allocated between requests */
    SPARE_CONNECTIONS = 4, /* kept beyond the concurrency, so that no connection is closed to make room */
};

struct http {
    CURLM *multi;
    struct http_common common;
    int64_t timeout_ms, connect_timeout_ms;
    unsigned concurrency, in_flight;
    unsigned transfer_count;
    struct transfer *transfers;
    struct transfer *free, *taken;
    struct transfer *ended, **ended_tail;
    struct buf problem;
    struct field_value date; /* the last Date header and its meaning: it changes once a second, and parsing is slow */
    int64_t date_ms;
};

static bool check_key(const char *key, struct err *err)
{
    size_t len = strlen(key);

    if (len == 0 || len > HTTP_KEY_MAX)
        return err_set(err, EXIT_USAGE, "the API key is %s", len == 0 ? "empty" : "too long");
    for (size_t i = 0; i < len; i++)
        if (key[i] <= ' ' || key[i] > '~')
            return err_set(err, EXIT_USAGE,
                           "the API key holds a blank or another character that no key has; look at the key file");
    return true;
}

static bool check_config(const struct http_config *config, struct err *err)
{
    if (!check_key(config->api_key, err))
        return false;
    if (config->ca_file != NULL && access(config->ca_file, R_OK) != 0)
        return err_set(err, EXIT_USAGE, "%s: the certificate authorities can't be read: %s", config->ca_file,
                       strerror(errno));
    return true;
}

static bool make_transfers(struct http *http, const struct http_config *config)
{
    http->transfer_count = config->concurrency + 1;
    http->transfers = alloc_zeroed(http->transfer_count, sizeof(*http->transfers));
    for (unsigned i = 0; i < http->transfer_count; i++) {
        if (!transfer_init(&http->transfers[i], &http->common, config))
            return false;
        http->transfers[i].next = http->free;
        http->free = &http->transfers[i];
    }
    return true;
}

static bool make_multi(struct http *http)
{
    http->multi = curl_multi_init();
    return http->multi != NULL && curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS,
                                                    (long)http->concurrency + SPARE_CONNECTIONS) == CURLM_OK;
}

/*
 * libcurl's copies of requests and headers hold the key and payloads, and are given back unwiped: not so from these.
 * What libcrypto and the kernel keep of them is out of reach; that is what PR_SET_DUMPABLE and no core dumps are for.
 */
static void free_wiped(void *memory)
{
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

static void *grow_wiped(void *old, size_t size)
{
    size_t had = malloc_usable_size(old);
    void *grown;

    if (old != NULL && had >= size)
        return old;
    grown = malloc(size);
    if (grown != NULL && old != NULL) {
        memcpy(grown, old, had);
        free_wiped(old);
    }
    return grown;
}

struct http *http_new(const struct http_config *config, struct err *err)
{
    struct http *http;

    assert(config->concurrency > 0);
    if (!check_config(config, err))
        return NULL;
    /* libcurl would write the secrets of every connection there, for everybody to read. */
    unsetenv("SSLKEYLOGFILE");
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free_wiped, grow_wiped, strdup, calloc) != CURLE_OK) {
        err_set(err, EXIT_LOCAL, "libcurl can't be started");
        return NULL;
    }
    http = alloc_zeroed(1, sizeof(*http));
    http->concurrency = config->concurrency;
    http->ended_tail = &http->ended;
    http->timeout_ms = config->timeout_ms;
    http->connect_timeout_ms = config->connect_timeout_ms;
    buf_init(&http->problem, 2 * HTTP_URL_MAX);
    if (!http_base_init(&http->common.base, config->base_url, config->proxy, err))
        goto fail;
    http->common.http2 = config->http2 && !http->common.base.plain;
    if (make_multi(http) && http_common_init(&http->common, config) && make_transfers(http, config))
        return http;
    err_set(err, EXIT_LOCAL, "libcurl %s refuses an option, or memory is short",
            curl_version_info(CURLVERSION_NOW)->version);
fail:
    http_free(http);
    return NULL;
}

/* ---- destruction ---- */

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    for (unsigned i = 0; http->transfers != NULL && i < http->transfer_count; i++) {
        if (http->transfers[i].state == TRANSFER_FLYING)
            curl_multi_remove_handle(http->multi, http->transfers[i].easy);
        transfer_release(&http->transfers[i]);
    }
    free(http->transfers);
    curl_multi_cleanup(http->multi);
    http_common_release(&http->common);
    buf_release(&http->problem);
    free(http);
    curl_global_cleanup();
}

/* ---- sending ---- */

unsigned http_in_flight(const struct http *http)
{
    return http->in_flight;
}

bool http_has_room(const struct http *http)
{
    return http->in_flight < http->concurrency;
}

static void end_transfer(struct http *http, struct transfer *transfer, CURLcode result)
{
    transfer_end(transfer, result);
    transfer->next = NULL;
    *http->ended_tail = transfer;
    http->ended_tail = &transfer->next;
}

void http_send(struct http *http, const struct http_request *request)
{
    struct transfer *transfer = http->free;
    CURLcode result;

    assert(http_has_room(http) && transfer != NULL);
    http->free = transfer->next;
    http->in_flight++;
    result = transfer_begin(transfer, request);
    if (result == CURLE_OK && curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
        result = CURLE_FAILED_INIT;
    if (result != CURLE_OK)
        end_transfer(http, transfer, result);
}

/* ---- the loop ---- */

/* Moves what libcurl has ended to the ended list. */
static void collect(struct http *http)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result;
        struct transfer *transfer;
        char *context = NULL;

        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &context);
        transfer = (struct transfer *)(void *)context;
        curl_multi_remove_handle(http->multi, easy); /* `message` is gone */
        if (!transfer_begin_afresh(transfer) || curl_multi_add_handle(http->multi, easy) != CURLM_OK)
            end_transfer(http, transfer, result);
    }
}

static CURLMcode perform(struct http *http)
{
    CURLMcode code;
    int running;

    http->common.wall_ms = clock_wall_ms();
    code = curl_multi_perform(http->multi, &running);

    collect(http);
    return code;
}

bool http_wait(struct http *http, int64_t wait_ms, struct err *err)
{
    int wait = wait_ms > INT_MAX ? INT_MAX : wait_ms < 0 ? 0 : (int)wait_ms;
    CURLMcode code;

    /*
     * Does not wait where http_send() was called since. A signal ends it early, which libcurl reports as nothing having
     * happened.
     */
    code = curl_multi_poll(http->multi, NULL, 0, http->ended != NULL ? 0 : wait, NULL);
    if (code == CURLM_OK)
        code = perform(http);
    return code == CURLM_OK ||
           err_set(err, EXIT_LOCAL, "the network can't be waited for: %s", curl_multi_strerror(code));
}

void http_wakeup(struct http *http)
{
    int cause = errno;

    curl_multi_wakeup(http->multi);
    errno = cause;
}

void http_abort(struct http *http)
{
    collect(http);
    for (unsigned i = 0; i < http->transfer_count; i++) {
        struct transfer *transfer = &http->transfers[i];

        if (transfer->state != TRANSFER_FLYING)
            continue;
        curl_multi_remove_handle(http->multi, transfer->easy);
        transfer->end.transport_error = TRANSPORT_ERROR_STOPPED;
        end_transfer(http, transfer, CURLE_ABORTED_BY_CALLBACK);
    }
}

/* ---- answers ---- */

static void describe(struct http *http, struct transfer *transfer, struct http_answer *answer)
{
    struct http_end *end = &transfer->end;
    bool connecting = end->sendings == 0 && http->connect_timeout_ms < http->timeout_ms;
    enum transport_error transport_error;

    http_end_read(end, transfer->easy, &http->common.base);
    transport_error = http_end_transport_error(end, &http->common.base);
    buf_reset(&http->problem);
    http_end_explain(end, &http->common.base, connecting ? http->connect_timeout_ms : http->timeout_ms, &http->problem);
    answer->problem = http->problem.data;
    answer->problem_code = transport_error_code(transport_error);
    answer->fatal = transport_error_is_fatal(transport_error);
}

static int64_t date_of(struct http *http, const struct field_value *date)
{
    if (date->len == 0)
        return -1;
    if (!span_equal(field_view(&http->date), field_view(date))) {
        http->date = *date;
        if (!clock_parse_http_date(field_view(date), &http->date_ms))
            http->date_ms = -1;
    }
    return http->date_ms;
}

static void fill_answer(struct http *http, struct transfer *transfer, struct http_answer *answer)
{
    const struct fields *fields = &transfer->fields;

    *answer = (struct http_answer){
        .tag = transfer->tag,
        .fate = http_end_fate(&transfer->end),
        .status = transfer->end.sendings > 0 ? transfer_status(transfer) : 0,
        .sent = transfer->end.sendings > 0,
        .body = buf_view(&transfer->body),
        .retry_after_ms =
            retry_after(field_view(&fields->retry_after), field_view(&fields->date), http->common.wall_ms),
        .date_ms = date_of(http, &fields->date),
        .request_id = field_view(&fields->request_id),
        .hint = fields_hint(fields, http->common.wall_ms),
        .more = fields->more,
        .total = fields->total,
        .started_ms = transfer->started_us / 1000,
        .ended_ms = transfer->ended_us / 1000,
        .latency_us = transfer->end.sendings > 0 ? transfer->ended_us - transfer->sent_us : 0,
    };
    if (answer->fate != FATE_ANSWERED)
        describe(http, transfer, answer);
}

/* The answer that the caller was reading is done with. */
static void put_back(struct http *http)
{
    struct transfer *transfer = http->taken;

    if (transfer == NULL)
        return;
    if (transfer->body.cap > BODY_KEPT)
        buf_release(&transfer->body);
    transfer->state = TRANSFER_FREE;
    transfer->next = http->free;
    http->free = transfer;
    http->taken = NULL;
}

bool http_next(struct http *http, struct http_answer *answer)
{
    struct transfer *transfer = http->ended;

    put_back(http);
    if (transfer == NULL)
        return false;
    http->ended = transfer->next;
    if (http->ended == NULL)
        http->ended_tail = &http->ended;
    http->in_flight--;
    transfer->state = TRANSFER_TAKEN;
    http->taken = transfer;
    fill_answer(http, transfer, answer);
    return true;
}

const char *http_version(void)
{
    static char text[128];
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    snprintf(text, sizeof(text), "libcurl/%s %s zlib/%s nghttp2/%s", info->version, info->ssl_version,
             info->libz_version, info->nghttp2_version);
    return text;
}
