/*
 * fuzz_redact: secrets taken out of a server's text, however they are spelled there. The input is the secrets, a line
 * each, an empty line, and the text. What comes out holds none, unless a secret is made of the marker's own characters.
 */
#include "model/redact.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SECRETS_MAX = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool shares_a_byte(struct span secret)
{
    for (size_t i = 0; i < secret.len; i++)
        if (memchr(REDACTED, secret.data[i] | 0x20, strlen(REDACTED)) != NULL ||
            memchr(REDACTED, secret.data[i], strlen(REDACTED)) != NULL)
            return true;
    return false;
}

/* The lines before the empty one; what follows it stays in `rest`. */
static size_t take_secrets(struct span *rest, struct span secrets[SECRETS_MAX])
{
    size_t count = 0;

    while (rest->len > 0 && count < SECRETS_MAX) {
        const char *end = memchr(rest->data, '\n', rest->len);
        size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len, past = end != NULL ? len + 1 : len;

        if (len > 0)
            secrets[count++] = (struct span){rest->data, len};
        rest->data += past;
        rest->len -= past;
        if (len == 0)
            break;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span secrets[SECRETS_MAX], rest = {(const char *)data, size};
    size_t count = take_secrets(&rest, secrets);
    bool needed = redact_needed(rest, secrets, count), marked = false;
    struct buf whole, out;

    buf_init(&whole, (size + 1) * strlen(REDACTED));
    buf_init(&out, (size + 1) * strlen(REDACTED));
    redact(rest, secrets, count, &whole);
    redact_parts(buf_view(&whole), secrets, count, &out);
    require(!whole.overflow && !out.overflow);
    require(needed || span_equal(buf_view(&out), rest) || rest.len == 0);
    for (size_t i = 0; i < count; i++)
        marked = marked || shares_a_byte(secrets[i]);
    if (!marked)
        require(!redact_needed(buf_view(&out), secrets, count));
    buf_release(&whole);
    buf_release(&out);
    return 0;
}
