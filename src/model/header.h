/*
 * header: which column of a sheet holds which field, by the rules of contract.md, "Input".
 */
#ifndef MODEL_HEADER_H
#define MODEL_HEADER_H

#include "base/buf.h"
#include "base/err.h"
#include "model/field.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    HEADER_COLUMNS_MAX = 16384, /* what a spreadsheet can hold */
    HEADER_SHOWN = 60,          /* characters of a column's name or a cell's value that a message quotes */
};

/* `--map FIELD=COLUMN`: the column of that name (matched like every name) holds the field. */
struct header_map {
    enum field field;
    const char *column;
};

struct header_options {
    const char *file; /* for messages, as the user named it */
    size_t line;      /* the header's line, from 1 */
    const struct header_map *maps;
    size_t map_count;
    const char *const *defaults; /* FIELDS of them: the `--default` of each field, or NULL */
    char delimiter;              /* what separated the cells */
    bool delimiter_given;        /* by --delimiter */
    bool may_lack;               /* a result file's rows are compared, field by field: type and label may be missing */
    bool results_only; /* a result file's rows are not checked nor sent: what of the fields is missing, or there twice,
                          is no mistake, and there is no advice */
};

struct header {
    int column[FIELDS];  /* where each field is, from 0; -1 = the sheet has no such column */
    char *names[FIELDS]; /* its name as the sheet writes it, without blanks around it; NULL where there is none */
    int likely[FIELDS];  /* for a field without a column: the one that is most likely meant for it, or -1 */
    char *likely_names[FIELDS]; /* its name; NULL where there is none */
    size_t columns;             /* of the input itself, without the eight result columns */
    int updated_at;             /* the column of that name in a result file; -1 = there is none */
    bool is_list;               /* before the eight result columns it ends in the seven of `list` */
    bool is_result;             /* the header ends in the eight result columns, in order, however they are written */
};

/*
 * Reads the header record of `count` cells. On failure every mistake in it is in one sentence of `err`, which begins
 * with `FILE:LINE: ` and joins its parts by `; `; there is nothing to release then. EXIT_INPUT for:
 *   no cell is a field's name, or likely meant for type or label (with the delimiter that would help, or that the row
 *   holds data); more than HEADER_COLUMNS_MAX columns;
 *   no column `type` or `label`, unless defaulted (with the column that is likely meant, or how to use --map);
 *   a field in two columns, or two columns of exactly the same name (columns without a name are fine);
 *   result columns elsewhere than as the last eight (columns without a name may follow these).
 * EXIT_USAGE where a --map is wrong: its column is not there or there twice, a field or a column is mapped twice, or it
 * takes the column of another field that is required.
 * A field that is mapped is in the mapped column only; a column of the field's own name is then like any other.
 * `notes` gets a line of advice, ending in a newline, for each column that looks like a misspelt field but type or
 * label that the sheet has no column for.
 */
bool header_read(struct header *header, const struct span *cells, size_t count, const struct header_options *options,
                 struct buf *notes, struct err *err);

void header_release(struct header *header);

/* The columns that a record may fill: header->columns, and the eight of a result file. */
size_t header_width(const struct header *header);

/* Whether a secret field has a column, or one that is likely meant for it: the file is to be kept from others. */
bool header_has_secret(const struct header *header);

/* Appends `column E "allowed_emails"`, or `column "label"` where the sheet has no such column. */
void header_show_column(const struct header *header, enum field field, struct buf *out);

/*
 * Appends the remedy for a field that the sheet has no column for: `name its column with --map label=COLUMN, or give
 * every row the same with --default label=VALUE`, or the column that is likely meant. No --default for a secret.
 */
void header_show_remedy(const struct header *header, enum field field, struct buf *out);

#endif
