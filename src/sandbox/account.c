#include "sandbox/account.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

static void derive_id(char text[UUID_TEXT], const char *key, uint64_t stream)
{
    struct rng rng;

    rng_init(&rng, hash_finish(hash_span(HASH_START, span_of(key))), stream);
    uuid_format(text, uuid_random(&rng));
}

bool account_sees(const struct account *accounts, uint32_t viewer, const struct connector *connector)
{
    return connector->account == viewer || (connector->face.share_with_org &&
                                            strcmp(accounts[connector->account].org_id, accounts[viewer].org_id) == 0);
}

void account_init(struct account *account, const char *key, const struct limits_config *config, int64_t now_us)
{
    *account = (struct account){.key = alloc_text(key)};
    derive_id(account->user_id, key, 1);
    derive_id(account->org_id, key, 2);
    limits_init(&account->limits, config, now_us);
}

void account_release(struct account *account)
{
    limits_release(&account->limits);
    free(account->key);
    account->key = NULL;
}
