#include "report/advice.h"

#include "io/output.h"

#include <string.h>

/* Whether every kind of error is `code`: then the rows themselves may be right. */
static bool has_only(const struct tally *tally, const char *code)
{
    for (unsigned i = 0; i < tally->error_kinds; i++)
        if (strcmp(tally->error[i].code, code) != 0)
            return false;
    return tally->error_kinds > 0;
}

/* Whether it is a default's value that fails the checks, and not the sheet's. */
static bool blames_default(const struct tally *tally)
{
    for (unsigned i = 0; i < tally->error_kinds; i++)
        if (strncmp(tally->error[i].message, "--default ", strlen("--default ")) == 0)
            return true;
    return false;
}

static struct advice after_check(const struct run_info *info, const struct tally *tally)
{
    const char *results = info->results != NULL && !output_is_stream(info->results) ? info->results : NULL;
    struct advice advice = {.command = "check", .path = strcmp(info->input, "-") != 0 ? info->input : results};

    if (info->finished > 0 && info->finished == tally->rows)
        return (struct advice){.what = "nothing: every row is created, exists, updated or archived"};
    if (advice.path == NULL || tally->rows == 0)
        return (struct advice){0};
    if (tally_without(tally) == 0) {
        advice.command = "create";
        advice.what = info->finished > 0 ? "create the others:" : "create them:";
    } else if (has_only(tally, "secret_unresolved"))
        advice.what = "set what the references name, and check again:";
    else if (blames_default(tally))
        advice.what = "correct --default, and check again:";
    else if (results != NULL) {
        advice.what = "correct the rows in that file (error_message says how), and check again:";
        advice.path = results;
    } else
        advice.what = "correct these rows, and check again:";
    return advice;
}

static struct advice after_plan(const struct run_info *info, const struct tally *tally)
{
    bool anything = info->planned > 0;

    if (!anything && tally->status[STATUS_INVALID] == 0)
        return (struct advice){0};
    if (strcmp(info->input, "-") == 0)
        return (struct advice){.what = "the same command without --dry-run"};
    return (struct advice){
        .what = anything ? "do it:" : "correct these rows, then:", .command = "create", .path = info->input};
}

static struct advice after_create(const struct run_info *info, const struct tally *tally)
{
    struct advice advice = {.command = "create", .path = info->results};

    if (info->held_back && info->left != NULL)
        return (struct advice){.what = "correct these rows, then the same command"};
    if (info->results == NULL || output_is_stream(info->results) || tally_without(tally) == 0)
        return (struct advice){0};
    if (has_only(tally, "secret_unresolved"))
        advice.what = "set what the references name (error_message says which), then:";
    else if (tally->status[STATUS_INVALID] + tally->status[STATUS_REJECTED] > 0)
        advice.what = "correct the rows in that file (error_message says how), then:";
    else if (tally->status[STATUS_UNKNOWN] > 0)
        advice.what = "settle the unknown rows by the account's list, and send the rest:";
    else
        advice.what = "send the rest:";
    return advice;
}

static struct advice after_undo(const struct run_info *info, const struct tally *tally)
{
    if (info->exit_code == EXIT_ALL_DONE || info->results == NULL)
        return (struct advice){0};
    if (info->stop == STOP_NONE && info->hopeless >= tally->status[STATUS_CREATED])
        return (struct advice){.what = "look at these rows: error_message says why they can't be archived"};
    return (struct advice){.what = "archive the rest:", .command = "undo", .path = info->results};
}

static struct advice after_update(const struct run_info *info)
{
    if (info->dry_run)
        return (struct advice){.what = "do it:", .command = "update", .path = info->input};
    if (info->exit_code == EXIT_ALL_DONE || info->results == NULL)
        return (struct advice){0};
    return (struct advice){.what = "look at these rows (error_message says why), and update the rest:",
                           .command = "update",
                           .path = info->results};
}

static const char *mend_first(const struct run_info *info)
{
    switch (info->stop) {
    case STOP_KEY_REFUSED:
        return "mend the key first: check BIGDATA_API_KEY or --api-key-file";
    case STOP_UNKNOWN_PATH:
        return "mend the base URL first: check --base-url (BIGDATA_API_BASE_URL)";
    case STOP_FORBIDDEN:
        return "see to the permission first: the server's words say which";
    case STOP_UNREACHABLE:
        return "mend this first: check --base-url (BIGDATA_API_BASE_URL), DNS, proxy and certificates";
    case STOP_NO_LIST:
        return "the server was reached, and its answer is the reason: see to that, or wait";
    default:
        return NULL;
    }
}

static const char *same_command(const struct run_info *info)
{
    if (!info->dry_run)
        return info->command;
    return strcmp(info->command, "update") == 0 ? "update --dry-run" : "create --dry-run";
}

static struct advice after_mending(const struct run_info *info, const char *mend)
{
    const char *path = info->dry_run ? info->input : info->results;

    if (path == NULL || output_is_stream(path) || strcmp(path, "-") == 0)
        return (struct advice){.mend = mend, .what = info->left != NULL ? "then the same command" : NULL};
    return (struct advice){.mend = mend, .what = "then:", .command = same_command(info), .path = path};
}

struct advice advice_of(const struct run_info *info, const struct tally *tally)
{
    const char *mend = mend_first(info);

    if (mend != NULL)
        return after_mending(info, mend);
    if (strcmp(info->command, "check") == 0)
        return after_check(info, tally);
    if (strcmp(info->command, "create") == 0)
        return info->dry_run ? after_plan(info, tally) : after_create(info, tally);
    if (strcmp(info->command, "undo") == 0)
        return after_undo(info, tally);
    if (strcmp(info->command, "update") == 0)
        return after_update(info);
    return (struct advice){0};
}
