/*
 * source: an input's bytes as UTF-8, wherever they come from: a file, standard input, gzip, UTF-16, an encoding that
 * the user names.
 *
 * A plain UTF-8 file is read in place; that what is read again is what was read first, a checksum tells (four bytes for
 * each 16 KiB of text). Anything else is first spooled, decoded, to an unlinked temporary file of mode 0600 in TMPDIR
 * (else /tmp), so that every row can be read again by its offset and memory does not grow with the input. Spooling
 * refuses early what no reader would take: a NUL byte, more than SOURCE_LINE_MAX bytes without a line end, more than
 * SOURCE_SPOOL_MAX bytes in all (a gzip bomb). Home of zlib's inflate and of iconv.
 */
#ifndef IO_SOURCE_H
#define IO_SOURCE_H

#include "base/buf.h"
#include "base/err.h"
#include "io/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source;

#define SOURCE_TEXT_MAX (UINT64_C(1) << 40)   /* bytes of text that an input may have: 1 TiB */
#define SOURCE_SPOOL_MAX (UINT64_C(16) << 30) /* bytes of text that are spooled at most: 16 GiB */
enum {
    SOURCE_LINE_MAX = (1 << 24) - 1, /* bytes between two line ends in spooled text */
    SOURCE_PIECE = 1 << 18,          /* bytes of a piece of source_next() at most */
};

/*
 * Opens `path`, `-` for standard input. `encoding` is what a text without a byte order mark is in, NULL = UTF-8. A FIFO
 * or a device is read to its end like standard input. NULL with a sentence and the remedy (EXIT_INPUT) for: a
 * directory, a file that can't be read or does not exist, whatever sniff_head() refuses (also inside gzip), broken or
 * truncated gzip (trailing garbage after a member is broken too; concatenated members are one input), broken or
 * truncated UTF-16 or `encoding` (with the line), a text that is UTF-8 where `encoding` says otherwise. EXIT_LOCAL
 * where the spool can't be made or written, or reading fails.
 */
struct source *source_open(const char *path, const char *encoding, struct err *err);

/* Whether source_open() can read that encoding; and whether it is UTF-8, which needs no name. */
bool source_knows(const char *encoding);
bool source_is_utf8(const char *encoding);

/* Whether `path` is `-`, a FIFO or a device: what can't be read again by a later run. */
bool source_is_stream(const char *path);

/* Frees it and closes its files; the spool is gone with that. NULL is fine. */
void source_close(struct source *source);

/* What messages call it: the path as given, made fit to be shown, or `standard input`. */
const char *source_name(const struct source *source);

struct source_info {
    bool bom; /* a byte order mark was there, or another encoding than UTF-8; it is not part of the bytes */
    bool utf16;
    bool gzip;
    bool others_read; /* it is a file that every user may read */
    bool is_stdin;    /* standard input, a FIFO or a device: can't be read again by a later run */
    uint64_t size;    /* bytes of the decoded text (without BOM) */
};
const struct source_info *source_info(const struct source *source);

/*
 * The decoded bytes in order: the next piece, at most SOURCE_PIECE bytes, valid until the next call; len 0 at the end.
 * Fails where the file has become shorter (EXIT_INPUT) or can't be read (EXIT_LOCAL).
 */
bool source_next(struct source *source, struct span *piece, struct err *err);

/*
 * Exactly `len` bytes at `offset` of the decoded text into `out`. Fails as source_next() does, and (EXIT_INPUT) where
 * they are not what source_next() gave: somebody writes to the file. A file that got another name, or whose name went
 * to another file, is still the one that was opened. What is beside them is read with them and kept, so that reading on
 * from there costs no system call.
 */
bool source_at(struct source *source, uint64_t offset, void *out, size_t len, struct err *err);

/* After the whole was read by source_next(): CRC-32 of the decoded bytes (without BOM). */
uint32_t source_crc(const struct source *source);

/*
 * SHA-256 of the file's bytes as they are on the disk: of the file that was opened, whatever its name stands for by
 * now. After the whole was read by source_next(): fails (EXIT_INPUT) where a plain file no longer holds what was read
 * (what was added behind it does not count); also where there is no file (source_info's is_stdin). EXIT_LOCAL where it
 * can't be read.
 */
bool source_sha256(const struct source *source, char hex[DIGEST_HEX], struct err *err);

#endif
