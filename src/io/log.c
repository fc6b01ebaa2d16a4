#include "io/log.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "io/disk.h"
#include "io/output.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GATHERED_MAX = 4 << 20, FLUSH_AT = 1 << 16 };

struct log {
    char *path;
    int fd;
    struct buf lines; /* whole lines that are not written yet */
    bool failed;      /* a write failed: everything after it is dropped */
    struct err err;   /* of that, until log_flush() has told it */
    bool untold;
};

static int open_file(const char *path)
{
    if (strcmp(path, "-") == 0)
        return disk_stdout();
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
}

/* A run that was killed while it wrote may have left part of a line: ours starts on a line of its own. */
static bool ends_within_line(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat about;
    char last = '\n';

    if (fd < 0)
        return false;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0 &&
        pread(fd, &last, 1, about.st_size - 1) != 1)
        last = '\n';
    close(fd);
    return last != '\n';
}

/* False for a link that somebody else has planted. */
static bool may_follow(const char *path, struct err *err)
{
    char *target = output_is_stream(path) ? alloc_text(path) : disk_target(path, err);
    bool found = target != NULL;

    free(target);
    return found;
}

struct log *log_open(const char *path, struct err *err)
{
    struct log *log;
    int fd;

    if (!may_follow(path, err))
        return NULL;
    fd = open_file(path);
    if (fd < 0) {
        err_system(err, "the log %s can't be written", path);
        return NULL;
    }
    log = alloc_zeroed(1, sizeof(*log));
    log->path = alloc_text(path);
    log->fd = fd;
    buf_init(&log->lines, GATHERED_MAX);
    if (!output_is_stream(path) && ends_within_line(path))
        buf_char(&log->lines, '\n');
    return log;
}

static void write_lines(struct log *log)
{
    if (log->failed || log->lines.len == 0)
        return;
    if (!disk_write(log->fd, log->lines.data, log->lines.len)) {
        err_system(&log->err, "the log %s can't be written", log->path);
        log->failed = log->untold = true;
    }
    buf_reset(&log->lines);
}

void log_close(struct log *log)
{
    if (log == NULL)
        return;
    write_lines(log);
    close(log->fd);
    buf_release(&log->lines);
    free(log->path);
    free(log);
}

struct json_object *log_begin(struct log *log, const char *event)
{
    char now[CLOCK_TEXT];
    struct json_object *line;

    if (log == NULL || log->failed)
        return NULL;
    line = json_object_new();
    json_object_text(line, "time", span_of(clock_format(now, clock_wall_ms())));
    json_object_text(line, "event", span_of(event));
    return line;
}

void log_end(struct log *log, struct json_object *line)
{
    size_t before;

    if (line == NULL)
        return;
    before = log->lines.len;
    if (json_object_print(line, false, &log->lines) && buf_char(&log->lines, '\n')) {
        if (log->lines.len >= FLUSH_AT)
            write_lines(log);
    } else if (!log->failed) {
        log->lines.len = before;
        err_set(&log->err, EXIT_LOCAL, "the log %s misses a line that is too long", log->path);
        write_lines(log);
        log->failed = log->untold = true;
    }
    json_object_free(line);
}

bool log_flush(struct log *log, struct err *err)
{
    if (log == NULL)
        return true;
    write_lines(log);
    if (!log->untold)
        return true;
    log->untold = false;
    *err = log->err;
    return false;
}
