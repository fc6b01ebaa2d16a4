#include "run/launch.h"

#include "base/clock.h"
#include "model/payload.h"

#include <assert.h>

enum {
    FIRST_STRIDE = 64,      /* rows */
    LONGEST_STRIDE = 16384, /* rows: what a crash leaves to be settled at the most */
};

void launch_init(struct launch *launch, struct run *run, uint64_t promised, const uint32_t *keys)
{
    *launch = (struct launch){.run = run, .promised = promised, .stride = FIRST_STRIDE, .keys = keys};
    buf_init(&launch->payload, PAYLOAD_MAX);
}

void launch_release(struct launch *launch)
{
    buf_wipe(&launch->payload);
}

/* Whether there is a row that this run has not sent yet. */
static bool has_fresh(struct launch *launch)
{
    const struct rows *rows = &launch->run->rows;

    while (launch->next < rows->count &&
           (rows->row[launch->next].state != ROW_PENDING || rows_is_held(rows, launch->next)))
        launch->next++;
    return launch->next < rows->count;
}

bool launch_has_rows(struct launch *launch)
{
    return launch->run->ready_count > 0 || has_fresh(launch);
}

/* Before they are promised: as what the rows from `first` to before `end` are sent. */
static bool note_tags(struct launch *launch, uint64_t first, uint64_t end)
{
    struct run *run = launch->run;
    uint64_t tags[JOURNAL_TAGS_MAX];
    struct err err;

    for (size_t count = 0; first < end; first += count) {
        for (count = 0; count < JOURNAL_TAGS_MAX && first + count < end; count++)
            tags[count] = run_tag(launch->keys != NULL ? launch->keys[first + count] : 0,
                                  run->rows.row[first + count].public_tag);
        if (!journal_tags(run->journal, first, tags, count, &err)) {
            client_fault(run->client, &err);
            return false;
        }
    }
    return true;
}

/* Promises grow while they are used up faster than RUN_PROMISE_MS, so that the disk is not what sets the speed. */
static bool promise(struct launch *launch, uint64_t row, int64_t now_ms)
{
    struct run *run = launch->run;
    bool lately = run_promised_lately(run, now_ms);
    uint64_t before = launch->promised;

    if (row < launch->promised && lately)
        return true;
    if (row >= launch->promised) {
        if (lately && launch->stride < LONGEST_STRIDE)
            launch->stride *= 2;
        launch->promised = row + launch->stride;
    }
    if (launch->promised > run->rows.count)
        launch->promised = run->rows.count;
    return note_tags(launch, before, launch->promised) && run_promise(run, launch->promised, now_ms);
}

/* What was checked is what is sent: otherwise the input has changed, or what a secret's reference names. */
static void refuse(struct run *run, uint64_t index, const struct sheet_row *read)
{
    const char *where = sheet_where(run->sheet, &run->rows, index);
    struct err err;

    if ((read->problems.set & 1U << CHECK_SECRET_UNRESOLVED) != 0)
        err_set(&err, EXIT_LOCAL,
                "%s: %s; it could be read when the rows were checked, and has to be there until they are sent", where,
                read->problems.messages[CHECK_SECRET_UNRESOLVED].data);
    else
        err_set(
            &err, EXIT_INPUT,
            "%s: the row is not what it was when it was checked: the input has changed meanwhile; nobody may edit it "
            "while it is sent",
            where);
    client_fault(run->client, &err);
}

/* The row's payload into launch->payload. */
static bool build(struct launch *launch, uint64_t index, struct flight *flight)
{
    struct run *run = launch->run;
    const struct row *row = &run->rows.row[index];
    struct sheet_row *read;
    struct err err;

    if (!sheet_at(run->sheet, row->offset, row->length, row->line, &read, &err)) {
        client_fault(run->client, &err);
        return false;
    }
    *flight = (struct flight){.public_hash = connector_public_hash(&read->connector), .row = (uint32_t)index};
    buf_reset(&launch->payload);
    if (read->valid && (uint32_t)flight->public_hash == row->public_tag &&
        payload_write(&read->connector, &launch->payload)) {
        flight->secret = redactor_keep(&run->client->redactor, connector_secret(&read->connector));
        return true;
    }
    refuse(run, index, read);
    return false;
}

static uint64_t board(struct run *run, const struct flight *flight)
{
    for (unsigned i = 0; i < run->flights; i++)
        if (!run->flight[i].taken) {
            run->flight[i] = *flight;
            run->flight[i].taken = true;
            return (uint64_t)i << 32 | flight->row;
        }
    assert(false && "a flight is free whenever the courier has room");
    return 0;
}

uint64_t launch_landed(struct run *run, uint64_t tag, uint64_t *public_hash)
{
    struct flight *flight = &run->flight[tag >> 32];

    assert(flight->taken);
    flight->taken = false;
    *public_hash = flight->public_hash;
    return flight->row;
}

void launch_forget(struct run *run, uint64_t tag)
{
    redactor_let_go(&run->client->redactor, run->flight[tag >> 32].secret);
}

struct span launch_secret(const struct run *run, uint64_t tag)
{
    return redactor_kept(&run->client->redactor, run->flight[tag >> 32].secret);
}

/* `again`: it was sent before. */
static bool send_row(struct launch *launch, uint64_t row, bool again, int64_t now_ms)
{
    struct run *run = launch->run;
    struct http_request request = {.method = HTTP_POST, .path = "/contents/v1/connectors"};
    struct row *state = &run->rows.row[row];
    struct flight flight;

    if (!build(launch, row, &flight))
        return false;
    run->tally->retries += again && !state->earlier;
    if (state->attempts < ROW_ATTEMPTS_MAX)
        state->attempts++;
    rows_step(&run->rows, row, EVENT_SENT);
    request.body = buf_view(&launch->payload);
    request.tag = board(run, &flight);
    client_send(run->client, REQUEST_CREATE, &request, now_ms);
    return true;
}

void launch_row(struct launch *launch, int64_t now_ms)
{
    struct run *run = launch->run;
    bool again = run->ready_count > 0;
    uint64_t row = again ? run->ready[run->ready_head] : launch->next;

    if (!promise(launch, row, now_ms))
        return;
    run_take_ready(run, &row);
    send_row(launch, row, again, now_ms);
}

void launch_probe(struct launch *launch, int64_t now_ms)
{
    struct run *run = launch->run;
    struct outage *outage = &run->client->outage;
    bool fresh = has_fresh(launch);
    uint64_t row;

    if (!fresh && run->ready_count > 1 && run->ready[run->ready_head] == outage->tried && run_take_ready(run, &row))
        run_send_again(run, row, EVENT_PASSED_OVER);
    row = fresh ? launch->next : run->ready[run->ready_head];
    if (!promise(launch, row, now_ms))
        return;
    if (!fresh)
        run_take_ready(run, &row);
    if (send_row(launch, row, !fresh, now_ms))
        outage_try(outage, row);
}
