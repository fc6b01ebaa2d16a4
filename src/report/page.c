#include "report/page.h"

#include <stdlib.h>
#include <string.h>

/* A NUL follows each file. */
#define TAKE_IN(name, path) \
    __asm__(".section .rodata\n.global " name "\n" name ":\n.incbin \"report/" path "\"\n.byte 0\n.previous")

TAKE_IN("page_html_file", "page.html");
TAKE_IN("page_style_file", "page.css");
TAKE_IN("page_script_file", "page.js");

extern const char page_html_file[], page_style_file[], page_script_file[];

struct span page_html(void)
{
    return span_of(page_html_file);
}

struct span page_style(void)
{
    return span_of(page_style_file);
}

struct span page_script(void)
{
    return span_of(page_script_file);
}

static struct span behind(struct span html, const char *at)
{
    return (struct span){at, (size_t)(html.data + html.len - at)};
}

static struct span after_block(struct span html, struct span name)
{
    static const char open[] = "{{/";
    const char *at = html.data;

    while ((at = memmem(at, behind(html, at).len, open, strlen(open))) != NULL) {
        at += strlen(open);
        if (behind(html, at).len >= name.len + 2 && memcmp(at, name.data, name.len) == 0 &&
            memcmp(at + name.len, "}}", 2) == 0)
            return behind(html, at + name.len + 2);
    }
    abort();
}

static const struct page_slot *find_slot(struct span name, const struct page_slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal(span_of(slots[i].name), name))
            return &slots[i];
    abort();
}

void page_fill(struct buf *out, struct span html, const struct page_slot *slots, size_t count, struct page *page)
{
    const char *open, *close;

    while ((open = memmem(html.data, html.len, "{{", 2)) != NULL &&
           (close = memmem(open, behind(html, open).len, "}}", 2)) != NULL) {
        struct span name = {open + 2, (size_t)(close - open - 2)};
        bool asks = name.len > 0 && name.data[name.len - 1] == '?';
        const struct page_slot *slot;

        buf_add(out, html.data, (size_t)(open - html.data));
        html = behind(html, close + 2);
        if (name.len > 0 && name.data[0] == '/')
            continue;
        name.len -= asks;
        slot = find_slot(name, slots, count);
        if (!asks)
            slot->add(page);
        else if (slot->has != NULL && !slot->has(page))
            html = after_block(html, name);
    }
    buf_span(out, html);
}
