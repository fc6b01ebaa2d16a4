#include "run/candidates.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "model/label.h"

#include <stdlib.h>
#include <string.h>

enum {
    DIFFERS_MAX = 4096,
    GROUPS_MAX = 8,
    LOOKS_MAX = 1 << 20, /* comparisons of a label for one list: some seconds */
};

void candidates_init(struct candidates *candidates, struct run *run)
{
    *candidates = (struct candidates){.run = run};
}

void candidates_reset(struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        free(candidates->found[i].inbox);
        free(candidates->found[i].differs);
    }
    candidates->count = candidates->looks = 0;
    candidates->crowded = false;
}

void candidates_release(struct candidates *candidates)
{
    candidates_reset(candidates);
    free(candidates->found);
    free(candidates->keys);
    free(candidates->short_row);
}

/* Its texts last until the next row is read; NULL, with the run stopped, where it can't be read. */
static const struct connector *read_row(struct candidates *candidates, size_t index)
{
    const struct sheet_row *read = run_row(candidates->run, candidates->rows[index].row);

    return read != NULL ? &read->connector : NULL;
}

static int by_key(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

void candidates_seek(struct candidates *candidates, const struct unsettled *rows, size_t count)
{
    candidates->rows = rows;
    candidates->row_count = count;
    candidates->earlier = false;
    candidates->short_row = alloc_resize(candidates->short_row, count, sizeof(candidates->short_row[0]));
    candidates->short_count = 0;
    candidates->keys = alloc_resize(candidates->keys, 2 * count, sizeof(candidates->keys[0]));
    for (size_t i = 0; i < count; i++) {
        const struct connector *connector = read_row(candidates, i);
        struct label_keys keys = label_keys(connector != NULL ? connector->label : (struct span){0});

        candidates->earlier = candidates->earlier || rows[i].earlier;
        if (keys.is_short)
            candidates->short_row[candidates->short_count++] = (uint32_t)i;
        candidates->keys[2 * i].key = keys.head;
        candidates->keys[2 * i + 1].key = keys.tail;
        candidates->keys[2 * i].row = candidates->keys[2 * i + 1].row = (uint32_t)i;
    }
    qsort(candidates->keys, 2 * count, sizeof(candidates->keys[0]), by_key);
}

/* The first index of the `count` elements whose hash, at `offset`, is at least `hash`. */
static size_t lower_bound(const void *base, size_t count, size_t size, size_t offset, uint64_t hash)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t at;

        memcpy(&at, (const char *)base + middle * size + offset, sizeof(at));
        if (at < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first lost row of that payload, by its hash; `row_count` where there is none. */
static size_t row_of(const struct candidates *candidates, uint64_t public_hash)
{
    size_t at = lower_bound(candidates->rows, candidates->row_count, sizeof(candidates->rows[0]),
                            offsetof(struct unsettled, public_hash), public_hash);

    return at < candidates->row_count && candidates->rows[at].public_hash == public_hash ? at : candidates->row_count;
}

/* Whether an earlier run lost one of the rows with the payload of row `at`: then its connector may be older than this
 * run. */
static bool is_earlier(const struct candidates *candidates, size_t at)
{
    const struct unsettled *rows = candidates->rows;

    for (size_t i = at; i < candidates->row_count && rows[i].public_hash == rows[at].public_hash; i++)
        if (rows[i].earlier)
            return true;
    return false;
}

static void add(struct candidates *candidates, const struct remote *remote, size_t row,
                enum connector_likeness likeness, const struct buf *differs)
{
    const struct run *run = candidates->run;
    struct candidate *candidate;

    if (candidates->count >= candidates->row_count + CANDIDATES_SPARE) {
        candidates->crowded = true;
        return;
    }
    if (candidates->count == candidates->cap) {
        candidates->cap = candidates->cap > 0 ? candidates->cap * 2 : 64;
        candidates->found = alloc_resize(candidates->found, candidates->cap, sizeof(candidates->found[0]));
    }
    candidate = &candidates->found[candidates->count++];
    *candidate = (struct candidate){
        .group = candidates->rows[row].public_hash,
        .public_hash = connector_public_hash(&remote->connector),
        .owner = run_owner_hash(remote->owner_id),
        .created_ms = remote->created_ms,
        .exact = differs == NULL,
        .kept = likeness == CONNECTOR_KEPT,
        .was_listed = !is_earlier(candidates, row) && idset_has(&run->known.twins, remote->id),
        .archived = remote->archived,
        .differs = differs != NULL ? alloc_copy(differs->data != NULL ? differs->data : "", differs->len) : NULL,
    };
    memcpy(candidate->id, remote->id.data, UUID_TEXT);
    if (remote->created_at.len > 0 && remote->created_at.len < sizeof(candidate->created_at))
        memcpy(candidate->created_at, remote->created_at.data, remote->created_at.len);
    candidate->inbox = alloc_copy(remote->inbox_email.len > 0 ? remote->inbox_email.data : "", remote->inbox_email.len);
}

/* Between two runs somebody may have archived it on purpose, so that its row is sent again. */
static bool is_put_away(const struct candidates *candidates, const struct remote *remote, size_t row)
{
    return remote->archived && is_earlier(candidates, row);
}

/* Equal hashes are no proof: compares with the row itself. */
static bool look_exact(struct candidates *candidates, const struct remote *remote)
{
    size_t row = row_of(candidates, connector_public_hash(&remote->connector));
    const struct connector *connector = row < candidates->row_count ? read_row(candidates, row) : NULL;

    if (connector == NULL || !connector_public_equal(connector, &remote->connector))
        return false;
    if (!is_put_away(candidates, remote, row))
        add(candidates, remote, row, CONNECTOR_OTHER, NULL);
    return true;
}

/* The groups of lost rows that a connector is as near to as to any. */
struct nearest {
    enum connector_likeness likeness;
    size_t rows[GROUPS_MAX]; /* a row of each */
    size_t count;
};

static void compare(struct candidates *candidates, const struct remote *remote, size_t row, struct nearest *nearest)
{
    size_t first = row_of(candidates, candidates->rows[row].public_hash);
    const struct connector *connector;
    enum connector_likeness likeness;

    for (size_t i = 0; i < nearest->count; i++)
        if (nearest->rows[i] == first)
            return;
    connector = read_row(candidates, first);
    likeness = connector != NULL ? connector_compare(connector, &remote->connector) : CONNECTOR_OTHER;
    if (likeness == CONNECTOR_OTHER || likeness < nearest->likeness)
        return;
    if (likeness > nearest->likeness)
        nearest->count = 0;
    nearest->likeness = likeness;
    if (nearest->count < GROUPS_MAX)
        nearest->rows[nearest->count++] = first;
}

static void compare_with(struct candidates *candidates, const struct remote *remote, uint64_t key,
                         struct nearest *nearest)
{
    size_t count = 2 * candidates->row_count, at;

    at = lower_bound(candidates->keys, count, sizeof(candidates->keys[0]), 0, key);
    for (; at < count && candidates->keys[at].key == key && candidates->looks < LOOKS_MAX; at++, candidates->looks++)
        compare(candidates, remote, candidates->keys[at].row, nearest);
}

/* A short label has to be compared with each, and each with a short one. */
static void compare_short(struct candidates *candidates, const struct remote *remote, bool is_short,
                          struct nearest *nearest)
{
    size_t count = is_short ? candidates->row_count : candidates->short_count;

    for (size_t i = 0; i < count && candidates->looks < LOOKS_MAX; i++, candidates->looks++)
        compare(candidates, remote, is_short ? i : candidates->short_row[i], nearest);
}

/* Of no use where it is near to several groups alike: it may be any one's. */
static void look_near(struct candidates *candidates, const struct remote *remote)
{
    struct label_keys keys = label_keys(remote->connector.label);
    struct nearest nearest = {.count = 0};
    struct buf differs;

    compare_with(candidates, remote, keys.head, &nearest);
    if (keys.tail != keys.head)
        compare_with(candidates, remote, keys.tail, &nearest);
    compare_short(candidates, remote, keys.is_short, &nearest);
    if (nearest.count > 1)
        nearest.likeness = CONNECTOR_ALIKE;
    buf_init(&differs, DIFFERS_MAX);
    for (size_t i = 0; i < nearest.count; i++) {
        const struct connector *connector = read_row(candidates, nearest.rows[i]);

        if (connector == NULL || is_put_away(candidates, remote, nearest.rows[i]))
            continue;
        buf_reset(&differs);
        connector_differences(connector, &remote->connector, &differs);
        add(candidates, remote, nearest.rows[i], nearest.likeness, &differs);
    }
    buf_release(&differs);
}

void candidates_look(struct candidates *candidates, const struct remote *remote)
{
    if (!candidates->earlier && idset_has(&candidates->run->known.twins, remote->id))
        return; /* it was there before */
    candidates->crowded = candidates->crowded || candidates->looks >= LOOKS_MAX;
    if (!look_exact(candidates, remote))
        look_near(candidates, remote);
}

static int by_group(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;

    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->created_ms != b->created_ms)
        return a->created_ms < b->created_ms ? -1 : 1;
    return strcmp(a->id, b->id);
}

void candidates_sort(struct candidates *candidates)
{
    if (candidates->count > 0)
        qsort(candidates->found, candidates->count, sizeof(candidates->found[0]), by_group);
}

const struct candidate *candidates_of(const struct candidates *candidates, uint64_t group, size_t *count)
{
    size_t first, end;

    if (candidates->count == 0) {
        *count = 0;
        return NULL;
    }
    first = lower_bound(candidates->found, candidates->count, sizeof(candidates->found[0]),
                        offsetof(struct candidate, group), group);
    for (end = first; end < candidates->count && candidates->found[end].group == group;)
        end++;
    *count = end - first;
    return candidates->found + first;
}
