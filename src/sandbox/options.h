/*
 * options: the command line of connload-sandbox. One table gives parsing and --help; the man page is held against it
 * by a test.
 */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"
#include "sandbox/server.h"
#include "sandbox/world.h"

#include <stdbool.h>

enum {
    OPTIONS_FAULTS_MAX = 64,
    OPTIONS_VALUES_MAX = 16 * 1024, /* bytes of what completion offers for one option */
};

struct options {
    struct world_config world;
    struct server_config server;
    struct {
        char *name; /* owned */
        const char *amount;
    } faults[OPTIONS_FAULTS_MAX];
    size_t fault_count;
    bool fault_first;
    uint64_t prefill, others;
    const char *log_path;   /* or NULL */
    const char *load_path;  /* a result file, or NULL */
    char *const *command;   /* what follows --, ending in NULL; NULL: nothing does */
    const char *completion; /* a shell, or NULL */
    bool help, version;
};

struct option {
    const char *name;  /* without the dashes */
    const char *value; /* what it takes, or NULL */
    const char *help;
    const char *group;   /* heading before this option, or NULL */
    const char *choices; /* the values that there are, separated by blanks, or NULL */
    bool (*set)(struct options *options, const struct option *option, const char *value, struct err *err);
};

/* The options, in the order of --help, and their number. */
const struct option *options_table(int *count);

/* Sets `options` from the arguments, which must outlive it; false with a sentence (EXIT_USAGE). */
bool options_read(struct options *options, int argc, char *argv[], struct err *err);
void options_release(struct options *options);

/* Appends what --help prints. */
void options_help(struct buf *out);

#endif
