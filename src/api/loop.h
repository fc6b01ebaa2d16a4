/*
 * loop: the event loop of every command: send what may be sent, wait, take what has come, show how far it is.
 */
#ifndef API_LOOP_H
#define API_LOOP_H

#include "api/client.h"

#include <stdbool.h>
#include <stdint.h>

struct loop_handler {
    void *context;
    /* Whether nothing is left to be done or waited for; a client that stops is the handler's to see. */
    bool (*is_over)(void *context);
    /*
     * Sends whatever may be sent now. When the pace lets the next request go; INT64_MAX = nothing to send, or no room.
     * `*other_ms`: when anything else is due (a backoff, a list); INT64_MAX = nothing.
     */
    int64_t (*send)(void *context, int64_t *other_ms);
    void (*take)(void *context, const struct http_answer *answer);
    /* After all answers that have come: what they told is to be kept. NULL = nothing is. */
    void (*taken)(void *context);
    void (*show)(void *context, int64_t next_send_ms);
};

/*
 * Runs until is_over(). Where the client has to give up what is in flight (client_must_abort()), that is taken as it
 * is, and the loop ends. Time in which the pace alone kept a request back is counted.
 */
void loop_run(struct client *client, const struct loop_handler *handler);

#endif
