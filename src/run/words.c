#include "run/words.h"

#include "base/alloc.h"

#include <stdlib.h>

static const struct word any = {.code = (char[]){"error_in_answer"},
                                .message = (char[]){"the server answered with an error; --log has its words"}};

void words_release(struct words *words)
{
    for (unsigned i = 0; i < words->count; i++) {
        free(words->kept[i].code);
        free(words->kept[i].message);
    }
    free(words->kept);
}

const struct word *words_keep(struct words *words, struct span code, struct span message)
{
    if (words->kept == NULL)
        words->kept = alloc_zeroed(WORDS_MAX, sizeof(words->kept[0]));
    for (unsigned i = 0; i < words->count; i++)
        if (span_equal(span_of(words->kept[i].message), message) && span_equal(span_of(words->kept[i].code), code))
            return &words->kept[i];
    if (words->count == WORDS_MAX)
        return &any;
    words->kept[words->count] = (struct word){alloc_copy(code.data, code.len), alloc_copy(message.data, message.len)};
    return &words->kept[words->count++];
}
