/*
 * history_file: the file in which a key's history (api/history.h) is kept between runs, and the other runs' share of
 * the key while this one lasts.
 *
 * `connload/` under STATE_DIRECTORY (the first of them), else XDG_STATE_HOME, else ~/.local/state; one file for each
 * base URL and key, named by their SHA-256. Each run holds a shared lock on it and appends what it has sent; what
 * others append meanwhile is told to the pace. Whoever has it alone may make it shorter. Nothing is synced: after a
 * power cut the windows are over.
 */
#ifndef API_HISTORY_FILE_H
#define API_HISTORY_FILE_H

#include "base/err.h"
#include "net/pace.h"

#include <stdbool.h>
#include <stdint.h>

struct history_file {
    int fd;             /* -1: nothing is remembered */
    uint32_t run;       /* tells this run's lines from others' */
    int64_t keep_ms;    /* older lines are of no use */
    int64_t seen;       /* bytes of the file that are known */
    uint32_t sent;      /* requests that the file does not have yet: sent, */
    uint32_t answered;  /* and over */
    uint32_t in_flight; /* sent, and not over */
    int64_t synced_ms;  /* monotonic */
    bool at_once;       /* a limit is named: what was sent is written at once, so that a killed run counts whole */
    struct rate found;  /* as the file has it */
    int64_t found_ms;   /* when it was written, monotonic */
};

/* Nothing is remembered. */
void history_file_init(struct history_file *file);

/*
 * Opens and reads the file. `*found`: what was found of the limit within a day. False: without it, and why.
 * history_file_recall() tells the pace the rest, and is due next.
 */
bool history_file_open(struct history_file *file, const char *base_url, const char *key, int64_t window_ms,
                       struct rate *found, struct err *err);
void history_file_recall(struct history_file *file, struct pace *pace, int64_t mono_ms);

/* A request was sent; one is over. */
void history_file_sent(struct history_file *file);
void history_file_answered(struct history_file *file);

/* When history_file_sync() has something to write; INT64_MAX: nothing. */
int64_t history_file_due(const struct history_file *file);

/* Writes and reads, some times a second at most. False: nothing is remembered from here on, and why. */
bool history_file_sync(struct history_file *file, struct pace *pace, int64_t mono_ms, struct err *err);

/* Writes the rest, and closes. `pace` may be NULL where nothing was sent. */
void history_file_close(struct history_file *file, struct pace *pace, int64_t mono_ms);

#endif
