/*
 * connload: turns a spreadsheet of connectors into connectors, each exactly once.
 *
 * The modules by layer, one line each. A layer sees itself and those before it; io and net never see each other, nor do
 * sheet and api, and no two modules see each other in a circle (scripts/layers proves it on every build).
 *
 * base: what any program needs
 *   alloc         memory that is there or ends the program
 *   arena         many small objects that live and die together, wiped
 *   buf           growing buffers with a cap; spans of somebody else's bytes
 *   clock         monotonic and wall clock; RFC 3339 and HTTP dates
 *   crash         where the crash harness kills the program; nothing in a normal build
 *   err           an error as a whole sentence with its exit code
 *   exit          the exit codes
 *   hash          for tables and for telling payloads apart
 *   num           numbers, durations and rates as people type them
 *   text          UTF-8; text made safe to show; columns by letter; the nearest of several names
 *   timers        what is due when
 *   version       which version this is
 * model: connectors and what is known of them; no file, no socket, no clock
 *   api_error     what an error answer says, without secrets
 *   check         every check of a row, with its sentence
 *   classify      what an answer, or the lack of one, means for a create
 *   connector     a payload's size, identity and comparison
 *   edit          what differs between a row and its connector, and the PUT that puts it right
 *   email         e-mail addresses
 *   field         types and fields, and which goes with which
 *   header        which column holds which field
 *   idset         a set of connectors' ids
 *   json          the home of cJSON
 *   json_list     a list answer read as it arrives
 *   json_text     the bytes of JSON texts before a parser sees them
 *   label         a label as a server may have kept it; home of utf8proc
 *   outcome       statuses, result columns, fates of requests
 *   payload       the body of a create
 *   redact        secrets taken out of what a server says
 *   remote        a connector as the API answers it
 *   spoilt        cells that a spreadsheet has changed
 * io: files and people
 *   columns       how wide text is on a terminal
 *   console       standard error: messages and the live line
 *   csv_read      records of a CSV; reading home of libcsv
 *   csv_scan      where cells and records end, and which delimiter it is
 *   csv_write     cells of a CSV; writing home of libcsv
 *   digest        SHA-256; home of libcrypto
 *   disk          whole writes and syncs, what the system refuses
 *   journal       what a run has promised and learned
 *   journal_head  its first record
 *   journal_scan  its other records, read back
 *   lock          one process for each result file
 *   log           --log
 *   output        a file that appears whole or not at all
 *   progress      the live line's text
 *   record        the fields of a journal's line
 *   results       the rows of a result file, out and in
 *   scratch       a temporary file without a name
 *   sniff         what the first bytes say an input is
 *   source        an input's bytes as UTF-8: file, stdin, gzip, UTF-16
 * net: the network, and policy about it
 *   fields        the header fields of an answer that matter
 *   http          many requests at once, none sent twice; with the next three the home of libcurl and libssl
 *   http_end      what became of a transfer, from libcurl's codes
 *   http_transfer one transfer: its headers, its body, whether it was sent
 *   http_url      base URL and proxy, taken apart
 *   outage        whether the service is away, and what is to be tried then
 *   pace          when the next request may be sent
 *   retry         backoff, Retry-After and RateLimit headers
 *   sockets       what has come in on an idle connection
 *   throttle      the pace that a server takes whose limit nobody named
 *   transport_error why a request has no whole answer
 *   url           which base URLs a key may be sent to
 *   window        times of sending, run-length coded
 * sheet: the input as checked rows
 *   first_pass    all rows read before anything is sent, twins found
 *   rows          the table of rows: the one place that changes a row's state
 *   secrets       the API key; env: and file: references
 *   sheet         the input as rows that are checked
 *   tags          which of many rows may be like one another
 *   warnings      what is no error of a row, and most likely a mistake all the same
 * api: requests under the pace, and what comes back
 *   client        sends requests and takes their answers; signals and the deadline seen
 *   history       what a key has used of its windows, and what was found of its limit, as text
 *   history_file  the file that keeps it between runs
 *   listing       one GET of the account
 *   loop          the event loop of every command
 *   lookup        one GET of each connector that is asked for by its id
 *   probe         whether the service answers again, asked one list at a time
 *   redactor      what must not come back through a server's text
 *   reply         the words of an answer, and its line in the log
 *   stop          why a run stops early
 *   tally         what happened, counted
 * run: the life of rows
 *   candidates    what a list has that may be lost rows'
 *   doubts        rows whose 403 may be everybody's
 *   events        the log's lines about rows
 *   finish        writes the result file
 *   judge         what a list means for lost rows: pure
 *   queue         rows to be sent again, and what is in flight
 *   receiver      takes the answers to rows that were sent
 *   refuse        rows that fail the checks get their outcome
 *   run           what the parts of a run share, and the verbs by which a row changes
 *   sender        sends rows
 *   settle        settles rows whose answer was lost: who waits, when to ask
 *   witness       whether a list shows what is known to exist
 *   words         what the server said of rows whose fate is not yet known
 * prior: what is there before the first row: the account, earlier result files, interrupted runs
 *   account       what the account says of the connectors that rows name
 *   amend         what differs between rows and connectors that they have, put right (--update)
 *   earlier       the connectors that the replaced result file names
 *   existing      which connector of the account answers for which row
 *   inherit       takes over what an interrupted run of another version of the sheet knew
 *   matches       connectors of the account that may be rows' own
 *   named         rows of a result file that name a connector, and would be sent
 *   owners        whose connectors are one's own
 *   resume        takes up an interrupted run
 * report: everything told about a run
 *   advice        what to do next
 *   chart         the report's pictures
 *   figures       every figure of a run, in one table
 *   html          the report's escaping
 *   live          what the live line shows
 *   metrics       --metrics
 *   page          the report's HTML, style and script, files of their own
 *   report        --report: the page's parts
 *   reporting     everything written about a run at its end
 *   run_info      what a run was
 *   summary       for people
 *   summary_json  --summary
 * command: what each command does
 *   ask           a question to whoever sits at the terminal
 *   check         `connload check`
 *   create        `connload create`: its steps and its loop
 *   ending        how a run ends: chosen by one pure function
 *   list          `connload list`
 *   paths         where the results go, and whether they may
 *   places        no file that is written is in the way of another
 *   plan          --dry-run
 *   rewrite       what the commands share that change a result file's connectors and write it anew
 *   session       what every command is set up with, and how its run is told of
 *   undo          `connload undo`
 *   status        `connload status`
 *   update        `connload update`
 * the top
 *   options       the command line, from one table
 *   usage         --help, --version and completions, from the same table
 *   main          this
 */
#include "options.h"
#include "usage.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/version.h"
#include "command/check.h"
#include "command/create.h"
#include "command/list.h"
#include "command/places.h"
#include "command/status.h"
#include "command/undo.h"
#include "command/update.h"
#include "io/console.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    FILES_OWN = 24,        /* that are open beside the connections, at most */
    FILES_EACH = 4,        /* that a connection takes while it is made: a name's lookup, or sockets for two addresses */
    SHOWN_MAX = 32 * 1024, /* bytes of an error's sentence, control characters written out */
};

static struct sheet_config sheet_of(const struct options *options)
{
    return (struct sheet_config){
        .path = options->input,
        .encoding = options->encoding,
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

static struct client_config client_of(const struct options *options)
{
    struct client_config config = {
        .http =
            {
                .base_url = options->base_url,
                .ca_file = options->ca_file,
                .proxy = options->proxy,
                .user_agent = "connload/" CONNLOAD_VERSION,
                .concurrency = (unsigned)options->concurrency,
                .timeout_ms = options->timeout_ms,
                .connect_timeout_ms = options->connect_timeout_ms,
                .http2 = options->http2,
            },
        .retry =
            {
                .max_attempts = (uint32_t)options->max_attempts,
                .base_ms = options->retry_base_ms,
                .cap_ms = options->retry_cap_ms,
            },
        .deadline_ms = options->deadline_ms,
        .max_outage_ms = options->max_outage_ms,
        .grace_ms = options->grace_ms,
        .remembers = options->shard_count <= 1, /* a shard keeps to its share, whatever the others use of theirs */
    };

    memcpy(config.rates, options->rates, sizeof(config.rates));
    return config;
}

static struct session_config session_of(const struct options *options)
{
    struct session_config config = {
        .command = command_name(options->command),
        .input = options->input,
        .repeat = options->repeat.data,
        .api_key_file = options->api_key_file,
        .reporting = reporting_of(options),
        .dry_run = options->dry_run,
    };

    if (options->command != COMMAND_CHECK)
        config.client = client_of(options);
    return config;
}

static struct paths_config paths_of(const struct options *options)
{
    return (struct paths_config){
        .input = options->input,
        .output = options->output,
        .may_replace = options->force || (options->skip_existing && !options->dry_run),
        .only_looks = options->command == COMMAND_CHECK || options->dry_run,
        .shard = options->shard,
        .shard_count = options->shard_count,
    };
}

static bool rewrites_input(const struct options *options)
{
    return options->command == COMMAND_UNDO || options->command == COMMAND_UPDATE;
}

/* `undo` and `update` rewrite their input; nobody has looked yet whether another command's is a result file, too. */
static bool check_places(const struct options *options, struct err *err)
{
    struct paths_config paths = paths_of(options);
    char *results = options->input != NULL ? paths_results(&paths, rewrites_input(options)) : NULL;
    struct places places = {
        .input = options->input,
        .results = results != NULL ? results : options->output,
        .keeps_replaced = options->skip_existing && !options->dry_run,
        .api_key_file = options->api_key_file,
        .ca_file = options->ca_file,
        .log = options->log,
        .summary = options->summary,
        .metrics = options->metrics,
        .report = options->report,
    };
    bool apart = places_apart(&places, err);

    free(results);
    return apart;
}

static enum exit_code check(const struct options *options, struct console *console)
{
    struct check_config config = {
        .session = session_of(options),
        .sheet = sheet_of(options),
        .paths = paths_of(options),
        .allow_duplicates = options->allow_duplicates,
        .redact = options->redact,
        .shard = options->shard,
        .shard_count = options->shard_count,
    };

    return check_run(&config, console);
}

static enum exit_code create(const struct options *options, struct console *console)
{
    struct create_config config = {
        .session = session_of(options),
        .sheet = sheet_of(options),
        .paths = paths_of(options),
        .settle_ms = options->settle_ms,
        .late_ms = options->late_ms,
        .limit = options->limit,
        .max_failures = options->max_failures,
        .max_failures_percent = options->max_failures_percent,
        .shard = options->shard,
        .shard_count = options->shard_count,
        .skip_existing = options->skip_existing,
        .update = options->update,
        .again = options->again,
        .strict = options->strict,
        .allow_duplicates = options->allow_duplicates,
        .preflight = !options->no_preflight,
        .redact = options->redact,
    };

    return create_run(&config, console);
}

static struct rewrite_config rewrite_of(const struct options *options)
{
    return (struct rewrite_config){
        .session = session_of(options),
        .sheet = sheet_of(options),
        .settle_ms = options->settle_ms,
        .redact = options->redact,
    };
}

static enum exit_code undo(const struct options *options, struct console *console)
{
    struct undo_config config = {.rewrite = rewrite_of(options), .yes = options->yes};

    return undo_run(&config, console);
}

static enum exit_code update(const struct options *options, struct console *console)
{
    struct update_config config = {.rewrite = rewrite_of(options), .again = options->again};

    return update_run(&config, console);
}

static enum exit_code status(const struct options *options, struct console *console)
{
    struct rewrite_config config = rewrite_of(options);

    return status_run(&config, console);
}

static enum exit_code list(const struct options *options, struct console *console)
{
    struct list_config config = {
        .session = session_of(options),
        .output = options->output,
        .delimiter = options->delimiter,
        .force = options->force,
    };

    return list_run(&config, console);
}

/*
 * Descriptors for the connections and for what else is open, before the first of them is missing: the soft limit is
 * raised to what may be wanted at worst, as far as the hard one lets it.
 */
static bool allow_files(const struct options *options, struct err *err)
{
    rlim_t at_once = options->command == COMMAND_LIST ? 1 : options->concurrency;
    rlim_t needed = FILES_OWN + at_once, wanted = FILES_OWN + FILES_EACH * at_once;
    struct rlimit limit;

    if (options->command == COMMAND_CHECK || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return true;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur >= needed ||
           err_set(err, EXIT_LOCAL, "%ju open files are needed, and %ju are allowed: raise that limit (ulimit -n)%s",
                   (uintmax_t)needed, (uintmax_t)limit.rlim_cur,
                   limit.rlim_cur > FILES_OWN ? ", or lower --concurrency" : "");
}

/* A run that can't begin is told of where the next morning looks. */
static enum exit_code fail(const struct options *options, struct console *console, const struct err *err)
{
    static struct session session;
    struct session_config config = session_of(options);
    enum exit_code code;

    session_init(&session, &config, console);
    code = session_fail(&session, err);
    session_release(&session);
    return code;
}

static enum exit_code run(const struct options *options)
{
    static enum exit_code (*const commands[COMMANDS])(const struct options *, struct console *) = {
        [COMMAND_CHECK] = check, [COMMAND_CREATE] = create, [COMMAND_UPDATE] = update,
        [COMMAND_UNDO] = undo,   [COMMAND_LIST] = list,     [COMMAND_STATUS] = status,
    };
    struct console_config config = {.fd = STDERR_FILENO, .quiet = options->quiet, .verbose = options->verbose};
    struct console *console = console_new(&config);
    enum exit_code code;
    struct err err;

    code = allow_files(options, &err) ? commands[options->command](options, console) : fail(options, console, &err);
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
 * Files that are opened never land on the standard descriptors, should these be closed. What takes their place can't be
 * read or written, also not by the name of /dev/stdout: results that go nowhere are not taken for written ones.
 */
static void guard_descriptors(void)
{
    if (fcntl(STDIN_FILENO, F_GETFD) < 0 && open("/dev/null", O_WRONLY) < 0)
        return;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/", O_RDONLY | O_DIRECTORY) < 0)
            return;
}

/* Writes that can't be done fail and are told of, instead of ending the process. */
static void guard_writes(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* What stands on the command line may hold a terminal's escapes, as any file's name may. */
static enum exit_code refuse(const struct err *err)
{
    struct buf shown;

    buf_init(&shown, SHOWN_MAX);
    text_show(&shown, span_of(err->text), sizeof(err->text));
    fprintf(stderr, "connload: %s\n", buf_view(&shown).data);
    buf_release(&shown);
    return err->code;
}

/* Output that did not arrive is local trouble: `connload --help >/dev/full`. */
static enum exit_code flushed(enum exit_code code)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || code != EXIT_ALL_DONE)
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
    return check_places(options, err) ? run(options) : refuse(err);
}

int main(int argc, char **argv)
{
    struct options options;
    enum exit_code code;
    struct err err;

    guard_memory();
    guard_descriptors();
    guard_writes();
    code = options_parse(&options, argc, argv, &err) ? flushed(act(&options, &err)) : refuse(&err);
    options_release(&options);
    return (int)code;
}
