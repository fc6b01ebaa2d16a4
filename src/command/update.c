#include "command/update.h"

#include "api/lookup.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "command/plan.h"
#include "io/disk.h"
#include "io/results.h"
#include "model/edit.h"
#include "prior/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 20, BODY_MAX = 4 * PAYLOAD_MAX };

/* What a message ends in that tells of a change, for the next run: the column is as old as the file of `list`. */
static const char stamp[] = "; updated_at ";

struct update {
    struct rewrite rewrite; /* the first member: rewrite_run() hands it over */
    bool again;
    struct account account;
    bool *is_put;         /* for each of the account's rows: a PUT is to put it right */
    uint64_t puts, next;  /* how many; the first that was not looked at by next_put() */
    struct edit edit;     /* of the row that was compared last */
    struct remote remote; /* its connector as the account has it */
    struct buf body, text, code, where;
    struct lookup_detail detail;
};

/* ---- The rows ---- */

static bool refuse_twice(struct update *update, struct err *err)
{
    struct run *run = &update->rewrite.run;
    uint64_t first, second;

    if (!account_is_twice(&update->account, &first, &second))
        return true;
    return err_set(err, EXIT_INPUT,
                   "%s: column \"connector_id\": row %" PRIu32
                   " names the same connector, and only one of them can say what it is to be; delete a row, or empty "
                   "its connector_id",
                   sheet_where(run->sheet, &run->rows, second), rows_number(&run->rows, first));
}

static bool read_rows(struct update *update, struct err *err)
{
    struct run *run = &update->rewrite.run;
    struct sheet_row *read;
    enum csv_step step;

    if (!account_open(&update->account, run, err))
        return false;
    while ((step = sheet_next(run->sheet, &read, err)) == CSV_STEP_RECORD) {
        const struct outcome *earlier = &read->earlier;
        uint64_t index =
            rows_add(&run->rows, read->record.offset, read->record.raw.len, read->record.line, read->record.row);

        if (remote_is_uuid(earlier->connector_id) && earlier->status != STATUS_ARCHIVED)
            account_add(&update->account, index, earlier->connector_id, earlier->status == STATUS_CREATED);
        else
            rows_carry(&run->rows, index, earlier->status);
    }
    if (step == CSV_STEP_FAILED || !refuse_twice(update, err))
        return false;
    update->rewrite.session.info.unnamed = run->rows.in_state[ROW_CARRIED];
    rewrite_count_rows(&update->rewrite);
    return true;
}

/* ---- Comparing ---- */

enum decision { DECISION_NONE, DECISION_SAME, DECISION_PUT, DECISION_LEFT };

/* Leaves the row as it is; the sentence goes through the redactor, for it may quote a server. */
static enum decision leave(struct update *update, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum decision leave(struct update *update, const char *code, const char *format, ...)
{
    struct buf whole;
    va_list args;

    buf_init(&whole, TEXT_MAX);
    va_start(args, format);
    buf_vformat(&whole, format, args);
    va_end(args);
    buf_reset(&update->code);
    buf_text(&update->code, code);
    buf_reset(&update->text);
    redactor_field(&update->rewrite.session.client.redactor, (struct span){0}, buf_view(&whole), &update->text);
    buf_release(&whole);
    return DECISION_LEFT;
}

static unsigned columns_of_sheet(const struct sheet *sheet)
{
    unsigned columns = 0;

    for (enum field field = 0; field < FIELDS; field++)
        columns |= (unsigned)(sheet_header(sheet)->column[field] >= 0) << field;
    return columns;
}

static struct span show_fields(struct update *update, unsigned fields, const struct sheet_row *read)
{
    buf_reset(&update->where);
    edit_show(fields, &read->connector, &update->remote.connector, "; ", &update->where);
    return buf_view(&update->where);
}

/* What is wrong with the row itself; `differs`: with regard to what would be sent of it. */
static bool has_problems(struct update *update, const struct sheet_row *read, bool differs)
{
    const uint32_t always = 1U << CHECK_UNKNOWN_TYPE | 1U << CHECK_INVALID_BOOLEAN | 1U << CHECK_FIELD_NOT_FOR_TYPE |
                            1U << CHECK_TOO_MANY_FIELDS;
    const uint32_t sent = 1U << CHECK_INVALID_EMAIL | 1U << CHECK_DUPLICATE_EMAIL | 1U << CHECK_INVALID_TEXT;
    struct problems problems = read->problems; /* its messages are borrowed */

    problems.set &= differs ? always | sent : always;
    if (problems.set == 0)
        return false;
    buf_reset(&update->code);
    buf_reset(&update->text);
    problems_codes(&problems, &update->code);
    problems_messages(&problems, &update->text);
    return true;
}

/* What no connector can be. */
static const char *impossible(const struct edit *edit)
{
    const struct connector *wanted = &edit->wanted;

    if (text_is_blank(wanted->label))
        return "missing_label";
    if ((edit->changed >> FIELD_ALLOWED_EMAILS & 1) != 0 && wanted->email_count == 0)
        return "missing_allowed_emails";
    return connector_payload_size(wanted) > PAYLOAD_MAX ? "payload_too_large" : NULL;
}

/* When the connector was last changed as far as the file knows: by its column, or by what an earlier update wrote. */
static struct span known_update(const struct update *update, const struct sheet_row *read)
{
    int column = sheet_header(update->rewrite.run.sheet)->updated_at;
    struct span message = read->earlier.error_message, cell = {0};
    const char *at = message.len > 0 ? memmem(message.data, message.len, stamp, sizeof(stamp) - 1) : NULL;

    if (column >= 0 && (size_t)column < read->record.count)
        cell = text_trim(read->record.cells[column]);
    if (cell.len == 0 || at == NULL)
        return cell;
    at += sizeof(stamp) - 1;
    return (struct span){at, message.len - (size_t)(at - message.data)};
}

static bool is_outdated(struct update *update, const struct sheet_row *read)
{
    struct span known = known_update(update, read);
    int64_t known_ms, now_ms;

    if (update->again || known.len == 0 || !clock_parse_rfc3339(update->remote.updated_at, &now_ms))
        return false;
    if (clock_parse_rfc3339(known, &known_ms) && now_ms <= known_ms)
        return false;
    leave(update, "changed_meanwhile",
          "not overwritten: the account says that it was changed at %.*s, this file knows of %.*s; look at what it is "
          "now (connload list), or overwrite it with --again",
          (int)update->remote.updated_at.len, update->remote.updated_at.data, (int)known.len, known.data);
    return true;
}

static bool is_colleagues(const struct update *update)
{
    uint64_t own = owners_own(&update->account.owners, 0), owner = run_owner_hash(update->remote.owner_id);

    return own != 0 && owner != 0 && own != owner;
}

static enum decision leave_fixed(struct update *update, const struct sheet_row *read)
{
    struct span fields = show_fields(update, update->edit.fixed, read);

    return leave(update, "fixed_at_creation", "can't be changed, a new connector can be created instead: %.*s",
                 (int)fields.len, fields.data);
}

static enum decision compare(struct update *update, const struct sheet_row *read)
{
    struct edit *edit = &update->edit;
    const char *why;

    edit_compare(edit, &read->connector, columns_of_sheet(update->rewrite.run.sheet), &update->remote.connector);
    if (has_problems(update, read, (edit->changed | edit->fixed) != 0))
        return DECISION_LEFT;
    if (edit->fixed != 0 && (edit->changed == 0 || (edit->fixed >> FIELD_TYPE & 1) != 0))
        return leave_fixed(update, read);
    if (edit->changed == 0)
        return DECISION_SAME;
    if (is_colleagues(update))
        return leave(update, "colleagues", "not changed: it is a colleague's, who shares it: user_id %.*s",
                     (int)update->remote.owner_id.len, update->remote.owner_id.data);
    if (update->remote.connector.type == TYPE_NONE)
        return leave(update, "unknown_type",
                     "not changed: it is of a type that is not known here, and a change could clear its config");
    if ((why = impossible(edit)) != NULL)
        return leave(update, why, "not changed: no connector can be so (%s)", why);
    return is_outdated(update, read) ? DECISION_LEFT : DECISION_PUT;
}

static enum decision decide(struct update *update, const struct account_row *row, struct sheet_row **read)
{
    struct span text;

    switch (account_read(&update->account, row, &update->remote, &text)) {
    case ACCOUNT_SHOWN:
        break;
    case ACCOUNT_GONE:
        return leave(update, "missing",
                     "the account has no such connector: was it deleted, or is it another account's?");
    case ACCOUNT_FAILED:
        return leave(update, "lookup_failed", "not compared: %.*s", (int)text.len, text.data);
    case ACCOUNT_UNTOLD:
        return DECISION_NONE;
    }
    if (!rewrite_row(&update->rewrite, row->row, read))
        return DECISION_NONE;
    if (update->remote.archived)
        return leave(update, "archived", "not changed: it is archived in the account");
    return compare(update, *read);
}

/* ---- What becomes of the rows ---- */

/* The status of a row whose connector is what the row says; `changed`: by this run. */
static enum status status_after(enum status earlier, bool changed)
{
    if (earlier == STATUS_NONE || (earlier == STATUS_EXISTS && changed))
        return changed ? STATUS_UPDATED : STATUS_EXISTS;
    return earlier;
}

/* A row without a status has no place in a journal: it stays as it is, and its trouble is said. */
static void stays(struct update *update, uint64_t index, int http_status)
{
    struct run *run = &update->rewrite.run;
    struct sheet_row *read;

    if (!rewrite_row(&update->rewrite, index, &read))
        return;
    if (read->earlier.status != STATUS_NONE) {
        struct span known = known_update(update, read);

        if (known.len > 0)
            buf_format(&update->text, "%s%.*s", stamp, (int)known.len, known.data);
        rewrite_stays(&update->rewrite, index, http_status, update->code.data, update->text.data);
        return;
    }
    console_say(update->rewrite.session.console, "%s: %s (%s)", sheet_where(run->sheet, &run->rows, index),
                update->text.data, update->code.data);
    run->failures++;
    rows_carry(&run->rows, index, STATUS_NONE);
}

/* Nothing is to be done; an earlier run's trouble with it is over. */
static void is_as_wanted(struct update *update, uint64_t index, const struct sheet_row *read)
{
    struct run *run = &update->rewrite.run;
    struct outcome outcome = read->earlier;
    bool was_sent = run->rows.row[index].attempts > 0; /* by an interrupted run, which did not see the answer */

    if (outcome.status != STATUS_NONE && outcome.error_code.len == 0 && !was_sent) {
        rows_carry(&run->rows, index, outcome.status);
        tally_carried(&update->rewrite.session.tally, outcome.status);
        return;
    }
    outcome.status = status_after(outcome.status, was_sent);
    outcome.error_code = (struct span){0};
    outcome.error_message = span_of(was_sent ? "changed by a run that was interrupted" : "");
    update->rewrite.session.info.changed += was_sent;
    run_record(run, index, &outcome);
}

static void show_decision(struct update *update, uint64_t index, enum decision decision, const struct sheet_row *read)
{
    struct run *run = &update->rewrite.run;
    struct buf shown, separator, hushed;

    if (decision == DECISION_LEFT) {
        printf("%s: left as it is: %s (%s)\n", sheet_where(run->sheet, &run->rows, index), update->text.data,
               update->code.data);
        run->failures++;
        return;
    }
    buf_init(&shown, TEXT_MAX);
    buf_init(&separator, TEXT_MAX);
    buf_init(&hushed, TEXT_MAX);
    buf_format(&separator, "\n%s: ", sheet_where(run->sheet, &run->rows, index));
    buf_text(&shown, separator.data + 1);
    edit_show(update->edit.changed | update->edit.fixed, &read->connector, &update->remote.connector, separator.data,
              &shown);
    redactor_field(&update->rewrite.session.client.redactor, (struct span){0}, buf_view(&shown), &hushed);
    printf("%s\n", hushed.data);
    buf_release(&shown);
    buf_release(&separator);
    buf_release(&hushed);
}

static void take(struct update *update, size_t at, enum decision decision, const struct sheet_row *read)
{
    uint64_t index = update->account.row[at].row;
    bool dry_run = update->rewrite.config->session.dry_run;

    update->is_put[at] = decision == DECISION_PUT;
    update->puts += decision == DECISION_PUT;
    if (dry_run && (decision == DECISION_PUT || decision == DECISION_LEFT))
        show_decision(update, index, decision, read);
    else if (dry_run && decision == DECISION_SAME)
        tally_carried(&update->rewrite.session.tally, read->earlier.status);
    else if (decision == DECISION_SAME)
        is_as_wanted(update, index, read);
    else if (decision == DECISION_LEFT)
        stays(update, index, 0);
}

static void decide_all(struct update *update)
{
    struct account *account = &update->account;

    update->is_put = alloc_zeroed(account->count + 1, sizeof(update->is_put[0]));
    for (size_t i = 0; i < account->count && !client_stopping(&update->rewrite.session.client); i++) {
        struct sheet_row *read = NULL;
        enum decision decision;

        if (update->rewrite.run.rows.row[account->row[i].row].state != ROW_PENDING)
            continue;
        decision = decide(update, &account->row[i], &read);
        take(update, i, decision, read);
        if (i % 1024 == 0)
            client_see_stops(&update->rewrite.session.client);
    }
}

/* ---- Changing ---- */

static bool next_put(void *context, uint64_t *tag, struct span *id)
{
    struct update *update = context;
    struct sheet_row *read;

    while (update->next < update->account.count && !update->is_put[update->next])
        update->next++;
    if (update->next == update->account.count ||
        !rewrite_row(&update->rewrite, update->account.row[update->next].row, &read))
        return false;
    *tag = update->next++;
    *id = read->earlier.connector_id;
    return true;
}

/* The run that goes on after a crash knows by it whose change it finds. */
static bool note_sent(struct update *update, uint64_t index)
{
    struct journal *journal = update->rewrite.run.journal;
    struct err err;

    if (journal_attempts(journal, index, 1, &err) && journal_flush(journal, &err))
        return true;
    client_fault(&update->rewrite.session.client, &err);
    return false;
}

static bool body_of(void *context, uint64_t tag, struct span *body)
{
    struct update *update = context;
    const struct account_row *row = &update->account.row[tag];
    struct sheet_row *read;

    if (!rewrite_promise(&update->rewrite, row->row, clock_mono_ms()) || !note_sent(update, row->row) ||
        decide(update, row, &read) != DECISION_PUT)
        return false;
    buf_reset(&update->body);
    edit_body(&update->edit, &update->body);
    *body = buf_view(&update->body);
    return true;
}

/* The connector is what the row says, but for what can't be changed. */
static void is_changed(struct update *update, const struct account_row *row, const struct remote *answer)
{
    struct run *run = &update->rewrite.run;
    struct sheet_row *read;
    struct outcome outcome;
    unsigned fixed;

    if (decide(update, row, &read) != DECISION_PUT)
        return;
    fixed = update->edit.fixed;
    outcome = read->earlier;
    outcome.status = status_after(outcome.status, true);
    outcome.http_status = update->detail.http_status;
    outcome.error_code = fixed != 0 ? span_of("fixed_at_creation") : (struct span){0};
    buf_reset(&update->text);
    buf_text(&update->text, "changed: ");
    redactor_field(&update->rewrite.session.client.redactor, (struct span){0},
                   show_fields(update, update->edit.changed, read), &update->text);
    if (fixed != 0) {
        buf_text(&update->text, "; can't be changed: ");
        redactor_field(&update->rewrite.session.client.redactor, (struct span){0}, show_fields(update, fixed, read),
                       &update->text);
        run->failures++;
    }
    if (sheet_header(run->sheet)->updated_at >= 0 && answer->updated_at.len > 0)
        buf_format(&update->text, "%s%.*s", stamp, (int)answer->updated_at.len, answer->updated_at.data);
    outcome.error_message = buf_view(&update->text);
    update->rewrite.session.info.changed++;
    run_record(run, row->row, &outcome);
}

static void answered(void *context, uint64_t tag, enum lookup_result result, const struct remote *remote,
                     struct span text)
{
    struct update *update = context;
    const struct account_row *row = &update->account.row[tag];
    struct err err;

    if (result == LOOKUP_FOUND)
        is_changed(update, row, remote);
    else if (!client_stopping(&update->rewrite.session.client) || update->detail.http_status != 401) {
        leave(update, update->detail.code, "%.*s",
              result == LOOKUP_GONE ? (int)strlen("no such connector: was it deleted meanwhile?") : (int)text.len,
              result == LOOKUP_GONE ? "no such connector: was it deleted meanwhile?" : text.data);
        stays(update, row->row, update->detail.http_status);
    }
    if (!journal_flush(update->rewrite.run.journal, &err))
        client_fault(&update->rewrite.session.client, &err);
}

static void put_all(struct update *update)
{
    struct lookup_handler handler = {
        .context = update,
        .doing = "updating",
        .next = next_put,
        .body = body_of,
        .answered = answered,
        .detail = &update->detail,
    };

    lookup_run(&update->rewrite.session.client, &handler);
}

static void show_cost(struct update *update)
{
    char parts[128];
    struct buf out;

    buf_init(&out, 4096);
    snprintf(parts, sizeof(parts), "%" PRIu64 " to change, 1 to list, %" PRIu64 " to look up", update->puts,
             update->account.lookups);
    plan_cost(&update->rewrite.session.client, update->puts + 1 + update->account.lookups, parts, &out);
    fputs(out.data, stdout);
    buf_release(&out);
}

/* Reads lag writes: the list may lack what the run that wrote the file has made or changed in its last seconds. */
static void wait_for_reads(struct rewrite *rewrite)
{
    int64_t written_ms, since_ms;

    if (!disk_written_at(rewrite->config->sheet.path, &written_ms))
        return;
    since_ms = clock_wall_ms() - written_ms;
    session_wait(&rewrite->session, rewrite->config->settle_ms - (since_ms > 0 ? since_ms : 0),
                 "until the list can show what was changed last");
}

static bool work(struct rewrite *rewrite, struct err *err)
{
    struct update *update = (struct update *)rewrite;

    if (!read_rows(update, err))
        return false;
    if (reporting_has_checksums(&rewrite->config->session.reporting))
        sheet_sha256(rewrite->run.sheet, rewrite->session.info.input_sha256);
    if (!rewrite->config->session.dry_run && !rewrite_take_up(rewrite, err))
        return false;
    client_listen(&rewrite->session.client);
    if (rewrite->run.rows.in_state[ROW_PENDING] == 0) {
        console_note(rewrite->session.console, "%s: no row is left that names a connector: nothing to update",
                     sheet_name(rewrite->run.sheet));
        return true;
    }
    wait_for_reads(rewrite);
    if (!account_fetch(&update->account))
        return true;
    decide_all(update);
    if (rewrite->config->session.dry_run)
        show_cost(update);
    else
        put_all(update);
    return true;
}

enum exit_code update_run(const struct update_config *config, struct console *console)
{
    struct update *update = alloc_zeroed(1, sizeof(*update));
    struct rewrite_config how = config->rewrite;
    enum exit_code code;

    how.sheet.may_lack = true;
    update->again = config->again;
    edit_init(&update->edit);
    remote_init(&update->remote);
    buf_init(&update->body, BODY_MAX);
    buf_init(&update->text, TEXT_MAX);
    buf_init(&update->code, 4096);
    buf_init(&update->where, TEXT_MAX);
    code = rewrite_run(&update->rewrite, &how, console, work);
    account_release(&update->account);
    edit_release(&update->edit);
    remote_release(&update->remote);
    buf_release(&update->body);
    buf_release(&update->text);
    buf_release(&update->code);
    buf_release(&update->where);
    free(update->is_put);
    free(update);
    return code;
}
