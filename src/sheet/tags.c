#include "sheet/tags.h"

#include "base/alloc.h"

#include <stdlib.h>

void tags_release(struct tags *tags)
{
    free(tags->tag);
    *tags = (struct tags){0};
}

void tags_add(struct tags *tags, uint32_t tag, uint64_t row)
{
    if (tags->count == tags->cap) {
        tags->cap = tags->cap > 0 ? tags->cap + tags->cap / 2 : 1024;
        tags->tag = alloc_resize(tags->tag, tags->cap, sizeof(tags->tag[0]));
    }
    tags->tag[tags->count++] = (struct tag){.tag = tag, .row = (uint32_t)row};
}

static uint64_t rank_of(struct tag tag)
{
    return (uint64_t)tag.tag << 32 | tag.row;
}

static int by_rank(const void *a, const void *b)
{
    uint64_t first = rank_of(*(const struct tag *)a), second = rank_of(*(const struct tag *)b);

    return (first > second) - (first < second);
}

void tags_sort(struct tags *tags)
{
    if (tags->count > 1)
        qsort(tags->tag, tags->count, sizeof(tags->tag[0]), by_rank);
}

bool tags_next_group(const struct tags *tags, size_t *at, size_t *from, size_t *count)
{
    for (; *at < tags->count; *at = *from + *count) {
        *from = *at;
        *count = 1;
        while (*from + *count < tags->count && tags->tag[*from + *count].tag == tags->tag[*from].tag)
            ++*count;
        if (*count > 1) {
            *at = *from + *count;
            return true;
        }
    }
    return false;
}

size_t tags_find(const struct tags *tags, uint32_t tag)
{
    size_t low = 0, high = tags->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tags->tag[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
