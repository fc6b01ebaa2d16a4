#include "api/lookup.h"

#include "api/loop.h"
#include "api/probe.h"
#include "api/reply.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/timers.h"
#include "model/api_error.h"
#include "model/classify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKUP_PATH "/contents/v1/connectors/"

/* An id that is asked for. */
struct asked {
    bool taken;
    uint64_t tag; /* the handler's */
    uint32_t attempts;
    char id[UUID_TEXT + 1];
};

struct looking {
    struct client *client;
    const struct lookup_handler *handler;
    struct asked *asked;   /* `slots` of them; a request's tag is its place */
    struct timers waiting; /* places of those to be asked for again */
    unsigned slots, taken;
    uint64_t done;
    bool all_taken; /* the handler has no more */
    struct remote remote;
    struct buf why;
    struct probe probe;
    char code[16];
};

static void send(struct client *client, struct span id, const struct span *body, uint64_t tag, int64_t now_ms)
{
    char path[sizeof(LOOKUP_PATH) + UUID_TEXT];
    struct http_request request = {.method = HTTP_GET, .path = path, .tag = tag};

    snprintf(path, sizeof(path), LOOKUP_PATH "%.*s", (int)id.len, id.data);
    if (body != NULL) {
        request.method = HTTP_PUT;
        request.body = *body;
    }
    client_send(client, body != NULL ? REQUEST_UPDATE : REQUEST_LOOKUP, &request, now_ms);
}

void lookup_send(struct client *client, struct span id, uint64_t tag, int64_t now_ms)
{
    send(client, id, NULL, tag, now_ms);
}

static void explain(struct client *client, const struct http_answer *answer, struct buf *why)
{
    static const struct reply_expected expected = {"", "that connector"};
    struct buf text, code;

    buf_init(&text, 4096);
    buf_init(&code, 128);
    reply_read(client, answer, (struct span){0}, &expected, &code, &text);
    if (answer->status >= 300)
        buf_format(why, "the server answered %d%s", answer->status, text.len > 0 ? ": " : "");
    if (text.len > 0)
        buf_text(why, api_error_without_status(text.data, answer->status));
    buf_release(&text);
    buf_release(&code);
}

enum lookup_result lookup_answer(struct client *client, const struct http_answer *answer, struct span id,
                                 struct remote *remote, struct buf *why)
{
    bool readable = answer->status >= 200 && answer->status < 300 && remote_read(remote, answer->body) &&
                    text_equal_fold(remote->id, id);
    enum verdict verdict = classify_idempotent(answer->fate, answer->status, readable);

    if (verdict == VERDICT_CREATED)
        return LOOKUP_FOUND;
    if (answer->status == 404)
        return LOOKUP_GONE;
    explain(client, answer, why);
    if (answer->status == 401)
        client_refuse(client, answer->body, buf_view(why).data);
    return verdict == VERDICT_AGAIN && !answer->fatal ? LOOKUP_AGAIN : LOOKUP_FAILED;
}

static void log_lookup(struct looking *looking, const struct asked *asked, const struct http_answer *answer,
                       enum lookup_result result)
{
    static const char *const results[] = {"found", "gone", "failed", "again"};
    struct json_object *line = log_begin(looking->client->log, looking->handler->body != NULL ? "update" : "lookup");

    if (line == NULL)
        return;
    json_object_text(line, "connector_id", span_of(asked->id));
    reply_log(line, answer, asked->attempts, "result", results[result]);
    log_end(looking->client->log, line);
}

/* Whether the attempt is spared, for the service is away. */
static bool tell(struct looking *looking, const struct http_answer *answer, enum lookup_result result)
{
    const struct outage *outage = &looking->client->outage;
    bool begun,
        spared = client_tell(looking->client, answer, answer->tag,
                             outage_sign(answer, result == LOOKUP_FOUND || result == LOOKUP_GONE, false), &begun);

    for (unsigned i = 0; begun && i < outage->in_row; i++)
        if (outage->failed[i].row < looking->slots && looking->asked[outage->failed[i].row].attempts > 0)
            looking->asked[outage->failed[i].row].attempts--;
    if (spared && !begun)
        looking->asked[answer->tag].attempts--;
    return spared;
}

static void fill_detail(struct looking *looking, const struct asked *asked, const struct http_answer *answer)
{
    struct lookup_detail *detail = looking->handler->detail;

    if (detail == NULL)
        return;
    snprintf(looking->code, sizeof(looking->code), "http_%d", answer->status);
    *detail = (struct lookup_detail){
        .http_status = answer->status,
        .attempts = asked->attempts,
        .code = answer->status > 0             ? looking->code
                : answer->problem_code != NULL ? answer->problem_code
                                               : "connection_lost",
    };
}

static void take_answer(struct looking *looking, const struct http_answer *answer)
{
    struct client *client = looking->client;
    struct asked *asked = &looking->asked[answer->tag];
    enum lookup_result result;

    buf_reset(&looking->why);
    if (looking->handler->body != NULL)
        client_heed(client, answer);
    result = lookup_answer(client, answer, span_of(asked->id), &looking->remote, &looking->why);
    log_lookup(looking, asked, answer, result);
    if (tell(looking, answer, result)) {
        timers_add(&looking->waiting, clock_mono_ms(), answer->tag);
        return;
    }
    if (result == LOOKUP_AGAIN && retry_allowed(&client->config.retry, asked->attempts)) {
        timers_add(&looking->waiting, clock_mono_ms() + client_backoff(client, asked->attempts), answer->tag);
        return;
    }
    asked->taken = false;
    looking->taken--;
    looking->done++;
    fill_detail(looking, asked, answer);
    looking->handler->answered(looking->handler->context, asked->tag, result == LOOKUP_AGAIN ? LOOKUP_FAILED : result,
                               &looking->remote, result == LOOKUP_FOUND ? answer->body : buf_view(&looking->why));
}

/* The place of what is to be asked for now; false where there is nothing. */
static bool take_next(struct looking *looking, int64_t now_ms, uint64_t *place)
{
    struct asked *asked = looking->asked;
    struct span id;

    if (timers_pop(&looking->waiting, now_ms, place))
        return true;
    if (looking->all_taken || looking->taken == looking->slots)
        return false;
    while (asked->taken)
        asked++;
    if (!looking->handler->next(looking->handler->context, &asked->tag, &id)) {
        looking->all_taken = true;
        return false;
    }
    asked->taken = true;
    asked->attempts = 0;
    snprintf(asked->id, sizeof(asked->id), "%.*s", (int)id.len, id.data);
    looking->taken++;
    *place = (uint64_t)(asked - looking->asked);
    return true;
}

static bool send_one(struct looking *looking, uint64_t place, int64_t now_ms)
{
    const struct lookup_handler *handler = looking->handler;
    struct asked *asked = &looking->asked[place];
    struct span body;

    if (handler->body != NULL && !handler->body(handler->context, asked->tag, &body))
        return false;
    asked->attempts++;
    send(looking->client, span_of(asked->id), handler->body != NULL ? &body : NULL, place, now_ms);
    return true;
}

/* Sends what may be sent; when the next may be, as far as the pace and the backoffs know. */
static int64_t send_due(struct looking *looking)
{
    for (;;) {
        int64_t now_ms = clock_mono_ms(), next_ms = client_next_send(looking->client, now_ms);
        bool try = outage_holds(&looking->client->outage) && probe_send(&looking->probe, now_ms);
        uint64_t place;

        if (next_ms > now_ms && !try)
            return looking->all_taken && timers_next(&looking->waiting) > next_ms ? timers_next(&looking->waiting)
                                                                                  : next_ms;
        if (!take_next(looking, now_ms, &place))
            return timers_next(&looking->waiting);
        if (try)
            outage_try(&looking->client->outage, place);
        if (!send_one(looking, place, now_ms))
            return INT64_MAX;
    }
}

static int64_t send_all(void *context, int64_t *other_ms)
{
    struct looking *looking = context;

    *other_ms = client_stopping(looking->client) ? INT64_MAX : send_due(looking);
    return INT64_MAX;
}

/* After a stop: what was changed may still be answered, what was asked for need not. */
static bool is_over(void *context)
{
    const struct looking *looking = context;

    if (client_stopping(looking->client))
        return looking->handler->body == NULL || http_in_flight(looking->client->http) == 0;
    return looking->taken == 0 && looking->all_taken;
}

static void take(void *context, const struct http_answer *answer)
{
    struct looking *looking = context;
    bool given_up = looking->handler->body == NULL ? client_stopping(looking->client)
                                                   : client_must_abort(looking->client, clock_mono_ms());

    if (!given_up && !probe_answer(&looking->probe, answer))
        take_answer(looking, answer);
}

static void show(void *context, int64_t next_send_ms)
{
    const struct looking *looking = context;
    struct progress progress = {.doing = looking->handler->doing, .done = looking->done, .eta_ms = -1};

    (void)next_send_ms;
    progress.in_flight = http_in_flight(looking->client->http);
    console_progress(looking->client->console, &progress, clock_mono_ms());
}

bool lookup_run(struct client *client, const struct lookup_handler *handler)
{
    struct looking looking = {.client = client, .handler = handler, .slots = client->config.http.concurrency};
    struct loop_handler loop = {.context = &looking, .is_over = is_over, .send = send_all, .take = take, .show = show};

    looking.asked = alloc_zeroed(looking.slots, sizeof(looking.asked[0]));
    timers_init(&looking.waiting);
    remote_init(&looking.remote);
    buf_init(&looking.why, 4096);
    probe_init(&looking.probe, client);
    loop_run(client, &loop);
    if (client_stopping(client))
        client_give_up(client);
    free(looking.asked);
    timers_release(&looking.waiting);
    remote_release(&looking.remote);
    buf_release(&looking.why);
    probe_release(&looking.probe);
    return !client_stopping(client);
}
