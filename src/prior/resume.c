#include "prior/resume.h"

#include "api/listing.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "io/digest.h"
#include "io/disk.h"
#include "run/settle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_upto(void *context, uint64_t rows)
{
    ((struct resume *)context)->promised = rows;
}

static void on_known(void *context, uint64_t tag, struct span connector_id)
{
    (void)tag;
    (void)connector_id;
    ((struct resume *)context)->inherited = true;
}

static void on_lost(void *context, uint64_t tag, int64_t lost_ms)
{
    (void)tag;
    (void)lost_ms;
    ((struct resume *)context)->inherited = true;
}

static void on_account(void *context, struct span org_id)
{
    struct resume *resume = context;

    snprintf(resume->org_id, sizeof(resume->org_id), "%.*s", (int)org_id.len, org_id.data);
}

static void on_done(void *context, uint64_t size, uint32_t crc)
{
    struct resume *resume = context;

    resume->done = true;
    resume->done_size = size;
    resume->done_crc = crc;
}

bool resume_read(struct resume *resume, struct journal *journal, struct err *err)
{
    struct journal_visitor visitor = {
        .context = resume,
        .upto = on_upto,
        .account = on_account,
        .done = on_done,
        .known = on_known,
        .lost = on_lost,
    };

    *resume = (struct resume){0};
    return journal_replay(journal, &visitor, err);
}

static bool same_input(const struct journal_head *a, const struct journal_head *b)
{
    return a->input_size == b->input_size && a->input_crc == b->input_crc;
}

bool resume_refuse(const struct journal *journal, struct err *err)
{
    return err_set(err, EXIT_USAGE, "an interrupted `%s` has left %s; finish it first: run that command again",
                   journal_head(journal)->command, journal_path(journal));
}

struct journal *resume_take_place(const char *path, struct err *err)
{
    struct resume resume = {0};
    struct journal *journal;
    bool found;

    journal = journal_open(path, &found, err);
    if (journal == NULL || !found || (resume_read(&resume, journal, err) && resume.promised == 0))
        return journal;
    if (resume.promised > 0)
        resume_refuse(journal, err);
    journal_close(journal);
    return NULL;
}

#define OR_CLOSE_IT \
    "With --skip-existing a run settles what that one has left, and looks for all rows in the account first"

static bool refuse_changed(const struct journal *journal, struct err *err)
{
    return err_set(err, EXIT_USAGE,
                   "an interrupted run has left %s, and its input %s has changed since; restore that input and run the "
                   "same command again. " OR_CLOSE_IT,
                   journal_path(journal), journal_head(journal)->input);
}

/* Another input's run: the command that finishes it leads to this journal wherever it is typed. */
static bool refuse_other(const struct journal *journal, struct err *err)
{
    const struct journal_head *head = journal_head(journal);
    const char *path = journal_path(journal);
    char *results = alloc_text(path), *input = text_shell_path(head->input), *output;
    bool is_stdin = strcmp(head->input, "-") == 0;

    results[strlen(path) - strlen(".journal")] = '\0';
    output = text_shell_path(results);
    err_set(
        err, EXIT_USAGE,
        "an interrupted run of %s has left %s; to finish it, with the options that it had: connload %s %s%s%s. " OR_CLOSE_IT,
        is_stdin ? "standard input" : head->input, path, head->command, is_stdin ? "-" : input,
        disk_same_file(results, head->input) ? "" : " -o ", disk_same_file(results, head->input) ? "" : output);
    free(results);
    free(input);
    free(output);
    return false;
}

/* Whether there is a row whose secret can't be read (any more): the first one's index. */
static bool find_without_secret(struct run *run, uint64_t *index)
{
    for (*index = 0; *index < run->rows.count; (*index)++) {
        const struct row *row = &run->rows.row[*index];
        struct sheet_row *read;
        struct err unheard;

        if (row->invalid && sheet_at(run->sheet, row->offset, row->length, row->line, &read, &unheard) &&
            (read->problems.set >> CHECK_SECRET_UNRESOLVED & 1) != 0)
            return true;
    }
    return false;
}

/* Such a row is not sent, and so makes other rows of the input, as other options do. */
static bool refuse_rows(const struct journal *journal, struct run *run, struct err *err)
{
    uint64_t index;

    if (find_without_secret(run, &index))
        return err_set(err, EXIT_USAGE,
                       "an interrupted run has left %s, and its rows were others: the secret that the cell of %s "
                       "refers to (--secret-refs) can't be read now (connload check says why); see to that, and run it "
                       "again with the same options",
                       journal_path(journal), sheet_where(run->sheet, &run->rows, index));
    return err_set(err, EXIT_USAGE,
                   "an interrupted run has left %s, and it was begun with other options (--map, --default, "
                   "--allow-duplicates, --skip-existing, --shard, …); run it again with the same options. " OR_CLOSE_IT,
                   journal_path(journal));
}

bool resume_fits(struct resume *resume, const struct journal *journal, const struct journal_head *now, const char *key,
                 struct run *run, bool *anew, struct err *err)
{
    const struct journal_head *head = journal_head(journal);
    const char *path = journal_path(journal);

    /* its results got their name and replaced the input: only the journal's own end is missing */
    *anew = (resume->promised == 0 && !resume->inherited) ||
            (resume->done && now->input_size == resume->done_size && now->input_crc == resume->done_crc);
    if (*anew)
        return true;
    if (strcmp(head->command, now->command) != 0)
        return resume_refuse(journal, err);
    if (!same_input(head, now))
        return disk_same_file(head->input, now->input) ? refuse_changed(journal, err) : refuse_other(journal, err);
    if (strcmp(head->base_url, now->base_url) != 0)
        return err_set(
            err, EXIT_USAGE,
            "an interrupted run has left %s, and it was begun with the base URL %s; run it again with that one", path,
            head->base_url);
    if (head->rows != now->rows || head->plan != now->plan)
        return refuse_rows(journal, run, err);
    resume->other_key = !digest_mark_matches(head->key_mark, key);
    return true;
}

bool resume_may_close(const struct journal *journal, const struct journal_head *now, const char *key)
{
    const struct journal_head *head = journal_head(journal);

    return strcmp(head->command, now->command) == 0 && strcmp(head->base_url, now->base_url) == 0 &&
           digest_mark_matches(head->key_mark, key);
}

struct replay {
    struct journal *journal; /* the interrupted run's: run->journal, or, for --dry-run, another */
    struct resume *resume;
    struct run *run;
    bool failed;
    struct err err;
};

static void on_server_clock(void *context, int64_t server_ms, int64_t wall_ms)
{
    struct replay *replay = context;
    struct run *run = replay->run;

    run->times.has_server_clock = true;
    run->times.started_server_ms = journal_head(replay->journal)->started_ms + (server_ms - wall_ms);
}

static void on_twin(void *context, struct span connector_id)
{
    idset_add(&((struct replay *)context)->run->known.twins, connector_id);
}

static void on_listed(void *context)
{
    ((struct replay *)context)->run->known.twins_are_all = true;
}

static void on_attempts(void *context, uint64_t row, uint32_t attempts)
{
    ((struct replay *)context)->run->rows.row[row].attempts = attempts & ROW_ATTEMPTS_MAX;
}

/* A list is to show the connector; its id and its time tell of the key's owner and of the server's clock. */
static void take_created(struct run *run, const struct outcome *outcome, int64_t now_ms)
{
    int64_t created_ms;

    witness_add(&run->known.witness, outcome->connector_id, now_ms);
    snprintf(run->known.own_id, sizeof(run->known.own_id), "%.*s", (int)outcome->connector_id.len,
             outcome->connector_id.data);
    if (clock_parse_rfc3339(outcome->created_at, &created_ms) && created_ms >= 0 && run->times.has_server_clock &&
        created_ms - run->times.started_server_ms < run->clock.behind_ms)
        run->clock.behind_ms = created_ms - run->times.started_server_ms; /* it is not older than its run */
}

static void on_outcome(void *context, uint64_t index, const struct outcome *outcome, uint64_t place)
{
    struct replay *replay = context;
    struct run *run = replay->run;
    struct row_place where;
    struct row *row = &run->rows.row[index];
    int64_t now_ms = clock_mono_ms();

    if (row->state == ROW_DONE || row->state == ROW_CARRIED)
        return;
    row->attempts = outcome->attempts & ROW_ATTEMPTS_MAX;
    if (outcome->status == STATUS_UNKNOWN && !row->invalid) { /* the list may tell by now */
        row->place = replay->journal == run->journal ? place & ROW_PLACE_MAX : 0;
        return;
    }
    if (replay->journal != run->journal && !journal_outcome(run->journal, index, outcome, &place, &replay->err)) {
        replay->failed = true;
        return;
    }
    rows_finish(&run->rows, index, outcome->status, place);
    replay->resume->recovered++;
    if (outcome->status == STATUS_CREATED)
        take_created(run, outcome, now_ms);
    else if (outcome->status == STATUS_EXISTS || outcome->status == STATUS_UPDATED)
        idset_add(&run->known.claimed, outcome->connector_id);
    if (status_is_finished(outcome->status)) {
        tally_carried(run->tally, outcome->status);
        return;
    }
    where = sheet_place(run->sheet, &run->rows, index);
    tally_row(run->tally, outcome, &where, now_ms);
}

static bool replay_from(struct journal *journal, struct resume *resume, struct run *run, struct err *err)
{
    struct replay replay = {
        .journal = journal,
        .resume = resume,
        .run = run,
    };
    struct journal_visitor visitor = {
        .context = &replay,
        .server_clock = on_server_clock,
        .twin = on_twin,
        .listed = on_listed,
        .attempts = on_attempts,
        .outcome = on_outcome,
    };

    if (!journal_replay(journal, &visitor, err))
        return false;
    if (replay.failed) {
        *err = replay.err;
        return false;
    }
    run->times.interrupted_ms = journal_modified_ms(journal);
    for (uint64_t i = 0; i < resume->promised && i < run->rows.count; i++)
        if (run->rows.row[i].state == ROW_PENDING && !run->rows.row[i].invalid)
            rows_step(&run->rows, i, EVENT_TO_SETTLE);
    return true;
}

bool resume_replay(struct resume *resume, struct run *run, struct err *err)
{
    return replay_from(run->journal, resume, run, err);
}

bool resume_look(struct resume *resume, struct run *run, const char *results, const struct journal_head *now,
                 const char *key, bool *resumed, struct err *err)
{
    bool found, anew = true, done;
    struct journal *journal;

    *resumed = false;
    if (!journal_is_beside(results))
        return true;
    journal = journal_open(results, &found, err);
    if (journal == NULL)
        return false;
    done = !found || (resume_read(resume, journal, err) && resume_fits(resume, journal, now, key, run, &anew, err) &&
                      (anew || replay_from(journal, resume, run, err)));
    *resumed = done && !anew;
    if (*resumed)
        console_note(run->console,
                     "connload: an interrupted run has left %s: %" PRIu64 " of %" PRIu64
                     " rows have their outcome; the run would go on from there",
                     journal_path(journal), resume->recovered, run->rows.count);
    journal_close(journal);
    return done;
}

/* What is on record of a row that may exist: in its own result columns, or in the interrupted run's journal. */
static bool read_record(struct run *run, const struct row *row, const struct outcome *earlier, struct unsettled *entry,
                        struct err *err)
{
    struct outcome outcome = *earlier;

    if (!row->earlier && row->place == 0)
        return true;
    if (row->place > 0 && !journal_outcome_at(run->journal, row->place, &outcome, err))
        return false;
    entry->lost = settle_time_lost(outcome.error_message);
    if (outcome.connector_id.len > 0 && outcome.connector_id.len < sizeof(entry->named))
        memcpy(entry->named, outcome.connector_id.data, outcome.connector_id.len);
    return true;
}

bool resume_unsettle(struct run *run, struct err *err)
{
    int64_t now_ms = clock_mono_ms();

    for (uint64_t i = 0; i < run->rows.count; i++) {
        const struct row *row = &run->rows.row[i];
        struct unsettled entry = {
            .arrives_ms = now_ms + run->times.late_ms,
            .since_ms = now_ms,
            .lost = {run->times.has_server_clock ? run->times.started_server_ms
                                                 : journal_head(run->journal)->started_ms,
                     JUDGE_NO_TIME},
            .row = (uint32_t)i,
            .earlier = row->earlier,
        };
        struct sheet_row *read;

        if (row->state != ROW_UNSETTLED)
            continue;
        if (!sheet_at(run->sheet, row->offset, row->length, row->line, &read, err))
            return false;
        entry.public_hash = connector_public_hash(&read->connector);
        if (!read_record(run, row, &read->earlier, &entry, err))
            return false;
        run_wait_for_settling(run, &entry);
    }
    return true;
}

struct account_search {
    const char *org_id;
    bool found;
};

static void on_begin(void *context)
{
    ((struct account_search *)context)->found = false;
}

static bool on_connector(void *context, const struct remote *remote, struct span element)
{
    struct account_search *search = context;

    (void)element;
    search->found = search->found || span_equal(remote->org_id, span_of(search->org_id));
    return true;
}

bool resume_is_same_account(const struct resume *resume, struct run *run)
{
    struct account_search search = {.org_id = resume->org_id};
    struct listing_handler handler = {.context = &search, .begin = on_begin, .connector = on_connector};
    struct listing listing;
    bool listed;

    listing_init(&listing, run->client, &handler);
    listed = listing_run(&listing, "listing the account");
    listing_release(&listing);
    if (listed && (!search.found || resume->org_id[0] == '\0')) {
        client_stop(run->client, STOP_OTHER_ACCOUNT,
                    "the interrupted run that left %s was begun with another API key, and this key's account does not "
                    "show to be the same; run it again with the key that it was begun with",
                    journal_path(run->journal));
        run->client->err.code = EXIT_USAGE;
    }
    return listed && !client_stopping(run->client);
}
