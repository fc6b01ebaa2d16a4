/*
 * warnings: what is no error of a row, and most likely a mistake all the same: cells that a spreadsheet has changed,
 * a label that rows share, passwords in a file that everybody can read. Noted while the rows are read, said after their
 * errors; in memory that does not grow.
 */
#ifndef SHEET_WARNINGS_H
#define SHEET_WARNINGS_H

#include "io/console.h"
#include "model/spoilt.h"
#include "sheet/rows.h"
#include "sheet/sheet.h"

#include <stdbool.h>
#include <stdint.h>

enum { WARNINGS_KEPT = 20 }; /* as many are said one by one */

struct warning {
    uint64_t index; /* of the row in the whole input */
    enum field field;
    enum spoilt spoilt; /* SPOILT_NOT: the label is that of `other`, too */
    uint32_t other;     /* number of a row */
};

struct warnings {
    struct warning kept[WARNINGS_KEPT];
    uint64_t count;  /* of all of them */
    bool has_secret; /* in a cell, not a reference to one */
};

/* Notes what is to be said of a row, in any order; of those that an earlier run has finished, nothing. */
void warnings_of_row(struct warnings *warnings, const struct sheet *sheet, const struct rows *rows, uint64_t index,
                     const struct sheet_row *read);
void warnings_of_label(struct warnings *warnings, uint64_t index, uint32_t other);

/* Says them, those of the rows in `rows` alone. */
void warnings_say(const struct warnings *warnings, struct sheet *sheet, const struct rows *rows,
                  struct console *console);

#endif
