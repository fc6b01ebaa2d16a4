/*
 * usage: what the option table says for people and shells: --help, --version, and the completions.
 */
#ifndef USAGE_H
#define USAGE_H

#include "options.h"

#include <stdbool.h>

/* The help of one command, or of all with COMMAND_NONE, on standard output. */
void usage_help(enum command command);

void usage_version(void);

/* The completions for `bash`, `zsh` or `fish`; EXIT_USAGE for another shell. */
bool usage_completion(const char *shell, struct err *err);

#endif
