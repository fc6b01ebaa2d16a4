/*
 * listing: one GET of the account's connectors, read element by element as it arrives.
 *
 * A list may be asked for again after a failure: `begin` tells whoever gathers the elements to forget what came
 * before.
 */
#ifndef API_LISTING_H
#define API_LISTING_H

#include "api/client.h"
#include "base/err.h"
#include "model/classify.h"
#include "model/json_list.h"
#include "model/remote.h"

#include <stdbool.h>
#include <stdint.h>

#define LISTING_TAG UINT64_MAX

struct listing_handler {
    void *context;
    void (*begin)(void *context);
    /* Each connector that can be believed; others are counted. Lasts until the call returns. False gives the list up.
     */
    bool (*connector)(void *context, const struct remote *remote, struct span element);
};

struct listing {
    struct client *client;
    struct listing_handler handler;
    struct json_list *list;
    struct remote remote;
    bool active;              /* a request is in flight */
    uint32_t attempts;        /* since listing_init() or the last success */
    uint64_t connectors;      /* handed over by the last request */
    uint64_t unreadable;      /* elements of the last request that were no connectors */
    bool is_none;             /* so far it is no list, or the handler gave it up */
    bool refused;             /* the last answer was an error of the API's, or of what is in front of it */
    struct buf head;          /* the beginning of the last 2xx's body, whole where it is short */
    bool more;                /* its status or header says that it does not show everything */
    int64_t sent_ms, took_ms; /* the last request's */
};

void listing_init(struct listing *listing, struct client *client, const struct listing_handler *handler);
void listing_release(struct listing *listing);

/* Sends the GET, with LISTING_TAG. Needs client_next_list() <= now_ms. */
void listing_send(struct listing *listing, int64_t now_ms);

/*
 * Takes the answer. VERDICT_CREATED: a whole, readable list; a 204, and a 404 that says so, is an empty one.
 * VERDICT_AGAIN: may be asked for again (a failure, or something that is no list). VERDICT_REFUSED: the key, also by a
 * 403 where no list was answered before. VERDICT_FORBIDDEN: another 403. VERDICT_REJECTED: 3xx, 4xx, or what is
 * hopeless (client_is_hopeless()). Other than for success, `why` gets a sentence. A refused key stops the client.
 */
enum verdict listing_answer(struct listing *listing, const struct http_answer *answer, struct buf *why);

/* Whether the last list, or its header, says that there is more than it shows. */
bool listing_says_more(const struct listing *listing);

/* Whether the last list can't prove that something is absent: it says that there is more, or held unreadable elements.
 */
bool listing_is_partial(const struct listing *listing);

/* Whether the last list is as long as a page (50, 100, 500 …): it may be one, though it says nothing of others. */
bool listing_is_round(const struct listing *listing);

/*
 * Runs one list to its end before anything else is sent, with retries under the attempt limit; shows `doing`. False
 * with the client stopped: STOP_KEY_REFUSED, STOP_UNKNOWN_PATH, STOP_OUTAGE, STOP_UNREACHABLE, STOP_NO_LIST, or
 * whatever stopped it meanwhile. A stop gives the list up at once, without grace: nothing is lost with it.
 */
bool listing_run(struct listing *listing, const char *doing);

#endif
