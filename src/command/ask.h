/*
 * ask: a question to whoever sits at the terminal.
 */
#ifndef COMMAND_ASK_H
#define COMMAND_ASK_H

#include "io/console.h"

#include <stdbool.h>

/* Whether somebody can be asked: standard input and standard error are terminals. */
bool ask_can(void);

/*
 * Asks `question` ("Archive 3 connectors?"), made harmless, on standard error; true where the answer begins with y or
 * Y. A signal that stops the run is a no.
 */
bool ask_yes(struct console *console, const char *question);

#endif
