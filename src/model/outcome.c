#include "model/outcome.h"

#include "base/text.h"
#include "model/field.h"

#include <assert.h>

static const char *const statuses[] = {
    [STATUS_NONE] = "",
    [STATUS_CREATED] = "created",
    [STATUS_EXISTS] = "exists",
    [STATUS_UPDATED] = "updated",
    [STATUS_ARCHIVED] = "archived",
    [STATUS_INVALID] = "invalid",
    [STATUS_REJECTED] = "rejected",
    [STATUS_FAILED] = "failed",
    [STATUS_UNKNOWN] = "unknown",
    [STATUS_NOT_ATTEMPTED] = "not_attempted",
};
static_assert(sizeof(statuses) / sizeof(statuses[0]) == STATUSES, "a name for each status");

static const char *const columns[] = {
    [RESULT_STATUS] = "status",           [RESULT_CONNECTOR_ID] = "connector_id",
    [RESULT_INBOX_EMAIL] = "inbox_email", [RESULT_HTTP_STATUS] = "http_status",
    [RESULT_ERROR_CODE] = "error_code",   [RESULT_ERROR_MESSAGE] = "error_message",
    [RESULT_ATTEMPTS] = "attempts",       [RESULT_CREATED_AT] = "created_at",
};
static_assert(sizeof(columns) / sizeof(columns[0]) == RESULT_COLUMNS, "a name for each result column");

const char *status_name(enum status status)
{
    return statuses[status];
}

enum status status_named(struct span name)
{
    enum status status = STATUS_NONE;

    name = text_trim(name);
    while (status < STATUSES && !text_equal_fold(name, span_of(statuses[status])))
        status++;
    return status;
}

bool status_is_finished(enum status status)
{
    return status == STATUS_CREATED || status == STATUS_EXISTS || status == STATUS_UPDATED || status == STATUS_ARCHIVED;
}

const char *result_column_name(enum result_column column)
{
    return columns[column];
}

enum result_column result_column_named(struct span name)
{
    enum result_column column = RESULT_STATUS;

    name = text_trim(name);
    while (column < RESULT_COLUMNS && !span_equal(name, span_of(columns[column])))
        column++;
    return column;
}

enum result_column result_column_like(struct span name)
{
    enum result_column column = RESULT_STATUS;

    while (column < RESULT_COLUMNS && !field_names_match(name, span_of(columns[column])))
        column++;
    return column;
}
