/*
 * page: the parts of the report that are the same for every run. They are files of their own, page.html, page.css and
 * page.js, which the assembler takes into the program.
 *
 * page.html has slots: `{{name}}` is where something is put in, and what is between `{{name?}}` and `{{/name}}` is left
 * out where there is nothing to put in.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* All static: the page, what goes between <style> and </style>, and between <script> and </script>. */
struct span page_html(void);
struct span page_style(void);
struct span page_script(void);

struct page; /* whoever fills the page in defines it */

/* What a slot stands for. */
struct page_slot {
    const char *name;
    bool (*has)(const struct page *page); /* NULL = always */
    void (*add)(struct page *page);       /* NULL where only `{{name?}}` is used */
};

/*
 * Appends `html` to `out`, its slots filled in by those of that name among the `count`. A name that none of them has
 * ends the program: page.html and its slots belong together.
 */
void page_fill(struct buf *out, struct span html, const struct page_slot *slots, size_t count, struct page *page);

#endif
