#include "model/field.h"

#include "base/text.h"

#include <assert.h>

#define TYPE_BIT(type) (1U << (type))
#define EVERY_TYPE (TYPE_BIT(CONNECTOR_TYPES) - 1)

enum { NAME_LONGEST = 32 }; /* bytes that count of a name that may be meant for a field */

struct field_run_info {
    unsigned types; /* the types that take the field, a TYPE_BIT() each; TYPE_NONE included */
    bool required;  /* by every type that takes it */
    bool secret;
};

static const char *const names[] = {
    [FIELD_TYPE] = "type",
    [FIELD_LABEL] = "label",
    [FIELD_DESCRIPTION] = "description",
    [FIELD_SHARE_WITH_ORG] = "share_with_org",
    [FIELD_ALLOWED_EMAILS] = "allowed_emails",
    [FIELD_USER_ID] = "user_id",
    [FIELD_USER_PASSWORD] = "user_password",
    [FIELD_SESSION_ID] = "session_id",
};
static_assert(sizeof(names) / sizeof(names[0]) == FIELDS, "a name for each field");

static const struct field_run_info info[] = {
    [FIELD_TYPE] = {.types = EVERY_TYPE, .required = true},
    [FIELD_LABEL] = {.types = EVERY_TYPE, .required = true},
    [FIELD_DESCRIPTION] = {.types = EVERY_TYPE},
    [FIELD_SHARE_WITH_ORG] = {.types = EVERY_TYPE},
    [FIELD_ALLOWED_EMAILS] = {.types = TYPE_BIT(TYPE_EMAIL), .required = true},
    [FIELD_USER_ID] = {.types = TYPE_BIT(TYPE_INVESTMENT_RESEARCH), .required = true},
    [FIELD_USER_PASSWORD] = {.types = TYPE_BIT(TYPE_INVESTMENT_RESEARCH), .required = true, .secret = true},
    [FIELD_SESSION_ID] = {.types = TYPE_BIT(TYPE_SHAREPOINT), .required = true, .secret = true},
};
static_assert(sizeof(info) / sizeof(info[0]) == FIELDS, "facts for each field");

/* The names as field_names_match() compares them. */
static const char *const plain_names[] = {
    [FIELD_TYPE] = "type",
    [FIELD_LABEL] = "label",
    [FIELD_DESCRIPTION] = "description",
    [FIELD_SHARE_WITH_ORG] = "sharewithorg",
    [FIELD_ALLOWED_EMAILS] = "allowedemails",
    [FIELD_USER_ID] = "userid",
    [FIELD_USER_PASSWORD] = "userpassword",
    [FIELD_SESSION_ID] = "sessionid",
};
static_assert(sizeof(plain_names) / sizeof(plain_names[0]) == FIELDS, "a plain name for each field");

/* What people call the fields. */
static const struct {
    const char *name;
    enum field field;
} synonyms[] = {
    {"kind", FIELD_TYPE},
    {"connectortype", FIELD_TYPE},
    {"name", FIELD_LABEL},
    {"title", FIELD_LABEL},
    {"displayname", FIELD_LABEL},
    {"shared", FIELD_SHARE_WITH_ORG},
    {"email", FIELD_ALLOWED_EMAILS},
    {"emails", FIELD_ALLOWED_EMAILS},
    {"emailaddress", FIELD_ALLOWED_EMAILS},
    {"emailaddresses", FIELD_ALLOWED_EMAILS},
    {"addresses", FIELD_ALLOWED_EMAILS},
    {"senders", FIELD_ALLOWED_EMAILS},
    {"user", FIELD_USER_ID},
    {"username", FIELD_USER_ID},
    {"login", FIELD_USER_ID},
    {"password", FIELD_USER_PASSWORD},
    {"session", FIELD_SESSION_ID},
};

static const char *const types[] = {
    [TYPE_NONE] = "",
    [TYPE_EMAIL] = "email",
    [TYPE_INVESTMENT_RESEARCH] = "investment_research",
    [TYPE_SHAREPOINT] = "sharepoint",
};
static_assert(sizeof(types) / sizeof(types[0]) == CONNECTOR_TYPES, "a name for each type");

const char *field_name(enum field field)
{
    return names[field];
}

const char *const *field_names(void)
{
    return names;
}

/* How many bytes at the start of `name` do not count; 0 where its first byte does. */
static size_t ignored_len(struct span name)
{
    if (name.data[0] == '_' || name.data[0] == '-')
        return 1;
    return text_blank_len(name) + text_unseen_len(name);
}

/* Takes the next byte that counts off the front of `name`, ASCII letters in lower case; -1 at the end. */
static int next_byte(struct span *name)
{
    while (name->len > 0) {
        size_t skip = ignored_len(*name);
        unsigned char byte = (unsigned char)name->data[0];
        size_t step = skip > 0 ? skip : 1;

        name->data += step;
        name->len -= step;
        if (skip == 0)
            return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
    }
    return -1;
}

bool field_names_match(struct span a, struct span b)
{
    int byte;

    do {
        byte = next_byte(&a);
        if (byte != next_byte(&b))
            return false;
    } while (byte >= 0);
    return true;
}

bool field_name_is_empty(struct span name)
{
    return next_byte(&name) < 0;
}

enum field field_named(struct span name)
{
    for (enum field field = 0; field < FIELDS; field++)
        if (field_names_match(name, span_of(names[field])))
            return field;
    return FIELDS;
}

/* `name` as field_names_match() compares it, NUL-terminated; empty where it is longer than any name could be. */
static struct span plain_name(char plain[NAME_LONGEST + 1], struct span name)
{
    size_t len = 0;
    int byte;

    while ((byte = next_byte(&name)) >= 0 && len < NAME_LONGEST)
        plain[len++] = (char)byte;
    plain[byte < 0 ? len : 0] = '\0';
    return span_of(plain);
}

enum field field_misspelt(struct span name)
{
    char plain[NAME_LONGEST + 1];
    int field = text_nearest(plain_name(plain, name), plain_names, FIELDS);

    return field < 0 ? FIELDS : (enum field)field;
}

enum field field_meant(struct span name)
{
    char plain[NAME_LONGEST + 1];
    struct span wanted = plain_name(plain, name);

    for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
        if (span_equal(wanted, span_of(synonyms[i].name)))
            return synonyms[i].field;
    return field_misspelt(name);
}

bool field_is_secret(enum field field)
{
    return info[field].secret;
}

bool field_fits_type(enum field field, enum connector_type type)
{
    return (info[field].types & TYPE_BIT(type)) != 0;
}

bool field_is_required(enum field field, enum connector_type type)
{
    return info[field].required && field_fits_type(field, type);
}

const char *type_name(enum connector_type type)
{
    return types[type];
}

const char *const *type_names(void)
{
    return types + TYPE_EMAIL;
}

enum connector_type type_named(struct span name)
{
    name = text_trim(name);
    for (enum connector_type type = TYPE_EMAIL; type < CONNECTOR_TYPES; type++)
        if (text_equal_fold(name, span_of(types[type])))
            return type;
    return TYPE_NONE;
}

const char *type_list(void)
{
    return "email, investment_research or sharepoint";
}
