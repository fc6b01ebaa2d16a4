/*
 * console: everything that goes to standard error: messages, and the live line.
 *
 * On a terminal the live line (progress.h) is redrawn in place 8 times a second, at the terminal's width of that
 * moment, and is gone before anything else is written and at the end. It is in colour unless NO_COLOR is set (and not
 * empty); then it also does without any other escape sequence. While the program is in the background nothing is drawn.
 *
 * Elsewhere, and where TERM is unset or `dumb`, a plain line says the same now and then: first 5 s after the start,
 * then after 10, 20 and 40 s more, then each minute. With `quiet` neither; messages are still written.
 *
 * What can't be written is lost: a run does not fail because nobody listens.
 */
#ifndef IO_CONSOLE_H
#define IO_CONSOLE_H

#include "base/buf.h"
#include "io/progress.h"

#include <stdbool.h>
#include <stdint.h>

struct console;

struct console_config {
    int fd;       /* standard error */
    bool quiet;   /* no live line, no notes, no summary */
    bool verbose; /* console_detail() is heard */
};

struct console *console_new(const struct console_config *config);
void console_free(struct console *console); /* clears the live line; NULL is fine */

/*
 * A message: always written, as a line of its own. The text carries no newline at its end; control characters,
 * terminal escapes and malformed UTF-8 in it are made harmless (text_show()).
 */
void console_say(struct console *console, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Advice and news that `quiet` silences. */
void console_note(struct console *console, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Only where `verbose`. */
void console_detail(struct console *console, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A block of text of several lines, as it is: the caller has made it harmless. Silent where `quiet`. */
void console_block(struct console *console, struct span text);

/* Whether notes, blocks and the live line are silent. */
bool console_is_quiet(const struct console *console);
/* Whether styled text suits it (a terminal, no NO_COLOR, TERM is not dumb). */
bool console_has_colour(const struct console *console);
/* Columns of the terminal, at least PROGRESS_NARROWEST; 0 where it is none: lines may be of any length. */
unsigned console_width(const struct console *console);

/* When console_progress() next wants to be called (monotonic ms; INT64_MAX = never); the loop wakes up for it. */
int64_t console_due(const struct console *console);
/* Shows progress if it is due at `now_ms`; cheap when it is not. */
void console_progress(struct console *console, const struct progress *progress, int64_t now_ms);
/* Takes the live line away (it comes back with the next console_progress()). */
void console_clear(struct console *console);

#endif
