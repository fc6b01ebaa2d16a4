#include "sandbox/window.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>

enum { WINDOW_FIRST_CAP = 64 };

void window_init(struct window *window, int64_t length_us, int64_t grain_us)
{
    *window = (struct window){.length_us = length_us, .grain_us = grain_us};
}

void window_release(struct window *window)
{
    free(window->ring);
    window_init(window, window->length_us, window->grain_us);
}

static int64_t rounded(const struct window *window, int64_t now_us)
{
    return now_us - now_us % window->grain_us;
}

uint64_t window_count(struct window *window, int64_t now_us)
{
    int64_t now = rounded(window, now_us);

    while (window->used > 0 && now - window->ring[window->head].at_us >= window->length_us) {
        window->count -= window->ring[window->head].count;
        window->head = (window->head + 1) % window->cap;
        window->used--;
    }
    return window->count;
}

static void grow(struct window *window)
{
    size_t cap = window->cap > 0 ? window->cap * 2 : WINDOW_FIRST_CAP;
    struct window_entry *ring = alloc_zeroed(cap, sizeof(ring[0]));

    assert(window->used == 0 || window->ring != NULL);
    for (size_t i = 0; i < window->used; i++)
        ring[i] = window->ring[(window->head + i) % window->cap];
    free(window->ring);
    window->ring = ring;
    window->head = 0;
    window->cap = cap;
}

void window_add(struct window *window, int64_t now_us)
{
    int64_t now = rounded(window, now_us);
    struct window_entry *last;

    window_count(window, now_us);
    last = window->used > 0 ? &window->ring[(window->head + window->used - 1) % window->cap] : NULL;
    if (last != NULL && last->at_us == now) {
        last->count++;
    } else {
        if (window->used == window->cap)
            grow(window);
        assert(window->ring != NULL);
        window->ring[(window->head + window->used++) % window->cap] = (struct window_entry){now, 1};
    }
    if (++window->count > window->most)
        window->most = window->count;
}

int64_t window_wait(struct window *window, int64_t now_us)
{
    if (window_count(window, now_us) == 0)
        return 0;
    return window->ring[window->head].at_us + window->length_us - now_us;
}
