/*
 * rng: seeded random numbers (splitmix64), so that a run of the sandbox can be repeated. Not for secrets.
 *
 * Each purpose has a stream of its own: delays do not change because a fault was ordered.
 */
#ifndef SANDBOX_RNG_H
#define SANDBOX_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

/* The generator of `stream` (any number) under `seed`. */
void rng_init(struct rng *rng, uint64_t seed, uint64_t stream);

uint64_t rng_next(struct rng *rng);

/* A number from 0 to `below` - 1; 0 where `below` is 0. */
uint64_t rng_below(struct rng *rng, uint64_t below);

#endif
