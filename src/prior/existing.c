#include "prior/existing.h"

#include "api/listing.h"
#include "api/lookup.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "prior/amend.h"
#include "prior/earlier.h"
#include "prior/matches.h"
#include "prior/owners.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* How a connector finds its row, best first; each way in turn for all connectors. */
enum way {
    WAY_NAMED_EXACT, /* an earlier result file names it for a row with this payload, */
    WAY_NAMED,       /* or of this type and label, whatever label the connector has now */
    WAY_EXACT,       /* it shows the row's payload, */
    WAY_ALIKE,       /* or its type and label */
    WAYS,
};

struct search {
    struct run *run;
    const struct existing_config *config;
    struct existing *found;
    uint32_t *order; /* indices of the rows to be sent, and of those to be settled, by key, tag and index */
    uint64_t count;
    uint32_t *free; /* for each place in `order`: itself while its row is free, else one nearer to the next free row */
    struct matches matches;
    size_t archived;   /* connectors that were, but are archived */
    struct idset seen; /* ids in the list: none counts twice */
    struct owners owners;
    struct earlier earlier;
    size_t looked_up; /* the earlier rows before this one are, or need not be */
    bool is_whole;    /* the list shows all, as far as can be told */
    bool failed;      /* the client knows why */
    struct remote remote;
    struct amend amend; /* with `update` */
    uint32_t *all_keys; /* with `update`: of all rows of the sheet, sorted */
    uint32_t *shown;    /* likewise, of the account's connectors that have one of these; sorted when all are there */
    size_t shown_count, shown_cap;
};

enum {
    NOTED_MAX = 1 << 21,     /* connectors of the account whose ids are kept */
    SPARE_MATCHES = 1 << 16, /* connectors like the rows that are kept beyond the rows' number */
};

/* Rows to be settled come first: what the account has may be theirs. */
static int by_key(const void *left, const void *right, void *context)
{
    const struct search *search = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const struct row *row_a = &search->run->rows.row[a], *row_b = &search->run->rows.row[b];
    const uint32_t *keys = search->config->keys;

    if (keys[a] != keys[b])
        return keys[a] < keys[b] ? -1 : 1;
    if (row_a->public_tag != row_b->public_tag)
        return row_a->public_tag < row_b->public_tag ? -1 : 1;
    if ((row_a->state == ROW_UNSETTLED) != (row_b->state == ROW_UNSETTLED))
        return row_a->state == ROW_UNSETTLED ? -1 : 1;
    return a < b ? -1 : a > b;
}

static void sort_rows(struct search *search)
{
    const struct rows *rows = &search->run->rows;

    search->order = alloc_zeroed((size_t)rows->count, sizeof(search->order[0]));
    for (uint64_t i = 0; i < rows->count; i++)
        if (rows->row[i].state == ROW_PENDING || rows->row[i].state == ROW_UNSETTLED)
            search->order[search->count++] = (uint32_t)i;
    qsort_r(search->order, (size_t)search->count, sizeof(search->order[0]), by_key, search);
    search->free = alloc_zeroed((size_t)search->count + 1, sizeof(search->free[0]));
    for (uint64_t at = 0; at <= search->count; at++)
        search->free[at] = (uint32_t)at;
}

static int by_number(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

/* How many of the sorted numbers are `key`, counted to two. */
static unsigned count_of(const uint32_t *sorted, size_t count, uint32_t key)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sorted[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || sorted[low] != key)
        return 0;
    return low + 1 < count && sorted[low + 1] == key ? 2 : 1;
}

static void sort_keys(struct search *search)
{
    size_t count = (size_t)search->run->rows.count;

    search->all_keys = alloc_zeroed(count + 1, sizeof(search->all_keys[0]));
    memcpy(search->all_keys, search->config->keys, count * sizeof(search->all_keys[0]));
    qsort(search->all_keys, count, sizeof(search->all_keys[0]), by_number);
}

/* With `update`: a connector of the account, whether or not it is some row's already. */
static void note_shown(struct search *search, uint32_t key)
{
    if (search->all_keys == NULL || count_of(search->all_keys, (size_t)search->run->rows.count, key) == 0)
        return;
    if (search->shown_count == search->shown_cap) {
        search->shown_cap = search->shown_cap > 0 ? search->shown_cap * 2 : 256;
        search->shown = alloc_resize(search->shown, search->shown_cap, sizeof(search->shown[0]));
    }
    search->shown[search->shown_count++] = key;
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

/* The position in `order` of the first row of that key whose tag is at least `tag`. */
static uint64_t first_of(const struct search *search, uint32_t key, uint32_t tag)
{
    uint64_t low = 0, high = search->count;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint32_t row = search->order[middle];
        bool before = search->config->keys[row] != key ? search->config->keys[row] < key
                                                       : search->run->rows.row[row].public_tag < tag;

        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_key(const struct search *search, uint64_t at, uint32_t key)
{
    return at < search->count && search->config->keys[search->order[at]] == key;
}

static bool has_rows(const struct search *search, uint32_t key)
{
    return has_key(search, first_of(search, key, 0), key);
}

static bool has_tag(const struct search *search, uint64_t at, uint32_t key, uint32_t tag)
{
    return has_key(search, at, key) && search->run->rows.row[search->order[at]].public_tag == tag;
}

static bool fault(struct search *search, const struct err *err)
{
    client_fault(search->run->client, err);
    search->failed = true;
    return false;
}

static bool read_row(struct search *search, uint64_t index, struct sheet_row **read)
{
    const struct row *row = &search->run->rows.row[index];
    struct err err;

    return sheet_at(search->run->sheet, row->offset, row->length, row->line, read, &err) || fault(search, &err);
}

/* ---- What the account shows ---- */

static void on_begin(void *context)
{
    struct search *search = context;

    search->archived = search->shown_count = 0;
    search->owners = (struct owners){0};
    matches_reset(&search->matches);
    idset_release(&search->seen);
    for (size_t i = 0; i < search->earlier.count; i++)
        search->earlier.row[i].listed = search->earlier.row[i].gone = 0;
}

/* No account has so many connectors like the rows: a server without end must not fill the memory. */
static bool is_crowded(struct search *search)
{
    if (search->matches.count < search->count + search->earlier.count + SPARE_MATCHES)
        return false;
    client_stop(
        search->run->client, STOP_NO_LIST,
        "the account's list shows more than %zu connectors of a type and label of the rows, too many to be looked at",
        search->matches.count);
    return true;
}

/* All of them: a server may have kept a row's label otherwise. */
static bool note_listed_before(struct search *search, struct span id)
{
    struct err err;

    if (!search->config->note_twins || search->run->known.twins.count >= NOTED_MAX ||
        !idset_add(&search->run->known.twins, id))
        return true;
    return journal_twin(search->run->journal, id, &err) || fault(search, &err);
}

static void note_owner(struct search *search, const struct remote *remote, bool created)
{
    owners_note(&search->owners, remote, created || span_equal(span_of(search->run->known.own_id), remote->id));
}

static uint64_t own_of(const struct search *search)
{
    return owners_own(&search->owners, search->run->known.owner);
}

static bool is_colleagues(const struct search *search, const struct match *match)
{
    uint64_t own = own_of(search);

    return own != 0 && match->owner != 0 && match->owner != own;
}

static bool keep(struct search *search, const struct remote *remote, struct span text, const struct earlier_row *named)
{
    struct match match = {
        .key = (uint32_t)connector_key_hash(&remote->connector),
        .public_tag = (uint32_t)connector_public_hash(&remote->connector),
        .earlier = named != NULL ? (uint32_t)(named - search->earlier.row) : MATCH_UNNAMED,
        .owner = run_owner_hash(remote->owner_id),
        .shared = remote->connector.share_with_org,
    };
    struct err err;

    return !is_crowded(search) && (matches_add(&search->matches, &match, text, &err) || fault(search, &err));
}

static bool on_connector(void *context, const struct remote *remote, struct span element)
{
    struct search *search = context;
    struct earlier_row *named = earlier_find(&search->earlier, remote->id);

    if (search->config->note_twins)
        run_note_account(search->run, remote->org_id, (struct span){0});
    if (!note_listed_before(search, remote->id))
        return false;
    note_owner(search, remote, named != NULL && named->created);
    if (!remote->archived)
        note_shown(search, (uint32_t)connector_key_hash(&remote->connector));
    if (named != NULL) {
        named->listed = 1;
        named->gone = remote->archived;
    }
    if ((!has_rows(search, (uint32_t)connector_key_hash(&remote->connector)) &&
         (named == NULL || !has_rows(search, named->key))) ||
        idset_has(&search->run->known.claimed, remote->id) ||
        (remote->archived && search->archived++ >= search->count + SPARE_MATCHES) ||
        !idset_add(&search->seen, remote->id))
        return true;
    return remote->archived || keep(search, remote, element, named);
}

/* ---- What an earlier result file names and the list lacks ---- */

static bool next_unlisted(void *context, uint64_t *tag, struct span *id)
{
    struct search *search = context;

    for (; search->looked_up < search->earlier.count; search->looked_up++) {
        const struct earlier_row *row = &search->earlier.row[search->looked_up];
        const struct sheet_row *read;
        struct err err;

        if (row->listed || !has_rows(search, row->key))
            continue;
        if (!earlier_row(&search->earlier, row, &read, &err))
            return fault(search, &err);
        *tag = search->looked_up++;
        *id = read->earlier.connector_id;
        return true;
    }
    return false;
}

static void looked_up(void *context, uint64_t tag, enum lookup_result result, const struct remote *remote,
                      struct span text)
{
    struct search *search = context;
    struct earlier_row *named = &search->earlier.row[tag];
    struct match untold = {.earlier = (uint32_t)tag, .untold = true};
    struct err err;

    named->listed = result == LOOKUP_FOUND;
    named->gone = result == LOOKUP_GONE || (result == LOOKUP_FOUND && remote->archived);
    if (result == LOOKUP_FOUND) {
        note_owner(search, remote, named->created);
        if (note_listed_before(search, remote->id) && !remote->archived)
            keep(search, remote, text, named);
    } else if (result == LOOKUP_FAILED && !matches_add(&search->matches, &untold, text, &err))
        fault(search, &err);
}

static bool look_up_unlisted(struct search *search)
{
    struct lookup_handler handler = {
        .context = search,
        .doing = "looking up connectors",
        .next = next_unlisted,
        .answered = looked_up,
    };

    return search->earlier.count == 0 || lookup_run(search->run->client, &handler);
}

/* ---- Which connector is whose ---- */

/* The connector of a match into search->remote. False: local trouble, or it is none after all. */
static bool read_match(struct search *search, const struct match *match, struct span *text)
{
    struct err err;

    if (!matches_text(&search->matches, match, text, &err))
        return fault(search, &err);
    return match->untold || remote_read(&search->remote, *text);
}

static void add_part(struct buf *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_part(struct buf *text, const char *format, ...)
{
    va_list args;

    if (text->len > 0)
        buf_text(text, "; ");
    va_start(args, format);
    buf_vformat(text, format, args);
    va_end(args);
}

/* What differs, whose it is, and what no list can show. */
static void describe(struct search *search, const struct match *match, const struct connector *row, struct buf *text)
{
    const struct remote *remote = &search->remote;
    bool unsure = own_of(search) == 0 && match->shared && match->earlier == MATCH_UNNAMED;

    connector_differences(row, &remote->connector, text);
    if (is_colleagues(search, match))
        add_part(text, "it is a colleague's, who shares it: user_id %.*s", (int)remote->owner_id.len,
                 remote->owner_id.data);
    else if (unsure && remote->owner_id.len > 0)
        add_part(text, "it is shared, perhaps by a colleague: user_id %.*s", (int)remote->owner_id.len,
                 remote->owner_id.data);
    connector_uncompared(row, text);
}

/* A match and the way that it is tried. */
struct trial {
    struct match *match;
    enum way way;
    struct span text;                /* the match's */
    const struct sheet_row *earlier; /* the row that names it; NULL for the ways that don't ask */
    bool by_tag;                     /* that row is known by its key and tag alone */
};

/* Whether the connector is certainly the row's: named by an earlier file, or the only one; never a colleague's. */
static bool may_amend(const struct search *search, const struct trial *trial)
{
    const struct match *match = trial->match;

    if (is_colleagues(search, match) || search->remote.connector.type == TYPE_NONE)
        return false;
    if (trial->earlier != NULL)
        return true;
    return (own_of(search) != 0 || !match->shared) &&
           count_of(search->all_keys, (size_t)search->run->rows.count, match->key) == 1 &&
           count_of(search->shown, search->shown_count, match->key) == 1;
}

/* With `update`: whether the row waits for a PUT; else `*code` says why what differs stays so, "" where nothing is. */
static bool is_amended(struct search *search, uint64_t index, const struct trial *trial, const struct sheet_row *read,
                       const char **code)
{
    enum amend_need need = amend_compare(&search->amend, &read->connector, &search->remote.connector);

    if (need == AMEND_NOTHING)
        return false;
    *code = !may_amend(search, trial) ? "ambiguous" : need == AMEND_FIXED ? "fixed_at_creation" : "";
    if (**code != '\0')
        return false;
    amend_add(&search->amend, (uint32_t)index, trial->match, read, &search->remote.connector);
    return search->config->changes == NULL;
}

static void row_exists(struct search *search, uint64_t index, const struct trial *trial, const struct sheet_row *read)
{
    const struct match *match = trial->match;
    const char *code = "";
    struct run *run = search->run;
    const struct remote *remote = &search->remote;
    struct outcome outcome = {
        .status = STATUS_EXISTS,
        .connector_id = remote->id,
        .created_at = remote->created_at,
    };
    struct span own = connector_secret(&read->connector);
    struct buf inbox;

    idset_add(&run->known.claimed, remote->id);
    if (search->config->update && is_amended(search, index, trial, read, &code))
        return;
    buf_init(&inbox, 4096);
    redactor_field(&run->client->redactor, own, remote->inbox_email, &inbox);
    buf_reset(&run->code);
    describe(search, match, &read->connector, &run->code);
    buf_reset(&run->text);
    redactor_field(&run->client->redactor, own, buf_view(&run->code), &run->text);
    outcome.inbox_email = buf_view(&inbox);
    outcome.error_message = buf_view(&run->text);
    outcome.error_code = span_of(code);
    run_finish(run, index, &outcome);
    buf_release(&inbox);
}

/* Its connector may be there: the row is not sent, and keeps the id. */
static void row_is_untold(struct search *search, uint64_t index, struct span id, struct span why)
{
    struct run *run = search->run;
    struct outcome outcome = {.status = STATUS_UNKNOWN, .connector_id = id, .error_code = span_of("lookup_failed")};

    buf_reset(&run->text);
    buf_format(&run->text,
               "not sent: an earlier run named this connector for it, and whether it is still there can't be told: "
               "%.*s",
               (int)why.len, why.data);
    outcome.error_message = buf_view(&run->text);
    idset_add(&run->known.claimed, id);
    run_finish(run, index, &outcome);
}

/* A row that is to be settled has no outcome yet: its exact twin may be its own connector, and settle.c decides. */
static bool is_unsettled(const struct search *search, uint32_t row)
{
    return search->run->rows.row[row].state == ROW_UNSETTLED;
}

static bool is_named_way(enum way way)
{
    return way == WAY_NAMED_EXACT || way == WAY_NAMED;
}

static bool fits(const struct search *search, const struct trial *trial, uint32_t row, const struct sheet_row *read)
{
    const struct connector *theirs = &search->remote.connector;

    if (trial->earlier == NULL)
        return trial->way == WAY_EXACT ? connector_public_equal(&read->connector, theirs)
                                       : connector_key_equal(&read->connector, theirs);
    if (is_unsettled(search, row) || (!trial->match->untold && theirs->type != read->connector.type))
        return false;
    if (trial->by_tag)
        return trial->way == WAY_NAMED_EXACT;
    return trial->way == WAY_NAMED_EXACT ? connector_public_equal(&read->connector, &trial->earlier->connector)
                                         : connector_key_equal(&read->connector, &trial->earlier->connector);
}

static void count_twin(struct search *search, uint32_t row, enum way way)
{
    struct existing *found = search->found;

    if (rows_is_held(&search->run->rows, row))
        return;
    found->alike += way == WAY_ALIKE;
    if (way != WAY_EXACT)
        return;
    if (found->is_twin == NULL)
        found->is_twin = alloc_zeroed((size_t)search->run->rows.count, sizeof(found->is_twin[0]));
    found->is_twin[row] = true;
    found->twins++;
}

static void take(struct search *search, const struct trial *trial, uint64_t at, const struct sheet_row *read)
{
    uint32_t row = search->order[at];
    struct match *match = trial->match;

    search->free[at] = (uint32_t)at + 1;
    match->used = true;
    if (match->earlier != MATCH_UNNAMED)
        search->earlier.row[match->earlier].used = 1;
    if (is_unsettled(search, row))
        return;
    if (!search->config->skip)
        count_twin(search, row, trial->way);
    else if (match->untold)
        row_is_untold(search, row, trial->earlier->earlier.connector_id, trial->text);
    else
        row_exists(search, row, trial, read);
}

/* Tries a match, by its key and tag or those of the row that names it, with each free row in turn. */
static bool try_rows(struct search *search, struct trial *trial, uint32_t key, uint32_t tag)
{
    bool exact = trial->way == WAY_NAMED_EXACT || trial->way == WAY_EXACT;
    uint64_t at = free_from(search, first_of(search, key, exact ? tag : 0));
    struct sheet_row *read;

    if (exact ? !has_tag(search, at, key, tag) : !has_key(search, at, key))
        return true;
    if (!read_match(search, trial->match, &trial->text))
        return !search->failed;
    for (; exact ? has_tag(search, at, key, tag) : has_key(search, at, key); at = free_from(search, at + 1)) {
        if (!read_row(search, search->order[at], &read))
            return false;
        if (!fits(search, trial, search->order[at], read))
            continue;
        take(search, trial, at, read);
        break;
    }
    return true;
}

static bool place(struct search *search, struct match *match, enum way way)
{
    struct trial trial = {.match = match, .way = way};
    const struct earlier_row *named;
    struct err err;

    if (match->used || (is_named_way(way) ? match->earlier == MATCH_UNNAMED : match->untold))
        return true;
    if (!is_named_way(way))
        return try_rows(search, &trial, match->key, match->public_tag);
    named = &search->earlier.row[match->earlier];
    if (!earlier_row(&search->earlier, named, &trial.earlier, &err))
        return fault(search, &err);
    trial.by_tag = named->inherited;
    return try_rows(search, &trial, named->key, named->public_tag);
}

/* One's own connectors before colleagues', but for what is named. */
static bool place_each(struct search *search, enum way way, bool colleagues)
{
    struct client *client = search->run->client;

    for (size_t i = 0; i < search->matches.count; i++) {
        struct match *match = &search->matches.match[i];

        client_see_stops(client);
        if (client_stopping(client))
            return false;
        if ((is_named_way(way) || is_colleagues(search, match) == colleagues) && !place(search, match, way))
            return false;
    }
    return true;
}

static void free_none_unsettled(struct search *search)
{
    for (uint64_t at = 0; at < search->count; at++)
        if (is_unsettled(search, search->order[at]))
            search->free[at] = (uint32_t)at + 1;
}

/* Exact twins first, so that no row with another's label takes a connector away from its twin. */
static bool place_all(struct search *search)
{
    if (search->earlier.count > 0 &&
        !(place_each(search, WAY_NAMED_EXACT, false) && place_each(search, WAY_NAMED, false)))
        return false;
    if (!place_each(search, WAY_EXACT, false) || !place_each(search, WAY_EXACT, true))
        return false;
    free_none_unsettled(search);
    return place_each(search, WAY_ALIKE, false) && place_each(search, WAY_ALIKE, true);
}

/* ---- What is left ---- */

/* Connectors that the earlier file names, and no row of the sheet has: nothing else will name them any more. */
static bool tell_left(struct search *search)
{
    for (size_t i = 0; i < search->earlier.count; i++) {
        const struct earlier_row *row = &search->earlier.row[i];
        const struct sheet_row *read;
        struct json_object *line;
        struct err err;

        if (row->used || row->gone)
            continue;
        search->found->left_sheet++;
        if (search->run->log == NULL)
            continue;
        if (!earlier_row(&search->earlier, row, &read, &err))
            return fault(search, &err);
        line = log_begin(search->run->log, "left_sheet");
        json_object_text(line, "connector_id", read->earlier.connector_id);
        json_object_text(line, "label", read->connector.label);
        json_object_integer(line, "earlier_line", row->line);
        log_end(search->run->log, line);
    }
    return true;
}

/* A list that was only a part, or may be, tells what was there, but not what was not. */
static bool note_listed(struct search *search)
{
    struct run *run = search->run;
    struct err err;

    if (!search->config->note_twins || run->known.twins.count >= NOTED_MAX || !search->is_whole)
        return true;
    run->known.twins_are_all = true;
    return journal_listed(run->journal, &err) || fault(search, &err);
}

static bool list(struct search *search)
{
    struct client *client = search->run->client;
    struct listing_handler handler = {.context = search, .begin = on_begin, .connector = on_connector};
    struct listing listing;
    bool listed;

    listing_init(&listing, client, &handler);
    listed = listing_run(&listing, "listing the account");
    if (listed && search->config->skip && listing_is_partial(&listing)) {
        client_stop(client, STOP_NO_LIST,
                    "the account's list does not show everything: --skip-existing can't tell what exists");
        listed = false;
    }
    search->is_whole = listed && !listing_is_partial(&listing) && !listing_is_round(&listing);
    listing_release(&listing);
    return listed;
}

static unsigned columns_of(const struct search *search)
{
    const struct header *header = sheet_header(search->run->sheet);
    unsigned columns = 0;

    for (enum field field = 0; field < FIELDS; field++)
        columns |= (unsigned)(header->column[field] >= 0 || search->config->sheet->defaults[field] != NULL) << field;
    return columns;
}

/* What differs is put right, before any row is sent. */
static bool amend(struct search *search)
{
    bool done = search->config->changes != NULL || amend_all(&search->amend);

    search->found->changes = search->amend.count;
    search->found->changed = search->amend.changed;
    search->found->lost_changes = search->amend.failed;
    return done;
}

static void search_release(struct search *search)
{
    free(search->all_keys);
    free(search->shown);
    free(search->order);
    free(search->free);
    matches_release(&search->matches);
    idset_release(&search->seen);
    remote_release(&search->remote);
    earlier_release(&search->earlier);
    if (search->config->update)
        amend_release(&search->amend);
}

bool existing_find(struct run *run, const struct existing_config *config, struct existing *found)
{
    struct search search = {.run = run, .config = config, .found = found};
    struct err err;
    bool done;

    *found = (struct existing){0};
    remote_init(&search.remote);
    sort_rows(&search);
    if (config->update) {
        sort_keys(&search);
        amend_init(&search.amend, run, &search.matches, columns_of(&search), config->changes);
    }
    done = (matches_open(&search.matches, &err) &&
            (!config->skip || earlier_read(&search.earlier, config->sheet, config->earlier, config->inherit,
                                           &run->known.claimed, &err))) ||
           fault(&search, &err);
    done = done && list(&search) && look_up_unlisted(&search) && !search.failed;
    if (done && search.shown_count > 0)
        qsort(search.shown, search.shown_count, sizeof(search.shown[0]), by_number);
    done =
        done && place_all(&search) && note_listed(&search) && tell_left(&search) && (!config->update || amend(&search));
    search_release(&search);
    return done;
}

void existing_release(struct existing *found)
{
    free(found->is_twin);
    *found = (struct existing){0};
}
