#include "command/list.h"

#include "api/listing.h"
#include "base/alloc.h"
#include "command/paths.h"
#include "io/csv_write.h"
#include "io/disk.h"
#include "io/output.h"
#include "io/results.h"
#include "io/scratch.h"
#include "model/field.h"
#include "prior/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLUSH_AT = 1 << 18, ROW_MAX = 8 << 20 };

/* Rows are gathered in a temporary file: a list that fails half way is asked for again, and shows nothing. */
struct list {
    const struct list_config *config;
    struct session session;
    struct buf out, cell;
    struct listing listing;
    struct journal *journal; /* holds the lock of the file; NULL for a stream */
    struct output *stream;   /* until the list is written to it; NULL for a file */
    char delimiter;
    int fd;
    uint64_t written;
    uint64_t count[STATUSES];
    bool partial; /* the account's list says that there is more than it shows */
};

static void on_begin(void *context)
{
    struct list *list = context;

    list->written = 0;
    memset(list->count, 0, sizeof(list->count));
    buf_reset(&list->out);
}

/* Where it fails the command ends: the list would not get any further if it was asked for again. */
static bool flush(struct list *list)
{
    struct err err;

    if (lseek(list->fd, (off_t)list->written, SEEK_SET) < 0 || !disk_write(list->fd, list->out.data, list->out.len)) {
        disk_error(&err, "write", "a temporary file");
        client_fault(&list->session.client, &err);
        return false;
    }
    list->written += list->out.len;
    buf_reset(&list->out);
    return true;
}

/* Everything here is a server's text: nothing of it runs in a spreadsheet, and no key comes back through it. */
static void add_cell(struct list *list, struct span text, bool last)
{
    buf_reset(&list->cell);
    redactor_field(&list->session.client.redactor, (struct span){0}, text, &list->cell);
    csv_write_foreign(&list->out, buf_view(&list->cell), list->delimiter);
    buf_char(&list->out, last ? '\n' : list->delimiter);
}

static void add_emails(struct list *list, const struct connector *connector)
{
    struct buf joined;

    buf_init(&joined, ROW_MAX);
    for (size_t i = 0; i < connector->email_count; i++) {
        if (i > 0)
            buf_text(&joined, "; ");
        buf_span(&joined, connector->emails[i]);
    }
    add_cell(list, buf_view(&joined), false);
    buf_release(&joined);
}

/* What is told beside the fields: the columns of enum list_column, in its order. */
static void add_account_cells(struct list *list, const struct remote *remote)
{
    char files[32] = "", synced[32] = "";

    if (remote->files_count >= 0)
        snprintf(files, sizeof(files), "%.0f", remote->files_count);
    if (remote->last_sync_count >= 0)
        snprintf(synced, sizeof(synced), "%.0f", remote->last_sync_count);
    add_cell(list, remote->owner_id, false);
    add_cell(list, remote->updated_at, false);
    add_cell(list, span_of(files), false);
    add_cell(list, remote->last_sync_at, false);
    add_cell(list, remote->last_sync_status, false);
    add_cell(list, span_of(synced), false);
    add_cell(list, remote->last_sync_error_msg, false);
}

static bool on_connector(void *context, const struct remote *remote, struct span element)
{
    struct list *list = context;
    const struct connector *connector = &remote->connector;
    enum status status = remote->archived ? STATUS_ARCHIVED : STATUS_EXISTS;
    struct span none = {0};

    (void)element;
    list->count[status]++;
    add_cell(list, remote->type, false); /* also one that is not known here */
    add_cell(list, connector->label, false);
    add_cell(list, connector->description, false);
    add_cell(list, span_of(connector->share_with_org ? "true" : "false"), false);
    add_emails(list, connector);
    add_cell(list, connector->user_id, false);
    add_cell(list, none, false); /* user_password */
    add_cell(list, none, false); /* session_id */
    add_account_cells(list, remote);
    add_cell(list, span_of(status_name(status)), false);
    add_cell(list, remote->id, false);
    add_cell(list, remote->inbox_email, false);
    add_cell(list, none, false); /* http_status */
    add_cell(list, none, false); /* error_code */
    add_cell(list, none, false); /* error_message */
    add_cell(list, none, false); /* attempts */
    add_cell(list, remote->created_at, true);
    return list->out.len < FLUSH_AT || flush(list);
}

static void add_header(struct list *list, struct buf *out)
{
    for (size_t i = 0; i < FIELDS; i++) {
        buf_text(out, field_name((enum field)i));
        buf_char(out, list->delimiter);
    }
    for (size_t i = 0; i < LIST_COLUMNS; i++) {
        buf_text(out, list_column_name((enum list_column)i));
        buf_char(out, list->delimiter);
    }
    for (size_t i = 0; i < RESULT_COLUMNS; i++) {
        buf_text(out, result_column_name((enum result_column)i));
        buf_char(out, i + 1 < RESULT_COLUMNS ? list->delimiter : '\n');
    }
}

static bool copy_rows(struct list *list, struct output *output, struct err *err)
{
    static char piece[1 << 16];
    uint64_t at = 0;

    while (at < list->written) {
        ssize_t got = disk_read_at(list->fd, piece, sizeof(piece), (off_t)at);

        if (got <= 0)
            return disk_error(err, "read", "a temporary file");
        if (!output_write(output, (struct span){piece, (size_t)got}, err))
            return false;
        at += (uint64_t)got;
    }
    return true;
}

static struct output *open_output(const char *path, struct err *err)
{
    struct output_config how = {
        .path = path,
        .gzip = output_is_gzip(path),
        .signals = stop_signals,
        .secret = true, /* the columns are there for secrets to be filled in */
    };

    return output_open(&how, err);
}

static bool write_file(struct list *list, const char *path, struct err *err)
{
    struct output *output = list->stream != NULL ? list->stream : open_output(path, err);
    struct buf header;
    bool done;

    list->stream = NULL;
    if (output == NULL)
        return false;
    buf_init(&header, 4096);
    add_header(list, &header);
    done = output_write(output, buf_view(&header), err) && copy_rows(list, output, err) &&
           output_finish(output, NULL, NULL, err) && (list->journal == NULL || journal_is_ours(list->journal, err)) &&
           output_publish(output, err);
    if (!done) {
        char *kept = output_keep(output);

        if (kept != NULL)
            console_say(list->session.console, "connload: the list is in %s", kept);
        free(kept);
        output_abandon(output);
    }
    buf_release(&header);
    return done;
}

static bool check_place(const struct list *list, const char *path, struct err *err)
{
    if (!paths_can_hold(path, err))
        return false;
    if (output_is_stream(path) || list->config->force || access(path, F_OK) != 0)
        return true;
    return err_set(err, EXIT_USAGE, "%s exists; name another file with -o, or replace it with --force", path);
}

/*
 * The file may be another run's result file: one that works on it, or one that was interrupted and goes on from it.
 * Only then is it known whether the place is free.
 */
static bool lock_place(struct list *list, const char *path, struct err *err)
{
    if (output_is_stream(path))
        return true;
    list->journal = resume_take_place(path, err);
    return list->journal != NULL && check_place(list, path, err);
}

static bool fetch(struct list *list, struct err *err)
{
    struct listing_handler handler = {.context = list, .begin = on_begin, .connector = on_connector};
    bool fetched;

    listing_init(&list->listing, &list->session.client, &handler);
    fetched = listing_run(&list->listing, "listing the account") && flush(list);
    if (!fetched) {
        *err = list->session.client.err;
        session_note_end(&list->session);
    }
    if (fetched && list->listing.unreadable > 0)
        console_say(
            list->session.console,
            "connload: %llu elements of the account's list are no connectors that can be read; they are left out",
            (unsigned long long)list->listing.unreadable);
    list->partial = fetched && listing_says_more(&list->listing);
    if (list->partial)
        console_say(
            list->session.console,
            "connload: the server says that the account's list does not show everything: connectors are missing");
    listing_release(&list->listing);
    return fetched;
}

static bool work(struct list *list, const char *path, struct err *err)
{
    if (!session_open(&list->session, err) || !check_place(list, path, err) || !lock_place(list, path, err) ||
        !session_connect(&list->session, false, err))
        return false;
    if (output_is_stream(path) && (list->stream = open_output(path, err)) == NULL)
        return false;
    client_listen(&list->session.client);
    list->fd = scratch_open("the account's list", err);
    return list->fd >= 0 && fetch(list, err) && write_file(list, path, err);
}

static enum exit_code end(struct list *list, const char *path)
{
    struct tally *tally = &list->session.tally;

    list->session.info.results = path;
    for (int i = 0; i < STATUSES; i++)
        tally->status[i] = list->count[i];
    tally->rows = list->count[STATUS_EXISTS] + list->count[STATUS_ARCHIVED];
    return session_end(&list->session, list->partial ? EXIT_SOME_NOT : EXIT_ALL_DONE);
}

static void release(struct list *list)
{
    session_release(&list->session);
    output_abandon(list->stream);
    journal_close(list->journal);
    if (list->fd >= 0)
        close(list->fd);
    buf_release(&list->out);
    buf_release(&list->cell);
    free(list);
}

enum exit_code list_run(const struct list_config *config, struct console *console)
{
    struct list *list = alloc_zeroed(1, sizeof(*list));
    const char *path = config->output != NULL ? config->output : "-";
    enum exit_code code;
    struct err err;

    *list = (struct list){.config = config, .fd = -1};
    list->delimiter = config->delimiter != 0 ? config->delimiter : ',';
    buf_init(&list->out, FLUSH_AT + ROW_MAX);
    buf_init(&list->cell, ROW_MAX);
    session_init(&list->session, &config->session, console);
    code = work(list, path, &err) ? end(list, path) : session_fail(&list->session, &err);
    release(list);
    return code;
}
