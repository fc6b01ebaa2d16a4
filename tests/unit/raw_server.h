/*
 * raw_server: a TCP server on loopback for tests, which says exactly the bytes that a test wants, a thread for each
 * connection. It reads whole HTTP requests, keeps them, and counts.
 */
#ifndef RAW_SERVER_H
#define RAW_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RAW_PEERS = 64, RAW_REQUEST_MAX = 1 << 17 };

struct raw_server;

/* One connection. Its function is called once, and the connection is closed when it returns. */
struct raw_peer {
    struct raw_server *server;
    pthread_t thread;
    int fd;
    char buffer[RAW_REQUEST_MAX];
    size_t len;
    char request[RAW_REQUEST_MAX]; /* the last whole one, NUL-terminated; stands until the next is there */
    unsigned requests;             /* read on this connection */
};

typedef void raw_serve(struct raw_peer *peer);

struct raw_server {
    int fd;
    int port;
    raw_serve *serve;
    const char *script; /* for the function's use */
    size_t script_len;
    void (*notify)(void *context); /* called after each request was read, NULL = not */
    void *notify_context;
    pthread_t thread;
    atomic_uint connections, requests, answers; /* the last for the function's use */
    struct raw_peer *peers[RAW_PEERS];
};

static void *raw_peer_main(void *context)
{
    struct raw_peer *peer = context;

    peer->server->serve(peer);
    shutdown(peer->fd, SHUT_RDWR);
    return NULL;
}

static void *raw_server_main(void *context)
{
    struct raw_server *server = context;
    int fd;

    while (server->connections < RAW_PEERS) {
        struct raw_peer *peer;

        fd = accept(server->fd, NULL, NULL);
        if (fd < 0 && errno == EMFILE) { /* a test lets no more files be opened, for a while */
            sched_yield();
            continue;
        }
        if (fd < 0)
            break;
        peer = calloc(1, sizeof(*peer));
        peer->server = server;
        peer->fd = fd;
        server->peers[server->connections++] = peer;
        pthread_create(&peer->thread, NULL, raw_peer_main, peer);
    }
    return NULL;
}

static int raw_listen(int backlog, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, backlog) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        abort();
    *port = ntohs(address.sin_port);
    return fd;
}

static void raw_start(struct raw_server *server, raw_serve *serve)
{
    server->serve = serve;
    server->fd = raw_listen(RAW_PEERS, &server->port);
    pthread_create(&server->thread, NULL, raw_server_main, server);
}

static void raw_stop(struct raw_server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    for (unsigned i = 0; i < server->connections; i++) {
        shutdown(server->peers[i]->fd, SHUT_RDWR);
        pthread_join(server->peers[i]->thread, NULL);
        close(server->peers[i]->fd);
        free(server->peers[i]);
    }
}

/* The bytes so far make a whole request. */
static bool raw_is_whole(const struct raw_peer *peer)
{
    const char *end = strstr(peer->buffer, "\r\n\r\n"), *length = strstr(peer->buffer, "Content-Length: ");
    size_t whole;

    if (end == NULL)
        return false;
    whole = (size_t)(end - peer->buffer) + 4;
    if (length != NULL && length < end)
        whole += strtoul(length + strlen("Content-Length: "), NULL, 10);
    return peer->len >= whole;
}

/* Reads the next request whole; false where the client has closed. */
static bool raw_read(struct raw_peer *peer)
{
    memset(peer->buffer, 0, peer->len);
    peer->len = 0;
    while (!raw_is_whole(peer)) {
        ssize_t got = recv(peer->fd, peer->buffer + peer->len, sizeof(peer->buffer) - 1 - peer->len, 0);

        if (got <= 0)
            return false;
        peer->len += (size_t)got;
    }
    memcpy(peer->request, peer->buffer, peer->len + 1);
    peer->requests++;
    peer->server->requests++;
    if (peer->server->notify != NULL)
        peer->server->notify(peer->server->notify_context);
    return true;
}

/* Waits until the client closes. */
static void raw_hold(struct raw_peer *peer)
{
    char byte;

    while (recv(peer->fd, &byte, 1, 0) > 0)
        ;
}

static bool raw_send_bytes(struct raw_peer *peer, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = send(peer->fd, bytes, len, MSG_NOSIGNAL);

        if (put <= 0)
            return false;
        bytes += put;
        len -= (size_t)put;
    }
    return true;
}

static bool raw_send(struct raw_peer *peer, const char *text)
{
    return raw_send_bytes(peer, text, strlen(text));
}

#endif
