/*
 * scratch: temporary files: one without a name, for what does not belong in memory; and one that is meant to stay.
 */
#ifndef IO_SCRATCH_H
#define IO_SCRATCH_H

#include "base/err.h"

/* Where temporary files are made: TMPDIR, or /tmp where that is not set. Not owned. */
const char *scratch_folder(void);

/*
 * A descriptor, open for reading and writing, of an empty file of mode 0600 in scratch_folder() that has no name, and
 * is gone when it is closed. -1 (EXIT_LOCAL) where there is none to be had; `what` is what needs it, for the sentence.
 */
int scratch_open(const char *what, struct err *err);

/*
 * The path of a new empty file of mode 0600 in scratch_folder(), `connload-XXXXXX` and `end`, for what has no other
 * place left. Owned by the caller; NULL (EXIT_LOCAL) where none can be made.
 */
char *scratch_name(const char *end, struct err *err);

#endif
