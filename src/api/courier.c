#include "api/courier.h"

#include "base/clock.h"
#include "model/api_error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { NO_LIMIT_WINDOW_MS = 60 * 1000 };

static void wake(void *http)
{
    http_wakeup(http);
}

bool courier_init(struct courier *courier, const struct courier_config *config, struct tally *tally,
                  struct console *console, struct log *log, struct err *err)
{
    struct pace_config pace = {.limit = config->rates[0],
                               .backoff_most_ms = config->retry.cap_ms > 0 ? config->retry.cap_ms : 1};

    memcpy(pace.also, &config->rates[1], sizeof(pace.also));
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
    outage_init(&courier->outage, config->max_outage_ms, config->retry.base_ms);
    hush_init(&courier->hush, config->http.api_key, config->http.concurrency);
    return true;
}

int64_t courier_window_ms(const struct courier_config *config)
{
    int64_t longest_ms = config->rates[0].count > 0 ? 0 : NO_LIMIT_WINDOW_MS;

    for (size_t i = 0; i < RATES_MAX && config->rates[i].count > 0; i++)
        longest_ms = config->rates[i].window_ms > longest_ms ? config->rates[i].window_ms : longest_ms;
    return longest_ms;
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
    return http_has_room(courier->http) && !outage_holds(&courier->outage) ? pace_next(courier->pace, now_ms)
                                                                           : INT64_MAX;
}

enum outage_probe courier_probe(const struct courier *courier, int64_t now_ms)
{
    bool may_send = http_has_room(courier->http) && pace_next(courier->pace, now_ms) <= now_ms;

    return may_send ? outage_probe(&courier->outage, now_ms) : OUTAGE_PROBE_NONE;
}

int64_t courier_next_list(const struct courier *courier, int64_t now_ms)
{
    int64_t pace_ms = pace_next(courier->pace, now_ms), probe_ms = outage_probe_ms(&courier->outage);

    if (!http_has_room(courier->http))
        return INT64_MAX;
    return probe_ms > pace_ms ? probe_ms : pace_ms;
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

enum { WHOLE_SECOND_MS = 1000 }; /* what the Date header leaves out */

/*
 * The Date was written between the sending and the end, and leaves out up to a second: each answer bounds the server's
 * clock from both sides. Bounds that exclude each other mean that a clock was put right: what was known is forgotten.
 */
static void compare_clocks(struct courier *courier, const struct http_answer *answer)
{
    int64_t wall_ms = clock_wall_ms(), sent_ms = wall_ms - (clock_mono_ms() - answer->started_ms);
    int64_t least_ms = answer->date_ms - wall_ms, most_ms = answer->date_ms + WHOLE_SECOND_MS - sent_ms;

    if (courier->has_clock && least_ms <= courier->clock_most_ms && most_ms >= courier->clock_offset_ms) {
        least_ms = least_ms > courier->clock_offset_ms ? least_ms : courier->clock_offset_ms;
        most_ms = most_ms < courier->clock_most_ms ? most_ms : courier->clock_most_ms;
    }
    courier->has_clock = true;
    courier->clock_offset_ms = least_ms;
    courier->clock_most_ms = most_ms;
}

bool courier_take(struct courier *courier, struct http_answer *answer)
{
    if (!http_next(courier->http, answer))
        return false;
    tell_pace(courier, answer);
    tally_answer(courier->tally, answer->status, answer->latency_us, answer->ended_ms);
    courier->tally->unsent += answer->fate == FATE_UNSENT && answer->status == 0;
    if (answer->date_ms >= 0)
        compare_clocks(courier, answer);
    return true;
}

void courier_add_figures(const struct courier *courier)
{
    const struct outage *outage = &courier->outage;
    int64_t end_ms = courier_stopping(courier) ? courier->stopped_ms : clock_mono_ms();

    courier->tally->most_in_window = pace_most_in_window(courier->pace);
    courier->tally->outages = outage->count + outage_holds(outage);
    courier->tally->away_ms = outage->away_ms + outage_lasts_ms(outage, end_ms);
}

/* splitmix64: jitter needs no better. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void log_outage(struct courier *courier, const char *state, int64_t lasted_ms)
{
    struct json_object *line = log_begin(courier->log, "outage");

    if (line == NULL)
        return;
    json_object_text(line, "state", span_of(state));
    json_object_text(line, "reason", span_of(courier->trouble));
    json_object_integer(line, "away_ms", lasted_ms);
    log_end(courier->log, line);
}

static void say_away(struct courier *courier)
{
    char most[NUM_DURATION_TEXT];

    log_outage(courier, "away", 0);
    if (courier->outage.reached)
        console_note(courier->console, "connload: the service is away: %s; all rows wait, up to %s (--max-outage)",
                     courier->trouble, num_format_duration(most, courier->config.max_outage_ms));
}

/* Milliseconds for people who look back on them: whole seconds, where there are any. */
static const char *lasted(char text[NUM_DURATION_TEXT], int64_t ms)
{
    return num_format_duration(text, ms < 1000 ? ms : (ms + 500) / 1000 * 1000);
}

/* `before`: the outages that were over; `began_ms`: of this one. */
static void say_back(struct courier *courier, unsigned before, int64_t began_ms, int64_t now_ms)
{
    char text[NUM_DURATION_TEXT];

    log_outage(courier, "back", now_ms - began_ms);
    if (courier->outage.count > before)
        console_note(courier->console, "connload: the service is back after %s", lasted(text, now_ms - began_ms));
}

void courier_end_outage(struct courier *courier)
{
    int64_t now_ms = clock_mono_ms();

    outage_end(&courier->outage, now_ms);
    say_back(courier, courier->outage.count - 1, courier->outage.since_ms, now_ms);
}

const char *courier_explain_away(const struct courier *courier, int64_t now_ms, char text[COURIER_AWAY],
                                 int64_t *wait_ms)
{
    int64_t probe_ms = courier_next_list(courier, now_ms);
    char away[NUM_DURATION_TEXT];

    *wait_ms = probe_ms != INT64_MAX && probe_ms > now_ms ? probe_ms - now_ms : 1;
    snprintf(text, COURIER_AWAY, "while the service is away (%s)",
             lasted(away, outage_lasts_ms(&courier->outage, now_ms) / 1000 * 1000));
    return text;
}

static void note_trouble(struct courier *courier, const struct http_answer *answer)
{
    if (answer->status > 0)
        snprintf(courier->trouble, sizeof(courier->trouble), "the server answers %d", answer->status);
    else
        snprintf(courier->trouble, sizeof(courier->trouble), "%s",
                 answer->problem != NULL ? answer->problem : "no answer");
}

bool courier_is_hopeless(const struct courier *courier, const struct http_answer *answer)
{
    const char *code = answer->problem_code;

    if (courier->outage.reached || code == NULL)
        return false;
    return answer->fatal ||
           (answer->fate == FATE_UNSENT && (strcmp(code, "no_such_host") == 0 || strcmp(code, "tls") == 0));
}

bool courier_tell(struct courier *courier, const struct http_answer *answer, uint64_t row, enum outage_sign sign,
                  bool *begun)
{
    struct outage *outage = &courier->outage;
    struct outage_event event = {sign, row, answer->started_ms, answer->ended_ms};
    bool held = outage_holds(outage), spared;
    unsigned before = outage->count;

    *begun = false;
    if (courier_is_hopeless(courier, answer) || courier_stopping(courier))
        return false;
    if (sign == OUTAGE_AWAY || sign == OUTAGE_BLOCKED)
        note_trouble(courier, answer);
    spared = outage_tell(outage, &event, next_random(&courier->random));
    *begun = !held && outage_holds(outage);
    if (*begun)
        say_away(courier);
    else if (held && !outage_holds(outage))
        say_back(courier, before, outage->since_ms, answer->ended_ms);
    if (outage_holds(outage) && !outage->reached && outage->probes >= courier->config.retry.max_attempts)
        courier_stop(courier, STOP_UNREACHABLE, "%s; asked %s for the account's connectors %u times", courier->trouble,
                     courier->config.http.base_url, outage->probes);
    return spared;
}

void courier_refuse(struct courier *courier, struct span body, const char *said)
{
    const char *url = courier->config.http.base_url;

    if (api_error_is_unknown_path(body))
        courier_stop(courier, STOP_UNKNOWN_PATH,
                     "%s; the gateway does not know this path, which says nothing about the key: check --base-url "
                     "(BIGDATA_API_BASE_URL), which is %s",
                     said, url);
    else
        courier_stop(courier, STOP_KEY_REFUSED,
                     "%s; the API key is refused: check BIGDATA_API_KEY or --api-key-file, and that the key is meant "
                     "for %s",
                     said, url);
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

static void stop_for_outage(struct courier *courier, int64_t now_ms)
{
    int64_t lasts_ms = outage_lasts_ms(&courier->outage, now_ms);
    char text[NUM_DURATION_TEXT];

    if (courier_stopping(courier))
        return;
    log_outage(courier, "given_up", lasts_ms);
    courier_stop(courier, STOP_OUTAGE, "the service was away for %s (--max-outage): %s", lasted(text, lasts_ms),
                 courier->trouble);
}

/* When an outage wants something that time alone brings. */
static int64_t outage_due(const struct courier *courier, int64_t now_ms)
{
    int64_t probe_ms = outage_holds(&courier->outage) ? courier_next_list(courier, now_ms) : INT64_MAX;

    return clock_sooner(probe_ms > now_ms ? probe_ms : INT64_MAX, outage_limit_ms(&courier->outage));
}

void courier_see_stops(struct courier *courier)
{
    int64_t now_ms = clock_mono_ms(), deadline_ms = courier->config.deadline_ms;

    if (stop_signals() > 0)
        courier_stop(courier, STOP_SIGNAL, "stopped by %s", stop_signal_name());
    if (now_ms >= outage_limit_ms(&courier->outage))
        stop_for_outage(courier, now_ms);
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
    if (!courier_stopping(courier))
        until_ms = clock_sooner(until_ms, outage_due(courier, now_ms));
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

    /* what comes could not be written down, or can't come: the network is what fails */
    if (courier->stop == STOP_OUTAGE || courier->stop == STOP_LOCAL)
        return true;
    return courier_stopping(courier) &&
           (stop_signals() > asked || now_ms - courier->stopped_ms >= courier->config.grace_ms);
}

int64_t courier_backoff(struct courier *courier, uint32_t attempts)
{
    return retry_backoff(&courier->config.retry, attempts, next_random(&courier->random));
}

int64_t courier_server_time(const struct courier *courier, int64_t wall_ms)
{
    return wall_ms + (courier->has_clock ? courier->clock_offset_ms : 0);
}
