#include "command/ending.h"

/*
 * An earlier run's result file is all that tells which connectors are whose. A run that was stopped before it sent a
 * row, and did not begin from that file, has nothing to put in its place.
 */
static bool leaves_earlier(const struct ending_input *input)
{
    bool stopped = input->stop != STOP_NONE || input->held_back;

    return stopped && input->is_earlier && !input->dry_run && !input->resumed && !input->sent;
}

enum ending ending_choose(const struct ending_input *input)
{
    bool cut_short = input->stop == STOP_SIGNAL && input->signals > 1;

    if (input->stop == STOP_LOCAL)
        return input->has_journal ? ENDING_JOURNAL : ENDING_TOLD;
    if ((cut_short && input->has_journal) || input->keeps_journal)
        return ENDING_JOURNAL;
    if (input->lost_journal && !input->sent)
        return ENDING_JOURNAL;
    if (leaves_earlier(input))
        return ENDING_LEFT;
    if (!input->has_place)
        return ENDING_COUNTED;
    return input->is_stream ? ENDING_STREAM : ENDING_RESULTS;
}

enum exit_code ending_code(enum stop_reason stop, bool some_not)
{
    if (stop != STOP_NONE)
        return EXIT_STOPPED;
    return some_not ? EXIT_SOME_NOT : EXIT_ALL_DONE;
}
