#include "sandbox/world.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "sandbox/clocks.h"
#include "sandbox/jsontext.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char *const retry_form_names[] = {"seconds", "date", "none"};
static_assert(sizeof(retry_form_names) / sizeof(retry_form_names[0]) == RETRY_FORMS, "every form has its name");

const char *retry_form_name(enum retry_form form)
{
    return retry_form_names[form];
}

bool retry_form_named(const char *name, enum retry_form *form)
{
    for (int i = 0; i < RETRY_FORMS; i++) {
        if (strcmp(retry_form_names[i], name) == 0) {
            *form = (enum retry_form)i;
            return true;
        }
    }
    return false;
}

/*
 * Ids do not follow the seed: no id of the API ever comes back, and a result file of one sandbox that is run against
 * the next would otherwise find its own connectors' ids on new ones.
 */
static uint64_t seed_of_ids(void)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        seed = (uint64_t)clocks_mono_us();
    return seed;
}

static void begin_address_limit(struct world *world, int64_t now_us)
{
    struct limit_config config = {.rate = world->config.address_rate, .kind = LIMIT_ROLLING};

    limit_init(&world->address_limit, config, now_us);
}

/* The one without a key is the last. */
static void begin_accounts(struct world *world, int64_t now_us)
{
    const struct world_config *config = &world->config;
    size_t keys = config->key_count;

    world->accounts = alloc_zeroed(keys + 1, sizeof(world->accounts[0]));
    for (size_t i = 0; i <= keys; i++)
        account_init(&world->accounts[i], i < keys ? config->keys[i] : "a colleague", &config->limits, now_us);
    for (size_t i = config->one_org ? 1 : keys; i <= keys; i++)
        memcpy(world->accounts[i].org_id, world->accounts[0].org_id, UUID_TEXT);
}

void world_init(struct world *world, const struct world_config *config)
{
    int64_t now_us = clocks_mono_us();

    *world = (struct world){.config = *config};
    begin_accounts(world, now_us);
    begin_address_limit(world, now_us);
    store_init(&world->store);
    late_init(&world->late);
    requests_init(&world->requests);
    faults_init(&world->faults, config->seed, false);
    rng_init(&world->ids, seed_of_ids(), 0);
    rng_init(&world->delays, config->seed, 3);
    rng_init(&world->settles, config->seed, 4);
    rng_init(&world->garbage, config->seed, 5);
    rng_init(&world->syncs, config->seed, 6);
}

void world_release(struct world *world)
{
    for (size_t i = 0; i <= world->config.key_count; i++)
        account_release(&world->accounts[i]);
    free(world->accounts);
    limit_release(&world->address_limit);
    store_release(&world->store);
    late_release(&world->late);
    requests_release(&world->requests);
    faults_release(&world->faults);
}

static void begin_limits(struct world *world)
{
    int64_t now_us = clocks_mono_us();

    for (size_t i = 0; i < world->config.key_count; i++) {
        limits_release(&world->accounts[i].limits);
        limits_init(&world->accounts[i].limits, &world->config.limits, now_us);
    }
}

bool world_set_rate(struct world *world, const char *text)
{
    bool set = limits_parse(&world->config.limits, text);

    if (set)
        begin_limits(world);
    return set;
}

void world_reset(struct world *world)
{
    store_reset(&world->store);
    late_release(&world->late);
    requests_release(&world->requests);
    faults_forget(&world->faults);
    stats_reset(&world->stats);
    begin_limits(world);
    limit_release(&world->address_limit);
    begin_address_limit(world, clocks_mono_us());
}

static void synthesize(struct payload *payload, const char *name, size_t number)
{
    payload->type = (enum connector_type)(number % TYPES);
    buf_format(&payload->label, "\"%s %07zu\"", name, number);
    payload->label_hash = hash_finish(hash_span(HASH_START, buf_view(&payload->label)));
    payload->config_hash = hash_finish(number);
    if (payload->type == TYPE_EMAIL)
        buf_format(&payload->config, "[\"trader%zu@example.com\"]", number);
    else if (payload->type == TYPE_RESEARCH)
        buf_format(&payload->config, "\"reader%zu\"", number);
    payload->secret_hash = payload->type == TYPE_EMAIL ? 0 : hash_finish(number + 1);
}

static void prefill(struct world *world, size_t count, uint32_t account, const char *name)
{
    int64_t start_us = world_wall_us(world) - (int64_t)(count + 1) * 1000000;
    struct payload payload;

    payload_init(&payload);
    payload.share_with_org = account > 0;
    for (size_t i = 0; i < count; i++) {
        struct store_entry entry = {.id = uuid_random(&world->ids),
                                    .account = account,
                                    .created_us = start_us + (int64_t)i * 1000000,
                                    .visible_mono_us = INT64_MIN};

        buf_reset(&payload.label);
        buf_reset(&payload.config);
        synthesize(&payload, name, i + 1);
        store_add(&world->store, &entry, &payload);
    }
    payload_release(&payload);
}

void world_prefill(struct world *world, size_t count)
{
    prefill(world, count, 0, "Synthetic connector");
}

void world_prefill_others(struct world *world, size_t count)
{
    prefill(world, count, (uint32_t)world->config.key_count, "A colleague's connector");
}

void world_carry_out_late(struct world *world, int64_t mono_us)
{
    world->stats.created += late_carry_out(&world->late, &world->store, mono_us);
}

struct account *world_account(struct world *world, const char *key)
{
    for (size_t i = 0; key != NULL && i < world->config.key_count; i++)
        if (strcmp(world->accounts[i].key, key) == 0)
            return &world->accounts[i];
    return NULL;
}

int64_t world_wall_us(const struct world *world)
{
    return clocks_wall_us() + world->config.clock_offset_ms * 1000;
}

int64_t world_stamp_us(const struct world *world)
{
    return world_wall_us(world) + world->config.created_offset_ms * 1000;
}
