#include "sandbox/render.h"

#include "base/hash.h"
#include "sandbox/clocks.h"
#include "sandbox/jsontext.h"

#include <inttypes.h>
#include <string.h>

static void add_text_field(struct buf *out, const char *name, const char *value)
{
    buf_text(out, ",\"");
    buf_text(out, name);
    buf_text(out, "\":\"");
    buf_text(out, value);
    buf_char(out, '"');
}

/* `connector_id`, `type`, `label`, `description`, `share_with_org`, `archived`: common to both forms. */
static void add_common(struct buf *out, const struct connector *connector)
{
    char id[UUID_TEXT];
    struct span description = connector_description(connector);

    buf_text(out, "{\"connector_id\":\"");
    buf_text(out, uuid_format(id, connector->id));
    buf_char(out, '"');
    add_text_field(out, "type", payload_type_name(connector->type));
    buf_text(out, ",\"label\":");
    buf_span(out, connector_label(connector));
    buf_text(out, ",\"description\":");
    if (description.len > 0)
        buf_span(out, description);
    else
        buf_text(out, "null");
    buf_text(out, ",\"share_with_org\":");
    jsontext_bool(out, connector->share_with_org);
    buf_text(out, ",\"archived\":");
    jsontext_bool(out, connector->archived);
}

static void add_times(struct buf *out, const struct connector *connector)
{
    char time[CLOCKS_TEXT];

    add_text_field(out, "created_at", clocks_format(time, connector->created_us));
    if (connector->updated_us != connector->created_us)
        clocks_format(time, connector->updated_us);
    add_text_field(out, "updated_at", time);
}

/* The inbox belongs to the id: two connectors with one payload have two inboxes. */
static void add_inbox(struct buf *out, const struct connector *connector)
{
    static const char digits[] = "0123456789abcdef";
    char hash[17];
    uint64_t value;

    memcpy(&value, connector->id.bytes, sizeof(value));
    value = hash_finish(value);
    for (int i = 0; i < 16; i++)
        hash[i] = digits[value >> (60 - 4 * i) & 0x0F];
    hash[16] = '\0';
    add_text_field(out, "email_hash", hash);
    buf_text(out, ",\"email\":\"");
    buf_text(out, hash);
    buf_text(out, "@inbox.sandbox.example\"");
}

static void add_config(struct buf *out, const struct connector *connector)
{
    buf_text(out, ",\"config\":{");
    if (connector->type == TYPE_EMAIL) {
        buf_text(out, "\"allowed_emails\":");
        buf_span(out, connector_config(connector));
        add_inbox(out, connector);
    } else if (connector->type == TYPE_RESEARCH) {
        buf_text(out, "\"user_id\":");
        buf_span(out, connector_config(connector));
    }
    buf_char(out, '}');
}

void render_connector(struct buf *out, const struct connector *connector, const struct account *owner)
{
    add_common(out, connector);
    add_text_field(out, "user_id", owner->user_id);
    add_text_field(out, "org_id", owner->org_id);
    add_config(out, connector);
    add_times(out, connector);
    buf_text(out, ",\"files_count\":0,\"last_sync_at\":null,\"last_sync_status\":null,\"last_sync_error_msg\":null,"
                  "\"last_sync_count\":null}");
}

void render_dump(struct buf *out, const struct connector *connector, const struct account *owner)
{
    add_common(out, connector);
    buf_text(out, ",\"deleted\":");
    jsontext_bool(out, connector->gone_mono_us != INT64_MAX);
    add_text_field(out, "user_id", owner->user_id);
    add_config(out, connector);
    add_times(out, connector);
    buf_format(out, ",\"config_hash\":\"%016" PRIx64 "\",\"secret_hash\":", connector->config_hash);
    if (connector->secret_hash != 0)
        buf_format(out, "\"%016" PRIx64 "\"}", connector->secret_hash);
    else
        buf_text(out, "null}");
}
