/*
 * first_pass: the first pass over the whole input, before anything is sent: every row is checked, twins are found, and
 * the table of rows is made.
 */
#ifndef SHEET_FIRST_PASS_H
#define SHEET_FIRST_PASS_H

#include "base/err.h"
#include "io/console.h"
#include "model/idset.h"
#include "sheet/rows.h"
#include "sheet/sheet.h"
#include "sheet/warnings.h"

#include <stdbool.h>
#include <stdint.h>

struct first_pass_config {
    bool allow_duplicates;
    bool compares_labels;        /* a label that two rows share is a warning */
    unsigned shard, shard_count; /* the rows of shard `shard` (from 1) of `shard_count` alone; 0 or 1 = all */
};

struct first_pass {
    struct rows *rows;     /* filled in */
    struct idset *claimed; /* gets the connectors of finished rows; NULL where nobody asks */
    uint32_t *keys; /* low half of each row's connector_key_hash(); owned by the caller; NULL unless `want_keys` */
    bool want_keys;
    uint32_t *named; /* rows to be sent or settled whose connector_id is a UUID; owned by the caller */
    uint64_t named_count, named_cap;
    struct warnings warnings;
    uint64_t plan; /* tells one set of rows to be sent from another, without secrets */
};

/*
 * Reads all rows. `duplicate_row`: a later row with the payload of an earlier one, or any row with the payload of one
 * that an earlier run has finished or lost. A finished row has no secrets any more: a row that was refused as a
 * duplicate stays one where only its secrets could tell it from a finished row. Fails as sheet_next() does, or where
 * the input has more than ROWS_MAX rows. Rows to be sent whose secret looks like a reference, without --secret-refs,
 * are told of in one line: it may be a secret all the same.
 */
bool first_pass_read(struct first_pass *pass, struct sheet *sheet, const struct first_pass_config *config,
                     struct console *console, struct err *err);

#endif
