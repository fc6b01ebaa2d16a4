/*
 * remote: a connector as the API answers it (api.md, "Connector"), believed only as far as it can be.
 */
#ifndef MODEL_REMOTE_H
#define MODEL_REMOTE_H

#include "base/buf.h"
#include "model/connector.h"
#include "model/json.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    UUID_TEXT = 36,        /* bytes of a UUID as text */
    REMOTE_TEXT_MAX = 320, /* bytes of type, org_id, owner_id and inbox_email; a longer one counts as absent */
};

/* Everything is owned by the struct and replaced by the next remote_read(). Texts are valid UTF-8 without NUL. */
struct remote {
    struct connector connector; /* its public fields; of the config, the addresses or the broker's user_id */
    struct span id, type, org_id, owner_id, created_at, inbox_email; /* empty where absent, null or of a wrong type */
    struct span updated_at, last_sync_at, last_sync_status, last_sync_error_msg; /* likewise, as they came */
    double files_count, last_sync_count;                                         /* -1 where absent */
    int64_t created_ms; /* created_at in wall milliseconds; -1 where it is not RFC 3339, and counts as absent */
    bool archived;
    bool enveloped;             /* there may be errors beside it */
    struct json_reader *reader; /* holds what the spans point to */
};

void remote_init(struct remote *remote);
void remote_release(struct remote *remote);

/*
 * Reads one connector, bare or in an envelope `{"results": {…}, "errors": [], "metadata": {}}`. False where it isn't
 * one that can be believed: not JSON (json_read()), not an object, no `connector_id` that is a UUID; then `remote` is
 * empty. Other fields of wrong types are treated as absent; an unknown `type` gives TYPE_NONE, an address that is no
 * string is passed over, and those after EMAILS_MAX too. Of a member named twice the first counts.
 */
bool remote_read(struct remote *remote, struct span text);

/*
 * 8-4-4-4-12 hexadecimal digits (RFC 9562, section 4), in any case, of any version; but not the nil UUID (section
 * 5.9), which is how programs write that they have none.
 */
bool remote_is_uuid(struct span text);

#endif
