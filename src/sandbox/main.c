/*
 * connload-sandbox: a local emulator of the connectors API, with faults to order.
 *
 * The modules, each seeing only those below it:
 *
 *   main        the life of the program
 *   options     the command line
 *   server      HTTP on a loopback address: one thread, one loop; the home of libmicrohttpd
 *   api         what each request is answered: key, rate, counting, log
 *   connectors  the calls of the API, and the faults they suffer
 *   control     the sandbox's own paths: stats, dump, faults and rate at run time, reset
 *   world       all that the sandbox knows, and its settings
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
 *   limit       rate limits: rolling window, fixed window, token bucket
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
#include "sandbox/options.h"
#include "sandbox/payload.h"
#include "sandbox/server.h"
#include "sandbox/world.h"

#include <stdio.h>
#include <string.h>

enum {
    HELP_MAX = 64 * 1024,
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

static void announce(const struct options *options, const struct server *server)
{
    char host[SERVER_HOST_TEXT];

    printf("listening on http://%s:%u\n", server_host(host, &options->server), (unsigned int)server_port(server));
    fflush(stdout);
}

static bool serve(struct world *world, const struct options *options, struct err *err)
{
    struct server *server = NULL;
    bool served = false;

    if (options->log_path != NULL && (world->log = log_open(options->log_path, err)) == NULL)
        return false;
    world_prefill(world, options->prefill);
    world_prefill_others(world, options->others);
    server = server_new(world, &options->server, err);
    if (server != NULL) {
        announce(options, server);
        served = server_run(server, err);
    }
    server_free(server);
    return log_close(world->log, err) && served;
}

static enum exit_code run(const struct options *options, struct err *err)
{
    struct world world;
    bool fine;

    world_init(&world, &options->world);
    fine = order_faults(&world, options, err) && serve(&world, options, err);
    world_release(&world);
    return fine ? EXIT_ALL_DONE : say_error(err);
}

int main(int argc, char *argv[])
{
    struct options options;
    struct err err = {0};
    enum exit_code code;

    if (!options_read(&options, argc, argv, &err))
        code = say_error(&err);
    else if (options.help)
        code = print_help();
    else if (options.version)
        code = print_version();
    else
        code = run(&options, &err);
    options_release(&options);
    return (int)code;
}
