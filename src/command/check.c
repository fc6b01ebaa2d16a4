#include "command/check.h"

#include "base/clock.h"
#include "prior/resume.h"
#include "run/finish.h"
#include "run/refuse.h"
#include "sheet/first_pass.h"

#include <stdlib.h>

struct checking {
    const struct check_config *config;
    struct session session;
    struct run run; /* of it sheet, rows, journal, console and tally alone */
    struct first_pass pass;
    struct paths paths;    /* of -o */
    struct journal *place; /* holds its lock; NULL for a stream */
    struct output *stream; /* it, where it is one */
    char *kept;            /* where the results are that could not get their name; or NULL */
};

/* What can't be written is known before the rows are read. */
static bool open_results(struct checking *checking, struct err *err)
{
    const struct paths_config *config = &checking->config->paths;
    struct paths *paths = &checking->paths;
    struct sheet *sheet = checking->run.sheet;

    if (config->output == NULL)
        return true;
    if (!paths_find(paths, config, sheet_header(sheet)->is_result, err))
        return false;
    if (paths->is_stream)
        checking->stream = finish_open(paths->results, sheet_has_secrets(sheet), err);
    else
        checking->place = resume_take_place(paths->results, err);
    if ((checking->stream == NULL && checking->place == NULL) || !paths_may_begin(paths, config, err))
        return false;
    checking->run.journal = journal_scratch(err);
    return checking->run.journal != NULL;
}

static bool check_rows(struct checking *checking, struct err *err)
{
    const struct check_config *config = checking->config;
    struct run *run = &checking->run;
    struct first_pass_config how = {
        .compares_labels = true,
        .allow_duplicates = config->allow_duplicates,
        .shard = config->shard,
        .shard_count = config->shard_count,
    };
    struct row_listener listener;

    checking->pass.rows = &run->rows;
    if (!session_open(&checking->session, err))
        return false;
    run->sheet = sheet_open(&config->sheet, checking->session.console, err);
    if (run->sheet == NULL || !open_results(checking, err) ||
        !first_pass_read(&checking->pass, run->sheet, &how, checking->session.console, err))
        return false;
    checking->session.tally.rows = run->rows.count;
    checking->session.info.finished = run->rows.in_state[ROW_CARRIED];
    if (reporting_has_checksums(&config->session.reporting))
        sheet_sha256(run->sheet, checking->session.info.input_sha256);
    run->log = checking->session.reporting.log;
    listener = report_listener(checking->session.reporting.report);
    if (!refuse_invalid(run, &listener, err))
        return false;
    warnings_say(&checking->pass.warnings, run->sheet, &run->rows, checking->session.console);
    return true;
}

static bool write_results(struct checking *checking, struct err *err)
{
    const struct finish_config how = {
        .path = checking->paths.results,
        .redact = checking->config->redact,
        .is_counted = true,
    };
    struct output *stream = checking->stream;

    if (how.path == NULL)
        return true;
    checking->stream = NULL;
    if (stream != NULL ? !finish_stream(&checking->run, &how, stream, NULL, err)
                       : !finish_results(&checking->run, &how, &checking->kept, err))
        return false;
    checking->session.info.results = how.path;
    return true;
}

static void release(struct checking *checking)
{
    struct run *run = &checking->run;

    output_abandon(checking->stream);
    paths_release(&checking->paths);
    free(checking->kept);
    rows_release(&run->rows);
    free(checking->pass.named);
    journal_close(run->journal);
    journal_close(checking->place);
    sheet_close(run->sheet);
    session_release(&checking->session);
}

enum exit_code check_run(const struct check_config *config, struct console *console)
{
    struct checking checking = {.config = config, .run = {.console = console, .tally = &checking.session.tally}};
    struct tally *tally = &checking.session.tally;
    enum exit_code code;
    struct err err;

    session_init(&checking.session, &config->session, console);
    if (check_rows(&checking, &err) && write_results(&checking, &err))
        code = session_end(&checking.session, tally_without(tally) > 0 ? EXIT_SOME_NOT : EXIT_ALL_DONE);
    else
        code = session_fail(&checking.session, &err);
    if (checking.kept != NULL)
        console_say(console, "connload: the results are in %s", checking.kept);
    release(&checking);
    return code;
}
