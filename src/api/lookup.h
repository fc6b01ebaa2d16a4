/*
 * lookup: connectors asked for by their ids, one GET each (api.md): what no list shows, or not yet; or changed, one PUT
 * each. Both are idempotent: what is lost is sent again, and both are answered with the connector.
 */
#ifndef API_LOOKUP_H
#define API_LOOKUP_H

#include "api/client.h"
#include "base/buf.h"
#include "model/remote.h"

#include <stdbool.h>
#include <stdint.h>

enum lookup_result {
    LOOKUP_FOUND,  /* there is such a connector; it may be archived */
    LOOKUP_GONE,   /* 404: there is none */
    LOOKUP_FAILED, /* nobody can tell */
    LOOKUP_AGAIN,  /* it may be asked for once more; lookup_answer() alone says so */
};

/* Sends the GET of `id` (a UUID) with `tag`. Needs client_next_send() <= now_ms. */
void lookup_send(struct client *client, struct span id, uint64_t tag, int64_t now_ms);

/*
 * What the answer to the GET of `id` says. LOOKUP_FOUND: `remote` is the connector. LOOKUP_FAILED and LOOKUP_AGAIN:
 * `why` gets a sentence. A 401 stops the client (STOP_KEY_REFUSED); a 403 is that connector's own.
 */
enum lookup_result lookup_answer(struct client *client, const struct http_answer *answer, struct span id,
                                 struct remote *remote, struct buf *why);

/* Several ids, and whoever wants to know. */
struct lookup_handler {
    void *context;
    const char *doing; /* for the live line */
    /* The next id to ask for, which lasts until the call returns, and what `answered` is to know it by; false where
     * there is none left. */
    bool (*next)(void *context, uint64_t *tag, struct span *id);
    /* NULL: connectors are asked for. Else they are changed: the body of the PUT, which lasts until the call returns,
     * at each attempt; false where the client was stopped. */
    bool (*body)(void *context, uint64_t tag, struct span *body);
    /*
     * The answer; `remote` is valid for LOOKUP_FOUND. `text`: the connector as it came for LOOKUP_FOUND, a sentence for
     * LOOKUP_FAILED. Both last until the call returns. LOOKUP_FOUND of a PUT: it has been acted on.
     */
    void (*answered)(void *context, uint64_t tag, enum lookup_result result, const struct remote *remote,
                     struct span text);
    struct lookup_detail *detail; /* of each answer, before `answered`; or NULL */
};

struct lookup_detail {
    int http_status;   /* 0 = there was none */
    uint32_t attempts; /* that were made */
    const char *code;  /* of an error: `http_403`, `connection_lost` …; lasts until `answered` returns */
};

/*
 * Asks for all of them, as many at once as the client takes and as the pace allows, each under the attempt limit, and
 * for nothing else meanwhile. False where the client was stopped before all were answered: a stop gives up at once
 * what is asked for, for nothing is lost with it; what is changed has the grace.
 */
bool lookup_run(struct client *client, const struct lookup_handler *handler);

#endif
