#include "sandbox/render.h"

#include "base/hash.h"
#include "sandbox/clocks.h"
#include "sandbox/jsontext.h"

#include <inttypes.h>
#include <string.h>

enum {
    SYNC_FILES = 3, /* that a successful sync finds */
    INBOX_MAX = 64,
};

static void add_text_field(struct buf *out, const char *name, const char *value)
{
    buf_text(out, ",\"");
    buf_text(out, name);
    buf_text(out, "\":\"");
    buf_text(out, value);
    buf_char(out, '"');
}

/* `connector_id`, `type`, `label`, `description`, `share_with_org`, `archived`: common to both forms. */
static void add_common(struct buf *out, const struct connector *connector, const struct face *face)
{
    char id[UUID_TEXT];
    struct span description = face_description(face);

    buf_text(out, "{\"connector_id\":\"");
    buf_text(out, uuid_format(id, connector->id));
    buf_char(out, '"');
    add_text_field(out, "type", payload_type_name(connector->type));
    buf_text(out, ",\"label\":");
    buf_span(out, face_label(face));
    buf_text(out, ",\"description\":");
    if (description.len > 0)
        buf_span(out, description);
    else
        buf_text(out, "null");
    buf_text(out, ",\"share_with_org\":");
    jsontext_bool(out, face->share_with_org);
    buf_text(out, ",\"archived\":");
    jsontext_bool(out, connector->archived);
}

static void add_times(struct buf *out, const struct connector *connector, const struct face *face)
{
    char time[CLOCKS_TEXT];

    add_text_field(out, "created_at", clocks_format(time, connector->created_us));
    if (face->updated_us != connector->created_us)
        clocks_format(time, face->updated_us);
    add_text_field(out, "updated_at", time);
}

/* The inbox belongs to the id: two connectors with one payload have two inboxes. */
static void derive_inbox(struct buf *inbox, const struct connector *connector)
{
    uint64_t value;

    memcpy(&value, connector->id.bytes, sizeof(value));
    buf_format(inbox, "%016" PRIx64 "@inbox.sandbox.example", hash_finish(value));
}

static void add_inbox(struct buf *out, const struct connector *connector)
{
    struct buf derived;
    struct span inbox;

    buf_init(&derived, INBOX_MAX);
    if (connector->inbox == NULL)
        derive_inbox(&derived, connector);
    inbox = connector->inbox != NULL ? span_of(connector->inbox) : buf_view(&derived);
    buf_text(out, ",\"email_hash\":");
    jsontext_string(out, (struct span){inbox.data, strcspn(inbox.data, "@")});
    buf_text(out, ",\"email\":");
    jsontext_string(out, inbox);
    buf_release(&derived);
}

static void add_config(struct buf *out, const struct connector *connector, const struct face *face)
{
    buf_text(out, ",\"config\":{");
    if (connector->type == TYPE_EMAIL) {
        buf_text(out, "\"allowed_emails\":");
        buf_span(out, face_config(face));
        add_inbox(out, connector);
    } else if (connector->type == TYPE_RESEARCH) {
        buf_text(out, "\"user_id\":");
        buf_span(out, face_config(face));
    }
    buf_char(out, '}');
}

static void add_syncs(struct buf *out, const struct connector *connector, int64_t synced_us)
{
    const char *failure = connector->syncs.failure;
    int files = synced_us != 0 && failure == NULL ? SYNC_FILES : 0;
    char time[CLOCKS_TEXT];

    buf_format(out, ",\"files_count\":%d", files);
    if (synced_us == 0) {
        buf_text(out, ",\"last_sync_at\":null,\"last_sync_status\":null,\"last_sync_error_msg\":null,"
                      "\"last_sync_count\":null}");
        return;
    }
    add_text_field(out, "last_sync_at", clocks_format(time, synced_us));
    add_text_field(out, "last_sync_status", failure != NULL ? "failed" : "completed");
    buf_text(out, ",\"last_sync_error_msg\":");
    jsontext_nullable(out, failure);
    buf_format(out, ",\"last_sync_count\":%d}", files);
}

void render_connector(struct buf *out, const struct connector *connector, const struct account *owner,
                      const struct face *face, int64_t mono_us)
{
    add_common(out, connector, face);
    add_text_field(out, "user_id", owner->user_id);
    add_text_field(out, "org_id", owner->org_id);
    add_config(out, connector, face);
    add_times(out, connector, face);
    add_syncs(out, connector, connector_synced_us(connector, mono_us));
}

void render_dump(struct buf *out, const struct connector *connector, const struct account *owner)
{
    const struct face *face = &connector->face;

    add_common(out, connector, face);
    buf_text(out, ",\"deleted\":");
    jsontext_bool(out, connector->gone_mono_us != INT64_MAX);
    add_text_field(out, "user_id", owner->user_id);
    add_config(out, connector, face);
    add_times(out, connector, face);
    buf_format(out, ",\"config_hash\":\"%016" PRIx64 "\",\"secret_hash\":", connector->config_hash);
    if (connector->secret_hash != 0)
        buf_format(out, "\"%016" PRIx64 "\"}", connector->secret_hash);
    else
        buf_text(out, "null}");
}
