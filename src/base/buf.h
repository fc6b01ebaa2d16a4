/*
 * buf: a growing byte buffer with a stated cap, and `span`, a piece of somebody else's bytes.
 *
 * The bytes are always followed by a NUL that `len` does not count, so `data` can be read as a string where its
 * content has no NUL. An addition that would pass the cap adds nothing, returns false, and sets `overflow`, which
 * stays set until buf_reset(): a writer may add piece after piece and ask once at the end. Growing leaves no copy of
 * the bytes behind.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes that belong to somebody else. Not NUL-terminated. `data` may be NULL only where `len` is 0. */
struct span {
    const char *data;
    size_t len;
};

struct buf {
    char *data;    /* NULL until the first addition */
    size_t len;    /* bytes used */
    size_t cap;    /* bytes allocated */
    size_t max;    /* most bytes that it may ever hold */
    bool overflow; /* an addition was refused */
};

/* An empty buffer that will never hold more than `max` bytes. Allocates nothing. */
void buf_init(struct buf *buf, size_t max);

/* Frees the bytes; the buffer is empty again and keeps its cap. */
void buf_release(struct buf *buf);

/* As buf_release(), with every allocated byte overwritten first: for buffers that held secrets. */
void buf_wipe(struct buf *buf);

/* Empties the buffer and clears `overflow`; the memory is kept for reuse. */
void buf_reset(struct buf *buf);

/* Makes room for `more` further bytes; false, with `overflow` set, where that would pass the cap. */
bool buf_reserve(struct buf *buf, size_t more);

/* Appends bytes, a NUL-terminated text, one byte, or printf output. */
bool buf_add(struct buf *buf, const void *bytes, size_t len);
bool buf_text(struct buf *buf, const char *text);
bool buf_char(struct buf *buf, char byte);
bool buf_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buf_vformat(struct buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
bool buf_span(struct buf *buf, struct span span);

/* The buffer's bytes; valid until it next changes. */
struct span buf_view(const struct buf *buf);

/* The span of a NUL-terminated text; NULL gives an empty span. */
struct span span_of(const char *text);

/* Equal bytes. */
bool span_equal(struct span a, struct span b);

/* Without the ASCII blanks (space, tab, CR, LF, VT, FF) at both ends. */
struct span span_trim(struct span span);

#endif
