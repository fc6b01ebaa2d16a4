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

static void add_body(struct buf *out, struct span body, bool masked)
{
    if (body.len == 0)
        buf_text(out, "null");
    else if (masked)
        payload_mask(out, body);
    else if (payload_is_json(body))
        jsontext_one_line(out, body);
    else
        jsontext_string(out, body);
}

struct log_line log_line_of(uint64_t seq, int64_t ms, const struct call *call, bool key, const struct answer *answer)
{
    const struct fault *fault = answer->fault;
    bool answered = fault == NULL || (fault->effect != EFFECT_DROP && fault->effect != EFFECT_HANG);

    return (struct log_line){
        .seq = seq,
        .ms = ms,
        .connection = call->connection,
        .method = call->method,
        .path = call->uri,
        .key = key,
        .content_type = call->content_type,
        .body = call->body,
        .status = answered ? answer->status : 0,
        .fault = fault != NULL ? fault->name : NULL,
        .connector_id = answer->connector_id[0] != '\0' ? answer->connector_id : NULL,
    };
}

void log_format(struct buf *out, const struct log_line *line, bool masked)
{
    buf_format(out, "{\"seq\":%" PRIu64 ",\"ms\":%" PRId64 ",\"connection\":%" PRIu64 ",\"method\":", line->seq,
               line->ms, line->connection);
    jsontext_nullable(out, line->method);
    buf_text(out, ",\"path\":");
    jsontext_nullable(out, line->path);
    buf_format(out, ",\"key\":%s,\"content_type\":", line->key ? "true" : "false");
    jsontext_nullable(out, line->content_type);
    buf_text(out, ",\"body\":");
    add_body(out, line->body, masked);
    if (line->status == 0)
        buf_text(out, ",\"status\":null,\"fault\":");
    else
        buf_format(out, ",\"status\":%d,\"fault\":", line->status);
    jsontext_nullable(out, line->fault);
    buf_text(out, ",\"connector_id\":");
    jsontext_nullable(out, line->connector_id);
    buf_char(out, '}');
}

void log_write(struct log *log, const struct log_line *line)
{
    if (log->failure != 0)
        return;
    buf_reset(&log->line);
    log_format(&log->line, line, false);
    buf_char(&log->line, '\n');
    flush_line(log);
}
