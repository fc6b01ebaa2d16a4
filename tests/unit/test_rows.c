#include "sheet/rows.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOWHERE = -1 };

static int leads_to[ROW_STATES][ROW_EVENTS]; /* the arrows of src/README.md */

static int state_named(const char *name)
{
    for (int i = 0; i < ROW_STATES; i++)
        if (strcmp(row_state_name((enum row_state)i), name) == 0)
            return i;
    fail_msg("src/README.md: no row state is called %s", name);
    return NOWHERE;
}

static int event_named(const char *name)
{
    for (int i = 0; i < ROW_EVENTS; i++)
        if (strcmp(row_event_name((enum row_event)i), name) == 0)
            return i;
    fail_msg("src/README.md: no event is called %s", name);
    return NOWHERE;
}

static int read_picture(void **state)
{
    FILE *file = fopen("src/README.md", "r");
    char line[256], from[32], to[32], event[64];

    (void)state;
    if (file == NULL)
        return -1;
    for (int i = 0; i < ROW_STATES * ROW_EVENTS; i++)
        leads_to[i / ROW_EVENTS][i % ROW_EVENTS] = NOWHERE;
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, " %31[a-z_] --> %31[a-z_] : %63[^\n]", from, to, event) == 3)
            leads_to[state_named(from)][event_named(event)] = state_named(to);
    fclose(file);
    return 0;
}

static void step(struct rows *rows, enum row_event event)
{
    if (event == EVENT_FINISHED)
        rows_finish(rows, 0, STATUS_CREATED, 77);
    else if (event == EVENT_CARRIED)
        rows_carry(rows, 0, STATUS_EXISTS);
    else
        rows_step(rows, 0, event);
}

/* One row, brought to `wanted` on the shortest way that the picture has. */
static void bring(struct rows *rows, int wanted)
{
    static const enum row_event ways[ROW_STATES][3] = {
        [ROW_PENDING] = {ROW_EVENTS},
        [ROW_IN_FLIGHT] = {EVENT_SENT, ROW_EVENTS},
        [ROW_BACKOFF] = {EVENT_SENT, EVENT_NOT_DONE, ROW_EVENTS},
        [ROW_READY] = {EVENT_SENT, EVENT_ALL_WAIT, ROW_EVENTS},
        [ROW_UNSETTLED] = {EVENT_TO_SETTLE, ROW_EVENTS},
        [ROW_DONE] = {EVENT_FINISHED, ROW_EVENTS},
        [ROW_CARRIED] = {EVENT_CARRIED, ROW_EVENTS},
    };

    rows_init(rows);
    rows_add(rows, 0, 10, 2, 2);
    for (size_t i = 0; ways[wanted][i] != ROW_EVENTS; i++)
        step(rows, ways[wanted][i]);
    assert_int_equal(rows->row[0].state, wanted);
}

/* What is left of a process that takes the step: a signal's number, or 0. */
static int signal_of(struct rows *rows, enum row_event event)
{
    int status;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        if (setrlimit(RLIMIT_CORE, &(struct rlimit){0}) != 0 || freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        step(rows, event);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void every_event_leads_where_the_picture_says(void **state)
{
    (void)state;
    for (int from = 0; from < ROW_STATES; from++)
        for (int event = 0; event < ROW_EVENTS; event++) {
            int to = leads_to[from][event];
            struct rows rows;

            bring(&rows, from);
            if (to == NOWHERE) {
                if (signal_of(&rows, (enum row_event)event) != SIGABRT)
                    fail_msg("%s, %s: taken, and has no arrow", row_state_name((enum row_state)from),
                             row_event_name((enum row_event)event));
            } else {
                step(&rows, (enum row_event)event);
                if (rows.row[0].state != (unsigned)to || rows.in_state[to] != 1 ||
                    (from != to && rows.in_state[from] != 0))
                    fail_msg("%s, %s: leads to %s", row_state_name((enum row_state)from),
                             row_event_name((enum row_event)event), row_state_name((enum row_state)rows.row[0].state));
            }
            rows_release(&rows);
        }
}

static void every_event_has_an_arrow(void **state)
{
    (void)state;
    for (int event = 0; event < ROW_EVENTS; event++) {
        int arrows = 0;

        for (int from = 0; from < ROW_STATES; from++)
            arrows += leads_to[from][event] != NOWHERE;
        assert_int_not_equal(arrows, 0);
    }
}

static void an_outcome_is_kept_and_counted(void **state)
{
    struct rows rows;

    (void)state;
    bring(&rows, ROW_DONE);
    rows_add(&rows, 10, 10, 3, 3);
    rows_carry(&rows, 1, STATUS_ARCHIVED);
    assert_int_equal(rows.row[0].status, STATUS_CREATED);
    assert_int_equal(rows.row[0].place, 77);
    assert_int_equal(rows.row[1].status, STATUS_ARCHIVED);
    assert_int_equal(rows.with_status[STATUS_CREATED], 1);
    assert_int_equal(rows.with_status[STATUS_ARCHIVED], 1);
    rows_keep(&rows, 1, 1);
    assert_int_equal(rows.in_state[ROW_DONE] + rows.with_status[STATUS_CREATED], 0);
    assert_int_equal(rows.in_state[ROW_CARRIED] + rows.with_status[STATUS_ARCHIVED], 2);
    rows_release(&rows);
}

/* Blank lines and repeated headers take a number; a shard's rows keep theirs. */
static void numbers_are_a_spreadsheets(void **state)
{
    static const uint32_t numbers[] = {2, 3, 5, 6, 9};
    struct rows rows;

    (void)state;
    rows_init(&rows);
    for (size_t i = 0; i < 5; i++)
        rows_add(&rows, i, 1, (uint32_t)i + 2, numbers[i]);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(rows_number(&rows, i), numbers[i]);
    rows_keep(&rows, 3, 2);
    assert_int_equal(rows_number(&rows, 0), 6);
    assert_int_equal(rows_number(&rows, 1), 9);
    rows_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_leads_where_the_picture_says),
        cmocka_unit_test(every_event_has_an_arrow),
        cmocka_unit_test(an_outcome_is_kept_and_counted),
        cmocka_unit_test(numbers_are_a_spreadsheets),
    };

    return cmocka_run_group_tests(tests, read_picture, NULL);
}
