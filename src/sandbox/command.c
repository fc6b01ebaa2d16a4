#include "sandbox/command.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { CANNOT_RUN = 126, NOT_FOUND = 127, BY_SIGNAL = 128 }; /* as a shell has them */

/* The command takes the signals that the sandbox blocks or ignores. */
static int spawn(struct command *command, char *const *argv)
{
    posix_spawnattr_t attributes;
    sigset_t none, ignored;
    int failure;

    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    failure = posix_spawnp(&command->pid, argv[0], NULL, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    return failure;
}

bool command_start(struct command *command, char *const *argv, const char *url, const char *key, struct err *err)
{
    int failure;

    setenv("BIGDATA_API_BASE_URL", url, 1);
    setenv("BIGDATA_API_KEY", key, 1);
    failure = spawn(command, argv);
    if (failure == 0)
        return true;
    command->code = failure == ENOENT ? NOT_FOUND : CANNOT_RUN;
    return err_set(err, EXIT_LOCAL, "the command %.200s can't be run: %s", argv[0], strerror(failure));
}

bool command_ended(struct command *command)
{
    int status;

    if (waitpid(command->pid, &status, WNOHANG) != command->pid)
        return false;
    command->code = WIFSIGNALED(status) ? BY_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
}

void command_signal(const struct command *command, const struct server_signal *signal)
{
    if (signal->number != SIGCHLD && !signal->from_terminal)
        kill(command->pid, signal->number);
}
