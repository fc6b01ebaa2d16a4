#include "io/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MUCH = 1 << 20 };

/* In a child: once the pipe is full, reads all that comes; its exit code says whether it was MUCH. */
static void read_late(int from)
{
    static char bytes[65536];
    int waiting = 0, size = fcntl(from, F_GETPIPE_SZ);
    size_t all = 0;
    ssize_t got;

    while (waiting < size)
        if (ioctl(from, FIONREAD, &waiting) != 0)
            _exit(2);
    while ((got = read(from, bytes, sizeof(bytes))) > 0)
        all += (size_t)got;
    _exit(all == MUCH ? 0 : 1);
}

static void waits_for_a_pipe_that_does_not_block(void **state)
{
    static char bytes[MUCH];
    int ends[2], status;
    pid_t child;

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[1]);
        fcntl(ends[0], F_SETFL, 0);
        read_late(ends[0]);
    }
    close(ends[0]);
    assert_true(disk_write(ends[1], bytes, sizeof(bytes)));
    close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void waits_for_bytes_where_reading_does_not_block(void **state)
{
    static char bytes[MUCH], got[MUCH + 1];
    int ends[2], status;
    pid_t child;

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        _exit(disk_write(ends[1], bytes, sizeof(bytes)) ? 0 : 1);
    }
    close(ends[1]);
    assert_int_equal(disk_read(ends[0], got, sizeof(got)), MUCH);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void says_why_it_can_not_write(void **state)
{
    int ends[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    assert_false(disk_write(ends[1], "x", 1));
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
    assert_false(disk_write(ends[1], "x", 1));
    assert_int_equal(errno, EBADF);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_a_pipe_that_does_not_block),
        cmocka_unit_test(waits_for_bytes_where_reading_does_not_block),
        cmocka_unit_test(says_why_it_can_not_write),
    };

    return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
