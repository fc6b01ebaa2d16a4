/*
 * journal: `RESULTS.journal`, what a run has promised and learned, so that a killed run goes on where it was.
 *
 * Append-only text, a record a line, readable by a person: a word, tab-separated fields (escaped as record.h says),
 * and in 8 hex digits the CRC-32 (zlib's) of the line up to them, their tab included. ⇥ is a tab:
 *
 *   connload-journal 2 ⇥ command=create ⇥ input=… ⇥ … ⇥ 1a2b3c4d    the head, written once, synced
 *   clock ⇥ SERVER_MS ⇥ WALL_MS ⇥ crc     the server's clock, and ours at that moment
 *   account ⇥ ORG_ID ⇥ crc                whose account it is
 *   twin ⇥ CONNECTOR_ID ⇥ crc             the account had it before this run sent anything
 *   listed ⇥ crc                          all twins, and all `exists` outcomes, stand above
 *   list ⇥ WALL_MS ⇥ crc                  the account's list was answered then, by our clock
 *   begun ⇥ TIMEOUT_MS ⇥ CONCURRENCY ⇥ LAST_MS ⇥ crc    a process begins to send, with these options, after another
 *                                         that wrote its last word at LAST_MS by our clock (0: there was none)
 *   tags ⇥ 0 ⇥ 0123456789abcdef… ⇥ crc    what rows from 0 on are sent as, before they are promised
 *   known ⇥ TAG ⇥ CONNECTOR_ID ⇥ crc      a run of another version of the sheet has created it for a row of that tag
 *   lost ⇥ TAG ⇥ SERVER_MS ⇥ crc          such a run may have, after that time by the server's clock
 *   upto ⇥ 512 ⇥ crc                      rows up to (not including) 512 may be sent; synced before the first is
 *   attempts ⇥ 17 ⇥ 2 ⇥ crc               row 17 was tried twice so far, perhaps without a connection, and may be
 *                                         sent again
 *   row ⇥ 17 ⇥ created ⇥ … ⇥ crc          the eight cells of row 17, in the order of the result file
 *   done ⇥ SIZE ⇥ CRC32 ⇥ crc             the results are about to get their name; synced
 *
 * Rows count from 0. Of several `row` records of a row the first that does not say `unknown` holds: a later run may
 * learn what became of an unknown one; what is known of a row is never taken back. There is no secret in it.
 * Format 1, which is read as well, had neither `list` nor `begun`.
 *
 * What a crash can leave at its end is cut off by the next run: a last record without its line end, or bytes that never
 * reached the disk (NULs). Anything else that isn't a whole, well-formed record is damage, and refused: a lost record
 * could be the one that says what was sent.
 *
 * One process holds a journal at a time: the lock (io/lock.h) is on the journal itself. The journal is beside the file
 * that the results really are, so that two names for one result file (a symbolic link) share it. Where somebody removes
 * or replaces the file all the same, or another process writes to it (locks don't hold between all hosts), that is
 * noticed before each write and after each sync, by its name, its size, and its head's checksum, which no other run's
 * head has (`key_mark` is salted). Such a journal is lost: nothing more may be sent (the synced records fail), while
 * what this process has learned and learns can still be read here, and goes to a temporary file of its own.
 *
 * Errors are EXIT_LOCAL. After a failed write or sync every later addition fails with the same sentence, for nobody
 * knows what a second fsync would vouch for: then nothing more may be sent. Memory: at most 128 KiB of records on their
 * way to the file, 128 KiB for reading, 192 KiB more while replaying.
 */
#ifndef IO_JOURNAL_H
#define IO_JOURNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "io/journal_head.h"
#include "io/journal_scan.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    JOURNAL_TEXT_MAX = 1024,    /* bytes kept of an outcome's id, inbox, code and time; of an account and a twin */
    JOURNAL_MESSAGE_MAX = 8192, /* bytes kept of an outcome's message */
};

struct journal;

/* Whether there is a file where the journal of that result file would be: nobody has looked into it yet. */
bool journal_is_beside(const char *results_path);

/*
 * Opens or creates the journal of the result file `results_path` (which need not exist), takes its lock, and removes
 * the temporary files that a killed run left of that result file. `*found` says whether there is an interrupted run in
 * it: a whole head, all of whose records were checked. NULL: another process holds it (a sentence with its pid), or
 * the file is no journal, of a later version, or damaged (a sentence with the byte offset and the remedy), or no
 * results can be put at `results_path` (output_check_place()); it is left as it is. The caller closes it by
 * journal_close() or journal_remove().
 */
struct journal *journal_open(const char *results_path, bool *found, struct err *err);

/* A journal without a name for runs that can't be resumed (`-o -`, --dry-run): a temporary file, never synced. */
struct journal *journal_scratch(struct err *err);

/*
 * Hands buffered records to the kernel (as journal_flush(), errors unheard), closes and unlocks. The file stays, but
 * for an empty one in which no run was begun and which isn't lost. NULL is fine.
 */
void journal_close(struct journal *journal);

/*
 * Whether it is not lost, as far as can be seen now; a scratch journal never is. False: EXIT_LOCAL, and says what
 * happened to it.
 */
bool journal_is_ours(struct journal *journal, struct err *err);

/*
 * Removes the file, unless it is lost, closes and unlocks: the result file stands. The journal is freed in any case.
 */
bool journal_remove(struct journal *journal, struct err *err);

/* Its name, beside the file that the results really are; NULL for a scratch journal. */
const char *journal_path(const struct journal *journal);

/* The head of the interrupted run that journal_open() found, or of the run that journal_begin() began. Else NULL. */
const struct journal_head *journal_head(const struct journal *journal);

/* When the interrupted run last wrote to it: wall clock, milliseconds. */
int64_t journal_modified_ms(const struct journal *journal);

/*
 * Begins a new run: replaces whatever is in the file by this head, synced, file and folder. A crash on the way leaves
 * a journal with no run in it. An interrupted run needs no begin: records are added where it ended.
 */
bool journal_begin(struct journal *journal, const struct journal_head *head, struct err *err);

/*
 * As journal_begin(), over an interrupted run that is not gone on with: `inherit` adds what is kept of it. The old
 * journal is replaced as a whole, by one that is synced and locked: a crash leaves the one or the other.
 */
bool journal_begin_after(struct journal *journal, const struct journal_head *head,
                         bool (*inherit)(void *context, struct journal *journal, struct err *err), void *context,
                         struct err *err);

/*
 * The records that follow the head. They are buffered; on return from the synced ones all records so far are on the
 * disk. False: then nothing more may be sent.
 */
bool journal_upto(struct journal *journal, uint64_t rows, struct err *err); /* synced */
bool journal_server_clock(struct journal *journal, int64_t server_ms, int64_t wall_ms, struct err *err);
bool journal_account(struct journal *journal, struct span org_id, struct err *err);
/* A connector that the account had before this run sent anything. */
bool journal_twin(struct journal *journal, struct span connector_id, struct err *err);
/* The account has been listed: all twins, and all `exists` outcomes, are written. */
bool journal_listed(struct journal *journal, struct err *err);
/* A list of the account was answered at `wall_ms`: it has used the rate window like any other request. */
bool journal_list(struct journal *journal, int64_t wall_ms, struct err *err);
/*
 * This process is about to send its first request, with this much time for each and so many at once. `last_ms`: when
 * the interrupted run that it goes on with last wrote (journal_modified_ms()), or 0. A later run can tell by it what
 * may still be on the way.
 */
bool journal_begun(struct journal *journal, int64_t timeout_ms, uint32_t concurrency, int64_t last_ms, struct err *err);
/*
 * What `count` rows from `first` on are sent as, JOURNAL_TAGS_MAX at the most: of each the low halves of
 * connector_key_hash() (or 0) and connector_public_hash(). A later version of the sheet knows its rows again by it.
 */
bool journal_tags(struct journal *journal, uint64_t first, const uint64_t *tags, size_t count, struct err *err);

/* What an interrupted run of another version of the sheet has left; for journal_begin_after(). */
bool journal_known(struct journal *journal, uint64_t tag, struct span connector_id, struct err *err);
bool journal_lost(struct journal *journal, uint64_t tag, int64_t lost_ms, struct err *err);

/* The attempts that `row` has made so far, where it may be sent again. */
bool journal_attempts(struct journal *journal, uint64_t row, uint32_t attempts, struct err *err);
/* The results with this size and checksum (output_finish()) are about to get their name; synced. */
bool journal_done(struct journal *journal, uint64_t size, uint32_t crc, struct err *err);

/*
 * A row's outcome; its status is not STATUS_NONE. `*place` (fewer than 2^40) is where journal_outcome_at() finds it,
 * also while it is still buffered.
 */
bool journal_outcome(struct journal *journal, uint64_t row, const struct outcome *outcome, uint64_t *place,
                     struct err *err);

/* Hands what is buffered to the kernel: it outlives this process, not the power. */
bool journal_flush(struct journal *journal, struct err *err);

/* Reads an outcome again, also after an addition failed. Its texts last until the next call of this function. */
bool journal_outcome_at(struct journal *journal, uint64_t place, struct outcome *outcome, struct err *err);

/* Goes through what an interrupted run left; `visitor` may not use the journal. */
bool journal_replay(struct journal *journal, const struct journal_visitor *visitor, struct err *err);

#endif
