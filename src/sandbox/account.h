/*
 * account: who a key belongs to, and how much it may ask.
 */
#ifndef SANDBOX_ACCOUNT_H
#define SANDBOX_ACCOUNT_H

#include "sandbox/limit.h"
#include "sandbox/store.h"
#include "sandbox/window.h"

#include <stdbool.h>
#include <stdint.h>

struct account {
    char *key;
    char user_id[UUID_TEXT], org_id[UUID_TEXT]; /* derived from the key: the same in every run */
    struct limit limit;
    struct window seen;     /* requests that arrived with the key */
    struct window accepted; /* those of them that the limit let pass */
};

/* Whether the account at `viewer` may read the connector: one of its own, or one that its organization shares. */
bool account_sees(const struct account *accounts, uint32_t viewer, const struct connector *connector);

/* An account with a copy of `key`; its limit begins at `now_us`. Windows without a limit are a minute long. */
void account_init(struct account *account, const char *key, struct limit_config config, int64_t now_us);
void account_release(struct account *account);

/* Starts limit and windows anew under `config`. */
void account_set_limit(struct account *account, struct limit_config config, int64_t now_us);

#endif
