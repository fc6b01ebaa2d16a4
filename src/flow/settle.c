#include "flow/settle.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHORTEST_PAUSE_MS = 200, /* between two lists */
    LONGEST_PAUSE_MS = 30000,
    COST_FACTOR = 4,         /* a list that took t: 4 t until the next, while there are creates that it would hold up */
    PARTIAL_LISTS_MAX = 3,   /* of them that do not show everything: the next is hardly better */
    SPARE_CANDIDATES = 1024, /* candidates, and strangers, kept beyond the batch's size */
    CLOCK_MARGIN_MS = 2000,  /* the Date header counts whole seconds */
    EARLIER_MARGIN_MS = 10 * 60 * 1000, /* a create is hardly given up longer than this after it was sent */
    SHOWN_LABEL = 60,                   /* characters */
};

#define LOST_AT "its answer was lost at about " /* of a message; read again by the next run */

static_assert(RUN_WITNESSES == 64, "a bit for each witness");

static int by_hash(const void *left, const void *right)
{
    const struct unsettled *a = left, *b = right;

    if (a->public_hash != b->public_hash)
        return a->public_hash < b->public_hash ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static int candidates_by_hash(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;

    if (a->public_hash != b->public_hash)
        return a->public_hash < b->public_hash ? -1 : 1;
    if (a->created_ms != b->created_ms)
        return a->created_ms < b->created_ms ? -1 : 1;
    return strcmp(a->id, b->id);
}

static int numerically(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

/* The first row of the batch with that hash, or NULL. */
static const struct unsettled *batch_find(const struct settle *settle, uint64_t public_hash)
{
    size_t low = 0, high = settle->batch_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (settle->batch[middle].public_hash < public_hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low < settle->batch_count && settle->batch[low].public_hash == public_hash ? &settle->batch[low] : NULL;
}

/* Whether an earlier run lost one of the group that begins at `first`: then its connector may be older than this run.
 */
static bool has_earlier(const struct settle *settle, const struct unsettled *first)
{
    const struct unsettled *end = settle->batch + settle->batch_count;

    for (const struct unsettled *at = first; at < end && at->public_hash == first->public_hash; at++)
        if (at->earlier)
            return true;
    return false;
}

static void forget_found(struct settle *settle)
{
    for (size_t i = 0; i < settle->found_count; i++)
        free(settle->found[i].inbox);
    settle->found_count = settle->stranger_count = 0;
    settle->crowded = false;
}

static void on_begin(void *context)
{
    struct settle *settle = context;

    forget_found(settle);
    settle->seen = 0;
}

static void note_witness(struct settle *settle, struct span id)
{
    const struct run *run = settle->run;

    for (unsigned i = 0; i < RUN_WITNESSES; i++)
        if (span_equal(span_of(run->witness[i].id), id))
            settle->seen |= UINT64_C(1) << i;
}

/* Equal hashes are no proof: compares with the row itself. */
static bool is_like_row(struct settle *settle, const struct unsettled *entry, const struct remote *remote)
{
    struct run *run = settle->run;
    const struct row *row = &run->rows.row[entry->row];
    struct sheet_row *read;
    struct err err;

    if (sheet_at(run->sheet, row->offset, row->length, row->line, &read, &err))
        return connector_public_equal(&read->connector, &remote->connector);
    courier_fault(run->courier, &err);
    return false;
}

static void keep_candidate(struct settle *settle, const struct remote *remote, uint64_t public_hash)
{
    struct candidate *candidate;

    if (settle->found_count >= settle->batch_count + SPARE_CANDIDATES) {
        settle->crowded = true;
        return;
    }
    if (settle->found_count == settle->found_cap) {
        settle->found_cap = settle->found_cap > 0 ? settle->found_cap * 2 : 64;
        settle->found = alloc_resize(settle->found, settle->found_cap, sizeof(settle->found[0]));
    }
    candidate = &settle->found[settle->found_count++];
    *candidate = (struct candidate){.public_hash = public_hash, .created_ms = remote->created_ms};
    memcpy(candidate->id, remote->id.data, UUID_TEXT);
    if (remote->created_at.len < sizeof(candidate->created_at))
        memcpy(candidate->created_at, remote->created_at.data, remote->created_at.len);
    candidate->inbox = alloc_copy(remote->inbox_email.len > 0 ? remote->inbox_email.data : "", remote->inbox_email.len);
}

static void keep_stranger(struct settle *settle, const struct remote *remote, uint64_t public_hash, bool before)
{
    uint64_t near_hash = connector_near_hash(&remote->connector);
    struct stranger *stranger;

    if (bsearch(&near_hash, settle->near, settle->batch_count, sizeof(near_hash), numerically) == NULL)
        return;
    if (settle->stranger_count >= settle->batch_count + SPARE_CANDIDATES) {
        settle->crowded = true;
        return;
    }
    if (settle->stranger_count == settle->stranger_cap) {
        settle->stranger_cap = settle->stranger_cap > 0 ? settle->stranger_cap * 2 : 64;
        settle->stranger = alloc_resize(settle->stranger, settle->stranger_cap, sizeof(settle->stranger[0]));
    }
    stranger = &settle->stranger[settle->stranger_count++];
    *stranger = (struct stranger){near_hash, public_hash, remote->created_ms, before, remote->archived, ""};
    memcpy(stranger->id, remote->id.data, UUID_TEXT);
}

static bool on_connector(void *context, const struct remote *remote, struct span element)
{
    struct settle *settle = context;
    struct run *run = settle->run;
    const struct unsettled *entry;
    uint64_t public_hash;
    bool before;

    (void)element;
    if (idset_has(&run->claimed, remote->id)) {
        note_witness(settle, remote->id);
        return true;
    }
    before = idset_has(&run->twins, remote->id);
    public_hash = connector_public_hash(&remote->connector);
    entry = remote->archived ? NULL : batch_find(settle, public_hash);
    if (entry == NULL)
        keep_stranger(settle, remote, public_hash, before);
    else if ((!before || has_earlier(settle, entry)) && is_like_row(settle, entry, remote))
        keep_candidate(settle, remote, public_hash);
    return !courier_must_abort(run->courier, clock_mono_ms());
}

void settle_init(struct settle *settle, struct run *run, int64_t wait_ms)
{
    struct listing_handler handler = {.context = settle, .begin = on_begin, .connector = on_connector};

    *settle = (struct settle){.run = run, .wait_ms = wait_ms};
    listing_init(&settle->listing, run->courier, &handler);
    buf_init(&settle->why, 4096);
}

void settle_release(struct settle *settle)
{
    forget_found(settle);
    listing_release(&settle->listing);
    buf_release(&settle->why);
    free(settle->found);
    free(settle->batch);
    free(settle->near);
    free(settle->stranger);
    free(settle->doubted);
}

bool settle_has_rows(const struct settle *settle)
{
    return settle->batch_count > 0 || settle->run->unsettled_count > 0;
}

int64_t settle_due(const struct settle *settle)
{
    const struct run *run = settle->run;
    int64_t due_ms;

    if (settle->listing.active)
        return INT64_MAX;
    if (settle->batch_count > 0)
        return settle->not_before_ms;
    if (run->unsettled_count == 0)
        return INT64_MAX;
    due_ms = run->unsettled_since_ms + settle->wait_ms;
    return due_ms < settle->not_before_ms ? settle->not_before_ms : due_ms;
}

/* When an earlier run lost the row's answer, by the message that it left; INT64_MIN where that does not say. */
static int64_t lost_time(struct span message)
{
    const char *at = NULL, *end;
    int64_t lost_ms;

    if (message.len >= sizeof(LOST_AT))
        at = memmem(message.data, message.len, LOST_AT, sizeof(LOST_AT) - 1);
    if (at == NULL)
        return INT64_MIN;
    at += sizeof(LOST_AT) - 1;
    end = memchr(at, ';', (size_t)(message.data + message.len - at));
    return end != NULL && clock_parse_rfc3339((struct span){at, (size_t)(end - at)}, &lost_ms) ? lost_ms : INT64_MIN;
}

/* What is not kept of the batch's rows: what a server may have made of their labels, what an earlier run says. */
static void read_rows(struct settle *settle)
{
    struct run *run = settle->run;

    settle->near = alloc_resize(settle->near, settle->batch_count, sizeof(settle->near[0]));
    for (size_t i = 0; i < settle->batch_count; i++) {
        const struct row *row = &run->rows.row[settle->batch[i].row];
        struct unsettled *entry = &settle->batch[i];
        struct sheet_row *read;
        struct err err;

        if (sheet_at(run->sheet, row->offset, row->length, row->line, &read, &err)) {
            entry->near_hash = connector_near_hash(&read->connector);
            entry->lost_ms = entry->earlier ? lost_time(read->earlier.error_message) : INT64_MIN;
        } else {
            courier_fault(run->courier, &err);
        }
        settle->near[i] = settle->batch[i].near_hash;
    }
    qsort(settle->near, settle->batch_count, sizeof(settle->near[0]), numerically);
}

/* Moves the rows that have waited long enough into the batch. */
static void form_batch(struct settle *settle, int64_t now_ms)
{
    struct run *run = settle->run;
    size_t kept = 0;

    free(settle->batch);
    settle->batch = alloc_zeroed(run->unsettled_count, sizeof(settle->batch[0]));
    settle->batch_count = 0;
    settle->asked = 0;
    settle->latest_ms = INT64_MIN;
    run->unsettled_since_ms = INT64_MAX;
    for (size_t i = 0; i < run->unsettled_count; i++) {
        struct unsettled entry = run->unsettled[i];

        if (entry.since_ms + settle->wait_ms > now_ms) {
            run->unsettled[kept++] = entry;
            run->unsettled_since_ms =
                entry.since_ms < run->unsettled_since_ms ? entry.since_ms : run->unsettled_since_ms;
            continue;
        }
        settle->batch[settle->batch_count++] = entry;
        if (entry.since_ms > settle->latest_ms)
            settle->latest_ms = entry.since_ms;
    }
    run->unsettled_count = kept;
    read_rows(settle);
    qsort(settle->batch, settle->batch_count, sizeof(settle->batch[0]), by_hash);
}

static void note_known(struct settle *settle)
{
    const struct run *run = settle->run;
    uint64_t count = run->witnesses < RUN_WITNESSES ? run->witnesses : RUN_WITNESSES;

    settle->known = count == RUN_WITNESSES ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

void settle_ask(struct settle *settle, int64_t now_ms)
{
    if (settle->batch_count == 0)
        form_batch(settle, now_ms);
    note_known(settle);
    listing_send(&settle->listing, now_ms);
}

/*
 * Whether the list shows the account as it was after the last row of the batch was given up, as far as connectors of
 * this run can tell.
 */
static bool is_fresh(const struct settle *settle)
{
    const struct run *run = settle->run;
    bool later = false, later_seen = false;

    for (unsigned i = 0; i < RUN_WITNESSES; i++) {
        bool seen = (settle->seen >> i & 1) != 0;

        /* a slot of the ring that was filled anew while the list was under way tells nothing */
        if ((settle->known >> i & 1) == 0 || run->witness[i].answered_ms >= settle->listing.sent_ms)
            continue;
        if (run->witness[i].answered_ms < settle->latest_ms) {
            if (!seen)
                return false;
        } else {
            later = true;
            later_seen = later_seen || seen;
        }
    }
    return !later || later_seen;
}

/* A row like these is in flight, or waits for the next list: its connector may be among those found. */
static bool has_likes_elsewhere(const struct settle *settle, uint64_t public_hash)
{
    const struct run *run = settle->run;

    for (unsigned i = 0; i < run->flights; i++)
        if (run->flight[i].taken && run->flight[i].public_hash == public_hash)
            return true;
    for (size_t i = 0; i < run->unsettled_count; i++)
        if (run->unsettled[i].public_hash == public_hash)
            return true;
    return false;
}

/* From when on the last of the rows like these waits that wait: no list can tell before. */
static int64_t likes_since(const struct settle *settle, uint64_t public_hash)
{
    const struct run *run = settle->run;
    int64_t since_ms = INT64_MIN;

    for (size_t i = 0; i < run->unsettled_count; i++)
        if (run->unsettled[i].public_hash == public_hash && run->unsettled[i].since_ms > since_ms)
            since_ms = run->unsettled[i].since_ms;
    return since_ms;
}

static void log_settled(struct settle *settle, uint64_t row, const char *result)
{
    struct json_object *line = run_log_row(settle->run, "settle", row);

    if (line == NULL)
        return;
    json_object_text(line, "result", span_of(result));
    json_object_integer(line, "connectors_listed", (int64_t)settle->listing.connectors);
    log_end(settle->run->log, line);
}

/* Lasts until the next sheet_at(); empty where there is none. */
static struct span secret_of(struct settle *settle, uint64_t index)
{
    struct run *run = settle->run;
    const struct row *row = &run->rows.row[index];
    struct sheet_row *read;
    struct err err;

    if (!sheet_has_secrets(run->sheet))
        return (struct span){0};
    if (sheet_at(run->sheet, row->offset, row->length, row->line, &read, &err))
        return connector_secret(&read->connector);
    courier_fault(run->courier, &err);
    return (struct span){0};
}

static void settle_created(struct settle *settle, const struct unsettled *entry, const struct candidate *candidate)
{
    struct run *run = settle->run;
    struct outcome outcome = {
        .status = STATUS_CREATED,
        .connector_id = span_of(candidate->id),
        .created_at = span_of(candidate->created_at),
    };

    buf_reset(&run->text);
    hush_field(&run->courier->hush, secret_of(settle, entry->row), span_of(candidate->inbox), &run->text);
    outcome.inbox_email = buf_view(&run->text);
    if (run->rows.row[entry->row].attempts == 0)
        run->rows.row[entry->row].attempts = 1; /* an interrupted run's, which had no time to count it */
    run->tally->settled_created++;
    idset_add(&run->claimed, outcome.connector_id);
    log_settled(settle, entry->row, "created");
    run_finish(run, entry->row, &outcome);
}

/* Nothing came back that could be believed, and no attempt is left. */
static void settle_failed(struct settle *settle, const struct unsettled *entry)
{
    static const char what[] = "the answer was lost each time; the account's list shows that it was not created";
    char why[160];

    snprintf(why, sizeof(why), "%s (the last answer was %d)", what, entry->http_status);
    run_give_up(settle->run, entry->row, STATUS_FAILED, entry->http_status, "answer_lost",
                entry->http_status > 0 ? why : what);
}

static void settle_absent(struct settle *settle, const struct unsettled *entry)
{
    struct run *run = settle->run;

    run->tally->settled_absent++;
    log_settled(settle, entry->row, "absent");
    if (run->rows.row[entry->row].held)
        rows_move(&run->rows, entry->row, ROW_PENDING);
    else if (retry_allowed(&run->courier->config.retry, run->rows.row[entry->row].attempts))
        run_send_again(run, entry->row);
    else
        settle_failed(settle, entry);
}

static void note_doubt(struct settle *settle, uint64_t public_hash)
{
    if (settle->doubted_count == settle->doubted_cap) {
        settle->doubted_cap = settle->doubted_cap > 0 ? settle->doubted_cap * 2 : 64;
        settle->doubted = alloc_resize(settle->doubted, settle->doubted_cap, sizeof(settle->doubted[0]));
    }
    settle->doubted[settle->doubted_count++] = public_hash;
}

/* Whether a row with that payload was left `unknown` before: a connector in the list may as well be that one's. */
static bool is_doubted(const struct settle *settle, uint64_t public_hash)
{
    for (size_t i = 0; i < settle->doubted_count; i++)
        if (settle->doubted[i] == public_hash)
            return true;
    return false;
}

/* Tells the operator what to look for. */
static void settle_unknown(struct settle *settle, const struct unsettled *entry, const char *code, const char *why)
{
    struct run *run = settle->run;
    const struct row *row = &run->rows.row[entry->row];
    int64_t given_up_wall_ms = clock_wall_ms() - (clock_mono_ms() - entry->given_up_ms), lost_ms;
    char when[CLOCK_TEXT];
    struct sheet_row *read;
    struct buf text;
    struct err err;

    run->tally->settled_unknown++;
    note_doubt(settle, entry->public_hash);
    log_settled(settle, entry->row, "unknown");
    if (!sheet_at(run->sheet, row->offset, row->length, row->line, &read, &err)) {
        courier_fault(run->courier, &err);
        return;
    }
    lost_ms =
        entry->earlier ? lost_time(read->earlier.error_message) : courier_server_time(run->courier, given_up_wall_ms);
    buf_init(&text, 8192);
    buf_text(&text, "may exist: ");
    if (lost_ms == INT64_MIN)
        buf_text(&text, "an earlier run lost its answer");
    else
        buf_format(&text, LOST_AT "%s", clock_format(when, lost_ms));
    buf_format(&text, "; %s; look in the account for a connector of type %s labelled ", why,
               type_name(read->connector.type));
    text_quote(&text, read->connector.label, SHOWN_LABEL);
    run_give_up(run, entry->row, STATUS_UNKNOWN, entry->http_status, code, text.data);
    buf_release(&text);
}

/* The rows of the batch with one payload, and the connectors that may be theirs. */
struct group {
    const struct unsettled *rows;
    size_t row_count;
    const struct candidate *first;
    bool earlier;     /* an earlier run lost one of the rows */
    int64_t begin_ms; /* what was created before is not theirs, by the server's clock; INT64_MIN = not known */
    size_t ours;      /* candidates that are surely of this run */
    size_t doubtful;  /* candidates that may be older than it */
    int64_t
        arrives_ms; /* some of them may still arrive until then, and the list was too early for them; INT64_MIN = no */
};

enum age { AGE_OURS, AGE_OLDER, AGE_DOUBTFUL };

/*
 * Clocks are believed only where this run's own connectors have shown that created_at and the Date header agree.
 */
static enum age age_of(const struct run *run, int64_t created_ms, int64_t begin_ms)
{
    if (created_ms < 0 || created_ms >= begin_ms || run->clock_evidence == CLOCK_DISAGREES)
        return AGE_OURS;
    return run->clock_evidence == CLOCK_AGREES ? AGE_OLDER : AGE_DOUBTFUL;
}

/* The run's beginning, or, for what an earlier run has lost, shortly before that. */
static int64_t beginning_of(const struct settle *settle, const struct group *group)
{
    const struct run *run = settle->run;
    int64_t begin_ms = INT64_MAX;

    if (!group->earlier)
        return run->has_server_clock ? run->started_server_ms - CLOCK_MARGIN_MS : INT64_MIN;
    for (size_t i = 0; i < group->row_count; i++)
        if (group->rows[i].earlier && group->rows[i].lost_ms < begin_ms)
            begin_ms = group->rows[i].lost_ms;
    return begin_ms == INT64_MIN ? INT64_MIN : begin_ms - EARLIER_MARGIN_MS;
}

/* Sorts out the group's candidates: those of this run come to the front of `ours`, which holds as many as rows. */
static void weigh(const struct settle *settle, struct group *group, const struct candidate **ours)
{
    const struct candidate *end = settle->found + settle->found_count;

    for (const struct candidate *at = group->first; at < end && at->public_hash == group->rows[0].public_hash; at++) {
        enum age age = age_of(settle->run, at->created_ms, group->begin_ms);

        /* answered to another row while the list was under way, or listed twice */
        if (idset_has(&settle->run->claimed, span_of(at->id)) || (at > group->first && strcmp(at[-1].id, at->id) == 0))
            continue;
        if (age == AGE_OURS && group->ours < group->row_count)
            ours[group->ours] = at;
        group->ours += age == AGE_OURS;
        group->doubtful += age == AGE_DOUBTFUL;
    }
}

/*
 * Whether the stranger may be one of the group's: new, as far as can be told. Between two runs somebody may have
 * archived it on purpose, so that its row is sent again.
 */
static bool may_be_new(const struct settle *settle, const struct group *group, const struct stranger *stranger)
{
    enum age age = age_of(settle->run, stranger->created_ms, group->begin_ms);

    if (group->earlier)
        return age == AGE_OURS && group->begin_ms != INT64_MIN && stranger->created_ms >= 0 && !stranger->archived;
    return age != AGE_OLDER && !stranger->before;
}

/* A stranger that may be one of the group's, or NULL. */
static const struct stranger *stranger_near(const struct settle *settle, const struct group *group)
{
    for (size_t i = 0; i < settle->stranger_count; i++) {
        const struct stranger *stranger = &settle->stranger[i];

        if (stranger->near_hash == group->rows[0].near_hash && may_be_new(settle, group, stranger) &&
            !idset_has(&settle->run->claimed, span_of(stranger->id)) &&
            !has_likes_elsewhere(settle, stranger->public_hash))
            return stranger;
    }
    return NULL;
}

/* Whether the rows of a group differ in what the list can't show (secrets): then it matters which connector is whose.
 */
static bool rows_differ(struct settle *settle, const struct group *group)
{
    struct run *run = settle->run;
    uint64_t first = 0;

    for (size_t i = 0; i < group->row_count; i++) {
        const struct row *row = &run->rows.row[group->rows[i].row];
        struct sheet_row *read;
        struct err err;
        uint64_t hash;

        if (!sheet_at(run->sheet, row->offset, row->length, row->line, &read, &err)) {
            courier_fault(run->courier, &err);
            return true;
        }
        hash = connector_hash(&read->connector);
        if (i == 0)
            first = hash;
        else if (hash != first)
            return true;
    }
    return false;
}

/* The list lacks some of the group, and would have to show them by now. */
static bool is_short(const struct group *group)
{
    return group->ours < group->row_count && group->arrives_ms == INT64_MIN;
}

/* Gives the group up where the list can't tell which connector is whose, or whether there is one; false where it can. */
static bool is_ambiguous(struct settle *settle, const struct group *group)
{
    const struct stranger *stranger;
    const char *why = NULL;
    char text[160];

    if (group->ours > group->row_count || settle->crowded)
        why = "the account has more such connectors than this run can have made";
    else if (is_short(group) && group->doubtful > 0)
        why = "the account has such a connector, but perhaps from before this run";
    else if (group->ours > 0 && is_doubted(settle, group->rows[0].public_hash))
        why = "the account has such a connector, but it may as well be that of a row like it which was left unknown";
    else if (group->ours > 0 && group->row_count > 1 && rows_differ(settle, group))
        why = "the account has such connectors, but rows that differ in their secrets alone can't be told apart by the "
              "list";
    else if (is_short(group) && (stranger = stranger_near(settle, group)) != NULL) {
        snprintf(text, sizeof(text), "the account has a new connector %s that is no other row's, but differs from it",
                 stranger->id);
        why = text;
    }
    for (size_t i = 0; why != NULL && i < group->row_count; i++)
        settle_unknown(settle, &group->rows[i], "ambiguous", why);
    return why != NULL;
}

static int64_t arrival_of(const struct settle *settle, const struct group *group)
{
    int64_t arrives_ms = INT64_MIN;

    for (size_t i = 0; i < group->row_count; i++)
        if (group->rows[i].arrives_ms + settle->wait_ms > settle->listing.sent_ms &&
            group->rows[i].arrives_ms > arrives_ms)
            arrives_ms = group->rows[i].arrives_ms;
    return arrives_ms;
}

/* The rows from `first` on wait for a later list, from `since_ms` on. */
static void group_waits(struct settle *settle, const struct group *group, size_t first, int64_t since_ms)
{
    for (size_t i = first; i < group->row_count; i++) {
        struct unsettled entry = group->rows[i];

        entry.since_ms = since_ms > entry.since_ms ? since_ms : entry.since_ms;
        run_wait_for_settling(settle->run, &entry);
    }
}

/* The rows from `first` on are not in the list. `proven`: so they are surely absent. */
static void group_lacks(struct settle *settle, const struct group *group, size_t first, bool proven,
                        const char *unproven)
{
    for (size_t i = first; i < group->row_count; i++)
        if (group->rows[i].misnamed)
            settle_unknown(settle, &group->rows[i], "ambiguous", "the answer named a connector that is not its own");
        else if (proven)
            settle_absent(settle, &group->rows[i]);
        else
            settle_unknown(settle, &group->rows[i], "unsettled", unproven);
}

static void decide_group(struct settle *settle, struct group *group, bool proven, const char *unproven)
{
    const struct candidate **ours = alloc_zeroed(group->row_count, sizeof(const struct candidate *));

    weigh(settle, group, ours);
    group->arrives_ms = arrival_of(settle, group);
    if (!is_ambiguous(settle, group)) {
        for (size_t i = 0; i < group->ours; i++)
            settle_created(settle, &group->rows[i], ours[i]);
        if (group->arrives_ms != INT64_MIN)
            group_waits(settle, group, group->ours, group->arrives_ms);
        else
            group_lacks(settle, group, group->ours, proven, unproven);
    }
    free((void *)ours);
}

/* Each group of equal rows in turn. Without `proven`, `unproven` says why an absence can't be believed. */
static void decide(struct settle *settle, bool proven, const char *unproven)
{
    size_t found = 0;

    if (settle->found_count > 0)
        qsort(settle->found, settle->found_count, sizeof(settle->found[0]), candidates_by_hash);
    for (size_t at = 0; at < settle->batch_count;) {
        struct group group = {.rows = &settle->batch[at]};
        uint64_t public_hash = group.rows->public_hash;

        while (at < settle->batch_count && settle->batch[at].public_hash == public_hash) {
            at++;
            group.row_count++;
        }
        group.earlier = has_earlier(settle, group.rows);
        group.begin_ms = beginning_of(settle, &group);
        while (found < settle->found_count && settle->found[found].public_hash < public_hash)
            found++;
        group.first = settle->found + found;
        if (has_likes_elsewhere(settle, public_hash))
            group_waits(settle, &group, 0, likes_since(settle, public_hash));
        else
            decide_group(settle, &group, proven, unproven);
    }
    settle->batch_count = 0;
    forget_found(settle);
}

static int64_t pause_after(const struct settle *settle)
{
    bool crowds_out = settle->run->rows.in_state[ROW_PENDING] > 0;
    int64_t cost_ms = settle->listing.took_ms * (crowds_out ? COST_FACTOR : 1), pause_ms = cost_ms;

    for (unsigned i = 1; i < settle->asked && pause_ms < LONGEST_PAUSE_MS; i++)
        pause_ms += settle->wait_ms / 2;
    if (pause_ms > LONGEST_PAUSE_MS && cost_ms < LONGEST_PAUSE_MS)
        pause_ms = LONGEST_PAUSE_MS;
    return pause_ms > SHORTEST_PAUSE_MS ? pause_ms : SHORTEST_PAUSE_MS;
}

/* The list lagged or failed: asks again, or, after too many, settles for what is known. */
static void ask_again(struct settle *settle, unsigned most, const char *why, int64_t now_ms)
{
    settle->not_before_ms = now_ms + pause_after(settle);
    if (++settle->asked >= most)
        decide(settle, false, why);
    else
        console_detail(settle->run->console, "settling: %s; asking again", why);
}

static void take_list(struct settle *settle, int64_t now_ms)
{
    bool partial = listing_is_partial(&settle->listing);

    if (!is_fresh(settle)) {
        ask_again(settle, partial ? PARTIAL_LISTS_MAX : SETTLE_LISTS_MAX,
                  "the account's list lags behind what this run has created", now_ms);
        return;
    }
    if (partial)
        decide(settle, false, "the account's list does not show everything");
    else
        decide(settle, true, NULL);
    settle->not_before_ms = now_ms + pause_after(settle);
}

void settle_answer(struct settle *settle, const struct http_answer *answer)
{
    struct run *run = settle->run;
    int64_t now_ms = clock_mono_ms();
    enum verdict verdict;

    buf_reset(&settle->why);
    verdict = listing_answer(&settle->listing, answer, &settle->why);
    if (verdict == VERDICT_CREATED) {
        take_list(settle, now_ms);
        return;
    }
    forget_found(settle);
    if (verdict == VERDICT_AGAIN && !courier_must_abort(run->courier, now_ms)) {
        ask_again(settle, SETTLE_LISTS_MAX, settle->why.data, now_ms);
        return;
    }
    if (verdict == VERDICT_REFUSED)
        courier_stop(run->courier, STOP_KEY_REFUSED, "%s; the API key is refused", settle->why.data);
    decide(settle, false, settle->why.data);
}

void settle_give_up(struct settle *settle)
{
    static const char why[] = "the run stopped before the account's list could tell";
    struct run *run = settle->run;

    for (size_t i = 0; i < settle->batch_count; i++)
        settle_unknown(settle, &settle->batch[i], "unsettled", why);
    for (size_t i = 0; i < run->unsettled_count; i++)
        settle_unknown(settle, &run->unsettled[i], "unsettled", why);
    settle->batch_count = run->unsettled_count = 0;
}
