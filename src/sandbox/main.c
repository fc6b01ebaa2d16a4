/*
 * connload-sandbox: a local emulator of the connectors API, with faults to order.
 *
 * The modules, each seeing only those below it:
 *
 *   main        the life of the program
 *   options     the command line
 *   completion  what shells complete of it
 *   command     the command that it runs
 *   server      HTTP on an address of this machine: one thread, one loop; the home of libmicrohttpd
 *   api         what each request is answered: key, rate, counting, log
 *   connectors  the calls of the API, and the faults they suffer
 *   control     the sandbox's own paths: stats, dump, faults and rate at run time, reset
 *   world       all that the sandbox knows, and its settings
 *   load        the connectors of a result file; the home of libcsv
 *   requests    the latest requests, masked
 *   log         a JSON line for each request
 *   answer      an answer, and the API's error shapes
 *   stream      lists of any length, piece by piece
 *   render      a connector as JSON
 *   account     who a key belongs to, and its limit
 *   late        creates that take effect after their answer
 *   store       the connectors
 *   payload     what a body says and what is wrong with it; the home of cJSON
 *   kept        how a label is kept
 *   faults      which there are, which are ordered, which request suffers one
 *   limits      several rate limits at once
 *   limit       a rate limit: rolling window, fixed window, token bucket
 *   window      how many in a rolling window
 *   stats       what was counted
 *   call        a request as it arrived
 *   jsontext    JSON as text
 *   hashset, rng, clocks
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "base/version.h"
#include "sandbox/command.h"
#include "sandbox/completion.h"
#include "sandbox/load.h"
#include "sandbox/options.h"
#include "sandbox/payload.h"
#include "sandbox/server.h"
#include "sandbox/world.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    HELP_MAX = 64 * 1024,
    URL_TEXT = SERVER_HOST_TEXT + 16,
    SHOWN_MAX = 32 * 1024, /* bytes of an error's sentence, control characters written out */
};

/* What stands on the command line may hold a terminal's escapes. */
static enum exit_code say_error(const struct err *err)
{
    struct buf shown;

    buf_init(&shown, SHOWN_MAX);
    text_show(&shown, span_of(err->text), sizeof(err->text));
    fprintf(stderr, "connload-sandbox: %s\n", buf_view(&shown).data);
    buf_release(&shown);
    return err->code;
}

/* Standard output that can't be written (a closed pipe, a full disk) is an error, not silence. */
static enum exit_code finish_output(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_ALL_DONE : EXIT_LOCAL;
}

static enum exit_code print_help(void)
{
    struct buf help;

    buf_init(&help, HELP_MAX);
    options_help(&help);
    fputs(help.data, stdout);
    buf_release(&help);
    return finish_output();
}

static enum exit_code print_completion(const char *shell, struct err *err)
{
    struct buf script;
    bool written;

    buf_init(&script, HELP_MAX);
    written = completion_write(&script, shell, err);
    fputs(written ? script.data : "", stdout);
    buf_release(&script);
    return written ? finish_output() : say_error(err);
}

static enum exit_code print_version(void)
{
    printf("connload-sandbox %s (libmicrohttpd %s, cJSON %s)\n", CONNLOAD_VERSION, server_library_version(),
           payload_library_version());
    return finish_output();
}

static bool order_faults(struct world *world, const struct options *options, struct err *err)
{
    world->faults.first_only = options->fault_first;
    for (size_t i = 0; i < options->fault_count; i++)
        if (!faults_order(&world->faults, options->faults[i].name, options->faults[i].amount, err))
            return false;
    return true;
}

static bool announce(const char *url, struct err *err)
{
    printf("listening on %s\n", url);
    return finish_output() == EXIT_ALL_DONE || err_system(err, "standard output can't be written");
}

/* `http://HOST:PORT`. */
static void format_url(char url[URL_TEXT], const char *host, const struct server *server)
{
    snprintf(url, URL_TEXT, "http://%s:%u", host, (unsigned int)server_port(server));
}

/* Until SIGINT or SIGTERM. */
static int serve_alone(struct server *server, const struct options *options, struct err *err)
{
    char host[SERVER_HOST_TEXT], url[URL_TEXT];
    struct server_signal taken;

    format_url(url, server_host(host, &options->server), server);
    if (!announce(url, err))
        return (int)say_error(err);
    do {
        if (!server_run(server, &taken, err))
            return (int)say_error(err);
    } while (taken.number == SIGCHLD);
    return EXIT_ALL_DONE;
}

/* Until the command ends. */
static int serve_command(struct server *server, const struct options *options, struct err *err)
{
    char host[SERVER_HOST_TEXT], url[URL_TEXT];
    struct server_signal taken;
    struct command command;

    format_url(url, server_local_host(host, &options->server), server);
    if (!command_start(&command, options->command, url, options->world.keys[0], err)) {
        say_error(err);
        return command.code;
    }
    do {
        if (!server_run(server, &taken, err))
            return (int)say_error(err);
        command_signal(&command, &taken);
    } while (!command_ended(&command));
    return command.code;
}

static int serve(struct world *world, const struct options *options, struct err *err)
{
    struct server *server = server_new(world, &options->server, err);
    int code;

    if (server == NULL)
        return (int)say_error(err);
    if (server_is_exposed(&options->server))
        fprintf(stderr, "connload-sandbox: other machines can reach this sandbox\n");
    code = options->command != NULL ? serve_command(server, options, err) : serve_alone(server, options, err);
    server_free(server);
    return code;
}

static int run(const struct options *options, struct err *err)
{
    struct world world;
    int code;

    world_init(&world, &options->world);
    if (order_faults(&world, options, err) &&
        (options->load_path == NULL || load_results(&world, options->load_path, err)) &&
        (options->log_path == NULL || (world.log = log_open(options->log_path, err)) != NULL)) {
        world_prefill(&world, (size_t)options->prefill);
        world_prefill_others(&world, (size_t)options->others);
        code = serve(&world, options, err);
        if (!log_close(world.log, err))
            code = (int)say_error(err);
    } else {
        code = (int)say_error(err);
    }
    world_release(&world);
    return code;
}

int main(int argc, char *argv[])
{
    struct options options;
    struct err err = {0};
    int code;

    if (!options_read(&options, argc, argv, &err))
        code = (int)say_error(&err);
    else if (options.help)
        code = (int)print_help();
    else if (options.completion != NULL)
        code = (int)print_completion(options.completion, &err);
    else if (options.version)
        code = (int)print_version();
    else
        code = run(&options, &err);
    options_release(&options);
    return code;
}
