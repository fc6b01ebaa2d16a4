#include "base/buf.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_CAP = 256 };

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_release(struct buf *buf)
{
    free(buf->data);
    buf_init(buf, buf->max);
}

void buf_wipe(struct buf *buf)
{
    if (buf->data != NULL)
        explicit_bzero(buf->data, buf->cap);
    buf_release(buf);
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->overflow = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

bool buf_reserve(struct buf *buf, size_t more)
{
    size_t need, cap;

    /* The usual case: with its NUL it fits what is there, which is never more than the cap. */
    if (more < buf->cap - buf->len)
        return true;
    if (more > buf->max - buf->len) {
        buf->overflow = true;
        return false;
    }
    need = buf->len + more + 1;
    cap = buf->cap > 0 ? buf->cap : BUF_FIRST_CAP;
    while (cap < need)
        cap += cap / 2 + 1;
    if (cap > buf->max + 1)
        cap = buf->max + 1;
    buf->data = alloc_grow_wiped(buf->data, cap);
    buf->cap = cap;
    buf->data[buf->len] = '\0';
    return true;
}

bool buf_add(struct buf *buf, const void *bytes, size_t len)
{
    if (!buf_reserve(buf, len))
        return false;
    if (len > 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return true;
}

bool buf_text(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

bool buf_char(struct buf *buf, char byte)
{
    if (!buf_reserve(buf, 1))
        return false;
    buf->data[buf->len++] = byte;
    buf->data[buf->len] = '\0';
    return true;
}

bool buf_span(struct buf *buf, struct span span)
{
    return buf_add(buf, span.data, span.len);
}

bool buf_vformat(struct buf *buf, const char *format, va_list args)
{
    va_list measured;
    int length;

    va_copy(measured, args);
    length = vsnprintf(NULL, 0, format, measured);
    va_end(measured);
    if (length < 0 || !buf_reserve(buf, (size_t)length))
        return false;
    vsnprintf(buf->data + buf->len, (size_t)length + 1, format, args);
    buf->len += (size_t)length;
    return true;
}

bool buf_format(struct buf *buf, const char *format, ...)
{
    va_list args;
    bool ok;

    va_start(args, format);
    ok = buf_vformat(buf, format, args);
    va_end(args);
    return ok;
}

struct span buf_view(const struct buf *buf)
{
    return (struct span){.data = buf->data != NULL ? buf->data : "", .len = buf->len};
}

struct span span_of(const char *text)
{
    return (struct span){.data = text, .len = text != NULL ? strlen(text) : 0};
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool is_blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

struct span span_trim(struct span span)
{
    while (span.len > 0 && is_blank(span.data[0])) {
        span.data++;
        span.len--;
    }
    while (span.len > 0 && is_blank(span.data[span.len - 1]))
        span.len--;
    return span;
}
