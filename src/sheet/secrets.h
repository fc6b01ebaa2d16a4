/*
 * secrets: secret cells that say where the secret is (`env:NAME`, `file:PATH`; --secret-refs), and
 * the API key.
 */
#ifndef SHEET_SECRETS_H
#define SHEET_SECRETS_H

#include "base/buf.h"
#include "base/err.h"
#include "model/check.h"
#include "model/connector.h"

#include <stdbool.h>

enum {
    SECRET_MAX = 65536, /* bytes of a secret read from a file */
    API_KEY_MAX = 4096, /* bytes of an API key */
};

/* The resolved secrets of one row; reused from row to row, wiped on release. */
struct secrets {
    struct buf text[FIELDS];
    struct buf why[FIELDS]; /* where one could not be resolved */
};

void secrets_init(struct secrets *secrets);
void secrets_release(struct secrets *secrets);

/* `env:` or `file:` where the value, blanks aside, is such a reference; else NULL. */
const char *secrets_scheme(struct span value);

/*
 * Replaces each secret value that is a reference by what it refers to (a file's final line end is not part of it), or
 * sets `unresolved` with the reason. The reason names the variable or path, never what is in it. Other values stay.
 */
void secrets_resolve(struct secrets *secrets, struct row_values *values);

/* Whether a key is named at all: by `path` (NULL = not) or by BIGDATA_API_KEY. Before secrets_api_key(). */
bool secrets_names_key(const char *path);

/*
 * The API key: from `path` (`-` is standard input; a FIFO is waited for) or, where that is NULL, from BIGDATA_API_KEY,
 * which is taken out of the environment and overwritten there in either case. Blanks around the key are dropped.
 * Refuses a file that others can read (but for the group of one's own or root's, and for a file on a read-only mount),
 * another user's FIFO, and what holds no key or more than a line (EXIT_USAGE). Owned; wipe it.
 */
bool secrets_api_key(const char *path, struct buf *key, struct err *err);

#endif
