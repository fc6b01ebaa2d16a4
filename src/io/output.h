/*
 * output: a file that appears whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder.
 * Home of zlib's deflate (gzip output).
 *
 * The temporary file of `desk.results.csv` is `.desk.results.csv.XXXXXX.tmp`, in the same folder. What isn't replaced
 * but written through (standard output, a FIFO, a device) gets the bytes as they come. Writing to a pipe that nobody
 * reads any more is an error like others: the program ignores SIGPIPE, and SIGXFSZ likewise.
 *
 * All errors are EXIT_LOCAL with the path in the sentence. Memory: 256 KiB, and zlib's for gzip, about as much again.
 */
#ifndef IO_OUTPUT_H
#define IO_OUTPUT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct output;

struct output_config {
    const char *path;     /* `-` is standard output. The target of a symbolic link is replaced, not the link. */
    bool gzip;            /* compress; the same bytes come out as the same file: no time is stored */
    int (*signals)(void); /* how many have come that ask for a stop: one more ends a stream's write; NULL: none does */
    bool secret;          /* mode 0600; else the mode of the file that it replaces, or 0666 less umask */
};

/* Opens the temporary file, or the stream. Opening a FIFO waits for its reader. NULL on error. */
struct output *output_open(const struct output_config *config, struct err *err);

/* Adds bytes. After an error only output_abandon() is left. */
bool output_write(struct output *output, struct span bytes, struct err *err);

/*
 * Everything is on the disk under its temporary name, or was handed to the stream. `*size` and `*crc` (CRC-32) are of
 * the bytes that `source` makes of the file when it reads it: uncompressed, without a leading byte order mark. Both
 * may be NULL.
 */
bool output_finish(struct output *output, uint64_t *size, uint32_t *crc, struct err *err);

/* After output_finish(): gives it its name, synced, and frees `output`. On error the caller still abandons it. */
bool output_publish(struct output *output, struct err *err);

/*
 * In place of output_publish(), or after that failed: gives the finished file another name beside its own,
 * `PATH.new` or, where there is such a file, `PATH.new2` …, which nobody removes. Owned by the caller; NULL where the
 * file is not known to be whole, or can't be renamed at all. The caller still abandons the output.
 */
char *output_keep(struct output *output);

/* Removes the temporary file, if it hasn't got its name, and frees `output`; NULL is fine. */
void output_abandon(struct output *output);

/* All of it in one: a plain file at `path` (or what goes to the stream) that holds `bytes`. */
bool output_put(const char *path, struct span bytes, struct err *err);

/*
 * Whether output_publish() will be able to put a file at `path`, as far as that can be known: by what is there and its
 * folder (a mount of its own, an immutable file, another user's in a folder with the sticky bit), and by trying it with
 * two temporary files. Nothing is left of that. False (EXIT_LOCAL) with the remedy. A stream is fine.
 */
bool output_check_place(const char *path, struct err *err);

/*
 * Keeps the file that is about to be replaced at `path`, if there is one, as `path~` beside it: a copy, whole or not at
 * all, with its mode, or 0600 where `secret`. The first function tells beforehand whether that can be done.
 */
bool output_check_kept(const char *path, struct err *err);
bool output_keep_replaced(const char *path, bool secret, struct err *err);

/* Whether `path` is written through rather than replaced (`-`, a FIFO, a device). */
bool output_is_stream(const char *path);

/* Whether a file of that name is to be compressed: it ends in `.gz`. */
bool output_is_gzip(const char *path);

/*
 * Removes the temporary files that killed runs left of `path`. For whoever holds what keeps other runs from writing
 * it; errors are unheard: what stays is in nobody's way.
 */
void output_sweep(const char *path);

#endif
