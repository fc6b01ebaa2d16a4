/*
 * sniff: what the first bytes of an input say it is, and the sentence for what connload can't read.
 */
#ifndef IO_SNIFF_H
#define IO_SNIFF_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SNIFF_HEAD = 4096 }; /* as many first bytes are looked at */

/* The way from a workbook to a CSV, for every message that sends somebody there. */
#define SNIFF_SAVE_AS                                                      \
    "in Excel: File > Save As > \"CSV UTF-8 (Comma delimited) (*.csv)\"; " \
    "in LibreOffice: File > Save As… > \"Text CSV (.csv)\", Character set \"Unicode (UTF-8)\""

/* The end of every sentence about a NUL byte. */
#define SNIFF_NUL "a NUL byte, so this is no text but binary; give the sheet saved as CSV (" SNIFF_SAVE_AS ")"

enum sniff {
    SNIFF_REFUSED,
    SNIFF_TEXT,    /* without a byte order mark */
    SNIFF_UTF8,    /* with one */
    SNIFF_UTF16LE, /* with one */
    SNIFF_UTF16BE, /* with one */
    SNIFF_GZIP,
};

/*
 * What an input that begins with `head` is. `head` is its first SNIFF_HEAD bytes, fewer only where it ends before.
 * Refuses (EXIT_INPUT, `NAME is …; remedy`) an empty input or one of only a byte order mark, workbooks, PDF, HTML, RTF,
 * JSON, XML, images, archives, other compressions than gzip, UTF-32, UTF-16 without a byte order mark, and whatever
 * else has a NUL byte in its head. Where the user names the text's encoding (`is_named`), which is not UTF-8, a NUL
 * byte may belong to it, and UTF-32 is SNIFF_TEXT as well.
 */
enum sniff sniff_head(const char *name, struct span head, bool is_named, struct err *err);

/* The bytes of the byte order mark that `kind` begins with; 0 where it has none. */
size_t sniff_bom(enum sniff kind);

/*
 * The line ends in `text`: LF, CR LF, a lone CR, or CR CR LF, each once. `crs` says how many CRs, 2 at most, came right
 * before `text`, and is set for the text that follows: a line end that is cut in two counts once, so that a text that
 * begins in one may give -1.
 */
int64_t sniff_line_ends(struct span text, unsigned *crs);

#endif
