/*
 * history: what a key has used of its windows, and what was found of its limit: the text of the small file that is
 * kept between runs (api/history_file.h), as lines:
 *
 *     sent WALL_MS SENT ANSWERED RUN     since the run's line before, so many were sent, and so many were over
 *     found COUNT WINDOW_MS WALL_MS      the limit that nobody named, as throttle_found() has it
 *
 * RUN tells runs at the same time from one another; 0: a run that is over. A line that is none of these is passed over.
 * Pure: the wall clock is an argument. A time ahead of it counts as now, for a clock that was set back.
 */
#ifndef API_HISTORY_H
#define API_HISTORY_H

#include "base/buf.h"
#include "base/num.h"
#include "net/pace.h"

#include <stddef.h>
#include <stdint.h>

#define HISTORY_FOUND_MS ((int64_t)24 * 3600 * 1000) /* for how long what was found is a start */

struct history_entry {
    int64_t wall_ms;
    uint32_t run, sent, answered;
};

struct history {
    struct history_entry *entries;
    size_t count, cap;
    struct rate found; /* a count of 0: nothing */
    int64_t found_ms;
};

/* `history` begins zeroed. */
void history_release(struct history *history);

/* Adds what `text` says and is no older than `keep_ms`. */
void history_read(struct history *history, struct span text, int64_t now_ms, int64_t keep_ms);

/*
 * Every run is over: what it had in flight ended with its last line. But for `own`, whose flights are still to end; 0:
 * none. The entries are in the order of their times then.
 */
void history_settle(struct history *history, uint32_t own);

/* Tells the pace of the requests that are over, after history_settle(): `mono_ms` and `now_ms` are the same moment. */
void history_tell(const struct history *history, struct pace *pace, int64_t mono_ms, int64_t now_ms);

/* Appends the whole to `text`, after history_settle(): the older the times, the more of them are one, the latest. */
void history_write(const struct history *history, int64_t now_ms, struct buf *text);

/* Appends one line. */
void history_write_entry(const struct history_entry *entry, struct buf *text);
void history_write_found(struct rate found, int64_t wall_ms, struct buf *text);

#endif
