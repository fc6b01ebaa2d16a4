#include "report/html.h"

#include "base/text.h"

#include <stdint.h>

static const char *reference_of(char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void html_text(struct buf *out, struct span text, size_t most)
{
    struct buf shown;

    buf_init(&shown, SIZE_MAX / 2);
    text_show(&shown, text, most);
    for (size_t i = 0; i < shown.len; i++) {
        const char *reference = reference_of(shown.data[i]);

        if (reference != NULL)
            buf_text(out, reference);
        else
            buf_char(out, shown.data[i]);
    }
    buf_release(&shown);
}
