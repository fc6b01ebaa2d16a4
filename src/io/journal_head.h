/*
 * journal_head: the first record of a journal, which tells one run from another. Memory in, memory out.
 */
#ifndef IO_JOURNAL_HEAD_H
#define IO_JOURNAL_HEAD_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* What every journal begins with, and the formats that this version writes, and reads too. */
#define JOURNAL_MAGIC "connload-journal "
#define JOURNAL_FORMAT "2"
#define JOURNAL_FORMAT_BEFORE "1"

enum { JOURNAL_HEAD_TEXT_MAX = 8192 }; /* bytes kept of each text: more than a path can have */

/* What tells one run from another. Texts belong to the caller, or to the journal where it hands them out. */
struct journal_head {
    const char *command; /* "create" or "undo" */
    const char *input;   /* absolute path as opened, or "-" */
    uint64_t input_size; /* bytes, decoded */
    uint32_t input_crc;
    uint64_t rows;
    uint64_t plan; /* hash over what is to be sent, row by row, without secrets */
    const char *base_url;
    const char *key_mark; /* salted digest of the API key, digest_mark(): tells whether it is the same */
    int64_t started_ms;   /* wall clock, since 1970 */
};

/* Copies `from` into `head`; the copy owns its texts. */
void journal_head_copy(struct journal_head *head, const struct journal_head *from);

/* Frees the texts of a head that owns them; all of it is 0 then. */
void journal_head_release(struct journal_head *head);

/* Appends the word and the fields, not the checksum. */
void journal_head_write(struct buf *out, const struct journal_head *head);

/*
 * Reads a line (without its end); the head owns its texts. False, and the head all 0, where the line isn't a head of
 * either format as journal_head_write() and record_seal() make it.
 */
bool journal_head_read(struct span line, struct journal_head *head);

#endif
