/*
 * progress: how far a run is, as one line of text. Pure: what it looks like depends on its arguments alone.
 *
 * The live line is for a terminal. It fits any width: what matters least goes first (the speed, the reason of a wait,
 * what is being done, the time left, the bar, …), the bar shrinks to make room, and what is still too long is cut. It
 * holds no line end and takes no more than the columns that it is given, colours aside.
 */
#ifndef IO_PROGRESS_H
#define IO_PROGRESS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* Texts are plain ASCII, of the program's own; they outlive the call that takes the struct. */
struct progress {
    const char *doing;    /* "checking", "creating", "listing the account", "settling", "archiving", "stopping" */
    uint64_t total, done; /* rows; a total of 0 = not known */
    uint64_t created;     /* rows that this run has created (or archived) */
    uint64_t failed;      /* rows without a connector that were sent: rejected, failed */
    uint64_t unknown;     /* rows that may have one */
    uint64_t invalid;     /* rows that are not sent */
    uint64_t unsettled;   /* rows whose answer was lost */
    const char *made;     /* what `created` is called: NULL = "created"; "archived" */
    unsigned in_flight;   /* requests that have no answer yet */
    double rate;          /* rows a second, of late; 0 = not known */
    int64_t eta_ms;       /* time left, by the rate limit where there is one; -1 = not known */
    int64_t wait_ms;      /* > 0: nothing is sent for that long … */
    const char *why;      /* … because of this: "for the rate limit", "as the server asks (Retry-After)"; or NULL */
};

enum { PROGRESS_NARROWEST = 20 }; /* columns; a terminal that says it has fewer is taken to have as many */

struct progress_style {
    unsigned columns; /* that the line may take */
    bool colour;      /* SGR sequences are welcome */
    bool utf8;        /* the bar may be drawn with box-drawing characters, else with ASCII */
};

/* Appends the live line; returns the columns that it takes. */
unsigned progress_live(struct buf *out, const struct progress *progress, const struct progress_style *style);

/* Appends a sentence that says all of it, for a log or a mail: without colour, bar or line end. */
void progress_plain(struct buf *out, const struct progress *progress);

#endif
