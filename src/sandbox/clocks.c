#include "sandbox/clocks.h"

#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clocks_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clocks_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

/* Two digits of `value` at `at`. */
static void put_two(char *at, int value)
{
    at[0] = (char)('0' + value / 10 % 10);
    at[1] = (char)('0' + value % 10);
}

/* By hand, as a list of a million connectors formats two million times. */
char *clocks_format(char text[CLOCKS_TEXT], int64_t wall_us)
{
    static const char pattern[] = "0000-00-00T00:00:00.000000Z";
    int64_t micros = wall_us % 1000000;
    time_t seconds = (time_t)(wall_us / 1000000 - (micros < 0));
    struct tm utc;

    if (micros < 0)
        micros += 1000000;
    gmtime_r(&seconds, &utc);
    snprintf(text, CLOCKS_TEXT, "%s", pattern);
    put_two(text, (utc.tm_year + 1900) / 100);
    put_two(text + 2, (utc.tm_year + 1900) % 100);
    put_two(text + 5, utc.tm_mon + 1);
    put_two(text + 8, utc.tm_mday);
    put_two(text + 11, utc.tm_hour);
    put_two(text + 14, utc.tm_min);
    put_two(text + 17, utc.tm_sec);
    put_two(text + 20, (int)(micros / 10000));
    put_two(text + 22, (int)(micros / 100));
    put_two(text + 24, (int)micros);
    return text;
}
