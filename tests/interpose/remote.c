/*
 * remote: a file system that isn't this machine's own. For LD_PRELOAD.
 *
 *   REMOTE_UNLOCKED=1  a lock is always to be had: those of other hosts don't count here
 *   REMOTE_SQUASH=UID  whatever a file whose name ends in .journal belongs to is UID's: NFS takes root for nobody
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fcntl(int fd, int command, ...)
{
    static int (*real)(int fd, int command, ...);
    va_list args;
    void *argument;

    va_start(args, command);
    argument = va_arg(args, void *);
    va_end(args);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fcntl");
    return command == F_SETLK && getenv("REMOTE_UNLOCKED") != NULL ? 0 : real(fd, command, argument);
}

int fstat(int fd, struct stat *status)
{
    static int (*real)(int fd, struct stat *status);
    const char *uid = getenv("REMOTE_SQUASH");
    char link[64], name[4096];
    ssize_t len;
    int done;

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fstat");
    done = real(fd, status);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, name, sizeof(name));
    if (uid != NULL && len > 8 && memcmp(name + len - 8, ".journal", 8) == 0)
        status->st_uid = (uid_t)atoi(uid);
    return done;
}
