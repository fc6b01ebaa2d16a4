/*
 * courier: sends requests when the pace allows it and brings the answers: net/pace and net/http put together, with
 * what every command shares: which slots are taken, when the run has to stop, what the server's clock says.
 */
#ifndef API_COURIER_H
#define API_COURIER_H

#include "api/hush.h"
#include "api/stop.h"
#include "api/tally.h"
#include "base/err.h"
#include "io/console.h"
#include "io/log.h"
#include "net/http.h"
#include "net/outage.h"
#include "net/pace.h"
#include "net/retry.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    COURIER_MUTE_MOST_MS = 100 * 1000, /* longer than a limit by the minute refuses everything */
    COURIER_TROUBLE = 300,             /* bytes of a sentence */
    COURIER_AWAY = 80,                 /* likewise */
};

struct courier_config {
    struct http_config http;
    struct rate rates[RATES_MAX]; /* the limits that were named; the first with a count of 0 ends them */
    struct retry_config retry;
    int64_t deadline_ms;   /* for the whole run; 0 = none */
    int64_t max_outage_ms; /* how long a service that is away is waited for */
    int64_t grace_ms;      /* after a stop, for what is in flight */
};

struct courier {
    struct courier_config config;
    struct http *http;
    struct pace *pace;
    struct tally *tally;
    struct console *console;
    struct log *log;
    struct hush hush; /* what must not come back through an answer */
    struct outage outage;
    char trouble[COURIER_TROUBLE]; /* of the last request that found no service */
    uint64_t random;               /* state of the jitter's generator */
    int64_t started_ms, started_wall_ms;
    enum stop_reason stop;
    int64_t stopped_ms;      /* when `stop` was set */
    int64_t clock_offset_ms; /* the server's clock less ours at the least; valid where has_clock */
    int64_t clock_most_ms;   /* and at the most */
    bool has_clock;
    bool listed;           /* a list was answered */
    bool heard;            /* a row's request was answered otherwise than by a 429 without a Retry-After */
    int64_t mute_since_ms; /* the first such 429; 0 = none */
    struct err err;        /* of every stop but STOP_NONE: the sentence */
};

/* Borrows tally, console and log. */
bool courier_init(struct courier *courier, const struct courier_config *config, struct tally *tally,
                  struct console *console, struct log *log, struct err *err);
void courier_release(struct courier *courier);

/* From now on signals stop the run in order instead of ending the process: to be called before the first request. */
void courier_listen(struct courier *courier);

/* The longest window of the limits that were named; a minute where there is none. */
int64_t courier_window_ms(const struct courier_config *config);

/*
 * When the next request may be sent: now or earlier = at once; INT64_MAX = only after an answer, or while the service
 * is away: see courier_probe().
 */
int64_t courier_next_send(const struct courier *courier, int64_t now_ms);

/* What may be sent now while the service is away (net/outage.h); and when a list may be sent, whether it is or not. */
enum outage_probe courier_probe(const struct courier *courier, int64_t now_ms);
int64_t courier_next_list(const struct courier *courier, int64_t now_ms);

/* Sends; needs courier_next_send() <= now_ms, or courier_probe() to say so. */
void courier_send(struct courier *courier, enum request_kind kind, const struct http_request *request, int64_t now_ms);

/* The next ended request, with pace and tally told. */
bool courier_take(struct courier *courier, struct http_answer *answer);

/*
 * What an answer says about the service, to be called once for each: `row` is the row, or OUTAGE_LIST. True: the
 * attempt is not the row's; of an outage that has begun with it (`*begun`) nor are those of courier->outage.failed.
 * Stops the run where nothing was ever accepted, and all attempts to reach the service are used up (STOP_UNREACHABLE).
 */
bool courier_tell(struct courier *courier, const struct http_answer *answer, uint64_t row, enum outage_sign sign,
                  bool *begun);

/* For the live line, where the service is away: why nothing is sent, and how long nothing will be. */
const char *courier_explain_away(const struct courier *courier, int64_t now_ms, char text[COURIER_AWAY],
                                 int64_t *wait_ms);

/* A list was answered, and there is no row to be tried: the service is back. */
void courier_end_outage(struct courier *courier);

/*
 * Whether the answer is a reason to stop at once in a run that has reached the service never yet: a name that is not
 * found, TLS that fails, and what another attempt can't help.
 */
bool courier_is_hopeless(const struct courier *courier, const struct http_answer *answer);

/* Stops the run after a 401, or a 403 that speaks for all rows; `said`: what the server said, as a sentence. */
void courier_refuse(struct courier *courier, struct span body, const char *said);

/*
 * Of each answer to a row's request, not to a list: stops the run (STOP_LONG_WAIT) where nothing but 429s that name no
 * time have come since its start, for COURIER_MUTE_MOST_MS. A row's attempts would not end that soon: one request at a
 * time finds out whether the refusals are over, whatever the number of rows.
 */
void courier_heed(struct courier *courier, const struct http_answer *answer);

/* What the tally has of the pace and of outages, at the end of the run. */
void courier_add_figures(const struct courier *courier);

/* Waits until `until_ms` (monotonic) at most, or until something happens. Sees signals and the deadline. */
void courier_wait(struct courier *courier, int64_t until_ms);

/* Sees signals and the deadline, as courier_wait() does: for work that takes long without a wait. */
void courier_see_stops(struct courier *courier);

/* Asks for a stop; the first reason stays. `format` gives the sentence for people. */
void courier_stop(struct courier *courier, enum stop_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As courier_stop() with STOP_LOCAL and err's sentence. */
void courier_fault(struct courier *courier, const struct err *err);

/*
 * Whether a stop was asked for; and whether the grace is over, a second signal came, or it is local trouble: give up
 * what is in flight.
 */
bool courier_stopping(const struct courier *courier);
bool courier_must_abort(const struct courier *courier, int64_t now_ms);

/* The wait before attempt number `attempts` + 1, after `attempts` have been made. */
int64_t courier_backoff(struct courier *courier, uint32_t attempts);

/* Our wall clock's milliseconds as the server's clock counts them. */
int64_t courier_server_time(const struct courier *courier, int64_t wall_ms);

#endif
