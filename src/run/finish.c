#include "run/finish.h"

#include "api/stop.h"
#include "base/clock.h"
#include "io/results.h"
#include "io/scratch.h"

#include <stdlib.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 << 20, FLUSH_AT = 1 << 16 };

struct finishing {
    struct run *run;
    const struct finish_config *config;
    struct results_style style;
    struct output *output; /* NULL: only counted */
    char *kept;            /* where the results are that could not get their name; or NULL */
    uint64_t counted;      /* so many rows are, by an earlier attempt */
    struct buf out;
};

/*
 * A row without an outcome: certainly not created, or, where its create may have happened and nobody could settle it,
 * `unknown`: a later run must not send it before the list has told.
 */
static struct outcome open_outcome(const struct finishing *finishing, uint64_t index, const struct sheet_row *read)
{
    const struct rows *rows = &finishing->run->rows;
    const struct row *row = &rows->row[index];
    struct outcome outcome = {.attempts = row->attempts};

    if (row->state != ROW_UNSETTLED && row->state != ROW_IN_FLIGHT) {
        outcome.status = STATUS_NOT_ATTEMPTED;
        outcome.connector_id = read->earlier.connector_id; /* nobody has asked whether it is there */
        outcome.error_message =
            span_of(rows_is_held(rows, index) ? finishing->config->why_held : finishing->config->why_not);
    } else if (row->earlier && read->earlier.status == STATUS_UNKNOWN)
        outcome = read->earlier;
    else {
        outcome.status = STATUS_UNKNOWN;
        outcome.error_code = span_of("unsettled");
        outcome.error_message = span_of("may exist: the run ended before the account's list could tell; look in the "
                                        "account for a connector of this type and label");
    }
    return outcome;
}

/* What is to stand beside the row. Texts last until the next call. */
static bool outcome_of(struct finishing *finishing, uint64_t index, const struct sheet_row *read,
                       struct outcome *outcome, struct err *err)
{
    struct run *run = finishing->run;
    const struct row *row = &run->rows.row[index];

    if (row->state == ROW_DONE)
        return journal_outcome_at(run->journal, row->place, outcome, err);
    if (row->state == ROW_CARRIED || finishing->config->keep_earlier) {
        *outcome = read->earlier;
        return true;
    }
    *outcome = open_outcome(finishing, index, read);
    return true;
}

static struct span cell_of(const struct finishing *finishing, const struct sheet_row *read, enum field field)
{
    int column = finishing->style.header->column[field];

    return column >= 0 && (size_t)column < read->record.count ? read->record.cells[column] : (struct span){0};
}

static void count_row(struct finishing *finishing, uint64_t index, const struct sheet_row *read,
                      const struct outcome *outcome)
{
    struct run *run = finishing->run;
    const struct row_listener *listener = &finishing->config->listener;
    enum row_state state = run->rows.row[index].state;
    bool is_counted = state == ROW_DONE || state == ROW_CARRIED || finishing->config->keep_earlier;
    struct row_place place = {0};

    if (index < finishing->counted)
        return;
    finishing->counted = index + 1;
    if (!is_counted || listener->row != NULL)
        place = sheet_place(run->sheet, &run->rows, index);
    if (!is_counted)
        tally_row(run->tally, outcome, &place, clock_mono_ms());
    else if (state != ROW_DONE && state != ROW_CARRIED)
        tally_carried(run->tally, outcome->status);
    if (listener->row != NULL)
        listener->row(listener->context, &place, cell_of(finishing, read, FIELD_TYPE), outcome);
}

static bool write_row(struct finishing *finishing, uint64_t index, struct err *err)
{
    struct run *run = finishing->run;
    const struct row *row = &run->rows.row[index];
    struct sheet_row *read;
    struct outcome outcome;

    if (!sheet_record_at(run->sheet, row->offset, row->length, row->line, &read, err) ||
        !outcome_of(finishing, index, read, &outcome, err))
        return false;
    count_row(finishing, index, read, &outcome);
    if (finishing->output == NULL)
        return true;
    results_row(&finishing->out, &finishing->style, &read->record, &outcome);
    if (finishing->out.overflow)
        return err_set(err, EXIT_LOCAL, "%s: the row is too large to be written",
                       sheet_where(run->sheet, &run->rows, index));
    if (finishing->out.len < FLUSH_AT)
        return true;
    if (!output_write(finishing->output, buf_view(&finishing->out), err))
        return false;
    buf_reset(&finishing->out);
    return true;
}

static void show_writing(const struct finishing *finishing, uint64_t done)
{
    struct progress progress = {
        .doing = "writing the results",
        .total = finishing->run->rows.count,
        .done = done,
        .eta_ms = -1,
    };

    console_progress(finishing->run->console, &progress, clock_mono_ms());
}

static bool write_rows(struct finishing *finishing, struct err *err)
{
    struct run *run = finishing->run;

    for (uint64_t i = 0; i < run->rows.count; i++) {
        if (!write_row(finishing, i, err))
            return false;
        if (i % 4096 == 0)
            show_writing(finishing, i);
    }
    return finishing->output == NULL || output_write(finishing->output, buf_view(&finishing->out), err);
}

static void begin(struct finishing *finishing, struct run *run, const struct finish_config *config)
{
    *finishing = (struct finishing){
        .run = run,
        .config = config,
        .counted = config->is_counted ? UINT64_MAX : 0,
        .style =
            {
                .header = sheet_header(run->sheet),
                .dialect = *sheet_dialect(run->sheet),
                .bom = sheet_info(run->sheet)->bom,
                .redact = config->redact,
            },
    };
    buf_init(&finishing->out, LINE_MAX_BYTES);
}

/* What is there keeps another name, and the journal learns what is about to be there. */
static bool prepare_place(const struct finishing *finishing, uint64_t size, uint32_t crc, struct err *err)
{
    const struct run *run = finishing->run;
    const char *path = finishing->config->path;

    if (finishing->config->keep_replaced && !output_keep_replaced(path, sheet_has_secrets(run->sheet), err))
        return false;
    return journal_path(run->journal) == NULL || journal_done(run->journal, size, crc, err);
}

/*
 * The steps of which a crash may happen between any two: see journal.h. Where another run may be at work on the
 * results, or rename() fails, they get another name.
 */
static bool publish(struct finishing *finishing, struct err *err)
{
    struct run *run = finishing->run;
    struct output *output = finishing->output;
    struct journal *journal = run->journal;
    struct err unheard;
    uint64_t size;
    uint32_t crc;
    bool ready;

    if (!output_finish(output, &size, &crc, err))
        return false;
    ready = journal_is_ours(journal, err) && prepare_place(finishing, size, crc, err);
    if (ready && output_publish(output, err)) {
        finishing->output = NULL;
        run->journal = NULL;
        return journal_remove(journal, err);
    }
    if (ready || !journal_is_ours(journal, &unheard))
        finishing->kept = output_keep(output);
    return false;
}

struct output *finish_open(const char *path, bool secret, struct err *err)
{
    struct output_config how = {
        .path = path,
        .gzip = output_is_gzip(path),
        .secret = secret,
        .signals = stop_signals,
    };

    return output_open(&how, err);
}

static bool write_to(struct finishing *finishing, struct output *output, struct err *err)
{
    bool done;

    finishing->output = output;
    buf_reset(&finishing->out);
    results_header(&finishing->out, &finishing->style, sheet_header_record(finishing->run->sheet));
    done = write_rows(finishing, err) && publish(finishing, err);
    output_abandon(finishing->output);
    return done;
}

bool finish_results(struct run *run, const struct finish_config *config, char **kept, struct err *err)
{
    struct output *output = finish_open(config->path, sheet_has_secrets(run->sheet), err);
    struct finishing finishing;
    bool done;

    *kept = NULL;
    if (output == NULL)
        return false;
    begin(&finishing, run, config);
    done = write_to(&finishing, output, err);
    /* a run that has begun since the journal was lost may have swept the temporary file away */
    if (!done && finishing.kept == NULL && run->journal != NULL && !journal_is_ours(run->journal, err) &&
        (output = finish_open(config->path, sheet_has_secrets(run->sheet), err)) != NULL)
        write_to(&finishing, output, err);
    *kept = finishing.kept;
    buf_wipe(&finishing.out);
    return done;
}

/* The results in a file that nobody asked for; its path, or NULL. What the stream's trouble was is told, not this. */
static char *keep(struct finishing *finishing)
{
    struct err unheard;
    char *path = scratch_name(".csv", &unheard);
    struct output *output = path != NULL ? finish_open(path, true, &unheard) : NULL;

    if (output != NULL && write_to(finishing, output, &unheard))
        return path;
    if (path != NULL)
        unlink(path);
    free(path);
    return NULL;
}

bool finish_stream(struct run *run, const struct finish_config *config, struct output *stream, char **kept,
                   struct err *err)
{
    struct finishing finishing;
    bool done;

    begin(&finishing, run, config);
    done = write_to(&finishing, stream, err);
    if (!done && kept != NULL)
        *kept = keep(&finishing);
    buf_wipe(&finishing.out);
    return done;
}

bool finish_count(struct run *run, const struct finish_config *config, struct err *err)
{
    struct finishing finishing;
    bool done;

    begin(&finishing, run, config);
    done = write_rows(&finishing, err);
    buf_release(&finishing.out);
    return done;
}
