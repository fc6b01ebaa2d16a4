/*
 * alloc: memory that is there or ends the program.
 *
 * Out of memory is not an error that callers handle: the journal makes it safe to stop at any instruction, so the
 * program says one sentence and exits with EXIT_LOCAL (5). Every function returns memory that the caller frees
 * with free().
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

/* `size` bytes, uninitialised; never NULL, also for a size of 0. */
void *alloc_bytes(size_t size);

/* `count` objects of `size` bytes each, zeroed; a product that overflows ends the program. */
void *alloc_zeroed(size_t count, size_t size);

/* `old` (or NULL) grown or shrunk to `count` objects of `size` bytes; the old pointer is gone. */
void *alloc_resize(void *old, size_t count, size_t size);

/* `old` (or NULL) with room for `size` bytes or more; where it moves, its old place is overwritten: for secrets. */
void *alloc_grow_wiped(void *old, size_t size);

/* A copy of the NUL-terminated `text`. */
char *alloc_text(const char *text);

/* A NUL-terminated copy of the `len` bytes at `text`. */
char *alloc_copy(const char *text, size_t len);

#endif
