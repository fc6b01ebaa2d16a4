#include "command/rewrite.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "command/ending.h"
#include "io/digest.h"
#include "io/output.h"
#include "prior/resume.h"
#include "run/finish.h"

#include <stdlib.h>
#include <string.h>

enum {
    PROMISE_STRIDE = 256, /* rows: behind a crash it is known within these whether a request may have been sent */
};

static bool open_sheet(struct rewrite *rewrite, struct console *console, struct err *err)
{
    sheet_close(rewrite->run.sheet);
    rewrite->run.sheet = sheet_open(&rewrite->config->sheet, console, err);
    return rewrite->run.sheet != NULL;
}

static bool open_results(struct rewrite *rewrite, struct err *err)
{
    const char *path = rewrite->config->sheet.path;

    if (output_is_stream(path))
        return err_set(err, EXIT_USAGE, "%s rewrites the result file, so it needs a file, not %s",
                       rewrite->config->session.command, path);
    if (!open_sheet(rewrite, rewrite->session.console, err))
        return false;
    if (!sheet_header(rewrite->run.sheet)->is_result)
        return err_set(err, EXIT_INPUT,
                       "%s is no result file: its header does not end in the eight result columns; name the file that "
                       "`connload create` wrote",
                       path);
    return true;
}

/* Takes the lock, and opens the file once more: another run may have replaced it before the lock was ours. */
static bool lock_results(struct rewrite *rewrite, struct err *err)
{
    rewrite->run.journal = journal_open(rewrite->config->sheet.path, &rewrite->found, err);
    return rewrite->run.journal != NULL && open_sheet(rewrite, NULL, err);
}

static bool prepare(struct rewrite *rewrite, struct err *err)
{
    const struct client_config *client = &rewrite->config->session.client;

    if (!session_open(&rewrite->session, err) || !session_connect(&rewrite->session, false, err))
        return false;
    probe_init(&rewrite->probe, &rewrite->session.client);
    run_init(&rewrite->run, &rewrite->session.client, client->http.concurrency, 0, 0);
    return true;
}

void rewrite_again(struct rewrite *rewrite, uint64_t index, const struct http_answer *answer)
{
    struct run *run = &rewrite->run;

    if (!run_retry(run, index, answer, outage_holds(&rewrite->session.client.outage)))
        rewrite_stays(rewrite, index, answer->status, run->code.data, run->text.data);
}

bool rewrite_probe(struct rewrite *rewrite, int64_t now_ms)
{
    const struct outage *outage = &rewrite->session.client.outage;

    if (!outage_holds(outage) || !probe_send(&rewrite->probe, now_ms))
        return false;
    run_pass_over(&rewrite->run, outage->tried);
    return true;
}

void rewrite_count_rows(struct rewrite *rewrite)
{
    struct rows *rows = &rewrite->run.rows;

    rewrite->session.tally.rows = rows->count;
    rewrite->session.tally.to_send = rows->in_state[ROW_PENDING];
    for (int i = 0; i < STATUSES; i++)
        for (uint64_t n = rows->with_status[i]; n > 0; n--)
            tally_carried(&rewrite->session.tally, (enum status)i);
}

/* Rows that the interrupted run could not do anything about. */
static bool count_failures(struct rewrite *rewrite, struct err *err)
{
    struct run *run = &rewrite->run;
    struct outcome outcome;

    for (uint64_t i = 0; i < run->rows.count; i++) {
        if (run->rows.row[i].state != ROW_DONE)
            continue;
        if (!journal_outcome_at(run->journal, run->rows.row[i].place, &outcome, err))
            return false;
        run->failures += outcome.error_code.len > 0;
    }
    return true;
}

bool rewrite_take_up(struct rewrite *rewrite, struct err *err)
{
    const char *path = rewrite->config->sheet.path, *key = rewrite->session.client.config.http.api_key;
    struct run *run = &rewrite->run;
    char mark[DIGEST_MARK];
    struct journal_head head = {
        .command = rewrite->config->session.command,
        .input = path,
        .input_size = sheet_info(run->sheet)->size,
        .input_crc = sheet_crc(run->sheet),
        .rows = run->rows.count,
        .base_url = rewrite->session.client.config.http.base_url,
        .key_mark = mark,
        .started_ms = rewrite->session.tally.started_wall_ms,
    };
    struct resume resume;
    bool anew = true;

    if (!digest_mark(key, NULL, mark, err))
        return false;
    if (rewrite->found &&
        (!resume_read(&resume, run->journal, err) || !resume_fits(&resume, run->journal, &head, key, run, &anew, err)))
        return false;
    if (anew)
        return journal_begin(run->journal, &head, err);
    rewrite->session.info.resumed = true;
    rewrite->promised = rewrite->maybe_sent = resume.promised;
    resume.promised = 0; /* a request that may have been sent is sent again */
    return resume_replay(&resume, run, err) && count_failures(rewrite, err);
}

bool rewrite_row(struct rewrite *rewrite, uint64_t index, struct sheet_row **read)
{
    const struct row *row = &rewrite->run.rows.row[index];
    struct err err;
    bool done = rewrite->config->sheet.results_only
                    ? sheet_record_at(rewrite->run.sheet, row->offset, row->length, row->line, read, &err)
                    : sheet_at(rewrite->run.sheet, row->offset, row->length, row->line, read, &err);

    if (!done)
        client_fault(&rewrite->session.client, &err);
    return done;
}

void rewrite_stays(struct rewrite *rewrite, uint64_t index, int http_status, const char *code, const char *message)
{
    struct sheet_row *read;
    struct outcome outcome;

    if (!rewrite_row(rewrite, index, &read))
        return;
    outcome = read->earlier;
    outcome.http_status = http_status;
    outcome.error_code = span_of(code);
    outcome.error_message = span_of(message);
    rewrite->run.failures++;
    run_record(&rewrite->run, index, &outcome);
}

bool rewrite_promise(struct rewrite *rewrite, uint64_t index, int64_t now_ms)
{
    struct run *run = &rewrite->run;

    if (index < rewrite->promised && run_promised_lately(run, now_ms))
        return true;
    if (index >= rewrite->promised)
        rewrite->promised = index + PROMISE_STRIDE;
    if (rewrite->promised > run->rows.count)
        rewrite->promised = run->rows.count;
    return run_promise(run, rewrite->promised, now_ms);
}

/* ---- The command, step by step ---- */

static bool begin(struct rewrite *rewrite, struct err *err)
{
    return prepare(rewrite, err) && open_results(rewrite, err) && lock_results(rewrite, err);
}

static enum exit_code leave_journal(struct rewrite *rewrite, const struct err *err)
{
    const char *path = rewrite->config->sheet.path;
    enum exit_code code;
    struct err unheard;

    if (rewrite->kept != NULL)
        rewrite->session.info.results = rewrite->kept;
    code = session_fail(&rewrite->session, err);
    if (rewrite->kept != NULL && !journal_is_ours(rewrite->run.journal, &unheard))
        console_say(rewrite->session.console,
                    "connload: the results are in %s; to go on, when no other run works on %s, %s that file",
                    rewrite->kept, path, rewrite->config->session.command);
    else if (rewrite->kept != NULL)
        console_say(rewrite->session.console,
                    "connload: the results are in %s; the same command puts them in their place", rewrite->kept);
    else if (rewrite->run.journal != NULL) /* else the file is rewritten, and only the journal could not be removed */
        console_say(rewrite->session.console, "connload: %s was not written; the same command goes on from here", path);
    return code;
}

static enum ending choose_ending(const struct rewrite *rewrite)
{
    bool dry_run = rewrite->config->session.dry_run;
    struct ending_input input = {
        .stop = rewrite->session.client.stop,
        .signals = stop_signals(),
        .dry_run = dry_run,
        .has_journal = !dry_run,
        .has_place = !dry_run,
    };

    return ending_choose(&input);
}

static enum exit_code end(struct rewrite *rewrite)
{
    const struct client *client = &rewrite->session.client;
    struct finish_config how = {
        .path = rewrite->config->sheet.path,
        .redact = rewrite->config->redact,
        .keep_earlier = true,
        .listener = report_listener(rewrite->session.reporting.report),
    };
    enum ending ending = choose_ending(rewrite);
    struct err err;

    session_note_end(&rewrite->session);
    if (ending == ENDING_TOLD)
        return session_fail(&rewrite->session, &client->err);
    if (ending == ENDING_JOURNAL)
        return leave_journal(rewrite, &client->err);
    if (ending == ENDING_RESULTS) {
        if (!finish_results(&rewrite->run, &how, &rewrite->kept, &err))
            return leave_journal(rewrite, &err);
        rewrite->session.info.results = rewrite->config->sheet.path;
    }
    return session_end(&rewrite->session, ending_code(client->stop, rewrite->run.failures > 0));
}

static void release(struct rewrite *rewrite)
{
    free(rewrite->kept);
    journal_close(rewrite->run.journal);
    sheet_close(rewrite->run.sheet);
    if (rewrite->session.connected) {
        run_release(&rewrite->run);
        probe_release(&rewrite->probe);
    }
    session_release(&rewrite->session);
}

enum exit_code rewrite_run(struct rewrite *rewrite, const struct rewrite_config *config, struct console *console,
                           bool (*work)(struct rewrite *rewrite, struct err *err))
{
    enum exit_code code;
    struct err err;

    *rewrite = (struct rewrite){.config = config};
    session_init(&rewrite->session, &config->session, console);
    if (begin(rewrite, &err) && work(rewrite, &err))
        code = end(rewrite);
    else
        code = session_fail(&rewrite->session, &err);
    release(rewrite);
    return code;
}
