#include "io/csv_write.h"

#include <csv.h>
#include <string.h>

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static bool needs_quotes(struct span cell, char delimiter)
{
    if (cell.len == 0)
        return false;
    if (is_blank(cell.data[0]) || is_blank(cell.data[cell.len - 1]))
        return true;
    for (size_t i = 0; i < cell.len; i++)
        if (cell.data[i] == delimiter || cell.data[i] == '"' || cell.data[i] == '\n' || cell.data[i] == '\r')
            return true;
    return false;
}

/* libcsv writes `"cell"`; a mark goes between its opening quote and the cell. */
static void write_quoted(struct buf *out, struct span cell, const char *mark)
{
    size_t marked = strlen(mark), len = csv_write(NULL, 0, cell.data, cell.len);

    if (!buf_reserve(out, marked + len))
        return;
    csv_write(out->data + out->len + marked, len, cell.data, cell.len);
    out->data[out->len] = '"';
    memcpy(out->data + out->len + 1, mark, marked);
    out->len += marked + len;
    out->data[out->len] = '\0';
}

/* A spreadsheet takes a cell that begins so for a formula. */
static bool is_formula(struct span cell)
{
    return cell.len > 0 && cell.data[0] != '\0' && strchr("=+-@\t\r", cell.data[0]) != NULL;
}

void csv_write_foreign(struct buf *out, struct span cell, char delimiter)
{
    const char *mark = is_formula(cell) ? "'" : "";

    if (needs_quotes(cell, delimiter)) {
        write_quoted(out, cell, mark);
    } else {
        buf_text(out, mark);
        buf_span(out, cell);
    }
}
