/*
 * disk: what journal and output share: whole writes and syncs, a folder's fsync, the end of a chain of symbolic links,
 * and sentences for what the system refuses.
 */
#ifndef IO_DISK_H
#define IO_DISK_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The path of the file that `path` stands for once symbolic links at its end are followed, whether or not there is
 * such a file: a link that leads nowhere gives the place where it leads. Links among the folders are the system's.
 * A link that somebody else has planted in a folder that all may write to (/tmp) is refused, as the kernel's
 * protected_symlinks does. Owned by the caller; NULL where so, or where the chain has no end or can't be read
 * (EXIT_LOCAL).
 */
char *disk_target(const char *path, struct err *err);

/*
 * Whether what `owner` has put at `path` is somebody else's doing: neither ours nor that of the folder's owner, who
 * could do as he likes there anyway.
 */
bool disk_is_foreign(const char *path, uid_t owner);

/* Whether two names are of one file; equal names always are. */
bool disk_same_file(const char *a, const char *b);

/* The folder that `path` is in, "." where it names none, and the rest of it. The folder is owned by the caller. */
char *disk_folder(const char *path);
const char *disk_name(const char *path);

/*
 * Writes all of it, whatever signals come; what is set not to block is waited for. False with errno, some of it
 * perhaps written.
 */
bool disk_write(int fd, const void *bytes, size_t len);

/* The same, but gives up (EINTR) where `signals`, a count, has grown before all is written. */
bool disk_write_until(int fd, const void *bytes, size_t len, int (*signals)(void));

/* Reads up to `len` bytes, likewise, from where the file stands or at `offset`: fewer at its end; -1 with errno. */
ssize_t disk_read(int fd, void *bytes, size_t len);
ssize_t disk_read_at(int fd, void *bytes, size_t len, off_t offset);

/* A descriptor of its own for standard output; -1 with errno (EBADF) where that can't be written to. */
int disk_stdout(void);

/*
 * fsync and fdatasync, done whatever signals come (NFS and FUSE let one interrupt them), and close, for which a signal
 * is no failure. False with errno.
 */
bool disk_sync(int fd);
bool disk_sync_data(int fd);
bool disk_close(int fd);

/*
 * Makes the names in the folder of `path` safe (fsync). False with errno. A file system that knows no fsync of folders
 * is taken at its word.
 */
bool disk_sync_folder(const char *path);

/* When the regular file at `path` was written last, by the wall clock; false where there is none. */
bool disk_written_at(const char *path, int64_t *wall_ms);

/*
 * Sets EXIT_LOCAL and `cannot VERB PATH: REASON` for errno, with the remedy where there is one. Always returns false.
 */
bool disk_error(struct err *err, const char *verb, const char *path);

#endif
