#include "base/alloc.h"

#include "base/exit.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *memory)
{
    static const char sentence[] =
        "connload: out of memory; what was done so far is in the journal, if one was begun\n";

    if (memory == NULL) {
        ssize_t ignored = write(STDERR_FILENO, sentence, sizeof(sentence) - 1);
        (void)ignored;
        _exit(EXIT_LOCAL);
    }
    return memory;
}

void *alloc_bytes(size_t size)
{
    return checked(malloc(size > 0 ? size : 1));
}

void *alloc_zeroed(size_t count, size_t size)
{
    return checked(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *alloc_resize(void *old, size_t count, size_t size)
{
    if (size == 0 || count == 0)
        count = size = 1;
    if (count > SIZE_MAX / size)
        return checked(NULL);
    return checked(realloc(old, count * size));
}

void *alloc_grow_wiped(void *old, size_t size)
{
    size_t had = malloc_usable_size(old);
    void *grown;

    if (old != NULL && had >= size)
        return old;
    grown = alloc_bytes(size);
    if (old != NULL) {
        memcpy(grown, old, had);
        explicit_bzero(old, had);
        free(old);
    }
    return grown;
}

char *alloc_text(const char *text)
{
    return alloc_copy(text, strlen(text));
}

char *alloc_copy(const char *text, size_t len)
{
    char *copy = alloc_bytes(len + 1);

    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}
