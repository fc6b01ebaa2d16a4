/*
 * advice: what to do next when a run is over. Pure.
 */
#ifndef REPORT_ADVICE_H
#define REPORT_ADVICE_H

#include "api/tally.h"
#include "report/run_info.h"

/* All texts are static or the facts' own. Nothing is to be done where `mend` and `what` are both NULL. */
struct advice {
    const char *mend;    /* what no other run can do without; or NULL */
    const char *what;    /* what to do (then, after mending); ends in a colon where a command follows. Or NULL */
    const char *command; /* of connload, to be typed with `path` and the facts' `repeat`; or NULL */
    const char *path;
};

struct advice advice_of(const struct run_info *info, const struct tally *tally);

#endif
