/*
 * classify: what an answer, or the lack of one, means for a create that is not idempotent. Pure: it decides nothing
 * about when, how often or whether a request is sent again.
 */
#ifndef MODEL_CLASSIFY_H
#define MODEL_CLASSIFY_H

#include "model/outcome.h"

#include <stdbool.h>

enum verdict {
    VERDICT_CREATED,  /* a 2xx with a connector that can be believed */
    VERDICT_REJECTED, /* refused for good: 4xx other than those below */
    VERDICT_AGAIN,    /* certainly not created: unsent, 429 */
    VERDICT_SETTLE,   /* may exist: lost, 3xx (a redirect often follows what was done, and is not followed itself), 408,
                         5xx (a proxy answers 503 after the API has acted), a 2xx that can't be read, no status */
    VERDICT_FORBIDDEN, /* 403: the row's own, the key's, or a gateway's block; the command tells which */
    VERDICT_REFUSED,   /* 401: the key is refused; stops the run, burns no row */
    VERDICTS,
};

/*
 * For a create. `http_status` is 0 where no status line came. `readable`: the body is whole and holds a connector that
 * can be the request's. A FATE_LOST with a status of 4xx other than 408 is judged by its status: the server
 * has decided, only its text is cut.
 */
enum verdict classify_create(enum fate fate, int http_status, bool readable);

/*
 * For requests that may be repeated at will (list, DELETE). CREATED means done, `readable` that the answer is whole and
 * is what was asked for. SETTLE never comes back: what may have happened is AGAIN, 408 and all 5xx too. A 3xx and
 * a DELETE's 404 are REJECTED.
 */
enum verdict classify_idempotent(enum fate fate, int http_status, bool readable);

/* The verdict in one word, for logs: `created`, `rejected`, `again`, `settle`, `forbidden`, `refused`. Static. */
const char *verdict_name(enum verdict verdict);

#endif
