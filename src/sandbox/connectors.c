#include "sandbox/connectors.h"

#include "base/text.h"
#include "sandbox/clocks.h"
#include "sandbox/jsontext.h"
#include "sandbox/payload.h"
#include "sandbox/render.h"

#include <assert.h>
#include <string.h>

static const char collection[] = "/contents/v1/connectors";

/* One call on its way: prepared (found, read, checked), struck by a fault or not, carried out. */
struct op {
    struct world *world;
    struct account *account;
    const struct call *call;
    const char *request_id;
    struct answer *answer;
    struct span id_text;         /* of the path; empty for the collection */
    struct connector *connector; /* that the path names */
    struct payload payload;      /* of the body */
    char date_limit[PAYLOAD_DATE_TEXT];
    int64_t mono_us;
};

static void not_found(struct op *op)
{
    answer_status_code(op->answer, 404, "CONNECTOR_NOT_FOUND", "There is no such connector", op->request_id);
}

static uint32_t owner_of(const struct op *op)
{
    return (uint32_t)(op->account - op->world->accounts);
}

/* Sets the body to the connector with one of its faces. */
static void answer_connector(struct op *op, int status, const struct face *face)
{
    answer_begin(op->answer, status, "application/json");
    render_connector(&op->answer->body, op->connector, &op->world->accounts[op->connector->account], face, op->mono_us);
    uuid_format(op->answer->connector_id, op->connector->id);
}

/* -- prepare: false where the call was answered with an error -- */

static bool find(struct op *op)
{
    struct uuid id;

    op->connector = uuid_parse(op->id_text, &id) ? store_find(&op->world->store, id, op->mono_us) : NULL;
    if (op->connector != NULL && !account_sees(op->world->accounts, owner_of(op), op->connector))
        op->connector = NULL;
    if (op->connector == NULL)
        not_found(op);
    return op->connector != NULL;
}

/* Reads lag writes: a connector that lists do not show yet isn't found by its id either. */
static bool find_shown(struct op *op)
{
    if (!find(op))
        return false;
    if (!store_shows(op->connector, op->mono_us))
        not_found(op);
    return store_shows(op->connector, op->mono_us);
}

/* What a colleague shares can be read, and not be changed: api.md is silent, 403 is the careful reading. */
static bool find_own(struct op *op)
{
    if (!find(op))
        return false;
    if (op->connector->account != owner_of(op))
        answer_status_code(op->answer, 403, "FORBIDDEN", "The connector belongs to another user", op->request_id);
    return op->connector->account == owner_of(op);
}

/* api.md doesn't say what another content type gets; 415 as RFC 9110 section 15.5.16 has it. */
static bool body_acceptable(struct op *op)
{
    static const char json[] = "application/json";
    const char *type = op->call->content_type;
    size_t len = type != NULL ? strcspn(type, "; \t") : 0;

    if (!text_equal_fold((struct span){type, len}, span_of(json)))
        answer_problem(op->answer, 415, "Unsupported Media Type", "Send the body as application/json");
    else if (op->call->too_large)
        answer_status_code(op->answer, 413, "PAYLOAD_TOO_LARGE", "The request body is larger than 65536 bytes",
                           op->request_id);
    else
        return true;
    return false;
}

static struct rejection no_rejection(const struct op *op)
{
    return (struct rejection){.form = op->world->config.validation, .sent = op->call->body};
}

static bool accept_payload(struct op *op, bool readable, struct rejection *rejection)
{
    if (!readable) {
        answer_begin(op->answer, rejection->status, "application/json");
        buf_span(&op->answer->body, buf_view(&rejection->body));
        buf_wipe(&rejection->body);
    }
    return readable;
}

static bool prepare_create(struct op *op)
{
    struct rejection rejection = no_rejection(op);

    return body_acceptable(op) &&
           accept_payload(op, payload_read_create(&op->payload, op->call->body, &rejection), &rejection);
}

static bool prepare_put(struct op *op)
{
    struct rejection rejection = no_rejection(op);

    return find_own(op) && body_acceptable(op) &&
           accept_payload(op, payload_read_update(&op->payload, op->connector->type, op->call->body, &rejection),
                          &rejection);
}

static bool prepare_delete(struct op *op)
{
    const char *force = op->call->force_delete;

    if (force == NULL || strcmp(force, "true") == 0 || strcmp(force, "false") == 0)
        return find_own(op);
    answer_begin(op->answer, 422, "application/json");
    buf_text(&op->answer->body, "{\"detail\":[{\"loc\":[\"query\",\"force_delete\"],"
                                "\"msg\":\"value could not be parsed to a boolean\"}]}");
    return false;
}

/* api.md: "not offered" for email; 400 is the careful reading. */
static bool prepare_sync(struct op *op)
{
    struct rejection rejection = no_rejection(op);

    if (!find_own(op) || !body_acceptable(op))
        return false;
    if (op->connector->type != TYPE_EMAIL)
        return accept_payload(op, payload_read_sync(op->date_limit, op->connector->type, op->call->body, &rejection),
                              &rejection);
    answer_errors(op->answer, 400, "Connectors of type email have no sync");
    return false;
}

static bool prepare_list(struct op *op)
{
    (void)op;
    return true;
}

/* -- act -- */

/* `ms`, and up to `jitter_ms` more; microseconds. */
static int64_t delay_us(struct rng *rng, int64_t ms, int64_t jitter_ms)
{
    int64_t us = ms * 1000;

    if (jitter_ms > 0)
        us += (int64_t)rng_below(rng, (uint64_t)jitter_ms * 1000 + 1);
    return us;
}

/* The first sync of a connector with a secret begins by itself, and only then is the secret tried. */
static void add_first_sync(struct world *world, struct store_entry *entry, int64_t created_mono_us)
{
    static const char failure[] = "Login failed: the credentials were not accepted";
    const struct world_config *config = &world->config;

    if (rng_below(&world->syncs, FAULT_SHARE_ALL) < config->sync_share)
        entry->failure = failure;
    if (config->sync_ms < 0)
        return;
    entry->sync_us = entry->created_us + config->sync_ms * 1000;
    entry->sync_mono_us = created_mono_us + config->sync_ms * 1000;
}

/* Of a create that takes effect after `late_us`. */
static struct store_entry new_entry(struct op *op, int64_t late_us)
{
    struct world *world = op->world;
    const struct world_config *config = &world->config;
    struct store_entry entry = {
        .id = uuid_random(&world->ids),
        .account = owner_of(op),
        .created_us = world_stamp_us(world) + late_us,
        .visible_mono_us =
            op->mono_us + late_us + delay_us(&world->settles, config->settle_ms, config->settle_jitter_ms),
    };

    if (op->payload.type != TYPE_EMAIL)
        add_first_sync(world, &entry, op->mono_us + late_us);
    return entry;
}

/* api.md doesn't say which 2xx a create gets: 201, as RFC 9110 section 15.3.2 has it. */
static void act_create(struct op *op)
{
    struct store_entry entry = new_entry(op, 0);

    op->connector = store_add(&op->world->store, &entry, &op->payload);
    op->world->stats.created++;
    answer_connector(op, 201, &op->connector->face);
}

/* The log has the id of what will be created. */
static void create_late(struct op *op)
{
    struct world *world = op->world;
    int64_t late_us = delay_us(&world->settles, world->config.late_ms, world->config.late_jitter_ms);
    struct store_entry entry = new_entry(op, late_us);

    uuid_format(op->answer->connector_id, entry.id);
    late_add(&world->late, op->mono_us + late_us, &entry, &op->payload);
}

static void act_get(struct op *op)
{
    answer_connector(op, 200, connector_face(op->connector, op->mono_us));
}

static void act_put(struct op *op)
{
    struct world *world = op->world;
    int64_t lag_us = delay_us(&world->settles, world->config.settle_ms, world->config.settle_jitter_ms);

    store_update(op->connector, &op->payload, world_stamp_us(world), op->mono_us + lag_us);
    answer_connector(op, 200, &op->connector->face);
}

/* api.md doesn't say which 2xx a sync gets: 202, as RFC 9110 section 15.3.3 has it. */
static void act_sync(struct op *op)
{
    struct world *world = op->world;
    int64_t length_us = world->config.sync_ms > 0 ? world->config.sync_ms * 1000 : 0;
    struct buf *body = &op->answer->body;

    connector_sync(op->connector, op->mono_us, op->mono_us + length_us, world_stamp_us(world) + length_us);
    uuid_format(op->answer->connector_id, op->connector->id);
    answer_begin(op->answer, 202, "application/json");
    buf_format(body, "{\"connector_id\":\"%s\",\"status\":\"accepted\"", op->answer->connector_id);
    if (op->date_limit[0] != '\0')
        buf_format(body, ",\"date_limit\":\"%s\"", op->date_limit);
    buf_char(body, '}');
}

/* A hard delete is asynchronous: reads show the connector, archived, for as long as they lag creates. */
static void act_delete(struct op *op)
{
    const char *force = op->call->force_delete;

    store_archive(&op->world->store, op->connector, world_stamp_us(op->world));
    answer_connector(op, 200, &op->connector->face);
    if (force != NULL && strcmp(force, "true") == 0)
        op->connector->gone_mono_us = op->mono_us + op->world->config.settle_ms * 1000;
}

static void act_list(struct op *op)
{
    answer_begin(op->answer, 200, "application/json");
    op->answer->stream =
        stream_list(&op->world->store, op->world->accounts, owner_of(op), op->mono_us, op->world->config.list_cap);
}

/* -- faults -- */

static void answer_quoting(struct op *op, int status)
{
    struct buf text;

    buf_init(&text, ANSWER_BODY_MAX);
    buf_text(&text, "1 validation error for ConnectorRequest\nbody\n  Value error, the request can't be processed "
                    "[type=value_error, input_value=");
    jsontext_python(&text, op->call->body);
    buf_text(&text, ", input_type=dict]\n    For further information visit https://errors.example/v/value_error");
    answer_errors(op->answer, status, buf_view(&text).data);
    buf_wipe(&text);
}

static void suffer_status(struct op *op, const struct fault *fault)
{
    struct answer *answer = op->answer;
    int status = fault->status;

    switch (fault->shape) {
    case SHAPE_PAGE:
        answer_gateway_page(answer, status);
        break;
    case SHAPE_MESSAGE:
        answer_message(answer, status, fault->words);
        break;
    case SHAPE_ERRORS:
        answer_errors(answer, status, fault->words);
        break;
    case SHAPE_CODE:
        answer_status_code(answer, status, fault->title, fault->words, op->request_id);
        break;
    case SHAPE_FIELD:
        answer_field(answer, status, fault->title, fault->words);
        break;
    case SHAPE_PROBLEM:
        answer_problem(answer, status, fault->title, fault->words);
        break;
    case SHAPE_QUOTING:
        answer_quoting(op, status);
        break;
    }
}

/* A right status with a body that is HTML, cut, empty, or JSON of another shape. */
static void suffer_garbage(struct op *op)
{
    static const char *const bodies[] = {
        "<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>",
        "{\"connector_id\":\"",
        "",
        "null",
        "{\"connector_id\":null,\"label\":42}",
    };
    uint64_t which = rng_below(&op->world->garbage, sizeof(bodies) / sizeof(bodies[0]));

    answer_begin(op->answer, op->answer->status, which == 0 ? "text/html" : "application/json");
    buf_text(&op->answer->body, bodies[which]);
}

static void suffer_wrong_id(struct op *op)
{
    struct buf *body = &op->answer->body;
    size_t start = strlen("{\"connector_id\":\"");
    char text[UUID_TEXT];

    uuid_format(text, uuid_random(&op->world->garbage));
    memcpy(body->data + start, text, UUID_TEXT - 1);
}

static void suffer(struct op *op, const struct fault *fault)
{
    op->answer->fault = fault;
    switch (fault->effect) {
    case EFFECT_STATUS:
        suffer_status(op, fault);
        break;
    case EFFECT_GARBAGE:
        suffer_garbage(op);
        break;
    case EFFECT_WRONG_ID:
        suffer_wrong_id(op);
        break;
    case EFFECT_ENVELOPE:
        answer_envelop(op->answer);
        break;
    case EFFECT_STALE: /* in act_stale() */
    case EFFECT_NONE:
    case EFFECT_DROP:
    case EFFECT_HANG:
    case EFFECT_CUT:
    case EFFECT_SLOW:
    case EFFECT_CLOSE:
        break; /* the server's part */
    }
}

/* -- routes -- */

/* What a path names. */
enum target { TARGET_ALL, TARGET_ONE, TARGET_SYNC, TARGETS };

struct route {
    const char *method;
    enum target target;
    enum fault_call call;
    bool (*prepare)(struct op *);
    void (*act)(struct op *);
};

static const struct route routes[] = {
    {"POST", TARGET_ALL, CALL_CREATE, prepare_create, act_create},
    {"GET", TARGET_ALL, CALL_LIST, prepare_list, act_list},
    {"GET", TARGET_ONE, CALL_GET, find_shown, act_get},
    {"PUT", TARGET_ONE, CALL_PUT, prepare_put, act_put},
    {"DELETE", TARGET_ONE, CALL_DELETE, prepare_delete, act_delete},
    {"POST", TARGET_SYNC, CALL_SYNC, prepare_sync, act_sync},
};

static const struct route *route_of(const char *method, enum target target)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (routes[i].target == target && strcmp(routes[i].method, method) == 0)
            return &routes[i];
    return NULL;
}

/* Acts, and answers with the connector as it was before. */
static void act_stale(struct op *op, const struct route *route)
{
    struct buf before;

    buf_init(&before, ANSWER_BODY_MAX);
    answer_connector(op, 200, &op->connector->face);
    buf_span(&before, buf_view(&op->answer->body));
    route->act(op);
    buf_reset(&op->answer->body);
    buf_span(&op->answer->body, buf_view(&before));
    buf_release(&before);
}

static void run(struct op *op, const struct route *route)
{
    const struct fault *fault;

    if (!route->prepare(op))
        return;
    fault = faults_draw(&op->world->faults, route->call, op->call->reused,
                        route->call == CALL_CREATE ? payload_hash(&op->payload) : 0);
    if (fault != NULL && fault->effect == EFFECT_STALE)
        act_stale(op, route);
    else if (fault == NULL || fault->time == FAULT_AFTER)
        route->act(op);
    else if (fault->time == FAULT_LATE)
        create_late(op);
    if (fault != NULL)
        suffer(op, fault);
}

/* `/contents/v1/connectors`, or that with `/` and an id, and with `/sync` behind it. */
static bool read_path(const char *path, struct span *id_text, enum target *target)
{
    size_t len = sizeof(collection) - 1;
    const char *rest;

    *id_text = (struct span){0};
    *target = TARGET_ALL;
    if (strncmp(path, collection, len) != 0)
        return false;
    if (path[len] == '\0')
        return true;
    *id_text = (struct span){path + len + 1, strcspn(path + len + 1, "/")};
    rest = id_text->data + id_text->len;
    *target = strcmp(rest, "/sync") == 0 ? TARGET_SYNC : TARGET_ONE;
    return path[len] == '/' && id_text->len > 0 && (*rest == '\0' || *target == TARGET_SYNC);
}

void connectors_answer(struct world *world, struct account *account, const struct call *call, const char *request_id,
                       struct answer *answer)
{
    struct op op = {.world = world,
                    .account = account,
                    .call = call,
                    .request_id = request_id,
                    .answer = answer,
                    .mono_us = clocks_mono_us()};
    static const char *const allowed[] = {"GET, POST", "GET, PUT, DELETE", "POST"};
    const struct route *route;
    enum target target;

    static_assert(sizeof(allowed) / sizeof(allowed[0]) == TARGETS, "every target has its methods");
    if (!read_path(call->path, &op.id_text, &target)) {
        answer_status_code(answer, 404, "NOT_FOUND", "There is nothing at this path", request_id);
        return;
    }
    route = route_of(call->method, target);
    if (route == NULL) {
        answer_header(answer, "Allow", "%s", allowed[target]);
        answer_detail(answer, 405, "Method Not Allowed");
        return;
    }
    payload_init(&op.payload);
    op.payload.labels = world->config.labels;
    run(&op, route);
    payload_release(&op.payload);
}
