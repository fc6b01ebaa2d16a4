#include "sandbox/account.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { UNLIMITED_WINDOW_US = 60 * 1000 * 1000, UNLIMITED_GRAIN_US = 1000 };

static void derive_id(char text[UUID_TEXT], const char *key, uint64_t stream)
{
    struct rng rng;

    rng_init(&rng, hash_finish(hash_span(HASH_START, span_of(key))), stream);
    uuid_format(text, uuid_random(&rng));
}

/* Without a limit a window's worth of exact times could be millions: milliseconds do. */
static void begin(struct account *account, struct limit_config config, int64_t now_us)
{
    bool limited = config.rate.count > 0;
    int64_t length_us = limited ? config.rate.window_ms * 1000 : UNLIMITED_WINDOW_US;

    limit_init(&account->limit, config, now_us);
    window_init(&account->seen, length_us, limited ? 1 : UNLIMITED_GRAIN_US);
    window_init(&account->accepted, length_us, limited ? 1 : UNLIMITED_GRAIN_US);
}

static void end(struct account *account)
{
    limit_release(&account->limit);
    window_release(&account->seen);
    window_release(&account->accepted);
}

bool account_sees(const struct account *accounts, uint32_t viewer, const struct connector *connector)
{
    return connector->account == viewer ||
           (connector->share_with_org && strcmp(accounts[connector->account].org_id, accounts[viewer].org_id) == 0);
}

void account_init(struct account *account, const char *key, struct limit_config config, int64_t now_us)
{
    *account = (struct account){.key = alloc_text(key)};
    derive_id(account->user_id, key, 1);
    derive_id(account->org_id, key, 2);
    begin(account, config, now_us);
}

void account_release(struct account *account)
{
    end(account);
    free(account->key);
    account->key = NULL;
}

void account_set_limit(struct account *account, struct limit_config config, int64_t now_us)
{
    end(account);
    begin(account, config, now_us);
}
