#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The names are written out: strptime() and strftime() follow the locale, the formats do not. */
static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

enum { COPY = 64 }; /* bytes for a date as text; longer ones are none */

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct tm utc(int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts = {0};

    gmtime_r(&seconds, &parts);
    return parts;
}

char *clock_format(char text[CLOCK_TEXT], int64_t wall_ms)
{
    struct tm parts = utc(wall_ms);
    size_t used = strftime(text, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &parts);

    snprintf(text + used, CLOCK_TEXT - used, ".%03dZ", (int)(wall_ms % 1000));
    return text;
}

char *clock_format_http_date(char text[CLOCK_TEXT], int64_t wall_ms)
{
    struct tm parts = utc(wall_ms);
    int day = parts.tm_wday, month = parts.tm_mon;
    char date[24];

    strftime(date, sizeof(date), "%Y %H:%M:%S GMT", &parts);
    snprintf(text, CLOCK_TEXT, "%s, %02d %s %s", days[day], parts.tm_mday % 100, months[month], date);
    return text;
}

/*
 * Whether all of `text` has the form of `shape`: `0` stands for a digit, `_` for a digit or a space, `A` for a letter,
 * `*` for anything from there on. scanf alone would take signs and spaces for digits.
 */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape != '\0' && *shape != '*'; text++, shape++) {
        bool digit = *text >= '0' && *text <= '9';
        bool letter = (*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z');

        if (*shape == '0' ? !digit : *shape == '_' ? !digit && *text != ' ' : *shape == 'A' ? !letter : *text != *shape)
            return false;
    }
    return *shape == '*' || *text == '\0';
}

/* The number that `digits` digits make, which has_shape() has found there. */
static int number_at(const char *at, int digits)
{
    int number = 0;

    for (int i = 0; i < digits; i++)
        number = number * 10 + (at[i] - '0');
    return number;
}

static bool is_leap_year(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int year, int month)
{
    static const int days_in[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days_in[month] + (month == 1 && is_leap_year(year));
}

/* Days from 1970-01-01 to a month's first day; the month counts from 0. */
static int64_t days_before(int year, int month)
{
    int past = year - 1, leap_days = past / 4 - past / 100 + past / 400 - 477; /* 477 of them before 1970 */
    int64_t count = (int64_t)(year - 1970) * 365 + leap_days;

    for (int i = 0; i < month; i++)
        count += days_in_month(year, i);
    return count;
}

/* Not by timegm(), which takes a lock and normalises 31 February silently. */
static bool to_wall(const struct tm *parts, int64_t *wall_ms)
{
    int year = parts->tm_year + 1900;

    if (year < 1970 || parts->tm_mon < 0 || parts->tm_mon > 11 || parts->tm_mday < 1 ||
        parts->tm_mday > days_in_month(year, parts->tm_mon) || parts->tm_hour > 23 || parts->tm_min > 59 ||
        parts->tm_sec > 60)
        return false;
    *wall_ms = ((days_before(year, parts->tm_mon) + parts->tm_mday - 1) * 86400 + parts->tm_hour * 3600 +
                parts->tm_min * 60 + parts->tm_sec) *
               1000;
    return true;
}

/* Reads the decimals after the seconds, if any: milliseconds, and the first byte after them. */
static const char *read_decimals(const char *at, int64_t *ms)
{
    int64_t weight = 100;

    *ms = 0;
    if (!has_shape(at, ".0*"))
        return at;
    for (at++; *at >= '0' && *at <= '9'; at++, weight /= 10)
        *ms += (*at - '0') * weight;
    return at;
}

static bool read_offset(const char *at, int64_t *ms)
{
    int hours, minutes;

    if ((*at == 'Z' || *at == 'z') && at[1] == '\0') {
        *ms = 0;
        return true;
    }
    if ((*at != '+' && *at != '-') || !has_shape(at + 1, "00:00"))
        return false;
    hours = number_at(at + 1, 2);
    minutes = number_at(at + 4, 2);
    if (hours > 23 || minutes > 59)
        return false;
    *ms = (int64_t)(hours * 60 + minutes) * 60000 * (*at == '-' ? -1 : 1);
    return true;
}

/* A NUL-terminated copy; false where `text` is longer than any date, or has a NUL within. */
static bool copy_text(char copy[COPY], struct span text)
{
    if (text.len == 0 || text.len >= COPY || memchr(text.data, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return true;
}

bool clock_parse_rfc3339(struct span text, int64_t *wall_ms)
{
    char copy[COPY];
    struct tm parts;
    int64_t decimals, offset;

    if (!copy_text(copy, text) || !has_shape(copy, "0000-00-00*") ||
        (copy[10] != 'T' && copy[10] != 't' && copy[10] != ' ') || !has_shape(copy + 11, "00:00:00*"))
        return false;
    parts = (struct tm){
        .tm_year = number_at(copy, 4) - 1900,
        .tm_mon = number_at(copy + 5, 2) - 1,
        .tm_mday = number_at(copy + 8, 2),
        .tm_hour = number_at(copy + 11, 2),
        .tm_min = number_at(copy + 14, 2),
        .tm_sec = number_at(copy + 17, 2),
    };
    if (!read_offset(read_decimals(copy + 19, &decimals), &offset) || !to_wall(&parts, wall_ms))
        return false;
    *wall_ms += decimals - offset;
    return true;
}

static int month_named(const char *name)
{
    for (int i = 0; i < 12; i++)
        if (strcmp(months[i], name) == 0)
            return i;
    return -1;
}

/* A two-digit year more than 50 years ahead is a past one (RFC 9110); 70 to 99 are the past as long as that holds. */
static int full_year(int two_digits)
{
    return two_digits >= 70 ? two_digits : two_digits + 100;
}

/* GMT as RFC 9110 has it, and as mail (RFC 5322) and careless servers write it. */
static bool is_gmt(const char *zone)
{
    static const char *const names[] = {" GMT", " UTC", " UT", " Z", " +0000", " -0000"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], zone) == 0)
            return true;
    return false;
}

/* The three forms after the weekday's name. */
static bool read_http_date(const char *at, struct tm *parts, char month[4])
{
    static const char fixdate[] = ", 00 AAA 0000 00:00:00*";

    if (has_shape(at, fixdate) && is_gmt(at + sizeof(fixdate) - 2)) {
        sscanf(at, ", %2d %3c %4d %2d:%2d:%2d", &parts->tm_mday, month, &parts->tm_year, &parts->tm_hour,
               &parts->tm_min, &parts->tm_sec);
        parts->tm_year -= 1900;
    } else if (has_shape(at, ", 00-AAA-00 00:00:00 GMT")) {
        sscanf(at, ", %2d-%3c-%2d %2d:%2d:%2d", &parts->tm_mday, month, &parts->tm_year, &parts->tm_hour,
               &parts->tm_min, &parts->tm_sec);
        parts->tm_year = full_year(parts->tm_year);
    } else if (has_shape(at, " AAA _0 00:00:00 0000")) {
        sscanf(at, " %3c %2d %2d:%2d:%2d %4d", month, &parts->tm_mday, &parts->tm_hour, &parts->tm_min, &parts->tm_sec,
               &parts->tm_year);
        parts->tm_year -= 1900;
    } else
        return false;
    return true;
}

bool clock_parse_http_date(struct span text, int64_t *wall_ms)
{
    char copy[COPY], month[4] = "";
    struct tm parts = {0};

    if (!copy_text(copy, span_trim(text)) || !has_shape(copy, "AAA*"))
        return false;
    if (!read_http_date(copy + strcspn(copy, ", "), &parts, month))
        return false;
    parts.tm_mon = month_named(month);
    return parts.tm_mon >= 0 && to_wall(&parts, wall_ms);
}
