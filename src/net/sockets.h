/*
 * sockets: the sockets of connections, found by their port on this side. That port is what libcurl tells before it
 * sends; on which descriptor it will send, it does not (7.88: CURLINFO_ACTIVESOCKET is the handle's last connection).
 */
#ifndef NET_SOCKETS_H
#define NET_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* All zero = none open. */
struct sockets {
    struct socket_entry *entries;
    size_t count, room;
};

/* As socket(), and closed in programs that are started: -1 with errno set. */
int sockets_open(struct sockets *sockets, int family, int type, int protocol);

/* The port of an address of IPv4 or IPv6, else 0. */
int sockets_port(const struct sockaddr *address);

/* As close(), of one that sockets_open() gave. */
int sockets_close(struct sockets *sockets, int fd);

/*
 * Whether the connected socket of that local port has something to read: a byte, the end, an error. Reads none of it.
 * Where several have the port (a host with several addresses), whether any of them has; where none, false.
 */
bool sockets_have_input(struct sockets *sockets, int local_port);

/* Forgets all; closes none. */
void sockets_release(struct sockets *sockets);

#endif
