/*
 * world: all that the sandbox knows, and the settings it runs under.
 */
#ifndef SANDBOX_WORLD_H
#define SANDBOX_WORLD_H

#include "sandbox/account.h"
#include "sandbox/answer.h"
#include "sandbox/call.h"
#include "sandbox/faults.h"
#include "sandbox/kept.h"
#include "sandbox/late.h"
#include "sandbox/limit.h"
#include "sandbox/limits.h"
#include "sandbox/log.h"
#include "sandbox/requests.h"
#include "sandbox/stats.h"
#include "sandbox/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a 429 says when to come back. */
enum retry_form { RETRY_SECONDS, RETRY_DATE, RETRY_NONE, RETRY_FORMS };

enum { WORLD_KEYS_MAX = 64 };

struct world_config {
    const char *keys[WORLD_KEYS_MAX]; /* the caller's, copied */
    size_t key_count;                 /* at least 1 */
    struct limits_config limits;
    struct rate address_rate; /* most requests from one address, whatever the key; a count of 0: no limit */
    enum retry_form retry_form;
    bool rate_headers;
    int64_t latency_ms, jitter_ms; /* every answer is held back by latency, and up to jitter more */
    int64_t settle_ms, settle_jitter_ms;
    int64_t clock_offset_ms;         /* the server's wall clock minus the real one */
    int64_t created_offset_ms;       /* the clock of `created_at` minus the server's wall clock */
    int64_t late_ms, late_jitter_ms; /* how long after its answer a late create takes effect */
    uint64_t list_cap;               /* a list shows the newest alone, this many; 0: all */
    enum kept_form labels;
    enum validation_form validation;
    int64_t sync_ms;     /* how long a sync takes; that of a create begins by itself unless this is negative */
    uint32_t sync_share; /* of the connectors with a secret those whose syncs fail, in hundredths of a percent */
    bool one_org;        /* the keys are colleagues: they see what the others share */
    uint64_t seed;
};

struct world {
    struct world_config config;
    struct account *accounts;   /* of the keys, and then a colleague of the first one that has no key */
    struct limit address_limit; /* it serves this machine alone: one address */
    struct store store;
    struct late late;
    struct faults faults;
    struct stats stats;
    struct log *log; /* or NULL; the caller's */
    struct requests requests;
    struct rng ids, delays, settles, garbage, syncs;
    uint64_t seq; /* number of the latest request */
};

/* `rolling`, ... as --retry-after takes them. */
const char *retry_form_name(enum retry_form form);
bool retry_form_named(const char *name, enum retry_form *form);

void world_init(struct world *world, const struct world_config *config);
void world_release(struct world *world);

/* Forgets connectors, counts and used-up limits; orders for faults and the limit itself stay. */
void world_reset(struct world *world);

/* Puts every account under the rates of `text` (limits_parse()), from now on; false where it has none. */
bool world_set_rate(struct world *world, const char *text);

/*
 * Stores `count` synthetic connectors of the first account, or shared ones of its colleague, created over the hours
 * before now, all visible.
 */
void world_prefill(struct world *world, size_t count);
void world_prefill_others(struct world *world, size_t count);

/* What is late and due takes effect. */
void world_carry_out_late(struct world *world, int64_t mono_us);

/* The account with this key, or NULL. */
struct account *world_account(struct world *world, const char *key);

/* The server's wall clock, microseconds since 1970. */
int64_t world_wall_us(const struct world *world);

/* The clock of `created_at` and `updated_at`. */
int64_t world_stamp_us(const struct world *world);

#endif
