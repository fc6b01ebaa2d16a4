#include "model/connector.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "model/label.h"

#include <stdlib.h>
#include <string.h>

enum {
    FEW = 12, /* addresses up to which comparing with each is faster than a table */
    FIRST_EMAIL_CAP = 8,
    FIRST_SLOTS = 64, /* a power of two, as slot_of() needs it */
    SHOWN_CHARS = 40, /* characters of a value in a difference */
    SHOWN_EMAILS = 5, /* addresses of each side in a difference */
};

void connector_init(struct connector *connector)
{
    *connector = (struct connector){0};
}

void connector_release(struct connector *connector)
{
    free(connector->emails);
    free(connector->slots);
    connector_init(connector);
}

void connector_reset(struct connector *connector)
{
    connector->type = TYPE_NONE;
    connector->share_with_org = false;
    connector->label = connector->description = (struct span){0};
    connector->user_id = connector->user_password = connector->session_id = (struct span){0};
    connector->email_count = 0;
    connector->slotted = 0;
}

/* Addresses */

static uint64_t email_hash(struct span address)
{
    return hash_finish(hash_span_fold(HASH_START, address));
}

/* The slot that holds `address`, or the free one where it belongs. */
static uint16_t *slot_of(const struct connector *connector, struct span address)
{
    size_t mask = connector->slot_count - 1;
    size_t slot = (size_t)email_hash(address) & mask;

    while (connector->slots[slot] != 0 && !text_equal_fold(connector->emails[connector->slots[slot] - 1], address))
        slot = (slot + 1) & mask;
    return &connector->slots[slot];
}

/* Has the table hold every address, and keeps half of it free. */
static void fill_slots(struct connector *connector)
{
    size_t need = connector->slot_count > 0 ? connector->slot_count : FIRST_SLOTS;

    if (connector->slotted == connector->email_count && 2 * connector->email_count < connector->slot_count)
        return;
    while (need <= 2 * connector->email_count)
        need *= 2;
    if (need != connector->slot_count)
        connector->slots = alloc_resize(connector->slots, need, sizeof(*connector->slots));
    connector->slot_count = need;
    memset(connector->slots, 0, need * sizeof(*connector->slots));
    for (size_t i = 0; i < connector->email_count; i++)
        *slot_of(connector, connector->emails[i]) = (uint16_t)(i + 1);
    connector->slotted = connector->email_count;
}

bool connector_has_email(const struct connector *connector, struct span address)
{
    if (connector->slotted > 0)
        return *slot_of(connector, address) != 0;
    for (size_t i = 0; i < connector->email_count; i++)
        if (text_equal_fold(connector->emails[i], address))
            return true;
    return false;
}

bool connector_add_email(struct connector *connector, struct span address)
{
    if (connector->email_count >= FEW)
        fill_slots(connector);
    if (connector_has_email(connector, address))
        return false;
    if (connector->email_count == EMAILS_MAX)
        return true;
    if (connector->email_count == connector->email_cap) {
        connector->email_cap = connector->email_cap > 0 ? 2 * connector->email_cap : FIRST_EMAIL_CAP;
        connector->emails = alloc_resize(connector->emails, connector->email_cap, sizeof(*connector->emails));
    }
    connector->emails[connector->email_count++] = address;
    if (connector->slotted > 0) {
        *slot_of(connector, address) = (uint16_t)connector->email_count;
        connector->slotted++;
    }
    return true;
}

/* Sizes */

size_t connector_text_size(struct span text)
{
    static const unsigned char two[256] = {
        ['"'] = 1, ['\\'] = 1, ['\b'] = 1, ['\f'] = 1, ['\n'] = 1, ['\r'] = 1, ['\t'] = 1,
    };
    size_t size = text.len + strlen("\"\"");

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if (two[byte] != 0)
            size++;
        else if (byte < 0x20)
            size += strlen("\\u0000") - 1;
    }
    return size;
}

/* `"name":"text"` */
static size_t member_size(enum field field, struct span text)
{
    return strlen("\"\":") + strlen(field_name(field)) + connector_text_size(text);
}

static size_t emails_size(const struct connector *connector)
{
    size_t size = strlen("\"\":[]") + strlen(field_name(FIELD_ALLOWED_EMAILS));

    for (size_t i = 0; i < connector->email_count; i++)
        size += connector_text_size(connector->emails[i]) + (i > 0 ? strlen(",") : 0);
    return size;
}

static size_t config_size(const struct connector *connector)
{
    size_t size = strlen("\"config\":{}");

    switch (connector->type) {
    case TYPE_EMAIL:
        return size + emails_size(connector);
    case TYPE_INVESTMENT_RESEARCH:
        return size + member_size(FIELD_USER_ID, connector->user_id) + strlen(",") +
               member_size(FIELD_USER_PASSWORD, connector->user_password);
    case TYPE_SHAREPOINT:
        return size + member_size(FIELD_SESSION_ID, connector->session_id);
    default:
        return size;
    }
}

size_t connector_payload_size(const struct connector *connector)
{
    size_t size = strlen("{}") + member_size(FIELD_TYPE, span_of(type_name(connector->type))) + strlen(",") +
                  member_size(FIELD_LABEL, connector->label) + strlen(",");

    if (connector->description.len > 0)
        size += member_size(FIELD_DESCRIPTION, connector->description) + strlen(",");
    if (connector->share_with_org)
        size += strlen("\"share_with_org\":true,");
    return size + config_size(connector);
}

/* Identity */

static uint64_t hash_number(uint64_t hash, uint64_t number)
{
    return hash_finish(hash ^ number);
}

static uint64_t hash_emails(const struct connector *connector)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < connector->email_count; i++)
        sum += email_hash(connector->emails[i]);
    return sum;
}

static uint64_t hash_key(const struct connector *connector)
{
    return hash_span(hash_number(HASH_START, (uint64_t)connector->type), text_trim(connector->label));
}

static uint64_t hash_public(const struct connector *connector)
{
    uint64_t hash = hash_span(hash_key(connector), text_trim(connector->description));

    hash = hash_number(hash, connector->share_with_org);
    if (connector->type == TYPE_EMAIL)
        return hash_number(hash, hash_emails(connector));
    return connector->type == TYPE_INVESTMENT_RESEARCH ? hash_span(hash, connector->user_id) : hash;
}

uint64_t connector_key_hash(const struct connector *connector)
{
    return hash_finish(hash_key(connector));
}

uint64_t connector_public_hash(const struct connector *connector)
{
    return hash_finish(hash_public(connector));
}

uint64_t connector_hash(const struct connector *connector)
{
    uint64_t hash = hash_public(connector);

    if (connector->type == TYPE_INVESTMENT_RESEARCH)
        hash = hash_span(hash, connector->user_password);
    else if (connector->type == TYPE_SHAREPOINT)
        hash = hash_span(hash, connector->session_id);
    return hash_finish(hash);
}

struct span connector_secret(const struct connector *connector)
{
    return connector->user_password.len > 0 ? connector->user_password : connector->session_id;
}

static bool equal_but_blanks(struct span a, struct span b)
{
    return span_equal(text_trim(a), text_trim(b));
}

/* Neither has an address twice, so that as many and all of them found means equal. */
bool connector_same_emails(const struct connector *a, const struct connector *b)
{
    if (a->email_count != b->email_count)
        return false;
    for (size_t i = 0; i < a->email_count; i++)
        if (!connector_has_email(b, a->emails[i]))
            return false;
    return true;
}

static bool equal_configs(const struct connector *a, const struct connector *b)
{
    if (a->type == TYPE_EMAIL)
        return connector_same_emails(a, b);
    return a->type != TYPE_INVESTMENT_RESEARCH || span_equal(a->user_id, b->user_id);
}

bool connector_key_equal(const struct connector *a, const struct connector *b)
{
    return a->type == b->type && equal_but_blanks(a->label, b->label);
}

bool connector_public_equal(const struct connector *a, const struct connector *b)
{
    if (!connector_key_equal(a, b) || a->share_with_org != b->share_with_org ||
        !equal_but_blanks(a->description, b->description))
        return false;
    return equal_configs(a, b);
}

bool connector_equal(const struct connector *a, const struct connector *b)
{
    if (!connector_public_equal(a, b))
        return false;
    if (a->type == TYPE_INVESTMENT_RESEARCH)
        return span_equal(a->user_password, b->user_password);
    return a->type != TYPE_SHAREPOINT || span_equal(a->session_id, b->session_id);
}

void connector_uncompared(const struct connector *row, struct buf *out)
{
    if (connector_secret(row).len == 0)
        return;
    buf_format(out,
               "%s%s: not compared, for the account does not show it; to replace it, archive this connector and run "
               "this again",
               out->len > 0 ? "; " : "",
               field_name(row->user_password.len > 0 ? FIELD_USER_PASSWORD : FIELD_SESSION_ID));
}

/* Likeness */

enum connector_likeness connector_compare(const struct connector *row, const struct connector *shown)
{
    enum label_likeness label;

    if (shown->type != row->type && shown->type != TYPE_NONE)
        return CONNECTOR_OTHER;
    label = label_compare(row->label, shown->label);
    if (label == LABEL_OTHER || (label == LABEL_PART && !(shown->type == row->type && equal_configs(row, shown))))
        return CONNECTOR_OTHER;
    return label == LABEL_KEPT && shown->type == row->type && equal_configs(row, shown) ? CONNECTOR_KEPT
                                                                                        : CONNECTOR_ALIKE;
}

bool connector_answers(const struct connector *row, const struct connector *shown)
{
    if (shown->type != row->type && shown->type != TYPE_NONE)
        return false;
    if (shown->label.len == 0 || label_compare(row->label, shown->label) != LABEL_OTHER)
        return true;
    return shown->type == row->type && row->type != TYPE_SHAREPOINT && equal_configs(row, shown);
}

/* Differences */

struct differences {
    struct buf *out;
    bool any;
};

static void begin_difference(struct differences *differences, enum field field)
{
    if (differences->any)
        buf_text(differences->out, "; ");
    differences->any = true;
    buf_format(differences->out, "%s: ", field_name(field));
}

static void show_side(struct buf *out, const char *side, struct span value)
{
    buf_format(out, "%s has ", side);
    if (value.len == 0)
        buf_text(out, "none");
    else
        text_quote(out, value, SHOWN_CHARS);
}

static void compare_text(struct differences *differences, enum field field, struct span row, struct span theirs)
{
    if (span_equal(row, theirs))
        return;
    begin_difference(differences, field);
    show_side(differences->out, "the account", theirs);
    show_side(differences->out, ", the sheet", row);
}

/* Appends, after `lead`, the addresses of `own` that are not in `against`; says whether there are any. */
static bool list_lacking(struct buf *out, const char *lead, const struct connector *own,
                         const struct connector *against)
{
    size_t lacking = 0;

    for (size_t i = 0; i < own->email_count; i++) {
        if (connector_has_email(against, own->emails[i]))
            continue;
        if (lacking++ >= SHOWN_EMAILS)
            continue;
        buf_text(out, lacking == 1 ? lead : ", ");
        text_quote(out, own->emails[i], SHOWN_CHARS);
    }
    if (lacking > SHOWN_EMAILS)
        buf_format(out, " and %zu more", lacking - SHOWN_EMAILS);
    return lacking > 0;
}

static void compare_emails(struct differences *differences, const struct connector *row, const struct connector *theirs)
{
    bool more;

    if (connector_same_emails(row, theirs))
        return;
    begin_difference(differences, FIELD_ALLOWED_EMAILS);
    more = list_lacking(differences->out, "only in the account ", theirs, row);
    list_lacking(differences->out, more ? ", only in the sheet " : "only in the sheet ", row, theirs);
}

void connector_differences(const struct connector *row, const struct connector *theirs, struct buf *out)
{
    struct differences differences = {.out = out};

    compare_text(&differences, FIELD_TYPE, span_of(type_name(row->type)), span_of(type_name(theirs->type)));
    compare_text(&differences, FIELD_LABEL, text_trim(row->label), text_trim(theirs->label));
    compare_text(&differences, FIELD_DESCRIPTION, text_trim(row->description), text_trim(theirs->description));
    if (row->share_with_org != theirs->share_with_org) {
        begin_difference(&differences, FIELD_SHARE_WITH_ORG);
        buf_text(out, row->share_with_org ? "the account has false, the sheet has true"
                                          : "the account has true, the sheet has false");
    }
    if (row->type != theirs->type)
        return;
    if (row->type == TYPE_EMAIL)
        compare_emails(&differences, row, theirs);
    else if (row->type == TYPE_INVESTMENT_RESEARCH)
        compare_text(&differences, FIELD_USER_ID, row->user_id, theirs->user_id);
}
