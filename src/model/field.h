/*
 * field: the vocabulary of a connector: its types, its fields, and which type takes which field (api.md, "Create
 * payload").
 */
#ifndef MODEL_FIELD_H
#define MODEL_FIELD_H

#include "base/buf.h"

#include <stdbool.h>

enum connector_type {
    TYPE_NONE, /* not known */
    TYPE_EMAIL,
    TYPE_INVESTMENT_RESEARCH,
    TYPE_SHAREPOINT,
    CONNECTOR_TYPES,
};

enum field {
    FIELD_TYPE,
    FIELD_LABEL,
    FIELD_DESCRIPTION,
    FIELD_SHARE_WITH_ORG,
    FIELD_ALLOWED_EMAILS,
    FIELD_USER_ID,
    FIELD_USER_PASSWORD,
    FIELD_SESSION_ID,
    FIELDS,
};

/* The column name of a field, `allowed_emails`. Static. */
const char *field_name(enum field field);

/* The names of all fields, FIELDS of them, in order. Static. */
const char *const *field_names(void);

/* The field whose name matches, as field_names_match() does; FIELDS where there is none. */
enum field field_named(struct span name);

/*
 * Equal without regard to ASCII case, `_`, `-`, and blanks and characters that no one sees, as text_blank_len() and
 * text_unseen_len() know them.
 */
bool field_names_match(struct span a, struct span b);

/* Whether nothing in the name counts for field_names_match(). */
bool field_name_is_empty(struct span name);

/* The field that `name` is most likely a misspelling of, as text_nearest() finds it; FIELDS where there is none. */
enum field field_misspelt(struct span name);

/* As field_misspelt(), and also where `name` is another word for a field: `name`, `e-mails`, `password`. */
enum field field_meant(struct span name);

/* user_password and session_id. */
bool field_is_secret(enum field field);

/*
 * Whether connectors of `type` take the field: type, label, description and share_with_org go with every type. Of a
 * type that is not known (TYPE_NONE) only these are certain.
 */
bool field_fits_type(enum field field, enum connector_type type);

/* Whether connectors of `type` cannot do without the field. */
bool field_is_required(enum field field, enum connector_type type);

/* As the API writes it, `investment_research`; "" for TYPE_NONE. Static. */
const char *type_name(enum connector_type type);

/* The names of the known types, CONNECTOR_TYPES - 1 of them. Static. */
const char *const *type_names(void);

/* The type of that name, ASCII case and blanks around it ignored; TYPE_NONE where there is none. */
enum connector_type type_named(struct span name);

/* The known types as a part of a sentence: "email, investment_research or sharepoint". Static. */
const char *type_list(void);

#endif
