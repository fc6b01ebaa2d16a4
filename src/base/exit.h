/*
 * exit: the exit codes that cron jobs and scripts rely on (contract.md, "Talking to people and to machines").
 */
#ifndef BASE_EXIT_H
#define BASE_EXIT_H

enum exit_code {
    EXIT_ALL_DONE = 0, /* every row has its connector, or passed `check` */
    EXIT_SOME_NOT = 1, /* finished, some rows did not */
    EXIT_USAGE = 2,    /* bad usage: nothing was done */
    EXIT_INPUT = 3,    /* the input is unusable: nothing was done */
    EXIT_STOPPED = 4,  /* stopped early: refused key, signal, deadline, too many failures; results are written */
    EXIT_LOCAL = 5,    /* local trouble: disk, permissions, memory */
};

#endif
