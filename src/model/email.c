#include "model/email.h"

#include "base/text.h"

#include <string.h>

static bool is_alnum(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

/* Before the @: atext of RFC 5322, and dots wherever they stand. */
static bool is_local(char byte)
{
    static const char others[] = ".!#$%&'*+/=?^_`{|}~-";

    return is_alnum(byte) || memchr(others, byte, sizeof(others) - 1) != NULL;
}

/* Inside a label of the domain. */
static bool is_inner(char byte)
{
    return is_alnum(byte) || byte == '-';
}

/* How many bytes of `text` from `at` on are all of a kind. */
static size_t run_len(struct span text, size_t at, bool (*is_kind)(char byte))
{
    size_t end = at;

    while (end < text.len && is_kind(text.data[end]))
        end++;
    return end - at;
}

bool email_is_valid(struct span address)
{
    size_t at = run_len(address, 0, is_local);

    if (address.len > EMAIL_MAX || at == 0 || at > EMAIL_LOCAL_MAX || at == address.len || address.data[at] != '@')
        return false;
    do {
        size_t label = ++at;
        size_t len = run_len(address, label, is_inner);

        if (len == 0 || len > EMAIL_LABEL_MAX || !is_alnum(address.data[label]) ||
            !is_alnum(address.data[label + len - 1]))
            return false;
        at += len;
    } while (at < address.len && address.data[at] == '.');
    return at == address.len;
}

/* The bytes of the separator at `at`, or 0. */
static size_t separator_len(struct span text, size_t at)
{
    char byte = text.data[at];

    if (byte == ',' || byte == ';' || byte == '|')
        return 1;
    if (byte > ' ')
        return 0;
    return text_blank_len((struct span){text.data + at, text.len - at});
}

bool email_next(struct span *cell, struct span *address)
{
    size_t start = 0, end, step;

    *address = (struct span){0};
    if (cell->len == 0)
        return false;
    while (start < cell->len && (step = separator_len(*cell, start)) > 0)
        start += step;
    end = start;
    while (end < cell->len && separator_len(*cell, end) == 0)
        end++;
    *address = (struct span){cell->data + start, end - start};
    *cell = (struct span){cell->data + end, cell->len - end};
    return address->len > 0;
}
