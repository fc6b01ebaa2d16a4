/*
 * fuzz_clock: dates as servers write them, RFC 3339 and the three forms of HTTP. What is read and written again reads
 * as the same time.
 */
#include "base/clock.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_rfc3339(struct span text)
{
    char written[CLOCK_TEXT];
    int64_t ms, again;

    if (!clock_parse_rfc3339(text, &ms) || ms < 0)
        return;
    require(clock_parse_rfc3339(span_of(clock_format(written, ms)), &again) || ms > INT64_C(253402300799999));
    require(ms > INT64_C(253402300799999) || again == ms);
}

static void check_http_date(struct span text)
{
    char written[CLOCK_TEXT];
    int64_t ms, again;

    if (!clock_parse_http_date(text, &ms))
        return;
    require(ms % 1000 == 0);
    if (ms < 0 || ms > INT64_C(253402300799000))
        return;
    require(clock_parse_http_date(span_of(clock_format_http_date(written, ms)), &again) && again == ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size > 0 ? size : 1); /* no NUL behind it: spans end where they say */

    memcpy(text, data, size);
    check_rfc3339((struct span){text, size});
    check_http_date((struct span){text, size});
    free(text);
    return 0;
}
