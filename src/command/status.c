#include "command/status.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "prior/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_MAX = 1 << 20 };

struct overview {
    struct rewrite rewrite; /* the first member: rewrite_run() hands it over */
    struct account account;
    struct remote remote;
    struct buf said, line;
};

static bool read_rows(struct overview *overview, struct err *err)
{
    struct run *run = &overview->rewrite.run;
    struct sheet_row *read;
    enum csv_step step;

    if (!account_open(&overview->account, run, err))
        return false;
    while ((step = sheet_next(run->sheet, &read, err)) == CSV_STEP_RECORD) {
        const struct outcome *earlier = &read->earlier;
        uint64_t index =
            rows_add(&run->rows, read->record.offset, read->record.raw.len, read->record.line, read->record.row);

        tally_carried(&overview->rewrite.session.tally, earlier->status);
        if (remote_is_uuid(earlier->connector_id) && earlier->status != STATUS_ARCHIVED)
            account_add(&overview->account, index, earlier->connector_id, earlier->status == STATUS_CREATED);
        else
            rows_carry(&run->rows, index, earlier->status);
    }
    overview->rewrite.session.tally.rows = run->rows.count;
    overview->rewrite.session.info.unnamed = run->rows.in_state[ROW_CARRIED];
    return step != CSV_STEP_FAILED;
}

static bool holds_word(struct span text, const char *word)
{
    size_t length = strlen(word);

    for (size_t i = 0; i + length <= text.len; i++)
        if (strncasecmp(text.data + i, word, length) == 0)
            return true;
    return false;
}

static bool has_failed(const struct remote *remote)
{
    return !text_is_blank(remote->last_sync_error_msg) || holds_word(remote->last_sync_status, "fail") ||
           holds_word(remote->last_sync_status, "error");
}

static void say_sync(struct overview *overview)
{
    const struct remote *remote = &overview->remote;
    bool is_told = !text_is_blank(remote->last_sync_error_msg);
    struct span words = is_told ? remote->last_sync_error_msg : remote->last_sync_status;

    buf_text(&overview->said, "the last sync failed");
    if (remote->last_sync_at.len > 0)
        buf_format(&overview->said, " (%.*s)", (int)remote->last_sync_at.len, remote->last_sync_at.data);
    buf_format(&overview->said, ": %.*s", (int)words.len, words.data);
}

/* How the row's connector does; `said` gets what a person is to know of it. */
static enum health look_at(struct overview *overview, const struct account_row *row)
{
    struct span text = {0};

    buf_reset(&overview->said);
    switch (account_read(&overview->account, row, &overview->remote, &text)) {
    case ACCOUNT_SHOWN:
        break;
    case ACCOUNT_GONE:
        buf_text(&overview->said, "missing: the account has no such connector");
        return HEALTH_MISSING;
    case ACCOUNT_FAILED:
        buf_format(&overview->said, "nobody can tell: %.*s", (int)text.len, text.data);
        return HEALTH_UNTOLD;
    case ACCOUNT_UNTOLD:
        buf_text(&overview->said, "nobody can tell: it was not looked up");
        return HEALTH_UNTOLD;
    }
    if (overview->remote.archived) {
        buf_text(&overview->said, "archived, and not by undo of this file");
        return HEALTH_ARCHIVED;
    }
    if (!has_failed(&overview->remote))
        return HEALTH_WELL;
    say_sync(overview);
    return HEALTH_SYNC_FAILED;
}

/* The server's words are made harmless: one line, without control characters, the key and what the row has of a secret.
 */
static void print_line(struct overview *overview, uint64_t index)
{
    struct run *run = &overview->rewrite.run;
    const struct sheet_row *read = run_row(run, index);
    struct buf harmless;

    if (read == NULL)
        return;
    buf_init(&harmless, TEXT_MAX);
    buf_reset(&overview->line);
    redactor_field(&overview->rewrite.session.client.redactor, connector_secret(&read->connector),
                   buf_view(&overview->said), &overview->line);
    text_show(&harmless, buf_view(&overview->line), TEXT_MAX);
    printf("%s: %s\n", sheet_where(run->sheet, &run->rows, index), harmless.data);
    buf_release(&harmless);
}

static void print_counts(const struct run_info *info, uint64_t looked_at)
{
    printf("%" PRIu64 " connector%s: %" PRIu64 " well, %" PRIu64 " missing, %" PRIu64 " archived, %" PRIu64
           " whose last sync failed, %" PRIu64 " of which nobody can tell\n",
           looked_at, looked_at == 1 ? "" : "s", info->health[HEALTH_WELL], info->health[HEALTH_MISSING],
           info->health[HEALTH_ARCHIVED], info->health[HEALTH_SYNC_FAILED], info->health[HEALTH_UNTOLD]);
}

static void tell(struct overview *overview)
{
    struct run_info *info = &overview->rewrite.session.info;

    for (size_t i = 0; i < overview->account.count; i++) {
        enum health health = look_at(overview, &overview->account.row[i]);

        info->health[health]++;
        overview->rewrite.run.failures += health != HEALTH_WELL;
        if (health != HEALTH_WELL)
            print_line(overview, overview->account.row[i].row);
    }
    print_counts(info, overview->account.count);
}

static bool work(struct rewrite *rewrite, struct err *err)
{
    struct overview *overview = (struct overview *)rewrite;

    rewrite->session.info.dry_run = false; /* it is the command that changes nothing, not the run */
    if (!read_rows(overview, err))
        return false;
    if (reporting_has_checksums(&rewrite->config->session.reporting))
        sheet_sha256(rewrite->run.sheet, rewrite->session.info.input_sha256);
    client_listen(&rewrite->session.client);
    if (overview->account.count == 0 || account_fetch(&overview->account))
        tell(overview);
    return true;
}

enum exit_code status_run(const struct rewrite_config *config, struct console *console)
{
    struct overview *overview = alloc_zeroed(1, sizeof(*overview));
    struct rewrite_config how = *config;
    enum exit_code code;

    how.session.dry_run = true; /* the file is not rewritten */
    how.sheet.may_lack = true;
    remote_init(&overview->remote);
    buf_init(&overview->said, TEXT_MAX);
    buf_init(&overview->line, TEXT_MAX);
    code = rewrite_run(&overview->rewrite, &how, console, work);
    account_release(&overview->account);
    remote_release(&overview->remote);
    buf_release(&overview->said);
    buf_release(&overview->line);
    free(overview);
    return code;
}
