#include "sandbox/stats.h"

#include <assert.h>
#include <string.h>

static const char *const method_names[] = {"GET", "POST", "PUT", "DELETE", "other"};
static_assert(sizeof(method_names) / sizeof(method_names[0]) == METHODS, "every method has its name");

const char *stats_method_name(enum stats_method method)
{
    return method_names[method];
}

enum stats_method stats_method_named(const char *name)
{
    int i = 0;

    while (i < METHOD_OTHER && strcmp(method_names[i], name) != 0)
        i++;
    return (enum stats_method)i;
}

void stats_begin(struct stats *stats)
{
    if (++stats->in_progress > stats->most_at_once)
        stats->most_at_once = stats->in_progress;
}

void stats_end(struct stats *stats)
{
    stats->in_progress--;
}

void stats_reset(struct stats *stats)
{
    *stats = (struct stats){.in_progress = stats->in_progress};
}
