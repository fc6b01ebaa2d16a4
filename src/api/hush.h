/*
 * hush: what must not come back through a server's text: the API key, the secret of the row that is spoken of, and
 * those that were sent last, for a server may mix up its callers. Every text of a server goes through here, or, an
 * error's, through api_error_read() with hush_secrets().
 */
#ifndef API_HUSH_H
#define API_HUSH_H

#include "base/buf.h"
#include "model/api_error.h"

#include <stdbool.h>

enum {
    HUSH_KEY_MIN = 12,   /* bytes of a key that no field has by itself: a sandbox's may be a word */
    HUSH_OWN_MIN = 4,    /* likewise of the row's own secret */
    HUSH_OTHERS_MIN = 8, /* likewise, also in messages, of another row's */
    HUSH_RECENT = 64,    /* secrets remembered beyond those in flight */
    HUSH_NONE = -1,
};

struct hush_secret;

struct hush {
    struct span key;
    struct hush_secret *kept; /* a ring */
    struct span *spans;       /* scratch */
    unsigned count, next;
};

/* Borrows the key. At most `in_flight` secrets are held at once. */
void hush_init(struct hush *hush, const char *key, unsigned in_flight);
void hush_release(struct hush *hush);

/*
 * Remembers a copy of a secret that is sent, at least until hush_let_go(), and then until HUSH_RECENT others have
 * come. Its place, or HUSH_NONE where it is empty.
 */
int hush_keep(struct hush *hush, struct span secret);
void hush_let_go(struct hush *hush, int place);

/* The secret at that place; empty for HUSH_NONE. Lasts until the next hush_keep(). */
struct span hush_kept(const struct hush *hush, int place);

/* For a message about a row with the secret `own` (empty = none); lasts until the next call. */
struct api_secrets hush_secrets(struct hush *hush, struct span own);

/* Whether an id holds none of them: one with a secret in it is no id any more. */
bool hush_allows(struct hush *hush, struct span own, struct span id);

/*
 * Appends a connector's text (an inbox, a label), or what is said of it, with the key and `own` taken out. Short ones
 * stay: such a text may well have them by itself.
 */
void hush_field(const struct hush *hush, struct span own, struct span text, struct buf *out);

#endif
