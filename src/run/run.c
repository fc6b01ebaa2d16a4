#include "run/run.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "model/api_error.h"
#include "run/events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SCRATCH_MAX = 65536 };

void run_init(struct run *run, struct client *client, unsigned flights, int64_t lag_ms, int64_t late_ms)
{
    *run = (struct run){
        .console = client->console,
        .log = client->log,
        .tally = client->tally,
        .client = client,
        .waiting = {.since_ms = INT64_MAX},
        .times = {.late_ms = late_ms},
    };
    rows_init(&run->rows);
    queue_init(&run->queue, flights);
    idset_init(&run->known.claimed);
    idset_init(&run->known.twins);
    witness_init(&run->known.witness, &run->known.claimed, lag_ms);
    buf_init(&run->text, SCRATCH_MAX);
    buf_init(&run->code, SCRATCH_MAX);
}

void run_release(struct run *run)
{
    rows_release(&run->rows);
    queue_release(&run->queue);
    free(run->waiting.at);
    witness_release(&run->known.witness);
    idset_release(&run->known.claimed);
    idset_release(&run->known.twins);
    buf_release(&run->text);
    buf_release(&run->code);
    words_release(&run->words);
}

struct sheet_row *run_row(struct run *run, uint64_t row)
{
    const struct row *at = &run->rows.row[row];
    struct sheet_row *read;
    struct err err;

    if (sheet_at(run->sheet, at->offset, at->length, at->line, &read, &err))
        return read;
    client_fault(run->client, &err);
    return NULL;
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

void run_send_again(struct run *run, uint64_t row, enum row_event event)
{
    queue_push(&run->queue, row);
    rows_step(&run->rows, row, event);
}

void run_back_off(struct run *run, uint64_t row, int64_t wait_ms, int64_t now_ms)
{
    rows_step(&run->rows, row, EVENT_NOT_DONE);
    queue_wait(&run->queue, row, now_ms + wait_ms);
}

bool run_retry(struct run *run, uint64_t row, const struct http_answer *answer, bool held)
{
    struct client *client = run->client;
    uint32_t attempts = run->rows.row[row].attempts;
    int64_t now_ms = clock_mono_ms(), until_ms;

    if (client_is_hopeless(client, answer)) {
        rows_step(&run->rows, row, EVENT_RUN_STOPS);
        client_stop(client, STOP_UNREACHABLE, "%s", run->text.data);
        return true;
    }
    if (!retry_allowed(&client->config.retry, attempts))
        return false;
    if (held ||
        ((answer->status == 429 || answer->retry_after_ms >= 0) && pace_holding(client->pace, now_ms, &until_ms)))
        run_send_again(run, row, EVENT_ALL_WAIT);
    else
        run_back_off(run, row, client_backoff(client, attempts), now_ms);
    return true;
}

void run_refused(struct run *run, uint64_t row, const struct http_answer *answer, const char *where)
{
    struct buf said;

    rows_step(&run->rows, row, EVENT_RUN_STOPS);
    buf_init(&said, SCRATCH_MAX);
    buf_format(&said, "%s%sthe server answered %d: %s", where, where[0] != '\0' ? ": " : "", answer->status,
               api_error_without_status(run->text.data, answer->status));
    client_refuse(run->client, answer->body, said.data);
    buf_release(&said);
}

void run_spare(struct run *run, uint64_t row)
{
    if (run->rows.row[row].attempts > 0 && run->rows.row[row].state != ROW_DONE)
        run->rows.row[row].attempts--;
}

bool run_tell(struct run *run, uint64_t row, const struct http_answer *answer, enum outage_sign sign)
{
    const struct outage *outage = &run->client->outage;
    bool begun, spared = client_tell(run->client, answer, row, sign, &begun);

    for (unsigned i = 0; begun && i < outage->in_row; i++)
        if (outage->failed[i].row < run->rows.count && outage->failed[i].row != row &&
            !run->rows.row[outage->failed[i].row].in_doubt)
            run_spare(run, outage->failed[i].row);
    if (spared && sign == OUTAGE_AWAY)
        run_spare(run, row);
    return spared;
}

void run_pass_over(struct run *run, uint64_t tried)
{
    uint64_t row;

    if (run->queue.count > 1 && queue_peek(&run->queue, &row) && row == tried && queue_take(&run->queue, &row))
        run_send_again(run, row, EVENT_PASSED_OVER);
}

void run_wake_backoffs(struct run *run, int64_t now_ms)
{
    uint64_t row;

    while (queue_wake(&run->queue, now_ms, &row))
        run_send_again(run, row, EVENT_WAITED);
}

bool run_promised_lately(const struct run *run, int64_t now_ms)
{
    return run->times.promised_ms > 0 && now_ms - run->times.promised_ms < RUN_PROMISE_MS;
}

bool run_promise(struct run *run, uint64_t rows, int64_t now_ms)
{
    const struct http_config *http = &run->client->config.http;
    struct err err;
    bool begun = run->times.promised_ms > 0 ||
                 journal_begun(run->journal, http->timeout_ms, http->concurrency, run->times.interrupted_ms, &err);

    run->times.promised_ms = now_ms;
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
    if (run->waiting.count == run->waiting.cap) {
        run->waiting.cap = run->waiting.cap > 0 ? run->waiting.cap * 2 : 64;
        run->waiting.at = alloc_resize(run->waiting.at, run->waiting.cap, sizeof(run->waiting.at[0]));
    }
    run->waiting.at[run->waiting.count++] = *entry;
    if (entry->since_ms < run->waiting.since_ms)
        run->waiting.since_ms = entry->since_ms;
}

void run_unsettle(struct run *run, const struct unsettled *entry)
{
    rows_step(&run->rows, entry->row, EVENT_ANSWER_LOST);
    run_wait_for_settling(run, entry);
    run->tally->lost++;
}

bool run_has_like(const struct run *run, uint64_t public_hash)
{
    for (size_t i = 0; i < run->waiting.count; i++)
        if (run->waiting.at[i].public_hash == public_hash)
            return true;
    return queue_has_like(&run->queue, public_hash);
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
    if (run->known.owner == 0 && text_equal_fold(remote->id, span_of(run->known.own_id)))
        run->known.owner = run_owner_hash(remote->owner_id);
}

void run_note_account(struct run *run, struct span org_id, struct span own)
{
    struct err err;

    if (run->known.is_noted || org_id.len == 0 || !redactor_allows(&run->client->redactor, own, org_id))
        return;
    run->known.is_noted = true;
    if (!journal_account(run->journal, org_id, &err))
        client_fault(run->client, &err);
}
