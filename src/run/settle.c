#include "run/settle.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "run/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHORTEST_PAUSE_MS = 200, /* between two lists */
    LONGEST_PAUSE_MS = 30000,
    COST_FACTOR = 4,       /* a list that took t: 4 t until the next, while there are creates that it would hold up */
    PARTIAL_LISTS_MAX = 3, /* of them that do not show everything: the next is hardly better */
    GIVEN_UP_AFTER_MS = 10 * 60 * 1000, /* a create is hardly given up longer than this after it was sent */
    WHOLE_SECOND_MS = 1000,
    LEAST_UNSURE_MS = 2000,      /* the least by which the beginning of this run may be too early */
    LATER_MARGIN_MS = 60 * 1000, /* of what an earlier run has lost, beyond --late, which may have been longer then */
    SHOWN_LABEL = 60,            /* characters */
    SHOWN_IDS = 3,               /* connectors to look at */
    WHY_MAX = 16384,
};

#define LOST "its answer was lost "

static int by_hash(const void *left, const void *right)
{
    const struct unsettled *a = left, *b = right;

    if (a->public_hash != b->public_hash)
        return a->public_hash < b->public_hash ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* ---- The list as it arrives ---- */

static void on_begin(void *context)
{
    struct settle *settle = context;

    candidates_reset(&settle->candidates);
    witness_begin(&settle->run->known.witness);
}

static bool on_connector(void *context, const struct remote *remote, struct span element)
{
    struct settle *settle = context;
    struct run *run = settle->run;

    (void)element;
    if (witness_see(&run->known.witness, remote->id))
        run_note_owner(run, remote);
    else
        candidates_look(&settle->candidates, remote);
    return !client_must_abort(run->client, clock_mono_ms());
}

void settle_init(struct settle *settle, struct run *run, int64_t wait_ms)
{
    struct listing_handler handler = {.context = settle, .begin = on_begin, .connector = on_connector};

    *settle = (struct settle){.run = run, .wait_ms = wait_ms};
    listing_init(&settle->listing, run->client, &handler);
    candidates_init(&settle->candidates, run);
    buf_init(&settle->why, WHY_MAX);
}

void settle_release(struct settle *settle)
{
    candidates_release(&settle->candidates);
    listing_release(&settle->listing);
    buf_release(&settle->why);
    free(settle->batch);
    free(settle->doubted);
}

/* ---- Who waits, and when to ask ---- */

bool settle_has_rows(const struct settle *settle)
{
    bool waits = settle->batch_count > 0 || settle->run->waiting.count > 0;

    return waits && (!settle->last || settle->listing.active);
}

int64_t settle_due(const struct settle *settle)
{
    const struct run *run = settle->run;
    int64_t due_ms;

    if (settle->listing.active || !settle_has_rows(settle))
        return INT64_MAX;
    if (client_stopping(run->client))
        return INT64_MIN;
    if (settle->batch_count > 0)
        return settle->not_before_ms;
    due_ms = run->waiting.since_ms + settle->wait_ms;
    return due_ms < settle->not_before_ms ? settle->not_before_ms : due_ms;
}

void settle_say_lost(const struct lost_time *lost, struct buf *out)
{
    char from[CLOCK_TEXT], to[CLOCK_TEXT];

    if (lost->from_ms == JUDGE_NO_TIME)
        buf_text(out, "an earlier run lost its answer;");
    else if (lost->to_ms == JUDGE_NO_TIME)
        buf_format(out, LOST "after %s;", clock_format(from, lost->from_ms));
    else
        buf_format(out, LOST "between %s and %s;", clock_format(from, lost->from_ms), clock_format(to, lost->to_ms));
}

/* The time that follows `word` in the text before the first `;`; JUDGE_NO_TIME where there is none. */
static int64_t time_after(struct span text, const char *word)
{
    const char *at = memmem(text.data, text.len, word, strlen(word)), *end = text.data + text.len;
    int64_t time_ms;
    size_t len = 0;

    if (at == NULL)
        return JUDGE_NO_TIME;
    at += strlen(word);
    while (at + len < end && at[len] != ' ')
        len++;
    return clock_parse_rfc3339((struct span){at, len}, &time_ms) ? time_ms : JUDGE_NO_TIME;
}

struct lost_time settle_time_lost(struct span message)
{
    struct lost_time lost = {JUDGE_NO_TIME, JUDGE_NO_TIME};
    const char *at = message.len > 0 ? memmem(message.data, message.len, LOST, strlen(LOST)) : NULL, *end;
    struct span text;

    if (at == NULL)
        return lost;
    text = (struct span){at, message.len - (size_t)(at - message.data)};
    end = memchr(text.data, ';', text.len);
    text.len = end != NULL ? (size_t)(end - text.data) : 0;
    lost.to_ms = time_after(text, " at about "); /* as versions before 0.2 say it */
    if (lost.to_ms != JUDGE_NO_TIME)
        lost.from_ms = lost.to_ms - GIVEN_UP_AFTER_MS;
    else
        lost = (struct lost_time){time_after(text, " between "), time_after(text, " and ")};
    if (lost.from_ms == JUDGE_NO_TIME)
        lost.from_ms = time_after(text, " after ");
    return lost;
}

/* Moves the rows that have waited long enough into the batch; all of them where the run stops. */
static void form_batch(struct settle *settle, int64_t now_ms)
{
    struct run *run = settle->run;
    size_t kept = 0, count = settle->batch_count;

    settle->batch = alloc_resize(settle->batch, count + run->waiting.count, sizeof(settle->batch[0]));
    settle->asked = 0;
    run->waiting.since_ms = INT64_MAX;
    for (size_t i = 0; i < run->waiting.count; i++) {
        struct unsettled entry = run->waiting.at[i];

        if (entry.since_ms + settle->wait_ms > now_ms && !client_stopping(run->client)) {
            run->waiting.at[kept++] = entry;
            run->waiting.since_ms = entry.since_ms < run->waiting.since_ms ? entry.since_ms : run->waiting.since_ms;
        } else
            settle->batch[count++] = entry;
    }
    run->waiting.count = kept;
    settle->batch_count = count;
    qsort(settle->batch, count, sizeof(settle->batch[0]), by_hash);
    candidates_seek(&settle->candidates, settle->batch, count);
}

void settle_ask(struct settle *settle, int64_t now_ms)
{
    settle->last = client_stopping(settle->run->client);
    if (settle->batch_count == 0 || settle->last)
        form_batch(settle, now_ms);
    witness_ask(&settle->run->known.witness, now_ms);
    listing_send(&settle->listing, now_ms);
}

/* ---- What becomes of a row ---- */

static void log_settled(struct settle *settle, uint64_t row, const char *result)
{
    struct json_object *line = run_log_row(settle->run, "settle", row);

    if (line == NULL)
        return;
    json_object_text(line, "result", span_of(result));
    json_object_integer(line, "connectors_listed", (int64_t)settle->listing.connectors);
    log_end(settle->run->log, line);
}

/* A row that an earlier run lost may have been sent with another secret. */
static void settle_created(struct settle *settle, const struct unsettled *entry, const struct candidate *candidate)
{
    struct run *run = settle->run;
    const struct sheet_row *read = sheet_has_secrets(run->sheet) ? run_row(run, entry->row) : NULL;
    struct span own = read != NULL ? connector_secret(&read->connector) : (struct span){0};
    struct outcome outcome = {
        .status = STATUS_CREATED,
        .connector_id = span_of(candidate->id),
        .created_at = span_of(candidate->created_at),
    };

    buf_reset(&run->text);
    buf_reset(&run->code);
    redactor_field(&run->client->redactor, own, span_of(candidate->inbox), &run->text);
    outcome.inbox_email = buf_view(&run->text);
    if (candidate->differs != NULL)
        redactor_field(&run->client->redactor, own, span_of(candidate->differs), &run->code);
    if (entry->earlier && read != NULL)
        connector_uncompared(&read->connector, &run->code);
    outcome.error_message = buf_view(&run->code);
    if (run->rows.row[entry->row].attempts == 0)
        run->rows.row[entry->row].attempts = 1; /* an interrupted run's, which had no time to count it */
    run->tally->settled_created++;
    idset_add(&run->known.claimed, outcome.connector_id);
    log_settled(settle, entry->row, "created");
    run_finish(run, entry->row, &outcome);
}

/* Nothing came back that could be believed, and no attempt is left. */
static void settle_failed(struct settle *settle, const struct unsettled *entry)
{
    static const char what[] = "the answer was lost each time; the account's list shows that it was not created";
    char why[160];

    snprintf(why, sizeof(why), "%s (the last answer was %d)", what, entry->http_status);
    run_give_up(settle->run, entry->row, STATUS_FAILED, entry->http_status, "answer_lost",
                entry->http_status > 0 ? why : what);
}

static void settle_absent(struct settle *settle, const struct unsettled *entry)
{
    struct run *run = settle->run;

    run->tally->settled_absent++;
    log_settled(settle, entry->row, "absent");
    if (rows_is_held(&run->rows, entry->row))
        rows_step(&run->rows, entry->row, EVENT_ABSENT_HELD);
    else if (entry->said != NULL)
        run_give_up(run, entry->row, STATUS_REJECTED, entry->http_status, entry->said->code, entry->said->message);
    else if (retry_allowed(&run->client->config.retry, run->rows.row[entry->row].attempts))
        run_send_again(run, entry->row, EVENT_ABSENT);
    else
        settle_failed(settle, entry);
}

static void note_doubt(struct settle *settle, uint64_t public_hash)
{
    if (settle->doubted_count == settle->doubted_cap) {
        settle->doubted_cap = settle->doubted_cap > 0 ? settle->doubted_cap * 2 : 64;
        settle->doubted = alloc_resize(settle->doubted, settle->doubted_cap, sizeof(settle->doubted[0]));
    }
    settle->doubted[settle->doubted_count++] = public_hash;
}

/* Whether a row with that payload was left `unknown` before: a connector in the list may as well be that one's. */
static bool is_doubted(const struct settle *settle, uint64_t public_hash)
{
    for (size_t i = 0; i < settle->doubted_count; i++)
        if (settle->doubted[i] == public_hash)
            return true;
    return false;
}

/* Tells the operator what to look for, and what to do then. The id that an answer named stays, unless it is another
 * row's. */
static void settle_unknown(struct settle *settle, const struct unsettled *entry, const char *code, const char *why)
{
    struct run *run = settle->run;
    struct outcome outcome = {
        .status = STATUS_UNKNOWN,
        .http_status = entry->http_status,
        .error_code = span_of(code),
        .connector_id =
            idset_has(&run->known.claimed, span_of(entry->named)) ? (struct span){0} : span_of(entry->named),
    };
    struct lost_time lost = entry->lost;
    const struct sheet_row *read;

    run->tally->settled_unknown++;
    note_doubt(settle, entry->public_hash);
    log_settled(settle, entry->row, "unknown");
    if ((read = run_row(run, entry->row)) == NULL)
        return;
    buf_reset(&run->text);
    buf_text(&run->text, "may exist: ");
    if (lost.to_ms == JUDGE_NO_TIME)
        lost.to_ms = client_server_time(run->client, clock_wall_ms());
    settle_say_lost(&lost, &run->text);
    buf_format(&run->text, " %s; look in the account for a connector of type %s labelled ", why,
               type_name(read->connector.type));
    text_quote(&run->text, read->connector.label, SHOWN_LABEL);
    buf_text(&run->text,
             "; if it is there, write its id into connector_id, if not, empty the cell status, and run again");
    outcome.error_message = buf_view(&run->text);
    run_finish(run, entry->row, &outcome);
}

/* ---- What the list means ---- */

/* From when on the last of the rows like these waits that wait: no list can tell before. */
static int64_t likes_since(const struct settle *settle, uint64_t public_hash)
{
    const struct run *run = settle->run;
    int64_t since_ms = INT64_MIN;

    for (size_t i = 0; i < run->waiting.count; i++)
        if (run->waiting.at[i].public_hash == public_hash && run->waiting.at[i].since_ms > since_ms)
            since_ms = run->waiting.at[i].since_ms;
    return since_ms;
}

/* The rows of the batch with one payload, and the connectors that may be theirs. */
struct group {
    const struct unsettled *rows;
    struct judge_group info;
    int64_t arrives_ms; /* until when one of them may still be acted on, by this list */
    const struct candidate *first;
    struct judge_candidate *candidates; /* owned; `place` is the index behind `first` */
    size_t candidate_count;
};

/* Whether the rows of a group differ in what the list can't show (secrets): then it matters which connector is whose.
 */
static bool rows_differ(struct settle *settle, const struct group *group)
{
    struct run *run = settle->run;
    uint64_t first = 0;

    for (size_t i = 0; group->info.rows > 1 && i < group->info.rows; i++) {
        const struct sheet_row *read = run_row(run, group->rows[i].row);
        uint64_t hash;

        if (read == NULL)
            return true;
        hash = connector_hash(&read->connector);
        if (i == 0)
            first = hash;
        else if (hash != first)
            return true;
    }
    return false;
}

/* Between when and when the rows were lost; a beginning that is not known is JUDGE_NO_TIME, and so is no end. */
static struct lost_time time_lost(const struct group *group, bool *earlier)
{
    struct lost_time all = group->rows[0].lost;

    *earlier = false;
    for (size_t i = 0; i < group->info.rows; i++) {
        struct lost_time lost = group->rows[i].lost;

        *earlier = *earlier || group->rows[i].earlier;
        all.from_ms = lost.from_ms < all.from_ms ? lost.from_ms : all.from_ms; /* JUDGE_NO_TIME is the least */
        if (all.to_ms != JUDGE_NO_TIME && (lost.to_ms == JUDGE_NO_TIME || lost.to_ms > all.to_ms))
            all.to_ms = lost.to_ms;
    }
    return all;
}

/*
 * When the rows' requests were sent and acted on at the latest, by the server's Date. What this run has lost can't be
 * dated before it has seen that created_at and Date agree.
 */
static void date_group(const struct settle *settle, struct group *group)
{
    const struct run *run = settle->run;
    struct judge_group *info = &group->info;
    int64_t unsure_ms = run->client->clock_most_ms - run->client->clock_offset_ms;
    bool earlier;
    struct lost_time lost = time_lost(group, &earlier);

    info->listed_before = run->known.twins_are_all && !earlier;
    info->begin_ms = info->end_ms = JUDGE_NO_TIME;
    if (lost.from_ms == JUDGE_NO_TIME || (!earlier && !run->clock.tested))
        return;
    info->begin_ms = lost.from_ms - (earlier ? WHOLE_SECOND_MS : 0); /* some count no less in created_at */
    info->unsure_ms = earlier ? 0 : unsure_ms > LEAST_UNSURE_MS ? unsure_ms : LEAST_UNSURE_MS;
    info->end_ms = settle->list_date_ms;
    if (earlier && lost.to_ms != JUDGE_NO_TIME)
        info->end_ms = lost.to_ms + run->times.late_ms + LATER_MARGIN_MS;
}

static void note_arrival(const struct settle *settle, struct group *group)
{
    for (size_t i = 0; i < group->info.rows; i++) {
        int64_t arrives_ms = group->rows[i].arrives_ms;

        if (arrives_ms + settle->wait_ms <= settle->listing.sent_ms)
            continue;
        group->info.may_still_come = true;
        group->arrives_ms = arrives_ms > group->arrives_ms ? arrives_ms : group->arrives_ms;
    }
}

/* Leaves out what is another row's by now, what is listed twice, and what another lost row or one in flight is like. */
static void take_candidates(const struct settle *settle, struct group *group)
{
    const struct run *run = settle->run;
    size_t count;

    group->first = candidates_of(&settle->candidates, group->rows[0].public_hash, &count);
    group->candidates = alloc_zeroed(count + 1, sizeof(group->candidates[0]));
    for (size_t i = 0; i < count; i++) {
        const struct candidate *candidate = &group->first[i];

        if (idset_has(&run->known.claimed, span_of(candidate->id)) ||
            (i > 0 && strcmp(candidate[-1].id, candidate->id) == 0) ||
            (!candidate->exact && run_has_like(run, candidate->public_hash)))
            continue;
        group->candidates[group->candidate_count++] = (struct judge_candidate){
            .created_ms = candidate->created_ms,
            .exact = candidate->exact,
            .kept = candidate->kept,
            .was_listed = candidate->was_listed,
            .archived = candidate->archived,
            .foreign = run->known.owner != 0 && candidate->owner != 0 && candidate->owner != run->known.owner,
            .place = (uint32_t)i,
        };
    }
}

/* The rows from `first` on wait for a later list, from `since_ms` on. */
static void group_waits(struct settle *settle, const struct group *group, size_t first, int64_t since_ms)
{
    for (size_t i = first; i < group->info.rows; i++) {
        struct unsettled entry = group->rows[i];

        entry.since_ms = since_ms > entry.since_ms ? since_ms : entry.since_ms;
        run_wait_for_settling(settle->run, &entry);
    }
}

/* The reason as a sentence, with the ids of the connectors to look at. `unproven` says why an absence is not. */
static const char *explain(struct settle *settle, const struct group *group, const struct judgement *judgement,
                           const char *unproven)
{
    struct buf *why = &settle->run->code;

    if (judgement->reason == JUDGE_UNPROVEN)
        return unproven;
    buf_reset(why);
    buf_text(why, judge_reason_text(judgement->reason));
    for (size_t i = 0; i < judgement->look_at && i < SHOWN_IDS; i++)
        buf_format(why, "%s%s", i == 0 ? ": " : ", ", group->first[group->candidates[i].place].id);
    if (judgement->look_at > SHOWN_IDS)
        buf_format(why, " and %zu more", judgement->look_at - SHOWN_IDS);
    return why->data;
}

/* The rows from `first` on are surely absent, but for those whose answer named a connector. */
static void group_is_absent(struct settle *settle, const struct group *group, size_t first)
{
    for (size_t i = first; i < group->info.rows; i++)
        if (group->rows[i].named[0] != '\0')
            settle_unknown(settle, &group->rows[i], "ambiguous", "the answer named a connector that is not its own");
        else
            settle_absent(settle, &group->rows[i]);
}

static void carry_out(struct settle *settle, const struct group *group, const struct judgement *judgement,
                      const char *unproven)
{
    for (size_t i = 0; i < judgement->found; i++)
        settle_created(settle, &group->rows[i], &group->first[group->candidates[i].place]);
    switch (judgement->rest) {
    case JUDGE_ABSENT:
        group_is_absent(settle, group, judgement->found);
        return;
    case JUDGE_WAITS:
        group_waits(settle, group, judgement->found, group->arrives_ms);
        return;
    case JUDGE_UNKNOWN:
        break;
    }
    for (size_t i = judgement->found; i < group->info.rows; i++)
        settle_unknown(settle, &group->rows[i], judgement->reason == JUDGE_UNPROVEN ? "unsettled" : "ambiguous",
                       explain(settle, group, judgement, unproven));
}

/* `unproven`: why an absence can't be believed, or NULL. */
static void decide_group(struct settle *settle, struct group *group, const char *unproven)
{
    struct judge_list list = {.proven = unproven == NULL, .crowded = settle->candidates.crowded};
    struct judgement judgement;

    date_group(settle, group);
    note_arrival(settle, group);
    take_candidates(settle, group);
    group->info.has_doubted = is_doubted(settle, group->rows[0].public_hash);
    group->info.secrets_differ = rows_differ(settle, group);
    judgement = judge(&group->info, &list, &settle->run->clock, group->candidates, group->candidate_count);
    carry_out(settle, group, &judgement, unproven);
    free(group->candidates);
}

/* Each group of equal rows in turn. */
static void decide(struct settle *settle, const char *unproven)
{
    candidates_sort(&settle->candidates);
    for (size_t at = 0; at < settle->batch_count;) {
        struct group group = {.rows = &settle->batch[at], .arrives_ms = INT64_MIN};
        uint64_t public_hash = group.rows->public_hash;

        for (; at < settle->batch_count && settle->batch[at].public_hash == public_hash; at++)
            group.info.rows++;
        if (run_has_like(settle->run, public_hash))
            group_waits(settle, &group, 0, likes_since(settle, public_hash));
        else
            decide_group(settle, &group, unproven);
    }
    settle->batch_count = 0;
    candidates_reset(&settle->candidates);
}

/* ---- The answer ---- */

static int64_t pause_after(const struct settle *settle)
{
    bool crowds_out = settle->run->rows.in_state[ROW_PENDING] > 0;
    int64_t cost_ms = settle->listing.took_ms * (crowds_out ? COST_FACTOR : 1), pause_ms = cost_ms;

    for (unsigned i = 1; i < settle->asked && pause_ms < LONGEST_PAUSE_MS; i++)
        pause_ms += settle->wait_ms / 2;
    if (pause_ms > LONGEST_PAUSE_MS && cost_ms < LONGEST_PAUSE_MS)
        pause_ms = LONGEST_PAUSE_MS;
    return pause_ms > SHORTEST_PAUSE_MS ? pause_ms : SHORTEST_PAUSE_MS;
}

/* The list lagged or failed: asks again, or, after too many, settles for what is known. */
static void ask_again(struct settle *settle, unsigned most, const char *why, int64_t now_ms)
{
    settle->not_before_ms = now_ms + pause_after(settle);
    if (++settle->asked >= most || settle->last)
        decide(settle, why);
    else
        console_detail(settle->run->console, "settling: %s; asking again", why);
}

/* Why the list does not prove an absence; NULL where it does. */
static const char *why_unproven(const struct settle *settle)
{
    if (listing_is_partial(&settle->listing))
        return "the account's list does not show everything";
    if (listing_is_round(&settle->listing) && !witness_saw(&settle->run->known.witness))
        return "the account's list is as long as a page, and shows nothing that this run knows: it may be a part";
    return NULL;
}

static void take_list(struct settle *settle, int64_t now_ms)
{
    const char *unproven = why_unproven(settle);

    if (witness_lacks(&settle->run->known.witness)) {
        ask_again(settle, unproven != NULL ? PARTIAL_LISTS_MAX : SETTLE_LISTS_MAX,
                  "the account's list lacks connectors that are known to exist", now_ms);
        return;
    }
    decide(settle, unproven);
    settle->not_before_ms = now_ms + pause_after(settle);
}

void settle_answer(struct settle *settle, const struct http_answer *answer)
{
    struct run *run = settle->run;
    int64_t now_ms = clock_mono_ms();
    enum verdict verdict;

    buf_reset(&settle->why);
    settle->list_date_ms = answer->date_ms >= 0 ? answer->date_ms : JUDGE_NO_TIME;
    verdict = listing_answer(&settle->listing, answer, &settle->why);
    if (verdict == VERDICT_CREATED) {
        take_list(settle, now_ms);
        return;
    }
    candidates_reset(&settle->candidates);
    if (outage_holds(&run->client->outage) && !client_stopping(run->client))
        return; /* the next probe may tell */
    if ((verdict == VERDICT_AGAIN || verdict == VERDICT_FORBIDDEN) && !client_must_abort(run->client, now_ms)) {
        ask_again(settle, SETTLE_LISTS_MAX, settle->why.data, now_ms);
        return;
    }
    settle->not_before_ms = now_ms + pause_after(settle);
    decide(settle, settle->why.data);
}

void settle_give_up(struct settle *settle)
{
    static const char why[] = "the run stopped before the account's list could tell";
    struct run *run = settle->run;

    for (size_t i = 0; i < settle->batch_count; i++)
        settle_unknown(settle, &settle->batch[i], "unsettled", why);
    for (size_t i = 0; i < run->waiting.count; i++)
        settle_unknown(settle, &run->waiting.at[i], "unsettled", why);
    settle->batch_count = run->waiting.count = 0;
}
