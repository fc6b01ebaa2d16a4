#include "sandbox/log.h"

#include "base/alloc.h"
#include "sandbox/jsontext.h"
#include "sandbox/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 * 1024 }; /* a body of control characters, six bytes each, and the rest */

struct log {
    int fd;
    int failure; /* errno of the first line that could not be written, or 0 */
    struct buf line;
};

struct log *log_open(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct log *log;

    if (fd < 0) {
        err_system(err, "the log %s can't be written", path);
        return NULL;
    }
    log = alloc_zeroed(1, sizeof(*log));
    log->fd = fd;
    buf_init(&log->line, LINE_MAX_BYTES);
    return log;
}

bool log_close(struct log *log, struct err *err)
{
    int failure;

    if (log == NULL)
        return true;
    failure = log->failure;
    if (close(log->fd) != 0 && failure == 0)
        failure = errno;
    buf_wipe(&log->line);
    free(log);
    errno = failure;
    return failure == 0 || err_system(err, "the log is not whole, as a line could not be written");
}

static void flush_line(struct log *log)
{
    for (size_t done = 0; done < log->line.len;) {
        ssize_t wrote = write(log->fd, log->line.data + done, log->line.len - done);

        if (wrote < 0) {
            log->failure = errno;
            return;
        }
        done += (size_t)wrote;
    }
}

static void add_body(struct buf *line, struct span body)
{
    if (body.len == 0)
        buf_text(line, "null");
    else if (payload_is_json(body))
        jsontext_one_line(line, body);
    else
        jsontext_string(line, body);
}

static bool unanswered(const struct answer *answer)
{
    return answer->fault != NULL && (answer->fault->effect == EFFECT_DROP || answer->fault->effect == EFFECT_HANG);
}

void log_write(struct log *log, uint64_t seq, int64_t mono_ms, const struct call *call, bool key_ok,
               const struct answer *answer)
{
    struct buf *line = &log->line;

    if (log->failure != 0)
        return;
    buf_reset(line);
    buf_format(line, "{\"seq\":%" PRIu64 ",\"ms\":%" PRId64 ",\"connection\":%" PRIu64 ",\"method\":", seq, mono_ms,
               call->connection);
    jsontext_nullable(line, call->method);
    buf_text(line, ",\"path\":");
    jsontext_nullable(line, call->uri);
    buf_format(line, ",\"key\":%s,\"content_type\":", key_ok ? "true" : "false");
    jsontext_nullable(line, call->content_type);
    buf_text(line, ",\"body\":");
    add_body(line, call->body);
    if (unanswered(answer))
        buf_text(line, ",\"status\":null,\"fault\":");
    else
        buf_format(line, ",\"status\":%d,\"fault\":", answer->status);
    jsontext_nullable(line, answer->fault != NULL ? answer->fault->name : NULL);
    buf_text(line, ",\"connector_id\":");
    jsontext_nullable(line, answer->connector_id[0] != '\0' ? answer->connector_id : NULL);
    buf_text(line, "}\n");
    flush_line(log);
}
