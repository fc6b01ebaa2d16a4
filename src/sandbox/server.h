/*
 * server: HTTP/1.1 on an address of this machine, one thread. The one home of libmicrohttpd in the sandbox.
 *
 * libmicrohttpd runs in its external epoll mode, driven from a loop of ours that also has a timer for answers that
 * are held back and watches for clients that go away while they hang. That mode never waits inside the library: its
 * own epoll thread (0.9.75) waits for ever after a round of exactly 128 events, which loses 128 or 256 connections.
 */
#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include "base/err.h"
#include "sandbox/world.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct server;

enum { SERVER_HOST_TEXT = 64 }; /* bytes that server_host() needs at most */

struct server_config {
    struct sockaddr_storage address; /* port 0: any free one */
    socklen_t address_len;
    int64_t slow_ms; /* how long the body of a slow answer takes in all */
};

/* A signal that the server took. */
struct server_signal {
    int number;
    bool from_terminal; /* every process of the foreground got it */
};

/* Listens, and blocks SIGINT, SIGTERM and SIGCHLD, which server_run() takes; NULL, with a sentence, where it can't. */
struct server *server_new(struct world *world, const struct server_config *config, struct err *err);

/* Breaks off what is in progress and closes every connection. Takes NULL. */
void server_free(struct server *server);

/* The port that it listens on. */
uint16_t server_port(const struct server *server);

/* Serves until one of the signals, which it sets; false, with a sentence, where the loop itself fails. */
bool server_run(struct server *server, struct server_signal *signal, struct err *err);

/* The host as a URL has it, `127.0.0.1` or `[::1]`. `text` holds SERVER_HOST_TEXT bytes; returns it. */
char *server_host(char text[SERVER_HOST_TEXT], const struct server_config *config);

/* The same, as this machine reaches it: 0.0.0.0 and [::] are every address, its own among them. */
char *server_local_host(char text[SERVER_HOST_TEXT], const struct server_config *config);

/* Whether other machines can reach the address. */
bool server_is_exposed(const struct server_config *config);

/* The version of libmicrohttpd, valid for ever. */
const char *server_library_version(void);

#endif
