/*
 * pausing: holds a program up before it first opens a file whose name ends in PAUSE_BEFORE, so that a test can do
 * something in between: makes the file PAUSE_MARK, and goes on when that is gone. For LD_PRELOAD.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int (*real_open)(const char *path, int flags, ...);

static bool is_the_one(const char *path)
{
    const char *end = getenv("PAUSE_BEFORE");
    size_t len = strlen(path), tail = end != NULL ? strlen(end) : 0;

    return end != NULL && len >= tail && strcmp(path + len - tail, end) == 0;
}

static void hold_up(void)
{
    const char *mark = getenv("PAUSE_MARK");
    const struct timespec while_ms = {.tv_nsec = 1000000};
    int fd = mark != NULL ? real_open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    close(fd);
    while (access(mark, F_OK) == 0)
        nanosleep(&while_ms, NULL);
}

int open(const char *path, int flags, ...)
{
    static bool has_paused;
    mode_t mode = 0;
    va_list args;

    if (real_open == NULL)
        *(void **)&real_open = dlsym(RTLD_NEXT, "open");
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    if (!has_paused && is_the_one(path)) {
        has_paused = true;
        hold_up();
    }
    return real_open(path, flags, mode);
}
