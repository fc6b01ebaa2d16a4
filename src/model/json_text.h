/*
 * json_text: the bytes of JSON texts, before a parser sees them and after it. What cJSON would believe and should
 * not is taken out here: depth without end, NULs in the middle of strings, malformed UTF-8, lone surrogates.
 */
#ifndef MODEL_JSON_TEXT_H
#define MODEL_JSON_TEXT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    JSON_DEPTH_MAX = 64,  /* arrays and objects in one another */
    JSON_TEXT_GROWTH = 3, /* json_text_tidy() and json_text_repair() make at most this many bytes of one */
};

/*
 * Copies the JSON text of a stranger into `out` (JSON_TEXT_GROWTH * text.len + 1 bytes), followed by a NUL. Inside
 * strings, what can't be a character becomes U+FFFD: malformed bytes, NULs (raw or `\u0000`), lone surrogates. False
 * where it is nested deeper than JSON_DEPTH_MAX, has a control character outside of strings other than tab, LF and CR,
 * an escape that JSON does not know, or a string without an end. The grammar is otherwise the parser's to check.
 */
bool json_text_tidy(struct span text, char *out, size_t *len);

/* Copies plain text into `out` (as above), followed by a NUL, with NULs and malformed bytes as U+FFFD; its length. */
size_t json_text_repair(struct span text, char *out);

#endif
