#include "command/plan.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "io/disk.h"
#include "prior/existing.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { FLUSH_AT = 1 << 16 };

/* A list that can't be had is no reason not to plan; a signal is. */
static bool look_at_account(struct run *run, const struct plan_config *config, struct existing *found,
                            struct run_info *info)
{
    struct client *client = run->client;
    bool listed = false;

    if (run->rows.in_state[ROW_PENDING] == 0 || config->held)
        return false;
    if (config->why_unlisted != NULL) {
        console_say(run->console, "connload: the account is not listed (%s): which rows it has already is not known",
                    config->why_unlisted);
        return false;
    }
    listed = existing_find(run, &config->existing, found);
    info->look_alikes = found->twins + found->alike;
    info->left_sheet = found->left_sheet;
    if (!listed && client->stop != STOP_SIGNAL && client->stop != STOP_DEADLINE && client->stop != STOP_LOCAL &&
        client->stop != STOP_KEY_REFUSED) {
        console_say(run->console, "connload: the account can't be listed: %s", client->err.text);
        client->stop = STOP_NONE;
    }
    return listed;
}

/* What becomes of a row that has its outcome. */
static const char *intent_of_done(const struct row *row)
{
    if (row->status == STATUS_CREATED || row->state == ROW_CARRIED)
        return "keep, it is finished:";
    if (row->status == STATUS_EXISTS)
        return "keep, the account has it:";
    if (row->invalid)
        return "leave out, it fails the checks:";
    return row->status == STATUS_UNKNOWN ? "leave out, which connector it has is in doubt:"
                                         : "leave out, the interrupted run was done with it:";
}

static const char *intent_of(const struct plan_config *config, const struct row *row, bool is_twin, bool beyond_limit)
{
    if (row->state == ROW_CARRIED || row->state == ROW_DONE)
        return intent_of_done(row);
    if (row->state == ROW_UNSETTLED)
        return config->held ? "settle by the list:" : "settle by the list, then perhaps create";
    if (config->held)
        return "hold back, another row fails the checks (--strict):";
    if (beyond_limit)
        return "leave for later (--limit)";
    if (is_twin)
        return config->again ? "create once more, the account has its exact twin:"
                             : "ask or refuse, the account has its exact twin (--skip-existing, --again):";
    return "create";
}

static bool flush(struct buf *out, int fd, struct err *err)
{
    if (!disk_write(fd, out->data, out->len))
        return err_system(err, "standard %s can't be written", fd == STDOUT_FILENO ? "output" : "error");
    buf_reset(out);
    return true;
}

static bool show_row(struct run *run, const struct plan_config *config, const struct existing *found, uint64_t index,
                     bool beyond_limit, struct buf *out, struct err *err)
{
    const struct row *row = &run->rows.row[index];
    struct sheet_row *read;

    if (!sheet_at(run->sheet, row->offset, row->length, row->line, &read, err))
        return false;
    buf_format(out, "%s: %s", sheet_where(run->sheet, &run->rows, index),
               intent_of(config, row, found->is_twin != NULL && found->is_twin[index], beyond_limit));
    if (read->connector.type != TYPE_NONE)
        buf_format(out, " %s", type_name(read->connector.type));
    else if (out->data[out->len - 1] == ':')
        out->len--;
    buf_char(out, '\n');
    return out->len < FLUSH_AT || flush(out, config->out, err);
}

void plan_cost(const struct client *client, uint64_t requests, const char *parts, struct buf *out)
{
    char text[NUM_DURATION_TEXT], limits[RATES_TEXT];
    const struct rate *rate = client->config.rates;
    int64_t least_ms = pace_eta_ms(client->pace, clock_mono_ms(), requests);

    buf_format(out, "%" PRIu64 " request%s (%s)", requests, requests == 1 ? "" : "s", parts);
    if (rate->count > 0)
        buf_format(out, "; at %s ", num_format_rates(limits, rate));
    if (rate->count > 0 && least_ms > 0)
        buf_format(out, "that takes at least %s", num_format_duration(text, least_ms));
    else if (rate->count > 0)
        buf_format(out, "the limit does not slow it");
    buf_format(out, "\n");
}

static void show_cost(struct run *run, const struct plan_config *config, uint64_t creates, uint64_t changes,
                      uint64_t lists, struct buf *out)
{
    char parts[96], change[32] = "";

    if (config->held) {
        buf_format(out, "nothing would be sent: a row fails the checks (--strict)\n");
        return;
    }
    if (config->existing.update)
        snprintf(change, sizeof(change), "%" PRIu64 " to change, ", changes);
    snprintf(parts, sizeof(parts), "%" PRIu64 " to create, %s%" PRIu64 " to list", creates, change, lists);
    plan_cost(run->client, creates + changes + lists, parts, out);
}

/* Shows one row; counts those that count for --limit, and those that would be sent. */
static bool plan_row(struct run *run, const struct plan_config *config, const struct existing *found, uint64_t index,
                     uint64_t *sendable, uint64_t *creates, struct buf *out, struct err *err)
{
    const struct row *row = &run->rows.row[index];
    bool beyond = row->state == ROW_PENDING && config->limit > 0 && *sendable >= config->limit;

    if (!show_row(run, config, found, index, beyond, out, err))
        return false;
    *sendable += row_is_sendable(row);
    if (!config->held && ((row->state == ROW_PENDING && !beyond) || row->state == ROW_UNSETTLED))
        (*creates)++;
    return true;
}

static void show_found(const struct plan_config *config, const struct existing *found, struct buf *out)
{
    if (found->twins > 0)
        buf_format(out, "the account already has an exact twin of %" PRIu64 " of these rows%s\n", found->twins,
                   config->again ? "" : ": a run asks, or is refused, without --skip-existing or --again");
    if (found->alike > 0)
        buf_format(out,
                   "the account already has a connector of the same type and label for %" PRIu64
                   " of these rows (--skip-existing)\n",
                   found->alike);
}

/* What the account has, and what of it would be changed, behind the rows. */
static bool show_account(const struct plan_config *config, const struct existing *found, struct buf *out,
                         struct err *err)
{
    struct buf *changes = config->existing.changes;

    show_found(config, found, out);
    return changes == NULL || (flush(out, config->out, err) && flush(changes, config->out, err));
}

bool plan_show(struct run *run, const struct plan_config *config, struct run_info *info, struct err *err)
{
    bool lists = config->why_unlisted == NULL && run->rows.in_state[ROW_PENDING] > 0 && !config->held;
    struct existing found = {0};
    bool listed = look_at_account(run, config, &found, info), shown = true;
    uint64_t sendable = 0, creates = 0;
    struct buf out;

    buf_init(&out, 4 * FLUSH_AT);
    for (uint64_t i = 0; shown && i < run->rows.count && !client_stopping(run->client); i++)
        shown = plan_row(run, config, &found, i, &sendable, &creates, &out, err);
    info->planned = creates;
    if (shown && !client_stopping(run->client)) {
        run->rows.held_from = 0;
        shown = !listed || show_account(config, &found, &out, err);
        show_cost(run, config, creates, found.changes, lists ? 1 : 0, &out);
    }
    shown = shown && flush(&out, config->out, err);
    buf_release(&out);
    existing_release(&found);
    return shown;
}
