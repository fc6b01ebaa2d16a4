/*
 * stop: why a run ends before its rows do: signals, the deadline, and what the run itself finds out.
 *
 * SIGINT, SIGTERM and SIGHUP ask for an orderly stop; a second one for an immediate one. Those that come within
 * STOP_AT_ONCE_MS of one that was counted are that one. The handlers only count.
 */
#ifndef API_STOP_H
#define API_STOP_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { STOP_AT_ONCE_MS = 500 };

enum stop_reason {
    STOP_NONE,
    STOP_SIGNAL,
    STOP_DEADLINE,
    STOP_KEY_REFUSED,
    STOP_UNKNOWN_PATH, /* the gateway does not know the path: the base URL is wrong */
    STOP_FORBIDDEN,    /* 403 to several rows in a row, in the API's own words */
    STOP_OUTAGE,       /* the service was away for longer than --max-outage */
    STOP_MAX_FAILURES,
    STOP_UNREACHABLE,   /* the list request before the first row did not succeed */
    STOP_NO_LIST,       /* the server was reached, but gave no list that the run can go on with */
    STOP_LONG_WAIT,     /* the server asks for a wait beyond --max-outage, or refuses everything for so long */
    STOP_OTHER_ACCOUNT, /* the key is not of the account that the interrupted run was begun with */
    STOP_JOURNAL_LOST,  /* somebody has removed the journal, or writes to it (journal_is_ours()) */
    STOP_LOCAL,         /* local trouble: disk, permissions, a changed input */
    STOP_INPUT,         /* the input is unusable */
    STOP_REASONS,
};

/*
 * Installs the handlers, but for a SIGHUP that is ignored already (nohup); until then a signal ends the process, which
 * is as it should be while nothing has been sent.
 * `wakeup` is called from the handler with `context`; it must be async-signal-safe.
 */
void stop_install(void (*wakeup)(void *context), void *context);

/* Gives up the wakeup, before what it wakes is gone. */
void stop_uninstall(void);

/* How many requests to stop have arrived; and the name of the last, "SIGTERM", or NULL. */
int stop_signals(void);
const char *stop_signal_name(void);

/* For the log: "signal", "deadline", …; "" for STOP_NONE. */
const char *stop_reason_name(enum stop_reason reason);

#endif
