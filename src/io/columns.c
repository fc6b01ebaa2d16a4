#include "io/columns.h"

#include "base/text.h"

#include <locale.h>
#include <wchar.h>

/* The C library's table, whatever the user's locale is: it knows more than ASCII in UTF-8 locales alone. */
static size_t width_of(uint32_t code_point)
{
    static locale_t utf8;
    locale_t before;
    int width;

    if (code_point < 0x300)
        return 1;
    if (utf8 == (locale_t)0)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (utf8 == (locale_t)0)
        return 1;
    before = uselocale(utf8);
    width = wcwidth((wchar_t)code_point);
    uselocale(before);
    return width < 0 ? 1 : (size_t)width;
}

struct span columns_cut(struct span text, size_t columns)
{
    struct span rest = text;

    while (rest.len > 0) {
        size_t len = text_char_len(rest), width = len > 0 ? width_of(text_code_point(rest)) : 1;

        if (width > columns)
            break;
        columns -= width;
        rest.data += len > 0 ? len : 1;
        rest.len -= len > 0 ? len : 1;
    }
    return (struct span){text.data, text.len - rest.len};
}

size_t columns_of(struct span text)
{
    size_t columns = 0;

    while (text.len > 0) {
        size_t len = text_char_len(text);

        columns += len > 0 ? width_of(text_code_point(text)) : 1;
        text.data += len > 0 ? len : 1;
        text.len -= len > 0 ? len : 1;
    }
    return columns;
}
