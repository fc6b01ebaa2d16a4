/*
 * digest: SHA-256, for the checksums of a summary, and for the mark that tells one API key from another without
 * telling either. Home of libcrypto.
 */
#ifndef IO_DIGEST_H
#define IO_DIGEST_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

enum {
    DIGEST_HEX = 65,  /* bytes of a digest as hex digits, with its NUL */
    DIGEST_MARK = 26, /* bytes of a mark, with its NUL */
};

/* A digest in the making. NULL (EXIT_LOCAL) where libcrypto is unable to. */
struct digest;
struct digest *digest_new(struct err *err);
void digest_free(struct digest *digest); /* NULL is fine */

/* The next bytes. */
void digest_add(struct digest *digest, struct span bytes);

/* The digest of all bytes added, in small letters, and begins anew. False (EXIT_LOCAL) where libcrypto failed since. */
bool digest_finish(struct digest *digest, char hex[DIGEST_HEX], struct err *err);

/* The digest of a file's bytes as they are on the disk. False (EXIT_LOCAL) where it can't be read. */
bool digest_file(const char *path, char hex[DIGEST_HEX], struct err *err);

/*
 * The mark of a secret: `SALT:HASH`, 16 hex digits of salt and the first 8 of the digest of salt and secret. `salt` is
 * NULL for a random one, or 16 hex digits. 32 bits are enough to notice another key, and too few to find out a key by
 * trying: each 4,294,967,296th guess fits. False (EXIT_LOCAL) where libcrypto failed, or `salt` is no such text.
 */
bool digest_mark(const char *secret, const char *salt, char mark[DIGEST_MARK], struct err *err);

/* Whether `mark` is one of `secret`'s marks. A text that is no mark is nobody's. */
bool digest_mark_matches(const char *mark, const char *secret);

#endif
