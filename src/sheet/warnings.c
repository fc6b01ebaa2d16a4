#include "sheet/warnings.h"

#include "base/text.h"
#include "sheet/secrets.h"

#include <inttypes.h>
#include <string.h>

enum { TEXT_MAX = 1 << 16 };

/* Keeps the first in the order of the sheet: what is found of labels comes when all rows have been read. */
static void add(struct warnings *warnings, struct warning warning)
{
    size_t kept = warnings->count < WARNINGS_KEPT ? (size_t)warnings->count : WARNINGS_KEPT, at = kept;

    while (at > 0 && warnings->kept[at - 1].index > warning.index)
        at--;
    if (at < WARNINGS_KEPT) {
        memmove(&warnings->kept[at + 1], &warnings->kept[at],
                ((kept < WARNINGS_KEPT ? kept : WARNINGS_KEPT - 1) - at) * sizeof(warning));
        warnings->kept[at] = warning;
    }
    warnings->count++;
}

/* The field's cell as it stands in the sheet. */
static struct span cell_of(const struct sheet *sheet, const struct sheet_row *read, enum field field)
{
    int column = sheet_header(sheet)->column[field];

    return column >= 0 && (size_t)column < read->record.count ? read->record.cells[column] : (struct span){0};
}

void warnings_of_row(struct warnings *warnings, const struct sheet *sheet, const struct rows *rows, uint64_t index,
                     const struct sheet_row *read)
{
    if (rows->row[index].state == ROW_CARRIED)
        return;
    for (enum field field = FIELD_LABEL; field < FIELDS; field++) {
        struct span cell = cell_of(sheet, read, field);
        enum spoilt spoilt = spoilt_find(cell);

        if (spoilt != SPOILT_NOT)
            add(warnings, (struct warning){.index = index, .field = field, .spoilt = spoilt});
        if (field_is_secret(field) && !text_is_blank(cell) &&
            !(sheet_looks_up_secrets(sheet) && secrets_scheme(cell) != NULL))
            warnings->has_secret = true;
    }
}

void warnings_of_label(struct warnings *warnings, uint64_t index, uint32_t other)
{
    add(warnings, (struct warning){.index = index, .field = FIELD_LABEL, .other = other});
}

/* Of a secret not even how it is spoilt: that would tell what it begins with. */
static void describe(const struct warning *warning, const struct header *header, const struct sheet_row *read,
                     struct span cell, struct buf *out)
{
    bool may_show = connector_may_show(header, &read->values, warning->field);

    header_show_column(header, warning->field, out);
    buf_text(out, ": ");
    if (field_is_secret(warning->field)) {
        buf_text(out, "the value looks like what a spreadsheet makes of another; see that it is the right one");
        return;
    }
    if (may_show)
        text_quote(out, text_trim(cell), HEADER_SHOWN);
    else
        buf_text(out, "the value");
    if (warning->spoilt != SPOILT_NOT)
        buf_format(out, " %s", spoilt_text(warning->spoilt));
    else
        buf_format(out, " is the label of row %" PRIu32 ", too; the documents of both get the same tag",
                   warning->other);
}

static void say_one(const struct warning *warning, struct sheet *sheet, const struct rows *rows,
                    struct console *console)
{
    uint64_t index = warning->index - rows->first;
    const struct row *row = &rows->row[index];
    struct sheet_row *read;
    struct err unheard;
    struct buf text;

    if (!sheet_at(sheet, row->offset, row->length, row->line, &read, &unheard))
        return; /* whoever reads it next tells why */
    buf_init(&text, TEXT_MAX);
    describe(warning, sheet_header(sheet), read, cell_of(sheet, read, warning->field), &text);
    console_note(console, "%s: warning: %s", sheet_where(sheet, rows, index), text.data);
    buf_release(&text);
}

void warnings_say(const struct warnings *warnings, struct sheet *sheet, const struct rows *rows,
                  struct console *console)
{
    for (uint64_t i = 0; i < warnings->count && i < WARNINGS_KEPT; i++)
        if (warnings->kept[i].index >= rows->first && warnings->kept[i].index - rows->first < rows->count)
            say_one(&warnings->kept[i], sheet, rows, console);
    if (warnings->count > WARNINGS_KEPT)
        console_note(console, "%s: warning: %" PRIu64 " more such cells", sheet_name(sheet),
                     warnings->count - WARNINGS_KEPT);
    if (warnings->has_secret && sheet_info(sheet)->others_read)
        console_note(
            console,
            "%s: warning: it holds passwords or session ids, and every user of this machine can read it; make it "
            "yours alone (chmod go-rwx)",
            sheet_name(sheet));
}
