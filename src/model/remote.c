#include "model/remote.h"

#include "base/clock.h"

void remote_init(struct remote *remote)
{
    *remote = (struct remote){.created_ms = -1, .reader = json_reader_new()};
    connector_init(&remote->connector);
}

void remote_release(struct remote *remote)
{
    connector_release(&remote->connector);
    json_reader_free(remote->reader);
    remote->reader = NULL;
}

static bool is_hex(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

bool remote_is_uuid(struct span text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    bool is_nil = true;

    _Static_assert(sizeof(form) - 1 == UUID_TEXT, "a UUID's length");
    if (text.len != UUID_TEXT)
        return false;
    for (size_t i = 0; i < UUID_TEXT; i++) {
        if (form[i] == '-' ? text.data[i] != '-' : !is_hex(text.data[i]))
            return false;
        is_nil = is_nil && (text.data[i] == '0' || text.data[i] == '-');
    }
    return !is_nil;
}

static void clear(struct remote *remote)
{
    connector_reset(&remote->connector);
    *remote = (struct remote){.connector = remote->connector, .created_ms = -1, .reader = remote->reader};
}

/* A member's text, where it is one and not longer than any true one. */
static struct span short_text(const struct json_value *object, const char *name)
{
    struct span text = json_string(json_member(object, name));

    return text.len <= REMOTE_TEXT_MAX ? text : (struct span){0};
}

/* Visible ASCII, as ids are written. */
static bool is_id(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    return true;
}

/* The API writes its types in one way only: type_named() is for people. */
static enum connector_type type_of(struct span name)
{
    for (enum connector_type type = TYPE_NONE + 1; type < CONNECTOR_TYPES; type++)
        if (span_equal(name, span_of(type_name(type))))
            return type;
    return TYPE_NONE;
}

static void read_config(struct remote *remote, const struct json_value *config)
{
    const struct json_value *emails = json_member(config, "allowed_emails");

    remote->inbox_email = short_text(config, "email");
    remote->connector.user_id = json_string(json_member(config, "user_id"));
    if (json_kind(emails) != JSON_ARRAY)
        return;
    for (const struct json_value *email = json_first(emails); email != NULL; email = json_next(email))
        if (json_kind(email) == JSON_STRING)
            connector_add_email(&remote->connector, json_string(email));
}

/* An object as it is, or taken out of the envelope that the API has round some of them (api.md, "Errors seen"). */
static const struct json_value *unwrap(const struct json_value *value)
{
    const struct json_value *results = json_member(value, "results");

    return json_kind(results) == JSON_OBJECT && json_member(value, "connector_id") == NULL ? results : value;
}

bool remote_read(struct remote *remote, struct span text)
{
    const struct json_value *whole, *value;
    struct span id;

    clear(remote);
    whole = json_read(remote->reader, text);
    value = unwrap(whole);
    id = json_string(json_member(value, "connector_id"));
    if (!remote_is_uuid(id))
        return false;
    remote->id = id;
    remote->enveloped = value != whole;
    remote->type = short_text(value, "type");
    remote->org_id = short_text(value, "org_id");
    if (!is_id(remote->org_id))
        remote->org_id = (struct span){0};
    remote->owner_id = short_text(value, "user_id");
    remote->created_at = json_string(json_member(value, "created_at"));
    if (!clock_parse_rfc3339(remote->created_at, &remote->created_ms)) {
        remote->created_at = (struct span){0};
        remote->created_ms = -1;
    }
    remote->updated_at = short_text(value, "updated_at");
    remote->files_count = json_number(json_member(value, "files_count"), -1);
    remote->last_sync_at = short_text(value, "last_sync_at");
    remote->last_sync_status = short_text(value, "last_sync_status");
    remote->last_sync_count = json_number(json_member(value, "last_sync_count"), -1);
    remote->last_sync_error_msg = json_string(json_member(value, "last_sync_error_msg"));
    remote->archived = json_kind(json_member(value, "archived")) == JSON_TRUE;
    remote->connector.type = type_of(remote->type);
    remote->connector.label = json_string(json_member(value, "label"));
    remote->connector.description = json_string(json_member(value, "description"));
    remote->connector.share_with_org = json_kind(json_member(value, "share_with_org")) == JSON_TRUE;
    read_config(remote, json_member(value, "config"));
    return true;
}
