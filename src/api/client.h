/*
 * client: sends requests when the pace allows it and brings the answers: net/pace and net/http put together, with
 * what every command shares: which slots are taken, when the run has to stop, what the server's clock says.
 */
#ifndef API_CLIENT_H
#define API_CLIENT_H

#include "api/history_file.h"
#include "api/redactor.h"
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
    CLIENT_TROUBLE = 300, /* bytes of a sentence */
    CLIENT_AWAY = 80,     /* likewise */
};

struct client_config {
    struct http_config http;
    struct rate rates[RATES_MAX]; /* the limits that were named; the first with a count of 0 ends them */
    struct retry_config retry;
    int64_t deadline_ms;   /* for the whole run; 0 = none */
    int64_t max_outage_ms; /* how long a service that is away is waited for */
    int64_t grace_ms;      /* after a stop, for what is in flight */
    bool remembers;        /* what the key has used of its windows, between runs (api/history_file.h) */
};

struct client {
    struct client_config config;
    struct http *http;
    struct pace *pace;
    struct history_file history;
    struct tally *tally;
    struct console *console;
    struct log *log;
    struct redactor redactor; /* what must not come back through an answer */
    struct outage outage;
    char transport_error[CLIENT_TROUBLE]; /* of the last request that found no service */
    uint64_t random;                      /* state of the jitter's generator */
    int64_t started_ms, started_wall_ms;
    enum stop_reason stop;
    int64_t stopped_ms;      /* when `stop` was set */
    int64_t clock_offset_ms; /* the server's clock less ours at the least; valid where has_clock */
    int64_t clock_most_ms;   /* and at the most */
    bool has_clock;
    bool listed;               /* a list was answered */
    int64_t refusing_since_ms; /* the first of the 429s that rows are answered without an exception; 0 = none */
    struct err err;            /* of every stop but STOP_NONE: the sentence */
};

/* Borrows tally, console and log. */
bool client_init(struct client *client, const struct client_config *config, struct tally *tally,
                 struct console *console, struct log *log, struct err *err);
void client_release(struct client *client);

/* From now on signals stop the run in order instead of ending the process: to be called before the first request. */
void client_listen(struct client *client);

/* The longest window of the limits that were named; a minute where there is none. */
int64_t client_window_ms(const struct client_config *config);

/*
 * When the next request may be sent: now or earlier = at once; INT64_MAX = only after an answer, or while the service
 * is away: see client_probe().
 */
int64_t client_next_send(const struct client *client, int64_t now_ms);

/* What may be sent now while the service is away (net/outage.h); and when a list may be sent, whether it is or not. */
enum outage_probe client_probe(const struct client *client, int64_t now_ms);
int64_t client_next_list(const struct client *client, int64_t now_ms);

/* Sends; needs client_next_send() <= now_ms, or client_probe() to say so. */
void client_send(struct client *client, enum request_kind kind, const struct http_request *request, int64_t now_ms);

/* The next ended request, with pace and tally told. */
bool client_take(struct client *client, struct http_answer *answer);

/*
 * What an answer says about the service, to be called once for each: `row` is the row, or OUTAGE_LIST. True: the
 * attempt is not the row's; of an outage that has begun with it (`*begun`) nor are those of client->outage.failed.
 * Stops the run where nothing was ever accepted, and all attempts to reach the service are used up (STOP_UNREACHABLE).
 */
bool client_tell(struct client *client, const struct http_answer *answer, uint64_t row, enum outage_sign sign,
                 bool *begun);

/* For the live line, where the service is away: why nothing is sent, and how long nothing will be. */
const char *client_explain_away(const struct client *client, int64_t now_ms, char text[CLIENT_AWAY], int64_t *wait_ms);

/* A list was answered, and there is no row to be tried: the service is back. */
void client_end_outage(struct client *client);

/*
 * Whether the answer is a reason to stop at once in a run that has reached the service never yet: a name that is not
 * found, TLS that fails, and what another attempt can't help.
 */
bool client_is_hopeless(const struct client *client, const struct http_answer *answer);

/* Stops the run after a 401, or a 403 that speaks for all rows; `said`: what the server said, as a sentence. */
void client_refuse(struct client *client, struct span body, const char *said);

/*
 * Of each answer to a row's request, not to a list: stops the run (STOP_LONG_WAIT) where nothing but 429s have come for
 * longer than --max-outage, whatever they ask for. A row's attempts would not end that soon: one request at a time
 * finds out whether the refusals are over, whatever the number of rows.
 */
void client_heed(struct client *client, const struct http_answer *answer);

/* What the tally has of the pace and of outages, at the end of the run. */
void client_add_figures(const struct client *client);

/* Waits until `until_ms` (monotonic) at most, or until something happens. Sees signals and the deadline. */
void client_wait(struct client *client, int64_t until_ms);

/* Sees signals and the deadline, as client_wait() does: for work that takes long without a wait. */
void client_see_stops(struct client *client);

/* Asks for a stop; the first reason stays. `format` gives the sentence for people. */
void client_stop(struct client *client, enum stop_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As client_stop() with STOP_LOCAL and err's sentence. */
void client_fault(struct client *client, const struct err *err);

/*
 * Whether a stop was asked for; and whether the grace is over, a second signal came, or it is local trouble: give up
 * what is in flight.
 */
bool client_stopping(const struct client *client);
bool client_must_abort(const struct client *client, int64_t now_ms);

/* Gives up what is in flight; nobody hears of its answers. */
void client_give_up(struct client *client);

/* The wait before attempt number `attempts` + 1, after `attempts` have been made. */
int64_t client_backoff(struct client *client, uint32_t attempts);

/* Our wall clock's milliseconds as the server's clock counts them. */
int64_t client_server_time(const struct client *client, int64_t wall_ms);

#endif
