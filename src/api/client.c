#include "api/client.h"

#include "base/clock.h"
#include "model/api_error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { NO_LIMIT_WINDOW_MS = 60 * 1000 };

static void remember_nothing(struct client *client, const struct err *err)
{
    console_detail(client->console, "connload: what the key uses of its rate is not remembered between runs: %s",
                   err->text);
}

static void wake(void *http)
{
    http_wakeup(http);
}

bool client_init(struct client *client, const struct client_config *config, struct tally *tally,
                 struct console *console, struct log *log, struct err *err)
{
    struct pace_config pace = {.limit = config->rates[0],
                               .backoff_most_ms = config->retry.cap_ms > 0 ? config->retry.cap_ms : 1};
    struct err unheard;

    memcpy(pace.also, &config->rates[1], sizeof(pace.also));
    *client = (struct client){
        .config = *config,
        .tally = tally,
        .console = console,
        .log = log,
        .started_ms = clock_mono_ms(),
        .started_wall_ms = clock_wall_ms(),
    };
    if (getrandom(&client->random, sizeof(client->random), 0) != sizeof(client->random))
        client->random = (uint64_t)client->started_wall_ms;
    client->http = http_new(&config->http, err);
    if (client->http == NULL)
        return false;
    history_file_init(&client->history);
    if (config->remembers && !history_file_open(&client->history, config->http.base_url, config->http.api_key,
                                                client_window_ms(config), &pace.found, &unheard))
        remember_nothing(client, &unheard);
    client->history.at_once = config->rates[0].count > 0;
    client->pace = pace_new(&pace);
    history_file_recall(&client->history, client->pace, clock_mono_ms());
    outage_init(&client->outage, config->max_outage_ms, config->retry.base_ms);
    redactor_init(&client->redactor, config->http.api_key, config->http.concurrency);
    return true;
}

int64_t client_window_ms(const struct client_config *config)
{
    int64_t longest_ms = config->rates[0].count > 0 ? 0 : NO_LIMIT_WINDOW_MS;

    for (size_t i = 0; i < RATES_MAX && config->rates[i].count > 0; i++)
        longest_ms = config->rates[i].window_ms > longest_ms ? config->rates[i].window_ms : longest_ms;
    return longest_ms;
}

void client_listen(struct client *client)
{
    stop_install(wake, client->http);
}

void client_release(struct client *client)
{
    stop_uninstall();
    http_free(client->http);
    history_file_close(&client->history, client->pace, clock_mono_ms());
    pace_free(client->pace);
    redactor_release(&client->redactor);
}

int64_t client_next_send(const struct client *client, int64_t now_ms)
{
    return http_has_room(client->http) && !outage_holds(&client->outage) ? pace_next(client->pace, now_ms) : INT64_MAX;
}

enum outage_probe client_probe(const struct client *client, int64_t now_ms)
{
    bool may_send = http_has_room(client->http) && pace_next(client->pace, now_ms) <= now_ms;

    return may_send ? outage_probe(&client->outage, now_ms) : OUTAGE_PROBE_NONE;
}

int64_t client_next_list(const struct client *client, int64_t now_ms)
{
    int64_t pace_ms = pace_next(client->pace, now_ms), probe_ms = outage_probe_ms(&client->outage);

    if (!http_has_room(client->http))
        return INT64_MAX;
    return probe_ms > pace_ms ? probe_ms : pace_ms;
}

void client_send(struct client *client, enum request_kind kind, const struct http_request *request, int64_t now_ms)
{
    pace_sent(client->pace, now_ms);
    history_file_sent(&client->history);
    tally_sent(client->tally, kind, now_ms);
    http_send(client->http, request);
}

/* A wait that no run sits out; said once, for whoever reads the log in the morning. */
static void stop_for_long_wait(struct client *client, int64_t wait_ms)
{
    char when[CLOCK_TEXT];

    client_stop(client, STOP_LONG_WAIT,
                "the server asks for no more requests until %s (Retry-After), beyond --max-outage; run again then",
                clock_format(when, clock_wall_ms() + wait_ms));
}

static void tell_pace(struct client *client, const struct http_answer *answer)
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
        pace_unsent(client->pace, answer->ended_ms);
    else
        pace_answered(client->pace, answer->ended_ms, &report);
    if (report.retry_after_ms > client->config.max_outage_ms)
        stop_for_long_wait(client, report.retry_after_ms);
}

enum { WHOLE_SECOND_MS = 1000 }; /* what the Date header leaves out */

/*
 * The Date was written between the sending and the end, and leaves out up to a second: each answer bounds the server's
 * clock from both sides. Bounds that exclude each other mean that a clock was put right: what was known is forgotten.
 */
static void compare_clocks(struct client *client, const struct http_answer *answer)
{
    int64_t wall_ms = clock_wall_ms(), sent_ms = wall_ms - (clock_mono_ms() - answer->started_ms);
    int64_t least_ms = answer->date_ms - wall_ms, most_ms = answer->date_ms + WHOLE_SECOND_MS - sent_ms;

    if (client->has_clock && least_ms <= client->clock_most_ms && most_ms >= client->clock_offset_ms) {
        least_ms = least_ms > client->clock_offset_ms ? least_ms : client->clock_offset_ms;
        most_ms = most_ms < client->clock_most_ms ? most_ms : client->clock_most_ms;
    }
    client->has_clock = true;
    client->clock_offset_ms = least_ms;
    client->clock_most_ms = most_ms;
}

bool client_take(struct client *client, struct http_answer *answer)
{
    if (!http_next(client->http, answer))
        return false;
    tell_pace(client, answer);
    history_file_answered(&client->history);
    tally_answer(client->tally, answer->status, answer->latency_us, answer->ended_ms);
    client->tally->unsent += answer->fate == FATE_UNSENT && answer->status == 0;
    if (answer->date_ms >= 0)
        compare_clocks(client, answer);
    return true;
}

void client_add_figures(const struct client *client)
{
    const struct outage *outage = &client->outage;
    int64_t end_ms = client_stopping(client) ? client->stopped_ms : clock_mono_ms();

    client->tally->most_in_window = pace_most_in_window(client->pace);
    client->tally->found = pace_found(client->pace);
    client->tally->outages = outage->count + outage_holds(outage);
    client->tally->away_ms = outage->away_ms + outage_lasts_ms(outage, end_ms);
}

/* splitmix64: jitter needs no better. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void log_outage(struct client *client, const char *state, int64_t lasted_ms)
{
    struct json_object *line = log_begin(client->log, "outage");

    if (line == NULL)
        return;
    json_object_text(line, "state", span_of(state));
    json_object_text(line, "reason", span_of(client->transport_error));
    json_object_integer(line, "away_ms", lasted_ms);
    log_end(client->log, line);
}

static void say_away(struct client *client)
{
    char most[NUM_DURATION_TEXT];

    log_outage(client, "away", 0);
    if (client->outage.reached)
        console_note(client->console, "connload: the service is away: %s; all rows wait, up to %s (--max-outage)",
                     client->transport_error, num_format_duration(most, client->config.max_outage_ms));
}

/* Milliseconds for people who look back on them: whole seconds, where there are any. */
static const char *lasted(char text[NUM_DURATION_TEXT], int64_t ms)
{
    return num_format_duration(text, ms < 1000 ? ms : (ms + 500) / 1000 * 1000);
}

/* `before`: the outages that were over; `began_ms`: of this one. */
static void say_back(struct client *client, unsigned before, int64_t began_ms, int64_t now_ms)
{
    char text[NUM_DURATION_TEXT];

    log_outage(client, "back", now_ms - began_ms);
    if (client->outage.count > before)
        console_note(client->console, "connload: the service is back after %s", lasted(text, now_ms - began_ms));
}

void client_end_outage(struct client *client)
{
    int64_t now_ms = clock_mono_ms();

    outage_end(&client->outage, now_ms);
    say_back(client, client->outage.count - 1, client->outage.since_ms, now_ms);
}

const char *client_explain_away(const struct client *client, int64_t now_ms, char text[CLIENT_AWAY], int64_t *wait_ms)
{
    int64_t probe_ms = client_next_list(client, now_ms);
    char away[NUM_DURATION_TEXT];

    *wait_ms = probe_ms != INT64_MAX && probe_ms > now_ms ? probe_ms - now_ms : 1;
    snprintf(text, CLIENT_AWAY, "while the service is away (%s)",
             lasted(away, outage_lasts_ms(&client->outage, now_ms) / 1000 * 1000));
    return text;
}

static void note_transport_error(struct client *client, const struct http_answer *answer)
{
    if (answer->status > 0)
        snprintf(client->transport_error, sizeof(client->transport_error), "the server answers %d", answer->status);
    else
        snprintf(client->transport_error, sizeof(client->transport_error), "%s",
                 answer->problem != NULL ? answer->problem : "no answer");
}

bool client_is_hopeless(const struct client *client, const struct http_answer *answer)
{
    const char *code = answer->problem_code;

    if (client->outage.reached || code == NULL)
        return false;
    return answer->fatal ||
           (answer->fate == FATE_UNSENT && (strcmp(code, "no_such_host") == 0 || strcmp(code, "tls") == 0));
}

bool client_tell(struct client *client, const struct http_answer *answer, uint64_t row, enum outage_sign sign,
                 bool *begun)
{
    struct outage *outage = &client->outage;
    struct outage_event event = {sign, row, answer->started_ms, answer->ended_ms};
    bool held = outage_holds(outage), spared;
    unsigned before = outage->count;

    *begun = false;
    if (client_is_hopeless(client, answer) || client_stopping(client))
        return false;
    if (sign == OUTAGE_AWAY || sign == OUTAGE_BLOCKED)
        note_transport_error(client, answer);
    spared = outage_tell(outage, &event, next_random(&client->random));
    *begun = !held && outage_holds(outage);
    if (*begun)
        say_away(client);
    else if (held && !outage_holds(outage))
        say_back(client, before, outage->since_ms, answer->ended_ms);
    if (outage_holds(outage) && !outage->reached && outage->probes >= client->config.retry.max_attempts)
        client_stop(client, STOP_UNREACHABLE, "%s; asked %s for the account's connectors %u times",
                    client->transport_error, client->config.http.base_url, outage->probes);
    return spared;
}

void client_refuse(struct client *client, struct span body, const char *said)
{
    const char *url = client->config.http.base_url;

    if (api_error_is_unknown_path(body))
        client_stop(client, STOP_UNKNOWN_PATH,
                    "%s; the gateway does not know this path, which says nothing about the key: check --base-url "
                    "(BIGDATA_API_BASE_URL), which is %s",
                    said, url);
    else
        client_stop(client, STOP_KEY_REFUSED,
                    "%s; the API key is refused: check BIGDATA_API_KEY or --api-key-file, and that the key is meant "
                    "for %s",
                    said, url);
}

void client_heed(struct client *client, const struct http_answer *answer)
{
    char passed[NUM_DURATION_TEXT];

    if (answer->status == 0)
        return;
    if (answer->status != 429) {
        client->refusing_since_ms = 0;
        return;
    }
    if (client->refusing_since_ms == 0)
        client->refusing_since_ms = answer->ended_ms;
    if (answer->ended_ms - client->refusing_since_ms <= client->config.max_outage_ms)
        return;
    client_stop(client, STOP_LONG_WAIT, "the server has answered every row 429 for %s (--max-outage); run again later",
                num_format_duration(passed, answer->ended_ms - client->refusing_since_ms));
}

static void stop_for_outage(struct client *client, int64_t now_ms)
{
    int64_t lasts_ms = outage_lasts_ms(&client->outage, now_ms);
    char text[NUM_DURATION_TEXT];

    if (client_stopping(client))
        return;
    log_outage(client, "given_up", lasts_ms);
    client_stop(client, STOP_OUTAGE, "the service was away for %s (--max-outage): %s", lasted(text, lasts_ms),
                client->transport_error);
}

/* When an outage wants something that time alone brings. */
static int64_t outage_due(const struct client *client, int64_t now_ms)
{
    int64_t probe_ms = outage_holds(&client->outage) ? client_next_list(client, now_ms) : INT64_MAX;

    return clock_sooner(probe_ms > now_ms ? probe_ms : INT64_MAX, outage_limit_ms(&client->outage));
}

void client_see_stops(struct client *client)
{
    int64_t now_ms = clock_mono_ms(), deadline_ms = client->config.deadline_ms;

    if (stop_signals() > 0)
        client_stop(client, STOP_SIGNAL, "stopped by %s", stop_signal_name());
    if (now_ms >= outage_limit_ms(&client->outage))
        stop_for_outage(client, now_ms);
    if (deadline_ms > 0 && now_ms - client->started_ms >= deadline_ms)
        client_stop(client, STOP_DEADLINE, "the deadline (--deadline) has passed");
}

void client_wait(struct client *client, int64_t until_ms)
{
    int64_t now_ms = clock_mono_ms(), wait_ms;
    struct err err;

    if (client->config.deadline_ms > 0 && !client_stopping(client) &&
        until_ms > client->started_ms + client->config.deadline_ms)
        until_ms = client->started_ms + client->config.deadline_ms;
    if (client_stopping(client) && until_ms > client->stopped_ms + client->config.grace_ms)
        until_ms = client->stopped_ms + client->config.grace_ms;
    if (!client_stopping(client))
        until_ms = clock_sooner(until_ms, outage_due(client, now_ms));
    if (!history_file_sync(&client->history, client->pace, now_ms, &err))
        remember_nothing(client, &err);
    until_ms = clock_sooner(until_ms, history_file_due(&client->history));
    wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    if (!http_wait(client->http, wait_ms, &err))
        client_fault(client, &err);
    client_see_stops(client);
    if (!log_flush(client->log, &err))
        client_fault(client, &err);
}

void client_stop(struct client *client, enum stop_reason reason, const char *format, ...)
{
    va_list args;

    if (client->stop != STOP_NONE)
        return;
    client->stop = reason;
    client->stopped_ms = clock_mono_ms();
    va_start(args, format);
    err_vset(&client->err, reason == STOP_LOCAL ? EXIT_LOCAL : EXIT_STOPPED, format, args);
    va_end(args);
}

void client_fault(struct client *client, const struct err *err)
{
    client_stop(client, STOP_LOCAL, "%s", err->text);
    client->err.code = err->code;
}

bool client_stopping(const struct client *client)
{
    return client->stop != STOP_NONE;
}

bool client_must_abort(const struct client *client, int64_t now_ms)
{
    int asked = client->stop == STOP_SIGNAL ? 1 : 0;

    /* what comes could not be written down, or can't come: the network is what fails */
    if (client->stop == STOP_OUTAGE || client->stop == STOP_LOCAL)
        return true;
    return client_stopping(client) &&
           (stop_signals() > asked || now_ms - client->stopped_ms >= client->config.grace_ms);
}

void client_give_up(struct client *client)
{
    struct http_answer unheard;

    http_abort(client->http);
    while (client_take(client, &unheard))
        continue;
}

int64_t client_backoff(struct client *client, uint32_t attempts)
{
    return retry_backoff(&client->config.retry, attempts, next_random(&client->random));
}

int64_t client_server_time(const struct client *client, int64_t wall_ms)
{
    return wall_ms + (client->has_clock ? client->clock_offset_ms : 0);
}
