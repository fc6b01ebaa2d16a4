#include "api/hush.h"

#include "base/alloc.h"
#include "model/connector.h"
#include "model/redact.h"

#include <stdlib.h>

struct hush_secret {
    struct buf text;
    bool held;
};

void hush_init(struct hush *hush, const char *key, unsigned in_flight)
{
    *hush = (struct hush){.key = span_of(key), .count = in_flight + HUSH_RECENT};
    hush->kept = alloc_zeroed(hush->count, sizeof(hush->kept[0]));
    hush->spans = alloc_zeroed(hush->count + 2, sizeof(hush->spans[0]));
    for (unsigned i = 0; i < hush->count; i++)
        buf_init(&hush->kept[i].text, PAYLOAD_MAX);
}

void hush_release(struct hush *hush)
{
    for (unsigned i = 0; i < hush->count; i++)
        buf_wipe(&hush->kept[i].text);
    free(hush->kept);
    free(hush->spans);
    *hush = (struct hush){0};
}

int hush_keep(struct hush *hush, struct span secret)
{
    unsigned place = hush->next;

    if (secret.len == 0)
        return HUSH_NONE;
    while (hush->kept[place].held)
        place = (place + 1) % hush->count;
    hush->next = (place + 1) % hush->count;
    buf_reset(&hush->kept[place].text);
    buf_span(&hush->kept[place].text, secret);
    hush->kept[place].held = true;
    return (int)place;
}

void hush_let_go(struct hush *hush, int place)
{
    if (place != HUSH_NONE)
        hush->kept[place].held = false;
}

struct span hush_kept(const struct hush *hush, int place)
{
    return place != HUSH_NONE ? buf_view(&hush->kept[place].text) : (struct span){0};
}

struct api_secrets hush_secrets(struct hush *hush, struct span own)
{
    size_t count = 0;

    hush->spans[count++] = hush->key;
    hush->spans[count++] = own;
    for (unsigned i = 0; i < hush->count; i++)
        if (hush->kept[i].text.len >= HUSH_OTHERS_MIN)
            hush->spans[count++] = buf_view(&hush->kept[i].text);
    return (struct api_secrets){hush->spans, count};
}

bool hush_allows(struct hush *hush, struct span own, struct span id)
{
    struct api_secrets secrets = hush_secrets(hush, own);

    return !redact_needed(id, secrets.secret, secrets.count);
}

void hush_field(const struct hush *hush, struct span own, struct span text, struct buf *out)
{
    struct span secrets[2];
    size_t count = 0;
    struct buf whole;

    if (hush->key.len >= HUSH_KEY_MIN)
        secrets[count++] = hush->key;
    if (own.len >= HUSH_OWN_MIN)
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
