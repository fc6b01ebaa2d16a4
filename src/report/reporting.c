#include "report/reporting.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/version.h"
#include "io/disk.h"
#include "io/output.h"
#include "report/metrics.h"
#include "report/summary.h"
#include "report/summary_json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool check_writable(const char *option, const char *path, struct err *err)
{
    char *target, *folder;
    struct stat about;
    bool writable;

    if (path == NULL || output_is_stream(path))
        return true;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return err_set(err, EXIT_LOCAL, "%s %s is a folder; name a file", option, path);
    target = disk_target(path, err);
    if (target == NULL)
        return false;
    folder = disk_folder(target);
    writable = access(folder, W_OK | X_OK) == 0;
    if (!writable)
        err_system(err, "%s %s can't be written", option, path);
    free(folder);
    free(target);
    return writable;
}

static void log_start_of_run(struct reporting *reporting, const struct run_info *info)
{
    struct json_object *line = log_begin(reporting->log, "start");
    char rate[RATES_TEXT];

    if (line == NULL)
        return;
    json_object_text(line, "connload", span_of(CONNLOAD_VERSION));
    json_object_integer(line, "pid", getpid());
    json_object_text(line, "command", span_of(info->command));
    if (info->input != NULL)
        json_object_text(line, "input", span_of(info->input));
    if (info->base_url != NULL) {
        json_object_text(line, "base_url", span_of(info->base_url));
        json_object_text(line, "rate", span_of(num_format_rates(rate, info->rates)));
    }
    json_object_bool(line, "dry_run", info->dry_run);
    log_end(reporting->log, line);
}

bool reporting_open(struct reporting *reporting, const struct reporting_config *config, const struct run_info *info,
                    struct err *err)
{
    *reporting = (struct reporting){.config = *config};
    if (!check_writable("--summary", config->summary, err) || !check_writable("--metrics", config->metrics, err) ||
        !check_writable("--report", config->report, err))
        return false;
    if (config->log != NULL && (reporting->log = log_open(config->log, err)) == NULL)
        return false;
    log_start_of_run(reporting, info);
    if (config->report != NULL)
        reporting->report = report_new();
    reporting->open = true;
    return true;
}

void reporting_close(struct reporting *reporting)
{
    log_close(reporting->log);
    report_free(reporting->report);
    *reporting = (struct reporting){0};
}

static void log_end_of_run(struct reporting *reporting, const struct run_info *info, const struct tally *tally)
{
    struct json_object *line = log_begin(reporting->log, "end");

    if (line == NULL)
        return;
    json_object_integer(line, "pid", getpid());
    json_object_integer(line, "exit_code", info->exit_code);
    if (info->stop != STOP_NONE)
        json_object_text(line, "stop", span_of(stop_reason_name(info->stop)));
    if (info->stop_text != NULL)
        json_object_text(line, "message", span_of(info->stop_text));
    for (int i = STATUS_CREATED; i < STATUSES; i++)
        json_object_integer(line, status_name((enum status)i), (int64_t)tally->status[i]);
    log_end(reporting->log, line);
}

bool reporting_has_checksums(const struct reporting_config *config)
{
    return config->summary != NULL || config->report != NULL;
}

/* Checksums are for audits: a file that can't be read any more has none. */
static void add_checksum(const struct reporting *reporting, struct run_info *info)
{
    struct err unheard;

    if (!reporting_has_checksums(&reporting->config))
        return;
    if (info->results != NULL && !output_is_stream(info->results) &&
        !digest_file(info->results, info->results_sha256, &unheard))
        info->results_sha256[0] = '\0';
}

/* What can't be written is said, unless a file that can't be written is what the run failed of. */
static enum exit_code write_files(const struct reporting *reporting, const struct run_info *info,
                                  const struct tally *tally, struct console *console)
{
    const struct reporting_config *config = &reporting->config;
    struct err err[4];
    bool written[4] = {
        config->summary == NULL || summary_json_write(config->summary, info, tally, &err[0]),
        config->metrics == NULL || metrics_write(config->metrics, info, tally, &err[1]),
        config->report == NULL || report_write(reporting->report, config->report, info, tally, &err[2]),
        log_flush(reporting->log, &err[3]),
    };
    enum exit_code code = info->exit_code;

    for (int i = 0; i < 4; i++) {
        if (written[i])
            continue;
        code = EXIT_LOCAL;
        if (reporting->open)
            console_say(console, "connload: %s", err[i].text);
    }
    return code;
}

static void stop_clocks(struct tally *tally)
{
    tally->ended_wall_ms = clock_wall_ms();
    tally->took_ms = clock_mono_ms() - tally->started_ms;
}

enum exit_code reporting_end(struct reporting *reporting, struct run_info *info, struct tally *tally,
                             struct console *console)
{
    stop_clocks(tally);
    add_checksum(reporting, info);
    log_end_of_run(reporting, info, tally);
    console_clear(console);
    summary_show(console, info, tally);
    return write_files(reporting, info, tally, console);
}

enum exit_code reporting_fail(struct reporting *reporting, struct run_info *info, struct tally *tally,
                              struct console *console, const struct err *err)
{
    console_clear(console);
    console_say(console, "connload: %s", err->text);
    if (err->code == EXIT_USAGE)
        return err->code;
    info->exit_code = err->code;
    if (err->code == EXIT_INPUT)
        info->stop = STOP_INPUT;
    else if (err->code == EXIT_LOCAL || info->stop == STOP_NONE)
        info->stop = STOP_LOCAL;
    info->stop_text = err->text;
    if (reporting->report == NULL)
        reporting->report = report_new();
    stop_clocks(tally);
    add_checksum(reporting, info);
    log_end_of_run(reporting, info, tally);
    write_files(reporting, info, tally, console);
    return err->code;
}
