/*
 * check: a row of the sheet as a connector, and everything that is wrong with it (contract.md, "Checks"). Pure.
 *
 * The messages are for the person with the spreadsheet. Each begins with the column as a spreadsheet names it and
 * quotes the value, cut at HEADER_SHOWN characters, control characters made visible: `column E "allowed_emails":
 * "jane@" is not an e-mail address`. None has a `; ` of its own. Never quoted: a secret; any cell to the right of a
 * secret's column in a row that may have a secret, since one comma without quotes shifts the secret there; cells
 * beyond the header's columns.
 */
#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H

#include "base/buf.h"
#include "model/connector.h"
#include "model/field.h"
#include "model/header.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The codes of contract.md, in its order, which is the order in which a row's codes are reported. */
enum check {
    CHECK_MISSING_TYPE,
    CHECK_UNKNOWN_TYPE,
    CHECK_MISSING_LABEL,
    CHECK_MISSING_ALLOWED_EMAILS,
    CHECK_INVALID_EMAIL,
    CHECK_DUPLICATE_EMAIL,
    CHECK_MISSING_USER_ID,
    CHECK_MISSING_USER_PASSWORD,
    CHECK_MISSING_SESSION_ID,
    CHECK_INVALID_BOOLEAN,
    CHECK_FIELD_NOT_FOR_TYPE,
    CHECK_PAYLOAD_TOO_LARGE,
    CHECK_DUPLICATE_ROW,
    CHECK_SECRET_UNRESOLVED,
    CHECK_TOO_MANY_FIELDS,
    CHECK_INVALID_TEXT,
    CHECKS,
};

/* The code as users read it, `missing_label`. Static. */
const char *check_name(enum check check);

enum { PROBLEM_TEXT_MAX = 16384 }; /* bytes of a row's messages of one code; what would be more is left out */

/* What is wrong with a row: each code once, each with its messages. Reused from row to row. */
struct problems {
    struct buf messages[CHECKS]; /* `; `-joined where a code has several; stale where its bit is not set */
    uint32_t set;                /* bit 1 << check */
};

void problems_init(struct problems *problems);
void problems_release(struct problems *problems);

/* No problem; the memory is kept for reuse. */
void problems_reset(struct problems *problems);

/* Begins a message of `check`: sets its bit, separates it from an earlier one, and returns the buffer to append to. */
struct buf *problems_add(struct problems *problems, enum check check);

/* Appends the codes joined by `;`, and the messages joined by `; `, in the order of enum check. */
void problems_codes(const struct problems *problems, struct buf *out);
void problems_messages(const struct problems *problems, struct buf *out);

/* The cells of one row by field, with defaults filled in and secrets resolved. Bytes belong to the caller. */
struct row_values {
    struct span value[FIELDS];      /* empty where nothing in it can be seen */
    const char *unresolved[FIELDS]; /* why a secret's reference could not be resolved; NULL = it could */
    bool defaulted[FIELDS];         /* the value is the --default */
    size_t extra_cells;             /* cells beyond the header's columns, up to the last with something to see */
};

/*
 * Fills in `values` from a record's cells: the field's cell, or its default where the cell is absent or nothing in it
 * can be seen (text_is_blank()). Type's default comes first; a default of a field that the row's type does not take is
 * not applied. Cells that the record is short of are empty. `defaults`: FIELDS of them, each NULL where there is none.
 */
void connector_values(struct row_values *values, const struct header *header, const char *const defaults[FIELDS],
                      const struct span *cells, size_t count);

/*
 * Whether messages may quote the field's value: not where it is a secret, nor where it may be one that a comma without
 * quotes has shifted there.
 */
bool connector_may_show(const struct header *header, const struct row_values *values, enum field field);

/*
 * Checks one row and fills in `connector`, whose spans point into the values' bytes then. `problems` is added to; the
 * caller resets it. Every problem is reported, except CHECK_DUPLICATE_ROW, which needs the other rows. Returns whether
 * `problems` is empty; otherwise `connector` must not be sent.
 *
 * type: matched without regard to case and blanks around it; unknown: the message lists the types and the nearest one;
 *   what depends on the type (a missing or a wrong field, the size) is not checked then, but what the cells hold is.
 * label, user_id: sent without the blanks around them; description, user_password, session_id: as they are.
 * allowed_emails: split by email_next(), each email_is_valid(), duplicates found without regard to case.
 * share_with_org: true/false, yes/no, y/n, 1/0 in any case; empty is false.
 * invalid_text: a control character other than tab, LF and CR (C0, DEL, C1), a noncharacter, or malformed UTF-8, in
 *   any field that is sent.
 * field_not_for_type: a cell with a value of a field that the type does not take.
 * payload_too_large: connector_payload_size() over PAYLOAD_MAX; names the longest field.
 * secret_unresolved: with the reason in values->unresolved; such a secret is not missing as well.
 */
bool connector_check(struct connector *connector, const struct row_values *values, const struct header *header,
                     struct problems *problems);

#endif
