/*
 * connload: turns a spreadsheet of connectors into connectors, each exactly once.
 *
 * The modules, by layer; each sees only its own layer and those above it in this list.
 *
 *   base    alloc buf err exit num clock timers text hash crash version
 *   model   pure: no file, no socket, no clock
 *   io      files, and people
 *   net     the network; io and net never see each other
 *   flow    the commands
 *   .       options (the command line), usage (help and completions), main
 */
#include "options.h"
#include "usage.h"

#include "base/alloc.h"
#include "base/version.h"
#include "flow/check.h"
#include "flow/create.h"
#include "flow/list.h"
#include "flow/undo.h"
#include "io/console.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static struct sheet_config sheet_of(const struct options *options)
{
    return (struct sheet_config){
        .path = options->input,
        .delimiter = options->delimiter,
        .maps = options->maps,
        .map_count = options->map_count,
        .defaults = options->defaults,
        .secret_refs = options->secret_refs,
    };
}

static struct reporting_config reporting_of(const struct options *options)
{
    return (struct reporting_config){
        .log = options->log,
        .summary = options->summary,
        .metrics = options->metrics,
        .report = options->report,
    };
}

static struct courier_config courier_of(const struct options *options)
{
    return (struct courier_config){
        .http = {
            .base_url = options->base_url,
            .ca_file = options->ca_file,
            .proxy = options->proxy,
            .user_agent = "connload/" CONNLOAD_VERSION,
            .concurrency = (unsigned)options->concurrency,
            .timeout_ms = options->timeout_ms,
            .connect_timeout_ms = options->connect_timeout_ms,
            .http2 = options->http2,
        },
        .rate = options->rate,
        .retry = {
            .max_attempts = (uint32_t)options->max_attempts,
            .base_ms = options->retry_base_ms,
            .cap_ms = options->retry_cap_ms,
        },
        .deadline_ms = options->deadline_ms,
        .grace_ms = options->grace_ms,
    };
}

static enum exit_code check(const struct options *options, struct console *console)
{
    struct check_config config = {
        .sheet = sheet_of(options),
        .repeat = options->repeat.data,
        .reporting = reporting_of(options),
        .allow_duplicates = options->allow_duplicates,
        .shard = options->shard,
        .shard_count = options->shard_count,
    };

    return check_run(&config, console);
}

static enum exit_code create(const struct options *options, struct console *console)
{
    struct create_config config = {
        .sheet = sheet_of(options),
        .courier = courier_of(options),
        .paths = {
            .input = options->input,
            .output = options->output,
            .may_replace = options->force || (options->skip_existing && !options->dry_run),
            .shard = options->shard,
            .shard_count = options->shard_count,
        },
        .repeat = options->repeat.data,
        .reporting = reporting_of(options),
        .api_key_file = options->api_key_file,
        .settle_ms = options->settle_ms,
        .limit = options->limit,
        .max_failures = options->max_failures,
        .max_failures_percent = options->max_failures_percent,
        .shard = options->shard,
        .shard_count = options->shard_count,
        .skip_existing = options->skip_existing,
        .dry_run = options->dry_run,
        .strict = options->strict,
        .allow_duplicates = options->allow_duplicates,
        .preflight = !options->no_preflight,
        .redact = options->redact,
    };

    return create_run(&config, console);
}

static enum exit_code undo(const struct options *options, struct console *console)
{
    struct undo_config config = {
        .sheet = sheet_of(options),
        .courier = courier_of(options),
        .repeat = options->repeat.data,
        .reporting = reporting_of(options),
        .api_key_file = options->api_key_file,
        .yes = options->yes,
        .dry_run = options->dry_run,
        .redact = options->redact,
    };

    return undo_run(&config, console);
}

static enum exit_code list(const struct options *options, struct console *console)
{
    struct list_config config = {
        .courier = courier_of(options),
        .reporting = reporting_of(options),
        .api_key_file = options->api_key_file,
        .output = options->output,
        .delimiter = options->delimiter,
        .force = options->force,
    };

    return list_run(&config, console);
}

static enum exit_code run(const struct options *options)
{
    static enum exit_code (*const commands[COMMANDS])(const struct options *, struct console *) = {
        [COMMAND_CHECK] = check,
        [COMMAND_CREATE] = create,
        [COMMAND_UNDO] = undo,
        [COMMAND_LIST] = list,
    };
    struct console_config config = {.fd = STDERR_FILENO, .quiet = options->quiet, .verbose = options->verbose};
    struct console *console = console_new(&config);
    enum exit_code code = commands[options->command](options, console);

    console_free(console);
    return code;
}

/* The process holds a key and brokers' passwords: no core dump, and no look into its memory by the same user. */
static void guard_memory(void)
{
    struct rlimit none = {0};

    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
}

/*
 * Writes that can't be done fail and are told of, instead of ending the process; and files that are opened never land on the
 * standard descriptors, should these be closed.
 */
static void guard_writes(void)
{
    int fd;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

static enum exit_code refuse(const struct err *err)
{
    fprintf(stderr, "connload: %s\n", err->text);
    return err->code;
}

/* Output that did not arrive is local trouble: `connload --help >/dev/full`. */
static enum exit_code flushed(enum exit_code code)
{
    if (fflush(stdout) == 0 || code != EXIT_ALL_DONE)
        return code;
    fprintf(stderr, "connload: standard output can't be written\n");
    return EXIT_LOCAL;
}

static enum exit_code act(const struct options *options, struct err *err)
{
    if (options->completion != NULL)
        return usage_completion(options->completion, err) ? EXIT_ALL_DONE : refuse(err);
    if (options->version) {
        usage_version();
        return EXIT_ALL_DONE;
    }
    if (options->help) {
        usage_help(options->command);
        return EXIT_ALL_DONE;
    }
    return run(options);
}

int main(int argc, char **argv)
{
    struct options options;
    enum exit_code code;
    struct err err;

    guard_memory();
    guard_writes();
    code = options_parse(&options, argc, argv, &err) ? flushed(act(&options, &err)) : refuse(&err);
    options_release(&options);
    return (int)code;
}
