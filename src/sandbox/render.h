/*
 * render: connectors as JSON: as the API answers them, and as the sandbox's own dump shows them.
 */
#ifndef SANDBOX_RENDER_H
#define SANDBOX_RENDER_H

#include "base/buf.h"
#include "sandbox/account.h"
#include "sandbox/store.h"

/*
 * Appends the connector as api.md, "Connector (every answer)", has it, with one of its faces, and its syncs as of
 * `mono_us`. Never a secret.
 */
void render_connector(struct buf *out, const struct connector *connector, const struct account *owner,
                      const struct face *face, int64_t mono_us);

/*
 * Appends the connector with all the sandbox knows: the payload's fields, `config_hash`, `secret_hash` (equal for
 * equal secrets, null where there is none), `archived`, `deleted`. This is also a line of the --store file.
 */
void render_dump(struct buf *out, const struct connector *connector, const struct account *owner);

#endif
