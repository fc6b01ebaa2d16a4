#include "command/session.h"

#include "base/clock.h"
#include "io/source.h"
#include "sheet/secrets.h"

#include <inttypes.h>
#include <string.h>

enum { WORTH_SAYING_MS = 1000 }; /* a wait */

void session_init(struct session *session, const struct session_config *config, struct console *console)
{
    const char *input = config->input;

    *session = (struct session){
        .config = config,
        .console = console,
        .reporting = {.config = config->reporting},
    };
    tally_init(&session->tally, clock_wall_ms(), clock_mono_ms());
    session->info = (struct run_info){
        .command = config->command,
        .input = input != NULL && source_is_stream(input) ? "-" : input,
        .repeat = config->repeat,
        .base_url = config->client.http.base_url,
        .concurrency = config->client.http.concurrency,
        .dry_run = config->dry_run,
    };
    memcpy(session->info.rates, config->client.rates, sizeof(session->info.rates));
}

void session_release(struct session *session)
{
    if (session->connected)
        client_release(&session->client);
    buf_wipe(&session->key);
    reporting_close(&session->reporting);
}

bool session_open(struct session *session, struct err *err)
{
    return reporting_open(&session->reporting, &session->config->reporting, &session->info, err);
}

bool session_connect(struct session *session, bool key_optional, struct err *err)
{
    const struct session_config *config = session->config;
    bool needs_key = !key_optional || secrets_names_key(config->api_key_file);
    bool has_key = secrets_api_key(config->api_key_file, &session->key, err);
    struct client_config client = config->client;

    if (needs_key && !has_key)
        return false;
    client.remembers = client.remembers && has_key;
    client.http.api_key = has_key ? session->key.data : "none";
    session->connected =
        http_check_url(config->client.http.base_url, err) &&
        client_init(&session->client, &client, &session->tally, session->console, session->reporting.log, err);
    return session->connected;
}

void session_wait(struct session *session, int64_t wait_ms, const char *why)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;

    if (wait_ms >= WORTH_SAYING_MS)
        console_note(session->console, "connload: waiting %" PRId64 " s, %s", (wait_ms + 999) / 1000, why);
    while (!client_stopping(&session->client) && clock_mono_ms() < until_ms)
        client_wait(&session->client, until_ms);
}

void session_note_end(struct session *session)
{
    const struct client *client = &session->client;

    if (!session->connected)
        return;
    session->info.stop = client->stop;
    session->info.stop_text = client->stop != STOP_NONE ? client->err.text : NULL;
    client_add_figures(client);
}

enum exit_code session_end(struct session *session, enum exit_code code)
{
    session_note_end(session);
    session->info.exit_code = code;
    return reporting_end(&session->reporting, &session->info, &session->tally, session->console);
}

enum exit_code session_fail(struct session *session, const struct err *err)
{
    return reporting_fail(&session->reporting, &session->info, &session->tally, session->console, err);
}
