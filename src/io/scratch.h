/*
 * scratch: a temporary file without a name, for what does not belong in memory.
 */
#ifndef IO_SCRATCH_H
#define IO_SCRATCH_H

#include "base/err.h"

/*
 * A descriptor, open for reading and writing, of an empty file of mode 0600 in TMPDIR (/tmp where that is not set) that
 * has no name, and is gone when it is closed. -1 (EXIT_LOCAL) where there is none to be had.
 */
int scratch_open(struct err *err);

#endif
