/*
 * command: the command that the sandbox runs, with the variables set that name the sandbox.
 */
#ifndef SANDBOX_COMMAND_H
#define SANDBOX_COMMAND_H

#include "base/err.h"
#include "sandbox/server.h"

#include <stdbool.h>
#include <sys/types.h>

struct command {
    pid_t pid;
    int code; /* once it has ended: its exit code, or 128 and the signal's number; of one that can't run 126 or 127 */
};

/* Starts `argv` with BIGDATA_API_BASE_URL and BIGDATA_API_KEY set; false with a sentence, and the code set. */
bool command_start(struct command *command, char *const *argv, const char *url, const char *key, struct err *err);

/* Whether it has ended. Doesn't wait. */
bool command_ended(struct command *command);

/* Passes on a signal that the command did not get itself. */
void command_signal(const struct command *command, const struct server_signal *signal);

#endif
