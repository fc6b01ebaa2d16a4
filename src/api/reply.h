/*
 * reply: the words of an answer, for a result row and for people, and its line in the log: the same for every command.
 * Nothing secret is in them.
 */
#ifndef API_REPLY_H
#define API_REPLY_H

#include "api/client.h"
#include "base/buf.h"
#include "model/json.h"

#include <stdint.h>

/* What a 2xx should have come with. */
struct reply_expected {
    const char *code; /* of a 2xx that came without it */
    const char *what; /* "the row's connector" */
};

/*
 * Appends an error's code and sentence to `code` and `text`; a body that tells nothing leaves both as they were. `own`:
 * the secret that was sent, or empty.
 */
void reply_read(struct client *client, const struct http_answer *answer, struct span own,
                const struct reply_expected *expected, struct buf *code, struct buf *text);

/* Where they are still empty: `http_500`, "the server answered 500". */
void reply_fill_in(const struct http_answer *answer, struct buf *code, struct buf *text);

/* The members that each answer has in the log; `verdict_name` is the member's: "verdict", "result". */
void reply_log(struct json_object *line, const struct http_answer *answer, uint32_t attempt, const char *verdict_name,
               const char *verdict);

#endif
