#include "prior/inherit.h"

#include "base/alloc.h"
#include "run/settle.h"

#include <stdlib.h>
#include <string.h>

enum fate_of_row { UNSENT, LOST, ENDED };

struct sent_row {
    uint64_t tag;
    enum fate_of_row fate;
    char id[37];
};

struct reading {
    struct inherit *inherit;
    struct sent_row *row; /* of the journal's run */
    uint64_t rows;
    int64_t ahead_ms; /* the server's clock of ours, as that run knew it */
};

static struct inherited *add(struct inherit *inherit, uint64_t tag)
{
    if (inherit->count == inherit->cap) {
        inherit->cap = inherit->cap > 0 ? inherit->cap * 2 : 256;
        inherit->at = alloc_resize(inherit->at, inherit->cap, sizeof(inherit->at[0]));
    }
    inherit->at[inherit->count] = (struct inherited){.tag = tag};
    return &inherit->at[inherit->count++];
}

static void on_tags(void *context, uint64_t first, struct span tags)
{
    struct reading *reading = context;
    char digits[JOURNAL_TAG + 1] = "";

    for (size_t i = 0; (i + 1) * JOURNAL_TAG <= tags.len && first + i < reading->rows; i++) {
        memcpy(digits, tags.data + i * JOURNAL_TAG, JOURNAL_TAG);
        reading->row[first + i].tag = strtoull(digits, NULL, 16);
    }
}

static void on_upto(void *context, uint64_t rows)
{
    struct reading *reading = context;

    for (uint64_t i = 0; i < rows && i < reading->rows; i++)
        if (reading->row[i].fate == UNSENT)
            reading->row[i].fate = LOST;
}

static void on_outcome(void *context, uint64_t index, const struct outcome *outcome, uint64_t place)
{
    struct reading *reading = context;
    struct sent_row *row = &reading->row[index];

    (void)place;
    if (outcome->status == STATUS_UNKNOWN || row->fate == ENDED)
        return;
    row->fate = ENDED;
    if (outcome->status == STATUS_CREATED && outcome->connector_id.len > 0 &&
        outcome->connector_id.len < sizeof(row->id))
        memcpy(row->id, outcome->connector_id.data, outcome->connector_id.len);
}

static void on_server_clock(void *context, int64_t server_ms, int64_t wall_ms)
{
    ((struct reading *)context)->ahead_ms = server_ms - wall_ms;
}

static void on_known(void *context, uint64_t tag, struct span connector_id)
{
    struct inherited *known = add(((struct reading *)context)->inherit, tag);

    if (connector_id.len > 0 && connector_id.len < sizeof(known->id))
        memcpy(known->id, connector_id.data, connector_id.len);
}

static void on_lost(void *context, uint64_t tag, int64_t lost_ms)
{
    add(((struct reading *)context)->inherit, tag)->lost = (struct lost_time){lost_ms, JUDGE_NO_TIME};
}

static int by_tag(const void *left, const void *right)
{
    const struct inherited *a = left, *b = right;

    if (a->tag != b->tag)
        return a->tag < b->tag ? -1 : 1;
    return strcmp(b->id, a->id); /* a connector that is known comes before one that may be */
}

bool inherit_read(struct inherit *inherit, struct journal *journal, bool gone_on_with, struct err *err)
{
    struct reading reading = {.inherit = inherit, .rows = journal_head(journal)->rows};
    struct journal_visitor visitor = {
        .context = &reading,
        .tags = on_tags,
        .upto = on_upto,
        .outcome = on_outcome,
        .server_clock = on_server_clock,
        .known = on_known,
        .lost = on_lost,
    };
    bool done;

    *inherit = (struct inherit){0};
    reading.row = alloc_zeroed(reading.rows + 1, sizeof(reading.row[0]));
    done = journal_replay(journal, &visitor, err);
    for (uint64_t i = 0; !gone_on_with && i < reading.rows; i++) {
        const struct sent_row *row = &reading.row[i];

        if (row->fate == LOST)
            add(inherit, row->tag)->lost =
                (struct lost_time){journal_head(journal)->started_ms + reading.ahead_ms, JUDGE_NO_TIME};
        else if (row->id[0] != '\0')
            memcpy(add(inherit, row->tag)->id, row->id, sizeof(row->id));
    }
    free(reading.row);
    return done;
}

void inherit_add(struct inherit *inherit, uint64_t tag, const struct lost_time *lost)
{
    struct inherited *at = add(inherit, tag);

    at->lost = *lost;
    at->is_over = true;
}

void inherit_release(struct inherit *inherit)
{
    free(inherit->at);
    *inherit = (struct inherit){0};
}

bool inherit_keep(void *context, struct journal *journal, struct err *err)
{
    const struct inherit *inherit = context;

    for (size_t i = 0; i < inherit->count; i++) {
        const struct inherited *at = &inherit->at[i];

        if (!(at->id[0] != '\0' ? journal_known(journal, at->tag, span_of(at->id), err)
                                : journal_lost(journal, at->tag, at->lost.from_ms, err)))
            return false;
    }
    return true;
}

/* The first that nobody has taken yet, or NULL. */
static struct inherited *find(struct inherit *inherit, uint64_t tag)
{
    size_t low = 0, high = inherit->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (inherit->at[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < inherit->count && inherit->at[low].tag == tag && inherit->at[low].taken)
        low++;
    return low < inherit->count && inherit->at[low].tag == tag ? &inherit->at[low] : NULL;
}

/* It may have been created by the interrupted run, as a row that an earlier run left unknown: that is on record. */
static bool unsettle(struct run *run, uint64_t index, const struct lost_time *lost, struct err *err)
{
    struct row *row = &run->rows.row[index];
    struct outcome outcome = {.status = STATUS_UNKNOWN, .error_code = span_of("unsettled")};
    uint64_t place;

    buf_reset(&run->text);
    settle_say_lost(lost, &run->text);
    outcome.error_message = buf_view(&run->text);
    if (row->state == ROW_PENDING)
        rows_step(&run->rows, index, EVENT_TO_SETTLE);
    row->earlier = 1;
    if (row->place == 0) {
        if (!journal_outcome(run->journal, index, &outcome, &place, err))
            return false;
        row->place = place & ROW_PLACE_MAX;
    }
    return true;
}

bool inherit_apply(struct inherit *inherit, struct run *run, const uint32_t *keys, bool *must_wait, struct err *err)
{
    *must_wait = false;
    if (inherit->count > 0)
        qsort(inherit->at, inherit->count, sizeof(inherit->at[0]), by_tag);
    for (uint64_t i = 0; i < run->rows.count && inherit->count > 0; i++) {
        const struct row *row = &run->rows.row[i];
        struct inherited *at;

        if ((row->state != ROW_PENDING && row->state != ROW_UNSETTLED) || row->invalid)
            continue;
        at = find(inherit, run_tag(keys[i], row->public_tag));
        if (at == NULL)
            continue;
        at->taken = true;
        if (at->id[0] == '\0' && !unsettle(run, i, &at->lost, err))
            return false;
    }
    for (size_t i = 0; i < inherit->count; i++)
        *must_wait = *must_wait || (inherit->at[i].id[0] == '\0' && !inherit->at[i].taken && !inherit->at[i].is_over);
    return true;
}
