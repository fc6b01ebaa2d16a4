/*
 * redactor: what must not come back through a server's text: the API key, the secret of the row that is spoken of, and
 * those that were sent last, for a server may mix up its callers. Every text of a server goes through here, or, an
 * error's, through api_error_read() with redactor_secrets().
 */
#ifndef API_REDACTOR_H
#define API_REDACTOR_H

#include "base/buf.h"
#include "model/api_error.h"

#include <stdbool.h>

enum {
    REDACTOR_KEY_MIN = 12,   /* bytes of a key that no field has by itself: a sandbox's may be a word */
    REDACTOR_OWN_MIN = 4,    /* likewise of the row's own secret */
    REDACTOR_OTHERS_MIN = 8, /* likewise, also in messages, of another row's */
    REDACTOR_RECENT = 64,    /* secrets remembered beyond those in flight */
    REDACTOR_NONE = -1,
};

struct redactor_secret;

struct redactor {
    struct span key;
    struct redactor_secret *kept; /* a ring */
    struct span *spans;           /* scratch */
    unsigned count, next;
};

/* Borrows the key. At most `in_flight` secrets are held at once. */
void redactor_init(struct redactor *redactor, const char *key, unsigned in_flight);
void redactor_release(struct redactor *redactor);

/*
 * Remembers a copy of a secret that is sent, at least until redactor_let_go(), and then until REDACTOR_RECENT others
 * have come. Its place, or REDACTOR_NONE where it is empty.
 */
int redactor_keep(struct redactor *redactor, struct span secret);
void redactor_let_go(struct redactor *redactor, int place);

/* The secret at that place; empty for REDACTOR_NONE. Lasts until the next redactor_keep(). */
struct span redactor_kept(const struct redactor *redactor, int place);

/* For a message about a row with the secret `own` (empty = none); lasts until the next call. */
struct api_secrets redactor_secrets(struct redactor *redactor, struct span own);

/* Whether an id holds none of them: one with a secret in it is no id any more. */
bool redactor_allows(struct redactor *redactor, struct span own, struct span id);

/*
 * Appends a connector's text (an inbox, a label), or what is said of it, with the key and `own` taken out. Short ones
 * stay: such a text may well have them by itself.
 */
void redactor_field(const struct redactor *redactor, struct span own, struct span text, struct buf *out);

#endif
