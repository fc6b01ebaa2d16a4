#include "run/run.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "run/events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SCRATCH_MAX = 65536 };

void run_init(struct run *run, struct client *client, unsigned flights, int64_t lag_ms, int64_t late_ms)
{
    *run = (struct run){
        .client = client,
        .flights = flights,
        .late_ms = late_ms,
        .unsettled_since_ms = INT64_MAX,
    };
    run->console = client->console;
    run->log = client->log;
    run->tally = client->tally;
    run->flight = alloc_zeroed(flights, sizeof(run->flight[0]));
    rows_init(&run->rows);
    idset_init(&run->claimed);
    idset_init(&run->twins);
    witness_init(&run->witness, &run->claimed, lag_ms);
    timers_init(&run->backoffs);
    buf_init(&run->text, SCRATCH_MAX);
    buf_init(&run->code, SCRATCH_MAX);
}

void run_release(struct run *run)
{
    rows_release(&run->rows);
    witness_release(&run->witness);
    idset_release(&run->claimed);
    idset_release(&run->twins);
    timers_release(&run->backoffs);
    buf_release(&run->text);
    buf_release(&run->code);
    words_release(&run->words);
    free(run->ready);
    free(run->unsettled);
    free(run->doubts);
    free(run->flight);
}

struct json_object *run_log_row(struct run *run, const char *event, uint64_t row)
{
    return events_row(run->log, event, &run->rows, row);
}

static void count_failure(struct run *run, enum status status)
{
    if (status != STATUS_REJECTED && status != STATUS_FAILED && status != STATUS_UNKNOWN)
        return;
    run->failures++;
    if (run->failures_max > 0 && run->failures >= run->failures_max)
        client_stop(run->client, STOP_MAX_FAILURES, "%" PRIu64 " row%s failed (--max-failures)", run->failures,
                    run->failures == 1 ? " has" : "s have");
}

void run_finish(struct run *run, uint64_t row, struct outcome *outcome)
{
    outcome->attempts = run->rows.row[row].attempts;
    run_record(run, row, outcome);
}

void run_record(struct run *run, uint64_t row, const struct outcome *outcome)
{
    struct row_place where = {0};
    uint64_t place;
    struct err err;

    if (!journal_outcome(run->journal, row, outcome, &place, &err)) {
        client_fault(run->client, &err);
        return;
    }
    rows_finish(&run->rows, row, outcome->status, place);
    if (outcome->error_code.len > 0) /* the tally names such rows alone */
        where = sheet_place(run->sheet, &run->rows, row);
    tally_row(run->tally, outcome, &where, clock_mono_ms());
    events_outcome(run->log, &run->rows, row, outcome);
    count_failure(run, outcome->status);
}

void run_give_up(struct run *run, uint64_t row, enum status status, int http_status, const char *code,
                 const char *message)
{
    struct outcome outcome = {
        .status = status,
        .http_status = http_status,
        .error_code = span_of(code),
        .error_message = span_of(message),
    };

    run_finish(run, row, &outcome);
}

static void grow_ready(struct run *run)
{
    size_t cap = run->ready_cap > 0 ? run->ready_cap * 2 : 256;
    uint32_t *ring = alloc_zeroed(cap, sizeof(ring[0]));

    for (size_t i = 0; i < run->ready_count; i++)
        ring[i] = run->ready[(run->ready_head + i) % run->ready_cap];
    free(run->ready);
    run->ready = ring;
    run->ready_head = 0;
    run->ready_cap = cap;
}

void run_send_again(struct run *run, uint64_t row, enum row_event event)
{
    if (run->ready_count == run->ready_cap)
        grow_ready(run);
    run->ready[(run->ready_head + run->ready_count) % run->ready_cap] = (uint32_t)row;
    run->ready_count++;
    rows_step(&run->rows, row, event);
}

bool run_take_ready(struct run *run, uint64_t *row)
{
    if (run->ready_count == 0)
        return false;
    *row = run->ready[run->ready_head];
    run->ready_head = (run->ready_head + 1) % run->ready_cap;
    run->ready_count--;
    return true;
}

void run_back_off(struct run *run, uint64_t row, int64_t wait_ms, int64_t now_ms)
{
    rows_step(&run->rows, row, EVENT_NOT_DONE);
    timers_add(&run->backoffs, now_ms + wait_ms, row);
}

void run_spare(struct run *run, uint64_t row)
{
    if (run->rows.row[row].attempts > 0 && run->rows.row[row].state != ROW_DONE)
        run->rows.row[row].attempts--;
}

static bool is_in_doubt(const struct run *run, uint64_t row)
{
    for (size_t i = 0; i < run->doubt_count; i++)
        if (run->doubts[i].row == row)
            return true;
    return false;
}

bool run_tell(struct run *run, uint64_t row, const struct http_answer *answer, enum outage_sign sign)
{
    const struct outage *outage = &run->client->outage;
    bool begun, spared = client_tell(run->client, answer, row, sign, &begun);

    for (unsigned i = 0; begun && i < outage->in_row; i++)
        if (outage->failed[i].row < run->rows.count && outage->failed[i].row != row &&
            !is_in_doubt(run, outage->failed[i].row))
            run_spare(run, outage->failed[i].row);
    if (spared && sign == OUTAGE_AWAY)
        run_spare(run, row);
    return spared;
}

void run_doubt(struct run *run, uint64_t row, const struct http_answer *answer)
{
    if (run->doubt_count == run->doubt_cap) {
        run->doubt_cap = run->doubt_cap > 0 ? run->doubt_cap * 2 : 16;
        run->doubts = alloc_resize(run->doubts, run->doubt_cap, sizeof(run->doubts[0]));
    }
    run->doubts[run->doubt_count++] = (struct doubt){
        .row = (uint32_t)row,
        .sent_ms = answer->started_ms,
        .ended_ms = answer->ended_ms,
        .said = words_keep(&run->words, buf_view(&run->code), buf_view(&run->text)),
    };
    rows_step(&run->rows, row, EVENT_IN_DOUBT);
}

void run_resolve_doubts(struct run *run, bool listed)
{
    const struct outage *outage = &run->client->outage;
    size_t kept = 0;
    bool no_list_tells;

    run->doubt_lists = run->doubt_count == 0 ? 0 : run->doubt_lists + (listed && !outage_holds(outage));
    no_list_tells = !retry_allowed(&run->client->config.retry, run->doubt_lists);
    for (size_t i = 0; i < run->doubt_count; i++) {
        struct doubt doubt = run->doubts[i];
        enum outage_block whose = outage_block(outage, doubt.sent_ms, doubt.ended_ms);

        switch (whose == OUTAGE_UNDECIDED && no_list_tells ? OUTAGE_ROWS_OWN : whose) {
        case OUTAGE_UNDECIDED:
            run->doubts[kept++] = doubt;
            break;
        case OUTAGE_ROWS_OWN:
            run_give_up(run, doubt.row, STATUS_REJECTED, 403, doubt.said->code, doubt.said->message);
            break;
        case OUTAGE_EVERYBODYS:
            run_spare(run, doubt.row);
            run_send_again(run, doubt.row, EVENT_WAITED);
            break;
        }
    }
    run->doubt_count = kept;
}

void run_wake_backoffs(struct run *run, int64_t now_ms)
{
    uint64_t row;

    while (timers_pop(&run->backoffs, now_ms, &row))
        run_send_again(run, row, EVENT_WAITED);
}

bool run_promised_lately(const struct run *run, int64_t now_ms)
{
    return run->promised_ms > 0 && now_ms - run->promised_ms < RUN_PROMISE_MS;
}

bool run_promise(struct run *run, uint64_t rows, int64_t now_ms)
{
    const struct http_config *http = &run->client->config.http;
    struct err err;
    bool begun = run->promised_ms > 0 ||
                 journal_begun(run->journal, http->timeout_ms, http->concurrency, run->interrupted_ms, &err);

    run->promised_ms = now_ms;
    if (begun && journal_upto(run->journal, rows, &err))
        return true;
    if (!journal_is_ours(run->journal, &err)) /* what is in flight can still be written down */
        client_stop(run->client, STOP_JOURNAL_LOST, "%s", err.text);
    else
        client_fault(run->client, &err);
    return false;
}

void run_wait_for_settling(struct run *run, const struct unsettled *entry)
{
    if (run->unsettled_count == run->unsettled_cap) {
        run->unsettled_cap = run->unsettled_cap > 0 ? run->unsettled_cap * 2 : 64;
        run->unsettled = alloc_resize(run->unsettled, run->unsettled_cap, sizeof(run->unsettled[0]));
    }
    run->unsettled[run->unsettled_count++] = *entry;
    if (entry->since_ms < run->unsettled_since_ms)
        run->unsettled_since_ms = entry->since_ms;
}

void run_unsettle(struct run *run, const struct unsettled *entry)
{
    rows_step(&run->rows, entry->row, EVENT_ANSWER_LOST);
    run_wait_for_settling(run, entry);
    run->tally->lost++;
}

bool run_has_like(const struct run *run, uint64_t public_hash)
{
    for (unsigned i = 0; i < run->flights; i++)
        if (run->flight[i].taken && run->flight[i].public_hash == public_hash)
            return true;
    for (size_t i = 0; i < run->unsettled_count; i++)
        if (run->unsettled[i].public_hash == public_hash)
            return true;
    return false;
}

uint64_t run_tag(uint32_t key, uint32_t public_tag)
{
    return (uint64_t)key << 32 | public_tag;
}

uint64_t run_owner_hash(struct span owner_id)
{
    return owner_id.len > 0 ? hash_finish(hash_span_fold(HASH_START, owner_id)) | 1 : 0;
}

void run_note_owner(struct run *run, const struct remote *remote)
{
    if (run->owner == 0 && text_equal_fold(remote->id, span_of(run->own_id)))
        run->owner = run_owner_hash(remote->owner_id);
}

void run_note_account(struct run *run, struct span org_id, struct span own)
{
    struct err err;

    if (run->account_noted || org_id.len == 0 || !redactor_allows(&run->client->redactor, own, org_id))
        return;
    run->account_noted = true;
    if (!journal_account(run->journal, org_id, &err))
        client_fault(run->client, &err);
}
