#include "sandbox/store.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_BITS = 12, BLOCK = 1 << BLOCK_BITS, BY_ID_FIRST_CAP = 4096 };

struct uuid uuid_random(struct rng *rng)
{
    uint64_t halves[2] = {rng_next(rng), rng_next(rng)};
    struct uuid id;

    memcpy(id.bytes, halves, sizeof(id.bytes));
    id.bytes[6] = (unsigned char)(0x40 | (id.bytes[6] & 0x0F));
    id.bytes[8] = (unsigned char)(0x80 | (id.bytes[8] & 0x3F));
    return id;
}

static bool dash_before(int byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

char *uuid_format(char text[UUID_TEXT], struct uuid id)
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;

    for (int i = 0; i < 16; i++) {
        if (dash_before(i))
            *at++ = '-';
        *at++ = digits[id.bytes[i] >> 4];
        *at++ = digits[id.bytes[i] & 0x0F];
    }
    *at = '\0';
    return text;
}

bool uuid_parse(struct span text, struct uuid *id)
{
    const char *at = text.data;

    if (text.len != UUID_TEXT - 1)
        return false;
    for (int i = 0; i < 16; i++) {
        int high, low;

        if (dash_before(i) && *at++ != '-')
            return false;
        high = num_hex_digit(*at++);
        low = num_hex_digit(*at++);
        if (high < 0 || low < 0)
            return false;
        id->bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

void store_init(struct store *store)
{
    *store = (struct store){0};
    hashset_init(&store->payloads);
}

static void forget_before(struct connector *connector)
{
    if (connector->before != NULL)
        free(connector->before->text);
    free(connector->before);
    connector->before = NULL;
}

static void free_parts(struct connector *connector)
{
    forget_before(connector);
    free(connector->face.text);
    free(connector->syncs.failure);
    free(connector->inbox);
}

void store_release(struct store *store)
{
    for (size_t i = 0; i < store->count; i++)
        free_parts(store_at(store, i));
    for (size_t i = 0; i < store->block_count; i++)
        free(store->blocks[i]);
    free(store->blocks);
    free(store->by_id);
    hashset_release(&store->payloads);
    store_init(store);
}

void store_reset(struct store *store)
{
    uint64_t generation = store->generation;

    store_release(store);
    store->generation = generation + 1;
}

struct connector *store_at(const struct store *store, size_t index)
{
    return &store->blocks[index >> BLOCK_BITS][index & (BLOCK - 1)];
}

static bool same_id(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The slot of `id`, or the empty one where it belongs; `by_id_cap` is a power of two. Ids are random: no hash. */
static uint32_t *slot_of(const struct store *store, uint32_t *slots, size_t cap, const struct uuid *id)
{
    uint64_t start;
    size_t at;

    memcpy(&start, id->bytes + 8, sizeof(start));
    at = (size_t)(start >> 16) & (cap - 1);
    while (slots[at] != 0 && !same_id(&store_at(store, slots[at] - 1)->id, id))
        at = (at + 1) & (cap - 1);
    return &slots[at];
}

static void grow_by_id(struct store *store)
{
    size_t cap = store->by_id_cap > 0 ? store->by_id_cap * 2 : BY_ID_FIRST_CAP;
    uint32_t *slots = alloc_zeroed(cap, sizeof(slots[0]));

    for (size_t i = 0; i < store->count; i++)
        *slot_of(store, slots, cap, &store_at(store, i)->id) = (uint32_t)i + 1;
    free(store->by_id);
    store->by_id = slots;
    store->by_id_cap = cap;
}

static struct connector *next_free(struct store *store)
{
    if (store->count == store->block_count * BLOCK) {
        store->blocks = alloc_resize(store->blocks, store->block_count + 1, sizeof(store->blocks[0]));
        store->blocks[store->block_count++] = alloc_zeroed(BLOCK, sizeof(struct connector));
    }
    if (store->count * 2 >= store->by_id_cap)
        grow_by_id(store);
    return store_at(store, store->count);
}

static void set_text(struct face *face, struct span label, struct span description, struct span config)
{
    char *text = alloc_bytes(label.len + description.len + config.len), *at = text;

    memcpy(at, label.data, label.len);
    at += label.len;
    memcpy(at, description.data, description.len);
    at += description.len;
    memcpy(at, config.data, config.len);
    face->text = text;
    face->label_len = (uint32_t)label.len;
    face->description_len = (uint32_t)description.len;
    face->config_len = (uint32_t)config.len;
}

struct connector *store_add(struct store *store, const struct store_entry *entry, const struct payload *payload)
{
    struct connector *connector = next_free(store);
    uint64_t owned = hash_finish(payload_hash(payload) ^ ((uint64_t)entry->account << 32));

    *connector = (struct connector){
        .id = entry->id,
        .account = entry->account,
        .type = payload->type,
        .face = {.share_with_org = payload->share_with_org, .updated_us = entry->created_us},
        .syncs = {.over_us = entry->sync_us, .over_mono_us = entry->sync_us != 0 ? entry->sync_mono_us : INT64_MAX},
        .config_hash = payload->config_hash,
        .secret_hash = payload->secret_hash,
        .created_us = entry->created_us,
        .visible_mono_us = entry->visible_mono_us,
        .gone_mono_us = INT64_MAX,
    };
    set_text(&connector->face, buf_view(&payload->label), buf_view(&payload->description), buf_view(&payload->config));
    if (entry->failure != NULL)
        connector_fail_syncs(connector, entry->failure);
    store->count++;
    *slot_of(store, store->by_id, store->by_id_cap, &connector->id) = (uint32_t)store->count;
    if (!hashset_add(&store->payloads, owned))
        store->duplicates++;
    return connector;
}

void store_update(struct connector *connector, const struct payload *payload, int64_t now_us, int64_t visible_mono_us)
{
    bool email = connector->type == TYPE_EMAIL;
    struct face *before = alloc_zeroed(1, sizeof(*before));

    *before = connector->face;
    set_text(&connector->face, buf_view(&payload->label), buf_view(&payload->description),
             email ? buf_view(&payload->config) : face_config(before));
    forget_before(connector);
    connector->before = before;
    connector->updated_mono_us = visible_mono_us;
    if (email)
        connector->config_hash = payload->config_hash;
    connector->face.share_with_org = payload->share_with_org;
    connector->face.updated_us = now_us;
}

void connector_set_inbox(struct connector *connector, const char *inbox)
{
    if (inbox[0] == '\0')
        return;
    free(connector->inbox);
    connector->inbox = alloc_text(inbox);
}

void connector_sync(struct connector *connector, int64_t mono_us, int64_t over_mono_us, int64_t over_us)
{
    struct syncs *syncs = &connector->syncs;

    if (syncs->over_us != 0 && mono_us < syncs->over_mono_us)
        return;
    *syncs = (struct syncs){
        .over_mono_us = over_mono_us, .over_us = over_us, .before_us = syncs->over_us, .failure = syncs->failure};
}

void connector_fail_syncs(struct connector *connector, const char *failure)
{
    free(connector->syncs.failure);
    connector->syncs.failure = failure[0] != '\0' ? alloc_text(failure) : NULL;
}

int64_t connector_synced_us(const struct connector *connector, int64_t mono_us)
{
    return mono_us >= connector->syncs.over_mono_us ? connector->syncs.over_us : connector->syncs.before_us;
}

void store_archive(struct store *store, struct connector *connector, int64_t now_us)
{
    if (connector->archived)
        return;
    connector->archived = true;
    connector->face.updated_us = now_us;
    store->archived++;
}

struct connector *store_find(const struct store *store, struct uuid id, int64_t mono_us)
{
    struct connector *found;
    uint32_t slot;

    if (store->count == 0)
        return NULL;
    slot = *slot_of(store, store->by_id, store->by_id_cap, &id);
    if (slot == 0)
        return NULL;
    found = store_at(store, slot - 1);
    return mono_us < found->gone_mono_us ? found : NULL;
}

bool store_shows(const struct connector *connector, int64_t mono_us)
{
    return mono_us >= connector->visible_mono_us && mono_us < connector->gone_mono_us;
}

const struct face *connector_face(const struct connector *connector, int64_t mono_us)
{
    return connector->before != NULL && mono_us < connector->updated_mono_us ? connector->before : &connector->face;
}

struct span face_label(const struct face *face)
{
    return (struct span){face->text, face->label_len};
}

struct span face_description(const struct face *face)
{
    return (struct span){face->text + face->label_len, face->description_len};
}

struct span face_config(const struct face *face)
{
    return (struct span){face->text + face->label_len + face->description_len, face->config_len};
}
