#include "io/disk.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; /* as the kernel follows at most */

const char *disk_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

bool disk_same_file(const char *a, const char *b)
{
    struct stat one, other;

    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

char *disk_folder(const char *path)
{
    size_t len = (size_t)(disk_name(path) - path);

    if (len == 0)
        return alloc_text(".");
    return alloc_copy(path, len > 1 ? len - 1 : len);
}

/* Where the link at `path` leads, seen from where `path` is seen; NULL with errno. */
static char *follow(const char *path)
{
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof(target));
    size_t folder = (size_t)(disk_name(path) - path);
    char *next;

    if (len < 0)
        return NULL;
    if (len == 0 || (size_t)len >= sizeof(target)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    if (target[0] == '/')
        return alloc_copy(target, (size_t)len);
    next = alloc_bytes(folder + (size_t)len + 1);
    memcpy(next, path, folder);
    memcpy(next + folder, target, (size_t)len);
    next[folder + (size_t)len] = '\0';
    return next;
}

/* What the folder of `path` is; false with errno. */
static bool look_at_folder(const char *path, struct stat *status)
{
    char *folder = disk_folder(path);
    bool ok = stat(folder, status) == 0;

    free(folder);
    return ok;
}

bool disk_is_foreign(const char *path, uid_t owner)
{
    struct stat folder;

    return owner != geteuid() && look_at_folder(path, &folder) && owner != folder.st_uid;
}

static bool is_planted(const char *link, uid_t owner)
{
    struct stat folder;

    return disk_is_foreign(link, owner) && look_at_folder(link, &folder) && (folder.st_mode & S_ISVTX) != 0 &&
           (folder.st_mode & S_IWOTH) != 0;
}

/* The next step from the link at `path`, whose chain began at `first`. */
static char *next_target(const char *path, const struct stat *status, int links, const char *first, struct err *err)
{
    char *next = NULL;

    if (is_planted(path, status->st_uid)) {
        err_set(err, EXIT_LOCAL,
                "%s is a symbolic link that another user (uid %lu) has put into a folder that all may write to; it is "
                "not followed: remove it, or name another file",
                path, (unsigned long)status->st_uid);
        return NULL;
    }
    errno = ELOOP;
    if (links < LINKS_MAX)
        next = follow(path);
    if (next == NULL)
        disk_error(err, "follow", first);
    return next;
}

char *disk_target(const char *path, struct err *err)
{
    char *at = alloc_text(path);
    struct stat status;

    for (int links = 0; at != NULL && lstat(at, &status) == 0 && S_ISLNK(status.st_mode); links++) {
        char *next = next_target(at, &status, links, path, err);

        free(at);
        at = next;
    }
    return at;
}

/* Whether a call that failed may be made again: a signal came, or what is set not to block has been waited for. */
static bool may_go_on(int fd, short events)
{
    struct pollfd ready = {.fd = fd, .events = events};

    if (errno == EAGAIN)
        return poll(&ready, 1, -1) >= 0 || errno == EINTR;
    return errno == EINTR;
}

bool disk_write(int fd, const void *bytes, size_t len)
{
    return disk_write_until(fd, bytes, len, NULL);
}

bool disk_write_until(int fd, const void *bytes, size_t len, int (*signals)(void))
{
    int before = signals != NULL ? signals() : 0;
    const char *at = bytes;

    while (len > 0) {
        ssize_t done = write(fd, at, len);

        if (done < (ssize_t)len && signals != NULL && signals() > before) {
            errno = EINTR;
            return false;
        }
        if (done < 0 && may_go_on(fd, POLLOUT))
            continue;
        if (done <= 0) {
            if (done == 0)
                errno = EIO;
            return false;
        }
        at += done;
        len -= (size_t)done;
    }
    return true;
}

/* At `offset`, or, where that is negative, from where the file stands. */
static ssize_t read_whole(int fd, void *bytes, size_t len, off_t offset)
{
    size_t have = 0;

    while (have < len) {
        ssize_t got = offset < 0 ? read(fd, (char *)bytes + have, len - have)
                                 : pread(fd, (char *)bytes + have, len - have, offset + (off_t)have);

        if (got < 0 && may_go_on(fd, POLLIN))
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

ssize_t disk_read(int fd, void *bytes, size_t len)
{
    return read_whole(fd, bytes, len, -1);
}

ssize_t disk_read_at(int fd, void *bytes, size_t len, off_t offset)
{
    return read_whole(fd, bytes, len, offset);
}

static bool sync_again(int (*sync)(int fd), int fd)
{
    int done;

    do
        done = sync(fd);
    while (done != 0 && errno == EINTR);
    return done == 0;
}

bool disk_sync(int fd)
{
    return sync_again(fsync, fd);
}

bool disk_sync_data(int fd)
{
    return sync_again(fdatasync, fd);
}

/* Linux has closed it all the same: a second close could hit what another thread has opened since. */
bool disk_close(int fd)
{
    return close(fd) == 0 || errno == EINTR;
}

int disk_stdout(void)
{
    int flags = fcntl(STDOUT_FILENO, F_GETFL);

    if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    errno = EBADF;
    return -1;
}

bool disk_sync_folder(const char *path)
{
    char *folder = disk_folder(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && (disk_sync(fd) || errno == EINVAL || errno == ENOTSUP);
    int cause = errno;

    if (fd >= 0)
        close(fd);
    free(folder);
    errno = cause;
    return ok;
}

bool disk_written_at(const char *path, int64_t *wall_ms)
{
    struct stat status;

    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    *wall_ms = (int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
    return true;
}

static const struct {
    int cause;
    const char *remedy;
} remedies[] = {
    {ENOSPC, "make room"},
    {EDQUOT, "make room"},
    {EFBIG, "raise the limit on file sizes (ulimit -f)"},
    {EACCES, "check the permissions of the file and of its folder"},
    {EPERM, "check the permissions of the file and of its folder"},
    {EROFS, "name a place that can be written to"},
    {ENOENT, "check the path: its folder must exist"},
    {ENOTDIR, "check the path: a part of it is no folder"},
    {EISDIR, "name a file, not a folder"},
    {ELOOP, "check the symbolic link"},
    {ENAMETOOLONG, "choose a shorter name"},
    {EMFILE, "raise the limit on them (ulimit -n)"},
    {ENFILE, "run it again when there are fewer"},
    {EPIPE, "its reader has closed it"},
    {EINTR, "a signal came before its reader had taken all of it"},
    {EBADF, "it is closed, or open for reading only"},
};

bool disk_error(struct err *err, const char *verb, const char *path)
{
    int cause = errno;

    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
        if (remedies[i].cause == cause)
            return err_set(err, EXIT_LOCAL, "cannot %s %s: %s; %s", verb, path, strerror(cause), remedies[i].remedy);
    return err_set(err, EXIT_LOCAL, "cannot %s %s: %s", verb, path, strerror(cause));
}
