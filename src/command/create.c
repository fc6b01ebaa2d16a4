#include "command/create.h"

#include "api/loop.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "command/ask.h"
#include "command/ending.h"
#include "command/plan.h"
#include "io/digest.h"
#include "io/disk.h"
#include "prior/earlier.h"
#include "prior/existing.h"
#include "prior/inherit.h"
#include "prior/named.h"
#include "prior/resume.h"
#include "report/live.h"
#include "run/finish.h"
#include "run/receiver.h"
#include "run/refuse.h"
#include "run/sender.h"
#include "run/settle.h"
#include "sheet/first_pass.h"
#include "sheet/secrets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MADE_TEXT = 128,       /* bytes of tell_made()'s text */
    CHANGES_MAX = 1 << 28, /* likewise of what a dry run would change */
};

struct create {
    const struct create_config *config;
    struct session session;
    struct paths paths;
    struct output *stream; /* where the results go to one, from before the first row; NULL again once written */
    char *kept;            /* where the results are that could not be put in their place, or be taken by it; or NULL */
    char *planned;         /* --dry-run: the result file of the run that it plans; NULL where that is none */
    struct run run;
    struct first_pass pass;
    struct resume resume;
    struct inherit inherit; /* what runs of other versions of the sheet have left */
    bool must_wait;         /* they may have created something that no row is known by */
    struct sender sender;
    struct receiver receiver;
    struct settle settle;
    struct existing existing;
    struct live live;
    char key_mark[DIGEST_MARK];
    bool journal_found;
    bool keeps_journal; /* the interrupted run is perhaps another account's: no results */
};

/* ---- Before anything is sent ---- */

/* What can't be written is known before anything is created. A FIFO's reader is waited for; a signal ends that. */
static bool open_stream(struct create *create, struct err *err)
{
    if (create->paths.is_stream)
        create->stream = finish_open(create->paths.results, sheet_has_secrets(create->run.sheet), err);
    return create->stream != NULL || !create->paths.is_stream;
}

static bool open_journal(struct create *create, struct err *err)
{
    const struct paths *paths = &create->paths;

    if (create->config->session.dry_run || paths->is_stream) {
        if (paths->is_stream && !create->config->session.dry_run)
            console_note(create->session.console,
                         "connload: results that go to %s can't be resumed: if this run is interrupted, what it "
                         "created is not on record",
                         strcmp(paths->results, "-") == 0 ? "standard output" : paths->results);
        create->run.journal = journal_scratch(err);
        return create->run.journal != NULL;
    }
    create->run.journal = journal_open(paths->results, &create->journal_found, err);
    return create->run.journal != NULL;
}

static void fill_head(struct create *create, struct journal_head *head, char **absolute)
{
    const char *input = create->config->sheet.path;

    *absolute = source_is_stream(input) ? alloc_text("-") : realpath(input, NULL);
    *head = (struct journal_head){
        .command = "create",
        .input = *absolute != NULL ? *absolute : input,
        .input_size = sheet_info(create->run.sheet)->size,
        .input_crc = sheet_crc(create->run.sheet),
        .rows = create->run.rows.count,
        .plan = create->pass.plan + (create->config->skip_existing ? 1 : 0),
        .base_url = create->session.client.config.http.base_url,
        .key_mark = create->key_mark,
        .started_ms = create->session.tally.started_wall_ms,
    };
}

/* For --dry-run: what the run that it plans would go on with. */
static bool look_at_interrupted(struct create *create, const struct journal_head *head, struct err *err)
{
    return create->planned == NULL ||
           resume_look(&create->resume, &create->run, create->planned, head, create->session.client.config.http.api_key,
                       &create->session.info.resumed, err);
}

static bool may_close(const struct create *create, const struct journal_head *head)
{
    return create->config->skip_existing && create->config->preflight &&
           resume_may_close(create->run.journal, head, create->session.client.config.http.api_key);
}

/* What the interrupted run of another version of the sheet has done and may have done is this run's to settle. */
static bool close_interrupted(struct create *create, const struct journal_head *head, struct err *err)
{
    console_note(
        create->session.console,
        "connload: an interrupted run of another version of the sheet, or with other options, has left %s; what "
        "it has done is looked for first",
        journal_path(create->run.journal));
    return journal_begin_after(create->run.journal, head, inherit_keep, &create->inherit, err);
}

/* What becomes of the run whose journal was found. */
enum found_run { RUN_BEGINS, RUN_GOES_ON, RUN_CLOSES };

static bool read_journal(struct create *create, const struct journal_head *head, enum found_run *what, struct err *err)
{
    struct journal *journal = create->run.journal;
    bool anew;

    *what = RUN_BEGINS;
    if (!create->journal_found)
        return true;
    if (!resume_read(&create->resume, journal, err))
        return false;
    if (resume_fits(&create->resume, journal, head, create->session.client.config.http.api_key, &create->run, &anew,
                    err))
        *what = anew ? RUN_BEGINS : RUN_GOES_ON;
    else if (may_close(create, head))
        *what = RUN_CLOSES;
    else
        return false;
    return *what == RUN_BEGINS || inherit_read(&create->inherit, journal, *what == RUN_GOES_ON, err);
}

static bool go_on(struct create *create, struct err *err)
{
    create->session.info.resumed = true;
    if (!resume_replay(&create->resume, &create->run, err))
        return false;
    console_note(create->session.console,
                 "connload: going on with the interrupted run of %s: %" PRIu64 " of %" PRIu64
                 " rows have their outcome",
                 journal_path(create->run.journal), create->resume.recovered, create->run.rows.count);
    return true;
}

static bool begin(struct create *create, const struct journal_head *head, bool closes, struct err *err)
{
    if (!paths_may_begin(&create->paths, &create->config->paths, err))
        return false;
    create->resume = (struct resume){0};
    return (closes ? close_interrupted(create, head, err) : journal_begin(create->run.journal, head, err)) &&
           look_at_interrupted(create, head, err);
}

/* What earlier runs have left is this run's: rows that they may have created are settled. */
static bool take_over(struct create *create, struct err *err)
{
    if (create->config->skip_existing && !create->paths.in_place &&
        !earlier_inherit(&create->config->sheet, create->paths.results, &create->inherit, err))
        return false;
    return create->pass.keys == NULL ||
           inherit_apply(&create->inherit, &create->run, create->pass.keys, &create->must_wait, err);
}

/* Goes on with the journal's run, closes it, or begins a new one. */
static bool begin_or_resume(struct create *create, struct err *err)
{
    struct journal_head head;
    enum found_run what;
    char *absolute;
    bool done;

    fill_head(create, &head, &absolute);
    done = read_journal(create, &head, &what, err) &&
           (what == RUN_GOES_ON ? go_on(create, err) : begin(create, &head, what == RUN_CLOSES, err)) &&
           take_over(create, err);
    free(absolute);
    return done;
}

static void count_carried(struct create *create)
{
    for (int i = 0; i < STATUSES; i++)
        for (uint64_t n = create->run.rows.with_status[i]; n > 0; n--)
            tally_carried(&create->session.tally, (enum status)i);
}

/* Reads and checks everything; nothing has been sent yet, and nothing has been written but the journal's head. */
static bool take_in(struct create *create, struct err *err)
{
    const struct create_config *config = create->config;
    struct first_pass_config how = {
        .allow_duplicates = config->allow_duplicates,
        .shard = config->shard,
        .shard_count = config->shard_count,
    };

    create->pass = (struct first_pass){
        .rows = &create->run.rows,
        .claimed = &create->run.known.claimed,
        .want_keys = config->preflight,
    };
    if (!first_pass_read(&create->pass, create->run.sheet, &how, create->session.console, err))
        return false;
    if (reporting_has_checksums(&config->session.reporting))
        sheet_sha256(create->run.sheet, create->session.info.input_sha256);
    create->session.tally.rows = create->run.rows.count;
    count_carried(create);
    if (!begin_or_resume(create, err) || !refuse_invalid(&create->run, &(struct row_listener){0}, err))
        return false;
    warnings_say(&create->pass.warnings, create->run.sheet, &create->run.rows, create->session.console);
    return true;
}

/* Where the rows begin that are not to be sent by this run: behind --limit; all where --strict finds an invalid one. */
static uint64_t held_from(const struct create *create)
{
    const struct rows *rows = &create->run.rows;
    uint64_t limit = create->config->limit, index = 0;

    if (create->session.info.held_back)
        return 0;
    if (limit == 0)
        return rows->count;
    for (uint64_t seen = 0; index < rows->count && seen < limit; index++)
        seen += row_is_sendable(&rows->row[index]);
    return index;
}

/* Holds rows back, and counts the others. A row that may exist is settled all the same. */
static void hold_rows(struct create *create)
{
    struct rows *rows = &create->run.rows;

    rows->held_from = held_from(create);
    create->session.info.blocked = 0;
    for (uint64_t i = rows->held_from; i < rows->count; i++)
        create->session.info.blocked += rows->row[i].state == ROW_PENDING;
    create->session.tally.to_send =
        rows->in_state[ROW_UNSETTLED] + rows->in_state[ROW_PENDING] - create->session.info.blocked;
}

static void set_failures_max(struct create *create)
{
    const struct create_config *config = create->config;
    uint64_t most = config->max_failures;

    if (config->max_failures_percent)
        most = (most * create->session.tally.to_send + 9999) / 10000;
    create->run.failures_max = config->max_failures > 0 && most == 0 ? 1 : most;
}

/* ---- Before the first row ---- */

static bool look_up_named(struct create *create)
{
    return named_look_up(&create->run, create->pass.named, create->pass.named_count,
                         create->session.info.resumed ? create->resume.promised : 0);
}

static void say_look_alikes(struct create *create)
{
    const struct existing *existing = &create->existing;

    create->session.info.look_alikes = existing->twins + existing->alike;
    create->session.info.left_sheet = existing->left_sheet;
    if (existing->twins > 0 && create->config->again)
        console_note(create->session.console,
                     "connload: the account already has an exact twin of %" PRIu64
                     " of the rows; %s created all the same (--again)",
                     existing->twins, existing->twins == 1 ? "it is" : "they are");
    if (existing->alike > 0)
        console_note(create->session.console,
                     "connload: the account already has a connector of the same type and label for %" PRIu64
                     " of the rows, which differs from it; with --skip-existing they would not be created",
                     existing->alike);
}

static bool note_server_clock(struct create *create)
{
    struct run *run = &create->run;
    int64_t wall_ms = clock_wall_ms();
    struct err err;

    if (run->times.has_server_clock || !create->session.client.has_clock)
        return true;
    run->times.has_server_clock = true;
    run->times.started_server_ms = client_server_time(&create->session.client, journal_head(run->journal)->started_ms);
    if (journal_server_clock(run->journal, client_server_time(&create->session.client, wall_ms), wall_ms, &err))
        return true;
    client_fault(&create->session.client, &err);
    return false;
}

/* A run that goes on with this one has to know of the `count` lists that it has asked for. */
static void note_lists(struct create *create, uint64_t count)
{
    struct err err;

    for (; count > 0; count--)
        if (!journal_list(create->run.journal, clock_wall_ms(), &err)) {
            client_fault(&create->session.client, &err);
            return;
        }
}

/*
 * Reads lag writes: the list may lack what the run that wrote the result file has made in its last seconds. That run's
 * rows are not carried over where its file is replaced (--skip-existing, --force), so nothing else would know of them.
 */
static void wait_for_reads(struct create *create)
{
    int64_t wait_ms = create->config->settle_ms, late_ms = create->config->late_ms;
    int64_t replaced_ms, since_ms;

    if (create->session.info.resumed || create->paths.in_place || !disk_written_at(create->paths.results, &replaced_ms))
        return;
    since_ms = clock_wall_ms() - replaced_ms;
    if (create->config->skip_existing && since_ms < wait_ms + late_ms && earlier_has_unknown(create->paths.results))
        wait_ms += late_ms; /* until when what that run gave up may arrive */
    session_wait(&create->session, wait_ms - (since_ms > 0 ? since_ms : 0),
                 "until the list can show what the run before created");
}

/*
 * Reads lag writes: nothing of what a closed run has just done may be taken for absent. What it may have sent, and no
 * row is known by, shows --late later.
 */
static void wait_for_closed(struct create *create)
{
    int64_t wait_ms = create->config->settle_ms + (create->must_wait ? create->config->late_ms : 0);

    if (create->inherit.count > 0)
        session_wait(&create->session, wait_ms,
                     create->must_wait ? "for what an interrupted run may have sent of rows that have changed"
                                       : "for what an interrupted run may have sent");
}

static struct existing_config existing_config(const struct create *create)
{
    const struct create_config *config = create->config;

    return (struct existing_config){
        .keys = create->pass.keys,
        .sheet = &config->sheet,
        .earlier = config->session.dry_run  ? create->planned
                   : create->paths.in_place ? NULL
                                            : create->paths.results,
        .inherit = &create->inherit,
        .skip = config->skip_existing,
        .update = config->update,
    };
}

/*
 * An interrupted run has listed the account already: what it lost since would look like something older. What it has
 * not promised to send yet, somebody may have created meanwhile: with --skip-existing that is looked for anew.
 */
static bool preflight(struct create *create)
{
    struct run *run = &create->run;
    struct existing_config how = existing_config(create);

    create->keeps_journal = create->resume.other_key && !resume_is_same_account(&create->resume, run);
    if (create->keeps_journal)
        return false;
    if (!create->config->preflight || (run->known.twins_are_all && !how.skip))
        return true;
    how.note_twins = !create->session.info.resumed;
    wait_for_reads(create);
    wait_for_closed(create);
    if (!existing_find(run, &how, &create->existing)) {
        create->session.info.changed = create->existing.changed;
        create->keeps_journal = create->session.info.resumed; /* it knows what an earlier result file does not */
        return false;
    }
    create->session.info.changed = create->existing.changed;
    if (!create->session.info.resumed || how.skip)
        say_look_alikes(create);
    return note_server_clock(create);
}

enum { NAMED_TWINS = 3 };

/* `desk.csv:2 "Desk 1", desk.csv:3 "Desk 2", …`: the first rows that have an exact twin in the account. */
static void name_twins(struct create *create, struct buf *out)
{
    const struct rows *rows = &create->run.rows;
    unsigned named = 0;

    for (uint64_t i = 0; i < rows->count && named < NAMED_TWINS; i++)
        if (create->existing.is_twin[i])
            buf_format(out, "%s%s", named++ > 0 ? ", " : "", sheet_where(create->run.sheet, rows, i));
    if (create->existing.twins > named)
        buf_text(out, ", …");
}

/* The whole desk twice is what nobody wants by mistake: only a person, or --again, can want it. */
static bool ask_about_twins(struct create *create, struct err *err)
{
    uint64_t twins = create->existing.twins;
    struct buf question;
    bool yes = false;

    buf_init(&question, 1 << 16);
    buf_format(&question, "the account already has an exact twin of %" PRIu64 " of the rows that are to be sent (",
               twins);
    name_twins(create, &question);
    if (!ask_can())
        err_set(err, EXIT_USAGE,
                "%s); nothing was sent. To leave out what the account has: --skip-existing. To create %s once more: "
                "--again",
                question.data, twins == 1 ? "it" : "them");
    else {
        buf_format(&question, "). Create %s once more?", twins == 1 ? "it" : "them");
        yes = ask_yes(create->session.console, question.data) ||
              err_set(err, EXIT_SOME_NOT, "nothing was sent; with --skip-existing such rows are left out");
    }
    buf_release(&question);
    return yes;
}

/* Nothing was sent, and the next run is to begin anew. */
static void forget_journal(struct create *create)
{
    struct err unheard;

    journal_remove(create->run.journal, &unheard);
    create->run.journal = NULL;
}

static bool may_create(struct create *create, struct err *err)
{
    if (create->existing.twins == 0 || create->config->again || create->session.info.resumed ||
        ask_about_twins(create, err))
        return true;
    forget_journal(create);
    return false;
}

/* ---- The loop ---- */

/* A run that stops asks for one more list, but waits neither for the pace nor for the settling. */
static bool waits_for_nothing(const struct create *create)
{
    int64_t now_ms = clock_mono_ms();

    return client_stopping(&create->session.client) && client_next_send(&create->session.client, now_ms) > now_ms;
}

static bool is_over(void *context)
{
    struct create *create = context;
    const struct run *run = &create->run;

    if (http_in_flight(create->session.client.http) > 0)
        return false;
    if (create->session.client.stop == STOP_KEY_REFUSED || create->session.client.stop == STOP_UNKNOWN_PATH ||
        create->session.client.stop == STOP_OUTAGE || create->session.client.stop == STOP_LOCAL)
        return true; /* no list would be answered, or none can be acted on */
    if (settle_has_rows(&create->settle) && !waits_for_nothing(create))
        return false;
    return client_stopping(&create->session.client) ||
           (run->queue.count == 0 && run->rows.in_state[ROW_BACKOFF] == 0 && !sender_has_rows(&create->sender));
}

/* While the service is away: one list, which may settle rows as well, or one row, whose answer may end that. */
static void probe(struct create *create)
{
    int64_t now_ms = clock_mono_ms();

    switch (client_probe(&create->session.client, now_ms)) {
    case OUTAGE_PROBE_LIST:
        if (!create->settle.listing.active)
            settle_ask(&create->settle, now_ms);
        break;
    case OUTAGE_PROBE_ROW:
        if (sender_has_rows(&create->sender))
            sender_probe(&create->sender, now_ms);
        else if (create->run.rows.in_state[ROW_BACKOFF] == create->receiver.doubts.count)
            client_end_outage(&create->session.client);
        break;
    case OUTAGE_PROBE_NONE:
        break;
    }
}

/* A list is due for settling, or where nothing else can tell whose a 403 is. */
static int64_t list_due(struct create *create)
{
    bool in_doubt = create->receiver.doubts.count > 0 && !create->settle.listing.active &&
                    !sender_has_rows(&create->sender) && http_in_flight(create->session.client.http) == 0 &&
                    !client_stopping(&create->session.client);

    return in_doubt ? create->settle.not_before_ms : settle_due(&create->settle);
}

/*
 * Sends whatever may be sent now; when the next thing may be sent, as far as the pace and the rows know. `*list_ms`:
 * when the next list is due; one that is due and waits for a slot, like everything else, is no event of its own any
 * more.
 */
static int64_t send_rows_and_lists(struct create *create, int64_t *list_ms)
{
    struct client *client = &create->session.client;
    bool stop_creating = client_stopping(client);

    if (outage_holds(&client->outage) && !stop_creating)
        probe(create);
    for (;;) {
        int64_t now_ms = clock_mono_ms(), next_ms = client_next_send(client, now_ms);
        bool list_is_due = (*list_ms = list_due(create)) <= now_ms;

        if (client->stop == STOP_LOCAL)
            return INT64_MAX;
        if (!list_is_due && (stop_creating || !sender_has_rows(&create->sender)))
            return INT64_MAX;
        if (next_ms > now_ms) {
            *list_ms = list_is_due ? INT64_MAX : *list_ms;
            return next_ms;
        }
        if (list_is_due)
            settle_ask(&create->settle, now_ms);
        else
            sender_row(&create->sender, now_ms);
        stop_creating = client_stopping(client);
    }
}

static int64_t send_all(void *context, int64_t *other_ms)
{
    struct create *create = context;
    int64_t next_ms, list_ms;

    run_wake_backoffs(&create->run, clock_mono_ms());
    next_ms = send_rows_and_lists(create, &list_ms);
    *other_ms = clock_sooner(queue_next(&create->run.queue), list_ms);
    return next_ms;
}

static void take_answer(void *context, const struct http_answer *answer)
{
    struct create *create = context;

    note_server_clock(create); /* before the answer: what it tells of created_at counts already */
    if (answer->tag == LISTING_TAG) {
        note_lists(create, 1);
        settle_answer(&create->settle, answer);
        doubts_resolve(&create->receiver.doubts, &create->run, true);
    } else
        receiver_answer(&create->receiver, answer);
}

static void flush_journal(void *context)
{
    struct create *create = context;
    struct err err;

    if (!journal_flush(create->run.journal, &err))
        client_fault(&create->session.client, &err);
}

static void show(void *context, int64_t next_send_ms)
{
    struct create *create = context;
    struct live_input input = {
        .rows = &create->run.rows,
        .tally = &create->session.tally,
        .client = &create->session.client,
        .next_send_ms = next_send_ms,
        .settle_ms = settle_due(&create->settle),
        .is_settling = settle_has_rows(&create->settle),
    };

    live_show(&create->live, &input, clock_mono_ms());
}

static bool send_rows(struct create *create, struct err *err)
{
    struct loop_handler handler = {
        .context = create,
        .is_over = is_over,
        .send = send_all,
        .take = take_answer,
        .taken = flush_journal,
        .show = show,
    };
    bool unsettled;

    hold_rows(create);
    set_failures_max(create);
    idset_reserve(&create->run.known.claimed, (size_t)create->run.rows.count);
    sender_init(&create->sender, &create->run, create->session.info.resumed ? create->resume.promised : 0,
                create->pass.keys);
    receiver_init(&create->receiver, &create->run);
    settle_init(&create->settle, &create->run, create->config->settle_ms);
    unsettled = resume_unsettle(&create->run, err);
    if (unsettled) {
        loop_run(&create->session.client, &handler);
        if (create->session.client.stop != STOP_LOCAL &&
            !(create->session.client.stop == STOP_SIGNAL && stop_signals() > 1))
            settle_give_up(&create->settle);
    }
    settle_release(&create->settle);
    receiver_release(&create->receiver);
    sender_release(&create->sender);
    return unsettled;
}

/* ---- The command, step by step ---- */

static bool prepare(struct create *create, struct err *err)
{
    const struct create_config *config = create->config;
    struct client *client = &create->session.client;

    if (!session_connect(&create->session, config->session.dry_run, err))
        return false;
    run_init(&create->run, client, client->config.http.concurrency, config->settle_ms, config->late_ms);
    return digest_mark(client->config.http.api_key, NULL, create->key_mark, err);
}

/* The run that --dry-run plans has no -o, which names the plan's own file; unless such a run was interrupted. */
static void find_planned(struct create *create)
{
    struct paths_config config = create->config->paths;
    bool is_stdin = source_is_stream(config.input), is_stream = create->paths.is_stream;

    if (!create->config->session.dry_run)
        return;
    if (is_stream || (config.output != NULL && !is_stdin && !journal_is_beside(config.output)))
        config.output = NULL;
    create->planned = paths_results(&config, sheet_header(create->run.sheet)->is_result);
}

/* Before the lock was ours, another run may have replaced the result file that is the input. */
static bool read_again_in_place(struct create *create, struct err *err)
{
    if (!create->paths.in_place)
        return true;
    sheet_close(create->run.sheet);
    create->run.sheet = sheet_open(&create->config->sheet, NULL, err);
    return create->run.sheet != NULL;
}

/* An earlier run's result file may be all that tells of connectors whose rows have left the sheet. */
static bool keeps_replaced(const struct create *create)
{
    return create->config->skip_existing && !create->config->session.dry_run && !create->paths.is_stream &&
           !create->paths.in_place;
}

static bool open_files(struct create *create, struct err *err)
{
    create->run.sheet = sheet_open(&create->config->sheet, create->session.console, err);
    if (create->run.sheet == NULL) {
        paths_explain_missing(create->config->paths.input, err);
        return false;
    }
    if (!create->config->session.dry_run || create->config->paths.output != NULL) {
        if (!paths_find(&create->paths, &create->config->paths, sheet_header(create->run.sheet)->is_result, err))
            return false;
    }
    if (!open_stream(create, err) || !open_journal(create, err) || !read_again_in_place(create, err) ||
        (keeps_replaced(create) && !output_check_kept(create->paths.results, err)))
        return false;
    find_planned(create);
    return true;
}

static const char *why_held(const struct create *create)
{
    if (create->config->session.dry_run)
        return "would be sent (--dry-run)";
    return create->session.info.held_back ? "held back: another row fails the checks (--strict)" : "beyond --limit";
}

/* The journal has nothing that anybody could go on with. */
static bool leave_results(struct create *create, const struct finish_config *how, struct err *err)
{
    struct journal *journal = create->run.journal;

    if (!finish_count(&create->run, how, err))
        return false;
    create->session.info.left = create->paths.results;
    create->run.journal = NULL;
    return journal_remove(journal, err);
}

/* Rows whose create was answered by a connector, and rows whose create may have made one, in this run. */
static void count_made(const struct create *create, uint64_t *made, uint64_t *maybe)
{
    const struct rows *rows = &create->run.rows;

    *made = 0;
    *maybe = rows->in_state[ROW_UNSETTLED] + rows->in_state[ROW_IN_FLIGHT];
    for (uint64_t i = 0; i < rows->count; i++) {
        *made += rows->row[i].state == ROW_DONE && rows->row[i].status == STATUS_CREATED;
        *maybe += rows->row[i].state == ROW_DONE && rows->row[i].status == STATUS_UNKNOWN;
    }
}

/* `3 connectors were created (and 1 may have been)`; false where this run has made none. */
static bool tell_made(const struct create *create, char text[MADE_TEXT])
{
    uint64_t made, maybe;
    int len;

    count_made(create, &made, &maybe);
    len = snprintf(text, MADE_TEXT, "%" PRIu64 " connector%s created", made, made == 1 ? " was" : "s were");
    if (maybe > 0)
        snprintf(text + len, MADE_TEXT - (size_t)len, " (and %" PRIu64 " may have been)", maybe);
    return create->session.tally.requests[REQUEST_CREATE] > 0 && made + maybe > 0;
}

/* What this run made stands nowhere, and the same command would make it once more: says how to go on without that. */
static void say_ids_lost(struct create *create)
{
    char *input = text_shell_path(create->config->sheet.path), made[MADE_TEXT];
    bool is_stdin = source_is_stream(create->config->sheet.path);

    if (tell_made(create, made))
        console_say(create->session.console,
                    "connload: %s, but the ids could not be written. To see what the account has: connload list -o "
                    "account.csv. To go on without creating anything twice: connload create%s%s %s%s",
                    made, is_stdin ? " -o FILE" : "", create->config->skip_existing ? "" : " --skip-existing",
                    is_stdin ? "-" : input,
                    create->config->session.repeat != NULL ? create->config->session.repeat : "");
    free(input);
}

/* A stream that does not take the results is no reason to lose them: they are kept in a file, which is named. */
static bool write_stream(struct create *create, const struct finish_config *how, struct err *err)
{
    struct output *stream = create->stream;
    char made[MADE_TEXT];

    create->stream = NULL;
    create->session.info.results = create->paths.results;
    if (finish_stream(&create->run, how, stream, tell_made(create, made) ? &create->kept : NULL, err))
        return true;
    create->session.info.results = create->kept;
    if (create->kept == NULL)
        return false;
    console_clear(create->session.console);
    console_say(create->session.console, "connload: %s", err->text);
    console_say(create->session.console, "connload: %s; the results are in %s instead", made, create->kept);
    return true;
}

/* `ending`: what is chosen; ENDING_TOLD goes where the results would have gone. */
static bool write_results(struct create *create, enum ending ending, struct err *err)
{
    struct finish_config how = {
        .path = create->paths.results,
        .redact = create->config->redact,
        .why_not = create->session.info.stop_text,
        .why_held = why_held(create),
        .keep_replaced = keeps_replaced(create) && !create->resume.done, /* else it has been kept before that */
        .listener = report_listener(create->session.reporting.report),
    };

    if (ending == ENDING_LEFT)
        return leave_results(create, &how, err);
    if (create->paths.results == NULL)
        return finish_count(&create->run, &how, err);
    if (create->stream != NULL)
        return write_stream(create, &how, err);
    if (!finish_results(&create->run, &how, &create->kept, err))
        return false;
    create->session.info.results = create->paths.results;
    return true;
}

static bool has_failed(const struct create *create)
{
    const struct tally *tally = &create->session.tally;

    return create->config->session.dry_run ? tally->status[STATUS_INVALID] > 0
                                           : tally_without(tally) > 0 || create->existing.lost_changes > 0;
}

static bool has_sent(const struct create *create)
{
    return create->session.tally.requests[REQUEST_CREATE] > 0;
}

/* The journal is another run's by now, and this one has sent nothing: there are no results to be told of. */
static bool is_lost_unused(const struct create *create, struct err *err)
{
    return !has_sent(create) && !journal_is_ours(create->run.journal, err);
}

/* Where the results are that are not in their place, and how to go on. */
static void say_kept(struct create *create, bool ours)
{
    char *kept = text_shell_path(create->kept);

    if (ours)
        console_say(create->session.console,
                    "connload: the results are in %s; the same command puts them in their place", create->kept);
    else
        console_say(create->session.console,
                    "connload: the results are in %s; to go on, when no other run works on %s: connload create %s%s",
                    create->kept, create->paths.results, kept,
                    create->config->session.repeat != NULL ? create->config->session.repeat : "");
    free(kept);
}

/* A run that can't write, or was told to stop at once, leaves its journal: the same command goes on from there. */
static enum exit_code leave_journal(struct create *create, const struct err *err)
{
    struct journal *journal = create->run.journal; /* NULL: the results stand, and only it could not be removed */
    enum exit_code code;
    struct err unheard;
    bool ours = journal != NULL && journal_flush(journal, &unheard) && journal_is_ours(journal, &unheard);

    if (create->kept != NULL)
        create->session.info.results = create->kept;
    code = session_fail(&create->session, err);
    if (create->kept != NULL)
        say_kept(create, ours);
    else if (journal != NULL && journal_path(journal) == NULL)
        say_ids_lost(create);
    else if (journal != NULL && !is_lost_unused(create, &unheard))
        console_say(create->session.console,
                    "connload: no results were written; what is known is in %s: the same command goes on from there",
                    journal_path(journal));
    return code;
}

/* Local trouble in a run that nobody can go on with: whatever can still be told is told. */
static enum exit_code write_what_is_known(struct create *create)
{
    struct err err;
    bool written = write_results(create, ENDING_TOLD, &err);
    enum exit_code code = session_fail(&create->session, &create->session.client.err);

    if (!written) {
        console_say(create->session.console, "connload: %s", err.text);
        say_ids_lost(create);
    }
    return code;
}

/* `lost`: why the journal is another run's, where it is. */
static enum ending choose_ending(const struct create *create, struct err *lost)
{
    const struct paths *paths = &create->paths;
    struct ending_input input = {
        .stop = create->session.client.stop,
        .signals = stop_signals(),
        .dry_run = create->config->session.dry_run,
        .held_back = create->session.info.held_back,
        .resumed = create->session.info.resumed,
        .sent = has_sent(create),
        .has_journal = journal_path(create->run.journal) != NULL,
        .lost_journal = !journal_is_ours(create->run.journal, lost),
        .keeps_journal = create->keeps_journal,
        .has_place = paths->results != NULL,
        .is_stream = create->stream != NULL,
        .is_earlier = paths->exists && !paths->in_place,
    };

    return ending_choose(&input);
}

static enum exit_code end(struct create *create)
{
    const struct client *client = &create->session.client;
    struct err err = {0};
    enum ending ending;

    session_note_end(&create->session);
    ending = choose_ending(create, &err);
    if (ending == ENDING_TOLD)
        return write_what_is_known(create);
    if (ending == ENDING_JOURNAL) {
        bool lost = err.text[0] != '\0' && !has_sent(create) && client->stop != STOP_LOCAL;

        return leave_journal(create, lost ? &err : &client->err);
    }
    if (!write_results(create, ending, &err))
        return leave_journal(create, &err);
    return session_end(&create->session,
                       create->kept != NULL ? EXIT_LOCAL : ending_code(client->stop, has_failed(create)));
}

/* A plan among the results would be no result file. */
static int plan_descriptor(const struct create *create)
{
    const char *results = create->paths.results;
    bool shared = results != NULL && (strcmp(results, "-") == 0 || disk_same_file(results, "/dev/stdout"));

    return shared ? STDERR_FILENO : STDOUT_FILENO;
}

static bool plan(struct create *create, struct err *err)
{
    struct plan_config how = {
        .existing = existing_config(create),
        .again = create->config->again || create->session.info.resumed,
        .why_unlisted = create->session.key.len == 0 ? "no API key"
                        : create->config->preflight  ? NULL
                                                     : "--no-preflight",
        .held = create->config->strict && create->session.tally.status[STATUS_INVALID] > 0,
        .limit = create->config->limit,
        .out = plan_descriptor(create),
    };

    struct buf changes;
    bool shown;

    buf_init(&changes, CHANGES_MAX);
    if (create->config->update)
        how.existing.changes = &changes;
    if (!create->config->skip_existing)
        hold_rows(create);
    create->session.info.blocked = 0; /* the plan says so of each row */
    shown = (how.why_unlisted == NULL && !look_up_named(create)) ||
            plan_show(&create->run, &how, &create->session.info, err);
    buf_release(&changes);
    return shown;
}

/* What may be in the account is settled and, unless --strict holds them back, the other rows are sent. */
static bool carry_out(struct create *create, struct err *err)
{
    if (!look_up_named(create))
        return true;
    if (!create->config->skip_existing)
        hold_rows(create);
    if (!preflight(create))
        return true; /* the client knows why the run stops; the results say that nothing was attempted */
    if (!may_create(create, err))
        return false;
    note_lists(create, create->session.tally.requests[REQUEST_LIST]);
    return send_rows(create, err);
}

enum course { COURSE_PLAN, COURSE_HOLD, COURSE_SEND };

/* Rows that may be in the account are a reason to ask it, also where none is to be sent: what tells of them goes. */
static enum course course_of(const struct create *create)
{
    const uint64_t *rows = create->run.rows.in_state;

    if (create->config->session.dry_run)
        return COURSE_PLAN;
    if (rows[ROW_UNSETTLED] > 0 || (rows[ROW_PENDING] > 0 && !create->session.info.held_back))
        return COURSE_SEND;
    return COURSE_HOLD;
}

static bool work(struct create *create, struct err *err)
{
    if (!session_open(&create->session, err) || !prepare(create, err) || !open_files(create, err) ||
        !take_in(create, err))
        return false;
    create->session.info.held_back = create->config->strict && create->session.tally.status[STATUS_INVALID] > 0;
    client_listen(&create->session.client);
    switch (course_of(create)) {
    case COURSE_PLAN:
        return plan(create, err);
    case COURSE_SEND:
        return carry_out(create, err);
    case COURSE_HOLD:
        hold_rows(create);
    }
    return true;
}

static void release(struct create *create)
{
    inherit_release(&create->inherit);
    free(create->pass.keys);
    free(create->pass.named);
    existing_release(&create->existing);
    output_abandon(create->stream);
    free(create->kept);
    journal_close(create->run.journal);
    sheet_close(create->run.sheet);
    if (create->session.connected)
        run_release(&create->run);
    paths_release(&create->paths);
    free(create->planned);
    session_release(&create->session);
}

enum exit_code create_run(const struct create_config *config, struct console *console)
{
    struct create *create = alloc_zeroed(1, sizeof(*create));
    enum exit_code code;
    struct err err;

    create->config = config;
    session_init(&create->session, &config->session, console);
    code = work(create, &err) ? end(create) : session_fail(&create->session, &err);
    release(create);
    free(create);
    return code;
}
