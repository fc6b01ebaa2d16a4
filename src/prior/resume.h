/*
 * resume: takes up an interrupted run where its journal says it was.
 */
#ifndef PRIOR_RESUME_H
#define PRIOR_RESUME_H

#include "base/err.h"
#include "io/journal.h"
#include "run/run.h"

#include <stdbool.h>
#include <stdint.h>

/* What the journal of an interrupted run says beyond its rows. */
struct resume {
    uint64_t promised;  /* rows before this one may have been sent */
    uint64_t recovered; /* rows with an outcome */
    bool inherited;     /* it has closed the run of another version of the sheet (inherit.h) */
    bool done;          /* its results were about to get their name … */
    uint64_t done_size; /* … with this size and checksum */
    uint32_t done_crc;
    char org_id[JOURNAL_TEXT_MAX + 1]; /* the account; empty where not known */
    bool other_key;                    /* begun with another API key: resume_is_same_account() has to decide */
};

/* Reads what the journal says beyond its rows. */
bool resume_read(struct resume *resume, struct journal *journal, struct err *err);

/*
 * Whether the journal's run is `now`'s to go on with. `*anew`: it is over or never sent anything, and a new one may
 * begin. False: it is another run's (EXIT_USAGE: another input, other options, another base URL), with the remedy.
 */
bool resume_fits(struct resume *resume, const struct journal *journal, const struct journal_head *now, const char *key,
                 struct run *run, bool *anew, struct err *err);

/*
 * Whether a run with --skip-existing may close the journal's run, which is not `now`'s: the same command, base URL and
 * key, whatever the input and the options are.
 */
bool resume_may_close(const struct journal *journal, const struct journal_head *now, const char *key);

/* Says that an interrupted run has left this journal, and its command comes first (EXIT_USAGE); returns false. */
bool resume_refuse(const struct journal *journal, struct err *err);

/*
 * Takes the lock of the result file at `path`, for a command that goes on with no run: NULL where another run works on
 * it, or was interrupted and has sent something. The caller closes it.
 */
struct journal *resume_take_place(const char *path, struct err *err);

/*
 * Takes over the rows' outcomes (of each the first that is not `unknown`: see journal.h) and attempts, and the run's
 * beginning by the server's clock. Rows that may have been sent and have no outcome, or `unknown`, are ROW_UNSETTLED.
 */
bool resume_replay(struct resume *resume, struct run *run, struct err *err);

/*
 * For --dry-run: whether the result file `results` has an interrupted run that `now`, a new run with a journal of its
 * own, would go on with (`*resumed`); takes over from its journal what resume_replay() would, and leaves it as it is.
 * False: as resume_fits(), or as journal_open().
 */
bool resume_look(struct resume *resume, struct run *run, const char *results, const struct journal_head *now,
                 const char *key, bool *resumed, struct err *err);

/*
 * Puts the rows that are ROW_UNSETTLED (an earlier run's unknown ones, an interrupted run's) on the waiting list. What
 * they sent may be acted on until run->late_ms from now: no clock is asked how long ago that was.
 */
bool resume_unsettle(struct run *run, struct err *err);

/*
 * Begun with another key: true where the account's list shows that it is the same account. Else stops the run, which
 * must then leave the journal as it is.
 */
bool resume_is_same_account(const struct resume *resume, struct run *run);

#endif
