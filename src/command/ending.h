/*
 * ending: how a run ends: one of these, chosen by one pure function, whatever the command.
 */
#ifndef COMMAND_ENDING_H
#define COMMAND_ENDING_H

#include "api/stop.h"
#include "base/exit.h"

#include <stdbool.h>

enum ending {
    ENDING_RESULTS, /* the results are put in their place */
    ENDING_STREAM,  /* the results go to what was opened before the first row */
    ENDING_COUNTED, /* nothing is written: the rows are counted, and the summary tells */
    ENDING_LEFT,    /* an earlier run's results stay as they are: nothing was sent, and the journal goes */
    ENDING_JOURNAL, /* no results: the same command goes on from the journal */
    ENDING_TOLD,    /* local trouble, and no journal to go on from: whatever can still be written is */
};

struct ending_input {
    enum stop_reason stop;
    int signals; /* stop_signals() */
    bool dry_run;
    bool held_back;     /* --strict kept every row from being sent */
    bool resumed;       /* the run went on with an interrupted one */
    bool sent;          /* a request that makes something was sent */
    bool has_journal;   /* there is a journal that another run can go on from */
    bool lost_journal;  /* it is another run's by now */
    bool keeps_journal; /* the interrupted run is perhaps another account's */
    bool has_place;     /* there is a place for the results */
    bool is_stream;     /* which is a stream */
    bool is_earlier;    /* where another run's results are, which are not the input */
};

enum ending ending_choose(const struct ending_input *input);

/* The exit code of a run that could be told of; `some_not`: a row is not as it is to be. */
enum exit_code ending_code(enum stop_reason stop, bool some_not);

#endif
