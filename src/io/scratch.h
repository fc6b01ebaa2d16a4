/*
 * scratch: a temporary file without a name, for what does not belong in memory.
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

#endif
