#include "run/sender.h"

#include "base/clock.h"
#include "model/payload.h"

enum {
    FIRST_STRIDE = 64,      /* rows */
    LONGEST_STRIDE = 16384, /* rows: what a crash leaves to be settled at the most */
};

void sender_init(struct sender *sender, struct run *run, uint64_t promised, const uint32_t *keys)
{
    *sender = (struct sender){.run = run, .promised = promised, .stride = FIRST_STRIDE, .keys = keys};
    buf_init(&sender->payload, PAYLOAD_MAX);
}

void sender_release(struct sender *sender)
{
    buf_wipe(&sender->payload);
}

/* Whether there is a row that this run has not sent yet. */
static bool has_fresh(struct sender *sender)
{
    const struct rows *rows = &sender->run->rows;

    while (sender->next < rows->count &&
           (rows->row[sender->next].state != ROW_PENDING || rows_is_held(rows, sender->next)))
        sender->next++;
    return sender->next < rows->count;
}

bool sender_has_rows(struct sender *sender)
{
    return sender->run->queue.count > 0 || has_fresh(sender);
}

/* Before they are promised: as what the rows from `first` to before `end` are sent. */
static bool note_tags(struct sender *sender, uint64_t first, uint64_t end)
{
    struct run *run = sender->run;
    uint64_t tags[JOURNAL_TAGS_MAX];
    struct err err;

    for (size_t count = 0; first < end; first += count) {
        for (count = 0; count < JOURNAL_TAGS_MAX && first + count < end; count++)
            tags[count] = run_tag(sender->keys != NULL ? sender->keys[first + count] : 0,
                                  run->rows.row[first + count].public_tag);
        if (!journal_tags(run->journal, first, tags, count, &err)) {
            client_fault(run->client, &err);
            return false;
        }
    }
    return true;
}

/* Promises grow while they are used up faster than RUN_PROMISE_MS, so that the disk is not what sets the speed. */
static bool promise(struct sender *sender, uint64_t row, int64_t now_ms)
{
    struct run *run = sender->run;
    bool lately = run_promised_lately(run, now_ms);
    uint64_t before = sender->promised;

    if (row < sender->promised && lately)
        return true;
    if (row >= sender->promised) {
        if (lately && sender->stride < LONGEST_STRIDE)
            sender->stride *= 2;
        sender->promised = row + sender->stride;
    }
    if (sender->promised > run->rows.count)
        sender->promised = run->rows.count;
    return note_tags(sender, before, sender->promised) && run_promise(run, sender->promised, now_ms);
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

/* The row's payload into sender->payload. */
static bool build(struct sender *sender, uint64_t index, struct flight *flight)
{
    struct run *run = sender->run;
    const struct row *row = &run->rows.row[index];
    const struct sheet_row *read = run_row(run, index);

    if (read == NULL)
        return false;
    *flight = (struct flight){.public_hash = connector_public_hash(&read->connector), .row = (uint32_t)index};
    buf_reset(&sender->payload);
    if (read->valid && (uint32_t)flight->public_hash == row->public_tag &&
        payload_write(&read->connector, &sender->payload)) {
        flight->secret = redactor_keep(&run->client->redactor, connector_secret(&read->connector));
        return true;
    }
    refuse(run, index, read);
    return false;
}

uint64_t sender_landed(struct run *run, uint64_t tag, uint64_t *public_hash)
{
    const struct flight *flight = queue_land(&run->queue, tag);

    *public_hash = flight->public_hash;
    return flight->row;
}

void sender_forget(struct run *run, uint64_t tag)
{
    redactor_let_go(&run->client->redactor, queue_secret(&run->queue, tag));
}

struct span sender_secret(const struct run *run, uint64_t tag)
{
    return redactor_kept(&run->client->redactor, queue_secret(&run->queue, tag));
}

/* `again`: it was sent before. */
static bool send_row(struct sender *sender, uint64_t row, bool again, int64_t now_ms)
{
    struct run *run = sender->run;
    struct http_request request = {.method = HTTP_POST, .path = "/contents/v1/connectors"};
    struct row *state = &run->rows.row[row];
    struct flight flight;

    if (!build(sender, row, &flight))
        return false;
    run->tally->retries += again && !state->earlier;
    if (state->attempts < ROW_ATTEMPTS_MAX)
        state->attempts++;
    rows_step(&run->rows, row, EVENT_SENT);
    request.body = buf_view(&sender->payload);
    request.tag = queue_board(&run->queue, &flight);
    client_send(run->client, REQUEST_CREATE, &request, now_ms);
    return true;
}

void sender_row(struct sender *sender, int64_t now_ms)
{
    struct queue *queue = &sender->run->queue;
    uint64_t row = sender->next;
    bool again = queue_peek(queue, &row);

    if (!promise(sender, row, now_ms))
        return;
    if (again)
        queue_take(queue, &row);
    send_row(sender, row, again, now_ms);
}

void sender_probe(struct sender *sender, int64_t now_ms)
{
    struct run *run = sender->run;
    struct outage *outage = &run->client->outage;
    bool fresh = has_fresh(sender);
    uint64_t row = sender->next;

    if (!fresh)
        run_pass_over(run, outage->tried);
    if (!fresh)
        queue_peek(&run->queue, &row);
    if (!promise(sender, row, now_ms))
        return;
    if (!fresh)
        queue_take(&run->queue, &row);
    if (send_row(sender, row, !fresh, now_ms))
        outage_try(outage, row);
}
