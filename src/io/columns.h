/*
 * columns: how wide text is on a terminal, where some characters take two columns and others none.
 */
#ifndef IO_COLUMNS_H
#define IO_COLUMNS_H

#include "base/buf.h"

#include <stddef.h>

/* The columns that `text` takes: UTF-8 without control characters (text_show()); a malformed byte counts as one. */
size_t columns_of(struct span text);

/* The longest start of `text` that takes no more than `columns`, cut between characters. */
struct span columns_cut(struct span text, size_t columns);

#endif
