/*
 * store: the connectors, of all accounts, in the order in which they were created.
 *
 * About 300 bytes a connector; it never gives one back before store_reset(), so an index stays right until then. All
 * times are wall-clock microseconds since 1970 unless their name says otherwise.
 */
#ifndef SANDBOX_STORE_H
#define SANDBOX_STORE_H

#include "base/buf.h"
#include "sandbox/hashset.h"
#include "sandbox/payload.h"
#include "sandbox/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UUID_TEXT = 37 }; /* bytes of a UUID as text, with its NUL */

struct uuid {
    unsigned char bytes[16];
};

struct connector {
    struct uuid id;
    uint32_t account; /* index of the owner */
    enum connector_type type;
    bool share_with_org, archived;
    uint32_t label_len, description_len, config_len; /* of the pieces of `text`, in this order */
    char *text;                                      /* JSON fragments as in struct payload, not NUL-terminated */
    uint64_t config_hash, secret_hash;
    int64_t created_us, updated_us;
    int64_t visible_mono_us; /* reads show it from then on (monotonic) */
    int64_t gone_mono_us;    /* hard-deleted: reads show it until then; INT64_MAX: not deleted */
};

struct store {
    struct connector **blocks;
    size_t block_count, count;
    uint32_t *by_id; /* open addressing; index + 1, 0: empty */
    size_t by_id_cap;
    struct hashset payloads; /* what was created, with its account */
    uint64_t duplicates;     /* creates whose payload was there already */
    uint64_t archived;       /* connectors that are archived now */
    uint64_t generation;     /* changes with every reset: indexes of another generation are void */
};

/* A random UUID, version 4 (RFC 9562 section 5.4). */
struct uuid uuid_random(struct rng *rng);

/* Lower case text. `text` holds UUID_TEXT bytes; returns it. */
char *uuid_format(char text[UUID_TEXT], struct uuid id);

/* Exactly 36 characters, either case. */
bool uuid_parse(struct span text, struct uuid *id);

void store_init(struct store *store);
void store_release(struct store *store);

/* Forgets every connector and the duplicates counted. */
void store_reset(struct store *store);

/* When, whose and under which id a connector is stored. */
struct store_entry {
    struct uuid id;
    uint32_t account;
    int64_t created_us, visible_mono_us;
};

/* Stores a connector with a copy of `payload`; valid until store_reset(). */
struct connector *store_add(struct store *store, const struct store_entry *entry, const struct payload *payload);

/* Replaces label, description, sharing, and an email's config. Secrets and other configs stay. */
void store_update(struct connector *connector, const struct payload *payload, int64_t now_us);

/* Archives it; does nothing where it is archived already. */
void store_archive(struct store *store, struct connector *connector, int64_t now_us);

/* The connector at `index` < store->count; valid until store_reset(). */
struct connector *store_at(const struct store *store, size_t index);

/* The connector with this id that is not gone at `mono_us`, or NULL. */
struct connector *store_find(const struct store *store, struct uuid id, int64_t mono_us);

/* Whether a read at `mono_us` shows it. */
bool store_shows(const struct connector *connector, int64_t mono_us);

/* Its fragments; valid until the connector is updated. */
struct span connector_label(const struct connector *connector);
struct span connector_description(const struct connector *connector);
struct span connector_config(const struct connector *connector);

#endif
