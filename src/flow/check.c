#include "flow/check.h"

#include "base/clock.h"
#include "flow/intake.h"

#include <stdlib.h>

struct checking {
    const struct check_config *config;
    struct console *console;
    struct reporting reporting;
    struct tally tally;
    struct facts facts;
    struct sheet *sheet;
    struct rows rows;
    struct intake intake;
};

static bool check_rows(struct checking *checking, struct err *err)
{
    const struct check_config *config = checking->config;
    struct intake_config how = {
        .allow_duplicates = config->allow_duplicates,
        .shard = config->shard,
        .shard_count = config->shard_count,
    };

    checking->intake.rows = &checking->rows;
    if (!reporting_open(&checking->reporting, &config->reporting, &checking->facts, err))
        return false;
    checking->sheet = sheet_open(&config->sheet, checking->console, err);
    if (checking->sheet == NULL || !intake_read(&checking->intake, checking->sheet, &how, checking->console, err))
        return false;
    checking->tally.rows = checking->rows.count;
    checking->facts.finished = checking->rows.in_state[ROW_CARRIED];
    if (reporting_has_checksums(&config->reporting))
        sheet_sha256(checking->sheet, checking->facts.input_sha256);
    return intake_refuse(&checking->intake, checking->sheet, NULL, checking->reporting.report, checking->reporting.log,
                         checking->console, &checking->tally, err);
}

enum exit_code check_run(const struct check_config *config, struct console *console)
{
    struct checking checking = {.config = config, .console = console};
    enum exit_code code;
    struct err err;

    tally_init(&checking.tally, clock_wall_ms(), clock_mono_ms());
    checking.facts = (struct facts){
        .command = "check",
        .input = source_is_stream(config->sheet.path) ? "-" : config->sheet.path,
        .repeat = config->repeat,
    };
    if (check_rows(&checking, &err)) {
        checking.facts.exit_code = tally_without(&checking.tally) > 0 ? EXIT_SOME_NOT : EXIT_ALL_DONE;
        code = reporting_end(&checking.reporting, &checking.facts, &checking.tally, console);
    } else
        code = reporting_fail(&checking.reporting, &checking.facts, &checking.tally, console, &err);
    rows_release(&checking.rows);
    free(checking.intake.named);
    sheet_close(checking.sheet);
    reporting_close(&checking.reporting);
    return code;
}
