#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* vsnprintf() may cut inside a UTF-8 sequence: drops the incomplete tail. */
static void trim_cut_sequence(char *text, size_t size)
{
    size_t at = size - 1;

    while (at > 0 && ((unsigned char)text[at - 1] & 0xC0) == 0x80)
        at--;
    if (at > 0 && ((unsigned char)text[at - 1] & 0x80) != 0)
        text[at - 1] = '\0';
}

bool err_vset(struct err *err, enum exit_code code, const char *format, va_list args)
{
    int length;

    err->code = code;
    length = vsnprintf(err->text, sizeof(err->text), format, args);
    if (length >= (int)sizeof(err->text))
        trim_cut_sequence(err->text, sizeof(err->text));
    return false;
}

bool err_set(struct err *err, enum exit_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    err_vset(err, code, format, args);
    va_end(args);
    return false;
}

/* What helps, whichever file it was that could not be opened. */
static const char *remedy_for(int cause)
{
    if (cause == EMFILE)
        return "; raise the limit on them (ulimit -n)";
    return cause == ENFILE ? "; run it again when there are fewer" : "";
}

bool err_system(struct err *err, const char *format, ...)
{
    int cause = errno;
    size_t used;
    va_list args;

    va_start(args, format);
    err_vset(err, EXIT_LOCAL, format, args);
    va_end(args);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s%s", strerror(cause), remedy_for(cause));
    return false;
}
