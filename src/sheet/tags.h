/*
 * tags: which of many rows may be like one another: 8 bytes a row, sorted once all of them are there. Rows that are
 * alike have equal tags; whether rows with equal tags are alike, whoever asks finds out by reading them.
 */
#ifndef SHEET_TAGS_H
#define SHEET_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tag {
    uint32_t tag, row; /* low half of a hash; index */
};

struct tags {
    struct tag *tag;
    size_t count, cap;
};

/* Empty: all zeroes. */
void tags_release(struct tags *tags);

void tags_add(struct tags *tags, uint32_t tag, uint64_t row);

/* By tag, and by row where tags are equal. */
void tags_sort(struct tags *tags);

/*
 * The next group of two or more equal tags, from `*at` on: its place and size; false: there is none any more. `*at` is
 * moved behind it. Of sorted tags.
 */
bool tags_next_group(const struct tags *tags, size_t *at, size_t *from, size_t *count);

/* The place of the first with this tag or a higher one; `count` where there is none. Of sorted tags. */
size_t tags_find(const struct tags *tags, uint32_t tag);

#endif
