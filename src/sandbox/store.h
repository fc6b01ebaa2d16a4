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

/* What an update replaces. */
struct face {
    char *text;                                      /* JSON fragments as in struct payload, not NUL-terminated */
    uint32_t label_len, description_len, config_len; /* of the pieces of `text`, in this order */
    bool share_with_org;
    int64_t updated_us;
};

/* The syncs of a connector. One that isn't over is not shown. */
struct syncs {
    int64_t over_mono_us;       /* the latest: monotonic; INT64_MAX: there was none */
    int64_t over_us, before_us; /* when the latest and the one before it are over; 0: none */
    char *failure;              /* why its syncs fail; NULL: they succeed */
};

struct connector {
    struct uuid id;
    uint32_t account; /* index of the owner */
    enum connector_type type;
    bool archived;
    struct face face;
    struct face *before; /* reads show this one until `updated_mono_us`; or NULL */
    int64_t updated_mono_us;
    struct syncs syncs;
    char *inbox; /* its address; NULL: one that is derived from the id */
    uint64_t config_hash, secret_hash;
    int64_t created_us;
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
    int64_t sync_us;      /* when its first sync is over; 0: it has none */
    int64_t sync_mono_us; /* the same by the monotonic clock */
    const char *failure;  /* why its syncs fail, copied; NULL: they succeed */
};

/* Stores a connector with a copy of `payload`; valid until store_reset(). */
struct connector *store_add(struct store *store, const struct store_entry *entry, const struct payload *payload);

/*
 * Replaces label, description, sharing, and an email's config. Secrets and other configs stay. Reads show what was
 * before until `visible_mono_us`.
 */
void store_update(struct connector *connector, const struct payload *payload, int64_t now_us, int64_t visible_mono_us);

/* Gives it the inbox, of which a copy is made; "": it keeps the one that it has. */
void connector_set_inbox(struct connector *connector, const char *inbox);

/* A sync begins that is over at `over_us`. One that isn't over yet at `mono_us` goes on instead. */
void connector_sync(struct connector *connector, int64_t mono_us, int64_t over_mono_us, int64_t over_us);

/* From now on its syncs fail with a copy of `failure`, those that are over included; "": they succeed. */
void connector_fail_syncs(struct connector *connector, const char *failure);

/* When its latest sync was over that a read at `mono_us` shows; 0: none. */
int64_t connector_synced_us(const struct connector *connector, int64_t mono_us);

/* Archives it; does nothing where it is archived already. */
void store_archive(struct store *store, struct connector *connector, int64_t now_us);

/* The connector at `index` < store->count; valid until store_reset(). */
struct connector *store_at(const struct store *store, size_t index);

/* The connector with this id that is not gone at `mono_us`, or NULL. */
struct connector *store_find(const struct store *store, struct uuid id, int64_t mono_us);

/* Whether a read at `mono_us` shows it. */
bool store_shows(const struct connector *connector, int64_t mono_us);

/* What a read at `mono_us` shows of it; valid until the connector is updated. */
const struct face *connector_face(const struct connector *connector, int64_t mono_us);

/* The fragments of a face. */
struct span face_label(const struct face *face);
struct span face_description(const struct face *face);
struct span face_config(const struct face *face);

#endif
