/*
 * connector: one create payload in memory: its size, its identity, and its comparison with what the account has.
 * Pure. Rows become connectors in model/check, answers of the API in model/remote; payloads are written in
 * model/payload.
 */
#ifndef MODEL_CONNECTOR_H
#define MODEL_CONNECTOR_H

#include "base/buf.h"
#include "model/field.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PAYLOAD_MAX = 65536, /* bytes of a request body (api.md, "Limits") */
    EMAILS_MAX = 10922,  /* addresses of a connector that are looked at: with this many of 3 bytes, and so with
                            `"a@b",` for each, a payload is over PAYLOAD_MAX */
};

/* The bytes of its texts belong to somebody else; absent ones are empty. */
struct connector {
    enum connector_type type;
    bool share_with_org;
    struct span label, description, user_id, user_password, session_id;
    struct span *emails; /* in the order of connector_add_email(), none twice; owned, reused after connector_reset() */
    size_t email_count, email_cap;
    uint16_t *slots; /* to find an address among many: 1 + its index in emails, by hash; owned, NULL until needed */
    size_t slot_count, slotted;
};

/* An empty connector of no type. Allocates nothing. */
void connector_init(struct connector *connector);
void connector_release(struct connector *connector);

/* Empty again, with the memory kept for reuse. */
void connector_reset(struct connector *connector);

/*
 * Adds an address to the config of an email connector. False where it is there already, in whatever ASCII case. From
 * EMAILS_MAX addresses on, nothing more is added, and every new address counts as added.
 */
bool connector_add_email(struct connector *connector, struct span address);

/* Whether it has the address; whether both have the same ones: in whatever ASCII case and order. */
bool connector_has_email(const struct connector *connector, struct span address);
bool connector_same_emails(const struct connector *a, const struct connector *b);

/*
 * The exact length in bytes of payload_write()'s output, of a type that is known. One text alone: the bytes of a JSON
 * string with its quotes, as cJSON escapes it (`\"`, `\\`, \b \f \n \r \t, other control characters below 0x20 as
 * \u00xx, all else as it is).
 */
size_t connector_payload_size(const struct connector *connector);
size_t connector_text_size(struct span text);

/*
 * Identity by hash (base/hash.h). Addresses count as a set, without regard to ASCII case; an absent description equals
 * an empty one; label and description count without blanks at their ends (text_trim()).
 * connector_hash(): the whole payload, secrets included: equal for duplicate rows.
 * connector_public_hash(): what a list answer can show: no secrets; sharepoint has no config then.
 * connector_key_hash(): type and label alone, for --skip-existing.
 */
uint64_t connector_hash(const struct connector *connector);
uint64_t connector_public_hash(const struct connector *connector);
uint64_t connector_key_hash(const struct connector *connector);

/* Its secret, the password or the session: of a row that passes the checks there is one at most. Empty: none. */
struct span connector_secret(const struct connector *connector);

/* Equality for the three hashes. */
bool connector_equal(const struct connector *a, const struct connector *b);
bool connector_public_equal(const struct connector *a, const struct connector *b);
bool connector_key_equal(const struct connector *a, const struct connector *b);

/*
 * Appends, after `; ` where the text is not empty, that the row's secret could not be compared, and how to replace it.
 * Appends nothing where it has none.
 */
void connector_uncompared(const struct connector *row, struct buf *out);

/*
 * What of a row's connector the account's `shown` may be. Description and sharing are not looked at.
 *
 *   CONNECTOR_KEPT   the type, the label as servers keep labels (label.h), and the config, as far as it is ever shown
 *   CONNECTOR_ALIKE  about the label, and perhaps the type
 */
enum connector_likeness { CONNECTOR_OTHER, CONNECTOR_ALIKE, CONNECTOR_KEPT };

enum connector_likeness connector_compare(const struct connector *row, const struct connector *shown);

/*
 * Whether the connector that answers a row's create is the row's: its type is, where it is told, and its label is about
 * the row's, or not told, or its config is the row's.
 */
bool connector_answers(const struct connector *row, const struct connector *shown);

/*
 * Appends what of the row's public fields differs in the account's connector `theirs`, for people: `description: the
 * account has "x", the sheet has "y"; share_with_org: …`, values cut at 40 characters, at most 5 addresses of each
 * side. Appends nothing where they are publicly equal. Secrets can't be compared and are not mentioned.
 */
void connector_differences(const struct connector *row, const struct connector *theirs, struct buf *out);

#endif
