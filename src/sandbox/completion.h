/*
 * completion: scripts that complete the command line of connload-sandbox, made from its tables.
 */
#ifndef SANDBOX_COMPLETION_H
#define SANDBOX_COMPLETION_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

/* Appends the script for `shell`: bash, zsh or fish; false with a sentence (EXIT_USAGE) for others. */
bool completion_write(struct buf *out, const char *shell, struct err *err);

#endif
