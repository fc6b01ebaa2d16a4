#include "command/ending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *what;
    struct ending_input input;
    enum ending ending;
} table[] = {
    {"all is done", {.has_journal = true, .has_place = true, .sent = true}, ENDING_RESULTS},
    {"to standard output", {.has_place = true, .is_stream = true, .sent = true}, ENDING_STREAM},
    {"a dry run without -o", {.dry_run = true}, ENDING_COUNTED},
    {"a dry run with -o", {.dry_run = true, .has_place = true}, ENDING_RESULTS},
    {"a dry run that was stopped",
     {.dry_run = true, .stop = STOP_KEY_REFUSED, .has_place = true, .is_earlier = true},
     ENDING_RESULTS},
    {"stopped in the middle",
     {.stop = STOP_DEADLINE, .has_journal = true, .has_place = true, .is_earlier = true, .sent = true},
     ENDING_RESULTS},
    {"stopped before the first row, in an empty place",
     {.stop = STOP_KEY_REFUSED, .has_journal = true, .has_place = true},
     ENDING_RESULTS},
    {"stopped before the first row, over another run's results",
     {.stop = STOP_KEY_REFUSED, .has_journal = true, .has_place = true, .is_earlier = true},
     ENDING_LEFT},
    {"held back by --strict, over another run's results",
     {.held_back = true, .has_journal = true, .has_place = true, .is_earlier = true},
     ENDING_LEFT},
    {"stopped, but went on with an interrupted run",
     {.stop = STOP_KEY_REFUSED, .has_journal = true, .has_place = true, .is_earlier = true, .resumed = true},
     ENDING_RESULTS},
    {"one signal", {.stop = STOP_SIGNAL, .signals = 1, .has_journal = true, .has_place = true}, ENDING_RESULTS},
    {"two signals",
     {.stop = STOP_SIGNAL, .signals = 2, .has_journal = true, .has_place = true, .sent = true},
     ENDING_JOURNAL},
    {"two signals, no journal",
     {.stop = STOP_SIGNAL, .signals = 2, .has_place = true, .is_stream = true, .sent = true},
     ENDING_STREAM},
    {"local trouble", {.stop = STOP_LOCAL, .has_journal = true, .has_place = true, .sent = true}, ENDING_JOURNAL},
    {"local trouble, no journal", {.stop = STOP_LOCAL, .has_place = true, .is_stream = true}, ENDING_TOLD},
    {"local trouble in a dry run", {.stop = STOP_LOCAL, .dry_run = true}, ENDING_TOLD},
    {"perhaps another account's",
     {.keeps_journal = true, .resumed = true, .has_journal = true, .has_place = true},
     ENDING_JOURNAL},
    {"the journal was taken before anything was sent",
     {.lost_journal = true, .has_journal = true, .has_place = true},
     ENDING_JOURNAL},
    {"the journal was taken later",
     {.stop = STOP_JOURNAL_LOST, .lost_journal = true, .has_journal = true, .has_place = true, .sent = true},
     ENDING_RESULTS},
};

static void how_a_run_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (ending_choose(&table[i].input) != table[i].ending)
            fail_msg("%s: %d", table[i].what, (int)ending_choose(&table[i].input));
}

static void exit_codes(void **state)
{
    (void)state;
    assert_int_equal(ending_code(STOP_NONE, false), EXIT_ALL_DONE);
    assert_int_equal(ending_code(STOP_NONE, true), EXIT_SOME_NOT);
    for (int stop = STOP_NONE + 1; stop < STOP_REASONS; stop++)
        assert_int_equal(ending_code((enum stop_reason)stop, false), EXIT_STOPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_a_run_ends),
        cmocka_unit_test(exit_codes),
    };

    return cmocka_run_group_tests_name("ending", tests, NULL, NULL);
}
