/*
 * fuzz_text: any bytes, made fit to be shown. What comes out is UTF-8 without a control character, cut where asked.
 */
#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_shown(struct span text, size_t most)
{
    size_t chars = 0, len;

    require(text_utf8_error(text) == text.len);
    for (; (len = text_char_len(text)) > 0; text.data += len, text.len -= len, chars++) {
        uint32_t point = text_code_point(text);

        require(point >= 0x20 && !(point >= 0x7F && point < 0xA0));
        require(!(point >= 0x202A && point <= 0x202E) && !(point >= 0x2066 && point <= 0x2069));
    }
    require(chars <= 8 * most + 1); /* of the input: one of them shows as `\u{2029}` at the longest */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t most = size > 0 ? 1 + data[0] : 1;
    struct span text = {(const char *)data, size}, trimmed = text_trim(text);
    struct buf out;

    require(trimmed.len <= size);
    require(text_utf8_error(text) <= size);
    buf_init(&out, 1 << 20);
    text_show(&out, text, most);
    if (!out.overflow)
        check_shown(buf_view(&out), most);
    buf_release(&out);
    return 0;
}
