#include "options.h"

#include "base/text.h"
#include "io/source.h"

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK (1U << COMMAND_CHECK)
#define CREATE (1U << COMMAND_CREATE)
#define UPDATE (1U << COMMAND_UPDATE)
#define UNDO (1U << COMMAND_UNDO)
#define LIST (1U << COMMAND_LIST)
#define STATUS (1U << COMMAND_STATUS)
#define SHEET (CHECK | CREATE)
#define REWRITE (UPDATE | UNDO)
#define NET (CREATE | REWRITE | LIST | STATUS)
#define ALL (CHECK | NET)
#define AT(member) offsetof(struct options, member)

static const struct option_spec table[] = {
    {"encoding", 0, "NAME", SHEET | REWRITE | STATUS, GROUP_INPUT, KIND_ENCODING, AT(encoding), 0, 0,
     "what a sheet that is not UTF-8 was saved in: windows-1252, or what else iconv knows"},
    {"delimiter", 0, "CHAR", ALL, GROUP_INPUT, KIND_DELIMITER, AT(delimiter), 0, 0,
     "cells are separated by this: , ; tab, or any other ASCII character (found from the header)"},
    {"map", 0, "FIELD=COLUMN", SHEET | REWRITE | STATUS, GROUP_INPUT, KIND_MAP, AT(maps), 0, 0,
     "the column of that name holds the field; may be given for each field"},
    {"default", 0, "FIELD=VALUE", SHEET, GROUP_INPUT, KIND_DEFAULT, AT(defaults), 0, 0,
     "the value of empty cells, or of a missing column; a secret's only as a reference"},
    {"secret-refs", 0, NULL, SHEET, GROUP_INPUT, KIND_FLAG, AT(secret_refs), 0, 0,
     "a secret cell may say where the secret is: env:NAME or file:PATH"},
    {"allow-duplicates", 0, NULL, SHEET, GROUP_INPUT, KIND_FLAG, AT(allow_duplicates), 0, 0,
     "rows with the same payload each get a connector"},
    {"shard", 0, "K/N", SHEET, GROUP_INPUT, KIND_SHARD, AT(shard), 0, 0,
     "only part K of N of the rows, at one Nth of the rate"},

    {"output", 'o', "FILE", SHEET | LIST, GROUP_RESULTS, KIND_TEXT, AT(output), 0, 0,
     "the result file; - is standard output (INPUT.results.csv; check: none; list: -)"},
    {"force", 0, NULL, SHEET | LIST, GROUP_RESULTS, KIND_FLAG, AT(force), 0, 0,
     "replace an existing result file, whatever it says"},
    {"redact", 0, NULL, SHEET | REWRITE, GROUP_RESULTS, KIND_FLAG, AT(redact), 0, 0,
     "empty the secret cells of every row of the results, not of the finished ones alone"},

    {"skip-existing", 0, NULL, CREATE, GROUP_ROWS, KIND_FLAG, AT(skip_existing), 0, 0,
     "do not create what the account has already (same type and label)"},
    {"update", 0, NULL, CREATE, GROUP_ROWS, KIND_FLAG, AT(update), 0, 0,
     "with --skip-existing: put right what differs in connectors that rows have"},
    {"again", 0, NULL, CREATE | UPDATE, GROUP_ROWS, KIND_FLAG, AT(again), 0, 0,
     "do not mind exact twins in the account; of update: what was changed there meanwhile"},
    {"dry-run", 'n', NULL, CREATE | REWRITE, GROUP_ROWS, KIND_FLAG, AT(dry_run), 0, 0,
     "say what would be done to each row, and change nothing"},
    {"strict", 0, NULL, CREATE, GROUP_ROWS, KIND_FLAG, AT(strict), 0, 0,
     "send nothing unless every row passes the checks"},
    {"limit", 0, "N", CREATE, GROUP_ROWS, KIND_NUMBER, AT(limit), 1, UINT32_MAX, "send the first N sendable rows only"},
    {"max-failures", 0, "N|P%", CREATE, GROUP_ROWS, KIND_SHARE, AT(max_failures), 0, 0,
     "stop when so many rows, or so large a share of those to be sent, have failed"},
    {"deadline", 0, "DURATION", NET, GROUP_ROWS, KIND_DURATION, AT(deadline_ms), 1, 0,
     "stop when the run has taken so long"},
    {"grace", 0, "DURATION", CREATE | REWRITE, GROUP_ROWS, KIND_DURATION, AT(grace_ms), 0, 0,
     "when stopping, how long to wait for what is in flight (30s)"},
    {"yes", 0, NULL, UNDO, GROUP_ROWS, KIND_FLAG, AT(yes), 0, 0, "do not ask before archiving"},

    {"rate", 0, "N/WINDOW,...|none", NET, GROUP_PACE, KIND_RATE, AT(rates), 0, 0,
     "at most N requests in any rolling window: 500/m, or several: 500/m,50/10s (500/m)"},
    {"concurrency", 0, "N", CREATE | REWRITE | STATUS, GROUP_PACE, KIND_NUMBER, AT(concurrency), 1, 1000,
     "requests in flight at once (16)"},
    {"max-attempts", 0, "N", NET, GROUP_PACE, KIND_NUMBER, AT(max_attempts), 1, 100,
     "requests for a row, at the most (5)"},
    {"retry-base", 0, "DURATION", NET, GROUP_PACE, KIND_DURATION, AT(retry_base_ms), 0, 0,
     "the backoff's first step; it doubles, with full jitter (500ms)"},
    {"retry-cap", 0, "DURATION", NET, GROUP_PACE, KIND_DURATION, AT(retry_cap_ms), 0, 0,
     "the backoff's longest step (60s)"},
    {"max-outage", 0, "DURATION", NET, GROUP_PACE, KIND_DURATION, AT(max_outage_ms), 0, 0,
     "how long a service that is away is waited for (10m)"},
    {"settle", 0, "DURATION", CREATE | REWRITE, GROUP_PACE, KIND_DURATION, AT(settle_ms), 0, 0,
     "how long reads may lag writes: a lost answer waits so long for the list (5s)"},
    {"late", 0, "DURATION", CREATE, GROUP_PACE, KIND_DURATION, AT(late_ms), 0, 0,
     "how long a lost request may still be acted on: absence is believed after it (30s)"},

    {"api-key-file", 0, "FILE", NET, GROUP_API, KIND_TEXT, AT(api_key_file), 0, 0,
     "holds the API key, for its owner and group alone; - is standard input ($BIGDATA_API_KEY)"},
    {"base-url", 0, "URL", NET, GROUP_API, KIND_TEXT, AT(base_url), 0, 0,
     "where the API is ($BIGDATA_API_BASE_URL, https://api.bigdata.com)"},
    {"no-preflight", 0, NULL, CREATE, GROUP_API, KIND_FLAG, AT(no_preflight), 0, 0,
     "do not list the account before the first row"},
    {"timeout", 0, "DURATION", NET, GROUP_API, KIND_DURATION, AT(timeout_ms), 1, 0, "for a whole request (30s)"},
    {"connect-timeout", 0, "DURATION", NET, GROUP_API, KIND_DURATION, AT(connect_timeout_ms), 1, 0,
     "for a connection to be made (10s)"},
    {"cacert", 0, "FILE", NET, GROUP_API, KIND_TEXT, AT(ca_file), 0, 0,
     "certificates to trust ($SSL_CERT_FILE, the system's)"},
    {"proxy", 0, "URL", NET, GROUP_API, KIND_TEXT, AT(proxy), 0, 0, "the proxy to use ($HTTPS_PROXY, …)"},
    {"http2", 0, NULL, NET, GROUP_API, KIND_FLAG, AT(http2), 0, 0, "HTTP/2 where the server has it"},

    {"log", 0, "FILE", ALL, GROUP_REPORTS, KIND_TEXT, AT(log), 0, 0, "add a JSON line for each attempt and event"},
    {"summary", 0, "FILE", ALL, GROUP_REPORTS, KIND_TEXT, AT(summary), 0, 0, "write the summary as JSON"},
    {"metrics", 0, "FILE", ALL, GROUP_REPORTS, KIND_TEXT, AT(metrics), 0, 0, "write metrics for Prometheus"},
    {"report", 0, "FILE", ALL, GROUP_REPORTS, KIND_TEXT, AT(report), 0, 0,
     "write an HTML page with charts and the failed rows"},

    {"quiet", 'q', NULL, ALL, GROUP_GENERAL, KIND_FLAG, AT(quiet), 0, 0, "no progress, no notes, no summary"},
    {"verbose", 'v', NULL, ALL, GROUP_GENERAL, KIND_FLAG, AT(verbose), 0, 0, "say more about what happens"},
    {"help", 'h', NULL, ALL, GROUP_GENERAL, KIND_FLAG, AT(help), 0, 0, "show this"},
    {"version", 0, NULL, ALL, GROUP_GENERAL, KIND_FLAG, AT(version), 0, 0,
     "show the versions of connload and its libraries"},
    {"completion", 0, "SHELL", ALL, GROUP_HIDDEN, KIND_TEXT, AT(completion), 0, 0,
     "print the completions for bash, zsh or fish"},
};
enum { OPTIONS = sizeof(table) / sizeof(table[0]), FIRST_LONG = 256, REPEAT_MAX = 1 << 20 };

static const char *const names[] = {
    [COMMAND_NONE] = "",     [COMMAND_CHECK] = "check", [COMMAND_CREATE] = "create", [COMMAND_UPDATE] = "update",
    [COMMAND_UNDO] = "undo", [COMMAND_LIST] = "list",   [COMMAND_STATUS] = "status",
};
static_assert(sizeof(names) / sizeof(names[0]) == COMMANDS, "every command has a name");

const struct option_spec *options_table(size_t *count)
{
    *count = OPTIONS;
    return table;
}

const char *command_name(enum command command)
{
    return names[command];
}

/* ---- Values ---- */

static bool refuse(const struct option_spec *spec, const char *value, const char *wanted, struct err *err)
{
    struct buf shown;

    buf_init(&shown, 4096);
    text_quote(&shown, span_of(value), 60);
    err_set(err, EXIT_USAGE, "--%s %s: %s", spec->name, shown.data, wanted);
    buf_release(&shown);
    return false;
}

static bool read_number(const struct option_spec *spec, const char *value, void *member, struct err *err)
{
    char wanted[80];

    if (num_parse(value, spec->min, spec->max, member))
        return true;
    snprintf(wanted, sizeof(wanted), "needs a whole number from %" PRIu64 " to %" PRIu64, spec->min, spec->max);
    return refuse(spec, value, wanted, err);
}

static bool read_duration(const struct option_spec *spec, const char *value, void *member, struct err *err)
{
    int64_t *ms = member;

    if (!num_parse_duration(value, ms))
        return refuse(spec, value, "needs a duration, like 250ms, 30s, 5m or 2h", err);
    if (*ms < (int64_t)spec->min)
        return refuse(spec, value, "must be more than nothing", err);
    return true;
}

static bool read_rate(const struct option_spec *spec, const char *value, void *member, struct err *err)
{
    return num_parse_rates(value, member) || refuse(spec, value, "needs a rate, like 500/m, 20/s, 50/3s, or none", err);
}

static bool read_encoding(const struct option_spec *spec, const char *value, void *member, struct err *err)
{
    const char **encoding = member;

    *encoding = source_is_utf8(value) ? NULL : value;
    return *encoding == NULL || source_knows(value) ||
           refuse(spec, value, "iconv knows no such encoding; `iconv -l` lists those that it knows", err);
}

static bool read_delimiter(const struct option_spec *spec, const char *value, void *member, struct err *err)
{
    char *delimiter = member;

    if (strcmp(value, "tab") == 0 || strcmp(value, "\\t") == 0)
        *delimiter = '\t';
    else if (strcmp(value, "comma") == 0)
        *delimiter = ',';
    else if (strcmp(value, "semicolon") == 0)
        *delimiter = ';';
    else
        *delimiter = value[0];
    if ((*delimiter == value[0] && (value[0] == '\0' || value[1] != '\0')) || strchr("\"\r\n", *delimiter) != NULL ||
        (unsigned char)*delimiter > 0x7E)
        return refuse(spec, value, "needs one ASCII character, or comma, semicolon or tab; not a quote or a line end",
                      err);
    return true;
}

/* Splits FIELD=…; FIELDS where the field is unknown, with the likely one in the sentence. */
static enum field read_field(const struct option_spec *spec, const char *value, const char **rest, struct err *err)
{
    const char *equals = strchr(value, '=');
    struct span name = {value, equals != NULL ? (size_t)(equals - value) : 0};
    enum field field = equals != NULL ? field_named(name) : FIELDS;
    char wanted[120];
    int nearest;

    *rest = equals != NULL ? equals + 1 : NULL;
    if (equals == NULL) {
        snprintf(wanted, sizeof(wanted), "needs %s", spec->argument);
        refuse(spec, value, wanted, err);
    } else if (field == FIELDS) {
        nearest = text_nearest(name, field_names(), FIELDS);
        snprintf(wanted, sizeof(wanted), "there is no such field; did you mean %s?",
                 nearest >= 0 ? field_name((enum field)nearest) : "type, label or allowed_emails");
        refuse(spec, value, wanted, err);
    }
    return field;
}

static bool read_map(struct options *options, const struct option_spec *spec, const char *value, struct err *err)
{
    const char *column;
    enum field field = read_field(spec, value, &column, err);

    if (field == FIELDS)
        return false;
    if (column[0] == '\0')
        return refuse(spec, value, "the column's name is missing", err);
    for (size_t i = 0; i < options->map_count; i++)
        if (options->maps[i].field == field)
            return refuse(spec, value, "the field is mapped twice", err);
    options->maps[options->map_count++] = (struct header_map){.field = field, .column = column};
    return true;
}

static bool read_default(struct options *options, const struct option_spec *spec, const char *value, struct err *err)
{
    const char *given;
    char wanted[120];
    int nearest;
    enum field field = read_field(spec, value, &given, err);

    if (field == FIELDS)
        return false;
    /* the command line can be read by every user of the machine */
    if (field_is_secret(field) && strncmp(given, "env:", 4) != 0 && strncmp(given, "file:", 5) != 0)
        return err_set(
            err, EXIT_USAGE,
            "--default %s=…: a secret does not belong on the command line; use --secret-refs and env:NAME or file:PATH",
            field_name(field));
    if (field == FIELD_TYPE && type_named(span_of(given)) == TYPE_NONE) {
        nearest = text_nearest(span_of(given), type_names(), CONNECTOR_TYPES - 1);
        snprintf(wanted, sizeof(wanted), "not a type (%s)%s%s%s", type_list(), nearest >= 0 ? ", did you mean " : "",
                 nearest >= 0 ? type_names()[nearest] : "", nearest >= 0 ? "?" : "");
        return refuse(spec, value, wanted, err);
    }
    options->defaults[field] = given;
    return true;
}

static bool read_share(struct options *options, const struct option_spec *spec, const char *value, struct err *err)
{
    if (num_parse_share(value, &options->max_failures, &options->max_failures_percent) && options->max_failures > 0)
        return true;
    return refuse(spec, value, "needs a number of rows, or a percentage above 0, like 10 or 2.5%", err);
}

static bool read_shard(struct options *options, const struct option_spec *spec, const char *value, struct err *err)
{
    const char *slash = strchr(value, '/');
    uint64_t part, count;

    if (slash == NULL || !num_parse(slash + 1, 1, 100000, &count) ||
        !num_parse_span((struct span){value, (size_t)(slash - value)}, 1, count, &part))
        return refuse(spec, value, "needs K/N, with K from 1 to N, like 2/4", err);
    options->shard = (unsigned)part;
    options->shard_count = (unsigned)count;
    return true;
}

static bool apply(struct options *options, const struct option_spec *spec, const char *value, struct err *err)
{
    void *member = (char *)options + spec->member;

    switch (spec->kind) {
    case KIND_FLAG:
        *(bool *)member = true;
        return true;
    case KIND_TEXT:
        *(const char **)member = value;
        return value[0] != '\0' || refuse(spec, value, "needs a value", err);
    case KIND_NUMBER:
        return read_number(spec, value, member, err);
    case KIND_DURATION:
        return read_duration(spec, value, member, err);
    case KIND_RATE:
        return read_rate(spec, value, member, err);
    case KIND_ENCODING:
        return read_encoding(spec, value, member, err);
    case KIND_DELIMITER:
        return read_delimiter(spec, value, member, err);
    case KIND_MAP:
        return read_map(options, spec, value, err);
    case KIND_DEFAULT:
        return read_default(options, spec, value, err);
    case KIND_SHARE:
        return read_share(options, spec, value, err);
    case KIND_SHARD:
        return read_shard(options, spec, value, err);
    }
    return false;
}

/* ---- Environment and arguments ---- */

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static void set_defaults(struct options *options)
{
    const char *url = from_environment("BIGDATA_API_BASE_URL");

    *options = (struct options){
        .base_url = url != NULL ? url : "https://api.bigdata.com",
        .ca_file = from_environment("SSL_CERT_FILE"),
        .rates = {{.count = 500, .window_ms = 60000}},
        .concurrency = 16,
        .max_attempts = 5,
        .retry_base_ms = 500,
        .retry_cap_ms = 60000,
        .max_outage_ms = 10 * 60 * 1000,
        .settle_ms = 5000,
        .late_ms = 30000,
        .timeout_ms = 30000,
        .connect_timeout_ms = 10000,
        .grace_ms = 30000,
        .repeat = {.max = REPEAT_MAX},
        .shard = 1,
        .shard_count = 1,
    };
}

static void make_getopt_tables(struct option longs[OPTIONS + 1], char shorts[2 * OPTIONS + 2])
{
    char *at = shorts;

    *at++ = ':'; /* a missing argument comes back as ':' */
    for (size_t i = 0; i < OPTIONS; i++) {
        longs[i] = (struct option){
            .name = table[i].name,
            .has_arg = table[i].argument != NULL ? required_argument : no_argument,
            .val = FIRST_LONG + (int)i,
        };
        if (table[i].letter == 0)
            continue;
        *at++ = table[i].letter;
        if (table[i].argument != NULL)
            *at++ = ':';
    }
    *at = '\0';
    longs[OPTIONS] = (struct option){0};
}

static const struct option_spec *spec_of(int code)
{
    if (code >= FIRST_LONG)
        return &table[code - FIRST_LONG];
    for (size_t i = 0; i < OPTIONS; i++)
        if (table[i].letter == code)
            return &table[i];
    return NULL;
}

/* Whether `word` is `--NAME` or `--NAME=…`. */
static bool is_whole_name(const struct option_spec *spec, const char *word)
{
    size_t len = strlen(spec->name);

    return strncmp(word + 2, spec->name, len) == 0 && (word[2 + len] == '\0' || word[2 + len] == '=');
}

/* The option that `name` is likely meant for, or -1: one that begins so, or begins like it and is spelt nearly so. */
static int find_meant(struct span name)
{
    const char *option_names[OPTIONS];
    int meant = -1;

    for (int i = 0; i < OPTIONS; i++) {
        option_names[i] = table[i].name;
        if (name.len > 0 && strncmp(table[i].name, name.data, name.len) == 0 &&
            (meant < 0 || table[i].name[name.len] == '\0'))
            meant = i;
    }
    if (meant < 0)
        meant = text_nearest(name, option_names, OPTIONS);
    return meant >= 0 && name.len > 0 && table[meant].name[0] == name.data[0] ? meant : -1;
}

/* An unknown option, or one whose argument is missing (or spare: --quiet=yes). What follows its name is not repeated.
 */
static bool complain(int code, const char *word, struct err *err)
{
    struct span name = span_of(word);
    int meant;

    if (code == ':')
        return err_set(err, EXIT_USAGE, "%s needs an argument; see connload --help", word);
    if (strncmp(word, "--", 2) != 0)
        return err_set(err, EXIT_USAGE, "there is no option -%c; see connload --help", optopt);
    name.data += 2;
    name.len = strcspn(name.data, "=");
    meant = find_meant(name);
    if (meant >= 0 && is_whole_name(&table[meant], word))
        return err_set(err, EXIT_USAGE, "--%s takes no argument", table[meant].name);
    if (meant >= 0)
        return err_set(err, EXIT_USAGE, "there is no option --%.*s; did you mean --%s?", (int)name.len, name.data,
                       table[meant].name);
    return err_set(err, EXIT_USAGE, "there is no option --%.*s; see connload --help", (int)name.len, name.data);
}

/* A proxy's URL without user and password, which end at an @: the command is shown to people, and kept in logs. */
static void keep_proxy(struct buf *out, const char *url)
{
    const char *scheme_end = strstr(url, "://"), *user_end = strrchr(url, '@');
    const char *user = scheme_end != NULL ? scheme_end + 3 : url;
    struct buf shown;

    buf_init(&shown, REPEAT_MAX);
    if (user_end != NULL && user <= user_end) {
        buf_add(&shown, url, (size_t)(user - url));
        url = user_end + 1;
    }
    buf_text(&shown, url);
    text_shell(out, shown.data);
    buf_release(&shown);
}

static bool is_one_of(const char *name, const char *const some[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, some[i]) == 0)
            return true;
    return false;
}

/* Options that say how the input is read or where the API is hold for the next command as well. */
static bool holds_next(const struct option_spec *spec)
{
    static const char *const others[] = {"skip-existing", "redact", "strict", "yes"};

    return spec->group == GROUP_INPUT || spec->group == GROUP_PACE || spec->group == GROUP_API ||
           is_one_of(spec->name, others, sizeof(others) / sizeof(others[0]));
}

/* What --dry-run has shown is done by the same command without it; the file of --output is in its way by then. */
static bool holds_after_plan(const struct option_spec *spec)
{
    static const char *const not_those[] = {"dry-run", "output"};

    return !is_one_of(spec->name, not_those, sizeof(not_those) / sizeof(not_those[0]));
}

static void keep(struct buf *out, const struct option_spec *spec, const char *value)
{
    buf_format(out, " --%s", spec->name);
    if (value == NULL)
        return;
    buf_char(out, ' ');
    if (spec->member == AT(proxy))
        keep_proxy(out, value);
    else
        text_shell(out, value);
}

/* `whole` gets what --dry-run is to repeat. */
static bool read_arguments(struct options *options, int argc, char **argv, bool given[OPTIONS], struct buf *whole,
                           struct err *err)
{
    struct option longs[OPTIONS + 1];
    char shorts[2 * OPTIONS + 2];
    int code;

    make_getopt_tables(longs, shorts);
    opterr = 0;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const struct option_spec *spec = code == '?' || code == ':' ? NULL : spec_of(code);
        const char *word = argv[optind - (optarg == argv[optind - 1] ? 2 : 1)];

        if (spec == NULL)
            return complain(code, argv[optind - 1], err);
        /* getopt takes beginnings of names: a later option would break scripts, and `--api-key KEY` name a file KEY */
        if (code >= FIRST_LONG && !is_whole_name(spec, word))
            return complain('?', word, err);
        given[spec - table] = true;
        if (!apply(options, spec, optarg, err))
            return false;
        if (holds_next(spec))
            keep(&options->repeat, spec, optarg);
        if (holds_after_plan(spec))
            keep(whole, spec, optarg);
    }
    return true;
}

static bool read_command(struct options *options, const char *word, struct err *err)
{
    int nearest;

    for (int i = COMMAND_CHECK; i < COMMANDS; i++)
        if (strcmp(names[i], word) == 0)
            options->command = (enum command)i;
    if (options->command != COMMAND_NONE)
        return true;
    nearest = text_nearest(span_of(word), names + 1, COMMANDS - 1);
    return err_set(err, EXIT_USAGE,
                   "there is no command \"%.*s\"; the commands are check, create, update, undo, list and status%s%s%s",
                   (int)text_cut(span_of(word), 40), word, nearest >= 0 ? "; did you mean " : "",
                   nearest >= 0 ? names[nearest + 1] : "", nearest >= 0 ? "?" : "");
}

/* Standard input has several names. */
static const char *input_named(const char *path)
{
    static const char *const stdin_names[] = {"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"};

    return is_one_of(path, stdin_names, sizeof(stdin_names) / sizeof(stdin_names[0])) ? "-" : path;
}

static bool read_operands(struct options *options, int count, char **operands, struct err *err)
{
    int wanted;

    if (count == 0)
        return err_set(err, EXIT_USAGE,
                       "connload needs a command: check, create, update, undo, list or status; see connload --help");
    if (!read_command(options, operands[0], err))
        return false;
    wanted = options->command == COMMAND_LIST ? 1 : 2;
    if (count < wanted)
        return err_set(
            err, EXIT_USAGE, "`connload %s` needs the %s to work on; see connload --help", names[options->command],
            (1U << options->command & (REWRITE | STATUS)) != 0 ? "result file" : "sheet (- is standard input)");
    if (count > wanted)
        return err_set(err, EXIT_USAGE, "`connload %s` takes %s; \"%.*s\" is one argument too many",
                       names[options->command], wanted == 1 ? "no file" : "one file",
                       (int)text_cut(span_of(operands[wanted]), 60), operands[wanted]);
    options->input = count > 1 ? input_named(operands[1]) : NULL;
    return true;
}

static bool is_dash(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static bool check_existing(const struct options *options, struct err *err)
{
    if (options->skip_existing && options->again)
        return err_set(err, EXIT_USAGE, "--again creates what --skip-existing leaves out; give one of them");
    if (options->update && !options->skip_existing)
        return err_set(err, EXIT_USAGE,
                       "--update changes what --skip-existing finds; give both, or run `connload update`");
    if (options->skip_existing && options->no_preflight)
        return err_set(err, EXIT_USAGE, "--skip-existing needs the list that --no-preflight leaves out");
    return true;
}

static bool check_fit(const struct options *options, const bool given[OPTIONS], struct err *err)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (given[i] && (table[i].commands & (1U << options->command)) == 0)
            return err_set(err, EXIT_USAGE, "--%s does not go with `connload %s`", table[i].name,
                           names[options->command]);
    if (options->quiet && options->verbose)
        return err_set(err, EXIT_USAGE, "--quiet and --verbose exclude each other");
    if (!check_existing(options, err))
        return false;
    if (is_dash(options->api_key_file) && is_dash(options->input))
        return err_set(err, EXIT_USAGE,
                       "INPUT and --api-key-file can't both be standard input; name a file for one of them");
    for (size_t i = 0; i < FIELDS; i++)
        if (options->defaults[i] != NULL && field_is_secret((enum field)i) && !options->secret_refs)
            return err_set(err, EXIT_USAGE, "--default %s=%s needs --secret-refs", field_name((enum field)i),
                           options->defaults[i]);
    return true;
}

static bool is_given(const bool given[OPTIONS], const char *name)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (strcmp(table[i].name, name) == 0)
            return given[i];
    return false;
}

/* The environment's rate, where the command has one and no option says otherwise. */
static bool read_environment_rate(struct options *options, const bool given[OPTIONS], struct err *err)
{
    const char *limit = from_environment("BIGDATA_RATE_LIMIT_PER_MINUTE");
    const char *margin = from_environment("BIGDATA_RATE_LIMIT_SAFETY_MARGIN");
    uint64_t per_minute, less = 0;

    if (limit == NULL || options->command == COMMAND_CHECK || is_given(given, "rate"))
        return true;
    if (!num_parse(limit, 1, RATE_COUNT_MAX, &per_minute))
        return err_set(err, EXIT_USAGE,
                       "BIGDATA_RATE_LIMIT_PER_MINUTE is not a whole number of requests from 1 to %d; correct it, or "
                       "give --rate",
                       RATE_COUNT_MAX);
    if (margin != NULL && !num_parse(margin, 0, RATE_COUNT_MAX, &less))
        return err_set(
            err, EXIT_USAGE,
            "BIGDATA_RATE_LIMIT_SAFETY_MARGIN is not a whole number of requests from 0 to %d; correct it, or "
            "give --rate",
            RATE_COUNT_MAX);
    if (less >= per_minute)
        return err_set(err, EXIT_USAGE,
                       "BIGDATA_RATE_LIMIT_SAFETY_MARGIN leaves nothing of BIGDATA_RATE_LIMIT_PER_MINUTE; correct one, "
                       "or give --rate");
    options->rates[0].count = (uint32_t)(per_minute - less);
    return true;
}

/* The backoff's first step and its longest: where one is given alone, the other's default gives way. */
static bool fit_retries(struct options *options, const bool given[OPTIONS], struct err *err)
{
    bool base = is_given(given, "retry-base"), cap = is_given(given, "retry-cap");

    if (options->retry_cap_ms >= options->retry_base_ms)
        return true;
    if (base && cap)
        return err_set(err, EXIT_USAGE, "--retry-cap is below --retry-base");
    if (cap)
        options->retry_base_ms = options->retry_cap_ms;
    else
        options->retry_cap_ms = options->retry_base_ms;
    return true;
}

/* A shard's share of a rate: the shards together keep to it. */
static void share_rate(struct rate *rate, uint32_t parts)
{
    if (rate->count == 0 || parts <= 1)
        return;
    if (rate->count >= parts)
        rate->count /= parts;
    else {
        rate->window_ms = (rate->window_ms * parts + rate->count - 1) / rate->count;
        rate->count = 1;
    }
}

bool options_parse(struct options *options, int argc, char **argv, struct err *err)
{
    bool given[OPTIONS] = {false}, read;
    struct buf whole;

    buf_init(&whole, REPEAT_MAX);
    set_defaults(options);
    read = read_arguments(options, argc, argv, given, &whole, err);
    if (read && options->dry_run) {
        buf_reset(&options->repeat);
        buf_span(&options->repeat, buf_view(&whole));
    }
    buf_release(&whole);
    if (!read)
        return false;
    if (options->version || options->completion != NULL || (options->help && optind == argc))
        return true;
    if (options->help)
        return read_command(options, argv[optind], err);
    if (!read_operands(options, argc - optind, argv + optind, err) || !check_fit(options, given, err) ||
        !fit_retries(options, given, err) || !read_environment_rate(options, given, err))
        return false;
    for (size_t i = 0; i < RATES_MAX; i++)
        share_rate(&options->rates[i], options->shard_count);
    return true;
}

void options_release(struct options *options)
{
    buf_release(&options->repeat);
}
