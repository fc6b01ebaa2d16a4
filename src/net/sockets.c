#include "net/sockets.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct socket_entry {
    int fd;
    int port; /* 0 = not known yet: it is given when the socket is connected */
};

int sockets_open(struct sockets *sockets, int family, int type, int protocol)
{
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);

    if (fd < 0)
        return -1;
    if (sockets->count == sockets->room) {
        sockets->room = sockets->room > 0 ? 2 * sockets->room : 32;
        sockets->entries = alloc_resize(sockets->entries, sockets->room, sizeof(*sockets->entries));
    }
    sockets->entries[sockets->count++] = (struct socket_entry){.fd = fd};
    return fd;
}

int sockets_close(struct sockets *sockets, int fd)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->entries[i].fd == fd) {
            sockets->entries[i] = sockets->entries[--sockets->count];
            break;
        }
    return close(fd);
}

int sockets_port(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    return address->sa_family == AF_INET ? ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port) : 0;
}

static int local_port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return 0;
    return sockets_port((const struct sockaddr *)&address);
}

static bool has_input(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool sockets_have_input(struct sockets *sockets, int local_port)
{
    for (size_t i = 0; i < sockets->count; i++) {
        struct socket_entry *entry = &sockets->entries[i];

        if (entry->port == 0)
            entry->port = local_port_of(entry->fd);
        if (entry->port == local_port && has_input(entry->fd))
            return true;
    }
    return false;
}

void sockets_release(struct sockets *sockets)
{
    free(sockets->entries);
    *sockets = (struct sockets){0};
}
