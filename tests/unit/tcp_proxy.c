#include "unit/tcp_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "test.h"

enum { PAIRS_MAX = 16, LOOK_MS = 20 };

struct pair {
    int client, server; /* -1: none */
};

struct tcp_proxy {
    int listener;
    int64_t port, server_port;
    atomic_int fault;
    atomic_bool ends;
    pthread_t thread;
    struct pair pairs[PAIRS_MAX];
};

static struct sockaddr_in local(int64_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
}

static void cut(struct pair *pair)
{
    if (pair->client >= 0)
        close(pair->client);
    if (pair->server >= 0)
        close(pair->server);
    *pair = (struct pair){-1, -1};
}

static void take_client(struct tcp_proxy *self)
{
    struct sockaddr_in server = local(self->server_port);
    for (int i = 0; i < PAIRS_MAX; i++) {
        struct pair *pair = &self->pairs[i];
        if (pair->client >= 0)
            continue;
        pair->client = accept(self->listener, NULL, NULL);
        pair->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (pair->client < 0 || connect(pair->server, (struct sockaddr *)&server, sizeof(server)) != 0)
            cut(pair);
        return;
    }
}

/* false: one side has closed. */
static bool pass(int from, int to)
{
    char bytes[65536];
    ssize_t len = recv(from, bytes, sizeof(bytes), 0);
    for (ssize_t sent = 0; len > 0 && sent < len;) {
        ssize_t now = send(to, bytes + sent, (size_t)(len - sent), MSG_NOSIGNAL);
        if (now <= 0)
            return false;
        sent += now;
    }
    return len > 0;
}

static void serve(struct tcp_proxy *self, struct pair *pair, bool from_client, bool from_server)
{
    int fault = atomic_load(&self->fault);
    if (fault == PROXY_STALL)
        return;
    if ((from_client && !pass(pair->client, pair->server)) ||
        (from_server && (fault == PROXY_SWALLOW_ANSWERS || !pass(pair->server, pair->client))))
        cut(pair);
}

static void *run(void *context)
{
    struct tcp_proxy *self = context;
    while (!atomic_load(&self->ends)) {
        struct pollfd sockets[1 + 2 * PAIRS_MAX] = {{.fd = self->listener, .events = POLLIN}};
        bool stalls = atomic_load(&self->fault) == PROXY_STALL;
        for (int i = 0; i < PAIRS_MAX; i++) {
            sockets[1 + 2 * i] = (struct pollfd){.fd = stalls ? -1 : self->pairs[i].client, .events = POLLIN};
            sockets[2 + 2 * i] = (struct pollfd){.fd = stalls ? -1 : self->pairs[i].server, .events = POLLIN};
        }
        poll(sockets, 1 + 2 * PAIRS_MAX, LOOK_MS);
        for (int i = 0; i < PAIRS_MAX; i++) {
            if (self->pairs[i].client >= 0)
                serve(self, &self->pairs[i], sockets[1 + 2 * i].revents != 0, sockets[2 + 2 * i].revents != 0);
        }
        if (sockets[0].revents != 0)
            take_client(self);
    }
    return NULL;
}

struct tcp_proxy *tcp_proxy_new(int64_t server_port)
{
    struct tcp_proxy *self = xcalloc(1, sizeof(*self));
    struct sockaddr_in any = local(0);
    socklen_t len = sizeof(any);
    self->server_port = server_port;
    for (int i = 0; i < PAIRS_MAX; i++)
        self->pairs[i] = (struct pair){-1, -1};
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(self->listener >= 0 && bind(self->listener, (struct sockaddr *)&any, len) == 0);
    assert_true(listen(self->listener, PAIRS_MAX) == 0 &&
                getsockname(self->listener, (struct sockaddr *)&any, &len) == 0);
    self->port = ntohs(any.sin_port);
    assert_int_equal(pthread_create(&self->thread, NULL, run, self), 0);
    return self;
}

void tcp_proxy_free(struct tcp_proxy *self)
{
    if (self == NULL)
        return;
    atomic_store(&self->ends, true);
    pthread_join(self->thread, NULL);
    for (int i = 0; i < PAIRS_MAX; i++)
        cut(&self->pairs[i]);
    close(self->listener);
    free(self);
}

int64_t tcp_proxy_port(const struct tcp_proxy *self) { return self->port; }
void tcp_proxy_break(struct tcp_proxy *self, enum proxy_fault fault) { atomic_store(&self->fault, (int)fault); }
