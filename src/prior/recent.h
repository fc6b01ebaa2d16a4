/*
 * recent: the share of the rate window that an earlier run of the same result file has used, and what of it may not be
 * over.
 *
 * A run that follows another within the same minute must not be refused for what that one sent. Its result file (or
 * its journal) tells when each connector was created, and its modification time when the last request was over.
 */
#ifndef PRIOR_RECENT_H
#define PRIOR_RECENT_H

#include "base/buf.h"
#include "net/pace.h"

#include <stdbool.h>
#include <stdint.h>

enum { RECENT_STEPS = 60 };

struct recent {
    int64_t window_ms;
    int64_t now_wall_ms;
    uint32_t requests[RECENT_STEPS]; /* by age: step 0 is the latest */
};

void recent_init(struct recent *recent, int64_t window_ms, int64_t now_wall_ms);

/* `count` requests that were over at `wall_ms`; older ones than a window are left out, times ahead of ours count as
 * now. */
void recent_add(struct recent *recent, int64_t wall_ms, uint32_t count);

/*
 * A row's requests: at its created_at, by a server's clock that is `ahead_ms` ahead of ours, where there is one; else
 * at `latest_ms`, after which nothing was sent.
 */
void recent_add_row(struct recent *recent, struct span created_at, int64_t ahead_ms, uint32_t attempts,
                    int64_t latest_ms);

/*
 * All that the result file `path` tells, where it was written within the window. Its newest connector was made no later
 * than it was written: a server whose clock says much earlier is behind ours by up to the difference. A file that can't
 * be read, or is no result file, tells nothing.
 */
void recent_add_file(struct recent *recent, const char *path);

/* Whether a row of the result file `path` is `unknown`, and its request may not be over. */
bool recent_has_unknown(const char *path);

/* Tells the pace, before its first request. */
void recent_tell(const struct recent *recent, struct pace *pace, int64_t now_ms);

#endif
