/*
 * fuzz_num: numbers, durations, rates and shares as options give them, whole texts. What is accepted is within its
 * bounds, and a rate that is written as --rate takes it reads as itself.
 */
#include "base/num.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_number(const char *text, size_t size)
{
    struct span span = {text, size};
    uint64_t number, again, value = 0;

    if (num_parse(text, 0, UINT64_MAX, &number)) {
        require(size > 0 && strspn(text, "0123456789") == size);
        require(num_parse_span(span, number, number, &again) && again == number);
        require(number == 0 || !num_parse(text, 0, number - 1, &again));
        require(number == UINT64_MAX || !num_parse(text, number + 1, UINT64_MAX, &again));
    }
    if (size > 0 && num_parse_span(span, 7, 4096, &value))
        require(value >= 7 && value <= 4096);
}

static void check_duration(const char *text)
{
    char shown[NUM_DURATION_TEXT];
    int64_t ms;

    if (!num_parse_duration(text, &ms))
        return;
    require(ms >= 0 && ms <= NUM_DURATION_MAX_MS);
    require(strlen(num_format_duration(shown, ms)) < NUM_DURATION_TEXT);
}

static void check_rate(const char *text)
{
    struct rate rate, again;
    char shown[NUM_DURATION_TEXT];

    if (!num_parse_rate(text, &rate))
        return;
    require(rate.count <= RATE_COUNT_MAX);
    require(rate.count == 0 || (rate.window_ms >= 1 && rate.window_ms <= NUM_DURATION_MAX_MS));
    require(num_parse_rate(num_format_rate(shown, rate), &again));
    require(again.count == rate.count && (rate.count == 0 || again.window_ms == rate.window_ms));
}

static void check_share(const char *text)
{
    uint64_t value;
    bool percent;

    if (num_parse_share(text, &value, &percent))
        require(percent ? value <= 10000 : value <= UINT32_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    check_number(text, strlen(text));
    check_duration(text);
    check_rate(text);
    check_share(text);
    free(text);
    return 0;
}
