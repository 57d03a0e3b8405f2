#include "standin/s3/sockets.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "standin/s3/tls.h"

enum { CONNECTIONS_MAX = 256, HEADERS_MAX = 48, HEAD_BYTES_MAX = 64 << 10 };

struct connection {
    struct s3_sockets *sockets;
    pthread_t thread;
    int fd;
    pthread_mutex_t mutex; /* of `over`: a descriptor that is closed may be another's */
    bool over;
};

struct s3_sockets {
    struct s3_server *server;
    SSL_CTX *tls;
    char *certificate, url[64];
    int listener;
    pthread_t thread;
    atomic_bool stopping;
    atomic_int accepted;
    struct connection connections[CONNECTIONS_MAX];
};

/* ---- one request after the other ---- */

struct talk {
    struct s3_line line;
    struct buf head, body; /* of the request at work */
    struct http_pair headers[HEADERS_MAX];
    struct s3_request request;
    struct s3_answer answer;
};

/* Ends a text in place, behind which the next one begins. */
static char *cut(char *text, const char *mark)
{
    char *at = strstr(text, mark);
    if (at == NULL)
        return NULL;
    *at = '\0';
    return at + strlen(mark);
}

/* "PUT /x HTTP/1.1\r\nHost: ..." without the empty line; false: no request. */
static bool take_head(struct talk *talk, char *head)
{
    char *line = head, *target = cut(head, " "), *rest = NULL;
    if (target == NULL || (rest = cut(target, " HTTP/1.1\r\n")) == NULL)
        return false;
    talk->request = (struct s3_request){.method = line, .target = target, .headers = talk->headers};
    while (*rest != '\0' && talk->request.header_count < HEADERS_MAX) {
        char *name = rest, *value;
        rest = cut(rest, "\r\n");
        value = cut(name, ":");
        if (rest == NULL || value == NULL)
            return false;
        value += strspn(value, " ");
        talk->headers[talk->request.header_count++] = (struct http_pair){name, value};
    }
    return true;
}

static int64_t content_length(const struct talk *talk)
{
    int64_t length = 0;
    for (int i = 0; i < talk->request.header_count; i++) {
        if (strcasecmp(talk->headers[i].name, "content-length") == 0)
            str_to_int64(str(talk->headers[i].value), &length);
    }
    return length;
}

/* The head may come with the beginning of the body. */
static bool take_body(struct talk *talk, struct str begun)
{
    int64_t length = content_length(talk);
    buf_reset(&talk->body);
    buf_add_str(&talk->body, begun);
    buf_reserve(&talk->body, (size_t)length);
    while ((int64_t)talk->body.len < length) {
        ssize_t got = s3_line_read(&talk->line, talk->body.at + talk->body.len, (size_t)length - talk->body.len);
        if (got <= 0)
            return false;
        talk->body.len += (size_t)got;
    }
    talk->request.body = buf_str(&talk->body);
    return true;
}

/* Nothing is read ahead: a client waits for each answer. */
static bool take_request(struct talk *talk)
{
    char *end = NULL;
    buf_reset(&talk->head);
    buf_reserve(&talk->head, HEAD_BYTES_MAX);
    while (end == NULL) {
        size_t room = HEAD_BYTES_MAX - talk->head.len;
        ssize_t got = room > 0 ? s3_line_read(&talk->line, talk->head.at + talk->head.len, room) : 0;
        if (got <= 0)
            return false;
        talk->head.len += (size_t)got;
        talk->head.at[talk->head.len] = '\0';
        end = strstr(talk->head.at, "\r\n\r\n");
    }
    struct str begun = {end + 4, (size_t)(talk->head.at + talk->head.len - end) - 4};
    end[2] = '\0';
    return take_head(talk, talk->head.at) && take_body(talk, begun);
}

static bool send_answer(struct talk *talk)
{
    AUTO_RELEASE(buf) head = {0};
    const struct s3_answer *answer = &talk->answer;
    struct str body = buf_str(&answer->body);
    if (answer->ending == S3_NO_ANSWER)
        return false;
    buf_addf(&head, "HTTP/1.1 %d -\r\n", answer->status);
    buf_add_str(&head, buf_str(&answer->headers));
    buf_addf(&head, "\r\n");
    if (answer->ending != S3_WHOLE)
        body.len = answer->cut_at;
    return s3_line_write(&talk->line, buf_str(&head)) && s3_line_write(&talk->line, body) && answer->ending != S3_CUT;
}

/* Until the client has had enough. */
static void hang(const struct connection *connection)
{
    struct pollfd wait = {.fd = connection->fd, .events = POLLIN | POLLRDHUP};
    while (!connection->sockets->stopping && poll(&wait, 1, 50) == 0)
        continue;
}

static void *serve(void *context)
{
    struct connection *connection = context;
    struct talk talk = {0};
    bool goes_on = s3_line_open(&talk.line, connection->sockets->tls, connection->fd);
    bool cut_off = false;
    while (goes_on && take_request(&talk)) {
        s3_server_answer(connection->sockets->server, &talk.request, &talk.answer);
        goes_on = send_answer(&talk);
        cut_off = !goes_on;
        if (goes_on && talk.answer.ending == S3_HANGS) {
            hang(connection);
            break;
        }
    }
    pthread_mutex_lock(&connection->mutex);
    connection->over = true;
    s3_line_close(&talk.line, cut_off);
    pthread_mutex_unlock(&connection->mutex);
    buf_release(&talk.head);
    buf_release(&talk.body);
    s3_answer_release(&talk.answer);
    return NULL;
}

/* ---- the listener ---- */

static void *accept_all(void *context)
{
    struct s3_sockets *self = context;
    for (;;) {
        int fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        assert(self->accepted < CONNECTIONS_MAX);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* head and body go out by themselves */
        struct connection *connection = &self->connections[self->accepted];
        connection->sockets = self;
        connection->fd = fd;
        pthread_mutex_init(&connection->mutex, NULL);
        int failed = pthread_create(&connection->thread, NULL, serve, connection);
        assert(failed == 0);
        self->accepted++;
    }
}

struct s3_sockets *s3_sockets_start(struct s3_server *server, enum s3_tls tls)
{
    struct s3_sockets *self = xcalloc(1, sizeof(*self));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    signal(SIGPIPE, SIG_IGN);
    self->server = server;
    self->tls = s3_tls_new(tls, &self->certificate);
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int ok = self->listener >= 0 && bind(self->listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
             listen(self->listener, 64) == 0 && getsockname(self->listener, (struct sockaddr *)&at, &len) == 0;
    assert(ok);
    snprintf(self->url, sizeof(self->url), "%s://127.0.0.1:%d", tls == S3_PLAIN ? "http" : "https", ntohs(at.sin_port));
    ok = pthread_create(&self->thread, NULL, accept_all, self) == 0;
    assert(ok);
    return self;
}

void s3_sockets_stop(struct s3_sockets *self)
{
    self->stopping = true;
    shutdown(self->listener, SHUT_RDWR);
    pthread_join(self->thread, NULL);
    close(self->listener);
    for (int i = 0; i < self->accepted; i++) {
        struct connection *connection = &self->connections[i];
        pthread_mutex_lock(&connection->mutex);
        if (!connection->over)
            shutdown(connection->fd, SHUT_RDWR);
        pthread_mutex_unlock(&connection->mutex);
        pthread_join(connection->thread, NULL);
        pthread_mutex_destroy(&connection->mutex);
    }
    SSL_CTX_free(self->tls);
    free(self->certificate);
    free(self);
}

const char *s3_sockets_url(const struct s3_sockets *self) { return self->url; }
const char *s3_sockets_certificate(const struct s3_sockets *self) { return self->certificate; }
