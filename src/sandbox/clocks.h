/*
 * clocks: the sandbox's times, finer than base/clock's: windows are proved in microseconds.
 */
#ifndef SANDBOX_CLOCKS_H
#define SANDBOX_CLOCKS_H

#include <stdint.h>

enum { CLOCKS_TEXT = 32 }; /* bytes that clocks_format() needs at most */

/* Microseconds of the monotonic clock, and since 1970. */
int64_t clocks_mono_us(void);
int64_t clocks_wall_us(void);

/* RFC 3339 in UTC with microseconds, as the API writes times. `text` holds CLOCKS_TEXT bytes; returns it. */
char *clocks_format(char text[CLOCKS_TEXT], int64_t wall_us);

#endif
