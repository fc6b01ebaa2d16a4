/*
 * candidates: the connectors of one list that may be those of lost rows, sorted out while the list arrives.
 *
 * Memory: as many candidates as lost rows, and CANDIDATES_SPARE more.
 */
#ifndef RUN_CANDIDATES_H
#define RUN_CANDIDATES_H

#include "model/remote.h"
#include "run/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CANDIDATES_SPARE = 1024 };

struct candidate {
    uint64_t group;       /* connector_public_hash() of the rows that it may belong to */
    uint64_t public_hash; /* its own; the same where `exact` */
    uint64_t owner;       /* hash of its user_id; 0 = not told */
    int64_t created_ms;   /* -1 where it could not be read */
    bool exact;           /* compared with a row of the group, not by hash alone */
    bool kept;            /* what a server may have made of one of the group's rows, and of no other group's */
    bool was_listed;      /* the account had it before the run sent anything */
    bool archived;
    char id[37];
    char created_at[40];
    char *inbox;   /* owned */
    char *differs; /* owned: in what it differs from the row; NULL where `exact` */
};

struct candidates {
    struct run *run;
    const struct unsettled *rows; /* the lost rows, by public_hash */
    size_t row_count;
    bool earlier; /* an earlier run lost one of them */
    struct {
        uint64_t key;    /* of label_keys() */
        uint32_t row;    /* index in `rows` */
    } * keys;            /* two for each row, by key */
    uint32_t *short_row; /* the rows whose labels are short */
    size_t short_count;
    struct candidate *found;
    size_t count, cap;
    size_t looks; /* labels compared for this list */
    bool crowded; /* there were more than are kept, or compared */
};

void candidates_init(struct candidates *candidates, struct run *run);
void candidates_release(struct candidates *candidates);

/*
 * The rows that the next lists are to tell of, sorted by public_hash; borrowed. Reads them again, for their labels: a
 * failure stops the run.
 */
void candidates_seek(struct candidates *candidates, const struct unsettled *rows, size_t count);

/* Forgets what was found: a list begins. */
void candidates_reset(struct candidates *candidates);

/* Looks at a connector that is no row's. */
void candidates_look(struct candidates *candidates, const struct remote *remote);

/* The list has ended: sorts what was found by group, time and id, so that it can be taken group by group. */
void candidates_sort(struct candidates *candidates);

/* The first candidate of the group, and how many there are; after candidates_sort(). */
const struct candidate *candidates_of(const struct candidates *candidates, uint64_t group, size_t *count);

#endif
