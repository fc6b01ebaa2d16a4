#include "base/hash.h"

#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t add_byte(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * FNV_PRIME;
}

static uint64_t add_length(uint64_t hash, size_t len)
{
    return (hash ^ len ^ UINT64_C(0x9e3779b97f4a7c15)) * FNV_PRIME;
}

uint64_t hash_span(uint64_t hash, struct span span)
{
    for (size_t i = 0; i < span.len; i++)
        hash = add_byte(hash, (unsigned char)span.data[i]);
    return add_length(hash, span.len);
}

uint64_t hash_span_fold(uint64_t hash, struct span span)
{
    for (size_t i = 0; i < span.len; i++) {
        unsigned char byte = (unsigned char)span.data[i];

        hash = add_byte(hash, byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + 32) : byte);
    }
    return add_length(hash, span.len);
}

uint64_t hash_finish(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ (hash >> 33);
}
