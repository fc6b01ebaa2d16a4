/*
 * text: UTF-8, and text made fit to be shown: terminal escapes harmless, long values cut, columns named as a
 * spreadsheet names them, and the nearest of several names for a misspelt one.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_COLUMN = 8 }; /* bytes that text_column() needs at most */

/* The offset of the first byte that is not well-formed UTF-8 (RFC 3629), or `text.len`. */
size_t text_utf8_error(struct span text);

/* The bytes of the UTF-8 character at the start of the well-formed `text`; 0 where it is empty. */
size_t text_char_len(struct span text);

/*
 * How many bytes of `text`, at most `most`, are left where it is cut between two characters; `text.len` where it needs
 * no cut. Malformed text is cut somewhere near.
 */
size_t text_cut(struct span text, size_t most);

/* The code point of the character at the start of `text`, of which text_char_len() is not 0. */
uint32_t text_code_point(struct span text);

/*
 * The bytes of the blank at the start of `text`: white space of any script (Unicode's White_Space, line breaks and
 * no-break spaces with it), or one of no width that is pasted for one (U+200B, U+FEFF); 0 where it starts with
 * something else.
 */
size_t text_blank_len(struct span text);

/*
 * Characters that no one sees and that are no blanks: soft hyphens, joiners, marks of direction, fillers, variation
 * selectors. The second: the bytes of one at the start of `text`, or 0.
 */
bool text_is_unseen(uint32_t point);
size_t text_unseen_len(struct span text);

/* Whether nothing in `text` can be seen: it is empty, or blanks and unseen characters alone. */
bool text_is_blank(struct span text);

/* Without the blanks, as text_blank_len() knows them, at both ends. */
struct span text_trim(struct span text);

/*
 * Appends `text` for human eyes on one line: control characters (C0, DEL, C1), what can't be seen, bidirectional
 * overrides and malformed bytes as `\n`, `\t`, `\x1B`, `\u{202E}`; joiners and variation selectors as they are where
 * they belong to a letter beyond Latin, Greek and Cyrillic, or to a picture. Cut with `…` where it would take more than
 * `most` characters.
 */
void text_show(struct buf *out, struct span text, size_t most);

/* Appends `text` as text_show() does, in double quotes. */
void text_quote(struct buf *out, struct span text, size_t most);

/* Appends `text` as a shell takes it for one word: as it is where it is plain, else in single quotes. */
void text_shell(struct buf *out, const char *text);

/* A file's path in such a way, also where it begins like an option. Owned by the caller. */
char *text_shell_path(const char *path);

/* Equal without regard to ASCII case. */
bool text_equal_fold(struct span a, struct span b);

/* The name of column `index` (from 0) in a spreadsheet: A … Z, AA … `name` holds TEXT_COLUMN bytes; returns it. */
char *text_column(char name[TEXT_COLUMN], size_t index);

/*
 * The index of the one of `count` names that `text` is most likely a misspelling of (by edit distance, ASCII case
 * ignored, at most a third of the name's length and never more than 3), or -1.
 */
int text_nearest(struct span text, const char *const names[], size_t count);

#endif
