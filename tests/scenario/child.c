/*
 * child [-m NOTE] COMMAND...: what each scenario starts its programs through. The command dies with whoever started it.
 * With -m it runs below this process, and its peak of resident memory, in KiB, is written to NOTE; a signal's number
 * above 200 is its exit code then.
 *
 * Python could do both between fork and exec; but a fork of pytest takes ten times as long as this, and what pytest
 * holds would count to the peak. Static: what a test preloads is for the command alone.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int become(char **command)
{
    execvp(command[0], command);
    perror(command[0]);
    return 127;
}

static int measure(const char *note, char **command)
{
    struct rusage usage;
    int status;
    FILE *file;
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(become(command));
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || (file = fopen(note, "w")) == NULL) {
        perror(note);
        return 126;
    }
    fprintf(file, "%ld", usage.ru_maxrss);
    fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (argc > 3 && strcmp(argv[1], "-m") == 0)
        return measure(argv[2], argv + 3);
    return argc > 1 ? become(argv + 1) : 126;
}
