/*
 * lock: a file that one process holds at a time.
 *
 * The lock is an fcntl() write lock (F_SETLK) on the file itself: it goes with the process, however that ends, so that
 * none is ever stale, and it names its holder. As with every such lock, closing *any* descriptor of the file in the
 * holding process ends it: whoever holds it opens the file nowhere else.
 */
#ifndef IO_LOCK_H
#define IO_LOCK_H

#include "base/err.h"

#include <stdbool.h>

/*
 * Opens `path` for reading and appending, creates it (mode 0600) where it isn't there, and takes its lock without
 * waiting. The descriptor is of the file that `path` names once the lock is held. -1 (EXIT_LOCAL): it can't be
 * opened, its file system has no locks, it is no regular file, somebody else's (disk_is_foreign()), has other names, or
 * is held: the sentence then names the holder's pid, and `subject`, what is worked on. No remedy in these sentences
 * takes away what an interrupted run has left.
 */
int lock_open(const char *path, const char *subject, struct err *err);

/* Whether `path` still names the file that was opened: somebody may have removed or replaced it. What can't be looked
 * at has not been. */
bool lock_is_named(int fd, const char *path);

#endif
