/*
 * fuzz_fields: any header of any answer, line by line as libcurl hands it over: status lines of 1xx answers,
 * Retry-After, Date, RateLimit in all its dialects, request ids, Link. The input is the lines.
 */
#include "base/num.h"
#include "net/fields.h"
#include "net/retry.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1795498207123)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_hint(struct pace_hint hint)
{
    require(hint.limit >= -1 && hint.remaining >= -1 && hint.reset_ms >= -1);
    require(hint.reset_ms <= RETRY_AFTER_MAX_MS);
    require(hint.present == (hint.limit >= 0 || hint.remaining >= 0 || hint.reset_ms >= 0));
}

static void check_fields(const struct fields *fields)
{
    struct span id = field_view(&fields->request_id);
    int64_t wait_ms = retry_after(field_view(&fields->retry_after), field_view(&fields->date), NOW_MS);

    require(fields->retry_after.len <= FIELD_VALUE_MAX && fields->date.len <= FIELD_VALUE_MAX &&
            id.len <= FIELD_VALUE_MAX);
    require((id.len > 0) == (fields->request_id_rank >= 0));
    for (size_t i = 0; i < id.len; i++)
        require(id.data[i] > ' ' && id.data[i] <= '~');
    require(wait_ms >= -1 && wait_ms <= RETRY_AFTER_MAX_MS);
    check_hint(fields->hint);
    check_hint(fields_hint(fields, NOW_MS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    struct fields fields;
    size_t left = size;

    fields_reset(&fields);
    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        size_t len = end != NULL ? (size_t)(end - at) + 1 : left;
        char *line = malloc(len); /* of its own, so that a read past its end is seen */

        memcpy(line, at, len);
        fields_add(&fields, (struct span){line, len}, NOW_MS);
        free(line);
        check_fields(&fields);
        at += len;
        left -= len;
    }
    require(fields.bytes == size);
    return 0;
}
