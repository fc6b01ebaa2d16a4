/*
 * journal_scan: a journal's records after its head, read from the file in memory that doesn't grow with it.
 */
#ifndef IO_JOURNAL_SCAN_H
#define IO_JOURNAL_SCAN_H

#include "base/buf.h"
#include "base/err.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    JOURNAL_HTTP_MAX = 999, /* an HTTP status above it is none */
    JOURNAL_TAG = 16,       /* digits of a tag: what a row was sent as, see journal_tags() */
    JOURNAL_TAGS_MAX = 512, /* tags of a record */
};

/* What a journal tells, record by record in order. Unused members are NULL. Spans last for the call. */
struct journal_visitor {
    void *context;
    void (*upto)(void *context, uint64_t rows);
    void (*server_clock)(void *context, int64_t server_ms, int64_t wall_ms);
    void (*account)(void *context, struct span org_id);
    void (*twin)(void *context, struct span connector_id);
    void (*listed)(void *context);
    void (*attempts)(void *context, uint64_t row, uint32_t attempts);
    void (*outcome)(void *context, uint64_t row, const struct outcome *outcome, uint64_t place);
    void (*done)(void *context, uint64_t size, uint32_t crc);
    void (*list)(void *context, int64_t wall_ms);
    void (*begun)(void *context, int64_t timeout_ms, uint32_t concurrency, int64_t last_ms);
    /* `tags`: JOURNAL_TAG hexadecimal digits for each row from `first` on. */
    void (*tags)(void *context, uint64_t first, struct span tags);
    void (*known)(void *context, uint64_t tag, struct span connector_id);
    void (*lost)(void *context, uint64_t tag, int64_t lost_ms);
};

/* What is read, and how messages call it. */
struct journal_part {
    int fd;
    const char *name;
    uint64_t from, end; /* offsets; `from` is where a record begins */
    uint64_t rows;      /* of the input: a record of a row beyond them is damage */
};

/*
 * Hands the records of `part` to `visitor` and sets `*good` to where the last whole one ends. Bytes behind it are what
 * a crash can leave of a last write. Fails (EXIT_LOCAL) where the file can't be read, or anything else in it is no
 * whole, well-formed record: a sentence with the byte offset and the remedy.
 */
bool journal_scan(const struct journal_part *part, const struct journal_visitor *visitor, uint64_t *good,
                  struct err *err);

/*
 * Reads the line (without its end) of an outcome's record. Texts point into the line, or into `texts`, which has room
 * for RECORD_MAX bytes. False where it isn't one.
 */
bool journal_scan_outcome(struct span line, struct buf *texts, struct outcome *outcome);

/* The sentence for damage at `place`. Always returns false. */
bool journal_scan_damaged(const char *name, uint64_t place, struct err *err);

#endif
