#include "model/header.h"

#include "base/alloc.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    COMPLAINTS_MAX = 16384, /* bytes of all complaints about one header */
    TWINS_SHOWN = 5,        /* columns of one name that are listed */
};

/* What a column is to the program: a field (enum field), or one of these. */
enum role {
    ROLE_EXTRA = FIELDS, /* rides along */
    ROLE_SECOND,         /* holds a field that an earlier column holds, and was complained about */
};

/* A header being read. */
struct reading {
    struct header *header;
    const struct span *cells;
    const struct header_options *options;
    int *role;               /* of each of the header's columns */
    bool map_failed[FIELDS]; /* a --map for it was complained about: not missing as well */
    struct buf complaints;   /* joined by `; ` */
    enum exit_code code;
};

/* Begins a complaint that leads to exit code `code`; bad usage outweighs bad input. */
static struct buf *complain(struct reading *reading, enum exit_code code)
{
    if (reading->complaints.len > 0)
        buf_text(&reading->complaints, "; ");
    if (reading->code != EXIT_USAGE)
        reading->code = code;
    return &reading->complaints;
}

static struct span cell_name(const struct reading *reading, size_t column)
{
    return text_trim(reading->cells[column]);
}

/* Appends `column E "desk"`. */
static void show_column(struct buf *out, size_t index, struct span name)
{
    char letters[TEXT_COLUMN];

    buf_format(out, "column %s ", text_column(letters, index));
    text_quote(out, name, HEADER_SHOWN);
}

static const char *default_of(const struct reading *reading, enum field field)
{
    return reading->options->defaults != NULL ? reading->options->defaults[field] : NULL;
}

static void take_column(struct reading *reading, enum field field, size_t column)
{
    struct span name = cell_name(reading, column);

    reading->role[column] = (int)field;
    reading->header->column[field] = (int)column;
    reading->header->names[field] = alloc_copy(name.data, name.len);
}

/* Tells a result file by its last eight columns; nameless columns after them are no columns. */
static void find_results(struct header *header, const struct span *cells, size_t count)
{
    size_t end = count, match = 0;

    header->columns = count;
    while (end > 0 && text_is_blank(cells[end - 1]))
        end--;
    while (end >= RESULT_COLUMNS && match < RESULT_COLUMNS &&
           result_column_like(cells[end - RESULT_COLUMNS + match]) == (enum result_column)match)
        match++;
    header->is_result = match == RESULT_COLUMNS;
    if (header->is_result)
        header->columns = end - RESULT_COLUMNS;
}

/* Tells a file of `list` by the seven columns before these; `updated_at` counts wherever it is. */
static void find_list(struct header *header, const struct span *cells)
{
    size_t end = header->columns, match = 0;

    header->updated_at = -1;
    if (!header->is_result)
        return;
    while (end >= LIST_COLUMNS && match < LIST_COLUMNS &&
           field_names_match(cells[end - LIST_COLUMNS + match], span_of(list_column_name((enum list_column)match))))
        match++;
    header->is_list = match == LIST_COLUMNS;
    for (size_t i = 0; i < end; i++)
        if (field_names_match(cells[i], span_of(list_column_name(LIST_UPDATED_AT))))
            header->updated_at = (int)i;
}

/*
 * Sheets have columns named "Status" of their own; but one that names connectors, however it is written, was a result
 * file, and would be created once more.
 */
static bool is_stray_result(struct span name)
{
    return result_column_named(name) != RESULT_COLUMNS || result_column_like(name) == RESULT_CONNECTOR_ID;
}

static void refuse_stray_results(struct reading *reading)
{
    size_t strays = 0;
    struct buf *out = &reading->complaints;

    for (size_t i = 0; i < reading->header->columns; i++) {
        if (!is_stray_result(reading->cells[i]))
            continue;
        if (strays++ == 0)
            out = complain(reading, EXIT_INPUT);
        else
            buf_text(out, ", ");
        show_column(out, i, cell_name(reading, i));
    }
    if (strays == 0)
        return;
    buf_format(out,
               ": %s kept for results: rename %s, or, if this is a result file, put its last eight columns back as",
               strays == 1 ? "that name is" : "those names are", strays == 1 ? "it" : "them");
    for (enum result_column column = 0; column < RESULT_COLUMNS; column++)
        buf_format(out, "%c%s", column == 0 ? ' ' : ',', result_column_name(column));
}

/* The columns that a --map may mean: those of exactly its name, or else those whose name matches. Returns how many. */
static size_t find_mapped(const struct reading *reading, struct span wanted, size_t *first, size_t *last)
{
    size_t exact = 0, alike = 0, exact_at[2] = {0}, alike_at[2] = {0};

    if (field_name_is_empty(wanted))
        return 0;
    for (size_t i = 0; i < reading->header->columns; i++) {
        struct span name = cell_name(reading, i);

        if (span_equal(name, text_trim(wanted)))
            exact_at[exact++ > 0] = i;
        if (field_names_match(name, wanted))
            alike_at[alike++ > 0] = i;
    }
    *first = exact > 0 ? exact_at[0] : alike_at[0];
    *last = exact > 0 ? exact_at[1] : alike_at[1];
    return exact > 0 ? exact : alike;
}

/* Says that no column has the mapped name, and which one is nearly it. */
static void say_unmatched(const struct reading *reading, const char *wanted, struct buf *out)
{
    buf_text(out, "no column is named that");
    for (size_t i = 0; i < reading->header->columns; i++) {
        if (cell_name(reading, i).len == 0 || text_nearest(cell_name(reading, i), &wanted, 1) < 0)
            continue;
        buf_text(out, ", did you mean ");
        show_column(out, i, cell_name(reading, i));
        buf_char(out, '?');
        break;
    }
}

static struct buf *complain_of_map(struct reading *reading, const struct header_map *map)
{
    struct buf *out = complain(reading, EXIT_USAGE);

    buf_format(out, "--map %s=", field_name(map->field));
    text_show(out, span_of(map->column), HEADER_SHOWN);
    buf_text(out, ": ");
    reading->map_failed[map->field] = true;
    return out;
}

static void apply_map(struct reading *reading, const struct header_map *map)
{
    const struct header *header = reading->header;
    struct span wanted = span_of(map->column);
    size_t first = 0, last = 0;
    size_t found = find_mapped(reading, wanted, &first, &last);
    char letters[2][TEXT_COLUMN];

    if (found == 0)
        say_unmatched(reading, map->column, complain_of_map(reading, map));
    else if (found > 1)
        buf_format(complain_of_map(reading, map), "columns %s and %s are both named that, rename one of them",
                   text_column(letters[0], first), text_column(letters[1], last));
    else if (header->column[map->field] >= 0)
        buf_format(complain_of_map(reading, map), "column %s is mapped to %s already",
                   text_column(letters[0], (size_t)header->column[map->field]), field_name(map->field));
    else if (reading->role[first] != ROLE_EXTRA)
        buf_format(complain_of_map(reading, map), "column %s is mapped to %s already", text_column(letters[0], first),
                   field_name((enum field)reading->role[first]));
    else
        take_column(reading, map->field, first);
}

static bool is_mapped(const struct reading *reading, enum field field)
{
    for (size_t i = 0; i < reading->options->map_count; i++)
        if (reading->options->maps[i].field == field)
            return true;
    return false;
}

/* Finds the columns that have a field's own name. */
static void match_fields(struct reading *reading)
{
    const struct header *header = reading->header;

    for (size_t i = 0; i < header->columns; i++) {
        enum field field = field_named(reading->cells[i]);
        struct buf *out;

        if (reading->role[i] != ROLE_EXTRA || field == FIELDS || is_mapped(reading, field))
            continue;
        if (header->column[field] < 0) {
            take_column(reading, field, i);
            continue;
        }
        reading->role[i] = ROLE_SECOND;
        if (reading->options->results_only)
            continue;
        out = complain(reading, EXIT_INPUT);
        header_show_column(header, field, out);
        buf_text(out, " and ");
        show_column(out, i, cell_name(reading, i));
        buf_format(out, " are both %s: rename or remove one, or choose with --map %s=COLUMN", field_name(field),
                   field_name(field));
    }
}

struct named_column {
    struct span name;
    size_t index;
};

static int compare_names(const void *a, const void *b)
{
    const struct named_column *left = a, *right = b;
    size_t len = left->name.len < right->name.len ? left->name.len : right->name.len;
    int order = memcmp(left->name.data, right->name.data, len);

    if (order == 0)
        order = (left->name.len > right->name.len) - (left->name.len < right->name.len);
    return order != 0 ? order : (left->index > right->index) - (left->index < right->index);
}

static void complain_of_twins(struct reading *reading, const struct named_column *twins, size_t count)
{
    struct buf *out = complain(reading, EXIT_INPUT);
    char letters[TEXT_COLUMN];

    buf_text(out, "columns ");
    for (size_t i = 0; i < count && i < TWINS_SHOWN; i++)
        buf_format(out, "%s%s", i == 0 ? "" : i + 1 == count ? " and " : ", ", text_column(letters, twins[i].index));
    if (count > TWINS_SHOWN)
        buf_format(out, " and %zu more", count - TWINS_SHOWN);
    /* which name is not said: in a sheet without a header it may be a password */
    buf_text(out, " have the same name: rename them or remove all but one");
}

/* Two columns of exactly the same name: which one a person means when they edit it is anybody's guess. */
static void refuse_twins(struct reading *reading)
{
    size_t columns = reading->header->columns, count = 0, next;
    struct named_column *named = alloc_zeroed(columns, sizeof(*named));

    for (size_t i = 0; i < columns; i++)
        if (reading->role[i] == ROLE_EXTRA && cell_name(reading, i).len > 0)
            named[count++] = (struct named_column){.name = cell_name(reading, i), .index = i};
    if (count > 0)
        qsort(named, count, sizeof(*named), compare_names);
    for (size_t first = 0; first < count; first = next) {
        for (next = first + 1; next < count && span_equal(named[first].name, named[next].name); next++)
            ;
        if (next - first > 1)
            complain_of_twins(reading, named + first, next - first);
    }
    free(named);
}

/* For each field without a column, the first column that rides along and that `guess` takes for it. */
static void find_likely(struct reading *reading, enum field (*guess)(struct span name))
{
    struct header *header = reading->header;

    for (size_t i = 0; i < header->columns; i++) {
        enum field field = reading->role[i] == ROLE_EXTRA ? guess(reading->cells[i]) : FIELDS;

        if (field == FIELDS || header->column[field] >= 0 || header->likely[field] >= 0)
            continue;
        header->likely[field] = (int)i;
        header->likely_names[field] = alloc_copy(cell_name(reading, i).data, cell_name(reading, i).len);
    }
}

/* How many names of fields `text` holds, were its cells separated by `delimiter`. */
static unsigned count_named(struct span text, char delimiter)
{
    const char *at = text.data, *end = text.data + text.len, *stop;
    unsigned named = 0;

    for (; at != NULL; at = stop != NULL ? stop + 1 : NULL) {
        stop = memchr(at, delimiter, (size_t)(end - at));
        named += field_named((struct span){at, (size_t)((stop != NULL ? stop : end) - at)}) != FIELDS;
    }
    return named;
}

/* What separates the names of fields that a header's only cell holds; '\0' where nothing does. */
static char find_delimiter(const struct reading *reading)
{
    static const char candidates[] = {',', ';', '\t', '|', ':'};
    struct span cell = reading->header->columns == 1 ? reading->cells[0] : (struct span){0};

    for (size_t i = 0; cell.len > 0 && i < sizeof(candidates); i++)
        if (candidates[i] != reading->options->delimiter && memchr(cell.data, candidates[i], cell.len) != NULL &&
            count_named(cell, candidates[i]) > 0)
            return candidates[i];
    return '\0';
}

/* Appends the delimiter as a shell takes it. */
static void show_delimiter(struct buf *out, char delimiter)
{
    const char text[] = {delimiter, '\0'};

    if (delimiter == '\t')
        buf_text(out, "tab");
    else
        text_shell(out, text);
}

/* A header of one cell that is separated by something else than was taken for the delimiter. */
static bool refuse_delimiter(struct reading *reading)
{
    char delimiter = find_delimiter(reading);
    bool given = reading->options->delimiter_given, is_found = delimiter != '\0' && strchr(",;\t", delimiter) != NULL;
    struct buf *out;

    if (delimiter == '\0')
        return false;
    out = complain(reading, EXIT_INPUT);
    buf_text(out, "none of these columns is known: ");
    if (given) {
        buf_text(out, "with --delimiter ");
        show_delimiter(out, reading->options->delimiter);
        buf_text(out, " ");
    }
    buf_text(out, "the header is one cell; ");
    if (given && is_found) {
        buf_text(out, "leave --delimiter out");
        return true;
    }
    buf_text(out, "it seems to be separated by ");
    buf_text(out, delimiter == '\t' ? "tabs" : (const char[]){delimiter, '\0'});
    buf_text(out, ": add --delimiter ");
    show_delimiter(out, delimiter);
    return true;
}

/* A value of `type` in the first row, beside an address or no name that is known: what is missing is the header. */
static bool holds_data(const struct reading *reading)
{
    const struct header *header = reading->header;
    bool type = false, address = false;

    for (enum field field = 0; field < FIELDS; field++)
        if (header->column[field] >= 0)
            return false;
    for (size_t i = 0; i < header->columns; i++) {
        struct span cell = reading->cells[i];

        type = type || type_named(cell) != TYPE_NONE;
        address = address || (cell.len > 0 && memchr(cell.data, '@', cell.len) != NULL);
    }
    return type && (address || (header->likely[FIELD_TYPE] < 0 && header->likely[FIELD_LABEL] < 0 &&
                                header->likely[FIELD_ALLOWED_EMAILS] < 0));
}

/* No header at all, more likely than one that names no field. */
static bool is_empty_handed(const struct header *header)
{
    for (enum field field = 0; field < FIELDS; field++)
        if (header->column[field] >= 0 || (header->likely[field] >= 0 && field_is_required(field, TYPE_NONE)))
            return false;
    return true;
}

/* The column of the field's name that a --map takes for another field, or -1. */
static int find_taken(const struct reading *reading, enum field field)
{
    for (size_t i = 0; i < reading->header->columns; i++)
        if (reading->role[i] < FIELDS && reading->role[i] != (int)field && field_named(reading->cells[i]) == field)
            return (int)i;
    return -1;
}

static void refuse_field(struct reading *reading, enum field field)
{
    int taken = find_taken(reading, field);
    struct buf *out = complain(reading, taken >= 0 ? EXIT_USAGE : EXIT_INPUT);

    buf_format(out, "no column \"%s\": ", field_name(field));
    if (taken < 0) {
        header_show_remedy(reading->header, field, out);
        return;
    }
    show_column(out, (size_t)taken, cell_name(reading, (size_t)taken));
    buf_format(out, " is taken by --map %s=", field_name((enum field)reading->role[taken]));
    text_quote(out, cell_name(reading, (size_t)taken), HEADER_SHOWN);
}

static void refuse_missing(struct reading *reading)
{
    for (enum field field = 0; field < FIELDS; field++)
        if (field_is_required(field, TYPE_NONE) && reading->header->column[field] < 0 &&
            default_of(reading, field) == NULL && !reading->map_failed[field])
            refuse_field(reading, field);
}

static void give_notes(const struct reading *reading, struct buf *notes)
{
    const struct header *header = reading->header;

    for (enum field field = 0; field < FIELDS; field++) {
        if (header->likely[field] < 0 || field_misspelt(span_of(header->likely_names[field])) != field)
            continue;
        buf_format(notes, "%s:%zu: ", reading->options->file, reading->options->line);
        show_column(notes, (size_t)header->likely[field], span_of(header->likely_names[field]));
        buf_format(notes, " is not read; did you mean \"%s\"?\n", field_name(field));
    }
}

static void read_columns(struct reading *reading)
{
    const struct header_options *options = reading->options;

    if (refuse_delimiter(reading))
        return;
    refuse_stray_results(reading);
    for (size_t i = 0; i < options->map_count; i++)
        apply_map(reading, &options->maps[i]);
    match_fields(reading);
    find_likely(reading, field_misspelt);
    find_likely(reading, field_meant);
    if (options->results_only && reading->header->is_result)
        return;
    if (holds_data(reading) && reading->complaints.len == 0) {
        buf_text(complain(reading, EXIT_INPUT),
                 "the first row holds data: put a row of column names above it, such as type, label and "
                 "allowed_emails");
        return;
    }
    if (is_empty_handed(reading->header) && reading->complaints.len == 0) {
        buf_text(complain(reading, EXIT_INPUT),
                 "none of these columns is known: the first row must be the header and name the columns, such as type, "
                 "label and allowed_emails (--map FIELD=COLUMN takes a column of another name)");
        return;
    }
    if (options->results_only)
        return;
    if (!options->may_lack || !reading->header->is_result)
        refuse_missing(reading);
    refuse_twins(reading);
}

static void header_init(struct header *header)
{
    *header = (struct header){0};
    for (enum field field = 0; field < FIELDS; field++)
        header->column[field] = header->likely[field] = -1;
}

bool header_read(struct header *header, const struct span *cells, size_t count, const struct header_options *options,
                 struct buf *notes, struct err *err)
{
    struct reading reading = {.header = header, .cells = cells, .options = options, .code = EXIT_ALL_DONE};

    header_init(header);
    if (count > HEADER_COLUMNS_MAX)
        return err_set(err, EXIT_INPUT,
                       "%s:%zu: the sheet has %zu columns, and %d are the most: remove those that are "
                       "not needed",
                       options->file, options->line, count, HEADER_COLUMNS_MAX);
    find_results(header, cells, count);
    find_list(header, cells);
    buf_init(&reading.complaints, COMPLAINTS_MAX);
    reading.role = alloc_zeroed(count, sizeof(*reading.role));
    for (size_t i = 0; i < count; i++)
        reading.role[i] = ROLE_EXTRA;
    read_columns(&reading);
    if (reading.code == EXIT_ALL_DONE) {
        if (!options->results_only)
            give_notes(&reading, notes);
    } else {
        err_set(err, reading.code, "%s:%zu: %s", options->file, options->line, buf_view(&reading.complaints).data);
        header_release(header);
    }
    buf_release(&reading.complaints);
    free(reading.role);
    return reading.code == EXIT_ALL_DONE;
}

void header_release(struct header *header)
{
    for (enum field field = 0; field < FIELDS; field++) {
        free(header->names[field]);
        free(header->likely_names[field]);
    }
    header_init(header);
}

size_t header_width(const struct header *header)
{
    return header->columns + (header->is_result ? (size_t)RESULT_COLUMNS : 0);
}

bool header_has_secret(const struct header *header)
{
    for (enum field field = 0; field < FIELDS; field++)
        if (field_is_secret(field) && (header->column[field] >= 0 || header->likely[field] >= 0))
            return true;
    return false;
}

void header_show_column(const struct header *header, enum field field, struct buf *out)
{
    if (header->column[field] >= 0)
        show_column(out, (size_t)header->column[field], span_of(header->names[field]));
    else
        buf_format(out, "column \"%s\"", field_name(field));
}

void header_show_remedy(const struct header *header, enum field field, struct buf *out)
{
    const char *name = field_name(field);
    char letters[TEXT_COLUMN];

    if (header->likely[field] >= 0 && header->likely_names[field][0] == '"') {
        buf_format(out, "in column %s a blank stands before the quote: remove that blank",
                   text_column(letters, (size_t)header->likely[field]));
        return;
    }
    if (header->likely[field] >= 0) {
        buf_text(out, "is it ");
        show_column(out, (size_t)header->likely[field], span_of(header->likely_names[field]));
        buf_format(out, "? Then rename that to \"%s\" or add --map %s=", name, name);
        text_quote(out, span_of(header->likely_names[field]), HEADER_SHOWN);
        return;
    }
    buf_format(out, "add it, or name the column that holds it with --map %s=COLUMN", name);
    if (!field_is_secret(field))
        buf_format(out, ", or give every row the same with --default %s=VALUE", name);
}
