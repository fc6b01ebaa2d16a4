#include "run/receiver.h"

#include "api/reply.h"
#include "base/clock.h"
#include "model/api_error.h"
#include "model/classify.h"
#include "run/sender.h"
#include "run/settle.h"

#include <inttypes.h>
#include <string.h>

enum {
    FORBIDDEN_MOST = 5, /* rows in a row */
    DIFFERS_MAX = 4096,
    LOST_MAX = 256,
};

void receiver_init(struct receiver *receiver, struct run *run)
{
    *receiver = (struct receiver){.run = run};
    remote_init(&receiver->remote);
    buf_init(&receiver->differs, DIFFERS_MAX);
}

void receiver_release(struct receiver *receiver)
{
    doubts_release(&receiver->doubts);
    remote_release(&receiver->remote);
    buf_release(&receiver->differs);
}

/* A whole 2xx that says that it is none. */
static bool is_error(const struct http_answer *answer)
{
    return answer->fate == FATE_ANSWERED && answer->status >= 200 && answer->status < 300 &&
           api_error_is_told(answer->body);
}

/* run->code and run->text: an error's code and sentence, without secrets. */
static void describe(struct run *run, const struct http_answer *answer)
{
    static const struct reply_expected expected = {"unreadable_answer", "the row's connector"};

    buf_reset(&run->code);
    buf_reset(&run->text);
    reply_read(run->client, answer, sender_secret(run, answer->tag), &expected, &run->code, &run->text);
    reply_fill_in(answer, &run->code, &run->text);
}

static void log_attempt(struct run *run, uint64_t row, const struct http_answer *answer, enum verdict verdict)
{
    struct json_object *line = run_log_row(run, "attempt", row);

    if (line == NULL)
        return;
    reply_log(line, answer, run->rows.row[row].attempts, "verdict", verdict_name(verdict));
    if (answer->request_id.len > 0 &&
        redactor_allows(&run->client->redactor, sender_secret(run, answer->tag), answer->request_id))
        json_object_text(line, "request_id", answer->request_id);
    if (verdict != VERDICT_CREATED) {
        json_object_text(line, "error_code", buf_view(&run->code));
        json_object_text(line, "error_message", buf_view(&run->text));
    }
    if (answer->retry_after_ms >= 0)
        json_object_integer(line, "retry_after_ms", answer->retry_after_ms);
    log_end(run->log, line);
}

/* A connector may come with errors beside it: appends them to what is said of the row. */
static void add_errors(struct receiver *receiver, const struct http_answer *answer, struct span own,
                       struct buf *message)
{
    struct api_secrets secrets = redactor_secrets(&receiver->run->client->redactor, own);
    struct buf code;

    if (!receiver->remote.enveloped || !api_error_is_told(answer->body))
        return;
    buf_init(&code, API_ERROR_CODE);
    buf_text(message, message->len > 0 ? "; the server also said: " : "the server also said: ");
    api_error_read(answer->body, secrets, message, &code);
    buf_release(&code);
}

static void act_created(struct receiver *receiver, uint64_t row, const struct http_answer *answer)
{
    struct run *run = receiver->run;
    const struct remote *remote = &receiver->remote;
    struct span own = sender_secret(run, answer->tag);
    struct outcome outcome = {
        .status = STATUS_CREATED,
        .connector_id = remote->id,
        .http_status = answer->status,
        .created_at = remote->created_at,
    };

    buf_reset(&run->text);
    redactor_field(&run->client->redactor, own, remote->inbox_email, &run->text);
    outcome.inbox_email = buf_view(&run->text);
    buf_reset(&run->code);
    redactor_field(&run->client->redactor, own, buf_view(&receiver->differs), &run->code);
    add_errors(receiver, answer, own, &run->code);
    outcome.error_message = buf_view(&run->code);
    receiver->forbidden = 0;
    run_note_account(run, remote->org_id, own);
    witness_add(&run->known.witness, remote->id, answer->ended_ms);
    judge_compare_clocks(&run->clock, remote->created_ms, answer->date_ms, answer->latency_us / 1000);
    if (run->known.owner == 0)
        run->known.owner = run_owner_hash(remote->owner_id);
    run_finish(run, row, &outcome);
}

/* Certainly not created. */
static void act_again(struct receiver *receiver, uint64_t row, const struct http_answer *answer, bool spared)
{
    struct run *run = receiver->run;
    struct err err;

    if (!run_retry(run, row, answer, spared)) {
        run_give_up(run, row, STATUS_FAILED, answer->status, run->code.data, run->text.data);
        return;
    }
    if (run->rows.row[row].state == ROW_PENDING) /* the run stops */
        return;
    console_detail(run->console, "%s: %s; to be sent again", sheet_where(run->sheet, &run->rows, row), run->text.data);
    if (!journal_attempts(run->journal, row, run->rows.row[row].attempts, &err))
        client_fault(run->client, &err);
}

/* An answer that names a connector is never thrown away, whatever comes of this process. */
static bool record_named(struct run *run, uint64_t row, const struct unsettled *entry, struct err *err)
{
    struct outcome outcome = {
        .status = STATUS_UNKNOWN,
        .connector_id = span_of(entry->named),
        .http_status = entry->http_status,
        .attempts = run->rows.row[row].attempts,
    };
    struct buf message;
    uint64_t place;
    bool done;

    buf_init(&message, LOST_MAX);
    settle_say_lost(&entry->lost, &message);
    outcome.error_message = buf_view(&message);
    done = journal_outcome(run->journal, row, &outcome, &place, err);
    buf_release(&message);
    return done;
}

static void act_settle(struct receiver *receiver, uint64_t row, struct unsettled *entry, int64_t sent_ms)
{
    struct run *run = receiver->run;
    struct err err;

    entry->row = (uint32_t)row;
    entry->since_ms = clock_mono_ms();
    entry->arrives_ms = entry->since_ms + run->times.late_ms;
    entry->lost.to_ms = client_server_time(run->client, clock_wall_ms());
    entry->lost.from_ms = entry->lost.to_ms - (entry->since_ms - sent_ms);
    console_detail(run->console, "%s: may exist: %s", sheet_where(run->sheet, &run->rows, row), run->text.data);
    run_unsettle(run, entry);
    if (!journal_attempts(run->journal, row, run->rows.row[row].attempts, &err) ||
        (entry->named[0] != '\0' && !record_named(run, row, entry, &err)))
        client_fault(run->client, &err);
}

/* In the API's own words: this row's, unless no other fares better. */
static void act_forbidden(struct receiver *receiver, uint64_t row, const struct http_answer *answer)
{
    struct run *run = receiver->run;

    if (++receiver->forbidden >= FORBIDDEN_MOST)
        client_stop(run->client, STOP_FORBIDDEN,
                    "%d rows in a row were answered %d, and none was accepted since: %s; ask whoever manages the "
                    "account or the key",
                    FORBIDDEN_MOST, answer->status, api_error_without_status(run->text.data, answer->status));
    run_give_up(run, row, STATUS_REJECTED, answer->status, run->code.data, run->text.data);
}

/* By what is in front of the API: a path that it does not know, a filter that does not like the row, or a block. */
static void act_doubt(struct receiver *receiver, uint64_t row, const struct http_answer *answer)
{
    struct run *run = receiver->run;

    if (api_error_is_unknown_path(answer->body) && !run->client->outage.reached) {
        run_refused(run, row, answer, sheet_where(run->sheet, &run->rows, row));
        return;
    }
    buf_text(&run->text, "; a gateway in front of the API refuses this row, and not others: see what its texts hold");
    doubts_add(&receiver->doubts, run, row, answer);
}

/*
 * Whether the answer's connector is the row's: a connection on which answers have come out of step names others'. The
 * API may keep a payload otherwise than it was sent: receiver->differs gets in what.
 */
static bool is_about(struct receiver *receiver, uint64_t index, uint64_t public_hash)
{
    struct run *run = receiver->run;
    const struct connector *answered = &receiver->remote.connector;
    const struct sheet_row *read;

    buf_reset(&receiver->differs);
    if (connector_public_hash(answered) == public_hash)
        return true;
    if ((read = run_row(run, index)) == NULL)
        return true;
    if (answered->label.len > 0)
        connector_differences(&read->connector, answered, &receiver->differs);
    return connector_answers(&read->connector, answered) && !run_has_like(run, connector_public_hash(answered));
}

/* An answer that names a new connector. One that is some row's, or was there before, is no answer to a create. */
static bool names_new(struct receiver *receiver, const struct http_answer *answer)
{
    const struct run *run = receiver->run;

    return answer->status >= 200 && answer->status < 300 && remote_read(&receiver->remote, answer->body) &&
           !idset_has(&run->known.claimed, receiver->remote.id) && !idset_has(&run->known.twins, receiver->remote.id);
}

static enum outage_sign sign_of(const struct http_answer *answer, enum verdict verdict, bool gateways)
{
    bool decided = verdict == VERDICT_CREATED || verdict == VERDICT_REJECTED || verdict == VERDICT_FORBIDDEN;

    return outage_sign(answer, decided && !gateways, gateways);
}

void receiver_answer(struct receiver *receiver, const struct http_answer *answer)
{
    struct run *run = receiver->run;
    struct unsettled entry = {.http_status = (uint16_t)answer->status};
    uint64_t row = sender_landed(run, answer->tag, &entry.public_hash);
    bool readable = names_new(receiver, answer), own = readable && is_about(receiver, row, entry.public_hash);
    enum verdict verdict = classify_create(answer->fate, answer->status, own);

    bool gateways = verdict == VERDICT_FORBIDDEN && api_error_is_gateways(answer->body), spared;

    client_heed(run->client, answer);
    spared = run_tell(run, row, answer, sign_of(answer, verdict, gateways));
    if (readable && !own)
        memcpy(entry.named, receiver->remote.id.data, UUID_TEXT);
    if (verdict != VERDICT_CREATED)
        describe(run, answer);
    log_attempt(run, row, answer, verdict);
    switch (verdict) {
    case VERDICT_CREATED:
        act_created(receiver, row, answer);
        break;
    case VERDICT_REJECTED:
        receiver->forbidden = 0;
        run_give_up(run, row, STATUS_REJECTED, answer->status, run->code.data, run->text.data);
        break;
    case VERDICT_AGAIN:
        act_again(receiver, row, answer, spared);
        break;
    case VERDICT_SETTLE:
        if (is_error(answer))
            entry.said = words_keep(&run->words, buf_view(&run->code), buf_view(&run->text));
        act_settle(receiver, row, &entry, answer->started_ms);
        break;
    case VERDICT_FORBIDDEN:
        if (gateways)
            act_doubt(receiver, row, answer);
        else
            act_forbidden(receiver, row, answer);
        break;
    case VERDICT_REFUSED:
        run_refused(run, row, answer, sheet_where(run->sheet, &run->rows, row));
        break;
    case VERDICTS:
        break;
    }
    doubts_resolve(&receiver->doubts, run, false);
    sender_forget(run, answer->tag);
}
