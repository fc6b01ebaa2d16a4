#include "model/edit.h"

#include "base/text.h"
#include "model/json.h"
#include "model/label.h"

enum { SHOWN_CHARS = 40, SHOWN_EMAILS = 5 };

void edit_init(struct edit *edit)
{
    *edit = (struct edit){0};
    connector_init(&edit->wanted);
}

void edit_release(struct edit *edit)
{
    connector_release(&edit->wanted);
}

static void take_emails(struct connector *to, const struct connector *from)
{
    for (size_t i = 0; i < from->email_count; i++)
        connector_add_email(to, from->emails[i]);
}

/* The fields that differ, of those that both have. */
static unsigned differing(const struct connector *row, const struct connector *shown)
{
    unsigned fields = 0;

    if (row->type != TYPE_NONE && row->type != shown->type)
        fields |= 1U << FIELD_TYPE;
    if (!label_same(row->label, shown->label))
        fields |= 1U << FIELD_LABEL;
    if (!label_same(row->description, shown->description))
        fields |= 1U << FIELD_DESCRIPTION;
    if (row->share_with_org != shown->share_with_org)
        fields |= 1U << FIELD_SHARE_WITH_ORG;
    if (shown->type == TYPE_EMAIL && !connector_same_emails(row, shown))
        fields |= 1U << FIELD_ALLOWED_EMAILS;
    if (shown->type == TYPE_INVESTMENT_RESEARCH && !label_same(row->user_id, shown->user_id))
        fields |= 1U << FIELD_USER_ID;
    return fields;
}

void edit_compare(struct edit *edit, const struct connector *row, unsigned columns, const struct connector *shown)
{
    const unsigned fixed = 1U << FIELD_TYPE | 1U << FIELD_USER_ID;
    unsigned differ = differing(row, shown) & columns;
    struct connector *wanted = &edit->wanted;

    edit->changed = differ & ~fixed;
    edit->fixed = differ & fixed;
    connector_reset(wanted);
    wanted->type = shown->type;
    wanted->label = edit->changed >> FIELD_LABEL & 1 ? row->label : shown->label;
    wanted->description = edit->changed >> FIELD_DESCRIPTION & 1 ? row->description : shown->description;
    wanted->share_with_org = edit->changed >> FIELD_SHARE_WITH_ORG & 1 ? row->share_with_org : shown->share_with_org;
    take_emails(wanted, edit->changed >> FIELD_ALLOWED_EMAILS & 1 ? row : shown);
}

static void show_text(struct buf *out, struct span text)
{
    text_quote(out, text, SHOWN_CHARS);
}

/* Addresses of `own` that `other` lacks, each behind the sign. */
static void show_lacking(struct buf *out, const char *sign, const struct connector *own, const struct connector *other)
{
    size_t lacking = 0;

    for (size_t i = 0; i < own->email_count; i++) {
        if (connector_has_email(other, own->emails[i]) || lacking++ >= SHOWN_EMAILS)
            continue;
        buf_format(out, " %s ", sign);
        show_text(out, own->emails[i]);
    }
    if (lacking > SHOWN_EMAILS)
        buf_format(out, " %s %zu more", sign, lacking - SHOWN_EMAILS);
}

static struct span text_of(const struct connector *connector, enum field field)
{
    switch (field) {
    case FIELD_TYPE:
        return span_of(type_name(connector->type));
    case FIELD_LABEL:
        return connector->label;
    case FIELD_DESCRIPTION:
        return connector->description;
    case FIELD_SHARE_WITH_ORG:
        return span_of(connector->share_with_org ? "true" : "false");
    case FIELD_USER_ID:
        return connector->user_id;
    default:
        return (struct span){0};
    }
}

void edit_show(unsigned fields, const struct connector *row, const struct connector *shown, const char *separator,
               struct buf *out)
{
    const char *lead = "";

    for (enum field field = 0; field < FIELDS; field++) {
        if ((fields >> field & 1) == 0)
            continue;
        buf_format(out, "%s%s:", lead, field_name(field));
        lead = separator;
        if (field == FIELD_ALLOWED_EMAILS) {
            show_lacking(out, "-", shown, row);
            show_lacking(out, "+", row, shown);
            continue;
        }
        buf_char(out, ' ');
        show_text(out, text_of(shown, field));
        buf_text(out, " → ");
        show_text(out, text_of(row, field));
    }
}

bool edit_body(const struct edit *edit, struct buf *out)
{
    const struct connector *wanted = &edit->wanted;
    struct json_object *body = json_object_new(), *emails;
    bool written;

    json_object_text(body, "label", wanted->label);
    json_object_text(body, "description", wanted->description);
    json_object_bool(body, "share_with_org", wanted->share_with_org);
    if (wanted->type == TYPE_EMAIL) {
        emails = json_object_list(json_object_child(body, "config"), "allowed_emails");
        for (size_t i = 0; i < wanted->email_count; i++)
            json_object_text(emails, NULL, wanted->emails[i]);
    }
    written = json_object_print(body, false, out);
    json_object_free(body);
    return written;
}
