#include "io/lock.h"

#include "base/buf.h"
#include "base/text.h"
#include "io/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_LONGEST = 1 << 16 };
enum { LOCK_TRIES = 100 }; /* each one lost to a holder that removed the file or left between two calls */

enum take { TAKE_DONE, TAKE_AGAIN, TAKE_FAILED };

bool lock_is_named(int fd, const char *path)
{
    struct stat opened, named;

    if (lstat(path, &named) != 0)
        return errno != ENOENT && errno != ENOTDIR;
    return fstat(fd, &opened) != 0 || (opened.st_dev == named.st_dev && opened.st_ino == named.st_ino);
}

/* Says who holds the lock; TAKE_AGAIN where nobody does any more. */
static enum take name_holder(int fd, const char *subject, struct err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_GETLK, &lock) != 0)
        err_system(err, "cannot find out who is working on %s", subject);
    else if (lock.l_type == F_UNLCK)
        return TAKE_AGAIN;
    else if (lock.l_pid > 0)
        err_set(err, EXIT_LOCAL, "another connload (pid %ld) is working on %s; wait for it, or stop it with kill %ld",
                (long)lock.l_pid, subject, (long)lock.l_pid);
    else
        err_set(err, EXIT_LOCAL,
                "another connload, in another container or on another machine, is working on %s; "
                "wait for it",
                subject);
    return TAKE_FAILED;
}

static bool refuse_foreign(const char *path, const struct stat *status, struct err *err)
{
    return err_set(err, EXIT_LOCAL,
                   "%s belongs to another user (uid %lu), whose run may have been interrupted: only its journal tells "
                   "what it has sent; give that run's command once more as that user",
                   path, (unsigned long)status->st_uid);
}

/* A file that is made new and is another user's: NFS takes root for nobody. */
static bool refuse_squashed(const char *path, const struct stat *status, struct err *err)
{
    char *folder = disk_folder(path);
    struct stat about = {0};

    unlink(path);
    if (stat(folder, &about) != 0)
        about.st_uid = status->st_uid;
    err_set(err, EXIT_LOCAL,
            "what uid %lu makes in %s belongs to uid %lu (the file system takes one for the other, as NFS does with "
            "root_squash); run this as a user that the file system knows, such as the folder's owner (uid %lu)",
            (unsigned long)geteuid(), folder, (unsigned long)status->st_uid, (unsigned long)about.st_uid);
    free(folder);
    return false;
}

/* `cp -p` makes a file with one name of one with several, and keeps what it tells. */
static bool refuse_hard_link(const char *path, struct err *err)
{
    struct buf name;

    buf_init(&name, NAME_LONGEST);
    text_shell(&name, path);
    err_set(err, EXIT_LOCAL,
            "%s has other names (hard links, perhaps a backup's), by which it can be changed; give it one of its own: "
            "cp -p -- %s %s.copy && mv -- %s.copy %s",
            path, name.data, name.data, name.data, name.data);
    buf_release(&name);
    return false;
}

/* Whoever can write a journal can say what was created, and read what was. */
static bool is_ours(const char *path, const struct stat *status, bool is_new, struct err *err)
{
    if (disk_is_foreign(path, status->st_uid))
        return is_new ? refuse_squashed(path, status, err) : refuse_foreign(path, status, err);
    return status->st_nlink <= 1 || refuse_hard_link(path, err);
}

static bool is_without_locks(int cause)
{
    return cause == ENOLCK || cause == EOPNOTSUPP || cause == ENOSYS || cause == EINVAL;
}

static enum take take_lock(int fd, bool is_new, const char *path, const char *subject, struct err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat status;

    if (fcntl(fd, F_SETLK, &lock) != 0) {
        if (errno == EACCES || errno == EAGAIN)
            return name_holder(fd, subject, err);
        if (is_without_locks(errno))
            err_set(
                err, EXIT_LOCAL,
                "cannot lock %s: %s; without locks two runs at once could create everything twice: keep the results "
                "on a local disk, or mount their file system with locks (NFS: version 4, or rpc.statd running)",
                path, strerror(errno));
        else
            disk_error(err, "lock", path);
        return TAKE_FAILED;
    }
    if (!lock_is_named(fd, path))
        return TAKE_AGAIN;
    if (fstat(fd, &status) == 0)
        return is_ours(path, &status, is_new, err) ? TAKE_DONE : TAKE_FAILED;
    disk_error(err, "look at", path);
    return TAKE_FAILED;
}

/* What is there and can't be opened may be another user's. */
static bool refuse_to_open(const char *path, struct err *err)
{
    int cause = errno;
    struct stat status;

    if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return err_set(err, EXIT_LOCAL, "%s is no regular file, and so no journal; move it away", path);
    if (cause == EACCES && lstat(path, &status) == 0 && status.st_uid != geteuid())
        return refuse_foreign(path, &status, err);
    errno = cause;
    return disk_error(err, "open", path);
}

/* Opens what is there, or else makes it (`*is_new`). */
static int open_or_make(const char *path, bool *is_new)
{
    static const int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = open(path, flags);

    *is_new = false;
    if (fd < 0 && errno == ENOENT) {
        fd = open(path, flags | O_CREAT | O_EXCL, 0600);
        *is_new = fd >= 0;
    }
    return fd;
}

int lock_open(const char *path, const char *subject, struct err *err)
{
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        bool is_new;
        int fd = open_or_make(path, &is_new);
        struct stat status;
        enum take take;

        if (fd < 0 && errno == EEXIST) /* another run has just made it */
            continue;
        if (fd < 0 || (fstat(fd, &status) == 0 && !S_ISREG(status.st_mode))) {
            refuse_to_open(path, err);
            if (fd >= 0)
                close(fd);
            return -1;
        }
        take = take_lock(fd, is_new, path, subject, err);
        if (take == TAKE_DONE)
            return fd;
        close(fd);
        if (take == TAKE_FAILED)
            return -1;
    }
    err_set(err, EXIT_LOCAL, "cannot lock %s: other runs keep taking and removing it; try again", path);
    return -1;
}
