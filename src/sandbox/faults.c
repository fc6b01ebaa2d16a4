#include "sandbox/faults.h"

#include "base/num.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { AMOUNT_LONGEST = 40 };

static const char *const call_names[] = {"create", "list", "get", "put", "delete", "sync"};
static_assert(sizeof(call_names) / sizeof(call_names[0]) == CALLS, "every call has its name");

#define DROP .effect = EFFECT_DROP
#define HANG .effect = EFFECT_HANG
#define STATUS(code, form) .effect = EFFECT_STATUS, .status = (code), .shape = (form)
#define HTML(code) STATUS(code, SHAPE_PAGE)
#define ERRORS(code, text) STATUS(code, SHAPE_ERRORS), .words = (text)
#define CODE(code, name, text) STATUS(code, SHAPE_CODE), .title = (name), .words = (text)
#define GIVEN_UP STATUS(504, SHAPE_MESSAGE), .words = "Endpoint request timed out"
#define BUSY CODE(503, "SERVICE_UNAVAILABLE", "Try again later")
#define AFTER .time = FAULT_AFTER
#define LATE .time = FAULT_LATE

static const struct fault table[] = {
    {"drop-before", DROP, .help = "the connection closes, nothing was created"},
    {"drop-after", DROP, AFTER, .help = "created, then the connection closes without an answer"},
    {"drop-reused", DROP, AFTER, .reused_only = true, .help = "as drop-after, only on a kept-alive connection"},
    {"drop-late", DROP, LATE, .help = "the connection closes; created --late afterwards"},
    {"hang-before", HANG, .help = "never answered, nothing was created"},
    {"hang-after", HANG, AFTER, .help = "created, never answered"},
    {"400-before", STATUS(400, SHAPE_QUOTING), .help = "400 in several lines that quote what was sent"},
    {"403-before", CODE(403, "FORBIDDEN", "This type of connector is not enabled for your organization"),
     .help = "403 in the API's own JSON, nothing was created"},
    {"404-before", CODE(404, "NOT_FOUND", "The organization was not found"), .help = "404, nothing was created"},
    {"409-before", STATUS(409, SHAPE_PROBLEM), .title = "Conflict", .words = "Another change is under way",
     .help = "409 as a problem document, nothing was created"},
    {"422-before", STATUS(422, SHAPE_FIELD), .title = "label", .words = "value is not allowed here",
     .help = "422 that names a field, nothing was created"},
    {"block-html", HTML(403), .help = "403 with a gateway's page, nothing was created"},
    {"429-html", HTML(429), .help = "429 with a gateway's page, without Retry-After"},
    {"500-before", ERRORS(500, "Internal server error"), .help = "500, nothing was created"},
    {"500-after", ERRORS(500, "Internal server error"), AFTER, .help = "created, then 500"},
    {"502-before", HTML(502), .help = "502 with a gateway's page, nothing was created"},
    {"502-after", HTML(502), AFTER, .help = "created, then 502 with a gateway's page"},
    {"503-before", BUSY, .help = "503, nothing was created"},
    {"503-after", BUSY, AFTER, .help = "created, then 503"},
    {"504-before", HTML(504), .help = "504 with a gateway's page, nothing was created"},
    {"504-after", HTML(504), AFTER, .help = "created, then 504 with a gateway's page"},
    {"504-late", GIVEN_UP, LATE, .help = "504 in JSON; created --late afterwards"},
    {"garbage-after", .effect = EFFECT_GARBAGE, AFTER, .help = "created, but the answer's body can't be read"},
    {"cut-after", .effect = EFFECT_CUT, AFTER, .help = "created, but the answer breaks off half way"},
    {"wrong-id-after", .effect = EFFECT_WRONG_ID, AFTER, .help = "created, but the answer names an unknown id"},
    {"slow", .effect = EFFECT_SLOW, AFTER, .help = "created; the answer's body trickles for --slow"},
    {"close", .effect = EFFECT_CLOSE, AFTER, .help = "answered; then the connection closes without notice"},
    {"envelope", .effect = EFFECT_ENVELOPE, AFTER, .help = "answered as {\"results\":…,\"errors\":[],\"metadata\":{}}"},
    {"stale-after", .effect = EFFECT_STALE, AFTER, .help = "changed or archived; answered as it was before"},
};
static_assert(sizeof(table) / sizeof(table[0]) == FAULTS, "FAULTS is the table's length");

void faults_init(struct faults *faults, uint64_t seed, bool first_only)
{
    *faults = (struct faults){.first_only = first_only};
    hashset_init(&faults->seen);
    rng_init(&faults->rng, seed, 1);
}

void faults_release(struct faults *faults)
{
    hashset_release(&faults->seen);
}

void faults_clear(struct faults *faults)
{
    memset(faults->orders, 0, sizeof(faults->orders));
}

void faults_forget(struct faults *faults)
{
    memset(faults->hits, 0, sizeof(faults->hits));
    hashset_release(&faults->seen);
}

const struct fault *faults_at(int index)
{
    return &table[index];
}

const char *faults_call_name(enum fault_call call)
{
    return call_names[call];
}

/* Splits `call:` off `*name`; no prefix means a create. False for an unknown prefix. */
static bool read_call(const char **name, int *call)
{
    const char *colon = strchr(*name, ':');

    *call = CALL_CREATE;
    if (colon == NULL)
        return true;
    for (*call = 0; *call < CALLS; (*call)++) {
        size_t len = strlen(call_names[*call]);

        if (len == (size_t)(colon - *name) && memcmp(call_names[*call], *name, len) == 0) {
            *name = colon + 1;
            return true;
        }
    }
    return false;
}

static int fault_named(const char *name)
{
    for (int i = 0; i < FAULTS; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}

bool faults_parse_share(const char *text, uint64_t *share)
{
    size_t len = strlen(text);
    char percent[AMOUNT_LONGEST + 2];
    bool is_percent;

    if (len == 0 || len > AMOUNT_LONGEST)
        return false;
    snprintf(percent, sizeof(percent), "%s%s", text, text[len - 1] == '%' ? "" : "%");
    return num_parse_share(percent, share, &is_percent) && *share <= FAULT_SHARE_ALL;
}

/* A share with an optional `:COUNT`. */
static bool read_amount(const char *amount, struct fault_order *order)
{
    size_t len = strcspn(amount, ":");
    char text[AMOUNT_LONGEST + 1];
    uint64_t share;

    if (len > AMOUNT_LONGEST)
        return false;
    snprintf(text, sizeof(text), "%.*s", (int)len, amount);
    if (!faults_parse_share(text, &share))
        return false;
    *order = (struct fault_order){.share = (uint32_t)share, .left = UINT64_MAX};
    return amount[len] == '\0' || num_parse(amount + len + 1, 0, UINT32_MAX, &order->left);
}

static bool unknown_fault(const char *name, struct err *err)
{
    struct buf known;

    buf_init(&known, sizeof(err->text));
    for (int i = 0; i < FAULTS; i++)
        buf_format(&known, "%s%s", i > 0 ? ", " : "", table[i].name);
    err_set(err, EXIT_USAGE,
            "there is no fault \"%.100s\"; the faults are %s (for calls other than create, put list:, "
            "get:, put:, delete: or sync: before the name)",
            name, known.data);
    buf_release(&known);
    return false;
}

static uint32_t ordered_shares(const struct faults *faults, int call)
{
    uint32_t sum = 0;

    for (int i = 0; i < FAULTS; i++)
        sum += faults->orders[call][i].share;
    return sum;
}

bool faults_order(struct faults *faults, const char *name, const char *amount, struct err *err)
{
    const char *rest = name;
    struct fault_order order, before;
    int call, fault;

    if (!read_call(&rest, &call) || (fault = fault_named(rest)) < 0)
        return unknown_fault(name, err);
    if (!read_amount(amount, &order))
        return err_set(err, EXIT_USAGE,
                       "\"%.100s\" is no share for the fault %s; write a percentage from 0 to 100, "
                       "with at most 2 decimals, and :COUNT where it should end after some",
                       amount, name);
    if (table[fault].effect == EFFECT_WRONG_ID && call == CALL_LIST)
        return err_set(err, EXIT_USAGE, "a list can't suffer %s; order it for create, get, put or delete", rest);
    if (table[fault].time == FAULT_LATE && call != CALL_CREATE)
        return err_set(err, EXIT_USAGE, "only a create can suffer %s", rest);
    if (table[fault].effect == EFFECT_STALE && call != CALL_PUT && call != CALL_DELETE)
        return err_set(err, EXIT_USAGE, "only a put or a delete can suffer %s", rest);
    before = faults->orders[call][fault];
    faults->orders[call][fault] = order;
    if (ordered_shares(faults, call) <= FAULT_SHARE_ALL)
        return true;
    faults->orders[call][fault] = before;
    return err_set(err, EXIT_USAGE, "the faults ordered for %s add up to more than 100 %%; lower one of them",
                   call_names[call]);
}

/* The index of the fault that the number `drawn` (below FAULT_SHARE_ALL) stands for, or -1. */
static int fault_at_share(const struct faults *faults, enum fault_call call, uint64_t drawn)
{
    for (int i = 0; i < FAULTS; i++) {
        if (drawn < faults->orders[call][i].share)
            return i;
        drawn -= faults->orders[call][i].share;
    }
    return -1;
}

const struct fault *faults_draw(struct faults *faults, enum fault_call call, bool reused, uint64_t payload)
{
    uint64_t drawn = rng_below(&faults->rng, FAULT_SHARE_ALL);
    int found;

    if (payload != 0 && faults->first_only && !hashset_add(&faults->seen, payload))
        return NULL;
    found = fault_at_share(faults, call, drawn);
    if (found < 0 || faults->orders[call][found].left == 0 || (table[found].reused_only && !reused))
        return NULL;
    if (faults->orders[call][found].left != UINT64_MAX)
        faults->orders[call][found].left--;
    faults->hits[call][found]++;
    return &table[found];
}

static void write_key(struct buf *out, int call, int fault)
{
    if (out->data[out->len - 1] != '{')
        buf_char(out, ',');
    buf_format(out, "\"%s%s%s\":", call == CALL_CREATE ? "" : call_names[call], call == CALL_CREATE ? "" : ":",
               table[fault].name);
}

void faults_write_orders(const struct faults *faults, struct buf *out)
{
    buf_char(out, '{');
    for (int call = 0; call < CALLS; call++) {
        for (int i = 0; i < FAULTS; i++) {
            struct fault_order order = faults->orders[call][i];

            if (order.share == 0)
                continue;
            write_key(out, call, i);
            if (order.left == UINT64_MAX)
                buf_format(out, "%g", order.share / 100.0);
            else
                buf_format(out, "\"%g:%" PRIu64 "\"", order.share / 100.0, order.left);
        }
    }
    buf_char(out, '}');
}

void faults_write_hits(const struct faults *faults, struct buf *out)
{
    buf_char(out, '{');
    for (int call = 0; call < CALLS; call++) {
        for (int i = 0; i < FAULTS; i++) {
            if (faults->hits[call][i] == 0)
                continue;
            write_key(out, call, i);
            buf_format(out, "%" PRIu64, faults->hits[call][i]);
        }
    }
    buf_char(out, '}');
}
