/*
 * paths: where the results go, and whether they may go there: nobody creates a desk twice by pressing arrow-up.
 */
#ifndef COMMAND_PATHS_H
#define COMMAND_PATHS_H

#include "base/err.h"

#include <stdbool.h>

struct paths_config {
    const char *input;  /* as the user named it; `-` = standard input, which a FIFO or a device is too */
    const char *output; /* -o; NULL = by default beside the input */
    bool may_replace;   /* --force, or --skip-existing */
    bool only_looks;    /* `check`, --dry-run: nothing is sent, and the input stays as it is */
    unsigned shard, shard_count;
};

struct paths {
    char *results;  /* owned */
    bool in_place;  /* the results replace the result file that is the input */
    bool is_stream; /* `-`, a FIFO or a device: such a run can't be resumed */
    bool exists;    /* there is such a file now */
};

/*
 * Finds the result file of a run over an input that is (`is_result`) or is not a result file itself. EXIT_USAGE, with
 * the remedy: standard input without -o; results that would replace an input which is no result file, or any input by a
 * command that only looks; a directory; a socket; an existing file that is not the input and may not be replaced,
 * unless an interrupted run's journal lies beside it.
 */
bool paths_find(struct paths *paths, const struct paths_config *config, bool is_result, struct err *err);
/*
 * The same, once the journal's lock is held and shows that there is no interrupted run to go on with: the result file
 * may have appeared meanwhile, or the journal beside it was another run's.
 */
bool paths_may_begin(struct paths *paths, const struct paths_config *config, struct err *err);
/* Tells in `err`, of an input that does not exist, that an interrupted run, which left a journal, was to write it.
 */
void paths_explain_missing(const char *input, struct err *err);

void paths_release(struct paths *paths);

/* Where the results of an input go that is (`is_result`) or is no result file; NULL where that needs -o. Owned. */
char *paths_results(const struct paths_config *config, bool is_result);

/* Whether there may be results at `path`: EXIT_USAGE for a folder and for a socket, which can't be opened. */
bool paths_can_hold(const char *path, struct err *err);

#endif
