/*
 * hash: 64 bits of eight bytes at a time, for tables and for telling payloads apart. Not for secrets, not for
 * adversaries: whoever finds equal hashes compares what they stand for. It depends on the machine's byte order.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/buf.h"

#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* `hash` continued over the bytes of `span` and its length, so that ("a", "bc") and ("ab", "c") differ. */
uint64_t hash_span(uint64_t hash, struct span span);

/* As hash_span(), with ASCII letters in lower case. */
uint64_t hash_span_fold(uint64_t hash, struct span span);

/* Spreads the bits; the last step before a hash is used. */
uint64_t hash_finish(uint64_t hash);

#endif
