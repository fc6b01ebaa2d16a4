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
 * Appends `text` with each occurrence of each of `count` secrets replaced by REDACTED, as much of it as fits; empty
 * secrets are ignored. Found are a secret as it is, in any case of ASCII letters; one whose characters are written,
 * some or all, as JSON escapes (`\"`, `\u00e9`), as Python and C show them (`\xe9`, `\U0001f600`, `\xc3\xa9`,
 * `\303\251`), with quotes written twice, as HTML entities (`&amp;`, `&#39;`, `&#x27`, `&nbsp;`) or percent-encoded
 * (`%20`); one with other blanks, or `+`, for its blanks, or with more of them, or of characters that
 * no one sees, between its own; and one in base64. Must be done before a text is cut or escaped.
 */
void redact(struct span text, const struct span *secrets, size_t count, struct buf *out);

/*
 * Likewise for pieces of secrets, of 8 bytes and more, that stand beside an ellipsis (`...`, `…`), as those stand who
 * abbreviate what they quote. For texts that have been cut: takes time for each ellipsis and secret.
 */
void redact_parts(struct span text, const struct span *secrets, size_t count, struct buf *out);

/* Whether there is anything in it that the two would replace. */
bool redact_needed(struct span text, const struct span *secrets, size_t count);

#endif
