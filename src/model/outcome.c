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

static const char *const list_columns[] = {
    [LIST_OWNER_ID] = "owner_id",
    [LIST_UPDATED_AT] = "updated_at",
    [LIST_FILES_COUNT] = "files_count",
    [LIST_LAST_SYNC_AT] = "last_sync_at",
    [LIST_LAST_SYNC_STATUS] = "last_sync_status",
    [LIST_LAST_SYNC_COUNT] = "last_sync_count",
    [LIST_LAST_SYNC_ERROR_MSG] = "last_sync_error_msg",
};
static_assert(sizeof(list_columns) / sizeof(list_columns[0]) == LIST_COLUMNS, "a name for each column of a list");

const char *list_column_name(enum list_column column)
{
    return list_columns[column];
}

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
