#include "flow/existing.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "flow/listing.h"
#include "io/disk.h"
#include "io/scratch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A connector of the account with a row's type and label: its JSON is kept in a temporary file, not in memory. */
struct match {
    uint64_t offset;
    uint32_t length;
    uint32_t key;
    uint32_t public_tag;
    bool used; /* it answers for a row */
};

struct search {
    struct run *run;
    const uint32_t *keys;
    uint32_t *order; /* indices of the rows to be sent, and of those to be settled, by key, tag and index */
    uint64_t count;
    uint32_t *free; /* for each place in `order`: itself while its row is free, else one nearer to the next free row */
    uint64_t taken; /* rows to be sent that a connector answers for */
    struct match *match;
    size_t matches, match_cap;
    size_t archived;   /* connectors that were, but are archived */
    struct idset seen; /* ids in the list: none counts twice */
    struct buf out;    /* what is not yet in the temporary file */
    int fd;
    uint64_t written;
    bool failed; /* the courier knows why */
    bool note_twins;
    struct remote remote;
    struct buf element;
};

enum {
    OUT_FLUSH = 1 << 18,
    OUT_MAX = OUT_FLUSH + JSON_ELEMENT_MAX,
    NOTED_MAX = 1 << 21,     /* connectors of the account whose ids are kept */
    SPARE_MATCHES = 1 << 16, /* connectors like the rows that are kept beyond the rows' number */
};

static int by_key(const void *left, const void *right, void *context)
{
    const struct search *search = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    uint32_t tag_a = search->run->rows.row[a].public_tag, tag_b = search->run->rows.row[b].public_tag;

    if (search->keys[a] != search->keys[b])
        return search->keys[a] < search->keys[b] ? -1 : 1;
    if (tag_a != tag_b)
        return tag_a < tag_b ? -1 : 1;
    return a < b ? -1 : a > b;
}

static void sort_rows(struct search *search)
{
    const struct rows *rows = &search->run->rows;

    search->order = alloc_zeroed(rows->count, sizeof(search->order[0]));
    for (uint64_t i = 0; i < rows->count; i++)
        if (rows->row[i].state == ROW_PENDING || rows->row[i].state == ROW_UNSETTLED)
            search->order[search->count++] = (uint32_t)i;
    qsort_r(search->order, search->count, sizeof(search->order[0]), by_key, search);
    search->free = alloc_zeroed(search->count + 1, sizeof(search->free[0]));
    for (uint64_t at = 0; at <= search->count; at++)
        search->free[at] = (uint32_t)at;
}

/* The place of the first free row from `at` on; `count` where there is none. Ways that were gone once become short. */
static uint64_t free_from(struct search *search, uint64_t at)
{
    while (search->free[at] != at) {
        search->free[at] = search->free[search->free[at]];
        at = search->free[at];
    }
    return at;
}

static void not_free(struct search *search, uint64_t at)
{
    search->free[at] = (uint32_t)at + 1;
}

/* The position in `order` of the first row of that key whose tag is at least `tag`. */
static uint64_t first_of(const struct search *search, uint32_t key, uint32_t tag)
{
    uint64_t low = 0, high = search->count;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint32_t row = search->order[middle];
        bool before = search->keys[row] != key ? search->keys[row] < key : search->run->rows.row[row].public_tag < tag;

        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_key(const struct search *search, uint64_t at, uint32_t key)
{
    return at < search->count && search->keys[search->order[at]] == key;
}

static bool has_tag(const struct search *search, uint64_t at, const struct match *match)
{
    return has_key(search, at, match->key) && search->run->rows.row[search->order[at]].public_tag == match->public_tag;
}

static bool fault(struct search *search, const struct err *err)
{
    courier_fault(search->run->courier, err);
    search->failed = true;
    return false;
}

static bool read_row(struct search *search, uint64_t index, struct sheet_row **read)
{
    const struct row *row = &search->run->rows.row[index];
    struct err err;

    return sheet_at(search->run->sheet, row->offset, row->length, row->line, read, &err) || fault(search, &err);
}

static void on_begin(void *context)
{
    struct search *search = context;

    search->matches = search->archived = 0;
    search->written = 0;
    buf_reset(&search->out);
    idset_release(&search->seen);
}

static bool flush(struct search *search)
{
    struct err err;

    if (search->out.len > 0 && (lseek(search->fd, (off_t)search->written, SEEK_SET) < 0 ||
                                !disk_write(search->fd, search->out.data, search->out.len))) {
        disk_error(&err, "write", "a temporary file");
        return fault(search, &err);
    }
    search->written += search->out.len;
    buf_reset(&search->out);
    return true;
}

/* No account has so many connectors like the rows: a server without end must not fill the memory. */
static bool is_crowded(struct search *search)
{
    if (search->matches < search->count + SPARE_MATCHES)
        return false;
    courier_stop(
        search->run->courier, STOP_NO_LIST,
        "the account's list shows more than %zu connectors of a type and label of the rows, too many to be looked at",
        search->matches);
    return true;
}

/* All of them: a server may have kept a row's label otherwise. */
static bool note_listed_before(struct search *search, struct span id)
{
    struct err err;

    if (!search->note_twins || search->run->twins.count >= NOTED_MAX || !idset_add(&search->run->twins, id))
        return true;
    return journal_twin(search->run->journal, id, &err) || fault(search, &err);
}

static bool on_connector(void *context, const struct remote *remote, struct span element)
{
    struct search *search = context;
    uint32_t key = (uint32_t)connector_key_hash(&remote->connector);

    if (search->note_twins)
        run_note_account(search->run, remote->org_id, (struct span){0});
    if (!note_listed_before(search, remote->id))
        return false;
    if (!has_key(search, first_of(search, key, 0), key) || idset_has(&search->run->claimed, remote->id) ||
        (remote->archived && search->archived++ >= search->count + SPARE_MATCHES) ||
        !idset_add(&search->seen, remote->id))
        return true;
    if (remote->archived)
        return true;
    if (is_crowded(search))
        return false;
    if (search->matches == search->match_cap) {
        search->match_cap = search->match_cap > 0 ? search->match_cap * 2 : 256;
        search->match = alloc_resize(search->match, search->match_cap, sizeof(search->match[0]));
    }
    search->match[search->matches++] = (struct match){
        .offset = search->written + search->out.len,
        .length = (uint32_t)element.len,
        .key = key,
        .public_tag = (uint32_t)connector_public_hash(&remote->connector),
    };
    buf_span(&search->out, element);
    return search->out.len < OUT_FLUSH || flush(search);
}

/* The connector of a match, read again into search->remote. */
static bool read_match(struct search *search, const struct match *match)
{
    struct err err;

    buf_reset(&search->element);
    buf_reserve(&search->element, match->length);
    if (disk_read_at(search->fd, search->element.data, match->length, (off_t)match->offset) != (ssize_t)match->length) {
        disk_error(&err, "read", "a temporary file");
        return fault(search, &err);
    }
    return remote_read(&search->remote, (struct span){search->element.data, match->length});
}

static void row_exists(struct search *search, uint64_t index, const struct sheet_row *read)
{
    struct run *run = search->run;
    const struct remote *remote = &search->remote;
    struct outcome outcome = {
        .status = STATUS_EXISTS,
        .connector_id = remote->id,
        .created_at = remote->created_at,
    };
    struct span own = connector_secret(&read->connector);
    struct buf inbox;

    buf_init(&inbox, 4096);
    hush_field(&run->courier->hush, own, remote->inbox_email, &inbox);
    buf_reset(&run->code);
    connector_differences(&read->connector, &remote->connector, &run->code);
    buf_reset(&run->text);
    hush_field(&run->courier->hush, own, buf_view(&run->code), &run->text);
    outcome.inbox_email = buf_view(&inbox);
    outcome.error_message = buf_view(&run->text);
    idset_add(&run->claimed, remote->id);
    run_finish(run, index, &outcome);
    buf_release(&inbox);
}

/* A row that is to be settled has no outcome yet: its exact twin may be its own connector, and settle.c decides. */
static bool is_unsettled(const struct search *search, uint32_t row)
{
    return search->run->rows.row[row].state == ROW_UNSETTLED;
}

static void take(struct search *search, uint64_t at, const struct sheet_row *read, struct match *match, bool skip)
{
    uint32_t row = search->order[at];

    not_free(search, at);
    match->used = true;
    search->taken += !is_unsettled(search, row);
    if (skip && !is_unsettled(search, row))
        row_exists(search, row, read);
}

/* Finds the first row with the same payload that no connector answers for yet. */
static bool place_exact(struct search *search, struct match *match, bool skip)
{
    uint64_t at = free_from(search, first_of(search, match->key, match->public_tag));
    struct sheet_row *read;

    if (!has_tag(search, at, match))
        return true;
    if (!read_match(search, match))
        return !search->failed;
    for (; has_tag(search, at, match); at = free_from(search, at + 1)) {
        if (!read_row(search, search->order[at], &read))
            return false;
        if (!connector_public_equal(&read->connector, &search->remote.connector))
            continue;
        take(search, at, read, match, skip);
        break;
    }
    return true;
}

/* Finds a row of the same type and label that is to be sent. */
static bool place_alike(struct search *search, struct match *match, bool skip)
{
    uint64_t at = free_from(search, first_of(search, match->key, 0));
    struct sheet_row *read;

    if (match->used || !has_key(search, at, match->key))
        return true;
    if (!read_match(search, match))
        return !search->failed;
    for (; has_key(search, at, match->key); at = free_from(search, at + 1)) {
        if (!read_row(search, search->order[at], &read))
            return false;
        if (!connector_key_equal(&read->connector, &search->remote.connector))
            continue;
        take(search, at, read, match, skip);
        break;
    }
    return true;
}

static bool place_each(struct search *search, bool (*place)(struct search *, struct match *, bool), bool skip)
{
    struct courier *courier = search->run->courier;

    for (size_t i = 0; i < search->matches; i++) {
        courier_see_stops(courier);
        if (courier_stopping(courier) || !place(search, &search->match[i], skip))
            return false;
    }
    return true;
}

/* Exact twins first, so that no row with another's label takes a connector away from its twin. */
static bool place_all(struct search *search, bool skip)
{
    if (!place_each(search, place_exact, skip))
        return false;
    for (uint64_t at = 0; at < search->count; at++)
        if (is_unsettled(search, search->order[at]))
            not_free(search, at);
    return place_each(search, place_alike, skip);
}

/* A list that was only a part, or may be, tells what was there, but not what was not. */
static bool note_listed(struct search *search, const struct listing *listing)
{
    struct run *run = search->run;
    struct err err;

    if (!search->note_twins || run->twins.count >= NOTED_MAX || listing_is_partial(listing) ||
        listing_is_round(listing))
        return true;
    run->twins_known = true;
    return journal_listed(run->journal, &err) || fault(search, &err);
}

static void search_release(struct search *search)
{
    free(search->order);
    free(search->free);
    free(search->match);
    idset_release(&search->seen);
    buf_release(&search->out);
    buf_release(&search->element);
    remote_release(&search->remote);
    if (search->fd >= 0)
        close(search->fd);
}

bool existing_find(struct run *run, const uint32_t *keys, bool skip, bool note_twins, uint64_t *look_alikes)
{
    struct search search = {.run = run, .keys = keys, .note_twins = note_twins};
    struct listing_handler handler = {.context = &search, .begin = on_begin, .connector = on_connector};
    struct listing listing;
    struct err err;
    bool found;

    buf_init(&search.out, OUT_MAX);
    buf_init(&search.element, JSON_ELEMENT_MAX);
    remote_init(&search.remote);
    sort_rows(&search);
    listing_init(&listing, run->courier, &handler);
    search.fd = scratch_open("the account's list", &err);
    if (search.fd < 0)
        fault(&search, &err);
    found = search.fd >= 0 && listing_run(&listing, "listing the account") && flush(&search);
    if (found && skip && listing_is_partial(&listing)) {
        courier_stop(run->courier, STOP_NO_LIST,
                     "the account's list does not show everything: --skip-existing can't tell what exists");
        found = false;
    }
    found = found && place_all(&search, skip) && note_listed(&search, &listing);
    *look_alikes = skip ? 0 : search.taken;
    listing_release(&listing);
    search_release(&search);
    return found;
}
