/*
 * html: other people's text in a page, inert.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "base/buf.h"

#include <stddef.h>

/*
 * Appends `text` as HTML text that is also safe within a quoted attribute: markup characters and both quotes as
 * character references, control characters, bidirectional overrides and malformed UTF-8 made visible (text_show()),
 * cut with `…` after `most` characters.
 */
void html_text(struct buf *out, struct span text, size_t most);

#endif
