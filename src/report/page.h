/*
 * page: the style sheet and the script of the report: the parts of it that are the same for every run.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "base/buf.h"

/* Append what goes between <style> and </style>, and between <script> and </script>. Some 5 KiB and 2 KiB. */
void page_style(struct buf *out);
void page_script(struct buf *out);

#endif
