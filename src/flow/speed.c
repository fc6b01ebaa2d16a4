#include "flow/speed.h"

enum { SHORT_WAIT_MS = 1000 }; /* waits below this are not worth a word */

/* An average in which the last few seconds count most. */
static void measure(struct speed *speed, uint64_t done, int64_t now_ms)
{
    int64_t passed_ms = now_ms - speed->at_ms;
    double rate, weight;

    if (speed->at_ms == 0 || passed_ms <= 0) {
        if (speed->at_ms == 0)
            *speed = (struct speed){.at_ms = now_ms, .done = done};
        return;
    }
    rate = (double)(done - speed->done) * 1000 / (double)passed_ms;
    weight = (double)passed_ms / (double)(passed_ms + 3000);
    speed->rate = speed->rate > 0 ? speed->rate + (rate - speed->rate) * weight : rate;
    speed->at_ms = now_ms;
    speed->done = done;
}

static uint64_t left_to_send(const struct rows *rows, const struct tally *tally)
{
    uint64_t open = rows->in_state[ROW_PENDING] + rows->in_state[ROW_IN_FLIGHT] + rows->in_state[ROW_BACKOFF] +
                    rows->in_state[ROW_READY] + rows->in_state[ROW_UNSETTLED];

    return open < tally->to_send ? open : tally->to_send;
}

/* The limit's arithmetic, or the speed of late, whichever takes longer. */
static int64_t eta(const struct speed *speed, const struct speed_input *input, int64_t now_ms)
{
    uint64_t left = left_to_send(input->rows, input->tally);
    int64_t by_limit_ms = pace_eta_ms(input->courier->pace, now_ms, left);
    int64_t by_speed_ms = speed->rate > 0.01 ? (int64_t)((double)left * 1000 / speed->rate) : -1;

    /* under a limit the speed of late is bursts and pauses: the arithmetic knows better */
    if (pace_rate_per_s(input->courier->pace) > 0 && by_limit_ms > 0)
        return by_limit_ms;
    return by_speed_ms > by_limit_ms ? by_speed_ms : by_limit_ms;
}

static void explain_wait(struct progress *progress, const struct speed_input *input, int64_t now_ms)
{
    int64_t until_ms;

    if (progress->in_flight > 0)
        return;
    if (pace_holding(input->courier->pace, now_ms, &until_ms)) {
        progress->wait_ms = until_ms - now_ms;
        progress->why = "as the server asks";
    } else if (input->next_send_ms != INT64_MAX && input->next_send_ms > now_ms) {
        progress->wait_ms = input->next_send_ms - now_ms;
        progress->why = "for the rate limit";
    } else if (input->is_settling && input->settle_ms != INT64_MAX && input->settle_ms > now_ms) {
        progress->wait_ms = input->settle_ms - now_ms;
        progress->why = "for the account's list to catch up";
    }
    if (progress->wait_ms < SHORT_WAIT_MS)
        progress->wait_ms = 0;
}

void speed_show(struct speed *speed, const struct speed_input *input, int64_t now_ms)
{
    const struct rows *rows = input->rows;
    const struct tally *tally = input->tally;
    uint64_t done = rows->in_state[ROW_DONE] + rows->in_state[ROW_CARRIED];
    struct progress progress = {
        .doing = courier_stopping(input->courier) ? "stopping"
                 : input->is_undo                 ? "archiving"
                                                  : "creating",
        .total = rows->count,
        .done = done,
        .created = tally->status[input->is_undo ? STATUS_ARCHIVED : STATUS_CREATED],
        .failed = tally->status[STATUS_REJECTED] + tally->status[STATUS_FAILED] + tally->status[STATUS_UNKNOWN] +
                  tally->status[STATUS_INVALID],
        .unsettled = rows->in_state[ROW_UNSETTLED],
        .made = input->is_undo ? "archived" : "created",
        .in_flight = http_in_flight(input->courier->http),
    };

    if (speed->at_ms == 0)
        measure(speed, done, now_ms); /* from the beginning, or the first line has no speed to tell */
    if (now_ms < console_due(input->courier->console))
        return;
    measure(speed, done, now_ms);
    progress.rate = speed->rate;
    progress.eta_ms = eta(speed, input, now_ms);
    explain_wait(&progress, input, now_ms);
    console_progress(input->courier->console, &progress, now_ms);
}
