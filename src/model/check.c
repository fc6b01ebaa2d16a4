#include "model/check.h"

#include "base/text.h"
#include "model/email.h"

#include <assert.h>
#include <string.h>

enum {
    LISTED = 5,       /* bad values of one cell that a message quotes */
    MENDED_MAX = 512, /* bytes of one that are looked at for what is meant */
};

static const char *const names[] = {
    [CHECK_MISSING_TYPE] = "missing_type",
    [CHECK_UNKNOWN_TYPE] = "unknown_type",
    [CHECK_MISSING_LABEL] = "missing_label",
    [CHECK_MISSING_ALLOWED_EMAILS] = "missing_allowed_emails",
    [CHECK_INVALID_EMAIL] = "invalid_email",
    [CHECK_DUPLICATE_EMAIL] = "duplicate_email",
    [CHECK_MISSING_USER_ID] = "missing_user_id",
    [CHECK_MISSING_USER_PASSWORD] = "missing_user_password",
    [CHECK_MISSING_SESSION_ID] = "missing_session_id",
    [CHECK_INVALID_BOOLEAN] = "invalid_boolean",
    [CHECK_FIELD_NOT_FOR_TYPE] = "field_not_for_type",
    [CHECK_PAYLOAD_TOO_LARGE] = "payload_too_large",
    [CHECK_DUPLICATE_ROW] = "duplicate_row",
    [CHECK_SECRET_UNRESOLVED] = "secret_unresolved",
    [CHECK_TOO_MANY_FIELDS] = "too_many_fields",
    [CHECK_INVALID_TEXT] = "invalid_text",
};
static_assert(sizeof(names) / sizeof(names[0]) == CHECKS, "a name for each check");
static_assert(CHECKS <= 32, "a bit for each check");

/* What it means that a required field is empty; CHECKS for those that are never required. */
static const enum check missing[] = {
    [FIELD_TYPE] = CHECK_MISSING_TYPE,
    [FIELD_LABEL] = CHECK_MISSING_LABEL,
    [FIELD_DESCRIPTION] = CHECKS,
    [FIELD_SHARE_WITH_ORG] = CHECKS,
    [FIELD_ALLOWED_EMAILS] = CHECK_MISSING_ALLOWED_EMAILS,
    [FIELD_USER_ID] = CHECK_MISSING_USER_ID,
    [FIELD_USER_PASSWORD] = CHECK_MISSING_USER_PASSWORD,
    [FIELD_SESSION_ID] = CHECK_MISSING_SESSION_ID,
};
static_assert(sizeof(missing) / sizeof(missing[0]) == FIELDS, "a check for each field");

/* One row being checked. */
struct row {
    struct connector *connector;
    const struct row_values *values;
    const struct header *header;
    struct problems *problems;
};

const char *check_name(enum check check)
{
    return names[check];
}

/* Problems */

void problems_init(struct problems *problems)
{
    problems->set = 0;
    for (size_t i = 0; i < CHECKS; i++)
        buf_init(&problems->messages[i], PROBLEM_TEXT_MAX);
}

void problems_release(struct problems *problems)
{
    for (size_t i = 0; i < CHECKS; i++)
        buf_release(&problems->messages[i]);
    problems->set = 0;
}

void problems_reset(struct problems *problems)
{
    problems->set = 0;
}

static bool is_set(const struct problems *problems, enum check check)
{
    return (problems->set >> check & 1) != 0;
}

struct buf *problems_add(struct problems *problems, enum check check)
{
    struct buf *out = &problems->messages[check];

    if (is_set(problems, check))
        buf_text(out, "; ");
    else
        buf_reset(out);
    problems->set |= UINT32_C(1) << check;
    return out;
}

void problems_codes(const struct problems *problems, struct buf *out)
{
    const char *separator = "";

    for (enum check check = 0; check < CHECKS; check++) {
        if (!is_set(problems, check))
            continue;
        buf_format(out, "%s%s", separator, names[check]);
        separator = ";";
    }
}

void problems_messages(const struct problems *problems, struct buf *out)
{
    const char *separator = "";

    for (enum check check = 0; check < CHECKS; check++) {
        if (!is_set(problems, check))
            continue;
        buf_text(out, separator);
        buf_span(out, buf_view(&problems->messages[check]));
        separator = "; ";
    }
}

/* Values */

/* The cell, or an empty one where it is absent or nothing in it can be seen. */
static struct span cell_value(const struct span *cells, size_t count, int column)
{
    if (column < 0 || (size_t)column >= count || text_is_blank(cells[column]))
        return (struct span){0};
    return cells[column];
}

static void apply_default(struct row_values *values, enum field field, const char *value)
{
    if (value == NULL || values->value[field].len > 0 || text_is_blank(span_of(value)))
        return;
    values->value[field] = span_of(value);
    values->defaulted[field] = true;
}

void connector_values(struct row_values *values, const struct header *header, const char *const defaults[FIELDS],
                      const struct span *cells, size_t count)
{
    size_t width = header_width(header);
    enum connector_type type;

    *values = (struct row_values){0};
    for (enum field field = 0; field < FIELDS; field++)
        values->value[field] = cell_value(cells, count, header->column[field]);
    apply_default(values, FIELD_TYPE, defaults[FIELD_TYPE]);
    type = type_named(values->value[FIELD_TYPE]);
    for (enum field field = 0; field < FIELDS; field++)
        if (field_fits_type(field, type))
            apply_default(values, field, defaults[field]);
    while (count > width && text_is_blank(cells[count - 1]))
        count--;
    values->extra_cells = count > width ? count - width : 0;
}

/* Messages */

/* Begins a message on a field: `column E "allowed_emails": `, or `--default label: ` where its value is from there. */
static struct buf *complain(const struct row *row, enum check check, enum field field)
{
    struct buf *out = problems_add(row->problems, check);

    if (row->values->defaulted[field])
        buf_format(out, "--default %s", field_name(field));
    else
        header_show_column(row->header, field, out);
    buf_text(out, ": ");
    return out;
}

/* Whether there may be a secret in the row at all: a row of type email with none in its place has none elsewhere. */
static bool may_have_secret(const struct row_values *values)
{
    return type_named(values->value[FIELD_TYPE]) != TYPE_EMAIL || values->value[FIELD_USER_PASSWORD].len > 0 ||
           values->value[FIELD_SESSION_ID].len > 0;
}

bool connector_may_show(const struct header *header, const struct row_values *values, enum field field)
{
    const int *column = header->column;

    if (field_is_secret(field))
        return false;
    if (values->defaulted[field] || !may_have_secret(values))
        return true;
    return (column[FIELD_USER_PASSWORD] < 0 || column[FIELD_USER_PASSWORD] >= column[field]) &&
           (column[FIELD_SESSION_ID] < 0 || column[FIELD_SESSION_ID] >= column[field]);
}

static bool is_hidden(const struct row *row, enum field field)
{
    return !connector_may_show(row->header, row->values, field);
}

static void show_value(const struct row *row, enum field field, struct span value, struct buf *out)
{
    if (is_hidden(row, field))
        buf_text(out, "the value");
    else
        text_quote(out, value, HEADER_SHOWN);
}

/* Some values of one cell, each once as far as they are listed. */
struct listing {
    struct span values[LISTED];
    size_t count;
};

static void listing_add(struct listing *listing, struct span value)
{
    for (size_t i = 0; i < listing->count && i < LISTED; i++)
        if (span_equal(listing->values[i], value))
            return;
    if (listing->count < LISTED)
        listing->values[listing->count] = value;
    listing->count++;
}

/* Appends `"a", "b" and 3 more are`, or `"a" is`. */
static void listing_show(const struct listing *listing, const struct row *row, enum field field, struct buf *out)
{
    if (is_hidden(row, field)) {
        buf_format(out, "%zu of the values %s", listing->count, listing->count == 1 ? "is" : "are");
        return;
    }
    for (size_t i = 0; i < listing->count && i < LISTED; i++) {
        buf_text(out, i == 0 ? "" : i + 1 == listing->count ? " and " : ", ");
        text_quote(out, listing->values[i], HEADER_SHOWN);
    }
    if (listing->count > LISTED)
        buf_format(out, " and %zu more", listing->count - LISTED);
    buf_text(out, listing->count == 1 ? " is" : " are");
}

/* Checks */

static void complain_of_missing(const struct row *row, enum field field)
{
    const struct header *header = row->header;
    struct buf *out = complain(row, missing[field], field);

    buf_text(out, header->column[field] >= 0 ? "empty" : "not in the sheet");
    if (field == FIELD_TYPE)
        buf_format(out, ", write %s", type_list());
    else if (field == FIELD_LABEL)
        buf_text(out, ", every connector needs one");
    else if (header->column[field] < 0)
        buf_format(out, ", type %s needs it", type_name(row->connector->type));
    if (header->column[field] >= 0)
        return;
    buf_text(out, " (");
    header_show_remedy(header, field, out);
    buf_char(out, ')');
}

static void check_type(const struct row *row)
{
    struct span value = text_trim(row->values->value[FIELD_TYPE]);
    struct buf *out;
    int nearest;

    row->connector->type = type_named(value);
    if (row->connector->type != TYPE_NONE)
        return;
    if (value.len == 0) {
        complain_of_missing(row, FIELD_TYPE);
        return;
    }
    out = complain(row, CHECK_UNKNOWN_TYPE, FIELD_TYPE);
    show_value(row, FIELD_TYPE, value, out);
    buf_format(out, " is not a type (%s)", type_list());
    nearest = text_nearest(value, type_names(), CONNECTOR_TYPES - 1);
    if (nearest >= 0 && !is_hidden(row, FIELD_TYPE))
        buf_format(out, ", did you mean \"%s\"?", type_names()[nearest]);
}

static void check_boolean(const struct row *row)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"true", true}, {"false", false}, {"yes", true}, {"no", false},
        {"y", true},    {"n", false},     {"1", true},   {"0", false},
    };
    struct span value = text_trim(row->values->value[FIELD_SHARE_WITH_ORG]);
    struct buf *out;

    if (value.len == 0)
        return;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (text_equal_fold(value, span_of(words[i].word))) {
            row->connector->share_with_org = words[i].value;
            return;
        }
    }
    out = complain(row, CHECK_INVALID_BOOLEAN, FIELD_SHARE_WITH_ORG);
    show_value(row, FIELD_SHARE_WITH_ORG, value, out);
    buf_text(out, " is neither true nor false (write true/false, yes/no, y/n or 1/0, empty is false)");
}

/* An address as mail programs copy it, with the person's name. */
static bool has_brackets(const struct listing *listing)
{
    for (size_t i = 0; i < listing->count && i < LISTED; i++)
        if (memchr(listing->values[i].data, '<', listing->values[i].len) != NULL)
            return true;
    return false;
}

/* Full-width characters, and the stops of East Asian scripts, as the ASCII characters that they stand for. */
static void put_narrow(struct span text, struct buf *out)
{
    for (size_t at = 0, len; at < text.len; at += len) {
        struct span rest = {text.data + at, text.len - at};
        uint32_t point;

        len = text_char_len(rest);
        point = len > 0 ? text_code_point(rest) : 0;
        len = len > 0 ? len : 1;
        if (point >= 0xFF01 && point <= 0xFF5E)
            buf_char(out, (char)(point - 0xFEE0));
        else if (point == 0x3000 || point == 0x3001)
            buf_char(out, ',');
        else if (point == 0x3002 || point == 0xFF61)
            buf_char(out, '.');
        else
            buf_add(out, rest.data, len);
    }
}

/* What stands between angle brackets, or all of it; without the scheme of a link, `mailto:a@b.c`. */
static struct span bare(struct span text)
{
    static const char scheme[] = "mailto:";
    size_t len = sizeof(scheme) - 1;
    const char *open = memchr(text.data, '<', text.len), *close = memrchr(text.data, '>', text.len);

    if (open != NULL && close != NULL && close > open)
        text = (struct span){open + 1, (size_t)(close - open) - 1};
    if (text.len > len && text_equal_fold((struct span){text.data, len}, span_of(scheme)))
        text = (struct span){text.data + len, text.len - len};
    return text;
}

/* Appends the addresses that are meant by what is none, joined by `;`; nothing where that can't be told. */
static void mend_address(struct span value, struct buf *out)
{
    struct buf narrow;
    struct span rest, address;
    bool valid = true;

    buf_init(&narrow, MENDED_MAX);
    put_narrow(value, &narrow);
    rest = bare(buf_view(&narrow));
    while (valid && !narrow.overflow && email_next(&rest, &address))
        valid = email_is_valid(address);
    rest = bare(buf_view(&narrow));
    while (valid && !narrow.overflow && email_next(&rest, &address)) {
        buf_text(out, out->len > 0 ? ";" : "");
        buf_span(out, address);
    }
    buf_release(&narrow);
}

/* What to write in place of invalid addresses. */
static void hint_addresses(const struct row *row, const struct listing *invalid, struct buf *out)
{
    struct buf mended;

    if (is_hidden(row, FIELD_ALLOWED_EMAILS))
        return;
    buf_init(&mended, LISTED * MENDED_MAX);
    for (size_t i = 0; i < invalid->count && i < LISTED; i++)
        mend_address(invalid->values[i], &mended);
    if (mended.len > 0) {
        buf_text(out, " (write ");
        text_quote(out, buf_view(&mended), MENDED_MAX);
        buf_char(out, ')');
    } else if (has_brackets(invalid))
        buf_text(out, " (write addresses alone, without names and angle brackets)");
    buf_release(&mended);
}

static void check_emails(const struct row *row)
{
    struct listing invalid = {.count = 0}, twice = {.count = 0};
    struct span rest = row->values->value[FIELD_ALLOWED_EMAILS], address;
    struct buf *out;

    while (email_next(&rest, &address)) {
        if (!email_is_valid(address))
            listing_add(&invalid, address);
        else if (!connector_add_email(row->connector, address))
            listing_add(&twice, address);
    }
    if (invalid.count > 0) {
        out = complain(row, CHECK_INVALID_EMAIL, FIELD_ALLOWED_EMAILS);
        listing_show(&invalid, row, FIELD_ALLOWED_EMAILS, out);
        buf_text(out, invalid.count == 1 ? " not an e-mail address" : " not e-mail addresses");
        hint_addresses(row, &invalid, out);
    } else if (row->connector->email_count == 0 && row->connector->type == TYPE_EMAIL) {
        complain_of_missing(row, FIELD_ALLOWED_EMAILS);
    }
    if (twice.count > 0) {
        out = complain(row, CHECK_DUPLICATE_EMAIL, FIELD_ALLOWED_EMAILS);
        listing_show(&twice, row, FIELD_ALLOWED_EMAILS, out);
        buf_text(out, " there more than once");
    }
}

static bool is_noncharacter(uint32_t point)
{
    return (point & 0xFFFE) == 0xFFFE || (point >= 0xFDD0 && point <= 0xFDEF);
}

/* What no field may hold: control characters other than tab, LF and CR, and noncharacters. */
static bool is_bad_character(uint32_t point)
{
    if (point < 0x20)
        return point != '\t' && point != '\n' && point != '\r';
    return (point >= 0x7F && point < 0xA0) || is_noncharacter(point);
}

/* The offset of the first bad character or malformed byte, or the text's length. */
static size_t find_bad_character(struct span text)
{
    size_t at = 0;

    while (at < text.len) {
        struct span rest = {text.data + at, text.len - at};
        size_t len;

        if (rest.data[0] >= 0x20 && rest.data[0] < 0x7F) {
            at++;
            continue;
        }
        len = text_char_len(rest);
        if (len == 0 || is_bad_character(text_code_point(rest)))
            break;
        at += len;
    }
    return at;
}

static void check_text(const struct row *row, enum field field, struct span text)
{
    size_t at = find_bad_character(text);
    struct span bad;
    struct buf *out;
    uint32_t point;

    if (at == text.len)
        return;
    bad = (struct span){text.data + at, text.len - at};
    out = complain(row, CHECK_INVALID_TEXT, field);
    show_value(row, field, text, out);
    if (text_char_len(bad) == 0) {
        buf_text(out, " is not UTF-8 text");
        return;
    }
    point = text_code_point(bad);
    buf_format(out, " has a character that no text may have, U+%04X%s", point,
               is_noncharacter(point) ? ""
               : point >= 0x80        ? " (a control character; probably Windows-1252 read as Latin-1: save again as "
                                        "UTF-8)"
                                      : " (a control character)");
}

/* Where the connector keeps a text. */
static struct span *place_of(struct connector *connector, enum field field)
{
    switch (field) {
    case FIELD_LABEL:
        return &connector->label;
    case FIELD_DESCRIPTION:
        return &connector->description;
    case FIELD_USER_ID:
        return &connector->user_id;
    case FIELD_USER_PASSWORD:
        return &connector->user_password;
    case FIELD_SESSION_ID:
        return &connector->session_id;
    default:
        return NULL;
    }
}

/* Blanks round a name come of pasting; those of a description do no harm, and those of a secret may be its own. */
static bool is_trimmed(enum field field)
{
    return field == FIELD_LABEL || field == FIELD_USER_ID;
}

static void take_text(const struct row *row, enum field field)
{
    struct span value = row->values->value[field];

    if (row->values->unresolved[field] != NULL) {
        buf_text(complain(row, CHECK_SECRET_UNRESOLVED, field), row->values->unresolved[field]);
        return;
    }
    if (value.len == 0) {
        if (field_is_required(field, row->connector->type))
            complain_of_missing(row, field);
        return;
    }
    *place_of(row->connector, field) = is_trimmed(field) ? text_trim(value) : value;
    check_text(row, field, value);
}

static void refuse_field(const struct row *row, enum field field)
{
    struct buf *out = complain(row, CHECK_FIELD_NOT_FOR_TYPE, field);

    buf_format(out, "type %s takes no %s, leave it empty", type_name(row->connector->type), field_name(field));
    if (is_hidden(row, field))
        return;
    buf_text(out, " (it says ");
    text_quote(out, row->values->value[field], HEADER_SHOWN);
    buf_char(out, ')');
}

/* The fields that go with some types only; where the type is not known, what is there is checked. */
static void check_config(const struct row *row)
{
    enum connector_type type = row->connector->type;

    for (enum field field = FIELD_ALLOWED_EMAILS; field < FIELDS; field++) {
        if (type != TYPE_NONE && !field_fits_type(field, type)) {
            if (row->values->value[field].len > 0)
                refuse_field(row, field);
        } else if (field == FIELD_ALLOWED_EMAILS) {
            check_emails(row);
        } else {
            take_text(row, field);
        }
    }
}

static void check_size(const struct row *row)
{
    const struct span *value = row->values->value;
    enum field longest = FIELD_LABEL;
    size_t bytes = 0, size;

    for (enum field field = 0; field < FIELDS; field++) {
        bytes += value[field].len;
        if (value[field].len > value[longest].len && field_fits_type(field, row->connector->type))
            longest = field;
    }
    /* A byte takes six at most, and names and brackets stay under 512: the exact size is seldom needed. */
    if (bytes < (PAYLOAD_MAX - 512) / 6)
        return;
    size = connector_payload_size(row->connector);
    if (size > PAYLOAD_MAX)
        buf_format(complain(row, CHECK_PAYLOAD_TOO_LARGE, longest),
                   "the row's request would have %zu bytes%s, and the API takes at most %d", size,
                   row->connector->email_count == EMAILS_MAX ? " or more" : "", PAYLOAD_MAX);
}

static void check_width(const struct row *row)
{
    size_t extra = row->values->extra_cells, width = header_width(row->header);
    char first[TEXT_COLUMN], last[TEXT_COLUMN];
    struct buf *out;

    if (extra == 0)
        return;
    out = problems_add(row->problems, CHECK_TOO_MANY_FIELDS);
    text_column(first, width);
    text_column(last, width + extra - 1);
    if (extra == 1)
        buf_format(out, "column %s: 1 cell", first);
    else
        buf_format(out, "columns %s to %s: %zu cells", first, last, extra);
    buf_text(out, " beyond the header's last column (a value that contains the delimiter must stand in double quotes)");
}

bool connector_check(struct connector *connector, const struct row_values *values, const struct header *header,
                     struct problems *problems)
{
    const struct row row = {.connector = connector, .values = values, .header = header, .problems = problems};

    connector_reset(connector);
    check_type(&row);
    take_text(&row, FIELD_LABEL);
    take_text(&row, FIELD_DESCRIPTION);
    check_boolean(&row);
    check_config(&row);
    if (connector->type != TYPE_NONE)
        check_size(&row);
    check_width(&row);
    return problems->set == 0;
}
