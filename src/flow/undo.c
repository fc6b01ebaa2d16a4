#include "flow/undo.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "flow/ask.h"
#include "flow/finish.h"
#include "flow/lookup.h"
#include "flow/recent.h"
#include "flow/resume.h"
#include "flow/run.h"
#include "flow/secrets.h"
#include "io/digest.h"
#include "io/output.h"
#include "model/api_error.h"
#include "model/classify.h"
#include "model/remote.h"
#include "report/speed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROMISE_STRIDE = 256 }; /* rows: of a 404 behind a crash it is known within these whether a DELETE was sent */

/* What is known of a row beside its state: bits. */
enum trace {
    TRACE_SENT = 1,  /* a DELETE of it may have been acted on */
    TRACE_CHECK = 2, /* one was accepted; a GET is to tell whether it has been acted on */
};

struct undo {
    const struct undo_config *config;
    struct console *console;
    struct reporting reporting;
    struct tally tally;
    struct facts facts;
    struct courier_config courier_config;
    struct courier courier;
    struct buf key;
    struct run run;
    struct recent recent;
    struct speed speed;
    struct remote remote;     /* the answer's connector */
    uint8_t *trace;           /* for each row, enum trace */
    const struct word **said; /* for each row, the error that a 2xx told; NULL until there is one */
    uint64_t next;
    uint64_t promised;   /* rows below may be sent, says the journal */
    uint64_t maybe_sent; /* rows below may have been sent by the interrupted run */
    char *kept;          /* where the results are that could not be put in their place; or NULL */
    bool courier_ready;
};

/* Of the sheet, undo needs the eight result columns alone; a secret's column is emptied where it is known. */
static bool open_sheet(struct undo *undo, struct console *console, struct err *err)
{
    struct sheet_config config = undo->config->sheet;

    config.results_only = true;
    sheet_close(undo->run.sheet);
    undo->run.sheet = sheet_open(&config, console, err);
    return undo->run.sheet != NULL;
}

static bool open_results(struct undo *undo, struct err *err)
{
    const char *path = undo->config->sheet.path;

    if (output_is_stream(path))
        return err_set(err, EXIT_USAGE, "undo rewrites the result file, so it needs a file, not %s", path);
    if (!open_sheet(undo, undo->console, err))
        return false;
    if (!sheet_header(undo->run.sheet)->is_result)
        return err_set(err, EXIT_INPUT,
                       "%s is no result file: its header does not end in the eight result columns; name the file that "
                       "`connload create` wrote",
                       path);
    return true;
}

/* Takes the lock, and opens the file once more: another run may have replaced it before the lock was ours. */
static bool lock_results(struct undo *undo, bool *found, struct err *err)
{
    undo->run.journal = journal_open(undo->config->sheet.path, found, err);
    if (undo->run.journal == NULL)
        return false;
    return open_sheet(undo, NULL, err);
}

/* A created row is to be archived; every other row is carried over. */
static bool read_rows(struct undo *undo, struct err *err)
{
    struct rows *rows = &undo->run.rows;
    struct sheet_row *read;
    enum csv_step step;

    while ((step = sheet_next(undo->run.sheet, &read, err)) == CSV_STEP_RECORD) {
        uint64_t index = rows_add(rows, read->record.offset, read->record.raw.len, read->record.line, read->record.row);

        if (read->earlier.status != STATUS_CREATED)
            rows_finish(rows, index, ROW_CARRIED, read->earlier.status, 0);
    }
    if (step == CSV_STEP_FAILED)
        return false;
    undo->tally.rows = rows->count;
    undo->tally.to_send = rows->in_state[ROW_PENDING];
    if (undo->tally.to_send == 0)
        console_note(undo->console, "%s: no row is created: nothing to archive", sheet_name(undo->run.sheet));
    for (int i = 0; i < STATUSES; i++)
        for (uint64_t n = rows->with_status[i]; n > 0; n--)
            tally_carried(&undo->tally, (enum status)i);
    return true;
}

/* An interrupted undo's journal says which rows are archived already; nothing else of it matters. */
static bool take_up(struct undo *undo, bool found, struct err *err)
{
    const char *path = undo->config->sheet.path;
    char mark[DIGEST_MARK];
    struct journal_head head = {
        .command = "undo",
        .input = path,
        .input_size = sheet_info(undo->run.sheet)->size,
        .input_crc = sheet_crc(undo->run.sheet),
        .rows = undo->run.rows.count,
        .base_url = undo->courier_config.http.base_url,
        .key_mark = mark,
        .started_ms = undo->tally.started_wall_ms,
    };
    struct resume resume;
    bool anew = true;

    if (!digest_mark(undo->courier_config.http.api_key, NULL, mark, err))
        return false;
    if (found &&
        (!resume_read(&resume, undo->run.journal, err) ||
         !resume_fits(&resume, undo->run.journal, &head, undo->courier_config.http.api_key, &undo->run, &anew, err)))
        return false;
    if (anew)
        return journal_begin(undo->run.journal, &head, err);
    undo->facts.resumed = true;
    undo->promised = undo->maybe_sent = resume.promised;
    resume.promised = 0; /* a DELETE that may have been sent is sent again */
    if (!resume_replay(&resume, &undo->run, &undo->recent, err))
        return false;
    undo->run.failures = undo->run.rows.with_status[STATUS_CREATED]; /* that could not be archived */
    return true;
}

static bool confirm(struct undo *undo, struct err *err)
{
    uint64_t count = undo->run.rows.in_state[ROW_PENDING];
    char question[512];

    if (undo->config->yes || undo->config->dry_run || count == 0)
        return true;
    if (!ask_can())
        return err_set(err, EXIT_USAGE,
                       "undo would archive %" PRIu64 " connectors; where nobody can be asked it needs --yes", count);
    snprintf(question, sizeof(question), "Archive %" PRIu64 " connector%s that %s names as created?", count,
             count == 1 ? "" : "s", sheet_name(undo->run.sheet));
    if (ask_yes(undo->console, question))
        return true;
    return err_set(err, EXIT_SOME_NOT, "nothing was archived");
}

/* ---- Sending ---- */

static bool has_rows(struct undo *undo)
{
    const struct rows *rows = &undo->run.rows;

    if (undo->run.ready_count > 0)
        return true;
    while (undo->next < rows->count && rows->row[undo->next].state != ROW_PENDING)
        undo->next++;
    return undo->next < rows->count;
}

/* The row's earlier outcome; false with the courier stopped where it can't be read. */
static bool earlier_of(struct undo *undo, uint64_t index, struct outcome *outcome)
{
    const struct row *row = &undo->run.rows.row[index];
    struct sheet_row *read;
    struct err err;

    if (!sheet_record_at(undo->run.sheet, row->offset, row->length, row->line, &read, &err)) {
        courier_fault(&undo->courier, &err);
        return false;
    }
    *outcome = read->earlier;
    return true;
}

/* The row keeps its connector, with the reason beside it. */
static void stays(struct undo *undo, uint64_t index, int http_status, const char *code, const char *message)
{
    struct outcome outcome;

    if (!earlier_of(undo, index, &outcome))
        return;
    outcome.http_status = http_status;
    outcome.error_code = span_of(code);
    outcome.error_message = span_of(message);
    undo->run.failures++;
    run_record(&undo->run, index, &outcome);
}

static bool promise(struct undo *undo, uint64_t index, int64_t now_ms)
{
    struct run *run = &undo->run;

    if (index < undo->promised && run_promised_lately(run, now_ms))
        return true;
    if (index >= undo->promised)
        undo->promised = index + PROMISE_STRIDE;
    if (undo->promised > run->rows.count)
        undo->promised = run->rows.count;
    return run_promise(run, undo->promised, now_ms);
}

static void send_delete(struct undo *undo, uint64_t index, struct span id, int64_t now_ms)
{
    struct http_request request = {.method = HTTP_DELETE, .tag = index};
    char path[128];

    snprintf(path, sizeof(path), "/contents/v1/connectors/%.*s", (int)id.len, id.data);
    request.path = path;
    courier_send(&undo->courier, REQUEST_DELETE, &request, now_ms);
}

static void send_row(struct undo *undo, int64_t now_ms)
{
    struct run *run = &undo->run;
    struct outcome outcome;
    uint64_t index = undo->next;

    run_take_ready(run, &index);
    if (!promise(undo, index, now_ms) || !earlier_of(undo, index, &outcome))
        return;
    if (!remote_is_uuid(outcome.connector_id)) {
        undo->facts.hopeless++;
        stays(undo, index, 0, "no_id",
              "the row has no connector_id that could be archived; did a spreadsheet change it?");
        return;
    }
    if (run->rows.row[index].attempts < ROW_ATTEMPTS_MAX)
        run->rows.row[index].attempts++;
    rows_move(&run->rows, index, ROW_IN_FLIGHT);
    if (undo->trace[index] & TRACE_CHECK)
        lookup_send(&undo->courier, outcome.connector_id, index, now_ms);
    else
        send_delete(undo, index, outcome.connector_id, now_ms);
}

static void describe(struct undo *undo, const struct http_answer *answer)
{
    struct run *run = &undo->run;
    struct api_secrets secrets = hush_secrets(&undo->courier.hush, (struct span){0});

    buf_reset(&run->code);
    buf_reset(&run->text);
    if (answer->status == 0) {
        buf_text(&run->code, answer->problem_code != NULL ? answer->problem_code : "connection_lost");
        buf_text(&run->text, answer->problem != NULL ? answer->problem : "no answer");
    } else if (answer->status < 300 && api_error_is_told(answer->body)) {
        buf_format(&run->text, "the server answered %d, but with an error: ", answer->status);
        api_error_read(answer->body, secrets, &run->text, &run->code);
        if (run->code.len == 0)
            buf_text(&run->code, "error_in_answer");
    } else if (answer->status < 300) {
        buf_text(&run->code, "not_archived");
        buf_format(&run->text, "the server answered %d, but not with the archived connector", answer->status);
    } else
        api_error_read(answer->body, secrets, &run->text, &run->code);
    if (answer->status == 404)
        buf_text(&run->text, run->text.len > 0 ? "; not archived: was it deleted, or is it another account's?"
                                               : "no such connector: was it deleted, or is it another account's?");
    if (run->code.len == 0)
        buf_format(&run->code, "http_%d", answer->status);
    if (run->text.len == 0)
        buf_format(&run->text, "the server answered %d", answer->status);
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
    run_record(&undo->run, index, &outcome);
}

static void again(struct undo *undo, uint64_t index, const struct http_answer *answer)
{
    struct run *run = &undo->run;
    uint32_t attempts = run->rows.row[index].attempts;
    int64_t now_ms = clock_mono_ms(), until_ms;

    if (!retry_allowed(&undo->courier.config.retry, attempts))
        stays(undo, index, answer->status, run->code.data, run->text.data);
    else if ((answer->status == 429 || answer->retry_after_ms >= 0) &&
             pace_holding(undo->courier.pace, now_ms, &until_ms))
        run_send_again(run, index);
    else
        run_back_off(run, index, courier_backoff(&undo->courier, attempts), now_ms);
}

static void log_attempt(struct undo *undo, uint64_t index, const struct http_answer *answer, const char *event,
                        const char *verdict)
{
    struct json_object *line = run_log_row(&undo->run, event, index);

    if (line == NULL)
        return;
    json_object_integer(line, "attempt", undo->run.rows.row[index].attempts);
    json_object_integer(line, "http_status", answer->status);
    json_object_text(line, "verdict", span_of(verdict));
    json_object_number(line, "latency_ms", (double)answer->latency_us / 1000);
    log_end(undo->run.log, line);
}

static bool is_2xx(const struct http_answer *answer)
{
    return answer->fate == FATE_ANSWERED && answer->status >= 200 && answer->status < 300;
}

/* A DELETE was accepted, and did not say that it is done: a GET tells, when reads have caught up with writes. */
static void check_later(struct undo *undo, uint64_t index, const struct http_answer *answer)
{
    struct run *run = &undo->run;

    if (api_error_is_told(answer->body)) {
        if (undo->said == NULL)
            undo->said = alloc_zeroed((size_t)run->rows.count, sizeof(undo->said[0]));
        undo->said[index] = words_keep(&run->words, buf_view(&run->code), buf_view(&run->text));
    }
    undo->trace[index] |= TRACE_CHECK;
    run_back_off(run, index, undo->config->settle_ms, clock_mono_ms());
}

/* The answer to a DELETE; `maybe`: an earlier one may have been acted on. */
static enum verdict judge_delete(struct undo *undo, uint64_t index, const struct http_answer *answer, bool maybe)
{
    if (answer->status == 404 && maybe)
        return VERDICT_CREATED;
    if (answer->status == 403) /* this connector's own: somebody else's, or what a filter does not like */
        return VERDICT_REJECTED;
    return classify_idempotent(answer->fate, answer->status, says_archived(undo, index, answer));
}

static void take_delete(struct undo *undo, uint64_t index, const struct http_answer *answer)
{
    bool maybe = (undo->trace[index] & TRACE_SENT) || index < undo->maybe_sent;
    enum verdict verdict = judge_delete(undo, index, answer, maybe);

    if (answer->sent && (verdict == VERDICT_CREATED || (verdict == VERDICT_AGAIN && answer->status != 429)))
        undo->trace[index] |= TRACE_SENT;
    if (verdict != VERDICT_CREATED)
        describe(undo, answer);
    log_attempt(undo, index, answer, "archive", verdict == VERDICT_CREATED ? "archived" : verdict_name(verdict));
    if (verdict == VERDICT_CREATED)
        archived(undo, index, answer);
    else if (is_2xx(answer))
        check_later(undo, index, answer);
    else if (verdict == VERDICT_AGAIN)
        again(undo, index, answer);
    else if (verdict == VERDICT_REFUSED) {
        rows_move(&undo->run.rows, index, ROW_PENDING);
        courier_stop(&undo->courier, STOP_KEY_REFUSED,
                     "the server answered %d: %s; the API key is refused: check BIGDATA_API_KEY or --api-key-file",
                     answer->status, api_error_without_status(undo->run.text.data, answer->status));
    } else {
        undo->facts.hopeless++;
        stays(undo, index, answer->status, undo->run.code.data, undo->run.text.data);
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
    struct run *run = &undo->run;
    enum lookup_result result;
    struct outcome outcome;

    if (!earlier_of(undo, index, &outcome))
        return;
    buf_reset(&run->code);
    buf_reset(&run->text);
    buf_text(&run->code, "not_checked");
    result = lookup_answer(&undo->courier, answer, outcome.connector_id, &undo->remote, &run->text);
    log_attempt(undo, index, answer, "archive_check",
                result == LOOKUP_FOUND && undo->remote.archived ? "archived" : names[result]);
    if (result == LOOKUP_GONE || (result == LOOKUP_FOUND && undo->remote.archived))
        archived(undo, index, answer);
    else if (result == LOOKUP_FOUND)
        not_archived(undo, index, answer);
    else if (result == LOOKUP_AGAIN)
        again(undo, index, answer);
    else if (courier_stopping(&undo->courier))
        rows_move(&run->rows, index, ROW_PENDING);
    else
        stays(undo, index, answer->status, run->code.data, run->text.data);
}

static void take_answer(struct undo *undo, const struct http_answer *answer)
{
    courier_heed(&undo->courier, answer);
    if (undo->trace[answer->tag] & TRACE_CHECK)
        take_check(undo, answer->tag, answer);
    else
        take_delete(undo, answer->tag, answer);
}

static void show(struct undo *undo, int64_t next_send_ms)
{
    struct speed_input input = {
        .rows = &undo->run.rows,
        .tally = &undo->tally,
        .courier = &undo->courier,
        .next_send_ms = next_send_ms,
        .settle_ms = INT64_MAX,
        .is_undo = true,
    };

    speed_show(&undo->speed, &input, clock_mono_ms());
}

static bool is_over(struct undo *undo)
{
    if (http_in_flight(undo->courier.http) > 0)
        return false;
    return courier_stopping(&undo->courier) || (!has_rows(undo) && undo->run.rows.in_state[ROW_BACKOFF] == 0);
}

static int64_t send_all(struct undo *undo)
{
    while (!courier_stopping(&undo->courier) && has_rows(undo)) {
        int64_t now_ms = clock_mono_ms(), next_ms = courier_next_send(&undo->courier, now_ms);

        if (next_ms > now_ms)
            return next_ms;
        send_row(undo, now_ms);
    }
    return INT64_MAX;
}

static void take_answers(struct undo *undo)
{
    struct http_answer answer;
    struct err err;

    while (undo->courier.stop != STOP_LOCAL && courier_take(&undo->courier, &answer))
        take_answer(undo, &answer);
    if (undo->courier.stop != STOP_LOCAL && !journal_flush(undo->run.journal, &err))
        courier_fault(&undo->courier, &err);
}

static void loop(struct undo *undo)
{
    while (!is_over(undo)) {
        int64_t next_send_ms, began_ms;

        if (courier_must_abort(&undo->courier, clock_mono_ms()) || undo->courier.stop == STOP_LOCAL) {
            http_abort(undo->courier.http);
            take_answers(undo);
            break;
        }
        run_wake_backoffs(&undo->run, clock_mono_ms());
        next_send_ms = send_all(undo);
        began_ms = clock_mono_ms();
        if (!is_over(undo)) /* rows without an id end without a request: nothing would come to wait for */
            courier_wait(&undo->courier, clock_sooner(clock_sooner(next_send_ms, console_due(undo->console)),
                                                      timers_next(&undo->run.backoffs)));
        if (next_send_ms != INT64_MAX && next_send_ms > began_ms)
            undo->tally.waited_ms += (uint64_t)(clock_mono_ms() - began_ms);
        take_answers(undo);
        show(undo, next_send_ms);
    }
}

/* ---- The command, step by step ---- */

static void say_plan(struct undo *undo)
{
    for (uint64_t i = 0; i < undo->run.rows.count; i++) {
        struct outcome outcome;

        if (undo->run.rows.row[i].state != ROW_PENDING || !earlier_of(undo, i, &outcome))
            continue;
        printf("%s: ", sheet_where(undo->run.sheet, &undo->run.rows, i));
        if (remote_is_uuid(outcome.connector_id))
            printf("archive %.*s\n", (int)outcome.connector_id.len, outcome.connector_id.data);
        else
            printf("no connector_id that could be archived\n");
    }
}

static bool prepare(struct undo *undo, struct err *err)
{
    const struct undo_config *config = undo->config;

    if (!reporting_open(&undo->reporting, &config->reporting, &undo->facts, err) ||
        !secrets_api_key(config->api_key_file, &undo->key, err))
        return false;
    undo->courier_config = config->courier;
    undo->courier_config.http.api_key = undo->key.data;
    if (!http_check_url(config->courier.http.base_url, err) ||
        !courier_init(&undo->courier, &undo->courier_config, &undo->tally, undo->console, undo->reporting.log, err))
        return false;
    undo->courier_ready = true;
    run_init(&undo->run, &undo->courier, config->courier.http.concurrency, 0, 0);
    recent_init(&undo->recent, config->courier.rate.count > 0 ? config->courier.rate.window_ms : 60000,
                clock_wall_ms());
    return true;
}

static bool work(struct undo *undo, struct err *err)
{
    bool found;

    if (!prepare(undo, err) || !open_results(undo, err) || !lock_results(undo, &found, err))
        return false;
    recent_add_file(&undo->recent, undo->config->sheet.path);
    if (!read_rows(undo, err))
        return false;
    if (reporting_has_checksums(&undo->config->reporting))
        sheet_sha256(undo->run.sheet, undo->facts.input_sha256);
    if (!confirm(undo, err))
        return false;
    if (undo->config->dry_run) {
        say_plan(undo);
        return true;
    }
    if (!take_up(undo, found, err))
        return false;
    undo->trace = alloc_zeroed((size_t)undo->run.rows.count + 1, sizeof(undo->trace[0]));
    recent_tell(&undo->recent, undo->courier.pace, clock_mono_ms());
    courier_listen(&undo->courier);
    loop(undo);
    return true;
}

static enum exit_code leave_journal(struct undo *undo, const struct err *err)
{
    enum exit_code code;
    struct err unheard;

    if (undo->kept != NULL)
        undo->facts.results = undo->kept;
    code = reporting_fail(&undo->reporting, &undo->facts, &undo->tally, undo->console, err);
    if (undo->kept != NULL && !journal_is_ours(undo->run.journal, &unheard))
        console_say(undo->console,
                    "connload: the results are in %s; to go on, when no other run works on %s, undo that file",
                    undo->kept, undo->config->sheet.path);
    else if (undo->kept != NULL)
        console_say(undo->console, "connload: the results are in %s; the same command puts them in their place",
                    undo->kept);
    else if (undo->run.journal != NULL) /* else the file is rewritten, and only the journal could not be removed */
        console_say(undo->console, "connload: %s was not written; the same command goes on from here",
                    undo->config->sheet.path);
    return code;
}

static enum exit_code end(struct undo *undo)
{
    struct finish_config how = {
        .path = undo->config->sheet.path,
        .redact = undo->config->redact,
        .keep_earlier = true,
        .report = undo->reporting.report,
    };
    struct err err;

    if (undo->config->dry_run)
        return reporting_end(&undo->reporting, &undo->facts, &undo->tally, undo->console);
    undo->facts.stop = undo->courier.stop;
    undo->facts.stop_text = undo->courier.stop != STOP_NONE ? undo->courier.err.text : NULL;
    undo->tally.most_in_window = pace_most_in_window(undo->courier.pace);
    if (undo->courier.stop == STOP_LOCAL || (undo->courier.stop == STOP_SIGNAL && stop_signals() > 1))
        return leave_journal(undo, &undo->courier.err);
    if (!finish_results(&undo->run, &how, &undo->kept, &err))
        return leave_journal(undo, &err);
    undo->facts.results = undo->config->sheet.path;
    undo->facts.exit_code = undo->courier.stop != STOP_NONE ? EXIT_STOPPED
                            : undo->run.failures > 0        ? EXIT_SOME_NOT
                                                            : EXIT_ALL_DONE;
    return reporting_end(&undo->reporting, &undo->facts, &undo->tally, undo->console);
}

static void release(struct undo *undo)
{
    free(undo->kept);
    journal_close(undo->run.journal);
    sheet_close(undo->run.sheet);
    if (undo->courier_ready) {
        run_release(&undo->run);
        courier_release(&undo->courier);
    }
    free(undo->trace);
    free(undo->said);
    buf_wipe(&undo->key);
    reporting_close(&undo->reporting);
    remote_release(&undo->remote);
}

enum exit_code undo_run(const struct undo_config *config, struct console *console)
{
    struct undo *undo = alloc_zeroed(1, sizeof(*undo));
    enum exit_code code;
    struct err err;

    undo->config = config;
    undo->console = console;
    remote_init(&undo->remote);
    tally_init(&undo->tally, clock_wall_ms(), clock_mono_ms());
    undo->facts = (struct facts){
        .command = "undo",
        .input = config->sheet.path,
        .repeat = config->repeat,
        .base_url = config->courier.http.base_url,
        .rate = config->courier.rate,
        .concurrency = config->courier.http.concurrency,
        .dry_run = config->dry_run,
    };
    if (work(undo, &err))
        code = end(undo);
    else
        code = reporting_fail(&undo->reporting, &undo->facts, &undo->tally, console, &err);
    release(undo);
    free(undo);
    return code;
}
