/*
 * earlier: the connectors that an earlier run's result file names, which a run with --skip-existing replaces, or the
 * journal of an interrupted run that it closes (inherit.h): what is named by id is known, whatever a list shows.
 *
 * Rows with a connector_id that is a UUID count, but not those that were archived, nor those without a status, which
 * somebody has emptied so that the row is sent again. 32 bytes a row; the file stays open, for its ids.
 */
#ifndef PRIOR_EARLIER_H
#define PRIOR_EARLIER_H

#include "base/buf.h"
#include "base/err.h"
#include "model/idset.h"
#include "prior/inherit.h"
#include "sheet/sheet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct earlier_row {
    uint64_t id_hash;
    uint64_t offset : 40; /* of its record; or, where `inherited`, its index */
    uint64_t length : 24;
    uint32_t line;
    uint32_t key, public_tag; /* low halves of connector_key_hash() and connector_public_hash() */
    uint32_t created : 1;     /* by the run that wrote it, or one before: its connector is one's own */
    uint32_t listed : 1;      /* the account has told of it; */
    uint32_t gone : 1;        /* it is archived, or not there; */
    uint32_t used : 1;        /* it answers for a row of this run: all three for whoever looks */
    uint32_t inherited : 1;   /* a journal names it, for a row with both its key and its tag; line 0 */
};

struct earlier {
    struct sheet *sheet; /* NULL: there is no such file, and no rows of it */
    const struct inherit *inherit;
    struct sheet_row told;   /* what earlier_row() says of what a journal names */
    struct earlier_row *row; /* by id_hash, none twice */
    size_t count, cap;
};

/*
 * Reads the result file `path` with the options of `sheet`, and what was inherited (or NULL; borrowed); ids in
 * `claimed` are left out. A path that is NULL, and a file that is not there or is no result file at all, has no
 * rows. False, with `err` set, where a row of it can't be read: then nobody knows what it names.
 */
bool earlier_read(struct earlier *earlier, const struct sheet_config *sheet, const char *path,
                  const struct inherit *inherit, const struct idset *claimed, struct err *err);
/*
 * Adds to `inherit` the rows of that result file that are `unknown` and name no connector: what they may have created
 * is settled by the run that replaces the file, as it would be by one that goes on with it.
 */
bool earlier_inherit(const struct sheet_config *sheet, const char *path, struct inherit *inherit, struct err *err);

/* Whether a row of the result file `path` is `unknown`, and its request may not be over. */
bool earlier_has_unknown(const char *path);

void earlier_release(struct earlier *earlier);

/* The row that names `id`, or NULL. */
struct earlier_row *earlier_find(const struct earlier *earlier, struct span id);

/* The row itself; lasts until the next call. Its connector has no secrets any more. */
bool earlier_row(struct earlier *earlier, const struct earlier_row *row, const struct sheet_row **read,
                 struct err *err);

#endif
