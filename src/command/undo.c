#include "command/undo.h"

#include "api/lookup.h"
#include "api/loop.h"
#include "api/reply.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "command/ask.h"
#include "model/api_error.h"
#include "model/classify.h"
#include "model/remote.h"
#include "report/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is known of a row beside its state: bits. */
enum trace {
    TRACE_SENT = 1,  /* a DELETE of it may have been acted on */
    TRACE_CHECK = 2, /* one was accepted; a GET is to tell whether it has been acted on */
};

struct undo {
    struct rewrite rewrite; /* the first member: rewrite_run() hands it over */
    bool yes;
    struct live live;
    struct remote remote;     /* the answer's connector */
    uint8_t *trace;           /* for each row, enum trace */
    const struct word **said; /* for each row, the error that a 2xx told; NULL until there is one */
    uint64_t next;
};

/* A created row is to be archived; every other row is carried over. */
static bool read_rows(struct undo *undo, struct err *err)
{
    struct rows *rows = &undo->rewrite.run.rows;
    struct sheet_row *read;
    enum csv_step step;

    while ((step = sheet_next(undo->rewrite.run.sheet, &read, err)) == CSV_STEP_RECORD) {
        uint64_t index = rows_add(rows, read->record.offset, read->record.raw.len, read->record.line, read->record.row);

        if (read->earlier.status != STATUS_CREATED)
            rows_carry(rows, index, read->earlier.status);
    }
    if (step == CSV_STEP_FAILED)
        return false;
    rewrite_count_rows(&undo->rewrite);
    if (rows->in_state[ROW_PENDING] == 0)
        console_note(undo->rewrite.session.console, "%s: no row is created: nothing to archive",
                     sheet_name(undo->rewrite.run.sheet));
    return true;
}

static bool confirm(struct undo *undo, struct err *err)
{
    uint64_t count = undo->rewrite.run.rows.in_state[ROW_PENDING];
    char question[512];

    if (undo->yes || undo->rewrite.config->session.dry_run || count == 0)
        return true;
    if (!ask_can())
        return err_set(err, EXIT_USAGE,
                       "undo would archive %" PRIu64 " connectors; where nobody can be asked it needs --yes", count);
    snprintf(question, sizeof(question), "Archive %" PRIu64 " connector%s that %s names as created?", count,
             count == 1 ? "" : "s", sheet_name(undo->rewrite.run.sheet));
    if (ask_yes(undo->rewrite.session.console, question))
        return true;
    return err_set(err, EXIT_SOME_NOT, "nothing was archived");
}

/* ---- Sending ---- */

static bool has_rows(struct undo *undo)
{
    const struct rows *rows = &undo->rewrite.run.rows;

    if (undo->rewrite.run.queue.count > 0)
        return true;
    while (undo->next < rows->count && rows->row[undo->next].state != ROW_PENDING)
        undo->next++;
    return undo->next < rows->count;
}

/* The row's earlier outcome; false with the client stopped where it can't be read. */
static bool earlier_of(struct undo *undo, uint64_t index, struct outcome *outcome)
{
    struct sheet_row *read;

    if (!rewrite_row(&undo->rewrite, index, &read))
        return false;
    *outcome = read->earlier;
    return true;
}

static void stays(struct undo *undo, uint64_t index, int http_status, const char *code, const char *message)
{
    rewrite_stays(&undo->rewrite, index, http_status, code, message);
}

static void send_delete(struct undo *undo, uint64_t index, struct span id, int64_t now_ms)
{
    struct http_request request = {.method = HTTP_DELETE, .tag = index};
    char path[128];

    snprintf(path, sizeof(path), "/contents/v1/connectors/%.*s", (int)id.len, id.data);
    request.path = path;
    client_send(&undo->rewrite.session.client, REQUEST_DELETE, &request, now_ms);
}

static void send_row(struct undo *undo, int64_t now_ms)
{
    struct run *run = &undo->rewrite.run;
    struct outcome outcome;
    uint64_t index = undo->next;

    queue_take(&run->queue, &index);
    if (!rewrite_promise(&undo->rewrite, index, now_ms) || !earlier_of(undo, index, &outcome))
        return;
    if (!remote_is_uuid(outcome.connector_id)) {
        undo->rewrite.session.info.hopeless++;
        stays(undo, index, 0, "no_id",
              "the row has no connector_id that could be archived; did a spreadsheet change it?");
        return;
    }
    if (run->rows.row[index].attempts < ROW_ATTEMPTS_MAX)
        run->rows.row[index].attempts++;
    rows_step(&run->rows, index, EVENT_SENT);
    if (undo->trace[index] & TRACE_CHECK)
        lookup_send(&undo->rewrite.session.client, outcome.connector_id, index, now_ms);
    else
        send_delete(undo, index, outcome.connector_id, now_ms);
}

static void describe(struct undo *undo, const struct http_answer *answer)
{
    static const struct reply_expected expected = {"not_archived", "the archived connector"};
    struct run *run = &undo->rewrite.run;

    buf_reset(&run->code);
    buf_reset(&run->text);
    reply_read(run->client, answer, (struct span){0}, &expected, &run->code, &run->text);
    if (answer->status == 404)
        buf_text(&run->text, run->text.len > 0 ? "; not archived: was it deleted, or is it another account's?"
                                               : "no such connector: was it deleted, or is it another account's?");
    reply_fill_in(answer, &run->code, &run->text);
}

/* A 2xx alone proves nothing: a gateway's page has one, too. The API answers with the connector, archived (api.md). */
static bool says_archived(struct undo *undo, uint64_t index, const struct http_answer *answer)
{
    struct outcome outcome;

    return remote_read(&undo->remote, answer->body) && undo->remote.archived && earlier_of(undo, index, &outcome) &&
           text_equal_fold(undo->remote.id, outcome.connector_id);
}

static void archived(struct undo *undo, uint64_t index, const struct http_answer *answer)
{
    struct outcome outcome;

    if (!earlier_of(undo, index, &outcome))
        return;
    outcome.status = STATUS_ARCHIVED;
    outcome.http_status = answer->status;
    outcome.error_code = outcome.error_message = (struct span){0};
    run_record(&undo->rewrite.run, index, &outcome);
}

static void log_attempt(struct undo *undo, uint64_t index, const struct http_answer *answer, const char *event,
                        const char *verdict)
{
    struct json_object *line = run_log_row(&undo->rewrite.run, event, index);

    if (line == NULL)
        return;
    reply_log(line, answer, undo->rewrite.run.rows.row[index].attempts, "verdict", verdict);
    log_end(undo->rewrite.run.log, line);
}

static bool is_2xx(const struct http_answer *answer)
{
    return answer->fate == FATE_ANSWERED && answer->status >= 200 && answer->status < 300;
}

/* A DELETE was accepted, and did not say that it is done: a GET tells, when reads have caught up with writes. */
static void check_later(struct undo *undo, uint64_t index, const struct http_answer *answer)
{
    struct run *run = &undo->rewrite.run;

    if (api_error_is_told(answer->body)) {
        if (undo->said == NULL)
            undo->said = alloc_zeroed((size_t)run->rows.count, sizeof(undo->said[0]));
        undo->said[index] = words_keep(&run->words, buf_view(&run->code), buf_view(&run->text));
    }
    undo->trace[index] |= TRACE_CHECK;
    run_back_off(run, index, undo->rewrite.config->settle_ms, clock_mono_ms());
}

/* The answer to a DELETE; `maybe`: an earlier one may have been acted on. */
static enum verdict judge_delete(struct undo *undo, uint64_t index, const struct http_answer *answer, bool maybe)
{
    if (answer->status == 404 && maybe)
        return VERDICT_CREATED;
    if (answer->status == 403 && api_error_is_unknown_path(answer->body) &&
        !undo->rewrite.session.client.outage.reached)
        return VERDICT_REFUSED;
    if (answer->status == 403) /* this connector's own: somebody else's, or what a filter does not like */
        return VERDICT_REJECTED;
    return classify_idempotent(answer->fate, answer->status, says_archived(undo, index, answer));
}

static void take_delete(struct undo *undo, uint64_t index, const struct http_answer *answer)
{
    bool maybe = (undo->trace[index] & TRACE_SENT) || index < undo->rewrite.maybe_sent;
    enum verdict verdict = judge_delete(undo, index, answer, maybe);

    if (answer->sent && (verdict == VERDICT_CREATED || (verdict == VERDICT_AGAIN && answer->status != 429)))
        undo->trace[index] |= TRACE_SENT;
    run_tell(&undo->rewrite.run, index, answer,
             outage_sign(answer, verdict == VERDICT_CREATED || verdict == VERDICT_REJECTED || is_2xx(answer), false));
    if (verdict != VERDICT_CREATED)
        describe(undo, answer);
    log_attempt(undo, index, answer, "archive", verdict == VERDICT_CREATED ? "archived" : verdict_name(verdict));
    if (verdict == VERDICT_CREATED)
        archived(undo, index, answer);
    else if (is_2xx(answer))
        check_later(undo, index, answer);
    else if (verdict == VERDICT_AGAIN)
        rewrite_again(&undo->rewrite, index, answer);
    else if (verdict == VERDICT_REFUSED)
        run_refused(&undo->rewrite.run, index, answer, "");
    else {
        undo->rewrite.session.info.hopeless++;
        stays(undo, index, answer->status, undo->rewrite.run.code.data, undo->rewrite.run.text.data);
    }
}

/* The GET shows the connector, and it is not archived. */
static void not_archived(struct undo *undo, uint64_t index, const struct http_answer *answer)
{
    static const char what[] =
        "the server took the request to archive it, but shows it as not archived; undo again later";
    const struct word *said = undo->said != NULL ? undo->said[index] : NULL;

    if (said != NULL)
        stays(undo, index, answer->status, said->code, said->message);
    else
        stays(undo, index, answer->status, "not_archived", what);
}

/* The answer to the GET that decides. */
static void take_check(struct undo *undo, uint64_t index, const struct http_answer *answer)
{
    static const char *const names[] = {"found", "gone", "failed", "again"};
    struct run *run = &undo->rewrite.run;
    enum lookup_result result;
    struct outcome outcome;

    if (!earlier_of(undo, index, &outcome))
        return;
    buf_reset(&run->code);
    buf_reset(&run->text);
    buf_text(&run->code, "not_checked");
    result = lookup_answer(&undo->rewrite.session.client, answer, outcome.connector_id, &undo->remote, &run->text);
    run_tell(run, index, answer, outage_sign(answer, result == LOOKUP_FOUND || result == LOOKUP_GONE, false));
    log_attempt(undo, index, answer, "archive_check",
                result == LOOKUP_FOUND && undo->remote.archived ? "archived" : names[result]);
    if (result == LOOKUP_GONE || (result == LOOKUP_FOUND && undo->remote.archived))
        archived(undo, index, answer);
    else if (result == LOOKUP_FOUND)
        not_archived(undo, index, answer);
    else if (result == LOOKUP_AGAIN)
        rewrite_again(&undo->rewrite, index, answer);
    else if (client_stopping(&undo->rewrite.session.client))
        rows_step(&run->rows, index, EVENT_RUN_STOPS);
    else
        stays(undo, index, answer->status, run->code.data, run->text.data);
}

static void take_answer(void *context, const struct http_answer *answer)
{
    struct undo *undo = context;

    if (probe_answer(&undo->rewrite.probe, answer))
        return;
    client_heed(&undo->rewrite.session.client, answer);
    if (undo->trace[answer->tag] & TRACE_CHECK)
        take_check(undo, answer->tag, answer);
    else
        take_delete(undo, answer->tag, answer);
}

static void show(void *context, int64_t next_send_ms)
{
    struct undo *undo = context;
    struct live_input input = {
        .rows = &undo->rewrite.run.rows,
        .tally = &undo->rewrite.session.tally,
        .client = &undo->rewrite.session.client,
        .next_send_ms = next_send_ms,
        .settle_ms = INT64_MAX,
        .is_undo = true,
    };

    live_show(&undo->live, &input, clock_mono_ms());
}

static bool is_over(void *context)
{
    struct undo *undo = context;

    if (http_in_flight(undo->rewrite.session.client.http) > 0)
        return false;
    return client_stopping(&undo->rewrite.session.client) ||
           (!has_rows(undo) && undo->rewrite.run.rows.in_state[ROW_BACKOFF] == 0);
}

/* The one row whose answer may end the outage. */
static void try_row(struct undo *undo, int64_t now_ms)
{
    struct run *run = &undo->rewrite.run;
    uint64_t row;

    if (has_rows(undo)) {
        row = undo->next;
        queue_peek(&run->queue, &row);
        send_row(undo, now_ms);
        if (run->rows.row[row].state == ROW_IN_FLIGHT)
            outage_try(&undo->rewrite.session.client.outage, row);
    } else if (run->rows.in_state[ROW_BACKOFF] == 0)
        client_end_outage(&undo->rewrite.session.client);
}

static int64_t send_all(void *context, int64_t *other_ms)
{
    struct undo *undo = context;

    run_wake_backoffs(&undo->rewrite.run, clock_mono_ms());
    *other_ms = INT64_MAX;
    if (!client_stopping(&undo->rewrite.session.client) && rewrite_probe(&undo->rewrite, clock_mono_ms()))
        try_row(undo, clock_mono_ms());
    while (!client_stopping(&undo->rewrite.session.client) && has_rows(undo)) {
        int64_t now_ms = clock_mono_ms(), next_ms = client_next_send(&undo->rewrite.session.client, now_ms);

        if (next_ms > now_ms) {
            *other_ms = queue_next(&undo->rewrite.run.queue);
            return next_ms;
        }
        send_row(undo, now_ms);
    }
    *other_ms = queue_next(&undo->rewrite.run.queue);
    return INT64_MAX;
}

static void flush_journal(void *context)
{
    struct undo *undo = context;
    struct err err;

    if (!journal_flush(undo->rewrite.run.journal, &err))
        client_fault(&undo->rewrite.session.client, &err);
}

static void archive_all(struct undo *undo)
{
    struct loop_handler handler = {
        .context = undo,
        .is_over = is_over,
        .send = send_all,
        .take = take_answer,
        .taken = flush_journal,
        .show = show,
    };

    loop_run(&undo->rewrite.session.client, &handler);
}

/* ---- The command, step by step ---- */

static void say_plan(struct undo *undo)
{
    for (uint64_t i = 0; i < undo->rewrite.run.rows.count; i++) {
        struct outcome outcome;

        if (undo->rewrite.run.rows.row[i].state != ROW_PENDING || !earlier_of(undo, i, &outcome))
            continue;
        printf("%s: ", sheet_where(undo->rewrite.run.sheet, &undo->rewrite.run.rows, i));
        if (remote_is_uuid(outcome.connector_id))
            printf("archive %.*s\n", (int)outcome.connector_id.len, outcome.connector_id.data);
        else
            printf("no connector_id that could be archived\n");
    }
}

static bool work(struct rewrite *rewrite, struct err *err)
{
    struct undo *undo = (struct undo *)rewrite;

    if (!read_rows(undo, err))
        return false;
    if (reporting_has_checksums(&rewrite->config->session.reporting))
        sheet_sha256(rewrite->run.sheet, rewrite->session.info.input_sha256);
    if (!confirm(undo, err))
        return false;
    if (rewrite->config->session.dry_run) {
        say_plan(undo);
        return true;
    }
    if (!rewrite_take_up(rewrite, err))
        return false;
    undo->trace = alloc_zeroed((size_t)rewrite->run.rows.count + 1, sizeof(undo->trace[0]));
    client_listen(&rewrite->session.client);
    archive_all(undo);
    return true;
}

enum exit_code undo_run(const struct undo_config *config, struct console *console)
{
    struct undo *undo = alloc_zeroed(1, sizeof(*undo));
    struct rewrite_config how = config->rewrite;
    enum exit_code code;

    how.sheet.results_only = true; /* the eight result columns are all that is needed; a secret's column is emptied */
    undo->yes = config->yes;
    remote_init(&undo->remote);
    code = rewrite_run(&undo->rewrite, &how, console, work);
    remote_release(&undo->remote);
    free(undo->trace);
    free(undo->said);
    free(undo);
    return code;
}
