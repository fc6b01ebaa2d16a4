#include "prior/earlier.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "model/remote.h"
#include "run/settle.h"

#include <stdlib.h>
#include <unistd.h>

static uint64_t hash_of(struct span id)
{
    return hash_finish(hash_span_fold(HASH_START, id));
}

static int by_id(const void *left, const void *right)
{
    const struct earlier_row *a = left, *b = right;

    if (a->id_hash != b->id_hash)
        return a->id_hash < b->id_hash ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static void add(struct earlier *earlier, struct earlier_row row)
{
    if (earlier->count == earlier->cap) {
        earlier->cap = earlier->cap > 0 ? earlier->cap + earlier->cap / 2 : 256;
        earlier->row = alloc_resize(earlier->row, earlier->cap, sizeof(earlier->row[0]));
    }
    earlier->row[earlier->count++] = row;
}

static void add_row(struct earlier *earlier, const struct sheet_row *read)
{
    add(earlier, (struct earlier_row){
                     .id_hash = hash_of(read->earlier.connector_id),
                     .offset = read->record.offset & ((UINT64_C(1) << 40) - 1),
                     .length = read->record.raw.len & ((UINT64_C(1) << 24) - 1),
                     .line = read->record.line,
                     .key = (uint32_t)connector_key_hash(&read->connector),
                     .public_tag = (uint32_t)connector_public_hash(&read->connector),
                     .created = read->earlier.status == STATUS_CREATED,
                 });
}

static void add_inherited(struct earlier *earlier, const struct inherit *inherit, const struct idset *claimed)
{
    earlier->inherit = inherit;
    for (size_t i = 0; inherit != NULL && i < inherit->count; i++) {
        const struct inherited *at = &inherit->at[i];

        if (at->id[0] != '\0' && !idset_has(claimed, span_of(at->id)))
            add(earlier, (struct earlier_row){
                             .id_hash = hash_of(span_of(at->id)),
                             .offset = i & ((UINT64_C(1) << 40) - 1),
                             .key = (uint32_t)(at->tag >> 32),
                             .public_tag = (uint32_t)at->tag,
                             .created = 1,
                             .inherited = 1,
                         });
    }
}

static bool names_connector(const struct outcome *outcome)
{
    return outcome->status != STATUS_NONE && outcome->status != STATUS_ARCHIVED &&
           remote_is_uuid(outcome->connector_id);
}

/* In the order of their ids, each once. */
static void sort(struct earlier *earlier)
{
    size_t kept = 0;

    if (earlier->count == 0)
        return;
    qsort(earlier->row, earlier->count, sizeof(earlier->row[0]), by_id);
    for (size_t i = 0; i < earlier->count; i++)
        if (kept == 0 || earlier->row[i].id_hash != earlier->row[kept - 1].id_hash)
            earlier->row[kept++] = earlier->row[i];
    earlier->count = kept;
}

/* Opens it; NULL where there is no such file, or it is no result file. */
static struct sheet *open_results(const struct sheet_config *sheet, const char *path)
{
    struct sheet_config config = *sheet;
    struct sheet *results;
    struct err unheard;

    if (path == NULL || access(path, F_OK) != 0)
        return NULL;
    config.path = path;
    config.secret_refs = false;
    config.results_only = true;
    results = sheet_open(&config, NULL, &unheard);
    config.encoding = NULL; /* connload wrote it: UTF-8, unless a spreadsheet has saved it since */
    if (results == NULL)
        results = sheet_open(&config, NULL, &unheard);
    if (results != NULL && sheet_header(results)->is_result)
        return results;
    sheet_close(results);
    return NULL;
}

bool earlier_read(struct earlier *earlier, const struct sheet_config *sheet, const char *path,
                  const struct inherit *inherit, const struct idset *claimed, struct err *err)
{
    enum csv_step step = CSV_STEP_END;
    struct sheet_row *read;

    *earlier = (struct earlier){.sheet = open_results(sheet, path)};
    add_inherited(earlier, inherit, claimed);
    while (earlier->sheet != NULL && (step = sheet_next(earlier->sheet, &read, err)) == CSV_STEP_RECORD)
        if (names_connector(&read->earlier) && !idset_has(claimed, read->earlier.connector_id))
            add_row(earlier, read);
    sort(earlier);
    return step != CSV_STEP_FAILED;
}

bool earlier_inherit(const struct sheet_config *sheet, const char *path, struct inherit *inherit, struct err *err)
{
    struct sheet *results = open_results(sheet, path);
    enum csv_step step = CSV_STEP_END;
    struct sheet_row *read;

    while (results != NULL && (step = sheet_next(results, &read, err)) == CSV_STEP_RECORD)
        if (read->earlier.status == STATUS_UNKNOWN && !remote_is_uuid(read->earlier.connector_id)) {
            struct lost_time lost = settle_time_lost(read->earlier.error_message);

            inherit_add(inherit,
                        run_tag((uint32_t)connector_key_hash(&read->connector),
                                (uint32_t)connector_public_hash(&read->connector)),
                        &lost);
        }
    sheet_close(results);
    return step != CSV_STEP_FAILED;
}

bool earlier_has_unknown(const char *path)
{
    static const char *const no_defaults[FIELDS] = {NULL};
    struct sheet_config config = {.path = path, .defaults = no_defaults};
    struct err unheard;
    struct sheet *sheet = sheet_open(&config, NULL, &unheard);
    bool is_result = sheet != NULL && sheet_header(sheet)->is_result, found = false;
    struct sheet_row *row;

    while (is_result && !found && sheet_next(sheet, &row, &unheard) == CSV_STEP_RECORD)
        found = row->earlier.status == STATUS_UNKNOWN && row->earlier.http_status == 0;
    sheet_close(sheet);
    return found;
}

void earlier_release(struct earlier *earlier)
{
    sheet_close(earlier->sheet);
    free(earlier->row);
    *earlier = (struct earlier){0};
}

struct earlier_row *earlier_find(const struct earlier *earlier, struct span id)
{
    struct earlier_row wanted = {.id_hash = hash_of(id)};
    size_t low = 0, high = earlier->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (earlier->row[middle].id_hash < wanted.id_hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low < earlier->count && earlier->row[low].id_hash == wanted.id_hash ? &earlier->row[low] : NULL;
}

bool earlier_row(struct earlier *earlier, const struct earlier_row *row, const struct sheet_row **read, struct err *err)
{
    struct sheet_row *found;

    if (row->inherited) {
        earlier->told = (struct sheet_row){
            .earlier = {.status = STATUS_CREATED, .connector_id = span_of(earlier->inherit->at[row->offset].id)}};
        *read = &earlier->told;
        return true;
    }
    if (!sheet_at(earlier->sheet, row->offset, row->length, row->line, &found, err))
        return false;
    *read = found;
    return true;
}
