/*
 * clock: the two clocks, and the two ways in which times are written.
 *
 * Everything that waits uses monotonic milliseconds. Wall-clock milliseconds (since 1970, UTC) are for what people
 * and servers read.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_TEXT = 48 }; /* bytes that clock_format() needs at most */

int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void);

/* The earlier of two times; INT64_MAX stands for never. */
int64_t clock_sooner(int64_t a, int64_t b);

/* RFC 3339 in UTC with milliseconds, `2026-11-24T05:30:07.123Z`. `text` holds CLOCK_TEXT bytes; returns it. */
char *clock_format(char text[CLOCK_TEXT], int64_t wall_ms);

/* RFC 3339 section 5.6, any offset, any number of decimals: milliseconds since 1970, rounded down. */
bool clock_parse_rfc3339(struct span text, int64_t *wall_ms);

/*
 * RFC 9110 section 5.6.7: IMF-fixdate, whose zone may also be UTC, UT, Z, +0000 or -0000, and the two obsolete forms.
 * Milliseconds since 1970.
 */
bool clock_parse_http_date(struct span text, int64_t *wall_ms);

/* RFC 9110 section 5.6.7, IMF-fixdate. `text` holds CLOCK_TEXT bytes; returns it. */
char *clock_format_http_date(char text[CLOCK_TEXT], int64_t wall_ms);

#endif
