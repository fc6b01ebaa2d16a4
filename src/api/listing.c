#include "api/listing.h"

#include "api/loop.h"
#include "api/reply.h"
#include "base/clock.h"
#include "base/text.h"
#include "model/api_error.h"

#include <inttypes.h>
#include <string.h>

enum {
    HEAD_MAX = 1 << 14, /* bytes of an answer that is no list: an error has fewer */
    WHY_MAX = 4096,
};

enum { PAGE = 50 }; /* the API pages documents by 50 (api.md); other pages are multiples of it */

static bool on_element(void *context, struct span element)
{
    struct listing *listing = context;

    if (!remote_read(&listing->remote, element)) {
        listing->unreadable++;
        return true;
    }
    listing->connectors++;
    return listing->handler.connector(listing->handler.context, &listing->remote, element);
}

static bool on_bytes(void *context, const char *bytes, size_t len)
{
    struct listing *listing = context;

    if (!listing->head.overflow)
        buf_span(&listing->head, (struct span){bytes, len});
    listing->is_none = !json_list_feed(listing->list, bytes, len);
    return !listing->is_none;
}

void listing_init(struct listing *listing, struct client *client, const struct listing_handler *handler)
{
    *listing = (struct listing){.client = client, .handler = *handler};
    listing->list = json_list_new(on_element, listing);
    remote_init(&listing->remote);
    buf_init(&listing->head, HEAD_MAX);
}

void listing_release(struct listing *listing)
{
    json_list_free(listing->list);
    remote_release(&listing->remote);
    buf_release(&listing->head);
}

void listing_send(struct listing *listing, int64_t now_ms)
{
    struct http_request request = {
        .method = HTTP_GET,
        .path = "/contents/v1/connectors",
        .tag = LISTING_TAG,
        .sink = on_bytes,
        .sink_context = listing,
    };

    json_list_reset(listing->list);
    buf_reset(&listing->head);
    listing->connectors = listing->unreadable = 0;
    listing->is_none = false;
    listing->active = true;
    listing->attempts++;
    listing->sent_ms = now_ms;
    listing->handler.begin(listing->handler.context);
    client_send(listing->client, REQUEST_LIST, &request, now_ms);
}

static void log_list(struct listing *listing, const struct http_answer *answer, enum verdict verdict)
{
    struct json_object *line = log_begin(listing->client->log, "list");

    if (line == NULL)
        return;
    reply_log(line, answer, listing->attempts, "verdict", verdict == VERDICT_CREATED ? "ok" : verdict_name(verdict));
    json_object_integer(line, "connectors", (int64_t)listing->connectors);
    if (answer->request_id.len > 0 && redactor_allows(&listing->client->redactor, (struct span){0}, answer->request_id))
        json_object_text(line, "request_id", answer->request_id);
    if (answer->problem_code != NULL)
        json_object_text(line, "error_code", span_of(answer->problem_code));
    log_end(listing->client->log, line);
}

/* The server's own words, without secrets; empty where there are none. */
static void read_words(struct listing *listing, struct span body, int status, struct buf *words)
{
    struct api_secrets secrets = redactor_secrets(&listing->client->redactor, (struct span){0});
    struct buf text, code;

    buf_init(&text, 4096);
    buf_init(&code, 128);
    api_error_read(body, secrets, &text, &code);
    if (text.len > 0)
        buf_text(words, api_error_without_status(text.data, status));
    buf_release(&text);
    buf_release(&code);
}

static bool holds(struct span text, const char *part)
{
    size_t len = strlen(part);

    for (size_t at = 0; at + len <= text.len; at++)
        if (text_equal_fold((struct span){text.data + at, len}, span_of(part)))
            return true;
    return false;
}

/* "no connectors found": an empty account, as some APIs tell it. A path that is not known is told otherwise. */
static bool says_none(struct listing *listing, const struct http_answer *answer)
{
    struct buf words;
    struct span said;
    bool none;

    if (answer->status == 204)
        return answer->fate == FATE_ANSWERED;
    if (answer->status != 404 || answer->fate != FATE_ANSWERED || !api_error_is_json(answer->body))
        return false;
    buf_init(&words, 4096);
    read_words(listing, answer->body, answer->status, &words);
    said = buf_view(&words);
    none = holds(said, "connector") && !holds(said, "/") &&
           (holds(said, "no connector") || holds(said, "not found") || holds(said, "not any") || holds(said, "none"));
    buf_release(&words);
    return none;
}

static void explain_refusal(struct listing *listing, const struct http_answer *answer, struct buf *why)
{
    struct buf words;

    buf_init(&words, 4096);
    read_words(listing, answer->body, answer->status, &words);
    buf_format(why, "the server answered %d", answer->status);
    if (answer->status < 400)
        buf_text(why, ", and redirects are not followed; check --base-url");
    else if (words.len > 0)
        buf_format(why, ": %s", words.data);
    if (answer->status == 404)
        buf_text(why, "; the base URL should be the API's, without /contents/v1/connectors");
    buf_release(&words);
}

/* A whole 2xx that is no list may still say what is the matter. */
static void explain_no_list(struct listing *listing, const struct http_answer *answer, struct buf *why)
{
    struct buf words;

    buf_init(&words, 4096);
    if (listing->refused)
        read_words(listing, buf_view(&listing->head), answer->status, &words);
    if (words.len > 0)
        buf_format(why, "the server answered %d, but with an error in place of the list: %s", answer->status,
                   words.data);
    else
        buf_text(why, "the answer is not a list of connectors; is the base URL the API's?");
    buf_release(&words);
}

static void explain(struct listing *listing, const struct http_answer *answer, bool whole, struct buf *why)
{
    if (answer->status >= 300)
        explain_refusal(listing, answer, why);
    else if (answer->status >= 200 && !whole && (answer->fate == FATE_ANSWERED || listing->is_none))
        explain_no_list(listing, answer, why);
    else
        buf_text(why, answer->problem != NULL ? answer->problem : "no answer");
}

/* Whether the server spoke as the API does, and only has no list for us now: then the way to it is right. */
static bool is_refused(const struct listing *listing, const struct http_answer *answer)
{
    if (answer->status >= 400)
        return answer->status != 404;
    return answer->status >= 200 && answer->status < 300 && !listing->head.overflow &&
           api_error_is_told(buf_view(&listing->head));
}

/* A later list's 403, whoever says so, is no row's own. */
static void tell(struct listing *listing, const struct http_answer *answer, enum verdict verdict)
{
    struct client *client = listing->client;
    bool begun, listed = verdict == VERDICT_CREATED;

    client->listed |= listed;
    if (listed || client->outage.reached || outage_holds(&client->outage)) /* else it is tried a few times alone */
        client_tell(client, answer, OUTAGE_LIST, outage_sign(answer, listed, verdict == VERDICT_FORBIDDEN), &begun);
}

enum verdict listing_answer(struct listing *listing, const struct http_answer *answer, struct buf *why)
{
    bool none = says_none(listing, answer), whole = none || json_list_complete(listing->list);
    int status = none ? 200 : answer->status;
    enum verdict verdict = classify_idempotent(answer->fate, status, whole);

    listing->active = false;
    listing->more = answer->more || status != 200 ||
                    (answer->total >= 0 && (uint64_t)answer->total != listing->connectors + listing->unreadable);
    listing->took_ms = answer->ended_ms - answer->started_ms;
    listing->refused = !whole && is_refused(listing, answer);
    if (verdict == VERDICT_AGAIN && client_is_hopeless(listing->client, answer))
        verdict = VERDICT_REJECTED;
    if (verdict == VERDICT_FORBIDDEN && !listing->client->listed)
        verdict = VERDICT_REFUSED;
    log_list(listing, answer, verdict);
    tell(listing, answer, verdict);
    if (verdict == VERDICT_CREATED)
        listing->attempts = 0;
    else
        explain(listing, answer, whole, why);
    if (verdict == VERDICT_REFUSED)
        client_refuse(listing->client, answer->body, why->data);
    return verdict;
}

bool listing_says_more(const struct listing *listing)
{
    return listing->more || json_list_is_partial(listing->list);
}

bool listing_is_partial(const struct listing *listing)
{
    return listing_says_more(listing) || listing->unreadable > 0;
}

bool listing_is_round(const struct listing *listing)
{
    uint64_t count = listing->connectors + listing->unreadable;

    return count > 0 && count % PAGE == 0;
}

/* One list, asked for until it is there. */
struct asking {
    struct listing *listing;
    const char *doing;
    int64_t next_ms; /* not before */
    struct buf why;
    bool listed;
};

/* What is left to do after an answer that was not the list: stop, or wait and ask again. */
static void after_failure(struct asking *asking, enum verdict verdict)
{
    struct listing *listing = asking->listing;
    struct client *client = listing->client;
    struct span why = buf_view(&asking->why);
    bool away = client->outage.reached && outage_holds(&client->outage);

    if (verdict == VERDICT_REJECTED || (!away && !retry_allowed(&client->config.retry, listing->attempts)))
        client_stop(client, listing->refused ? STOP_NO_LIST : STOP_UNREACHABLE,
                    "%.*s; asked %s for the account's connectors %" PRIu32 " time%s", (int)why.len, why.data,
                    client->config.http.base_url, listing->attempts, listing->attempts == 1 ? "" : "s");
    else {
        console_detail(client->console, "list: %.*s; asking again", (int)why.len, why.data);
        asking->next_ms = away ? 0 : clock_mono_ms() + client_backoff(client, listing->attempts);
    }
}

static void show(void *context, int64_t next_send_ms)
{
    const struct asking *asking = context;
    struct listing *listing = asking->listing;
    struct progress progress = {.doing = asking->doing, .done = listing->connectors, .eta_ms = -1};
    char text[CLIENT_AWAY];
    int64_t now_ms = clock_mono_ms(), until_ms,
            send_ms = listing->active ? now_ms : client_next_list(listing->client, now_ms);

    (void)next_send_ms;
    if (outage_holds(&listing->client->outage))
        progress.why = client_explain_away(listing->client, now_ms, text, &progress.wait_ms);
    else if (pace_holding(listing->client->pace, now_ms, &until_ms)) {
        progress.wait_ms = until_ms - now_ms;
        progress.why = pace_hold_was_asked(listing->client->pace) ? "as the server asks (Retry-After)" : "after a 429";
    } else if (send_ms > now_ms && send_ms != INT64_MAX) {
        progress.wait_ms = send_ms - now_ms;
        progress.why = "for the rate limit";
    }
    console_progress(listing->client->console, &progress, now_ms);
}

static bool is_over(void *context)
{
    const struct asking *asking = context;

    return asking->listed || client_stopping(asking->listing->client);
}

static int64_t send(void *context, int64_t *other_ms)
{
    const struct asking *asking = context;
    struct listing *listing = asking->listing;
    int64_t now_ms = clock_mono_ms(), send_ms = client_next_list(listing->client, now_ms);

    if (send_ms < asking->next_ms)
        send_ms = asking->next_ms;
    if (!listing->active && send_ms <= now_ms)
        listing_send(listing, now_ms);
    *other_ms = listing->active ? INT64_MAX : send_ms;
    return INT64_MAX;
}

static void take(void *context, const struct http_answer *answer)
{
    struct asking *asking = context;
    enum verdict verdict;

    buf_reset(&asking->why);
    verdict = listing_answer(asking->listing, answer, &asking->why);
    asking->listed = verdict == VERDICT_CREATED;
    if (!asking->listed)
        after_failure(asking, verdict);
}

bool listing_run(struct listing *listing, const char *doing)
{
    struct asking asking = {.listing = listing, .doing = doing};
    struct loop_handler loop = {.context = &asking, .is_over = is_over, .send = send, .take = take, .show = show};

    buf_init(&asking.why, WHY_MAX);
    listing->attempts = 0;
    loop_run(listing->client, &loop);
    if (client_stopping(listing->client))
        client_give_up(listing->client);
    buf_release(&asking.why);
    return asking.listed && !client_stopping(listing->client);
}
