#include "prior/amend.h"

#include "base/alloc.h"
#include "model/payload.h"

#include <inttypes.h>
#include <stdlib.h>

enum { BODY_MAX = 4 * PAYLOAD_MAX, TEXT_MAX = 1 << 20 };

void amend_init(struct amend *amend, struct run *run, struct matches *matches, unsigned columns, struct buf *changes)
{
    *amend = (struct amend){
        .run = run,
        .matches = matches,
        .columns = columns & ~(1U << FIELD_LABEL),
        .changes = changes,
    };
    edit_init(&amend->edit);
    remote_init(&amend->remote);
    buf_init(&amend->body, BODY_MAX);
    buf_init(&amend->text, TEXT_MAX);
    buf_init(&amend->shown, TEXT_MAX);
}

void amend_release(struct amend *amend)
{
    edit_release(&amend->edit);
    remote_release(&amend->remote);
    buf_release(&amend->body);
    buf_release(&amend->text);
    buf_release(&amend->shown);
    free(amend->put);
}

enum amend_need amend_compare(struct amend *amend, const struct connector *row, const struct connector *shown)
{
    struct edit *edit = &amend->edit;

    edit_compare(edit, row, amend->columns, shown);
    if (edit->changed != 0 && connector_payload_size(&edit->wanted) <= PAYLOAD_MAX)
        return AMEND_PUT;
    return (edit->changed | edit->fixed) != 0 ? AMEND_FIXED : AMEND_NOTHING;
}

static struct span show(struct amend *amend, unsigned fields, const struct connector *row,
                        const struct connector *shown)
{
    buf_reset(&amend->shown);
    edit_show(fields, row, shown, "; ", &amend->shown);
    return buf_view(&amend->shown);
}

struct span amend_show_fixed(struct amend *amend, const struct connector *row, const struct connector *shown)
{
    return show(amend, amend->edit.fixed, row, shown);
}

static void say_change(struct amend *amend, uint32_t row, const struct sheet_row *read, const struct connector *shown)
{
    struct run *run = amend->run;
    const char *where = sheet_where(run->sheet, &run->rows, row);
    struct buf separator;

    buf_init(&separator, TEXT_MAX);
    buf_format(&separator, "\n%s: ", where);
    buf_reset(&amend->shown);
    buf_text(&amend->shown, separator.data + 1);
    edit_show(amend->edit.changed, &read->connector, shown, separator.data, &amend->shown);
    redactor_field(&run->client->redactor, connector_secret(&read->connector), buf_view(&amend->shown), amend->changes);
    buf_char(amend->changes, '\n');
    buf_release(&separator);
}

void amend_add(struct amend *amend, uint32_t row, const struct match *match, const struct sheet_row *read,
               const struct connector *shown)
{
    if (amend->changes != NULL)
        say_change(amend, row, read, shown);
    if (amend->count == amend->cap) {
        amend->cap = amend->cap > 0 ? amend->cap * 2 : 64;
        amend->put = alloc_resize(amend->put, amend->cap, sizeof(amend->put[0]));
    }
    amend->put[amend->count++] = (struct amend_put){row, (uint32_t)(match - amend->matches->match)};
}

/* The row and its connector, compared once more; NULL, with the run stopped, where one can't be read. */
static const struct sheet_row *read_again(struct amend *amend, const struct amend_put *put)
{
    struct span text;
    struct err err;

    if (!matches_text(amend->matches, &amend->matches->match[put->match], &text, &err)) {
        client_fault(amend->run->client, &err);
        return NULL;
    }
    return remote_read(&amend->remote, text) ? run_row(amend->run, put->row) : NULL;
}

static bool next_put(void *context, uint64_t *tag, struct span *id)
{
    struct amend *amend = context;

    if (amend->next == amend->count || read_again(amend, &amend->put[amend->next]) == NULL)
        return false;
    *tag = amend->next++;
    *id = amend->remote.id;
    return true;
}

static bool body_of(void *context, uint64_t tag, struct span *body)
{
    struct amend *amend = context;
    const struct sheet_row *read = read_again(amend, &amend->put[tag]);

    if (read == NULL)
        return false;
    edit_compare(&amend->edit, &read->connector, amend->columns, &amend->remote.connector);
    buf_reset(&amend->body);
    edit_body(&amend->edit, &amend->body);
    *body = buf_view(&amend->body);
    return true;
}

/* The row's outcome; `code` and amend->text say why its connector is not, or not wholly, what the row says. */
static void finish(struct amend *amend, const struct amend_put *put, const struct sheet_row *read, enum status status,
                   const char *code)
{
    struct run *run = amend->run;
    struct span own = connector_secret(&read->connector);
    struct outcome outcome = {
        .status = status,
        .connector_id = amend->remote.id,
        .http_status = amend->detail.http_status,
        .error_code = span_of(code),
        .created_at = amend->remote.created_at,
    };

    buf_reset(&run->code);
    redactor_field(&run->client->redactor, own, amend->remote.inbox_email, &run->code);
    outcome.inbox_email = buf_view(&run->code);
    connector_uncompared(&read->connector, &amend->text);
    buf_reset(&run->text);
    redactor_field(&run->client->redactor, own, buf_view(&amend->text), &run->text);
    outcome.error_message = buf_view(&run->text);
    run_finish(run, put->row, &outcome);
}

static void is_changed(struct amend *amend, const struct amend_put *put)
{
    const struct sheet_row *read = read_again(amend, put);
    const struct connector *shown = &amend->remote.connector;
    unsigned fixed;

    if (read == NULL)
        return;
    edit_compare(&amend->edit, &read->connector, amend->columns, shown);
    fixed = amend->edit.fixed;
    buf_reset(&amend->text);
    buf_text(&amend->text, "changed: ");
    buf_span(&amend->text, show(amend, amend->edit.changed, &read->connector, shown));
    if (fixed != 0) {
        buf_text(&amend->text, "; can't be changed: ");
        buf_span(&amend->text, show(amend, fixed, &read->connector, shown));
    }
    amend->changed++;
    finish(amend, put, read, STATUS_UPDATED, fixed != 0 ? "fixed_at_creation" : "");
}

/* The connector is there all the same, and so no later run may create the row. */
static void is_not_changed(struct amend *amend, const struct amend_put *put, const char *code, struct span why)
{
    const struct sheet_row *read = read_again(amend, put);

    if (read == NULL)
        return;
    edit_compare(&amend->edit, &read->connector, amend->columns, &amend->remote.connector);
    buf_reset(&amend->text);
    buf_text(&amend->text, "not changed: ");
    buf_span(&amend->text, why);
    buf_text(&amend->text, "; differs: ");
    buf_span(&amend->text, show(amend, amend->edit.changed, &read->connector, &amend->remote.connector));
    amend->failed++;
    finish(amend, put, read, STATUS_EXISTS, code);
}

static void answered(void *context, uint64_t tag, enum lookup_result result, const struct remote *remote,
                     struct span text)
{
    struct amend *amend = context;
    struct run *run = amend->run;
    struct err err;

    (void)remote;
    if (result == LOOKUP_FOUND)
        is_changed(amend, &amend->put[tag]);
    else
        is_not_changed(amend, &amend->put[tag], amend->detail.code,
                       result == LOOKUP_GONE ? span_of("the server knows no such connector") : text);
    if (!journal_flush(run->journal, &err))
        client_fault(run->client, &err);
}

static void leave_the_rest(struct amend *amend)
{
    const struct client *client = amend->run->client;

    amend->detail = (struct lookup_detail){0};
    for (size_t i = 0; i < amend->count && client->stop != STOP_LOCAL; i++)
        if (amend->run->rows.row[amend->put[i].row].state == ROW_PENDING)
            is_not_changed(amend, &amend->put[i], "not_updated", span_of("the run stopped before it"));
}

bool amend_all(struct amend *amend)
{
    struct lookup_handler handler = {
        .context = amend,
        .doing = "updating",
        .next = next_put,
        .body = body_of,
        .answered = answered,
        .detail = &amend->detail,
    };
    bool done = amend->count == 0 || lookup_run(amend->run->client, &handler);

    if (!done)
        leave_the_rest(amend);
    return done;
}
