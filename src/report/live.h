/*
 * live: what the live line shows of a create run: how far, how fast, until when, and what it waits for.
 */
#ifndef REPORT_LIVE_H
#define REPORT_LIVE_H

#include "api/client.h"
#include "api/tally.h"
#include "sheet/rows.h"

#include <stdbool.h>
#include <stdint.h>

/* How far a run was at some moment. */
struct live_mark {
    int64_t at_ms; /* 0 = none yet */
    uint64_t done, waited_ms;
};

struct live {
    int64_t at_ms;            /* of the last look; 0 = none yet */
    uint64_t done;            /* at the last look */
    double rate;              /* rows a second, of late */
    struct live_mark mark[2]; /* the second is a window or less old, the first a window older than it, or the start */
};

struct live_input {
    const struct rows *rows;
    const struct tally *tally;
    const struct client *client;
    int64_t next_send_ms; /* when the pace lets the next request go; INT64_MAX = nothing to send, or no room */
    int64_t settle_ms;    /* when the next list is due; INT64_MAX = none */
    bool is_settling;
    bool is_undo; /* rows are archived rather than created */
};

/* Shows progress on the client's console, if it is due at `now_ms`. */
void live_show(struct live *live, const struct live_input *input, int64_t now_ms);

#endif
