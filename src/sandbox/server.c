#include "sandbox/server.h"

#include "base/alloc.h"
#include "base/timers.h"
#include "sandbox/api.h"
#include "sandbox/clocks.h"
#include "sandbox/payload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    CONNECTIONS_MAX = 8192,
    STREAM_BLOCK = 32 * 1024,
    EVENTS = 64,
    SLOW_STEPS = 20,       /* pieces in which a slow answer comes */
    SPARE_DESCRIPTORS = 64 /* kept for files, timers and the like */
};

/* What MHD keeps for a connection. */
struct peer {
    uint64_t number;
    uint64_t requests;
};

struct server {
    struct world *world;
    struct MHD_Daemon *daemon;
    int listener, poller, timer, signals;
    uint16_t port;
    int64_t slow_us;
    uint64_t peers;            /* connections accepted so far, resets notwithstanding */
    struct timers due;         /* in microseconds; the ids are struct request pointers */
    int64_t armed_us;          /* what `timer` is set to; INT64_MAX: nothing */
    struct request *suspended; /* list of all suspended requests */
    bool closing;
};

/* A request from its first line to its last answer byte. */
struct request {
    struct server *server;
    struct MHD_Connection *connection;
    struct peer *peer;
    struct request *next, *previous; /* among the suspended */
    char *uri;
    struct buf body;
    bool too_large, counted, answered, suspended, hanging, gone;
    struct answer answer;
    size_t sent;          /* slow, cut: body bytes handed over */
    int64_t next_step_us; /* slow: when the next piece may go */
};

/* -- suspending: MHD forgets the connection until it is resumed -- */

static void suspend(struct request *request)
{
    struct server *server = request->server;

    request->suspended = true;
    request->previous = NULL;
    request->next = server->suspended;
    if (request->next != NULL)
        request->next->previous = request;
    server->suspended = request;
    MHD_suspend_connection(request->connection);
}

/* A timer's id is its request's address: a suspended request can't go away, and has one timer at most. */
static uint64_t id_of(const struct request *request)
{
    return (uint64_t)(uintptr_t)request;
}

static struct request *request_of(uint64_t id)
{
    uintptr_t address = (uintptr_t)id;
    struct request *request;

    memcpy(&request, &address, sizeof(address));
    return request;
}

static void suspend_until(struct request *request, int64_t due_us)
{
    timers_add(&request->server->due, due_us, id_of(request));
    suspend(request);
}

static int descriptor_of(const struct request *request)
{
    return MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static void resume(struct request *request)
{
    if (request->hanging)
        epoll_ctl(request->server->poller, EPOLL_CTL_DEL, descriptor_of(request), NULL);
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        request->server->suspended = request->next;
    if (request->next != NULL)
        request->next->previous = request->previous;
    request->suspended = false;
    MHD_resume_connection(request->connection);
}

/* Nobody but the client ends this: its going away is an event of ours, as MHD does not look. */
static void hang(struct request *request)
{
    struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = request};

    request->hanging = true;
    epoll_ctl(request->server->poller, EPOLL_CTL_ADD, descriptor_of(request), &event);
    suspend(request);
}

/* -- bodies -- */

static enum stream_result read_buffer(struct request *request, char *bytes, size_t most, size_t *len)
{
    size_t left = request->answer.body.len - request->sent;

    *len = left < most ? left : most;
    memcpy(bytes, request->answer.body.data + request->sent, *len);
    return *len > 0 ? STREAM_MORE : STREAM_END;
}

static enum fault_effect effect_of(const struct request *request)
{
    return request->answer.fault != NULL ? request->answer.fault->effect : EFFECT_NONE;
}

/* How much of a body may go now under a slow or cut answer; 0: none. */
static size_t allowance(const struct request *request, size_t most)
{
    size_t whole = request->answer.stream != NULL ? STREAM_BLOCK : request->answer.body.len;
    size_t step = whole / SLOW_STEPS + 1, half = whole / 2;

    if (effect_of(request) == EFFECT_SLOW)
        return step < most ? step : most;
    if (effect_of(request) == EFFECT_CUT)
        most = request->sent >= half ? 0 : half - request->sent < most ? half - request->sent : most;
    return most;
}

/* MHD asks for the next piece of a body. */
static ssize_t read_body(void *context, uint64_t position, char *bytes, size_t most)
{
    struct request *request = context;
    int64_t now_us = clocks_mono_us();
    enum stream_result result;
    size_t len, allowed = allowance(request, most);

    (void)position;
    if (request->server->closing || allowed == 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (now_us < request->next_step_us) {
        suspend_until(request, request->next_step_us);
        return 0;
    }
    if (request->answer.stream != NULL)
        result = stream_read(request->answer.stream, bytes, allowed, &len);
    else
        result = read_buffer(request, bytes, allowed, &len);
    request->sent += len;
    if (effect_of(request) == EFFECT_SLOW)
        request->next_step_us = now_us + request->server->slow_us / SLOW_STEPS;
    if (result == STREAM_MORE)
        return (ssize_t)len;
    /* A list shorter than half a block is cut before the chunk that ends it. */
    return result == STREAM_END && effect_of(request) != EFFECT_CUT ? MHD_CONTENT_READER_END_OF_STREAM
                                                                    : MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *make_response(struct request *request)
{
    struct answer *answer = &request->answer;
    enum fault_effect effect = effect_of(request);

    if (answer->stream != NULL)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_body, request, NULL);
    if (effect == EFFECT_SLOW || effect == EFFECT_CUT)
        return MHD_create_response_from_callback(answer->body.len, STREAM_BLOCK, read_body, request, NULL);
    /* The body lives in the request, which ends after its response. */
    return MHD_create_response_from_buffer(answer->body.len, answer->body.data != NULL ? answer->body.data : "",
                                           MHD_RESPMEM_PERSISTENT);
}

/* -- one request -- */

static enum MHD_Result send_answer(struct request *request)
{
    struct answer *answer = &request->answer;
    struct MHD_Response *response = make_response(request);
    enum MHD_Result queued;

    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    for (int i = 0; i < answer->header_count; i++)
        MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    queued = MHD_queue_response(request->connection, (unsigned int)answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Carries out what was decided; MHD closes the connection without an answer byte for MHD_NO. */
static enum MHD_Result deliver(struct request *request)
{
    enum fault_effect effect = effect_of(request);

    if (effect == EFFECT_DROP || request->gone || request->server->closing)
        return MHD_NO;
    if (effect != EFFECT_HANG)
        return send_answer(request);
    hang(request);
    return MHD_YES;
}

static const char *header_of(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static const char *query_of(const struct request *request, const char *name)
{
    const char *value = NULL;

    if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, NULL) ==
            MHD_YES &&
        value == NULL)
        return "";
    return value;
}

static void decide(struct request *request, const char *path, const char *method)
{
    struct call call = {
        .method = method,
        .path = path,
        .uri = request->uri,
        .key = header_of(request, "X-API-KEY"),
        .content_type = header_of(request, MHD_HTTP_HEADER_CONTENT_TYPE),
        .force_delete = query_of(request, "force_delete"),
        .body = buf_view(&request->body),
        .too_large = request->too_large,
        .reused = request->peer->requests > 1,
        .connection = request->peer->number,
    };

    request->answered = true;
    api_answer(request->server->world, &call, &request->answer);
}

static void take_body(struct request *request, const char *bytes, size_t len)
{
    size_t room = request->body.max - request->body.len;

    if (len > room) {
        request->too_large = true;
        len = room;
    }
    buf_add(&request->body, bytes, len);
}

static void begin(struct request *request, struct MHD_Connection *connection, const char *path)
{
    request->connection = connection;
    request->peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    request->peer->requests++;
    request->counted = !api_is_control(path);
    if (request->counted)
        stats_begin(&request->server->world->stats);
}

/* MHD calls this with the headers, with each piece of the body, at its end, and after a suspension. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes, size_t *len,
                                  void **request_context)
{
    struct request *request = *request_context;

    (void)context;
    (void)version;
    if (request->connection == NULL) {
        begin(request, connection, path);
        return MHD_YES;
    }
    if (*len > 0) {
        take_body(request, bytes, *len);
        *len = 0;
        return MHD_YES;
    }
    if (!request->answered) {
        decide(request, path, method);
        if (request->answer.delay_us > 0 && !request->server->closing) {
            suspend_until(request, clocks_mono_us() + request->answer.delay_us);
            return MHD_YES;
        }
    }
    return deliver(request);
}

/* The first that MHD says of a request: what it returns is the request's context. */
static void *on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct request *request = alloc_zeroed(1, sizeof(*request));

    (void)connection;
    request->server = context;
    request->uri = alloc_text(uri);
    buf_init(&request->body, PAYLOAD_BODY_MAX);
    answer_init(&request->answer);
    return request;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode why)
{
    struct request *request = *request_context;

    (void)context;
    (void)connection;
    if (request == NULL)
        return;
    if (request->counted)
        stats_end(&request->server->world->stats);
    if (why == MHD_REQUEST_TERMINATED_COMPLETED_OK && effect_of(request) == EFFECT_CLOSE)
        shutdown(descriptor_of(request), SHUT_RDWR);
    buf_wipe(&request->body);
    answer_release(&request->answer);
    free(request->uri);
    free(request);
    *request_context = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **peer_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct server *server = context;
    int on = 1;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        free(*peer_context);
        *peer_context = NULL;
        return;
    }
    *peer_context = alloc_zeroed(1, sizeof(struct peer));
    ((struct peer *)*peer_context)->number = ++server->peers;
    server->world->stats.connections++;
    setsockopt(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd, IPPROTO_TCP,
               TCP_NODELAY, &on, sizeof(on));
}

/* -- the loop -- */

/* What an event is about, where it isn't about a hanging request. */
static char timer_mark, signal_mark, daemon_mark;

static bool watch(struct server *server, int descriptor, void *mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};

    return descriptor >= 0 && epoll_ctl(server->poller, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

static void arm_timer(struct server *server)
{
    int64_t next_us = timers_next(&server->due);
    struct itimerspec when = {0};

    if (next_us == server->armed_us)
        return;
    server->armed_us = next_us;
    if (next_us != INT64_MAX) {
        when.it_value.tv_sec = next_us / 1000000;
        when.it_value.tv_nsec = (long)(next_us % 1000000 * 1000);
    }
    timerfd_settime(server->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void resume_due(struct server *server)
{
    int64_t now_us = clocks_mono_us();
    uint64_t id;

    while (timers_pop(&server->due, now_us, &id))
        resume(request_of(id));
}

static bool take_signal(struct server *server, struct server_signal *taken)
{
    struct signalfd_siginfo info;

    if (read(server->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return false;
    *taken = (struct server_signal){.number = (int)info.ssi_signo, .from_terminal = info.ssi_code == SI_KERNEL};
    return true;
}

/* True where the loop is to end. */
static bool handle_event(struct server *server, const struct epoll_event *event, struct server_signal *taken)
{
    if (event->data.ptr == &signal_mark)
        return take_signal(server, taken);
    if (event->data.ptr == &timer_mark) {
        uint64_t expirations;
        ssize_t ignored = read(server->timer, &expirations, sizeof(expirations));

        (void)ignored;
        server->armed_us = INT64_MAX;
    } else if (event->data.ptr != &daemon_mark) { /* MHD_run() sees to what is MHD's own */
        struct request *request = event->data.ptr;

        request->gone = true;
        resume(request);
    }
    return false;
}

static int wait_ms(struct server *server)
{
    MHD_UNSIGNED_LONG_LONG most;

    if (MHD_get_timeout(server->daemon, &most) != MHD_YES)
        return -1;
    return most > 60000 ? 60000 : (int)most;
}

bool server_run(struct server *server, struct server_signal *taken, struct err *err)
{
    struct epoll_event events[EVENTS];

    for (;;) {
        int count;

        arm_timer(server);
        count = epoll_wait(server->poller, events, EVENTS, wait_ms(server));
        if (count < 0 && errno != EINTR)
            return err_system(err, "the sandbox can't wait for events");
        for (int i = 0; i < count; i++)
            if (handle_event(server, &events[i], taken))
                return true;
        resume_due(server);
        if (MHD_run(server->daemon) != MHD_YES)
            return err_set(err, EXIT_LOCAL, "libmicrohttpd can't go on serving");
    }
}

/* -- beginning and end -- */

/* MHD would stop accepting at the limit without a word. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur =
        limit.rlim_max < CONNECTIONS_MAX + SPARE_DESCRIPTORS ? limit.rlim_max : CONNECTIONS_MAX + SPARE_DESCRIPTORS;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
    struct sockaddr_in6 in6;
    struct sockaddr_in in;

    memcpy(&in6, address, sizeof(in6));
    memcpy(&in, address, sizeof(in));
    return ntohs(address->ss_family == AF_INET6 ? in6.sin6_port : in.sin_port);
}

static bool open_listener(struct server *server, const struct server_config *config, struct err *err)
{
    struct sockaddr_storage bound;
    char host[SERVER_HOST_TEXT];
    socklen_t len = sizeof(bound);
    int on = 1;

    memset(&bound, 0, sizeof(bound));
    server->listener = socket(config->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->listener < 0)
        return err_system(err, "no socket to listen on");
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(server->listener, (const struct sockaddr *)&config->address, config->address_len) != 0 ||
        listen(server->listener, BACKLOG) != 0 || getsockname(server->listener, (struct sockaddr *)&bound, &len) != 0)
        return err_set(err, EXIT_LOCAL,
                       "can't listen on port %u of %s: %s; name another with --listen, or 0 for any free one",
                       (unsigned int)port_of(&config->address), server_host(host, config), strerror(errno));
    server->port = port_of(&bound);
    return true;
}

static bool take_signals(struct server *server)
{
    sigset_t ends;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &ends, NULL) != 0)
        return false;
    server->signals = signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
    return server->signals >= 0;
}

static bool start_daemon(struct server *server, struct err *err)
{
    unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;

    server->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
                         (MHD_socket)server->listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
                         MHD_OPTION_URI_LOG_CALLBACK, on_uri, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
                         MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
    if (server->daemon == NULL)
        return err_set(err, EXIT_LOCAL, "libmicrohttpd can't start; it needs epoll support");
    if (!watch(server, MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, &daemon_mark))
        return err_system(err, "the sandbox can't wait for its connections");
    return true;
}

struct server *server_new(struct world *world, const struct server_config *config, struct err *err)
{
    struct server *server = alloc_zeroed(1, sizeof(*server));

    server->world = world;
    server->listener = server->signals = -1;
    server->armed_us = INT64_MAX;
    server->slow_us = config->slow_ms * 1000;
    timers_init(&server->due);
    raise_descriptor_limit();
    server->poller = epoll_create1(EPOLL_CLOEXEC);
    server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (!take_signals(server) || !watch(server, server->timer, &timer_mark) ||
        !watch(server, server->signals, &signal_mark)) {
        err_system(err, "the sandbox can't wait for signals and timers");
        goto fail;
    }
    if (!open_listener(server, config, err) || !start_daemon(server, err))
        goto fail;
    return server;

fail:
    server_free(server);
    return NULL;
}

static void close_descriptor(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    server->closing = true;
    while (server->suspended != NULL)
        resume(server->suspended);
    if (server->daemon != NULL) {
        MHD_run(server->daemon);         /* resumed connections must be taken back before the daemon stops */
        MHD_stop_daemon(server->daemon); /* closes the listener */
    } else {
        close_descriptor(server->listener);
    }
    close_descriptor(server->timer);
    close_descriptor(server->signals);
    close_descriptor(server->poller);
    timers_release(&server->due);
    free(server);
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

char *server_host(char text[SERVER_HOST_TEXT], const struct server_config *config)
{
    char digits[INET6_ADDRSTRLEN];
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&config->address;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&config->address;

    if (config->address.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &in6->sin6_addr, digits, sizeof(digits));
        snprintf(text, SERVER_HOST_TEXT, "[%s]", digits);
    } else {
        inet_ntop(AF_INET, &in->sin_addr, text, SERVER_HOST_TEXT);
    }
    return text;
}

char *server_local_host(char text[SERVER_HOST_TEXT], const struct server_config *config)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&config->address;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&config->address;

    server_host(text, config);
    if (config->address.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
        snprintf(text, SERVER_HOST_TEXT, "[::1]");
    else if (config->address.ss_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_ANY))
        snprintf(text, SERVER_HOST_TEXT, "127.0.0.1");
    return text;
}

bool server_is_exposed(const struct server_config *config)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&config->address;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&config->address;

    if (config->address.ss_family == AF_INET6)
        return !IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    return ntohl(in->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
}

const char *server_library_version(void)
{
    return MHD_get_version();
}
