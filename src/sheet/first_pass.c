#include "sheet/first_pass.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "model/remote.h"
#include "sheet/secrets.h"
#include "sheet/tags.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct first_pass *pass;
    struct sheet *sheet;
    const struct first_pass_config *config;
    struct console *console;
    struct tags payloads; /* of connector_hash(); of types without secrets connector_public_hash(), which the row has */
    struct tags labels;   /* rows by label, where these are compared */
    struct tags spent;    /* finished rows whose secrets have been emptied, by connector_public_hash() */
    uint32_t *suspects;   /* indices of rows that an earlier run refused as duplicates, of types with secrets */
    size_t suspect_count, suspect_cap;
    uint64_t references;        /* rows whose secret looks like a reference that nobody looks up */
    enum field reference_field; /* the first one's field, scheme and index */
    const char *reference_scheme;
    uint64_t reference_row;
    size_t keys_cap;
    uint64_t bytes; /* read so far, for progress */
};

static bool same_label(const struct connector *a, const struct connector *b)
{
    return span_equal(a->label, b->label);
}

static void mark_twin(struct row *row, uint32_t number_of_other)
{
    row->invalid = 1;
    row->twin = 1;
    row->place = number_of_other;
}

static bool has_secrets(const struct connector *connector)
{
    return connector->type == TYPE_INVESTMENT_RESEARCH || connector->type == TYPE_SHAREPOINT;
}

/* Notes what settle_suspects() needs. */
static void note_secrets(struct reading *reading, uint64_t index, const struct sheet_row *read)
{
    const struct row *row = &reading->pass->rows->row[index];

    if (!has_secrets(&read->connector))
        return;
    if (row->state == ROW_CARRIED && !read->valid)
        tags_add(&reading->spent, (uint32_t)connector_public_hash(&read->connector), index);
    if (row->state != ROW_PENDING || !read->valid || read->earlier.error_code.len == 0 ||
        memmem(read->earlier.error_code.data, read->earlier.error_code.len, check_name(CHECK_DUPLICATE_ROW),
               strlen(check_name(CHECK_DUPLICATE_ROW))) == NULL)
        return;
    if (reading->suspect_count == reading->suspect_cap) {
        reading->suspect_cap = reading->suspect_cap > 0 ? reading->suspect_cap * 2 : 64;
        reading->suspects = alloc_resize(reading->suspects, reading->suspect_cap, sizeof(reading->suspects[0]));
    }
    reading->suspects[reading->suspect_count++] = (uint32_t)index;
}

/* How much speaks for a connector that is the row's already. */
static int claim_of(const struct row *row)
{
    return row->state == ROW_CARRIED ? 2 : row->state == ROW_UNSETTLED ? 1 : 0;
}

/* For settle_twins() and settle_labels(), which compare. */
static void note_tags(struct reading *reading, uint64_t index, const struct sheet_row *read)
{
    const struct row *row = &reading->pass->rows->row[index];
    const struct connector *connector = &read->connector;

    if (row->status == STATUS_ARCHIVED)
        return;
    if (!reading->config->allow_duplicates) {
        note_secrets(reading, index, read);
        if (read->valid)
            tags_add(&reading->payloads, has_secrets(connector) ? (uint32_t)connector_hash(connector) : row->public_tag,
                     index);
    }
    if (reading->config->compares_labels && connector->label.len > 0)
        tags_add(&reading->labels, (uint32_t)hash_finish(hash_span(HASH_START, connector->label)), index);
}

/*
 * A later row with an earlier one's payload is the duplicate; but a row that an earlier run has finished has its
 * connector, wherever it stands, and one that it lost may have it: then the other is one too many. `*first`: the row
 * that all others of the payload are compared with.
 */
static void take_twin(struct reading *reading, uint32_t *first, uint32_t index)
{
    struct rows *rows = reading->pass->rows;
    struct row *row = &rows->row[index], *other = &rows->row[*first];

    if (claim_of(row) > claim_of(other)) {
        mark_twin(other, rows_number(rows, index));
        *first = index;
    } else if (row->state != ROW_CARRIED)
        mark_twin(row, rows_number(rows, *first));
}

/* Documents are tagged with their connector's label: those of two rows with one label can't be told apart. */
static void take_label(struct reading *reading, uint32_t *first, uint32_t index)
{
    warnings_of_label(&reading->pass->warnings, index, rows_number(reading->pass->rows, *first));
}

/* What it is to be alike, and what becomes of a row that is like one before it. */
struct likeness {
    bool (*is_same)(const struct connector *, const struct connector *);
    void (*take)(struct reading *reading, uint32_t *first, uint32_t index);
    bool passes_twins; /* rows that are refused as duplicates are not looked at */
};

static const struct likeness twins = {connector_equal, take_twin, false};
static const struct likeness same_labels = {same_label, take_label, true};

/*
 * One group of equal tags, in the order of the sheet. The first of those that are alike are moved to the group's front;
 * nearly always there is one.
 */
static bool settle_group(struct reading *reading, const struct likeness *likeness, struct tag *group, size_t count,
                         struct err *err)
{
    const struct rows *rows = reading->pass->rows;
    size_t firsts = 0, i, k;
    uint64_t read = UINT64_MAX; /* the row that `other` is */
    struct sheet_row *own, *other = NULL;

    for (i = 0; i < count; i++) {
        const struct row *row = &rows->row[group[i].row];

        if (likeness->passes_twins && row->twin)
            continue;
        if (firsts > 0 && !sheet_at(reading->sheet, row->offset, row->length, row->line, &own, err))
            return false;
        for (k = 0; k < firsts; k++) {
            const struct row *first = &rows->row[group[k].row];

            if (read != group[k].row &&
                !sheet_other_at(reading->sheet, first->offset, first->length, first->line, &other, err))
                return false;
            read = group[k].row;
            if (likeness->is_same(&other->connector, &own->connector))
                break;
        }
        if (k < firsts)
            likeness->take(reading, &group[k].row, group[i].row);
        else
            group[firsts++] = group[i];
    }
    return true;
}

static bool settle_groups(struct reading *reading, const struct likeness *likeness, struct tags *tags, struct err *err)
{
    size_t at = 0, from, count;

    tags_sort(tags);
    while (tags_next_group(tags, &at, &from, &count))
        if (!settle_group(reading, likeness, &tags->tag[from], count, err))
            return false;
    tags_release(tags);
    return true;
}

/* connector_public_hash() of a row; false where it can't be read again. */
static bool public_hash_of(struct reading *reading, uint32_t index, uint64_t *hash, struct err *err)
{
    const struct row *row = &reading->pass->rows->row[index];
    struct sheet_row *read;

    if (!sheet_at(reading->sheet, row->offset, row->length, row->line, &read, err))
        return false;
    *hash = connector_public_hash(&read->connector);
    return true;
}

/* Marks the row a duplicate where a finished row without secrets is like it in everything else. */
static bool settle_suspect(struct reading *reading, uint32_t index, struct err *err)
{
    const struct tags *spent = &reading->spent;
    struct rows *rows = reading->pass->rows;
    uint64_t hash, other_hash;

    if (rows->row[index].invalid || spent->count == 0)
        return true;
    if (!public_hash_of(reading, index, &hash, err))
        return false;
    for (size_t at = tags_find(spent, (uint32_t)hash); at < spent->count && spent->tag[at].tag == (uint32_t)hash;
         at++) {
        if (!public_hash_of(reading, spent->tag[at].row, &other_hash, err))
            return false;
        if (other_hash == hash) {
            mark_twin(&rows->row[index], rows_number(rows, spent->tag[at].row));
            break;
        }
    }
    return true;
}

static bool settle_suspects(struct reading *reading, struct err *err)
{
    tags_sort(&reading->spent);
    for (size_t i = 0; i < reading->suspect_count; i++)
        if (!settle_suspect(reading, reading->suspects[i], err))
            return false;
    return true;
}

static void keep_key(struct reading *reading, uint64_t index, const struct sheet_row *read)
{
    struct first_pass *pass = reading->pass;

    if (!pass->want_keys)
        return;
    if (index >= reading->keys_cap) {
        reading->keys_cap = reading->keys_cap > 0 ? reading->keys_cap + reading->keys_cap / 2 : 1024;
        pass->keys = alloc_resize(pass->keys, reading->keys_cap, sizeof(pass->keys[0]));
    }
    pass->keys[index] = read->valid ? (uint32_t)connector_key_hash(&read->connector) : 0;
}

/* What an earlier run's result says of the row. */
static void carry_over(struct reading *reading, uint64_t index, const struct sheet_row *read)
{
    struct first_pass *pass = reading->pass;
    const struct outcome *earlier = &read->earlier;
    struct row *row = &pass->rows->row[index];

    if (earlier->status == STATUS_UNKNOWN) {
        row->earlier = 1;
        rows_step(pass->rows, index, EVENT_TO_SETTLE);
    }
    if (!status_is_finished(earlier->status))
        return;
    rows_carry(pass->rows, index, earlier->status);
    if (earlier->status == STATUS_ARCHIVED || pass->claimed == NULL)
        return;
    if (!remote_is_uuid(earlier->connector_id))
        console_note(reading->console,
                     "%s: the row says %s, but its connector_id is no id any more (did a spreadsheet "
                     "change it?); it is carried over as it is, `undo` can't archive it",
                     sheet_where(reading->sheet, pass->rows, index), status_name(earlier->status));
    else if (!idset_add(pass->claimed, earlier->connector_id))
        console_note(reading->console, "%s: another row names the same connector %.*s",
                     sheet_where(reading->sheet, pass->rows, index), (int)earlier->connector_id.len,
                     earlier->connector_id.data);
}

/* A row that would be sent, or settled, and names a connector all the same: named.c looks it up. */
static void note_named(struct reading *reading, uint64_t index, const struct sheet_row *read)
{
    struct first_pass *pass = reading->pass;

    if (pass->rows->row[index].state == ROW_CARRIED || !remote_is_uuid(read->earlier.connector_id))
        return;
    if (pass->named_count == pass->named_cap) {
        pass->named_cap = pass->named_cap > 0 ? pass->named_cap * 2 : 64;
        pass->named = alloc_resize(pass->named, (size_t)pass->named_cap, sizeof(pass->named[0]));
    }
    pass->named[pass->named_count++] = (uint32_t)index;
}

/* Without --secret-refs such a text is the secret itself: almost always the option was forgotten. */
static void note_reference(struct reading *reading, uint64_t index, const struct sheet_row *read)
{
    const struct row *row = &reading->pass->rows->row[index];
    const char *scheme = NULL;

    if (sheet_looks_up_secrets(reading->sheet) || row->state == ROW_CARRIED || !read->valid)
        return;
    for (size_t i = 0; i < FIELDS && scheme == NULL; i++) {
        scheme = field_is_secret((enum field)i) ? secrets_scheme(read->values.value[i]) : NULL;
        if (scheme != NULL && reading->references++ == 0) {
            reading->reference_field = (enum field)i;
            reading->reference_scheme = scheme;
            reading->reference_row = index;
        }
    }
}

/* The scheme alone is shown: what follows may be part of a password. */
static void say_references(struct reading *reading)
{
    uint64_t count = reading->references;
    struct buf column;

    if (count == 0)
        return;
    buf_init(&column, 4096);
    header_show_column(sheet_header(reading->sheet), reading->reference_field, &column);
    if (count > 1)
        buf_format(&column, " of %" PRIu64 " rows", count);
    console_say(reading->console,
                "%s: %s says where a secret is (%s…), and is sent as it stands: add --secret-refs to look "
                "%s up",
                sheet_where(reading->sheet, reading->pass->rows, reading->reference_row), column.data,
                reading->reference_scheme, count == 1 ? "it" : "them");
    buf_release(&column);
}

static bool add_row(struct reading *reading, const struct sheet_row *read, struct err *err)
{
    struct first_pass *pass = reading->pass;
    struct rows *rows = pass->rows;
    uint64_t index;

    if (rows->count >= ROWS_MAX)
        return err_set(err, EXIT_INPUT, "%s has more rows than can be numbered (%" PRIu64 "); split it",
                       sheet_name(reading->sheet), (uint64_t)ROWS_MAX);
    index = rows_add(rows, read->record.offset, read->record.raw.len, read->record.line, read->record.row);
    carry_over(reading, index, read);
    if (read->valid)
        rows->row[index].public_tag = (uint32_t)connector_public_hash(&read->connector);
    else if (rows->row[index].state != ROW_CARRIED)
        rows->row[index].invalid = 1;
    keep_key(reading, index, read);
    note_named(reading, index, read);
    note_reference(reading, index, read);
    warnings_of_row(&pass->warnings, reading->sheet, rows, index, read);
    note_tags(reading, index, read);
    return true;
}

static void cut_named(struct first_pass *pass, uint64_t from, uint64_t to)
{
    uint64_t kept = 0;

    for (uint64_t i = 0; i < pass->named_count; i++)
        if (pass->named[i] >= from && pass->named[i] < to)
            pass->named[kept++] = (uint32_t)(pass->named[i] - from);
    pass->named_count = kept;
}

/* Keeps the rows of the shard alone: contiguous parts that make up the whole. */
static void cut_shard(struct reading *reading)
{
    struct first_pass *pass = reading->pass;
    struct rows *rows = pass->rows;
    uint64_t n = reading->config->shard_count, k = reading->config->shard;
    uint64_t from, to;

    if (n <= 1)
        return;
    from = rows->count * (k - 1) / n;
    to = rows->count * k / n;
    rows_keep(rows, from, to - from);
    if (pass->keys != NULL)
        memmove(pass->keys, pass->keys + from, (size_t)(to - from) * sizeof(pass->keys[0]));
    cut_named(pass, from, to);
}

static uint64_t plan_of(const struct rows *rows)
{
    uint64_t plan = HASH_START;

    for (uint64_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->row[i];
        uint32_t tag = row->state == ROW_CARRIED || row->invalid ? 0 : row->public_tag;

        plan = hash_span(plan, (struct span){(const char *)&tag, sizeof(tag)});
    }
    return hash_finish(plan);
}

static void show_reading(struct reading *reading)
{
    struct progress progress = {.doing = "checking", .done = reading->pass->rows->count, .eta_ms = -1};

    console_progress(reading->console, &progress, clock_mono_ms());
}

bool first_pass_read(struct first_pass *pass, struct sheet *sheet, const struct first_pass_config *config,
                     struct console *console, struct err *err)
{
    struct reading reading = {.pass = pass, .sheet = sheet, .config = config, .console = console};
    struct sheet_row *read;
    enum csv_step step;

    while ((step = sheet_next(sheet, &read, err)) == CSV_STEP_RECORD) {
        if (!add_row(&reading, read, err)) {
            step = CSV_STEP_FAILED;
            break;
        }
        if (pass->rows->count % 4096 == 0)
            show_reading(&reading);
    }
    if (step != CSV_STEP_FAILED &&
        (!settle_groups(&reading, &twins, &reading.payloads, err) || !settle_suspects(&reading, err) ||
         !settle_groups(&reading, &same_labels, &reading.labels, err)))
        step = CSV_STEP_FAILED;
    tags_release(&reading.payloads);
    tags_release(&reading.spent);
    tags_release(&reading.labels);
    free(reading.suspects);
    if (step == CSV_STEP_FAILED)
        return false;
    say_references(&reading);
    if (pass->rows->count == 0)
        console_note(console, "%s: no rows below the header", sheet_name(sheet));
    cut_shard(&reading);
    pass->plan = plan_of(pass->rows);
    return true;
}
