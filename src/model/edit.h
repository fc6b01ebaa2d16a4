/*
 * edit: what differs between a row and its connector, and the PUT that makes the connector what the row says (api.md).
 * Pure.
 *
 * A field that the sheet has no column for is not compared, and is sent as the account has it, for a PUT replaces all;
 * an empty cell in a column clears. Addresses compare as sets without case; texts that differ by blanks at their ends
 * or Unicode normalisation alone are equal. Secrets can't be compared.
 */
#ifndef MODEL_EDIT_H
#define MODEL_EDIT_H

#include "base/buf.h"
#include "model/connector.h"
#include "model/field.h"

#include <stdbool.h>

/* Fields are bits, 1 << enum field. Texts belong to whoever has the row and the account's connector. */
struct edit {
    unsigned changed; /* differ, and a PUT puts them right: label, description, share_with_org, an email's addresses */
    unsigned fixed;   /* differ, and can't be changed: the type, another type's config */
    struct connector wanted; /* the account's connector, with what is changed as the row says */
};

void edit_init(struct edit *edit);
void edit_release(struct edit *edit);

/* Compares `row`, of which the sheet has columns for `columns`, with the account's connector `shown`. */
void edit_compare(struct edit *edit, const struct connector *row, unsigned columns, const struct connector *shown);

/*
 * Appends each field of `fields`, joined by `separator`, as `description: "old" → "new"`, texts cut at 40 characters;
 * of addresses those that go and those that come: `allowed_emails: - "a@x" + "b@x"`. `row` and `shown` as compared.
 */
void edit_show(unsigned fields, const struct connector *row, const struct connector *shown, const char *separator,
               struct buf *out);

/*
 * Appends the body of the PUT: label, description, share_with_org, of an email connector the config. False where `out`
 * can't hold it.
 */
bool edit_body(const struct edit *edit, struct buf *out);

#endif
