#include "io/lock.h"

#include "io/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_TRIES = 100 }; /* each one lost to a holder that removed the file or left between two calls */

enum take { TAKE_DONE, TAKE_AGAIN, TAKE_FAILED };

/* Whether `path` still names the file that was opened: its last holder may have removed it. */
static bool still_named(int fd, const char *path)
{
    struct stat opened, named;

    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
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

/* Whoever can write a journal can say what was created, and read what was. */
static bool is_ours(const char *path, const struct stat *status, struct err *err)
{
    if (!S_ISREG(status->st_mode))
        return err_set(err, EXIT_LOCAL, "%s is no regular file; move it away", path);
    if (disk_is_foreign(path, status->st_uid))
        return err_set(err, EXIT_LOCAL,
                       "%s belongs to another user (uid %lu); finish that user's run as that user, or move it away",
                       path, (unsigned long)status->st_uid);
    if (status->st_nlink > 1)
        return err_set(err, EXIT_LOCAL, "%s has other names (hard links), by which it can be changed; move it away",
                       path);
    return true;
}

static enum take take_lock(int fd, const char *path, const char *subject, struct err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat status;

    if (fstat(fd, &status) != 0) {
        disk_error(err, "look at", path);
        return TAKE_FAILED;
    }
    if (!is_ours(path, &status, err))
        return TAKE_FAILED;
    if (fcntl(fd, F_SETLK, &lock) == 0)
        return still_named(fd, path) ? TAKE_DONE : TAKE_AGAIN;
    if (errno == EACCES || errno == EAGAIN)
        return name_holder(fd, subject, err);
    disk_error(err, "lock", path);
    return TAKE_FAILED;
}

int lock_open(const char *path, const char *subject, struct err *err)
{
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        enum take take;

        if (fd < 0) {
            disk_error(err, "open", path);
            return -1;
        }
        take = take_lock(fd, path, subject, err);
        if (take == TAKE_DONE)
            return fd;
        close(fd);
        if (take == TAKE_FAILED)
            return -1;
    }
    err_set(err, EXIT_LOCAL, "cannot lock %s: other runs keep taking and removing it; try again", path);
    return -1;
}
