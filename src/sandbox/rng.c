#include "sandbox/rng.h"

uint64_t rng_next(struct rng *rng)
{
    uint64_t mixed;

    rng->state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = rng->state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

void rng_init(struct rng *rng, uint64_t seed, uint64_t stream)
{
    struct rng mixer = {.state = seed ^ (stream * UINT64_C(0xd1342543de82ef95))};

    rng->state = rng_next(&mixer);
}

uint64_t rng_below(struct rng *rng, uint64_t below)
{
    return below == 0 ? 0 : rng_next(rng) % below;
}
