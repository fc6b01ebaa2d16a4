/*
 * options: the command line. One table describes every option; parsing, --help, the shell completions, and the test
 * that holds the man page against it, all come from it. `main` and `usage` alone see this.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "model/field.h"
#include "model/header.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command {
    COMMAND_NONE,
    COMMAND_CHECK,
    COMMAND_CREATE,
    COMMAND_UPDATE,
    COMMAND_UNDO,
    COMMAND_LIST,
    COMMAND_STATUS,
    COMMANDS
};

enum { MAPS_MAX = FIELDS };

struct options {
    enum command command;
    const char *input; /* NULL where the command takes none */

    /* input */
    const char *encoding; /* NULL = UTF-8 */
    char delimiter;       /* 0 = find it */
    struct header_map maps[MAPS_MAX];
    size_t map_count;
    const char *defaults[FIELDS];
    bool secret_refs, allow_duplicates;
    unsigned shard, shard_count;

    /* results */
    const char *output;
    bool force, redact;

    /* which rows, and when to stop */
    bool skip_existing, update, again, dry_run, strict, yes;
    uint64_t limit;
    uint64_t max_failures;
    bool max_failures_percent;
    int64_t deadline_ms, grace_ms;

    /* pace and retries */
    uint64_t concurrency;
    struct rate rates[RATES_MAX]; /* each is kept to; the first with a count of 0 ends them */
    uint64_t max_attempts;
    int64_t retry_base_ms, retry_cap_ms, max_outage_ms, settle_ms, late_ms;

    /* the API */
    const char *base_url, *api_key_file, *ca_file, *proxy;
    int64_t timeout_ms, connect_timeout_ms;
    bool http2, no_preflight;

    /* talking */
    struct buf repeat; /* what of the options the next command needs too, as a shell takes it, a blank before each:
                          after --dry-run all but that and --output */
    bool quiet, verbose, help, version;
    const char *log, *summary, *metrics, *report, *completion;
};

enum option_group {
    GROUP_INPUT,
    GROUP_RESULTS,
    GROUP_ROWS,
    GROUP_PACE,
    GROUP_API,
    GROUP_REPORTS,
    GROUP_GENERAL,
    GROUP_HIDDEN, /* for the build alone */
    OPTION_GROUPS,
};

/* How an option's argument is read, and of what type the member of struct options is. */
enum option_kind {
    KIND_FLAG,      /* bool, no argument */
    KIND_TEXT,      /* const char * */
    KIND_NUMBER,    /* uint64_t within [min, max] */
    KIND_DURATION,  /* int64_t, milliseconds */
    KIND_RATE,      /* struct rate[RATES_MAX] */
    KIND_ENCODING,  /* const char * */
    KIND_DELIMITER, /* char */
    KIND_MAP,       /* adds to maps */
    KIND_DEFAULT,   /* adds to defaults */
    KIND_SHARE,     /* max_failures: N or P% */
    KIND_SHARD,     /* K/N */
};

struct option_spec {
    const char *name;     /* without its dashes */
    char letter;          /* 0 = none */
    const char *argument; /* as help shows it; NULL for a flag */
    unsigned commands;    /* bit 1 << command for each that takes it */
    enum option_group group;
    enum option_kind kind;
    size_t member; /* offset in struct options */
    uint64_t min, max;
    const char *help; /* a phrase, with its default in parentheses */
};

/* The table, and how many options it has. */
const struct option_spec *options_table(size_t *count);

const char *command_name(enum command command);

/*
 * Defaults, then the environment (BIGDATA_API_BASE_URL, BIGDATA_RATE_LIMIT_PER_MINUTE, SSL_CERT_FILE), then the
 * arguments. EXIT_USAGE with one sentence for anything that is not as it should be: an unknown option or command, an
 * option that the command does not take, a value out of range, a missing or spare argument, options that exclude each
 * other. With --help,
 * --version and --completion the rest is not looked at. Texts point into argv and the environment.
 */
bool options_parse(struct options *options, int argc, char **argv, struct err *err);

void options_release(struct options *options);

#endif
