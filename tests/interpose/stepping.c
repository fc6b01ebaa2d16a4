/*
 * stepping: somebody sets the clock back by an hour as soon as a program has read it once. For LD_PRELOAD.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *now)
{
    static int (*real)(clockid_t id, struct timespec * now);
    static atomic_bool read_before;
    int done;

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    done = real(id, now);
    if (id == CLOCK_REALTIME && atomic_exchange(&read_before, 1))
        now->tv_sec -= 3600;
    return done;
}
