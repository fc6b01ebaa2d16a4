#include "io/journal.h"

#include "base/alloc.h"
#include "base/crash.h"
#include "io/disk.h"
#include "io/lock.h"
#include "io/output.h"
#include "io/record.h"
#include "io/scratch.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE_MAX (UINT64_C(1) << 40)

enum {
    PENDING_MAX = 64 * 1024, /* bytes of records that wait for a write */
    SEAL = 8,                /* bytes of a record's checksum */
    PEEK_BYTES = 8 * 1024,   /* read at once for an outcome: it is seldom longer, and its neighbours come next */
};

struct journal {
    int fd;
    char *path; /* NULL: scratch */
    bool has_head;
    struct journal_head head; /* owns its texts */
    int64_t modified_ms;      /* of the file as it was found */
    uint64_t first;           /* where the record after the head begins; 0: there is no head */
    char seal[SEAL];          /* the head's checksum */
    uint64_t end;             /* bytes of whole records in the file; what is pending follows them */
    uint64_t size;            /* of the file; what follows `end` is to be cut off before the next write */
    bool lost;                /* the file isn't this process's any more, as `failure` says */
    int lock_fd;              /* the file's descriptor, where `fd` is a temporary file's in its place; else -1 */
    struct buf pending;       /* whole records, and the one that is being written */
    size_t record;            /* where that one begins in `pending` */
    bool failed;              /* a write or sync failed: */
    struct err failure;       /* what every later addition says */
    struct buf window;        /* bytes of the file from `window_at`, for journal_outcome_at() */
    uint64_t window_at;
    struct buf texts; /* unescaped texts of the outcome that was read last */
};

static struct journal *new_journal(void)
{
    struct journal *journal = alloc_zeroed(1, sizeof(*journal));

    journal->fd = journal->lock_fd = -1;
    buf_init(&journal->pending, PENDING_MAX + RECORD_MAX);
    buf_init(&journal->window, RECORD_MAX);
    buf_init(&journal->texts, RECORD_MAX);
    buf_reserve(&journal->texts, RECORD_MAX);
    return journal;
}

static void free_journal(struct journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    if (journal->lock_fd >= 0)
        close(journal->lock_fd);
    journal_head_release(&journal->head);
    free(journal->path);
    buf_release(&journal->pending);
    buf_release(&journal->window);
    buf_release(&journal->texts);
    free(journal);
}

/* What messages call it. */
static const char *shown(const struct journal *journal)
{
    return journal->path != NULL ? journal->path : "the temporary journal";
}

/* Makes the error lasting: a write that failed may have half happened, a failed fsync may have forgotten it. */
static bool fail_for_good(struct journal *journal, const char *verb, struct err *err)
{
    disk_error(&journal->failure, verb, shown(journal));
    journal->failed = true;
    *err = journal->failure;
    return false;
}

/* --- whose it is --- */

/* Copies what this process knows to a temporary file, which is gone on with. False with errno. */
static bool go_private(struct journal *journal)
{
    struct err unheard;
    int fd = scratch_open("what is left of a journal", &unheard);
    char piece[PEEK_BYTES];
    ssize_t got = 0;
    bool ok = fd >= 0 && fcntl(fd, F_SETFL, O_APPEND) == 0;

    for (uint64_t at = 0; ok && at < journal->end; at += (uint64_t)got) {
        uint64_t left = journal->end - at;

        got = disk_read_at(journal->fd, piece, left < sizeof(piece) ? (size_t)left : sizeof(piece), (off_t)at);
        ok = got > 0 && disk_write(fd, piece, (size_t)got);
    }
    if (!ok) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    journal->lock_fd = journal->fd;
    journal->fd = fd;
    journal->size = journal->end;
    return true;
}

static void lose_name(struct journal *journal)
{
    journal->lost = true;
    err_set(&journal->failure, EXIT_LOCAL,
            "%s was removed or replaced while this run was working with it, so that nothing more can be sent",
            journal->path);
}

/* What another process adds would stand where this one expects its own records. */
static void lose_file(struct journal *journal)
{
    journal->lost = true;
    err_set(
        &journal->failure, EXIT_LOCAL,
        "another connload, on another machine or in another container, writes to %s: locks don't hold between it and "
        "this one; work on %.*s from one machine at a time",
        journal->path, (int)(strlen(journal->path) - strlen(".journal")), journal->path);
    if (!go_private(journal))
        journal->failed = true;
}

/* Whether the file begins with the head that this process has read or written. */
static bool has_own_head(const struct journal *journal)
{
    char seal[SEAL];

    return journal->first == 0 || (disk_read_at(journal->fd, seal, SEAL, (off_t)journal->first - SEAL - 1) == SEAL &&
                                   memcmp(seal, journal->seal, SEAL) == 0);
}

bool journal_is_ours(struct journal *journal, struct err *err)
{
    struct stat status;

    if (journal->path != NULL && !journal->lost) {
        if (!lock_is_named(journal->fd, journal->path))
            lose_name(journal);
        else if (fstat(journal->fd, &status) == 0 &&
                 ((!journal->failed && (uint64_t)status.st_size != journal->size) || !has_own_head(journal)))
            lose_file(journal); /* a write that failed may have half happened */
    }
    if (journal->lost)
        *err = journal->failure;
    return !journal->lost;
}

/* The name under which a journal is made that is to replace this one. Owned by the caller. */
static char *path_of_next(const char *path)
{
    struct buf next;

    buf_init(&next, SIZE_MAX / 2);
    buf_format(&next, "%s.next", path);
    return next.data;
}

/* --- adding --- */

static bool flush(struct journal *journal, struct err *err)
{
    if (journal->pending.len > 0 && !journal->failed)
        journal_is_ours(journal, err);
    if (journal->failed) {
        *err = journal->failure;
        return false;
    }
    if (journal->pending.len == 0)
        return true;
    if (journal->size > journal->end) {
        if (ftruncate(journal->fd, (off_t)journal->end) != 0)
            return fail_for_good(journal, "cut", err);
        crash_point("journal.cut.after");
    }
    crash_point("journal.write.before");
    crash_half_write("journal.write.half", journal->fd, journal->pending.data, journal->pending.len);
    if (!disk_write(journal->fd, journal->pending.data, journal->pending.len))
        return fail_for_good(journal, "write", err);
    crash_point("journal.write.after");
    journal->end += journal->pending.len;
    journal->size = journal->end;
    buf_reset(&journal->pending);
    return true;
}

/* A scratch journal is nothing that anybody could find again. */
static bool flush_and_sync(struct journal *journal, struct err *err)
{
    if (!flush(journal, err))
        return false;
    if (journal->path == NULL)
        return true;
    if (journal->lost) {
        *err = journal->failure;
        return false;
    }
    crash_point("journal.sync.before");
    if (!disk_sync_data(journal->fd))
        return fail_for_good(journal, "sync", err);
    crash_point("journal.sync.after");
    return journal_is_ours(journal, err);
}

static bool record_open(struct journal *journal, const char *word, struct err *err)
{
    if (journal->pending.len >= PENDING_MAX || journal->failed)
        if (!flush(journal, err))
            return false;
    journal->record = journal->pending.len;
    buf_text(&journal->pending, word);
    return true;
}

/* Adds the checksum and the line end. A record that would be too long is taken back. */
static bool record_close(struct journal *journal, struct err *err)
{
    struct buf *pending = &journal->pending;

    record_seal(pending, journal->record);
    if (pending->overflow || pending->len - journal->record > RECORD_MAX || journal->end + pending->len > PLACE_MAX) {
        pending->len = journal->record;
        pending->overflow = false;
        return err_set(err, EXIT_LOCAL, "%s would grow beyond what connload can read again", shown(journal));
    }
    crash_point("journal.record");
    return true;
}

static bool add_two(struct journal *journal, const char *word, uint64_t first, uint64_t second, struct err *err)
{
    if (!record_open(journal, word, err))
        return false;
    record_number(&journal->pending, first);
    record_number(&journal->pending, second);
    return record_close(journal, err);
}

static bool add_text(struct journal *journal, const char *word, struct span text, struct err *err)
{
    if (!record_open(journal, word, err))
        return false;
    record_text(&journal->pending, text, JOURNAL_TEXT_MAX);
    return record_close(journal, err);
}

bool journal_upto(struct journal *journal, uint64_t rows, struct err *err)
{
    assert(rows <= journal->head.rows);
    if (!record_open(journal, "upto", err))
        return false;
    record_number(&journal->pending, rows);
    return record_close(journal, err) && flush_and_sync(journal, err);
}

bool journal_server_clock(struct journal *journal, int64_t server_ms, int64_t wall_ms, struct err *err)
{
    if (!record_open(journal, "clock", err))
        return false;
    record_signed(&journal->pending, server_ms);
    record_signed(&journal->pending, wall_ms);
    return record_close(journal, err);
}

bool journal_account(struct journal *journal, struct span org_id, struct err *err)
{
    return add_text(journal, "account", org_id, err);
}

bool journal_twin(struct journal *journal, struct span connector_id, struct err *err)
{
    return add_text(journal, "twin", connector_id, err);
}

bool journal_listed(struct journal *journal, struct err *err)
{
    return record_open(journal, "listed", err) && record_close(journal, err);
}

bool journal_list(struct journal *journal, int64_t wall_ms, struct err *err)
{
    if (!record_open(journal, "list", err))
        return false;
    record_signed(&journal->pending, wall_ms);
    return record_close(journal, err);
}

bool journal_begun(struct journal *journal, int64_t timeout_ms, uint32_t concurrency, int64_t last_ms, struct err *err)
{
    if (!record_open(journal, "begun", err))
        return false;
    record_signed(&journal->pending, timeout_ms);
    record_number(&journal->pending, concurrency);
    record_signed(&journal->pending, last_ms);
    return record_close(journal, err);
}

bool journal_tags(struct journal *journal, uint64_t first, const uint64_t *tags, size_t count, struct err *err)
{
    assert(count <= JOURNAL_TAGS_MAX && first + count <= journal->head.rows);
    if (!record_open(journal, "tags", err))
        return false;
    record_number(&journal->pending, first);
    buf_char(&journal->pending, '\t');
    for (size_t i = 0; i < count; i++)
        buf_format(&journal->pending, "%0*" PRIx64, JOURNAL_TAG, tags[i]);
    return record_close(journal, err);
}

bool journal_known(struct journal *journal, uint64_t tag, struct span connector_id, struct err *err)
{
    if (!record_open(journal, "known", err))
        return false;
    record_number(&journal->pending, tag);
    record_text(&journal->pending, connector_id, JOURNAL_TEXT_MAX);
    return record_close(journal, err);
}

bool journal_lost(struct journal *journal, uint64_t tag, int64_t lost_ms, struct err *err)
{
    if (!record_open(journal, "lost", err))
        return false;
    record_number(&journal->pending, tag);
    record_signed(&journal->pending, lost_ms);
    return record_close(journal, err);
}

bool journal_attempts(struct journal *journal, uint64_t row, uint32_t attempts, struct err *err)
{
    assert(row < journal->head.rows);
    return add_two(journal, "attempts", row, attempts, err);
}

bool journal_done(struct journal *journal, uint64_t size, uint32_t crc, struct err *err)
{
    return add_two(journal, "done", size, crc, err) && flush_and_sync(journal, err);
}

bool journal_outcome(struct journal *journal, uint64_t row, const struct outcome *outcome, uint64_t *place,
                     struct err *err)
{
    struct buf *out = &journal->pending;
    bool has_http = outcome->http_status >= 0 && outcome->http_status <= JOURNAL_HTTP_MAX;

    assert(row < journal->head.rows && outcome->status != STATUS_NONE);
    if (!record_open(journal, "row", err))
        return false;
    *place = journal->end + journal->record;
    record_number(out, row);
    record_text(out, span_of(status_name(outcome->status)), JOURNAL_TEXT_MAX);
    record_text(out, outcome->connector_id, JOURNAL_TEXT_MAX);
    record_text(out, outcome->inbox_email, JOURNAL_TEXT_MAX);
    record_number(out, has_http ? (uint64_t)outcome->http_status : 0);
    record_text(out, outcome->error_code, JOURNAL_TEXT_MAX);
    record_text(out, outcome->error_message, JOURNAL_MESSAGE_MAX);
    record_number(out, outcome->attempts);
    record_text(out, outcome->created_at, JOURNAL_TEXT_MAX);
    return record_close(journal, err);
}

bool journal_flush(struct journal *journal, struct err *err)
{
    return flush(journal, err);
}

int64_t journal_modified_ms(const struct journal *journal)
{
    return journal->modified_ms;
}

bool journal_begin(struct journal *journal, const struct journal_head *head, struct err *err)
{
    struct journal_head kept;

    if (journal->failed) {
        *err = journal->failure;
        return false;
    }
    if (!journal_is_ours(journal, err))
        return false;
    journal_head_copy(&kept, head);
    journal_head_release(&journal->head);
    journal->head = kept;
    journal->has_head = true;
    crash_point("journal.begin.before");
    if (ftruncate(journal->fd, 0) != 0)
        return fail_for_good(journal, "empty", err);
    crash_point("journal.begin.emptied");
    journal->first = journal->end = journal->size = 0;
    buf_reset(&journal->pending);
    buf_reset(&journal->window);
    journal->record = 0;
    journal_head_write(&journal->pending, &journal->head);
    if (!record_close(journal, err)) {
        journal->failed = true;
        journal->failure = *err;
        return false;
    }
    memcpy(journal->seal, journal->pending.data + journal->pending.len - SEAL - 1, SEAL);
    if (!flush_and_sync(journal, err))
        return false;
    journal->first = journal->end;
    if (journal->path != NULL && !disk_sync_folder(journal->path))
        return fail_for_good(journal, "sync the folder of", err);
    crash_point("journal.begin.after");
    return true;
}

/* Puts the journal that was made under another name in the place of the old one. */
static bool take_place(struct journal *journal, const char *path, struct err *err)
{
    crash_point("journal.renew.before");
    if (rename(journal->path, path) != 0)
        return disk_error(err, "replace", path);
    crash_point("journal.renew.after");
    return disk_sync_folder(path) || disk_error(err, "sync the folder of", path);
}

bool journal_begin_after(struct journal *journal, const struct journal_head *head,
                         bool (*inherit)(void *context, struct journal *journal, struct err *err), void *context,
                         struct err *err)
{
    char *path = journal->path, *next = path_of_next(path);
    int old = journal->fd;
    bool done;

    if (!journal_is_ours(journal, err)) {
        free(next);
        return false;
    }
    unlink(next); /* a crash's */
    journal->fd = lock_open(next, path, err);
    if (journal->fd < 0) {
        journal->fd = old;
        free(next);
        return false;
    }
    journal->path = next;
    journal->first = journal->size = journal->end = 0;
    done = journal_begin(journal, head, err) && inherit(context, journal, err) && flush_and_sync(journal, err) &&
           take_place(journal, path, err);
    if (!done)
        unlink(next);
    journal->path = path;
    close(old);
    free(next);
    return done;
}

/* --- reading --- */

bool journal_replay(struct journal *journal, const struct journal_visitor *visitor, struct err *err)
{
    struct journal_part part = {journal->fd, shown(journal), journal->first, journal->end, journal->head.rows};
    uint64_t good;

    return journal_scan(&part, visitor, &good, err);
}

/* Reads up to `most` bytes of the file from `place` into the window. */
static bool look_at(struct journal *journal, uint64_t place, size_t most, struct err *err)
{
    struct buf *window = &journal->window;
    uint64_t left = journal->end - place;
    ssize_t got;

    buf_reset(window);
    buf_reserve(window, most);
    got = disk_read_at(journal->fd, window->data, left < most ? (size_t)left : most, (off_t)place);
    if (got < 0)
        return disk_error(err, "read", shown(journal));
    window->len = (size_t)got;
    window->data[got] = '\0';
    journal->window_at = place;
    return true;
}

/* The line (without its end) that begins at `offset` of `bytes`. */
static bool find_line(struct span bytes, uint64_t offset, struct span *line)
{
    const char *stop = offset < bytes.len ? memchr(bytes.data + offset, '\n', (size_t)(bytes.len - offset)) : NULL;

    if (stop != NULL)
        *line = (struct span){bytes.data + offset, (size_t)(stop - (bytes.data + offset))};
    return stop != NULL;
}

/* The line at `place`, from what is pending or from the file; empty where there is none. */
static bool line_at(struct journal *journal, uint64_t place, struct span *line, struct err *err)
{
    *line = (struct span){"", 0};
    if (place >= journal->end) {
        find_line(buf_view(&journal->pending), place - journal->end, line);
        return true;
    }
    if (place >= journal->window_at && find_line(buf_view(&journal->window), place - journal->window_at, line))
        return true;
    if (!look_at(journal, place, PEEK_BYTES, err))
        return false;
    if (find_line(buf_view(&journal->window), 0, line))
        return true;
    if (!look_at(journal, place, RECORD_MAX, err))
        return false;
    find_line(buf_view(&journal->window), 0, line);
    return true;
}

bool journal_outcome_at(struct journal *journal, uint64_t place, struct outcome *outcome, struct err *err)
{
    struct span line;

    return line_at(journal, place, &line, err) &&
           (journal_scan_outcome(line, &journal->texts, outcome) || journal_scan_damaged(shown(journal), place, err));
}

/* --- opening and closing --- */

/* Whether the file's beginning is one of ours, or what a crash leaves of it. */
static bool check_origin(const struct journal *journal, struct span start, struct err *err)
{
    size_t magic = strlen(JOURNAL_MAGIC), len = start.len < magic ? start.len : magic;
    size_t version = strspn(start.data + len, "0123456789");
    struct span format = {start.data + len, version};

    if (start.data[0] == '\0')
        return true;
    if (memcmp(start.data, JOURNAL_MAGIC, len) != 0)
        return err_set(
            err, EXIT_LOCAL,
            "%s is no journal of connload (any more) and is left alone; move it away if it is something else of "
            "yours, and restore it from a copy if a run was interrupted here",
            shown(journal));
    if (version > 0 && start.data[len + version] == '\t' && !span_equal(format, span_of(JOURNAL_FORMAT)) &&
        !span_equal(format, span_of(JOURNAL_FORMAT_BEFORE)))
        return err_set(err, EXIT_LOCAL,
                       "%s was written by another version of connload (its format is %.*s, this "
                       "version's is " JOURNAL_FORMAT "); finish its run with that version",
                       shown(journal), (int)version, start.data + len);
    return true;
}

/* Reads the head where it is whole; one that isn't is judged with what follows it. */
static void look_for_head(struct journal *journal, struct span start)
{
    const char *stop = memchr(start.data, '\n', start.len);
    struct span line = {start.data, stop != NULL ? (size_t)(stop - start.data) : 0};

    journal->has_head = journal_head_read(line, &journal->head);
    if (!journal->has_head)
        return;
    journal->first = line.len + 1;
    memcpy(journal->seal, line.data + line.len - SEAL, SEAL);
}

static bool examine_start(struct journal *journal, struct err *err)
{
    char *bytes = alloc_bytes(RECORD_MAX + 1);
    ssize_t got = disk_read_at(journal->fd, bytes, RECORD_MAX, 0);
    struct span start = {bytes, got > 0 ? (size_t)got : 0};
    bool ok = true;

    bytes[start.len] = '\0';
    if (got < 0)
        ok = disk_error(err, "read", shown(journal));
    else if (got > 0)
        ok = check_origin(journal, start, err);
    if (ok)
        look_for_head(journal, start);
    free(bytes);
    return ok;
}

static bool examine(struct journal *journal, struct err *err)
{
    static const struct journal_visitor nobody;
    struct journal_part part;
    struct stat status;

    if (fstat(journal->fd, &status) != 0)
        return disk_error(err, "read", shown(journal));
    journal->modified_ms = (int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
    if (!examine_start(journal, err))
        return false;
    part = (struct journal_part){journal->fd, shown(journal), journal->first, (uint64_t)status.st_size,
                                 journal->head.rows};
    if (!journal_scan(&part, &nobody, &journal->end, err))
        return false;
    journal->size = part.end;
    return true;
}

/* The name of the journal of what the results really are. Owned by the caller. */
static char *path_beside(const char *target)
{
    struct buf path;

    buf_init(&path, SIZE_MAX / 2);
    buf_format(&path, "%s.journal", target);
    return path.data;
}

bool journal_is_beside(const char *results_path)
{
    struct err unheard;
    char *target = disk_target(results_path, &unheard);
    char *path = target != NULL ? path_beside(target) : NULL;
    bool found = path != NULL && access(path, F_OK) == 0;

    free(path);
    free(target);
    return found;
}

struct journal *journal_open(const char *results_path, bool *found, struct err *err)
{
    struct journal *journal = new_journal();
    char *target = disk_target(results_path, err);

    if (target == NULL)
        goto fail;
    journal->path = path_beside(target);
    journal->fd = lock_open(journal->path, results_path, err);
    if (journal->fd < 0 || !examine(journal, err))
        goto fail;
    crash_point("journal.open.after");
    output_sweep(target);
    if (!output_check_place(target, err)) {
        journal_close(journal);
        journal = NULL;
    } else
        *found = journal->has_head;
    free(target);
    return journal;

fail:
    free(target);
    free_journal(journal);
    return NULL;
}

struct journal *journal_scratch(struct err *err)
{
    struct journal *journal = new_journal();

    journal->fd = scratch_open("a run that can't be resumed", err);
    if (journal->fd < 0 || fcntl(journal->fd, F_SETFL, O_APPEND) != 0) {
        free_journal(journal);
        return NULL;
    }
    journal->head.rows = UINT64_MAX;
    return journal;
}

void journal_close(struct journal *journal)
{
    struct stat status;
    struct err unheard;

    if (journal == NULL)
        return;
    if (journal->path != NULL) {
        flush(journal, &unheard);
        if (!journal->has_head && fstat(journal->fd, &status) == 0 && status.st_size == 0 &&
            lock_is_named(journal->fd, journal->path))
            unlink(journal->path);
    }
    free_journal(journal);
}

bool journal_remove(struct journal *journal, struct err *err)
{
    struct err lost;
    bool ok = true;

    if (journal->path != NULL && journal_is_ours(journal, &lost)) {
        crash_point("journal.remove.before");
        ok = unlink(journal->path) == 0 && disk_sync_folder(journal->path);
        if (!ok)
            disk_error(err, "remove", journal->path);
        crash_point("journal.remove.after");
    }
    free_journal(journal);
    return ok;
}

const char *journal_path(const struct journal *journal)
{
    return journal->path;
}

const struct journal_head *journal_head(const struct journal *journal)
{
    return journal->has_head ? &journal->head : NULL;
}
