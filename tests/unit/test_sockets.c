#include "net/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAIRS = 70 }; /* more than there is room for at first */

struct pair {
    int ours, theirs, port;
};

static int listen_at(int family, int *port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool is_v4 = family == AF_INET;
    socklen_t size = is_v4 ? sizeof(v4) : sizeof(v6);
    struct sockaddr *address = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    int fd = socket(family, SOCK_STREAM, 0);

    *port = 0;
    if (fd < 0)
        return -1;
    if (bind(fd, address, size) != 0) { /* a machine without IPv6 */
        close(fd);
        return -1;
    }
    assert_int_equal(listen(fd, PAIRS), 0);
    assert_int_equal(getsockname(fd, address, &size), 0);
    *port = ntohs(is_v4 ? v4.sin_port : v6.sin6_port);
    return fd;
}

static int connect_to(struct sockets *sockets, int family, int port, int *local_port)
{
    struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool is_v4 = family == AF_INET;
    socklen_t size = is_v4 ? sizeof(v4) : sizeof(v6);
    struct sockaddr *address = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    int fd = sockets_open(sockets, family, SOCK_STREAM, IPPROTO_TCP);

    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(connect(fd, address, size), 0);
    assert_int_equal(getsockname(fd, address, &size), 0);
    *local_port = ntohs(is_v4 ? v4.sin_port : v6.sin6_port);
    return fd;
}

static void make_pair(struct sockets *sockets, int family, int listener, int port, struct pair *pair)
{
    pair->ours = connect_to(sockets, family, port, &pair->port);
    pair->theirs = accept(listener, NULL, NULL);
    assert_true(pair->theirs >= 0);
}

static void test_input_by_port(void **state)
{
    struct sockets sockets = {0};
    struct pair pairs[PAIRS];
    char byte = 'x';
    int port, listener = listen_at(AF_INET, &port);

    (void)state;
    for (int i = 0; i < PAIRS; i++)
        make_pair(&sockets, AF_INET, listener, port, &pairs[i]);
    assert_int_equal(send(pairs[3].theirs, &byte, 1, 0), 1);
    shutdown(pairs[PAIRS - 1].theirs, SHUT_WR);
    for (int round = 0; round < 2; round++) /* it is still there */
        for (int i = 0; i < PAIRS; i++)
            assert_int_equal(sockets_have_input(&sockets, pairs[i].port), i == 3 || i == PAIRS - 1);
    assert_int_equal(recv(pairs[3].ours, &byte, 1, 0), 1);
    assert_false(sockets_have_input(&sockets, pairs[3].port));
    assert_int_equal(sockets_close(&sockets, pairs[PAIRS - 1].ours), 0);
    assert_false(sockets_have_input(&sockets, pairs[PAIRS - 1].port));
    assert_int_equal(send(pairs[PAIRS - 2].theirs, &byte, 1, 0), 1); /* the one that moved into its place */
    assert_true(sockets_have_input(&sockets, pairs[PAIRS - 2].port));
    for (int i = 0; i < PAIRS; i++) {
        if (i < PAIRS - 1)
            sockets_close(&sockets, pairs[i].ours);
        close(pairs[i].theirs);
    }
    close(listener);
    sockets_release(&sockets);
}

static void test_reset_is_input(void **state)
{
    struct linger abort_it = {.l_onoff = 1};
    struct sockets sockets = {0};
    struct pair pair;
    int port, listener = listen_at(AF_INET, &port);

    (void)state;
    make_pair(&sockets, AF_INET, listener, port, &pair);
    setsockopt(pair.theirs, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
    close(pair.theirs);
    assert_true(sockets_have_input(&sockets, pair.port));
    sockets_close(&sockets, pair.ours);
    close(listener);
    sockets_release(&sockets);
}

static void test_ipv6(void **state)
{
    struct sockets sockets = {0};
    struct pair pair;
    int port, listener = listen_at(AF_INET6, &port);

    (void)state;
    if (listener < 0)
        skip();
    make_pair(&sockets, AF_INET6, listener, port, &pair);
    assert_false(sockets_have_input(&sockets, pair.port));
    assert_int_equal(send(pair.theirs, "x", 1, 0), 1);
    assert_true(sockets_have_input(&sockets, pair.port));
    sockets_close(&sockets, pair.ours);
    close(pair.theirs);
    close(listener);
    sockets_release(&sockets);
}

static void test_none_to_be_had(void **state)
{
    struct sockets sockets = {0};
    struct rlimit old, none;

    (void)state;
    assert_false(sockets_have_input(&sockets, 80));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    errno = 0;
    assert_int_equal(sockets_open(&sockets, AF_INET, SOCK_STREAM, IPPROTO_TCP), -1);
    assert_int_equal(errno, EMFILE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(sockets.count, 0);
    sockets_release(&sockets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input_by_port),
        cmocka_unit_test(test_reset_is_input),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_none_to_be_had),
    };

    return cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
}
