#include "prior/matches.h"

#include "base/alloc.h"
#include "io/disk.h"
#include "io/scratch.h"
#include "model/json.h"

#include <stdlib.h>
#include <unistd.h>

enum { FLUSH_AT = 1 << 18, UNWRITTEN_MAX = FLUSH_AT + JSON_ELEMENT_MAX };

bool matches_open(struct matches *matches, struct err *err)
{
    *matches = (struct matches){.fd = scratch_open("the account's list", err)};
    buf_init(&matches->unwritten, UNWRITTEN_MAX);
    buf_init(&matches->text, JSON_ELEMENT_MAX);
    return matches->fd >= 0;
}

void matches_release(struct matches *matches)
{
    free(matches->match);
    buf_release(&matches->unwritten);
    buf_release(&matches->text);
    if (matches->fd >= 0)
        close(matches->fd);
}

void matches_reset(struct matches *matches)
{
    matches->count = 0;
    matches->written = 0;
    buf_reset(&matches->unwritten);
}

static bool flush(struct matches *matches, struct err *err)
{
    struct buf *out = &matches->unwritten;

    if (out->len > 0 &&
        (lseek(matches->fd, (off_t)matches->written, SEEK_SET) < 0 || !disk_write(matches->fd, out->data, out->len)))
        return disk_error(err, "write", "a temporary file");
    matches->written += out->len;
    buf_reset(out);
    return true;
}

bool matches_add(struct matches *matches, const struct match *match, struct span text, struct err *err)
{
    struct match *added;

    if (matches->count == matches->cap) {
        matches->cap = matches->cap > 0 ? matches->cap * 2 : 256;
        matches->match = alloc_resize(matches->match, matches->cap, sizeof(matches->match[0]));
    }
    added = &matches->match[matches->count++];
    *added = *match;
    added->offset = matches->written + matches->unwritten.len;
    added->length = (uint32_t)text.len;
    buf_span(&matches->unwritten, text);
    return matches->unwritten.len < FLUSH_AT || flush(matches, err);
}

bool matches_text(struct matches *matches, const struct match *match, struct span *text, struct err *err)
{
    if (!flush(matches, err))
        return false;
    buf_reset(&matches->text);
    buf_reserve(&matches->text, match->length);
    if (disk_read_at(matches->fd, matches->text.data, match->length, (off_t)match->offset) != (ssize_t)match->length)
        return disk_error(err, "read", "a temporary file");
    *text = (struct span){matches->text.data, match->length};
    return true;
}
