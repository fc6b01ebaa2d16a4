#include "flow/courier.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>

static void wake(void *http)
{
    http_wakeup(http);
}

bool courier_init(struct courier *courier, const struct courier_config *config, struct tally *tally,
                  struct console *console, struct log *log, struct err *err)
{
    struct pace_config pace = {.limit = config->rate,
                               .backoff_most_ms = config->retry.cap_ms > 0 ? config->retry.cap_ms : 1};

    *courier = (struct courier){
        .config = *config,
        .tally = tally,
        .console = console,
        .log = log,
        .started_ms = clock_mono_ms(),
        .started_wall_ms = clock_wall_ms(),
    };
    if (getrandom(&courier->random, sizeof(courier->random), 0) != sizeof(courier->random))
        courier->random = (uint64_t)courier->started_wall_ms;
    courier->http = http_new(&config->http, err);
    if (courier->http == NULL)
        return false;
    courier->pace = pace_new(&pace);
    hush_init(&courier->hush, config->http.api_key, config->http.concurrency);
    return true;
}

void courier_listen(struct courier *courier)
{
    stop_install(wake, courier->http);
}

void courier_release(struct courier *courier)
{
    stop_uninstall();
    http_free(courier->http);
    pace_free(courier->pace);
    hush_release(&courier->hush);
}

int64_t courier_next_send(const struct courier *courier, int64_t now_ms)
{
    return http_has_room(courier->http) ? pace_next(courier->pace, now_ms) : INT64_MAX;
}

void courier_send(struct courier *courier, enum request_kind kind, const struct http_request *request, int64_t now_ms)
{
    pace_sent(courier->pace, now_ms);
    tally_sent(courier->tally, kind, now_ms);
    http_send(courier->http, request);
}

/* A wait that no run sits out; said once, for whoever reads the log in the morning. */
static void stop_for_long_wait(struct courier *courier, int64_t wait_ms)
{
    char when[CLOCK_TEXT];

    courier_stop(courier, STOP_LONG_WAIT, "the server asks for no more requests until %s (Retry-After); run again then",
                 clock_format(when, clock_wall_ms() + wait_ms));
}

static void tell_pace(struct courier *courier, const struct http_answer *answer)
{
    struct pace_answer report = {
        .refused = answer->status == 429,
        .outage = answer->status == 503 && answer->retry_after_ms >= 0,
        .retry_after_ms = -1,
        .hint = answer->hint,
    };

    if (report.refused || report.outage)
        report.retry_after_ms = answer->retry_after_ms;
    if (!answer->sent)
        pace_unsent(courier->pace, answer->ended_ms);
    else
        pace_answered(courier->pace, answer->ended_ms, &report);
    if (report.retry_after_ms > STOP_WAIT_MAX_MS)
        stop_for_long_wait(courier, report.retry_after_ms);
}

bool courier_take(struct courier *courier, struct http_answer *answer)
{
    if (!http_next(courier->http, answer))
        return false;
    tell_pace(courier, answer);
    tally_answer(courier->tally, answer->status, answer->latency_us, answer->ended_ms);
    courier->tally->unsent += answer->fate == FATE_UNSENT && answer->status == 0;
    if (answer->date_ms >= 0 && !courier->has_clock) {
        courier->has_clock = true;
        courier->clock_offset_ms = answer->date_ms - clock_wall_ms();
    }
    return true;
}

void courier_heed(struct courier *courier, const struct http_answer *answer)
{
    bool mute = answer->status == 429 && answer->retry_after_ms < 0;
    char passed[NUM_DURATION_TEXT];

    courier->heard |= answer->status != 0 && !mute;
    if (!mute || courier->heard)
        return;
    if (courier->mute_since_ms == 0)
        courier->mute_since_ms = answer->ended_ms;
    if (answer->ended_ms - courier->mute_since_ms < COURIER_MUTE_MOST_MS)
        return;
    courier_stop(courier, STOP_LONG_WAIT,
                 "the server has refused every row for %s (429) and does not say until when; run again later",
                 num_format_duration(passed, answer->ended_ms - courier->mute_since_ms));
}

void courier_see_stops(struct courier *courier)
{
    int64_t now_ms = clock_mono_ms(), deadline_ms = courier->config.deadline_ms;

    if (stop_signals() > 0)
        courier_stop(courier, STOP_SIGNAL, "stopped by %s", stop_signal_name());
    if (deadline_ms > 0 && now_ms - courier->started_ms >= deadline_ms)
        courier_stop(courier, STOP_DEADLINE, "the deadline (--deadline) has passed");
}

void courier_wait(struct courier *courier, int64_t until_ms)
{
    int64_t now_ms = clock_mono_ms(), wait_ms;
    struct err err;

    if (courier->config.deadline_ms > 0 && !courier_stopping(courier) &&
        until_ms > courier->started_ms + courier->config.deadline_ms)
        until_ms = courier->started_ms + courier->config.deadline_ms;
    if (courier_stopping(courier) && until_ms > courier->stopped_ms + courier->config.grace_ms)
        until_ms = courier->stopped_ms + courier->config.grace_ms;
    wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    if (!http_wait(courier->http, wait_ms, &err))
        courier_fault(courier, &err);
    courier_see_stops(courier);
    if (!log_flush(courier->log, &err))
        courier_fault(courier, &err);
}

void courier_stop(struct courier *courier, enum stop_reason reason, const char *format, ...)
{
    va_list args;

    if (courier->stop != STOP_NONE)
        return;
    courier->stop = reason;
    courier->stopped_ms = clock_mono_ms();
    va_start(args, format);
    err_vset(&courier->err, reason == STOP_LOCAL ? EXIT_LOCAL : EXIT_STOPPED, format, args);
    va_end(args);
}

void courier_fault(struct courier *courier, const struct err *err)
{
    courier_stop(courier, STOP_LOCAL, "%s", err->text);
    courier->err.code = err->code;
}

bool courier_stopping(const struct courier *courier)
{
    return courier->stop != STOP_NONE;
}

bool courier_must_abort(const struct courier *courier, int64_t now_ms)
{
    int asked = courier->stop == STOP_SIGNAL ? 1 : 0;

    if (courier->stop ==
        STOP_LOCAL) /* what comes could not be written down, or can't come: the network is what fails */
        return true;
    return courier_stopping(courier) &&
           (stop_signals() > asked || now_ms - courier->stopped_ms >= courier->config.grace_ms);
}

/* splitmix64: jitter needs no better. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t courier_backoff(struct courier *courier, uint32_t attempts)
{
    return retry_backoff(&courier->config.retry, attempts, next_random(&courier->random));
}

int64_t courier_server_time(const struct courier *courier, int64_t wall_ms)
{
    return wall_ms + (courier->has_clock ? courier->clock_offset_ms : 0);
}
