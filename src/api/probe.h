/*
 * probe: asks for the account's list, only to know whether the service is there: for commands that have no other use
 * for it while they are held by an outage (net/outage.h).
 */
#ifndef API_PROBE_H
#define API_PROBE_H

#include "api/client.h"
#include "api/listing.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct probe {
    struct listing listing;
    struct buf why; /* scratch */
};

void probe_init(struct probe *probe, struct client *client);
void probe_release(struct probe *probe);

/* Sends the list if it is time for one. True: it is time for a row to be tried (outage_try()), or for
 * client_end_outage() where there is none. */
bool probe_send(struct probe *probe, int64_t now_ms);

/* Takes the answer, if it is the list's. */
bool probe_answer(struct probe *probe, const struct http_answer *answer);

#endif
