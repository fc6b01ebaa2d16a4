#include "sandbox/control.h"

#include "sandbox/clocks.h"
#include "sandbox/payload.h"

#include <inttypes.h>
#include <string.h>

static void add_count(struct buf *out, const char *name, uint64_t value)
{
    buf_format(out, "%s\"%s\":%" PRIu64, out->data[out->len - 1] == '{' ? "" : ",", name, value);
}

static void add_methods(struct buf *out, const struct stats *stats)
{
    buf_text(out, ",\"methods\":{");
    for (int i = 0; i < METHODS; i++)
        add_count(out, stats_method_name((enum stats_method)i), stats->methods[i]);
    buf_text(out, "},\"statuses\":{");
    for (int i = 0; i < STATS_STATUSES; i++)
        if (stats->statuses[i] > 0)
            buf_format(out, "%s\"%d\":%" PRIu64, out->data[out->len - 1] == '{' ? "" : ",", i, stats->statuses[i]);
    buf_char(out, '}');
}

/* The limits are each key's own, so the most in any window is the most that any one key had. */
static void add_window(struct buf *out, const struct world *world, size_t which)
{
    uint64_t seen = 0, accepted = 0;

    for (size_t i = 0; i < world->config.key_count; i++) {
        const struct limits *limits = &world->accounts[i].limits;

        seen = limits->seen[which].most > seen ? limits->seen[which].most : seen;
        accepted = limits->accepted[which].most > accepted ? limits->accepted[which].most : accepted;
    }
    add_count(out, "window_ms", (uint64_t)(world->accounts[0].limits.seen[which].length_us / 1000));
    add_count(out, "most_in_window", seen);
    add_count(out, "most_accepted_in_window", accepted);
}

/* Those of the first limit, and a list of all. */
static void add_windows(struct buf *out, const struct world *world)
{
    add_window(out, world, 0);
    buf_text(out, ",\"windows\":[");
    for (size_t i = 0; i < world->accounts[0].limits.count; i++) {
        buf_text(out, i > 0 ? ",{" : "{");
        add_window(out, world, i);
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

static void get_stats(struct world *world, const struct call *call, struct answer *answer)
{
    const struct stats *stats = &world->stats;
    struct buf *out = &answer->body;

    (void)call;
    answer_begin(answer, 200, "application/json");
    buf_char(out, '{');
    add_count(out, "requests", stats->requests);
    add_count(out, "created", stats->created);
    add_count(out, "stored", world->store.count);
    add_count(out, "late", world->late.due.count);
    add_count(out, "archived", world->store.archived);
    add_count(out, "duplicate_payloads", world->store.duplicates);
    add_count(out, "rate_limited", stats->statuses[429]);
    add_count(out, "unauthorized", stats->unauthorized);
    add_count(out, "unanswered", stats->unanswered);
    add_windows(out, world);
    add_count(out, "in_progress", stats->in_progress);
    add_count(out, "most_at_once", stats->most_at_once);
    add_count(out, "connections", stats->connections);
    add_methods(out, stats);
    buf_text(out, ",\"faults\":");
    faults_write_hits(&world->faults, out);
    buf_char(out, '}');
}

static void get_health(struct world *world, const struct call *call, struct answer *answer)
{
    (void)world;
    (void)call;
    answer_begin(answer, 200, "application/json");
    buf_text(&answer->body, "{\"status\":\"ok\"}");
}

static void get_connectors(struct world *world, const struct call *call, struct answer *answer)
{
    (void)call;
    answer_begin(answer, 200, "application/json");
    answer->stream = stream_dump(&world->store, world->accounts);
}

static void get_requests(struct world *world, const struct call *call, struct answer *answer)
{
    (void)call;
    answer_begin(answer, 200, "application/json");
    requests_write(&world->requests, &answer->body);
}

static void get_faults(struct world *world, const struct call *call, struct answer *answer)
{
    (void)call;
    answer_begin(answer, 200, "application/json");
    faults_write_orders(&world->faults, &answer->body);
}

static bool order_one(void *context, const char *name, const char *value, struct err *err)
{
    return faults_order(context, name, value, err);
}

/* All or nothing: an order that can't be leaves those that stand. */
static void post_faults(struct world *world, const struct call *call, struct answer *answer)
{
    struct fault_order kept[CALLS][FAULTS];
    struct err err;

    memcpy(kept, world->faults.orders, sizeof(kept));
    faults_clear(&world->faults);
    if (payload_each_member(call->body, order_one, &world->faults, &err)) {
        get_faults(world, call, answer);
        return;
    }
    memcpy(world->faults.orders, kept, sizeof(kept));
    answer_errors(answer, 400, err.text);
}

static void get_rate(struct world *world, const struct call *call, struct answer *answer)
{
    (void)call;
    answer_begin(answer, 200, "application/json");
    buf_text(&answer->body, "{\"rate\":\"");
    limits_format(&answer->body, &world->config.limits);
    buf_text(&answer->body, "\"}");
}

static bool set_rate(void *context, const char *name, const char *value, struct err *err)
{
    if (strcmp(name, "rate") == 0 && world_set_rate(context, value))
        return true;
    return err_set(err, EXIT_USAGE, "send {\"rate\":\"50/3s\"} or {\"rate\":\"none\"}");
}

static void post_rate(struct world *world, const struct call *call, struct answer *answer)
{
    struct err err;

    if (payload_each_member(call->body, set_rate, world, &err))
        get_rate(world, call, answer);
    else
        answer_errors(answer, 400, err.text);
}

/* A connector's syncs, found by its id, fail from now on; a sync that would have shown it is over. */
static bool fail_syncs(void *context, const char *name, const char *value, struct err *err)
{
    struct world *world = context;
    int64_t mono_us = clocks_mono_us();
    struct uuid id;
    struct connector *connector = uuid_parse(span_of(name), &id) ? store_find(&world->store, id, mono_us) : NULL;

    if (connector == NULL)
        return err_set(err, EXIT_USAGE, "there is no connector %.100s", name);
    connector_fail_syncs(connector, value);
    connector_sync(connector, mono_us, mono_us, world_stamp_us(world));
    return true;
}

static void post_syncs(struct world *world, const struct call *call, struct answer *answer)
{
    struct err err;

    if (!payload_each_member(call->body, fail_syncs, world, &err)) {
        answer_errors(answer, 400, err.text);
        return;
    }
    answer_begin(answer, 200, "application/json");
    buf_text(&answer->body, "{}");
}

static void post_reset(struct world *world, const struct call *call, struct answer *answer)
{
    (void)call;
    world_reset(world);
    answer_begin(answer, 200, "application/json");
    buf_text(&answer->body, "{}");
}

static const struct {
    const char *method, *path;
    void (*answer)(struct world *, const struct call *, struct answer *);
} routes[] = {
    {"GET", "/_sandbox/health", get_health},
    {"GET", "/_sandbox/stats", get_stats},
    {"GET", "/_sandbox/connectors", get_connectors},
    {"GET", "/_sandbox/requests", get_requests},
    {"GET", "/_sandbox/faults", get_faults},
    {"POST", "/_sandbox/faults", post_faults},
    {"GET", "/_sandbox/rate", get_rate},
    {"POST", "/_sandbox/rate", post_rate},
    {"POST", "/_sandbox/syncs", post_syncs},
    {"POST", "/_sandbox/reset", post_reset},
};

void control_answer(struct world *world, const struct call *call, struct answer *answer)
{
    bool known = false;

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(routes[i].path, call->path) != 0)
            continue;
        known = true;
        if (strcmp(routes[i].method, call->method) == 0) {
            routes[i].answer(world, call, answer);
            return;
        }
    }
    if (known)
        answer_errors(answer, 405, "This path of the sandbox takes another method");
    else
        answer_errors(answer, 404, "The sandbox has no such path of its own");
}
