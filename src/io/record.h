/*
 * record: the fields of a journal's line: tab-separated, with whatever would break the line escaped (`\t`, `\n`, `\r`,
 * `\\`, other control characters as `\x1B`), and the checksum that ends it: the CRC-32 (zlib's) of the line up to
 * it, its tab included, in 8 hex digits. Memory in, memory out. Home of zlib's crc32 for the journal.
 */
#ifndef IO_RECORD_H
#define IO_RECORD_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORD_MAX = 64 * 1024 }; /* bytes of a record with its line end; longer lines are no records */

/* Appends a tab and the field: a text, of which at most `most` bytes are kept, cut on a character's boundary; … */
void record_text(struct buf *out, struct span text, size_t most);

/* … a whole number; … */
void record_number(struct buf *out, uint64_t number);
void record_signed(struct buf *out, int64_t number);

/* Ends the record that begins at `start`: appends a tab, the checksum and the line end. */
void record_seal(struct buf *out, size_t start);

/* Whether the line (without its end) carries its checksum. */
bool record_is_sealed(struct span line);

/* Splits a line at its tabs; the first field is the word. Stores the first `max` fields; returns how many there are. */
size_t record_split(struct span line, struct span *fields, size_t max);

/*
 * Undoes the escaping. A field without escapes gives itself; another is appended to `memory`, which must have room for
 * it so that it doesn't move (buf_reserve()), and the span points there. False for an escape that is never written.
 */
bool record_read_text(struct span field, struct buf *memory, struct span *text);

/* Reads a whole number, or exactly `digits` small hex digits. Strict: nothing around it. */
bool record_read_signed(struct span field, int64_t *number);
bool record_read_hex(struct span field, size_t digits, uint64_t *number);

#endif
