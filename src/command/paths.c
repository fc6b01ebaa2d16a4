#include "command/paths.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "io/disk.h"
#include "io/journal.h"
#include "io/output.h"
#include "io/results.h"
#include "io/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_LONGEST = 1 << 16 };

/* A result file that is the input is replaced; anything else gets a file beside it. */
static char *default_path(const struct paths_config *config, bool is_result)
{
    if (is_result && config->shard_count <= 1)
        return alloc_text(config->input);
    return results_default_path(config->input, config->shard, config->shard_count);
}

/* What can't be looked at counts as there: it may be the results of an earlier run. Links in a circle lead nowhere. */
static void look(struct paths *paths, const struct paths_config *config, struct stat *about)
{
    *about = (struct stat){0};
    paths->is_stream = output_is_stream(paths->results);
    paths->exists = !paths->is_stream &&
                    (stat(paths->results, about) == 0 || (errno != ENOENT && errno != ENOTDIR && errno != ELOOP));
    paths->in_place = paths->exists && disk_same_file(paths->results, config->input);
}

bool paths_can_hold(const char *path, struct err *err)
{
    struct stat about;

    if (strcmp(path, "-") == 0 || stat(path, &about) != 0)
        return true;
    if (S_ISDIR(about.st_mode))
        return err_set(err, EXIT_USAGE, "%s is a folder; name a file with -o", path);
    if (S_ISSOCK(about.st_mode))
        return err_set(err, EXIT_USAGE,
                       "%s is a socket, which can't be opened; name a file with -o, or - for standard "
                       "output",
                       path);
    return true;
}

static bool refuse_existing(const struct paths *paths, const struct paths_config *config, struct err *err)
{
    char *shell;

    if (config->only_looks)
        return err_set(
            err, EXIT_USAGE,
            "%s exists, and may be all that tells which connectors an earlier run made; name another file with "
            "-o, or replace it with --force",
            paths->results);
    shell = text_shell_path(paths->results);

    err_set(err, EXIT_USAGE,
            "%s exists: an earlier run of these rows wrote it. To send those that are not done: connload create %s. "
            "To write elsewhere: -o FILE. To create all of them once more: --force --again",
            paths->results, shell);
    free(shell);
    return false;
}

static bool check_place(struct paths *paths, const struct paths_config *config, bool is_result, struct err *err)
{
    struct stat about;
    bool usable = true;

    look(paths, config, &about);
    if (!paths_can_hold(paths->results, err))
        usable = false;
    else if (paths->in_place && !is_result)
        usable = err_set(err, EXIT_USAGE,
                         "the results would replace the input %s, which is no result file; name another file with -o",
                         config->input);
    else if (paths->in_place && config->only_looks)
        usable = err_set(err, EXIT_USAGE, "nothing is sent, and the input %s stays as it is; name another file with -o",
                         config->input);
    else if (paths->in_place && config->shard_count > 1)
        usable = err_set(err, EXIT_USAGE,
                         "the results of one shard would replace the whole input %s; name another file with -o",
                         config->input);
    else if (paths->exists && !paths->in_place && !config->may_replace && !journal_is_beside(paths->results))
        usable = refuse_existing(paths, config, err);
    return usable;
}

bool paths_may_begin(struct paths *paths, const struct paths_config *config, struct err *err)
{
    struct stat about;

    if (paths->results == NULL)
        return true; /* --dry-run writes no file */
    look(paths, config, &about);
    return !paths->exists || paths->in_place || config->may_replace || refuse_existing(paths, config, err);
}

bool paths_find(struct paths *paths, const struct paths_config *config, bool is_result, struct err *err)
{
    *paths = (struct paths){0};
    if (config->output == NULL && source_is_stream(config->input))
        return err_set(err, EXIT_USAGE,
                       "the input is standard input: name the result file with -o FILE (or -o - for standard output)");
    paths->results = config->output != NULL ? alloc_text(config->output) : default_path(config, is_result);
    return check_place(paths, config, is_result, err);
}

char *paths_results(const struct paths_config *config, bool is_result)
{
    if (config->output != NULL)
        return alloc_text(config->output);
    return source_is_stream(config->input) ? NULL : default_path(config, is_result);
}

void paths_explain_missing(const char *input, struct err *err)
{
    struct stat about;

    if (stat(input, &about) == 0 || errno != ENOENT || !journal_is_beside(input))
        return;
    err_set(err, EXIT_INPUT,
            "%s does not exist, but %s.journal does: the run that was to write it was interrupted; give that run's "
            "command, with its own input, once more, and it goes on",
            input, input);
}

void paths_release(struct paths *paths)
{
    free(paths->results);
    paths->results = NULL;
}
