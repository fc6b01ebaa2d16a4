/*
 * session: what every command is set up with, once: key, URL, client, and what is told of the run at its end.
 */
#ifndef COMMAND_SESSION_H
#define COMMAND_SESSION_H

#include "api/client.h"
#include "api/tally.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/exit.h"
#include "io/console.h"
#include "report/reporting.h"
#include "report/run_info.h"

#include <stdbool.h>
#include <stdint.h>

struct session_config {
    const char *command; /* "create", "list" …: of run_info.h, as input and repeat are */
    const char *input;   /* NULL = none */
    const char *repeat;
    struct client_config client; /* without the API key; `check` needs none */
    const char *api_key_file;    /* NULL = BIGDATA_API_KEY */
    struct reporting_config reporting;
    bool dry_run;
};

struct session {
    const struct session_config *config;
    struct console *console;
    struct reporting reporting;
    struct tally tally;
    struct run_info info;
    struct client client; /* its config has the key */
    struct buf key;
    bool connected; /* there is a client */
};

/* Borrows config and console. Nothing can fail yet; session_release() is due from here on. */
void session_init(struct session *session, const struct session_config *config, struct console *console);
void session_release(struct session *session);

/* Opens the log, and sees that summary, metrics and report can be written. */
bool session_open(struct session *session, struct err *err);

/*
 * Reads the key, checks the URL and makes the client, after session_open(); nothing is sent. `key_optional`: without
 * any key all is well, as long as nothing is sent (session->key stays empty then).
 */
bool session_connect(struct session *session, bool key_optional, struct err *err);

/* Waits for `wait_ms`, or until the run is stopped; a wait that is worth it is said: `connload: waiting 5 s, WHY`. */
void session_wait(struct session *session, int64_t wait_ms, const char *why);

/* Why the run stopped early, and what the client counted: for what is told of it. */
void session_note_end(struct session *session);

/* Tells of a run that has ended with `code`: session_note_end(), summary and files. The exit code of the program. */
enum exit_code session_end(struct session *session, enum exit_code code);

/* Tells of a run that could not begin, or has no results: reporting_fail(). */
enum exit_code session_fail(struct session *session, const struct err *err);

#endif
