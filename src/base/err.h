/*
 * err: an error that carries a whole sentence and the exit code it leads to.
 *
 * Below `flow` nothing prints. A function that can fail takes a `struct err *` as its last parameter, returns false
 * (or NULL), and has set one sentence that says what is wrong, where, and the remedy: no "error:" prefix, no final
 * full stop, no newline. The struct holds no memory of its own.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/exit.h"

#include <stdarg.h>
#include <stdbool.h>

struct err {
    enum exit_code code; /* EXIT_ALL_DONE while there is no error */
    char text[2048];     /* NUL-terminated; cut at the end, on a character's boundary, where it would be longer */
};

/* Sets code and sentence, replacing what was there. Always returns false, so that `return err_set(…)` reads well. */
bool err_set(struct err *err, enum exit_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

bool err_vset(struct err *err, enum exit_code code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* As err_set() with EXIT_LOCAL, and appends ": ", strerror(errno) and, for too many open files, the remedy. */
bool err_system(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
