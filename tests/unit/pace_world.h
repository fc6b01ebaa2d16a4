/*
 * A simulated world for the tests of pacing: a server with a limit, a network with latency, and a client that obeys
 * net/pace, in virtual time.
 *
 * Time is in microseconds; the client sees its clock rounded down to milliseconds, as the real one does. A world is
 * made from a seed, which replays it.
 */
#ifndef TESTS_PACE_WORLD_H
#define TESTS_PACE_WORLD_H

#include "base/clock.h"
#include "base/timers.h"
#include "net/pace.h"
#include "net/retry.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS INT64_C(1000)
#define S (1000 * MS)

enum { FLIGHTS_MOST = 512 };

/* ---- random numbers ---- */

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int64_t pick(uint64_t *state, int64_t least, int64_t most)
{
    return least + (int64_t)(next_random(state) % (uint64_t)(most - least + 1));
}

static double uniform(uint64_t *state)
{
    return (double)(next_random(state) >> 11) / 9007199254740992.0;
}

/* ---- the server ---- */

enum kind { BUCKET, ROLLING, FIXED, KINDS };
enum form { SECONDS, DATE, ABSENT, WHOLE_WINDOW, FORMS };

static const char *const kind_names[] = {"token bucket", "rolling window", "fixed window"};
static const char *const form_names[] = {"seconds", "date", "absent", "whole window"};
_Static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == KINDS, "a name for each kind");
_Static_assert(sizeof(form_names) / sizeof(form_names[0]) == FORMS, "a name for each form");

struct server {
    enum kind kind;
    enum form form;  /* of its Retry-After */
    bool headers;    /* says X-RateLimit-Reset on refusals too */
    uint32_t count;  /* of a window, or the size of a bucket */
    int64_t window;  /* microseconds */
    double refill;   /* of a bucket, tokens a microsecond */
    int64_t wall_ms; /* its clock at time 0 */
    double drift;    /* its clock's speed against the client's */
    int64_t lift;    /* from then on there is no limit; 0: never */
    int64_t step_at; /* from then on the limit is `step` times what it was; 0: never */
    double step;
    bool counts_refused; /* a refused request uses a window up, too */
    bool shared;         /* another user takes a share that changes */
    uint64_t *random;

    int64_t *taken; /* the times of the last `taken_cap` that count */
    uint64_t taken_count, taken_cap;
    int64_t current; /* fixed: the window that `used` counts in */
    uint32_t used;
    double tokens;
    int64_t tokens_at;
    double share;
    int64_t share_until, other_at;
    uint64_t other_taken;
};

static double server_limit(const struct server *server)
{
    return server->kind == BUCKET ? server->refill : (double)server->count / (double)server->window;
}

static void step_limit(struct server *server, int64_t now)
{
    if (server->step_at == 0 || now < server->step_at)
        return;
    server->step_at = 0;
    if (server->kind == BUCKET)
        server->refill *= server->step;
    else
        server->count = (uint32_t)(server->count * server->step);
}

/* How long until the server would take one more; 0: at once. */
static int64_t server_wait(struct server *server, int64_t now)
{
    step_limit(server, now);
    if (server->lift > 0 && now >= server->lift)
        return 0;
    if (server->kind == ROLLING) {
        int64_t oldest = server->taken[(server->taken_count - server->count) % server->taken_cap];

        return server->taken_count < server->count || oldest + server->window < now ? 0
                                                                                    : oldest + server->window + 1 - now;
    }
    if (server->kind == FIXED) {
        int64_t wall = server->wall_ms * MS + now, window = wall / server->window;

        server->used = window != server->current ? 0 : server->used;
        server->current = window;
        return server->used < server->count ? 0 : (window + 1) * server->window - wall;
    }
    server->tokens = fmin(server->tokens + (double)(now - server->tokens_at) * server->refill, (double)server->count);
    server->tokens_at = now;
    return server->tokens >= 1 ? 0 : (int64_t)ceil((1 - server->tokens) / server->refill);
}

static bool server_takes(struct server *server, int64_t now)
{
    bool takes = server_wait(server, now) == 0;

    if (!takes && !server->counts_refused)
        return false;
    server->taken[server->taken_count++ % server->taken_cap] = now;
    server->used += takes;
    server->tokens -= takes;
    return takes;
}

/* The other user's requests until now, at random times, its share changing every few minutes. */
static void other_user(struct server *server, int64_t now)
{
    while (server->shared && server->other_at <= now) {
        double rate;

        if (server->other_at >= server->share_until) {
            server->share = 0.6 * uniform(server->random);
            server->share_until = server->other_at + pick(server->random, 300 * S, 900 * S);
        }
        server->other_taken += server_takes(server, server->other_at);
        rate = server_limit(server) * fmax(server->share, 0.01);
        server->other_at += 1 + (int64_t)(-log(1 - uniform(server->random)) / rate);
    }
}

static struct pace_answer accepted(void)
{
    return (struct pace_answer){.retry_after_ms = -1, .hint = PACE_HINT_NONE};
}

/* A 429 with its headers as text, through the real parsers. */
static struct pace_answer refusal(const struct server *server, int64_t now)
{
    struct server copy = *server;
    int64_t wait = server->form == WHOLE_WINDOW && server->kind != BUCKET ? server->window : server_wait(&copy, now);
    int64_t wall_ms = server->wall_ms + now / MS;
    struct pace_answer answer = accepted();
    char seconds[CLOCK_TEXT], until[CLOCK_TEXT], date[CLOCK_TEXT];

    answer.refused = true;
    snprintf(seconds, sizeof(seconds), "%" PRId64, (wait + S - 1) / S);
    clock_format_http_date(until, wall_ms + wait / MS);
    clock_format_http_date(date, wall_ms);
    if (server->form != ABSENT)
        answer.retry_after_ms = retry_after(span_of(server->form == DATE ? until : seconds), span_of(date), 0);
    if (server->headers) {
        retry_hint(&answer.hint, span_of("X-RateLimit-Remaining"), span_of("0"), wall_ms);
        retry_hint(&answer.hint, span_of("X-RateLimit-Reset"), span_of(seconds), wall_ms);
    }
    return answer;
}

/* ---- the network and the client ---- */

struct flight {
    bool busy, arrived;
    uint32_t attempt; /* of its row, from 1 */
    bool lost;        /* the answer never comes: given up at `over_at` */
    int64_t arrives_at, over_at;
    struct pace_answer answer;
    int64_t sent_at;
    bool by_gateway;
};

/* A gateway before the server, which refuses whatever the pace. */
struct gateway {
    double share;        /* of the requests */
    bool first_attempts; /* every row's first request */
    bool told;           /* it asks for a wait of a second */
};

struct world {
    struct server server;
    struct gateway gateway;
    int64_t latency, jitter; /* one way: from latency to latency + jitter */
    int64_t lag_ms;          /* the client's loop wakes up to this late */
    uint32_t concurrency;
    int64_t timeout; /* after which a lost answer is given up */
    uint32_t lost_percent, unsent_percent;
    uint64_t requests;   /* to send, at most */
    bool has_rows;       /* what is refused is sent again, as the program does; else each request is a new one */
    uint64_t rows;       /* not sent yet */
    struct timers again; /* rows in backoff; the id is the number of the next attempt */
    struct flight flights[FLIGHTS_MOST];
    uint64_t random;

    int64_t now;
    uint64_t sent, accepted, refused;
    uint64_t by_gateway; /* of `refused` */
    uint64_t first;      /* of `refused`: those that were in flight at the first one, with it */
    int64_t first_at;    /* when that was answered; 0: not yet */
    int64_t last_over;
    int64_t *sends; /* times of all sendings, in the client's milliseconds; NULL: not wanted */
};

static struct flight *earliest(struct world *world, int64_t *at)
{
    struct flight *found = NULL;

    *at = INT64_MAX;
    for (uint32_t i = 0; i < world->concurrency; i++) {
        struct flight *flight = &world->flights[i];
        int64_t due = !flight->busy ? INT64_MAX : flight->arrived ? flight->over_at : flight->arrives_at;

        if (due < *at) {
            *at = due;
            found = flight;
        }
    }
    return found;
}

static struct flight *free_flight(struct world *world)
{
    for (uint32_t i = 0; i < world->concurrency; i++)
        if (!world->flights[i].busy)
            return &world->flights[i];
    return NULL;
}

static bool chance(struct world *world, uint32_t percent)
{
    return percent > 0 && pick(&world->random, 1, 100) <= percent;
}

/* Takes the next row to send; what attempt it is. */
static uint32_t take_row(struct world *world, int64_t now)
{
    uint64_t attempt = 1;

    if (!timers_pop(&world->again, now / MS, &attempt) && world->rows > 0)
        world->rows--;
    return (uint32_t)attempt;
}

/* When the next row is there to be sent, in milliseconds; INT64_MAX: all are, and none is waiting. */
static int64_t next_row(const struct world *world)
{
    return !world->has_rows || world->rows > 0 ? 0 : timers_next(&world->again);
}

static void send_again(struct world *world, const struct pace *pace, uint32_t attempt, int64_t now)
{
    const struct retry_config retry = {.max_attempts = 5, .base_ms = 500, .cap_ms = 60000};
    int64_t until, wait = 0;

    if (!pace_holding(pace, now / MS, &until))
        wait = retry_backoff(&retry, attempt, next_random(&world->random));
    timers_add(&world->again, now / MS + wait, attempt + 1);
}

static void sender(struct world *world, struct pace *pace, struct flight *flight, int64_t now)
{
    pace_sent(pace, now / MS);
    if (chance(world, world->unsent_percent)) {
        pace_unsent(pace, now / MS);
        return;
    }
    *flight = (struct flight){.busy = true, .lost = chance(world, world->lost_percent)};
    flight->attempt = world->has_rows ? take_row(world, now) : 1;
    flight->sent_at = now;
    flight->arrives_at = now + world->latency + pick(&world->random, 0, world->jitter);
    flight->over_at = flight->arrives_at + world->latency + pick(&world->random, 0, world->jitter);
    if (flight->lost)
        flight->over_at = now + world->timeout;
    if (world->sends != NULL)
        world->sends[world->sent] = now / MS;
    world->sent++;
}

static bool gateway_refuses(struct world *world, const struct flight *flight)
{
    const struct gateway *gateway = &world->gateway;

    return (gateway->first_attempts && flight->attempt == 1) ||
           (gateway->share > 0 && uniform(&world->random) < gateway->share);
}

static struct pace_answer gateway_refusal(const struct gateway *gateway)
{
    struct pace_answer answer = accepted();

    answer.refused = true;
    answer.retry_after_ms = gateway->told ? 1000 : -1;
    return answer;
}

static void arrive(struct world *world, struct flight *flight)
{
    struct server *server = &world->server;
    int64_t now = (int64_t)((double)flight->arrives_at * server->drift);

    flight->arrived = true;
    other_user(server, now);
    flight->by_gateway = gateway_refuses(world, flight);
    if (flight->by_gateway)
        flight->answer = gateway_refusal(&world->gateway);
    else
        flight->answer = server_takes(server, now) ? accepted() : refusal(server, now);
}

static void finish(struct world *world, struct pace *pace, struct flight *flight)
{
    const struct pace_answer given_up = accepted();

    pace_answered(pace, flight->over_at / MS, flight->lost ? &given_up : &flight->answer);
    flight->busy = false;
    world->last_over = flight->over_at;
    world->accepted += !flight->answer.refused;
    world->refused += flight->answer.refused;
    world->by_gateway += flight->by_gateway;
    if (flight->answer.refused && !flight->by_gateway) {
        world->first_at = world->first_at > 0 ? world->first_at : flight->over_at;
        world->first += flight->sent_at <= world->first_at;
    }
    if (world->has_rows && flight->answer.refused)
        send_again(world, pace, flight->attempt, flight->over_at);
}

/* When the client, which looks at its clock now, would send next, in microseconds. */
static int64_t next_send(struct world *world, const struct pace *pace, int64_t now)
{
    int64_t next_ms;

    if (world->sent >= world->requests || free_flight(world) == NULL)
        return INT64_MAX;
    next_ms = pace_next(pace, now / MS);
    next_ms = next_row(world) > next_ms ? next_row(world) : next_ms;
    if (next_ms == INT64_MAX)
        return INT64_MAX;
    if (next_ms <= now / MS)
        return now;
    return (next_ms + pick(&world->random, 0, world->lag_ms)) * MS + pick(&world->random, 0, MS - 1);
}

/* Carries on until all requests are over, or until `end`. */
static void run(struct world *world, struct pace *pace, int64_t end)
{
    world->server.random = &world->random;
    while (world->now < end) {
        int64_t event, send = next_send(world, pace, world->now);
        struct flight *flight = earliest(world, &event);

        if (send == INT64_MAX && flight == NULL)
            return;
        if (send <= world->now && event > world->now) {
            sender(world, pace, free_flight(world), world->now);
            continue;
        }
        world->now = event < send ? event : send;
        if (event > world->now)
            continue;
        if (flight->arrived)
            finish(world, pace, flight);
        else
            arrive(world, flight);
    }
}

static void world_init(struct world *world, uint64_t seed)
{
    *world = (struct world){.random = seed, .requests = UINT64_MAX};
    world->server.drift = 1;
    world->server.wall_ms = INT64_C(1795500000000) + pick(&world->random, 0, 10000000);
}

static void world_release(struct world *world)
{
    free(world->server.taken);
    free(world->sends);
    timers_release(&world->again);
}

static void server_start(struct server *server)
{
    server->tokens = server->count;
    server->taken_cap = server->step > 1 ? (uint64_t)(server->count * server->step) + 1 : server->count;
    server->taken = calloc(server->taken_cap, sizeof(server->taken[0]));
    assert_non_null(server->taken);
}

#endif
