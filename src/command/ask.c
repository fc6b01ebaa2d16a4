#include "command/ask.h"

#include "api/stop.h"
#include "base/buf.h"
#include "base/text.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { QUESTION_MAX = 4096, LOOK_MS = 200 };

bool ask_can(void)
{
    return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

/* Waits for a line; a signal may be handled, and waited on, by another thread. */
static bool is_answered(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    while (stop_signals() == 0)
        if (poll(&input, 1, LOOK_MS) > 0)
            return true;
    return false;
}

bool ask_yes(struct console *console, const char *question)
{
    char answer[256];
    struct buf shown;
    ssize_t len;

    buf_init(&shown, 4 * QUESTION_MAX);
    text_show(&shown, span_of(question), QUESTION_MAX);
    console_clear(console);
    fprintf(stderr, "%s [y/N] ", shown.data);
    buf_release(&shown);
    if (!is_answered())
        return false;
    len = read(STDIN_FILENO, answer, sizeof(answer));
    return len > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}
