#include "command/places.h"

#include "base/alloc.h"
#include "io/disk.h"
#include "io/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum place_kind { PLACE_INPUT, PLACE_READ, PLACE_JOURNAL, PLACE_RESULTS, PLACE_KEPT, PLACE_WRITTEN };

struct place {
    enum place_kind kind;
    const char *name; /* as the sentence says it first: an option */
    const char *what; /* and as what another place is */
    char *path;       /* owned; NULL = none */
};

enum { PLACES = 11 };

static char *copy_of(const char *path)
{
    return path != NULL && !output_is_stream(path) ? alloc_text(path) : NULL;
}

/* `PATH` and `end`, of a file that is no stream. */
static char *beside(const char *path, const char *end)
{
    char *other = NULL;

    if (path != NULL && !output_is_stream(path) && asprintf(&other, "%s%s", path, end) < 0)
        other = NULL;
    return other;
}

/* Whether both names are of one file in one folder, whether or not it is there yet. */
static bool is_one_place(const char *a, const char *b)
{
    char *folder_a = disk_folder(a), *folder_b = disk_folder(b);
    bool one = disk_same_file(a, b) || (strcmp(disk_name(a), disk_name(b)) == 0 && disk_same_file(folder_a, folder_b));

    free(folder_a);
    free(folder_b);
    return one;
}

/*
 * What would be lost: anything where a report goes; what is read or a journal where the results go; that, and the
 * input, where what they replace goes.
 */
static bool is_in_the_way(const struct place *written, const struct place *other)
{
    if (written == other || written->path == NULL || other->path == NULL)
        return false;
    if (written->kind == PLACE_RESULTS && other->kind != PLACE_READ && other->kind != PLACE_JOURNAL)
        return false;
    if (written->kind == PLACE_KEPT && other->kind > PLACE_JOURNAL)
        return false;
    return written->kind >= PLACE_RESULTS && is_one_place(written->path, other->path);
}

static bool check(const struct place *place, struct err *err)
{
    for (int i = 0; i < PLACES; i++)
        for (int j = 0; j < PLACES; j++)
            if (is_in_the_way(&place[i], &place[j]))
                return err_set(err, EXIT_USAGE, "%s %s is %s; name another file", place[i].name, place[i].path,
                               place[j].what);
    return true;
}

bool places_apart(const struct places *places, struct err *err)
{
    struct place place[PLACES] = {
        {PLACE_READ, NULL, "the key's file (--api-key-file)", copy_of(places->api_key_file)},
        {PLACE_READ, NULL, "the authorities' file (--cacert)", copy_of(places->ca_file)},
        {PLACE_JOURNAL, NULL, "the input's journal", beside(places->input, ".journal")},
        {PLACE_JOURNAL, NULL, "the result file's journal", beside(places->results, ".journal")},
        {PLACE_RESULTS, "-o", "the result file", copy_of(places->results)},
        {PLACE_KEPT, "the copy of the earlier results", "the copy of the earlier results",
         places->keeps_replaced ? beside(places->results, "~") : NULL},
        {PLACE_INPUT, NULL, "the input", copy_of(places->input)},
        {PLACE_WRITTEN, "--log", "the log, too (--log)", copy_of(places->log)},
        {PLACE_WRITTEN, "--summary", "the summary, too (--summary)", copy_of(places->summary)},
        {PLACE_WRITTEN, "--metrics", "the metrics, too (--metrics)", copy_of(places->metrics)},
        {PLACE_WRITTEN, "--report", "the report, too (--report)", copy_of(places->report)},
    };
    bool apart = check(place, err);

    for (int i = 0; i < PLACES; i++)
        free(place[i].path);
    return apart;
}
