#include "model/payload.h"

#include "model/json.h"

static void write_config(const struct connector *connector, struct json_object *config)
{
    struct json_object *emails;

    switch (connector->type) {
    case TYPE_EMAIL:
        emails = json_object_list(config, "allowed_emails");
        for (size_t i = 0; i < connector->email_count; i++)
            json_object_text(emails, NULL, connector->emails[i]);
        break;
    case TYPE_INVESTMENT_RESEARCH:
        json_object_text(config, "user_id", connector->user_id);
        json_object_text(config, "user_password", connector->user_password);
        break;
    case TYPE_SHAREPOINT:
        json_object_text(config, "session_id", connector->session_id);
        break;
    case TYPE_NONE:
    case CONNECTOR_TYPES:
        break;
    }
}

bool payload_write(const struct connector *connector, struct buf *out)
{
    struct json_object *payload = json_object_new();
    bool written;

    json_object_text(payload, "type", span_of(type_name(connector->type)));
    json_object_text(payload, "label", connector->label);
    if (connector->description.len > 0)
        json_object_text(payload, "description", connector->description);
    if (connector->share_with_org)
        json_object_bool(payload, "share_with_org", true);
    write_config(connector, json_object_child(payload, "config"));
    written = json_object_print(payload, false, out);
    json_object_free(payload);
    return written;
}
