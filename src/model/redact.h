/*
 * redact: secrets taken out of what a server says. A server that quotes the request it refuses quotes the password.
 */
#ifndef MODEL_REDACT_H
#define MODEL_REDACT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* What stands in a secret's place. */
#define REDACTED "[secret]"

/*
 * Appends `text` with each occurrence of each of `count` secrets replaced by REDACTED; empty secrets are ignored.
 * Found are a secret as it is, and one whose characters are written, some or all, as JSON escapes (`\"`, `\u00e9`), as
 * HTML entities (`&amp;`, `&#39;`, `&#x27;`) or percent-encoded (`%20`). Must be done before a text is cut or escaped.
 */
void redact(struct span text, const struct span *secrets, size_t count, struct buf *out);

/* Whether there is one of the secrets in it. */
bool redact_needed(struct span text, const struct span *secrets, size_t count);

#endif
