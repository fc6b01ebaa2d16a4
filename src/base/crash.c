#include "base/crash.h"

#ifdef CONNLOAD_CRASH_POINTS

#include "base/num.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, bytes, len);

        if (done <= 0)
            return;
        bytes += done;
        len -= (size_t)done;
    }
}

static void log_passage(uint64_t count, const char *name)
{
    static int fd = -1;
    const char *path = getenv("CONNLOAD_CRASH_LOG");
    char line[128];
    int length;

    if (path == NULL)
        return;
    if (fd < 0)
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    length = snprintf(line, sizeof(line), "%" PRIu64 " %s\n", count, name);
    if (fd >= 0 && length > 0 && (size_t)length < sizeof(line))
        write_all(fd, line, (size_t)length);
}

/* Counts a passage and says whether it is the fatal one. */
static bool is_fatal(const char *name)
{
    static uint64_t count;
    const char *at = getenv("CONNLOAD_CRASH_AT");
    uint64_t fatal;

    count++;
    log_passage(count, name);
    return at != NULL && num_parse(at, 1, UINT64_MAX, &fatal) && fatal == count;
}

void crash_point(const char *name)
{
    if (is_fatal(name))
        raise(SIGKILL);
}

void crash_half_write(const char *name, int fd, const void *bytes, size_t len)
{
    if (!is_fatal(name))
        return;
    write_all(fd, bytes, len / 2);
    raise(SIGKILL);
}

#endif
