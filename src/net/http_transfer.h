/*
 * http_transfer: one request on a handle of libcurl's: its options, what libcurl calls, from the start to the end. It
 * knows no loop; net/http has one. A part of that.
 */
#ifndef NET_HTTP_TRANSFER_H
#define NET_HTTP_TRANSFER_H

#include "base/buf.h"
#include "net/fields.h"
#include "net/http_end.h"
#include "net/http_request.h"
#include "net/http_url.h"
#include "net/sockets.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

enum transfer_state { TRANSFER_FREE, TRANSFER_FLYING, TRANSFER_ENDED, TRANSFER_TAKEN };

/* What all requests share. */
struct http_common {
    struct http_base base;
    struct curl_slist *plain_headers, *body_headers;
    bool http2; /* connections may speak it */
    struct sockets sockets;
    int64_t wall_ms; /* when libcurl was last let go on */
};

/* One request's place. There are as many as may be in flight, and one whose answer the caller is reading. */
struct transfer {
    struct http_common *common;
    struct transfer *next; /* in the free list or in the ended one */
    CURL *easy;
    CURLU *url;
    struct buf target; /* of the request line: what the handle is set to */
    int method;        /* likewise; -1 = nothing yet */

    enum transfer_state state;
    struct http_end end;
    bool stale; /* the connection was not fit for it: given up before the first sending */
    bool fresh; /* so it was asked for once more, on a connection of its own */
    uint64_t tag;
    http_sink *sink;
    void *sink_context;
    int64_t started_us, sent_us, ended_us; /* monotonic */
    struct buf payload, body;
    struct fields fields;
    char error[CURL_ERROR_SIZE];
};

/* Makes the header lines; `base` and `http2` are set already. False where memory is short. */
bool http_common_init(struct http_common *common, const struct http_config *config);

/* Wipes what holds the key. After the transfers. */
void http_common_release(struct http_common *common);

/* Of zeroed memory. False where libcurl refuses an option, or memory is short. */
bool transfer_init(struct transfer *transfer, struct http_common *common, const struct http_config *config);

/* Wipes payload and answer. The handle is in no multi handle any more. Takes a half-made one, too. */
void transfer_release(struct transfer *transfer);

/* Makes the handle ready for the request. What keeps it from being sent; CURLE_OK = nothing. */
CURLcode transfer_begin(struct transfer *transfer, const struct http_request *request);

/*
 * The connection that libcurl had picked was stale, and closed for that; nothing was sent. Once more, on a fresh one,
 * which can't be stale. libcurl counts the time anew: picking takes none. False where that is not the case.
 */
bool transfer_begin_afresh(struct transfer *transfer);

/* Keeps the result, and wipes the payload. */
void transfer_end(struct transfer *transfer, CURLcode result);

/* Of the answer's header; 0 = none has come, or only 1xx. */
int transfer_status(const struct transfer *transfer);

#endif
