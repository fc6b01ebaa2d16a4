#include "report/live.h"

enum {
    SHORT_WAIT_MS = 1000,      /* waits below this are not worth a word */
    LEARNED_WINDOW_MS = 60000, /* where the limit was not declared but learned */
};

/* An average in which the last few seconds count most. */
static void measure(struct live *live, uint64_t done, int64_t now_ms)
{
    int64_t passed_ms = now_ms - live->at_ms;
    double rate, weight;

    if (live->at_ms == 0 || passed_ms <= 0) {
        if (live->at_ms == 0)
            *live = (struct live){.at_ms = now_ms, .done = done};
        return;
    }
    rate = (double)(done - live->done) * 1000 / (double)passed_ms;
    weight = (double)passed_ms / (double)(passed_ms + 3000);
    live->rate = live->rate > 0 ? live->rate + (rate - live->rate) * weight : rate;
    live->at_ms = now_ms;
    live->done = done;
}

static uint64_t left_to_send(const struct rows *rows, const struct tally *tally)
{
    uint64_t open = rows->in_state[ROW_PENDING] + rows->in_state[ROW_IN_FLIGHT] + rows->in_state[ROW_BACKOFF] +
                    rows->in_state[ROW_READY] + rows->in_state[ROW_UNSETTLED];

    return open < tally->to_send ? open : tally->to_send;
}

/* Two moments between which, once the run is so old, at least a window has passed. */
static void set_marks(struct live *live, const struct live_input *input, uint64_t done, int64_t now_ms)
{
    const struct rate *limit = &input->client->config.rates[0];
    int64_t window_ms = limit->count > 0 ? limit->window_ms : LEARNED_WINDOW_MS;
    struct live_mark now = {.at_ms = now_ms, .done = done, .waited_ms = input->tally->waited_ms};

    if (live->mark[0].at_ms == 0)
        live->mark[0] = live->mark[1] = now;
    if (now_ms - live->mark[1].at_ms < window_ms)
        return;
    live->mark[0] = live->mark[1];
    live->mark[1] = now;
}

/*
 * How long the server takes for the rows that are left, by its speed since the first mark; -1 where that is not known.
 * Time in which only the limit kept rows back is not the server's: under a limit rows come in bursts and pauses.
 */
static int64_t by_server_ms(const struct live *live, const struct live_input *input, uint64_t left, uint64_t done,
                            int64_t now_ms)
{
    const struct live_mark *since = &live->mark[0];
    double busy_ms = (double)(now_ms - since->at_ms) - (double)(input->tally->waited_ms - since->waited_ms);

    if (done <= since->done || busy_ms < 0)
        return -1;
    return (int64_t)((double)left * busy_ms / (double)(done - since->done));
}

/* The limit's arithmetic, or the server's speed, whichever takes longer. */
static int64_t eta(const struct live *live, const struct live_input *input, uint64_t done, int64_t now_ms)
{
    uint64_t left = left_to_send(input->rows, input->tally);
    int64_t by_limit_ms = pace_eta_ms(input->client->pace, now_ms, left);
    int64_t by_speed_ms = live->rate > 0.01 ? (int64_t)((double)left * 1000 / live->rate) : -1;

    if (pace_rate_per_s(input->client->pace) > 0)
        by_speed_ms = by_server_ms(live, input, left, done, now_ms);
    return by_speed_ms > by_limit_ms ? by_speed_ms : by_limit_ms;
}

/* `text` is for a reason that has figures. */
static void explain_wait(struct progress *progress, const struct live_input *input, int64_t now_ms,
                         char text[CLIENT_AWAY])
{
    const struct outage *outage = &input->client->outage;
    int64_t until_ms;

    if (outage_holds(outage)) {
        progress->why = client_explain_away(input->client, now_ms, text, &progress->wait_ms);
        return;
    }
    if (progress->in_flight > 0)
        return;
    if (pace_holding(input->client->pace, now_ms, &until_ms)) {
        progress->wait_ms = until_ms - now_ms;
        progress->why = pace_hold_was_asked(input->client->pace) ? "as the server asks" : "after a 429";
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

void live_show(struct live *live, const struct live_input *input, int64_t now_ms)
{
    const struct rows *rows = input->rows;
    const struct tally *tally = input->tally;
    uint64_t done = rows->in_state[ROW_DONE] + rows->in_state[ROW_CARRIED];
    char text[CLIENT_AWAY];
    struct progress progress = {
        .doing = client_stopping(input->client) ? "stopping"
                 : input->is_undo               ? "archiving"
                                                : "creating",
        .total = rows->count,
        .done = done,
        .created = tally->status[input->is_undo ? STATUS_ARCHIVED : STATUS_CREATED],
        .failed = tally->status[STATUS_REJECTED] + tally->status[STATUS_FAILED],
        .unknown = tally->status[STATUS_UNKNOWN],
        .invalid = tally->status[STATUS_INVALID],
        .unsettled = rows->in_state[ROW_UNSETTLED],
        .made = input->is_undo ? "archived" : "created",
        .in_flight = http_in_flight(input->client->http),
    };

    if (live->at_ms == 0) { /* from the beginning, or the first line has no speed to tell */
        measure(live, done, now_ms);
        set_marks(live, input, done, now_ms);
    }
    if (now_ms < console_due(input->client->console))
        return;
    measure(live, done, now_ms);
    progress.rate = live->rate;
    set_marks(live, input, done, now_ms);
    progress.eta_ms = eta(live, input, done, now_ms);
    explain_wait(&progress, input, now_ms, text);
    console_progress(input->client->console, &progress, now_ms);
}
