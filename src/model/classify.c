#include "model/classify.h"

#include <assert.h>

static const char *const names[] = {
    [VERDICT_CREATED] = "created", [VERDICT_REJECTED] = "rejected",   [VERDICT_AGAIN] = "again",
    [VERDICT_SETTLE] = "settle",   [VERDICT_FORBIDDEN] = "forbidden", [VERDICT_REFUSED] = "refused",
};
static_assert(sizeof(names) / sizeof(names[0]) == VERDICTS, "a name for each verdict");

static bool is_within(int status, int first, int last)
{
    return status >= first && status <= last;
}

/* What a status alone says of a request that the server has read. */
static enum verdict judge_status(int status)
{
    if (status == 401)
        return VERDICT_REFUSED;
    if (status == 403)
        return VERDICT_FORBIDDEN;
    if (status == 429)
        return VERDICT_AGAIN;
    if (is_within(status, 400, 499) && status != 408)
        return VERDICT_REJECTED;
    return VERDICT_SETTLE;
}

/* Half an answer: only a refusal needs no body to be believed. */
static bool is_decided_by_status(int status)
{
    return is_within(status, 400, 499);
}

enum verdict classify_create(enum fate fate, int http_status, bool readable)
{
    if (fate == FATE_UNSENT)
        return VERDICT_AGAIN;
    if (fate == FATE_LOST)
        return is_decided_by_status(http_status) ? judge_status(http_status) : VERDICT_SETTLE;
    if (is_within(http_status, 200, 299))
        return readable ? VERDICT_CREATED : VERDICT_SETTLE;
    return judge_status(http_status);
}

enum verdict classify_idempotent(enum fate fate, int http_status, bool readable)
{
    enum verdict verdict = classify_create(fate, http_status, readable);

    if (fate == FATE_ANSWERED && is_within(http_status, 300, 399))
        return VERDICT_REJECTED;
    return verdict == VERDICT_SETTLE ? VERDICT_AGAIN : verdict;
}

const char *verdict_name(enum verdict verdict)
{
    return names[verdict];
}
