/*
 * payload: the body of a create request (api.md, "Create payload").
 */
#ifndef MODEL_PAYLOAD_H
#define MODEL_PAYLOAD_H

#include "base/buf.h"
#include "model/connector.h"

#include <stdbool.h>

/*
 * Appends the JSON of a checked connector, compact, in this order: `type`, `label`, `description` (where not empty),
 * `share_with_org` (where true), `config`. False where `out` can't hold it. It may hold secrets: buf_wipe() it.
 */
bool payload_write(const struct connector *connector, struct buf *out);

#endif
