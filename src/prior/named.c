#include "prior/named.h"

#include "api/lookup.h"

struct naming {
    struct run *run;
    const uint32_t *rows;
    uint64_t count, next;
    uint64_t promised;
};

static bool next_named(void *context, uint64_t *tag, struct span *id)
{
    struct naming *naming = context;

    while (naming->next < naming->count) {
        uint32_t index = naming->rows[naming->next++];
        enum row_state state = naming->run->rows.row[index].state;
        struct sheet_row *read;

        if (index < naming->promised || (state != ROW_PENDING && state != ROW_UNSETTLED))
            continue;
        if ((read = run_row(naming->run, index)) == NULL)
            return false;
        *tag = index;
        *id = read->earlier.connector_id;
        return true;
    }
    return false;
}

/* The row has its connector. */
static void found(struct run *run, uint64_t index, const struct sheet_row *read, const struct remote *remote,
                  enum status status)
{
    struct outcome outcome = {.status = status, .connector_id = remote->id, .created_at = remote->created_at};
    struct span own = connector_secret(&read->connector);
    struct buf inbox;

    buf_init(&inbox, 4096);
    redactor_field(&run->client->redactor, own, remote->inbox_email, &inbox);
    buf_reset(&run->code);
    connector_differences(&read->connector, &remote->connector, &run->code);
    buf_reset(&run->text);
    redactor_field(&run->client->redactor, own, buf_view(&run->code), &run->text);
    outcome.inbox_email = buf_view(&inbox);
    outcome.error_message = buf_view(&run->text);
    outcome.attempts = read->earlier.attempts;
    idset_add(&run->known.claimed, remote->id);
    run_record(run, index, &outcome);
    buf_release(&inbox);
}

/* The row stays as it is, and keeps the id; run->text says why. */
static void stays_unknown(struct run *run, uint64_t index, const struct sheet_row *read, const char *code)
{
    struct outcome outcome = {
        .status = STATUS_UNKNOWN,
        .connector_id = read->earlier.connector_id,
        .error_code = span_of(code),
        .error_message = buf_view(&run->text),
        .attempts = read->earlier.attempts,
    };

    run_record(run, index, &outcome);
}

static void is_anothers(struct run *run, uint64_t index, const struct sheet_row *read, const struct remote *remote)
{
    struct span own = connector_secret(&read->connector);

    buf_reset(&run->code);
    buf_text(&run->code, "not sent: connector_id names another's connector (");
    if (idset_has(&run->known.claimed, remote->id))
        buf_text(&run->code, "another row has it");
    else
        connector_differences(&read->connector, &remote->connector, &run->code);
    buf_text(&run->code, "); if it is this row's all the same, write exists into status; if not, put the id right, or "
                         "empty the cell status, and run again");
    buf_reset(&run->text);
    redactor_field(&run->client->redactor, own, buf_view(&run->code), &run->text);
    stays_unknown(run, index, read, "ambiguous");
}

/* What is certain, or what somebody has asked for: the row is sent like any other. */
static void is_to_be_sent(struct run *run, uint64_t index)
{
    run->rows.row[index].earlier = 0;
    if (run->rows.row[index].state == ROW_UNSETTLED)
        rows_step(&run->rows, index, EVENT_NOT_THERE);
}

static void looked_up(void *context, uint64_t tag, enum lookup_result result, const struct remote *remote,
                      struct span text)
{
    struct naming *naming = context;
    struct run *run = naming->run;
    struct sheet_row *read;
    bool was_told, was_lost, there = result == LOOKUP_FOUND && !remote->archived;

    if ((read = run_row(naming->run, tag)) == NULL)
        return;
    was_told = span_equal(read->earlier.error_code, span_of("lookup_failed")); /* by a run that sent nothing */
    was_lost = read->earlier.status == STATUS_UNKNOWN && !was_told;
    buf_reset(&run->text);
    if (result == LOOKUP_FAILED) {
        buf_format(&run->text, "not sent: connector_id names a connector, and whether it is there can't be told: %.*s",
                   (int)text.len, text.data);
        stays_unknown(run, tag, read, was_lost ? "unsettled" : "lookup_failed");
    } else if (there && !idset_has(&run->known.claimed, remote->id) &&
               connector_answers(&read->connector, &remote->connector))
        found(run, tag, read, remote, was_lost ? STATUS_CREATED : STATUS_EXISTS);
    else if (there && read->earlier.status != STATUS_NONE)
        is_anothers(run, tag, read, remote);
    else if (!there && was_lost) {
        buf_format(&run->text,
                   "may exist: the connector that connector_id names is %s; put the id right, or empty the cell status "
                   "(then the row is sent), and run again",
                   result == LOOKUP_GONE ? "not there" : "archived");
        stays_unknown(run, tag, read, "unsettled");
    } else
        is_to_be_sent(run, tag);
}

bool named_look_up(struct run *run, const uint32_t *rows, uint64_t count, uint64_t promised)
{
    struct naming naming = {.run = run, .rows = rows, .count = count, .promised = promised};
    struct lookup_handler handler = {
        .context = &naming,
        .doing = "looking up connectors",
        .next = next_named,
        .answered = looked_up,
    };

    return count == 0 || lookup_run(run->client, &handler);
}
