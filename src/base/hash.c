#include "base/hash.h"

#include <string.h>

/* Odd, and with its bits well spread. */
#define SPREAD UINT64_C(0x9e3779b97f4a7c15)

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight bytes at once. A multiplication carries upwards only: the upper half is folded down before it and after it. */
static uint64_t add_word(uint64_t hash, uint64_t word)
{
    hash ^= word;
    hash = (hash ^ hash >> 32) * SPREAD;
    return hash ^ hash >> 32;
}

/* The next bytes of `span`, eight at most; what is missing is 0. */
static uint64_t word_at(struct span span, size_t at)
{
    size_t left = span.len - at;
    uint64_t word = 0;

    if (left >= sizeof(word))
        memcpy(&word, span.data + at, sizeof(word));
    else
        memcpy(&word, span.data + at, left);
    return word;
}

/* Each byte from `A` to `Z` as a small letter; all others as they are. */
static uint64_t fold(uint64_t word)
{
    uint64_t low = word & EACH_BYTE(0x7F); /* so that no sum below carries into the next byte */
    uint64_t from_a = low + EACH_BYTE(0x80 - 'A'), beyond_z = low + EACH_BYTE(0x7F - 'Z');
    uint64_t capital = from_a & ~beyond_z & ~word & EACH_BYTE(0x80);

    return word | capital >> 2; /* 0x80 becomes 0x20, which is what sets the cases apart */
}

uint64_t hash_span(uint64_t hash, struct span span)
{
    for (size_t at = 0; at < span.len; at += sizeof(uint64_t))
        hash = add_word(hash, word_at(span, at));
    return add_word(hash, span.len);
}

uint64_t hash_span_fold(uint64_t hash, struct span span)
{
    for (size_t at = 0; at < span.len; at += sizeof(uint64_t))
        hash = add_word(hash, fold(word_at(span, at)));
    return add_word(hash, span.len);
}

uint64_t hash_finish(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ (hash >> 33);
}
