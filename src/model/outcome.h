/*
 * outcome: what became of a row, in the words of the result file, and what became of a request.
 */
#ifndef MODEL_OUTCOME_H
#define MODEL_OUTCOME_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* The result file's `status` (contract.md, "Result file"). */
enum status {
    STATUS_NONE, /* an empty cell: no run has seen the row */
    STATUS_CREATED,
    STATUS_EXISTS,
    STATUS_UPDATED,
    STATUS_ARCHIVED,
    STATUS_INVALID,
    STATUS_REJECTED,
    STATUS_FAILED,
    STATUS_UNKNOWN,
    STATUS_NOT_ATTEMPTED,
    STATUSES,
};

/* The eight columns that a result file adds, in their order. */
enum result_column {
    RESULT_STATUS,
    RESULT_CONNECTOR_ID,
    RESULT_INBOX_EMAIL,
    RESULT_HTTP_STATUS,
    RESULT_ERROR_CODE,
    RESULT_ERROR_MESSAGE,
    RESULT_ATTEMPTS,
    RESULT_CREATED_AT,
    RESULT_COLUMNS,
};

/* The columns that `list` has before the eight, in their order: what the account tells of a connector besides. */
enum list_column {
    LIST_OWNER_ID,
    LIST_UPDATED_AT,
    LIST_FILES_COUNT,
    LIST_LAST_SYNC_AT,
    LIST_LAST_SYNC_STATUS,
    LIST_LAST_SYNC_COUNT,
    LIST_LAST_SYNC_ERROR_MSG,
    LIST_COLUMNS,
};

/* A row's eight result cells. The spans belong to whoever filled them in. */
struct outcome {
    enum status status;
    struct span connector_id;
    struct span inbox_email;
    int http_status; /* of the last answer; 0 = none */
    struct span error_code;
    struct span error_message;
    uint32_t attempts; /* tries to send a request for this row, those that found no connection included */
    struct span created_at;
};

/* Where a row is, for people. */
struct row_place {
    uint32_t line;     /* physical, from 1 */
    uint32_t number;   /* as a spreadsheet shows it: the header is 1, blank lines count, a `sep=` line does not */
    struct span label; /* empty where there is none, or none that may be shown */
};

/* Who is told how each row has ended, beside the tally; `row` NULL = nobody. Texts last until it returns. */
struct row_listener {
    void (*row)(void *context, const struct row_place *place, struct span type, const struct outcome *outcome);
    void *context;
};

/* How far a request got, as net/http saw it. */
enum fate {
    FATE_UNSENT,   /* not one byte of it can have been acted on: no connection, TLS failure, HTTP/2 refused stream */
    FATE_LOST,     /* it may have been acted on, and no answer, or only part of one, came */
    FATE_ANSWERED, /* a whole answer came */
};

const char *status_name(enum status status); /* "created"; "" for STATUS_NONE */

/* The status of that name, blanks around it and ASCII case ignored; STATUSES where there is none. */
enum status status_named(struct span name);

/* created, exists, updated, archived: a later `create` carries the row over. */
bool status_is_finished(enum status status);

const char *result_column_name(enum result_column column);
const char *list_column_name(enum list_column column);

/* The result column of exactly that name (blanks around it ignored), or RESULT_COLUMNS. */
enum result_column result_column_named(struct span name);

/* Likewise as fields' names match (field_names_match()): what a spreadsheet's user may have made of it. */
enum result_column result_column_like(struct span name);

#endif
