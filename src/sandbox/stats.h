/*
 * stats: what was counted since the start or the last reset. Requests to /_sandbox/ do not count.
 */
#ifndef SANDBOX_STATS_H
#define SANDBOX_STATS_H

#include <stdint.h>

enum stats_method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_OTHER, METHODS };

enum { STATS_STATUSES = 600 };

struct stats {
    uint64_t requests;
    uint64_t created;      /* connectors that creates stored, answered or not */
    uint64_t unauthorized; /* requests without a valid key */
    uint64_t unanswered;   /* dropped or hanging */
    uint64_t connections;  /* connections accepted */
    uint64_t in_progress, most_at_once;
    uint64_t methods[METHODS];
    uint64_t statuses[STATS_STATUSES]; /* answers by status code */
};

/* `GET`, ... and `other`. */
const char *stats_method_name(enum stats_method method);

/* The method of that name, METHOD_OTHER for any other. */
enum stats_method stats_method_named(const char *name);

/* A request began and ended; for `most_at_once`. */
void stats_begin(struct stats *stats);
void stats_end(struct stats *stats);

/* Forgets everything but the requests that are in progress. */
void stats_reset(struct stats *stats);

#endif
