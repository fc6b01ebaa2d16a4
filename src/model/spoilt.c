#include "model/spoilt.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

static const char *const texts[] = {
    [SPOILT_NOT] = "",
    [SPOILT_NUMBER] = "is a number that a spreadsheet has rounded; format the column as text and type it again",
    [SPOILT_ERROR] = "is an error that a spreadsheet shows; put in what belongs there",
    [SPOILT_FORMULA] = "is a formula, and is sent as it stands; write the text alone",
    [SPOILT_APOSTROPHE] =
        "begins with an apostrophe, which is sent, too; take it off if a spreadsheet needed it to keep text",
};
static_assert(sizeof(texts) / sizeof(texts[0]) == SPOILTS, "a text for each");

static size_t digits(struct span text, size_t at)
{
    size_t end = at;

    while (end < text.len && text.data[end] >= '0' && text.data[end] <= '9')
        end++;
    return end - at;
}

/* `1.23457E+11`, as spreadsheets write large numbers; a comma in some languages. */
static bool is_rounded(struct span cell)
{
    size_t at = cell.data[0] == '-' || cell.data[0] == '+', len = digits(cell, at);

    at += len;
    if (len == 0)
        return false;
    if (at < cell.len && (cell.data[at] == '.' || cell.data[at] == ','))
        at += 1 + digits(cell, at + 1);
    if (at + 2 >= cell.len || (cell.data[at] != 'E' && cell.data[at] != 'e') || strchr("+-", cell.data[at + 1]) == NULL)
        return false;
    len = digits(cell, at + 2);
    return len >= 2 && len <= 3 && at + 2 + len == cell.len;
}

static size_t run_of(struct span cell, size_t at, const char *set)
{
    size_t end = at;

    while (end < cell.len && cell.data[end] != '\0' && strchr(set, cell.data[end]) != NULL)
        end++;
    return end - at;
}

/* `#NAME?`, `#DIV/0!`, `#N/A`, German `#NV`, `Err:502`, and a row of `#`. */
static bool is_error(struct span cell)
{
    size_t len;

    if (cell.len == 7 && memcmp(cell.data, "Err:", 4) == 0)
        return digits(cell, 4) == 3;
    if (cell.data[0] != '#')
        return false;
    if (cell.len >= 3 && run_of(cell, 0, "#") == cell.len)
        return true;
    if (span_equal(cell, span_of("#N/A")) || span_equal(cell, span_of("#NV")))
        return true;
    len = run_of(cell, 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ/0");
    return len >= 3 && 1 + len + 1 == cell.len && strchr("!?", cell.data[1 + len]) != NULL;
}

enum spoilt spoilt_find(struct span cell)
{
    cell = text_trim(cell);
    if (cell.len < 2)
        return SPOILT_NOT;
    if (cell.data[0] == '\'')
        return SPOILT_APOSTROPHE;
    if (cell.data[0] == '=')
        return SPOILT_FORMULA;
    if (is_error(cell))
        return SPOILT_ERROR;
    return is_rounded(cell) ? SPOILT_NUMBER : SPOILT_NOT;
}

const char *spoilt_text(enum spoilt spoilt)
{
    return texts[spoilt];
}
