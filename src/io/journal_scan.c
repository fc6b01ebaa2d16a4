#include "io/journal_scan.h"

#include "base/alloc.h"
#include "base/num.h"
#include "io/disk.h"
#include "io/record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIELDS_MAX = 16,
    ROW_FIELDS = 11, /* of an outcome's record, with the word and the checksum */
    LINES_BYTES = 2 * RECORD_MAX,
};

#define TIME_MAX_MS UINT64_C(253402300799999) /* the end of the year 9999 */

/* What reading a record needs: `rows` to tell what can't be, and where to hand it. */
struct reading {
    uint64_t rows;
    const struct journal_visitor *visitor;
    struct buf *texts;
    uint64_t place;
};

static bool read_upto(struct reading *reading, const struct span *fields)
{
    uint64_t rows;

    if (!num_parse_span(fields[1], 0, reading->rows, &rows))
        return false;
    if (reading->visitor->upto != NULL)
        reading->visitor->upto(reading->visitor->context, rows);
    return true;
}

static bool read_clock(struct reading *reading, const struct span *fields)
{
    int64_t server_ms, wall_ms;

    if (!record_read_signed(fields[1], &server_ms) || !record_read_signed(fields[2], &wall_ms))
        return false;
    if (reading->visitor->server_clock != NULL)
        reading->visitor->server_clock(reading->visitor->context, server_ms, wall_ms);
    return true;
}

static bool read_account(struct reading *reading, const struct span *fields)
{
    struct span text;

    if (!record_read_text(fields[1], reading->texts, &text))
        return false;
    if (reading->visitor->account != NULL)
        reading->visitor->account(reading->visitor->context, text);
    return true;
}

static bool read_twin(struct reading *reading, const struct span *fields)
{
    struct span text;

    if (!record_read_text(fields[1], reading->texts, &text))
        return false;
    if (reading->visitor->twin != NULL)
        reading->visitor->twin(reading->visitor->context, text);
    return true;
}

static bool read_listed(struct reading *reading, const struct span *fields)
{
    (void)fields;
    if (reading->visitor->listed != NULL)
        reading->visitor->listed(reading->visitor->context);
    return true;
}

static bool read_row(const struct reading *reading, struct span field, uint64_t *row)
{
    return num_parse_span(field, 0, UINT64_MAX, row) && *row < reading->rows;
}

static bool read_attempts(struct reading *reading, const struct span *fields)
{
    uint64_t row, attempts;

    if (!read_row(reading, fields[1], &row) || !num_parse_span(fields[2], 0, UINT32_MAX, &attempts))
        return false;
    if (reading->visitor->attempts != NULL)
        reading->visitor->attempts(reading->visitor->context, row, (uint32_t)attempts);
    return true;
}

/* The fields of a `row` record from the third on. */
static bool read_outcome_fields(const struct span *fields, struct buf *texts, struct outcome *outcome)
{
    uint64_t http_status, attempts;

    outcome->status = status_named(fields[2]);
    if (outcome->status == STATUS_NONE || outcome->status == STATUSES)
        return false;
    if (!num_parse_span(fields[5], 0, JOURNAL_HTTP_MAX, &http_status) ||
        !num_parse_span(fields[8], 0, UINT32_MAX, &attempts))
        return false;
    outcome->http_status = (int)http_status;
    outcome->attempts = (uint32_t)attempts;
    return record_read_text(fields[3], texts, &outcome->connector_id) &&
           record_read_text(fields[4], texts, &outcome->inbox_email) &&
           record_read_text(fields[6], texts, &outcome->error_code) &&
           record_read_text(fields[7], texts, &outcome->error_message) &&
           record_read_text(fields[9], texts, &outcome->created_at);
}

static bool read_outcome(struct reading *reading, const struct span *fields)
{
    struct outcome outcome;
    uint64_t row;

    if (!read_row(reading, fields[1], &row) || !read_outcome_fields(fields, reading->texts, &outcome))
        return false;
    if (reading->visitor->outcome != NULL)
        reading->visitor->outcome(reading->visitor->context, row, &outcome, reading->place);
    return true;
}

static bool read_done(struct reading *reading, const struct span *fields)
{
    uint64_t size, crc;

    if (!num_parse_span(fields[1], 0, UINT64_MAX, &size) || !num_parse_span(fields[2], 0, UINT32_MAX, &crc))
        return false;
    if (reading->visitor->done != NULL)
        reading->visitor->done(reading->visitor->context, size, (uint32_t)crc);
    return true;
}

static bool read_list(struct reading *reading, const struct span *fields)
{
    uint64_t wall_ms;

    if (!num_parse_span(fields[1], 0, TIME_MAX_MS, &wall_ms))
        return false;
    if (reading->visitor->list != NULL)
        reading->visitor->list(reading->visitor->context, (int64_t)wall_ms);
    return true;
}

static bool read_begun(struct reading *reading, const struct span *fields)
{
    uint64_t timeout_ms, concurrency, last_ms;

    if (!num_parse_span(fields[1], 0, TIME_MAX_MS, &timeout_ms) ||
        !num_parse_span(fields[2], 0, UINT32_MAX, &concurrency) || !num_parse_span(fields[3], 0, TIME_MAX_MS, &last_ms))
        return false;
    if (reading->visitor->begun != NULL)
        reading->visitor->begun(reading->visitor->context, (int64_t)timeout_ms, (uint32_t)concurrency,
                                (int64_t)last_ms);
    return true;
}

static bool read_tags(struct reading *reading, const struct span *fields)
{
    uint64_t first, count = fields[2].len / JOURNAL_TAG;

    if (!read_row(reading, fields[1], &first) || fields[2].len % JOURNAL_TAG != 0 || count > reading->rows - first)
        return false;
    if (reading->visitor->tags != NULL)
        reading->visitor->tags(reading->visitor->context, first, fields[2]);
    return true;
}

static bool read_known(struct reading *reading, const struct span *fields)
{
    struct span text;
    uint64_t tag;

    if (!num_parse_span(fields[1], 0, UINT64_MAX, &tag) || !record_read_text(fields[2], reading->texts, &text))
        return false;
    if (reading->visitor->known != NULL)
        reading->visitor->known(reading->visitor->context, tag, text);
    return true;
}

static bool read_lost(struct reading *reading, const struct span *fields)
{
    int64_t lost_ms;
    uint64_t tag;

    if (!num_parse_span(fields[1], 0, UINT64_MAX, &tag) || !record_read_signed(fields[2], &lost_ms))
        return false;
    if (reading->visitor->lost != NULL)
        reading->visitor->lost(reading->visitor->context, tag, lost_ms);
    return true;
}

static const struct kind {
    const char *word;
    size_t fields; /* with the word and the checksum */
    bool (*read)(struct reading *reading, const struct span *fields);
} kinds[] = {
    {"row", ROW_FIELDS, read_outcome},
    {"upto", 3, read_upto},
    {"attempts", 4, read_attempts},
    {"twin", 3, read_twin},
    {"clock", 4, read_clock},
    {"account", 3, read_account},
    {"listed", 2, read_listed},
    {"done", 4, read_done},
    {"list", 3, read_list},
    {"begun", 5, read_begun},
    {"tags", 4, read_tags},
    {"known", 4, read_known},
    {"lost", 4, read_lost},
};

static bool read_record(struct reading *reading, struct span line)
{
    struct span fields[FIELDS_MAX];
    size_t count = record_split(line, fields, FIELDS_MAX);

    buf_reset(reading->texts);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (count == kinds[i].fields && span_equal(fields[0], span_of(kinds[i].word)))
            return kinds[i].read(reading, fields);
    return false;
}

bool journal_scan_outcome(struct span line, struct buf *texts, struct outcome *outcome)
{
    struct span fields[FIELDS_MAX];

    buf_reset(texts);
    return record_is_sealed(line) && record_split(line, fields, FIELDS_MAX) == ROW_FIELDS &&
           span_equal(fields[0], span_of(kinds[0].word)) && read_outcome_fields(fields, texts, outcome);
}

/* The lines of a part of the file, in memory that doesn't grow with their length. */
struct lines {
    const struct journal_part *part;
    uint64_t read_to; /* offset: read so far */
    uint64_t place;   /* of the piece that was handed out last */
    char *bytes;
    size_t from, to; /* of what was read and not handed out */
};

enum piece {
    PIECE_LINE,
    PIECE_FRAGMENT, /* bytes without a line end: the rest of the file, or part of a line longer than a record may be */
    PIECE_END,
    PIECE_FAILED,
};

static bool lines_fill(struct lines *lines)
{
    size_t have = lines->to - lines->from, want = LINES_BYTES - have;
    ssize_t got;

    if (want > lines->part->end - lines->read_to)
        want = (size_t)(lines->part->end - lines->read_to);
    memmove(lines->bytes, lines->bytes + lines->from, have);
    lines->from = 0;
    lines->to = have;
    got = disk_read_at(lines->part->fd, lines->bytes + have, want, (off_t)lines->read_to);
    if (got < (ssize_t)want)
        return false;
    lines->to += want;
    lines->read_to += want;
    return true;
}

static enum piece lines_next(struct lines *lines, struct span *bytes)
{
    for (;;) {
        size_t have = lines->to - lines->from;
        char *start = lines->bytes + lines->from, *stop = memchr(start, '\n', have);
        bool all = lines->read_to == lines->part->end;

        if (stop != NULL || have >= RECORD_MAX || (all && have > 0)) {
            *bytes = (struct span){start, stop != NULL ? (size_t)(stop - start) : have};
            lines->place = lines->read_to - have;
            lines->from += bytes->len + (stop != NULL);
            return stop != NULL ? PIECE_LINE : PIECE_FRAGMENT;
        }
        if (all)
            return PIECE_END;
        if (!lines_fill(lines))
            return PIECE_FAILED;
    }
}

bool journal_scan_damaged(const char *name, uint64_t place, struct err *err)
{
    return err_set(err, EXIT_LOCAL,
                   "%s is damaged at byte %" PRIu64 ", so that it can't be told which rows of an interrupted run were "
                   "sent; restore it from a copy, or, a minute after that run has ended, move it away and run with "
                   "--skip-existing: the rows that it names may exist in the account",
                   name, place);
}

/*
 * Whether a piece that is no record can be what a crash leaves of the last write: a record without its end, or pages
 * that never reached the disk and read as NULs.
 */
static bool may_be_torn(const struct lines *lines, enum piece piece, struct span bytes)
{
    bool last = lines->place + bytes.len == lines->part->end;

    return (piece == PIECE_FRAGMENT && last && bytes.len < RECORD_MAX) || memchr(bytes.data, '\0', bytes.len) != NULL;
}

/* Reads the records from `lines` on; `*good` is set to where the last one ends. */
static bool scan_lines(struct lines *lines, struct reading *reading, uint64_t *good, struct err *err)
{
    const struct journal_part *part = lines->part;
    uint64_t torn = UINT64_MAX;
    struct span bytes;
    enum piece piece;

    while ((piece = lines_next(lines, &bytes)) < PIECE_END) {
        bool sealed = piece == PIECE_LINE && bytes.len < RECORD_MAX && record_is_sealed(bytes);

        reading->place = lines->place;
        if (sealed && torn != UINT64_MAX)
            return journal_scan_damaged(part->name, torn, err);
        if (sealed ? !read_record(reading, bytes) : torn == UINT64_MAX && !may_be_torn(lines, piece, bytes))
            return journal_scan_damaged(part->name, lines->place, err);
        if (sealed)
            *good = lines->place + bytes.len + 1;
        else if (torn == UINT64_MAX)
            torn = lines->place;
    }
    return piece == PIECE_END || disk_error(err, "read", part->name);
}

bool journal_scan(const struct journal_part *part, const struct journal_visitor *visitor, uint64_t *good,
                  struct err *err)
{
    struct lines lines = {.part = part, .read_to = part->from, .bytes = alloc_bytes(LINES_BYTES)};
    struct buf texts;
    struct reading reading = {part->rows, visitor, &texts, 0};
    bool ok;

    buf_init(&texts, RECORD_MAX);
    buf_reserve(&texts, RECORD_MAX);
    *good = part->from;
    ok = scan_lines(&lines, &reading, good, err);
    buf_release(&texts);
    free(lines.bytes);
    return ok;
}
