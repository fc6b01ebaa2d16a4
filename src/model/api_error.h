/*
 * api_error: what an error answer says, in whatever shape it came.
 */
#ifndef MODEL_API_ERROR_H
#define MODEL_API_ERROR_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    API_ERROR_MESSAGE = 300, /* characters of a message at most */
    API_ERROR_CODE = 64,     /* bytes of a code at most */
};

/* What must not come back through the message, nor through the code: the key, and the secrets of the row. */
struct api_secrets {
    const struct span *secret;
    size_t count;
};

/* Whether an answer is the API's own, a JSON object, rather than a gateway's page. */
bool api_error_is_json(struct span body);

/* Whether it is what the gateway in front of the API says: no JSON object, or its `{"message": "Forbidden"}`. */
bool api_error_is_gateways(struct span body);

/* Whether it is the gateway's word for a path that it does not know (api.md). */
bool api_error_is_unknown_path(struct span body);

/*
 * Whether an answer says that it is an error, whatever its status: a JSON object with something in `errors`, `error` or
 * `fault`, or with `success` or `ok` false. Also where an envelope's `results` hold what was asked for.
 */
bool api_error_is_told(struct span body);

/*
 * Appends to `message` what the answer says, for people, in one line, without control characters, at most
 * API_ERROR_MESSAGE characters, secrets redacted (model/redact.h): the shapes of api.md ("Errors seen"), RFC 9457
 * (title, detail), an HTML page (its <title>, or "an HTML page"), or the beginning of any other text. Nothing where the
 * body is empty or blank.
 * Appends to `code` the server's own code (errorCode, an RFC 9457 type) where there is one (letters, digits,
 * `_ . : / -` only, at most API_ERROR_CODE, no secret in it); otherwise leaves it alone.
 */
void api_error_read(struct span body, struct api_secrets secrets, struct buf *message, struct buf *code);

/* `message` without the status that it begins with ("401 Authorization Required"): for sentences that name it. */
const char *api_error_without_status(const char *message, int status);

#endif
