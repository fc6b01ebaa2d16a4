#include "sandbox/options.h"

#include "base/alloc.h"
#include "base/num.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_LONGEST = 45, PREFILL_MAX = 100000000, HELP_COLUMN = 27 };

static bool refuse(const struct option *option, const char *value, const char *remedy, struct err *err)
{
    return err_set(err, EXIT_USAGE, "--%s: \"%.100s\" won't do; %s", option->name, value, remedy);
}

/* -- one setter an option, or a kind of option -- */

static bool set_port(struct options *options, const char *text)
{
    struct sockaddr_storage *address = &options->server.address;
    uint64_t port;

    if (!num_parse(text, 0, 65535, &port))
        return false;
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)address)->sin_port = htons((uint16_t)port);
    return true;
}

static void set_address4(struct options *options, in_addr_t address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&options->server.address;

    memset(&options->server.address, 0, sizeof(options->server.address));
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = address;
    options->server.address_len = sizeof(*in);
}

static void set_address6(struct options *options, const struct in6_addr *address)
{
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&options->server.address;

    memset(&options->server.address, 0, sizeof(options->server.address));
    in->sin6_family = AF_INET6;
    in->sin6_addr = *address;
    options->server.address_len = sizeof(*in);
}

/* `localhost`, or an address in digits, that of IPv6 in brackets: no name leads beyond this machine. */
static bool set_host(struct options *options, const char *text, size_t len)
{
    bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    char host[HOST_LONGEST + 1];
    struct in6_addr address6;
    struct in_addr address;

    if (len > HOST_LONGEST)
        return false;
    snprintf(host, sizeof(host), "%.*s", (int)(bracketed ? len - 2 : len), bracketed ? text + 1 : text);
    if (bracketed && inet_pton(AF_INET6, host, &address6) == 1)
        set_address6(options, &address6);
    else if (!bracketed && strcmp(host, "localhost") == 0)
        set_address4(options, htonl(INADDR_LOOPBACK));
    else if (!bracketed && inet_pton(AF_INET, host, &address) == 1)
        set_address4(options, address.s_addr);
    else
        return false;
    return true;
}

static bool set_listen(struct options *options, const struct option *option, const char *value, struct err *err)
{
    const char *colon = strrchr(value, ':');

    if ((colon == NULL || set_host(options, value, (size_t)(colon - value))) &&
        set_port(options, colon != NULL ? colon + 1 : value))
        return true;
    return refuse(option, value, "write PORT, 127.0.0.1:PORT or [::1]:PORT; another address of this machine in digits",
                  err);
}

static bool set_api_key(struct options *options, const struct option *option, const char *value, struct err *err)
{
    struct world_config *world = &options->world;

    if (value[0] == '\0')
        return refuse(option, value, "a key has at least one character", err);
    if (world->key_count == WORLD_KEYS_MAX)
        return refuse(option, value, "there are too many keys already", err);
    world->keys[world->key_count++] = value;
    return true;
}

static bool set_rate(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return limits_parse(&options->world.limits, value) ||
           refuse(option, value, "write 500/m, 50/3s, several as 500/m,50/10s, or none", err);
}

static bool set_address_rate(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return num_parse_rate(value, &options->world.address_rate) ||
           refuse(option, value, "write 1500/m, 50/3s or none", err);
}

static bool set_rate_kind(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return limit_kind_named(value, &options->world.limits.kind) ||
           refuse(option, value, "write rolling, fixed or bucket", err);
}

static bool set_retry_after(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return retry_form_named(value, &options->world.retry_form) ||
           refuse(option, value, "write seconds, date or none", err);
}

static bool set_burst(struct options *options, const struct option *option, const char *value, struct err *err)
{
    uint64_t burst;

    if (!num_parse(value, 1, RATE_COUNT_MAX, &burst))
        return refuse(option, value, "write how many tokens the bucket holds, from 1", err);
    options->world.limits.burst = (uint32_t)burst;
    return true;
}

static bool read_duration(const struct option *option, const char *value, int64_t *ms, struct err *err)
{
    return num_parse_duration(value, ms) || refuse(option, value, "write a duration: 250ms, 30s, 5m", err);
}

static bool set_latency(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_duration(option, value, &options->world.latency_ms, err);
}

static bool set_jitter(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_duration(option, value, &options->world.jitter_ms, err);
}

static bool set_slow(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_duration(option, value, &options->server.slow_ms, err);
}

static bool set_settle(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_duration(option, value, &options->world.settle_ms, err);
}

static bool set_settle_jitter(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_duration(option, value, &options->world.settle_jitter_ms, err);
}

static bool set_late(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_duration(option, value, &options->world.late_ms, err);
}

static bool set_late_jitter(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_duration(option, value, &options->world.late_jitter_ms, err);
}

static bool read_offset(const struct option *option, const char *value, int64_t *offset_ms, struct err *err)
{
    bool negative = value[0] == '-';
    int64_t ms;

    if (!num_parse_duration(negative || value[0] == '+' ? value + 1 : value, &ms))
        return refuse(option, value, "write a duration, with a minus for a clock that is behind: -2h, 90s", err);
    *offset_ms = negative ? -ms : ms;
    return true;
}

static bool set_clock_offset(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_offset(option, value, &options->world.clock_offset_ms, err);
}

static bool set_created_offset(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_offset(option, value, &options->world.created_offset_ms, err);
}

static bool set_seed(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return num_parse(value, 0, UINT64_MAX, &options->world.seed) || refuse(option, value, "write a whole number", err);
}

static bool set_fault(struct options *options, const struct option *option, const char *value, struct err *err)
{
    const char *equals = strchr(value, '=');

    if (equals == NULL)
        return refuse(option, value, "write NAME=PERCENT, such as drop-after=5", err);
    if (options->fault_count == OPTIONS_FAULTS_MAX)
        return refuse(option, value, "there are too many faults already", err);
    options->faults[options->fault_count].name = alloc_copy(value, (size_t)(equals - value));
    options->faults[options->fault_count++].amount = equals + 1;
    return true;
}

static bool read_many(const struct option *option, const char *value, uint64_t *many, struct err *err)
{
    return num_parse(value, 0, PREFILL_MAX, many) || refuse(option, value, "write how many, at most 100000000", err);
}

static bool set_connectors(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_many(option, value, &options->prefill, err);
}

static bool set_others(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_many(option, value, &options->others, err);
}

static bool set_list_cap(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_many(option, value, &options->world.list_cap, err);
}

static bool set_labels(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return kept_form_named(value, &options->world.labels) ||
           refuse(option, value, "write exact, nfc, html, blanks, cut, lower, bmp or prefix", err);
}

static bool set_load(struct options *options, const struct option *option, const char *value, struct err *err)
{
    options->load_path = value;
    return value[0] != '\0' || refuse(option, value, "name a file", err);
}

static bool set_log(struct options *options, const struct option *option, const char *value, struct err *err)
{
    options->log_path = value;
    return value[0] != '\0' || refuse(option, value, "name a file", err);
}

static bool set_fault_first(struct options *options, const struct option *option, const char *value, struct err *err)
{
    (void)option;
    (void)value;
    (void)err;
    options->fault_first = true;
    return true;
}

static bool set_validation(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return validation_form_named(value, &options->world.validation) ||
           refuse(option, value, "write fields or text", err);
}

static bool set_sync(struct options *options, const struct option *option, const char *value, struct err *err)
{
    return read_duration(option, value, &options->world.sync_ms, err);
}

static bool set_sync_fail(struct options *options, const struct option *option, const char *value, struct err *err)
{
    uint64_t share;

    if (!faults_parse_share(value, &share))
        return refuse(option, value, "write a percentage from 0 to 100", err);
    options->world.sync_share = (uint32_t)share;
    return true;
}

static bool set_one_org(struct options *options, const struct option *option, const char *value, struct err *err)
{
    (void)option;
    (void)value;
    (void)err;
    options->world.one_org = true;
    return true;
}

static bool set_rate_headers(struct options *options, const struct option *option, const char *value, struct err *err)
{
    (void)option;
    (void)value;
    (void)err;
    options->world.rate_headers = true;
    return true;
}

static bool set_help(struct options *options, const struct option *option, const char *value, struct err *err)
{
    (void)option;
    (void)value;
    (void)err;
    options->help = true;
    return true;
}

static bool set_completion(struct options *options, const struct option *option, const char *value, struct err *err)
{
    (void)option;
    (void)err;
    options->completion = value;
    return true;
}

static bool set_version(struct options *options, const struct option *option, const char *value, struct err *err)
{
    (void)option;
    (void)value;
    (void)err;
    options->version = true;
    return true;
}

static const struct option table[] = {
    {"listen", "[ADDRESS:]PORT", "where to listen (127.0.0.1:0, any free port)", "Serving", NULL, set_listen},
    {"api-key", "KEY", "a key to accept, an account of its own (sandbox); repeatable", NULL, NULL, set_api_key},
    {"one-org", NULL, "the keys are colleagues: each sees what the others share", NULL, NULL, set_one_org},
    {"load", "FILE", "start with the connectors of a result file", NULL, NULL, set_load},
    {"connectors", "N", "start with N synthetic connectors of the first account", NULL, NULL, set_connectors},
    {"others", "N", "and with N that a colleague of the first one shares", NULL, NULL, set_others},
    {"list-cap", "N", "lists show the newest N alone, without a word", NULL, NULL, set_list_cap},
    {"labels", "FORM", "how they are kept: exact, nfc, html, blanks, cut, lower, bmp, prefix", NULL,
     "exact nfc html blanks cut lower bmp prefix", set_labels},
    {"log", "FILE", "write a JSON line for each request, its body included", NULL, NULL, set_log},
    {"seed", "N", "seed of delays and faults (1)", NULL, NULL, set_seed},
    {"rate", "N/WINDOW,...", "most requests for each key (none): 500/m, 500/m,50/10s", "Rate limit", NULL, set_rate},
    {"address-rate", "N/WINDOW", "most requests from one address, rolling (none): 1500/m", NULL, NULL,
     set_address_rate},
    {"rate-kind", "KIND", "rolling, fixed or bucket (rolling)", NULL, "rolling fixed bucket", set_rate_kind},
    {"burst", "N", "size of the bucket (the rate's N)", NULL, NULL, set_burst},
    {"retry-after", "FORM", "how a 429 says when: seconds, date or none (seconds)", NULL, "seconds date none",
     set_retry_after},
    {"rate-headers", NULL, "send RateLimit-* and X-RateLimit-* headers", NULL, NULL, set_rate_headers},
    {"latency", "DUR", "hold every answer back (0)", "Time", NULL, set_latency},
    {"jitter", "DUR", "hold every answer back by up to this much more (0)", NULL, NULL, set_jitter},
    {"settle", "DUR", "reads show a new connector only after this long (0)", NULL, NULL, set_settle},
    {"settle-jitter", "DUR", "and up to this much later, each its own (0)", NULL, NULL, set_settle_jitter},
    {"slow", "DUR", "time that a slow answer's body takes (5s)", NULL, NULL, set_slow},
    {"sync", "DUR", "first syncs are over this long after the create (never)", NULL, NULL, set_sync},
    {"late", "DUR", "a late create takes effect this long after its answer (3s)", NULL, NULL, set_late},
    {"late-jitter", "DUR", "and up to this much later, each its own (0)", NULL, NULL, set_late_jitter},
    {"clock-offset", "DUR", "skew of Date and created_at: 2h, -90s (0)", NULL, NULL, set_clock_offset},
    {"created-offset", "DUR", "and of created_at alone, against Date (0)", NULL, NULL, set_created_offset},
    {"fault", "[CALL:]NAME=P[:N]", "let P % of creates suffer it, N times at most; repeatable;", "Faults", NULL,
     set_fault},
    {"sync-fail", "PERCENT", "share of brokers and sharepoints whose syncs fail (0)", NULL, NULL, set_sync_fail},
    {"validation", "FORM", "a bad body: fields (422) or text (400, quotes secrets) (fields)", NULL, "fields text",
     set_validation},
    {"fault-first", NULL, "each payload suffers at most on its first POST", NULL, NULL, set_fault_first},
    {"help", NULL, "this text (-h)", "Help", NULL, set_help},
    {"completion", "SHELL", "print completions for bash, zsh or fish", NULL, "bash zsh fish", set_completion},
    {"version", NULL, "versions of this program and its libraries", NULL, NULL, set_version},
};
enum { OPTIONS = sizeof(table) / sizeof(table[0]) };

const struct option *options_table(int *count)
{
    *count = OPTIONS;
    return table;
}

static const struct option *option_named(const char *name, size_t len)
{
    for (int i = 0; i < OPTIONS; i++)
        if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
            return &table[i];
    return NULL;
}

static bool unknown(const char *argument, struct err *err)
{
    const char *names[OPTIONS];
    int nearest = -1;

    for (int i = 0; i < OPTIONS; i++)
        names[i] = table[i].name;
    if (strncmp(argument, "--", 2) == 0)
        nearest = text_nearest((struct span){argument + 2, strcspn(argument + 2, "=")}, names, OPTIONS);
    if (nearest >= 0)
        return err_set(err, EXIT_USAGE, "there is no option %.100s; did you mean --%s?", argument, names[nearest]);
    if (argument[0] != '-')
        return err_set(err, EXIT_USAGE,
                       "\"%.100s\" is no option, and the sandbox takes nothing else but -- and a command; "
                       "see --help",
                       argument);
    return err_set(err, EXIT_USAGE, "there is no option %.100s; see --help", argument);
}

/* Reads the argument at *at, and the value after it where it takes one. */
static bool read_one(struct options *options, int argc, char *argv[], int *at, struct err *err)
{
    const char *argument = argv[*at], *name = argument + 2, *equals;
    const struct option *option = NULL;

    if (strcmp(argument, "-h") == 0)
        return set_help(options, NULL, NULL, err);
    equals = strchr(argument, '=');
    if (strncmp(argument, "--", 2) == 0)
        option = option_named(name, equals != NULL ? (size_t)(equals - name) : strlen(name));
    if (option == NULL)
        return unknown(argument, err);
    if (option->value == NULL) {
        if (equals != NULL)
            return err_set(err, EXIT_USAGE, "--%s takes no value", option->name);
        return option->set(options, option, NULL, err);
    }
    if (equals != NULL)
        return option->set(options, option, equals + 1, err);
    if (++*at == argc)
        return err_set(err, EXIT_USAGE, "--%s needs a value: %s", option->name, option->value);
    return option->set(options, option, argv[*at], err);
}

bool options_read(struct options *options, int argc, char *argv[], struct err *err)
{
    static const char default_key[] = "sandbox";

    *options = (struct options){.world.seed = 1, .world.late_ms = 3000, .world.sync_ms = -1, .server.slow_ms = 5000};
    set_address4(options, htonl(INADDR_LOOPBACK));
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            options->command = argv + i + 1;
            break;
        }
        if (!read_one(options, argc, argv, &i, err))
            return false;
    }
    if (options->command != NULL && options->command[0] == NULL)
        return err_set(err, EXIT_USAGE, "after -- there is no command to run");
    if (options->world.key_count == 0)
        options->world.keys[options->world.key_count++] = default_key;
    if (options->world.limits.burst != 0 && options->world.limits.kind != LIMIT_BUCKET)
        return err_set(err, EXIT_USAGE, "--burst is the size of a bucket; add --rate-kind bucket");
    return true;
}

void options_release(struct options *options)
{
    for (size_t i = 0; i < options->fault_count; i++)
        free(options->faults[i].name);
    options->fault_count = 0;
}

static void help_option(struct buf *out, const struct option *option)
{
    char left[64];

    snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value != NULL ? " " : "",
             option->value != NULL ? option->value : "");
    buf_format(out, "  %-*s %s\n", HELP_COLUMN, left, option->help);
    if (strcmp(option->name, "fault") == 0)
        buf_format(out, "  %-*s CALL: create (where none is named), list, get, put, delete, sync\n", HELP_COLUMN, "");
}

void options_help(struct buf *out)
{
    buf_text(out, "Usage: connload-sandbox [options] [-- COMMAND...]\n"
                  "A local emulator of the connectors API, from memory, with faults to order. A COMMAND is run with\n"
                  "BIGDATA_API_BASE_URL and BIGDATA_API_KEY set, and the sandbox ends with its exit code.\n");
    for (int i = 0; i < OPTIONS; i++) {
        if (table[i].group != NULL)
            buf_format(out, "\n%s\n", table[i].group);
        help_option(out, &table[i]);
    }
    buf_text(out, "\nNames of faults\n");
    for (int i = 0; i < FAULTS; i++)
        buf_format(out, "  %-*s %s\n", HELP_COLUMN, faults_at(i)->name, faults_at(i)->help);
    buf_text(out, "\nExample\n"
                  "  connload-sandbox --listen 8080 --rate 50/3s --settle 2s --fault drop-after=5\n"
                  "  curl -s http://127.0.0.1:8080/_sandbox/stats\n"
                  "Then run connload with BIGDATA_API_BASE_URL=http://127.0.0.1:8080 and BIGDATA_API_KEY=sandbox.\n");
}
