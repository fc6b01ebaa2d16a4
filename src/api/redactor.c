#include "api/redactor.h"

#include "base/alloc.h"
#include "model/connector.h"
#include "model/redact.h"

#include <stdlib.h>

struct redactor_secret {
    struct buf text;
    bool held;
};

void redactor_init(struct redactor *redactor, const char *key, unsigned in_flight)
{
    *redactor = (struct redactor){.key = span_of(key), .count = in_flight + REDACTOR_RECENT};
    redactor->kept = alloc_zeroed(redactor->count, sizeof(redactor->kept[0]));
    redactor->spans = alloc_zeroed(redactor->count + 2, sizeof(redactor->spans[0]));
    for (unsigned i = 0; i < redactor->count; i++)
        buf_init(&redactor->kept[i].text, PAYLOAD_MAX);
}

void redactor_release(struct redactor *redactor)
{
    for (unsigned i = 0; i < redactor->count; i++)
        buf_wipe(&redactor->kept[i].text);
    free(redactor->kept);
    free(redactor->spans);
    *redactor = (struct redactor){0};
}

int redactor_keep(struct redactor *redactor, struct span secret)
{
    unsigned place = redactor->next;

    if (secret.len == 0)
        return REDACTOR_NONE;
    while (redactor->kept[place].held)
        place = (place + 1) % redactor->count;
    redactor->next = (place + 1) % redactor->count;
    buf_reset(&redactor->kept[place].text);
    buf_span(&redactor->kept[place].text, secret);
    redactor->kept[place].held = true;
    return (int)place;
}

void redactor_let_go(struct redactor *redactor, int place)
{
    if (place != REDACTOR_NONE)
        redactor->kept[place].held = false;
}

struct span redactor_kept(const struct redactor *redactor, int place)
{
    return place != REDACTOR_NONE ? buf_view(&redactor->kept[place].text) : (struct span){0};
}

struct api_secrets redactor_secrets(struct redactor *redactor, struct span own)
{
    size_t count = 0;

    redactor->spans[count++] = redactor->key;
    redactor->spans[count++] = own;
    for (unsigned i = 0; i < redactor->count; i++)
        if (redactor->kept[i].text.len >= REDACTOR_OTHERS_MIN)
            redactor->spans[count++] = buf_view(&redactor->kept[i].text);
    return (struct api_secrets){redactor->spans, count};
}

bool redactor_allows(struct redactor *redactor, struct span own, struct span id)
{
    struct api_secrets secrets = redactor_secrets(redactor, own);

    return !redact_needed(id, secrets.secret, secrets.count);
}

void redactor_field(const struct redactor *redactor, struct span own, struct span text, struct buf *out)
{
    struct span secrets[2];
    size_t count = 0;
    struct buf whole;

    if (redactor->key.len >= REDACTOR_KEY_MIN)
        secrets[count++] = redactor->key;
    if (own.len >= REDACTOR_OWN_MIN)
        secrets[count++] = own;
    if (!redact_needed(text, secrets, count)) {
        buf_span(out, text);
        return;
    }
    buf_init(&whole, (text.len + 1) * sizeof(REDACTED));
    redact(text, secrets, count, &whole);
    redact_parts(buf_view(&whole), secrets, count, out);
    buf_wipe(&whole);
}
