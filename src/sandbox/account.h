/*
 * account: who a key belongs to, and how much it may ask.
 */
#ifndef SANDBOX_ACCOUNT_H
#define SANDBOX_ACCOUNT_H

#include "sandbox/limits.h"
#include "sandbox/store.h"

#include <stdbool.h>
#include <stdint.h>

struct account {
    char *key;
    char user_id[UUID_TEXT], org_id[UUID_TEXT]; /* derived from the key: the same in every run */
    struct limits limits;
};

/* Whether the account at `viewer` may read the connector: one of its own, or one that its organization shares. */
bool account_sees(const struct account *accounts, uint32_t viewer, const struct connector *connector);

/* An account with a copy of `key`; its limits begin at `now_us`. */
void account_init(struct account *account, const char *key, const struct limits_config *config, int64_t now_us);
void account_release(struct account *account);

#endif
