#include "run/refuse.h"

#include "base/clock.h"
#include "model/remote.h"
#include "run/events.h"

#include <inttypes.h>

enum { CODES_MAX = 4096, MESSAGES_MAX = 65536 };

/* A row that an earlier run left `unknown` stays so while it fails the checks: it may exist, as it was then. */
static void describe(const struct row *row, struct sheet_row *read, struct buf *codes, struct buf *messages)
{
    buf_reset(codes);
    buf_reset(messages);
    if (row->twin)
        buf_format(problems_add(&read->problems, CHECK_DUPLICATE_ROW),
                   "the same payload as row %" PRIu64 "; remove one, or use --allow-duplicates to make two connectors",
                   (uint64_t)row->place);
    if (row->earlier)
        buf_text(messages, "may exist from an earlier run, and now fails the checks: ");
    problems_codes(&read->problems, codes);
    problems_messages(&read->problems, messages);
}

static bool record(struct run *run, uint64_t index, const struct outcome *outcome, struct err *err)
{
    struct row *row = &run->rows.row[index];
    uint64_t place = 0;

    if (run->journal != NULL && !journal_outcome(run->journal, index, outcome, &place, err))
        return false;
    rows_finish(&run->rows, index, outcome->status, place);
    row->twin = 0;
    return true;
}

static bool refuse(struct run *run, uint64_t index, const struct row_listener *listener, struct buf *codes,
                   struct buf *messages, struct err *err)
{
    const struct row *row = &run->rows.row[index];
    struct sheet_row *read;
    struct row_place place;
    struct outcome outcome;

    if (!sheet_at(run->sheet, row->offset, row->length, row->line, &read, err))
        return false;
    describe(row, read, codes, messages);
    outcome = (struct outcome){
        .status = row->earlier ? STATUS_UNKNOWN : STATUS_INVALID,
        .connector_id = remote_is_uuid(read->earlier.connector_id) ? read->earlier.connector_id : (struct span){0},
        .error_code = buf_view(codes),
        .error_message = buf_view(messages),
    };
    console_say(run->console, "%s: %s (%s)", sheet_where(run->sheet, &run->rows, index), messages->data, codes->data);
    place = sheet_place(run->sheet, &run->rows, index);
    tally_row(run->tally, &outcome, &place, clock_mono_ms());
    run->tally->said++;
    if (listener->row != NULL)
        listener->row(listener->context, &place, read->values.value[FIELD_TYPE], &outcome);
    if (!record(run, index, &outcome, err))
        return false;
    events_outcome(run->log, &run->rows, index, &outcome);
    return true;
}

bool refuse_invalid(struct run *run, const struct row_listener *listener, struct err *err)
{
    struct buf codes, messages;
    bool done = true;

    buf_init(&codes, CODES_MAX);
    buf_init(&messages, MESSAGES_MAX);
    for (uint64_t i = 0; done && i < run->rows.count; i++) {
        const struct row *row = &run->rows.row[i];

        if (row->invalid && row->state != ROW_DONE && row->state != ROW_CARRIED)
            done = refuse(run, i, listener, &codes, &messages, err);
    }
    buf_release(&codes);
    buf_release(&messages);
    return done;
}
