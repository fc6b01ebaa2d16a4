/*
 * payload: what a request's body says, and what is wrong with it. The one home of cJSON in the sandbox.
 *
 * A body that passes is kept as ready-made JSON fragments, so that answers and lists are written without a JSON tree.
 * Where api.md is silent about what is refused, the sandbox is strict: it refuses unknown fields, empty labels and
 * text with NULs, so that a client's mistake shows here rather than at the vendor.
 */
#ifndef SANDBOX_PAYLOAD_H
#define SANDBOX_PAYLOAD_H

#include "base/buf.h"
#include "base/err.h"
#include "sandbox/kept.h"

#include <stdbool.h>
#include <stdint.h>

enum { PAYLOAD_BODY_MAX = 65536 }; /* bytes of a request body (api.md, Limits) */

enum connector_type { TYPE_EMAIL, TYPE_RESEARCH, TYPE_SHAREPOINT, TYPES };

/* The name of a type, as the API writes it. */
const char *payload_type_name(enum connector_type type);

/* The type of that name; false where there is none. */
bool payload_type_named(const char *name, enum connector_type *type);

struct payload {
    enum connector_type type;
    bool share_with_org;
    enum kept_form labels;  /* how the label is kept: set it before reading */
    struct buf label;       /* a JSON string, as it is kept */
    struct buf description; /* a JSON string, or empty for null and for a field left out */
    struct buf config;      /* email: the array of addresses as sent; research: user_id, a string; else empty */
    uint64_t label_hash;    /* of the label as it was sent */
    uint64_t config_hash;   /* equal for equal configs; addresses count as a set; no secret is in it */
    uint64_t secret_hash;   /* of the password or the session id; 0 where there is none */
};

/* How it is said what is wrong with a body (api.md, Errors seen). */
enum validation_form {
    VALIDATION_FIELDS, /* 422 with a list of fields */
    VALIDATION_TEXT,   /* 400 with a text of several lines that quotes what was sent, secrets included */
    VALIDATION_FORMS
};

/* `fields` and `text`. */
const char *validation_form_name(enum validation_form form);
bool validation_form_named(const char *name, enum validation_form *form);

/* Why a body is refused: a status and its JSON body. The caller sets form and sent, and zeroes the rest. */
struct rejection {
    enum validation_form form;
    struct span sent; /* the body */
    int status;
    int count; /* of what is wrong with it */
    struct buf body;
};

void payload_init(struct payload *payload);
void payload_release(struct payload *payload);

/* One hash for all that makes two payloads the same; never 0. */
uint64_t payload_hash(const struct payload *payload);

/*
 * Reads a create's body (api.md, Create payload); `body` must be followed by a NUL. False: `rejection`, which the
 * caller releases with buf_release(&rejection->body), says what to answer.
 */
bool payload_read_create(struct payload *payload, struct span body, struct rejection *rejection);

/* As above for an update of a connector of `type` (api.md, PUT). `config` and its hash are set for email only. */
bool payload_read_update(struct payload *payload, enum connector_type type, struct span body,
                         struct rejection *rejection);

enum { PAYLOAD_DATE_TEXT = 11 };

/* As above for a sync (api.md): `date_limit` is set to the date, or to "" where there is to be none. */
bool payload_read_sync(char date_limit[PAYLOAD_DATE_TEXT], enum connector_type type, struct span body,
                       struct rejection *rejection);

/*
 * Appends `body` (followed by a NUL) as JSON with `***` for its secrets, or as a string where it is none: as `***`
 * where that names a secret's field.
 */
void payload_mask(struct buf *out, struct span body);

/* Whether `body` (followed by a NUL) is JSON; for the log. */
bool payload_is_json(struct span body);

/*
 * Calls `each` for every member of the JSON object `body` (followed by a NUL), with its value as text: a string's
 * content, a number or a boolean as written. False with a sentence where it isn't such an object or `each` fails.
 */
typedef bool payload_member_fn(void *context, const char *name, const char *value, struct err *err);
bool payload_each_member(struct span body, payload_member_fn *each, void *context, struct err *err);

/* The version of cJSON, valid for ever. */
const char *payload_library_version(void);

#endif
