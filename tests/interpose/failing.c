/*
 * failing: an LD_PRELOAD library that makes a call to the system fail.
 *
 *   FAIL_CALL=NAME    which: malloc, calloc, realloc, open, mkostemp, read, pread, write, fsync, fdatasync, ftruncate,
 *                     rename, unlink, fchmod, close, lseek, fcntl, stat, fstat, lstat, getrandom, socket, connect,
 *                     send, recv, poll
 *   FAIL_AT=N         the Nth call of it fails, counted from 1 (0, the default: none)
 *   FAIL_FOR=N        so many calls in a row fail (default 1; 0: all from there on, as on a disk that stays full)
 *   FAIL_ERRNO=NUMBER with this errno (default EIO; the allocators always say ENOMEM)
 *   FAIL_SHORT=1      a write that is to fail writes half instead; it is the next one that fails
 *   FAIL_COUNT=FILE   at the end, the number of calls is written there
 *
 * A call counts when the program or one of its libraries makes it by name; what libc does within itself does not.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum call {
    CALL_MALLOC,
    CALL_CALLOC,
    CALL_REALLOC,
    CALL_OPEN,
    CALL_MKOSTEMP,
    CALL_READ,
    CALL_PREAD,
    CALL_WRITE,
    CALL_FSYNC,
    CALL_FDATASYNC,
    CALL_FTRUNCATE,
    CALL_RENAME,
    CALL_UNLINK,
    CALL_FCHMOD,
    CALL_CLOSE,
    CALL_LSEEK,
    CALL_FCNTL,
    CALL_STAT,
    CALL_FSTAT,
    CALL_LSTAT,
    CALL_GETRANDOM,
    CALL_SOCKET,
    CALL_CONNECT,
    CALL_SEND,
    CALL_RECV,
    CALL_POLL,
    CALLS
};

static const char *const names[] = {
    "malloc",    "calloc",    "realloc",   "open",   "mkostemp", "read",  "pread", "write", "fsync",
    "fdatasync", "ftruncate", "rename",    "unlink", "fchmod",   "close", "lseek", "fcntl", "stat",
    "fstat",     "lstat",     "getrandom", "socket", "connect",  "send",  "recv",  "poll",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == CALLS, "a name for each call");

/* glibc's own allocator under its own names: dlsym() allocates, so these can't be found by it. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static enum call failing = CALLS;
static unsigned long fail_at, fail_for = 1;
static int fail_errno = EIO;
static bool fail_short;
static atomic_ulong calls;

static unsigned long number_from(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void read_environment(void)
{
    const char *name = getenv("FAIL_CALL");

    fail_at = number_from("FAIL_AT", 0);
    fail_for = number_from("FAIL_FOR", 1);
    fail_errno = (int)number_from("FAIL_ERRNO", EIO);
    fail_short = number_from("FAIL_SHORT", 0) != 0;
    if (fail_short && fail_for > 0)
        fail_for++;
    for (enum call call = 0; name != NULL && call < CALLS; call++)
        if (strcmp(names[call], name) == 0)
            failing = call;
}

__attribute__((destructor)) static void write_count(void)
{
    const char *path = getenv("FAIL_COUNT");
    unsigned long count = calls;
    FILE *file;

    failing = CALLS;
    file = path != NULL ? fopen(path, "w") : NULL;
    if (file == NULL)
        return;
    fprintf(file, "%lu\n", count);
    fclose(file);
}

/* Counts a call; whether it is to fail, with errno set. */
static bool fails(enum call call)
{
    unsigned long count;

    if (call != failing)
        return false;
    count = ++calls;
    if (fail_at == 0 || count < fail_at || (fail_for > 0 && count - fail_at >= fail_for))
        return false;
    errno = call <= CALL_REALLOC ? ENOMEM : fail_errno;
    return true;
}

/* The function that this library stands before. ISO C has no cast from an object's pointer to a function's. */
#define REAL(name, pointer)                        \
    do {                                           \
        void *found = dlsym(RTLD_NEXT, name);      \
        memcpy(&(pointer), &found, sizeof(found)); \
    } while (0)

void *malloc(size_t size)
{
    return fails(CALL_MALLOC) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(CALL_CALLOC) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails(CALL_REALLOC) ? NULL : __libc_realloc(old, size);
}

int open(const char *path, int flags, ...)
{
    int (*real)(const char *, int, ...);
    mode_t mode;
    va_list args;

    va_start(args, flags);
    mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
    va_end(args);
    REAL("open", real);
    return fails(CALL_OPEN) ? -1 : real(path, flags, mode);
}

int mkostemp(char *pattern, int flags)
{
    int (*real)(char *, int);

    REAL("mkostemp", real);
    return fails(CALL_MKOSTEMP) ? -1 : real(pattern, flags);
}

ssize_t read(int fd, void *bytes, size_t len)
{
    ssize_t (*real)(int, void *, size_t);

    REAL("read", real);
    return fails(CALL_READ) ? -1 : real(fd, bytes, len);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
    ssize_t (*real)(int, void *, size_t, off_t);

    REAL("pread", real);
    return fails(CALL_PREAD) ? -1 : real(fd, bytes, len, offset);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    ssize_t (*real)(int, const void *, size_t);

    REAL("write", real);
    if (!fails(CALL_WRITE))
        return real(fd, bytes, len);
    if (!fail_short || len < 2 || calls != fail_at)
        return -1;
    return real(fd, bytes, len / 2);
}

int fsync(int fd)
{
    int (*real)(int);

    REAL("fsync", real);
    return fails(CALL_FSYNC) ? -1 : real(fd);
}

int fdatasync(int fd)
{
    int (*real)(int);

    REAL("fdatasync", real);
    return fails(CALL_FDATASYNC) ? -1 : real(fd);
}

int ftruncate(int fd, off_t len)
{
    int (*real)(int, off_t);

    REAL("ftruncate", real);
    return fails(CALL_FTRUNCATE) ? -1 : real(fd, len);
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *);

    REAL("rename", real);
    return fails(CALL_RENAME) ? -1 : real(from, to);
}

int unlink(const char *path)
{
    int (*real)(const char *);

    REAL("unlink", real);
    return fails(CALL_UNLINK) ? -1 : real(path);
}

int fchmod(int fd, mode_t mode)
{
    int (*real)(int, mode_t);

    REAL("fchmod", real);
    return fails(CALL_FCHMOD) ? -1 : real(fd, mode);
}

/* A close that fails has closed all the same, as on Linux. */
int close(int fd)
{
    int (*real)(int);
    int result;

    REAL("close", real);
    result = real(fd);
    return fails(CALL_CLOSE) ? -1 : result;
}

off_t lseek(int fd, off_t offset, int whence)
{
    off_t (*real)(int, off_t, int);

    REAL("lseek", real);
    return fails(CALL_LSEEK) ? -1 : real(fd, offset, whence);
}

/* The third argument, whatever it is, goes on as the register that it came in. */
int fcntl(int fd, int command, ...)
{
    int (*real)(int, int, void *);
    va_list args;
    void *argument;

    va_start(args, command);
    argument = va_arg(args, void *);
    va_end(args);
    REAL("fcntl", real);
    return fails(CALL_FCNTL) ? -1 : real(fd, command, argument);
}

int stat(const char *path, struct stat *about)
{
    int (*real)(const char *, struct stat *);

    REAL("stat", real);
    return fails(CALL_STAT) ? -1 : real(path, about);
}

int fstat(int fd, struct stat *about)
{
    int (*real)(int, struct stat *);

    REAL("fstat", real);
    return fails(CALL_FSTAT) ? -1 : real(fd, about);
}

int lstat(const char *path, struct stat *about)
{
    int (*real)(const char *, struct stat *);

    REAL("lstat", real);
    return fails(CALL_LSTAT) ? -1 : real(path, about);
}

ssize_t getrandom(void *bytes, size_t len, unsigned flags)
{
    ssize_t (*real)(void *, size_t, unsigned);

    REAL("getrandom", real);
    return fails(CALL_GETRANDOM) ? -1 : real(bytes, len, flags);
}

int socket(int domain, int type, int protocol)
{
    int (*real)(int, int, int);

    REAL("socket", real);
    return fails(CALL_SOCKET) ? -1 : real(domain, type, protocol);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    int (*real)(struct pollfd *, nfds_t, int);

    REAL("poll", real);
    return fails(CALL_POLL) ? -1 : real(fds, count, timeout);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
    int (*real)(int, __CONST_SOCKADDR_ARG, socklen_t);

    REAL("connect", real);
    return fails(CALL_CONNECT) ? -1 : real(fd, address, len);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int);

    REAL("send", real);
    return fails(CALL_SEND) ? -1 : real(fd, bytes, len, flags);
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    ssize_t (*real)(int, void *, size_t, int);

    REAL("recv", real);
    return fails(CALL_RECV) ? -1 : real(fd, bytes, len, flags);
}
