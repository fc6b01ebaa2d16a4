/*
 * crash: the places where the crash harness kills the program.
 *
 * In a normal build these are nothing at all. Built with CONNLOAD_CRASH_POINTS, each passage of a point counts, from 1,
 * over the whole program. The environment says what happens:
 *
 *   CONNLOAD_CRASH_AT=N       the Nth passage ends the program by SIGKILL
 *   CONNLOAD_CRASH_LOG=FILE   each passage appends `N NAME` and a newline to FILE, before anything else happens
 *
 * A run without CONNLOAD_CRASH_AT so tells how many passages there are and what they are called.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#include <stddef.h>

#ifdef CONNLOAD_CRASH_POINTS

/* Passes the point `name`, as "journal.write.before". */
void crash_point(const char *name);

/* Passes the point `name`; where it is the fatal one, first writes half of what is about to be written to `fd`. */
void crash_half_write(const char *name, int fd, const void *bytes, size_t len);

#else

#define crash_point(name) ((void)0)
#define crash_half_write(name, fd, bytes, len) ((void)0)

#endif

#endif
