#include "api/stop.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static const char *const names[] = {
    [STOP_NONE] = "",
    [STOP_SIGNAL] = "signal",
    [STOP_DEADLINE] = "deadline",
    [STOP_KEY_REFUSED] = "key_refused",
    [STOP_UNKNOWN_PATH] = "unknown_path",
    [STOP_FORBIDDEN] = "forbidden",
    [STOP_OUTAGE] = "outage",
    [STOP_MAX_FAILURES] = "max_failures",
    [STOP_UNREACHABLE] = "unreachable",
    [STOP_NO_LIST] = "no_list",
    [STOP_LONG_WAIT] = "long_wait",
    [STOP_OTHER_ACCOUNT] = "other_account",
    [STOP_JOURNAL_LOST] = "journal_lost",
    [STOP_LOCAL] = "local_trouble",
    [STOP_INPUT] = "input",
};
static_assert(sizeof(names) / sizeof(names[0]) == STOP_REASONS, "every reason has a name");

/*
 * Signal handlers have no context of their own: these are the program's only globals that change. Atomic, for the
 * handler may run in a thread of libcurl's resolver: whoever sees the count has to see the signal, too.
 */
static atomic_int signals_seen, last_signal;
static _Atomic int64_t counted_ms = -STOP_AT_ONCE_MS; /* monotonic: when the last was counted */
static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "a handler may use them");
static void (*volatile wake)(void *context);
static void *volatile wake_context;

/* timeout(1) signals its child and then the child's process group: what comes at once is one request. */
static bool is_another(void)
{
    int64_t now_ms = clock_mono_ms(), before_ms = counted_ms;

    return now_ms - before_ms >= STOP_AT_ONCE_MS && atomic_compare_exchange_strong(&counted_ms, &before_ms, now_ms);
}

static void on_signal(int number)
{
    int keep = errno;

    last_signal = number;
    if (signals_seen < 100 && is_another())
        signals_seen++;
    if (wake != NULL)
        wake(wake_context);
    errno = keep;
}

void stop_install(void (*wakeup)(void *context), void *context)
{
    static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};

    wake_context = context;
    wake = wakeup;
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++) {
        struct sigaction before;

        /* nohup's SIGHUP stays ignored; a script's background job has SIGINT ignored, and stops by it none the less
         */
        if (stopping[i] != SIGHUP || (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN))
            sigaction(stopping[i], &action, NULL);
    }
}

void stop_uninstall(void)
{
    wake = NULL;
    wake_context = NULL;
}

int stop_signals(void)
{
    return signals_seen;
}

const char *stop_signal_name(void)
{
    int number = last_signal;

    switch (number) {
    case SIGINT:
        return "SIGINT";
    case SIGTERM:
        return "SIGTERM";
    case SIGHUP:
        return "SIGHUP";
    default:
        return NULL;
    }
}

const char *stop_reason_name(enum stop_reason reason)
{
    return names[reason];
}
