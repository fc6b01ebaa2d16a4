#include "prior/account.h"

#include "api/listing.h"
#include "api/lookup.h"
#include "base/alloc.h"
#include "base/hash.h"

#include <stdlib.h>

bool account_open(struct account *account, struct run *run, struct err *err)
{
    *account = (struct account){.run = run};
    return matches_open(&account->matches, err);
}

void account_release(struct account *account)
{
    if (account->run == NULL)
        return;
    free(account->row);
    matches_release(&account->matches);
}

static uint64_t hash_of(struct span id)
{
    return hash_finish(hash_span_fold(HASH_START, id));
}

void account_add(struct account *account, uint64_t row, struct span id, bool created)
{
    if (account->count == account->cap) {
        account->cap = account->cap > 0 ? account->cap + account->cap / 2 : 256;
        account->row = alloc_resize(account->row, account->cap, sizeof(account->row[0]));
    }
    account->row[account->count++] =
        (struct account_row){.id_hash = hash_of(id), .row = (uint32_t)row, .created = created};
}

static int by_id(const void *left, const void *right)
{
    const struct account_row *a = left, *b = right;

    if (a->id_hash != b->id_hash)
        return a->id_hash < b->id_hash ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static int by_row(const void *left, const void *right)
{
    const struct account_row *a = left, *b = right;

    return a->row < b->row ? -1 : a->row > b->row;
}

static void sort(struct account *account, int (*order)(const void *, const void *))
{
    if (account->count > 0)
        qsort(account->row, account->count, sizeof(account->row[0]), order);
}

bool account_is_twice(struct account *account, uint64_t *first, uint64_t *second)
{
    sort(account, by_id);
    for (size_t i = 1; i < account->count; i++) {
        if (account->row[i].id_hash != account->row[i - 1].id_hash)
            continue;
        *first = account->row[i - 1].row;
        *second = account->row[i].row;
        return true;
    }
    return false;
}

static struct account_row *find(struct account *account, struct span id)
{
    uint64_t wanted = hash_of(id);
    size_t low = 0, high = account->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (account->row[middle].id_hash < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low < account->count && account->row[low].id_hash == wanted ? &account->row[low] : NULL;
}

static bool keep(struct account *account, struct account_row *row, enum account_answer answer, struct span text)
{
    struct match match = {.earlier = row->row};
    struct err err;

    row->answer = answer;
    row->match = (uint32_t)account->matches.count;
    if (matches_add(&account->matches, &match, text, &err))
        return true;
    client_fault(account->run->client, &err);
    return false;
}

static void on_begin(void *context)
{
    struct account *account = context;

    matches_reset(&account->matches);
    account->owners = (struct owners){0};
    for (size_t i = 0; i < account->count; i++)
        account->row[i].answer = ACCOUNT_UNTOLD;
}

static bool on_connector(void *context, const struct remote *remote, struct span element)
{
    struct account *account = context;
    struct account_row *row = find(account, remote->id);

    owners_note(&account->owners, remote, row != NULL && row->created);
    return row == NULL || row->answer != ACCOUNT_UNTOLD || keep(account, row, ACCOUNT_SHOWN, element);
}

static bool list(struct account *account)
{
    struct listing_handler handler = {.context = account, .begin = on_begin, .connector = on_connector};
    struct listing listing;
    bool listed;

    listing_init(&listing, account->run->client, &handler);
    listed = listing_run(&listing, "listing the account");
    listing_release(&listing);
    return listed;
}

static bool next_unlisted(void *context, uint64_t *tag, struct span *id)
{
    struct account *account = context;
    struct run *run = account->run;

    for (; account->asked < account->count; account->asked++) {
        const struct row *row = &run->rows.row[account->row[account->asked].row];
        struct sheet_row *read;
        struct err err;

        if (account->row[account->asked].answer != ACCOUNT_UNTOLD || row->state != ROW_PENDING)
            continue;
        if (!sheet_record_at(run->sheet, row->offset, row->length, row->line, &read, &err)) {
            client_fault(run->client, &err);
            return false;
        }
        account->lookups++;
        *tag = account->asked++;
        *id = read->earlier.connector_id;
        return true;
    }
    return false;
}

static void looked_up(void *context, uint64_t tag, enum lookup_result result, const struct remote *remote,
                      struct span text)
{
    static const enum account_answer answers[] = {
        [LOOKUP_FOUND] = ACCOUNT_SHOWN, [LOOKUP_GONE] = ACCOUNT_GONE, [LOOKUP_FAILED] = ACCOUNT_FAILED};
    struct account *account = context;

    if (result == LOOKUP_FOUND)
        owners_note(&account->owners, remote, account->row[tag].created);
    keep(account, &account->row[tag], answers[result], text);
}

bool account_fetch(struct account *account)
{
    struct lookup_handler handler = {
        .context = account,
        .doing = "looking up connectors",
        .next = next_unlisted,
        .answered = looked_up,
    };
    bool fetched;

    sort(account, by_id);
    account->asked = 0;
    fetched = list(account) && lookup_run(account->run->client, &handler);
    sort(account, by_row);
    return fetched;
}

enum account_answer account_read(struct account *account, const struct account_row *row, struct remote *remote,
                                 struct span *text)
{
    struct err err;

    if (row->answer == ACCOUNT_UNTOLD)
        return ACCOUNT_UNTOLD;
    if (!matches_text(&account->matches, &account->matches.match[row->match], text, &err)) {
        client_fault(account->run->client, &err);
        return ACCOUNT_UNTOLD;
    }
    return row->answer == ACCOUNT_SHOWN && !remote_read(remote, *text) ? ACCOUNT_FAILED
                                                                       : (enum account_answer)row->answer;
}
