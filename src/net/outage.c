#include "net/outage.h"

#include <string.h>

void outage_init(struct outage *outage, int64_t most_ms, int64_t step_ms)
{
    *outage = (struct outage){
        .most_ms = most_ms,
        .step_ms = step_ms > OUTAGE_PROBE_LEAST_MS ? step_ms : OUTAGE_PROBE_LEAST_MS,
        .tried = OUTAGE_LIST,
        .listed_ms = INT64_MIN,
        .accepted_ms = INT64_MIN,
        .blocked_ms = INT64_MIN,
    };
}

/* By error_code (net/transport_error.h). A refused HTTP/2 stream was sent, and is no sign of an outage. */
static bool found_no_service(const struct http_answer *answer)
{
    static const char *const codes[] = {"timeout", "no_such_host", "no_connection", "proxy", "tls", "connection_lost"};

    if (answer->problem_code == NULL || (answer->fate == FATE_UNSENT && answer->sent))
        return false;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(answer->problem_code, codes[i]) == 0)
            return true;
    return false;
}

enum outage_sign outage_sign(const struct http_answer *answer, bool accepted, bool blocked)
{
    if (accepted)
        return OUTAGE_ACCEPTED;
    if (blocked)
        return OUTAGE_BLOCKED;
    if (answer->status == 502 || answer->status == 503 || answer->status == 504)
        return OUTAGE_AWAY;
    return answer->status != 429 && found_no_service(answer) ? OUTAGE_AWAY : OUTAGE_SILENT;
}

/* Half of a step is chance: many clients of one service do not come back at once. */
static void back_off(struct outage *outage, int64_t now_ms, uint64_t random)
{
    int64_t step_ms = outage->step_ms;

    for (unsigned i = 0; i < outage->probes && step_ms < OUTAGE_PROBE_MOST_MS; i++)
        step_ms *= 2;
    if (step_ms > OUTAGE_PROBE_MOST_MS)
        step_ms = OUTAGE_PROBE_MOST_MS;
    outage->probes++;
    outage->phase = OUTAGE_PROBE_LIST;
    outage->probe_ms = now_ms + step_ms / 2 + (int64_t)(random % (uint64_t)(step_ms / 2 + 1));
}

static void begin(struct outage *outage, int64_t now_ms)
{
    outage->phase = OUTAGE_PROBE_LIST;
    outage->probe_ms = now_ms;
    outage->probes = 0;
    outage->tried = OUTAGE_LIST;
    outage->trying = false;
}

static void let_go(struct outage *outage)
{
    outage->phase = OUTAGE_PROBE_NONE;
    outage->in_row = 0;
    outage->is_away = false;
}

static void note_end(struct outage *outage, int64_t now_ms)
{
    outage->count++;
    outage->away_ms += now_ms - outage->since_ms;
}

/* No row was accepted: those that failed are remembered, so that what fails again after this list is their own. */
void outage_end(struct outage *outage, int64_t now_ms)
{
    note_end(outage, now_ms);
    outage->phase = OUTAGE_PROBE_NONE;
    outage->is_away = false;
}

/* A list was answered since it failed, and before it was sent again. */
static bool is_own_again(struct outage *outage, const struct outage_event *event)
{
    for (unsigned i = 0; i < outage->in_row; i++) {
        struct outage_failure *before = &outage->failed[i];

        if (before->row == event->row && before->ended_ms <= outage->listed_ms && outage->listed_ms <= event->sent_ms) {
            before->ended_ms = event->ended_ms;
            return true;
        }
    }
    return false;
}

static void accepted(struct outage *outage, const struct outage_event *event)
{
    bool is_list = event->row == OUTAGE_LIST;

    outage->reached = true;
    if (event->sent_ms > outage->accepted_ms)
        outage->accepted_ms = event->sent_ms;
    if (is_list)
        outage->listed_ms = event->ended_ms;
    if (outage->phase == OUTAGE_PROBE_NONE) {
        if (!is_list)
            let_go(outage);
    } else if (!outage->is_away) /* the 403s were the rows' own */
        let_go(outage);
    else if (!is_list) {
        note_end(outage, event->ended_ms);
        let_go(outage);
    } else
        outage->phase = OUTAGE_PROBE_ROW;
}

/* Outside an outage: whether one begins. */
static bool count(struct outage *outage, const struct outage_event *event)
{
    bool is_list = event->row == OUTAGE_LIST, is_block = is_list && event->sign == OUTAGE_BLOCKED;

    if (!is_list && is_own_again(outage, event))
        return false;
    if (outage->in_row == OUTAGE_IN_ROW)
        outage->in_row = 0;
    if (outage->in_row == 0)
        outage->since_ms = event->ended_ms;
    outage->failed[outage->in_row++] = (struct outage_failure){event->row, event->ended_ms};
    outage->is_away = outage->is_away || event->sign == OUTAGE_AWAY || is_block;
    if (outage->in_row < OUTAGE_IN_ROW && !is_block)
        return false;
    begin(outage, event->ended_ms);
    return true;
}

bool outage_tell(struct outage *outage, const struct outage_event *event, uint64_t random)
{
    bool is_list = event->row == OUTAGE_LIST, is_probe = is_list;

    if (!is_list && outage->trying && event->row == outage->tried) {
        outage->trying = false;
        is_probe = true;
    }
    if (event->sign == OUTAGE_ACCEPTED) {
        accepted(outage, event);
        return false;
    }
    if (is_list && event->sign == OUTAGE_BLOCKED)
        outage->blocked_ms = event->ended_ms;
    if (outage->phase == OUTAGE_PROBE_NONE)
        return event->sign != OUTAGE_SILENT && count(outage, event) && !is_list;
    if (is_probe) {
        outage->is_away = outage->is_away || event->sign != OUTAGE_SILENT;
        back_off(outage, event->ended_ms, random);
    }
    return !is_probe && event->sign != OUTAGE_SILENT;
}

bool outage_holds(const struct outage *outage)
{
    return outage->phase != OUTAGE_PROBE_NONE;
}

enum outage_probe outage_probe(const struct outage *outage, int64_t now_ms)
{
    if (outage->trying || (outage->phase == OUTAGE_PROBE_LIST && now_ms < outage->probe_ms))
        return OUTAGE_PROBE_NONE;
    return outage->phase;
}

int64_t outage_probe_ms(const struct outage *outage)
{
    return outage->phase == OUTAGE_PROBE_LIST ? outage->probe_ms : INT64_MIN;
}

void outage_try(struct outage *outage, uint64_t row)
{
    outage->tried = row;
    outage->trying = true;
}

int64_t outage_limit_ms(const struct outage *outage)
{
    return outage_holds(outage) && outage->since_ms < INT64_MAX - outage->most_ms ? outage->since_ms + outage->most_ms
                                                                                  : INT64_MAX;
}

int64_t outage_lasts_ms(const struct outage *outage, int64_t now_ms)
{
    return outage_holds(outage) ? now_ms - outage->since_ms : 0;
}

enum outage_block outage_block(const struct outage *outage, int64_t sent_ms, int64_t ended_ms)
{
    if (outage->blocked_ms >= sent_ms)
        return OUTAGE_EVERYBODYS;
    return outage->accepted_ms > ended_ms ? OUTAGE_ROWS_OWN : OUTAGE_UNDECIDED;
}
