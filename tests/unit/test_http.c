/* The HTTP client against a server that does by the path it is asked for what a test wants: real sockets, real libcurl.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/http.h"
#include "standin/s3/sockets.h"
#include "test.h"
#include "world/folder.h"

/* ---- the server ---- */

enum { REQUEST_BYTES = 64 << 10 };

static struct {
    int fd, port;
    pthread_t thread;
    atomic_int connections, requests;
} server;

static void say(int fd, const char *text)
{
    for (size_t len = strlen(text); len > 0;) {
        ssize_t wrote = send(fd, text, len, MSG_NOSIGNAL);
        if (wrote <= 0)
            return;
        text += wrote, len -= (size_t)wrote;
    }
}

static void say_body(int fd, const char *status, const char *body)
{
    AUTO_RELEASE(buf) answer = {0};
    buf_addf(&answer, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nX-Twice: first\r\nx-twice: \t second \r\n\r\n%s", status,
             strlen(body), body);
    say(fd, answer.at);
}

/* A whole request, NUL-terminated; false: the client has gone. */
static bool hear(int fd, char request[REQUEST_BYTES])
{
    size_t len = 0;
    for (;;) {
        ssize_t got = recv(fd, request + len, REQUEST_BYTES - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        request[len] = '\0';
        const char *end = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "content-length:");
        size_t body = length != NULL && end != NULL && length < end ? strtoul(length + 15, NULL, 10) : 0;
        if (end != NULL && len >= (size_t)(end + 4 - request) + body)
            return true;
    }
}

static bool asks(const char *request, const char *path) { return strstr(request, path) != NULL; }

/* False: the connection is to be closed. */
static bool answer(int fd, const char *request, int nth)
{
    if (asks(request, " /echo")) {
        say_body(fd, "200 OK", request);
    } else if (asks(request, " /moved")) {
        say(fd, "HTTP/1.1 302 Found\r\nLocation: /echo\r\nContent-Length: 4\r\n\r\nmove");
    } else if (asks(request, " /early")) {
        say(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n");
        say_body(fd, "200 OK", "late");
    } else if (asks(request, " /cut")) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
        return false;
    } else if (asks(request, " /headless")) { /* the connection ends between two headers, and before their end */
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
        return false;
    } else if (asks(request, " /late-headless")) {
        say(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\nHTTP/1.1 200 OK\r\n");
        return false;
    } else if (asks(request, " /silent") || (asks(request, " /second-silent") && nth > 1)) {
        return false;
    } else if (asks(request, " /stall")) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
        for (int i = 0; i < 15; i++) { /* far below 1 KiB/s */
            usleep(100000);
            say(fd, "....");
        }
        return false;
    } else if (asks(request, "HEAD /head")) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n");
    } else if (asks(request, " /denied")) {
        say_body(fd, "403 Forbidden", "<Error/>");
    } else {
        say_body(fd, "200 OK", "0123456789");
    }
    return true;
}

static void *serve_one(void *context)
{
    int fd = (int)(intptr_t)context;
    char *request = xcalloc(1, REQUEST_BYTES);
    for (int nth = 1; hear(fd, request); nth++) {
        server.requests++;
        if (!answer(fd, request, nth))
            break;
    }
    free(request);
    shutdown(fd, SHUT_RDWR);
    close(fd);
    return NULL;
}

static void *serve(void *context)
{
    for (;;) {
        int fd = accept(server.fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        pthread_t thread;
        server.connections++;
        assert_int_equal(pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd), 0);
        pthread_detach(thread);
    }
}

static int server_begin(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(server.fd, 64), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&at, &len), 0);
    server.port = ntohs(at.sin_port);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int server_end(void **state)
{
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    return 0;
}

/* ---- a story ---- */

struct story {
    struct http *http;
    struct http_answer answer;
    struct error err;
    char url[256];
};

static int begin(void **state)
{
    struct story *s = xcalloc(1, sizeof(*s));
    s->http = http_curl_new(&(struct http_options){.proxy = "", .stall_ms = 1000, .deadline_ms = 5000});
    server.connections = server.requests = 0;
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct story *s = *state;
    http_free(s->http);
    http_answer_release(&s->answer);
    free(s);
    return 0;
}

static const char *url(struct story *s, const char *path)
{
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d%s", server.port, path);
    return s->url;
}

static enum rc ask(struct story *s, struct http_request request)
{
    s->err = (struct error){0};
    request.method = request.method != NULL ? request.method : "GET";
    request.answer_bytes_max = request.answer_bytes_max != 0 ? request.answer_bytes_max : 64 << 10;
    enum rc rc = http_send(s->http, &request, &s->answer, &s->err);
    assert_int_equal(rc, rc == RC_OK ? RC_OK : s->err.rc);
    return rc;
}

static enum rc get(struct story *s, const char *path) { return ask(s, (struct http_request){.url = url(s, path)}); }

static const char *body(const struct story *s) { return buf_str(&s->answer.body).at; }

static int64_t now_ms(void) { return clock_real()->mono_ms(clock_real()); }

/* ---- what goes out and comes back ---- */

static void a_request_goes_out_as_it_was_given_and_with_nothing_that_was_not(void **state)
{
    struct story *s = *state;
    const struct http_pair headers[] = {{"x-amz-meta", "a b"}, {"x-empty", ""}};
    struct http_request put = {.method = "PUT",
                               .url = url(s, "/echo/../a//./b?x=%2F&uploads="),
                               .headers = headers,
                               .header_count = 2,
                               .body = S("the body")};
    assert_int_equal(ask(s, put), RC_OK);
    assert_int_equal(s->answer.status, 200);
    assert_non_null(strstr(body(s), "PUT /echo/../a//./b?x=%2F&uploads= HTTP/1.1\r\n"));
    assert_non_null(strstr(body(s), "x-amz-meta: a b\r\n"));
    assert_non_null(strstr(body(s), "x-empty:"));
    assert_non_null(strstr(body(s), "User-Agent: waybill/"));
    assert_non_null(strstr(body(s), "Content-Length: 8\r\n"));
    assert_non_null(strstr(body(s), "\r\n\r\nthe body"));
    assert_null(strcasestr(body(s), "expect:"));
    assert_null(strcasestr(body(s), "content-type:"));
    assert_null(strcasestr(body(s), "accept:"));
    put.body = S("");
    assert_int_equal(ask(s, put), RC_OK);
    assert_non_null(strstr(body(s), "Content-Length: 0\r\n"));
}

static void a_header_is_found_in_any_case_and_without_blanks_around_it(void **state)
{
    struct story *s = *state;
    assert_int_equal(get(s, "/"), RC_OK);
    assert_string_equal(http_header(&s->answer, "X-TWICE"), "second");
    assert_string_equal(http_header(&s->answer, "content-length"), "10");
    assert_null(http_header(&s->answer, "x-twic"));
    assert_null(http_header(&s->answer, "x-early"));
    assert_int_equal(s->answer.content_length, 10);
    assert_int_equal(get(s, "/early"), RC_OK);
    assert_null(http_header(&s->answer, "x-early")); /* it was another answer's */
    assert_string_equal(body(s), "late");
}

static void a_head_has_a_length_and_no_body(void **state)
{
    struct story *s = *state;
    assert_int_equal(ask(s, (struct http_request){.method = "HEAD", .url = url(s, "/head")}), RC_OK);
    assert_int_equal(s->answer.content_length, 12345);
    assert_int_equal(s->answer.received, 0);
    assert_int_equal(get(s, "/"), RC_OK);
    assert_int_equal(server.connections, 1);
}

static void a_redirect_is_an_answer(void **state)
{
    struct story *s = *state;
    assert_int_equal(get(s, "/moved"), RC_OK);
    assert_int_equal(s->answer.status, 302);
    assert_string_equal(http_header(&s->answer, "location"), "/echo");
    assert_string_equal(body(s), "move");
    assert_int_equal(server.requests, 1);
}

static void a_body_goes_into_the_callers_memory_and_an_errors_does_not(void **state)
{
    struct story *s = *state;
    char into[11] = "..........";
    struct http_request request = {.url = url(s, "/"), .into = into, .answer_bytes_max = 10};
    assert_int_equal(ask(s, request), RC_OK);
    assert_string_equal(into, "0123456789");
    assert_int_equal(s->answer.received, 10);
    assert_int_equal(s->answer.body.len, 0);
    request.url = url(s, "/denied");
    assert_int_equal(ask(s, request), RC_OK);
    assert_int_equal(s->answer.status, 403);
    assert_string_equal(body(s), "<Error/>");
    assert_string_equal(into, "0123456789");
}

static void a_body_larger_than_asked_for_is_refused(void **state)
{
    struct story *s = *state;
    char into[10] = ".........";
    struct http_request request = {.url = url(s, "/"), .into = into, .answer_bytes_max = 9};
    assert_int_equal(ask(s, request), RC_DATA);
    assert_int_equal(into[9], '\0');
    request.into = NULL;
    assert_int_equal(ask(s, request), RC_DATA);
    assert_int_equal(get(s, "/"), RC_OK); /* what broke off does not disturb the next */
    assert_string_equal(body(s), "0123456789");
}

/* ---- connections ---- */

static void a_connection_is_kept_for_the_next_request(void **state)
{
    struct story *s = *state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(get(s, "/"), RC_OK);
    assert_int_equal(server.connections, 1);
}

static void *twenty_requests(void *context)
{
    struct http *http = context;
    char at[128];
    int failed = 0;
    snprintf(at, sizeof(at), "http://127.0.0.1:%d/", server.port);
    for (int i = 0; i < 20; i++) {
        AUTO_RELEASE(http_answer) answer = {0};
        struct error err;
        const struct http_request request = {.method = "GET", .url = at, .answer_bytes_max = 100};
        failed += http_send(http, &request, &answer, &err) != RC_OK || answer.body.len != 10;
    }
    return (void *)(intptr_t)failed;
}

static void threads_send_side_by_side_each_on_a_connection_of_its_own(void **state)
{
    struct story *s = *state;
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, twenty_requests, s->http), 0);
    for (int i = 0; i < 8; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_int_equal((intptr_t)failed, 0);
    }
    assert_int_equal(server.requests, 160);
    assert_in_range(server.connections, 1, 8);
}

static void what_may_go_out_once_does_not_go_out_on_a_second_connection(void **state)
{
    struct story *s = *state;
    assert_int_equal(get(s, "/second-silent"), RC_OK);
    assert_int_equal(get(s, "/second-silent"), RC_OK); /* dies, and is sent again by curl */
    assert_int_equal(server.requests, 3);
    assert_int_equal(ask(s, (struct http_request){.method = "PUT", .url = url(s, "/second-silent"), .once = true}),
                     RC_UNAVAILABLE);
    assert_int_equal(server.requests, 4);
    assert_true(s->answer.sent);
}

/* ---- failures ---- */

static void a_refused_connection_cannot_have_been_a_request(void **state)
{
    struct story *s = *state;
    assert_int_equal(ask(s, (struct http_request){.url = "http://user:word@127.0.0.1:1/p?X-Amz-Signature=secret"}),
                     RC_UNAVAILABLE);
    assert_false(s->answer.sent);
    assert_non_null(strstr(s->err.text, "no connection to 'http://"));
    assert_non_null(strstr(s->err.text, "127.0.0.1:1'"));
    assert_null(strstr(s->err.text, "secret"));
    assert_null(strstr(s->err.text, "word"));
    assert_true(s->err.todo[0] != '\0');
}

static void an_answer_that_is_cut_short_is_no_answer(void **state)
{
    struct story *s = *state;
    static const char *const paths[] = {"/cut?token=secret", "/silent?token=secret", "/headless?token=secret",
                                        "/late-headless?token=secret"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        assert_int_equal(get(s, paths[i]), RC_UNAVAILABLE);
        assert_true(s->answer.sent);
        assert_non_null(strstr(s->err.text, "no whole answer from 'http://127.0.0.1:"));
        assert_null(strstr(s->err.text, "secret"));
    }
}

static void an_answer_that_stalls_is_given_up_unless_it_may_be_slow(void **state)
{
    struct story *s = *state;
    int64_t start = now_ms();
    http_free(s->http);
    s->http = http_curl_new(&(struct http_options){.proxy = "", .stall_ms = 1000, .deadline_ms = 60000});
    assert_int_equal(get(s, "/stall"), RC_UNAVAILABLE);
    assert_in_range(now_ms() - start, 900, 4000);
    assert_int_equal(ask(s, (struct http_request){.url = url(s, "/stall"), .slow_answer = true}), RC_UNAVAILABLE);
    assert_int_equal(s->answer.received, 70); /* all that came was waited for */
}

static void a_deadline_holds_for_the_whole_of_it(void **state)
{
    struct story *s = *state;
    http_free(s->http);
    s->http = http_curl_new(&(struct http_options){.proxy = "", .deadline_ms = 300});
    int64_t start = now_ms();
    assert_int_equal(ask(s, (struct http_request){.url = url(s, "/stall"), .slow_answer = true}), RC_UNAVAILABLE);
    assert_in_range(now_ms() - start, 250, 2000);
}

static atomic_int asked_to_stop;

static void on_signal(int number) { asked_to_stop = SIGTERM; }

static void *stop_soon(void *context)
{
    const pthread_t *asked = context;
    usleep(200000);
    pthread_kill(*asked, SIGUSR1);
    return NULL;
}

static void a_wait_ends_when_the_program_is_asked_to(void **state)
{
    struct story *s = *state;
    pthread_t thread, self = pthread_self();
    asked_to_stop = 0;
    signal(SIGUSR1, on_signal);
    http_free(s->http);
    s->http = http_curl_new(&(struct http_options){.proxy = "", .stop = &asked_to_stop});
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &self), 0);
    int64_t start = now_ms();
    assert_int_equal(get(s, "/stall"), RC_TERMINATED);
    assert_in_range(now_ms() - start, 150, 1200);
    pthread_join(thread, NULL);
    int before = server.requests;
    assert_int_equal(get(s, "/"), RC_TERMINATED);
    assert_int_equal(server.requests, before);
}

static void what_is_no_address_is_a_mistake_in_the_configuration(void **state)
{
    struct story *s = *state;
    assert_int_equal(ask(s, (struct http_request){.url = "ftp://127.0.0.1/"}), RC_CONFIG);
    assert_int_equal(ask(s, (struct http_request){.url = "http://127.0.0.1:port/"}), RC_CONFIG);
    assert_int_equal(ask(s, (struct http_request){.url = "http://no.such.host.invalid/"}), RC_UNAVAILABLE);
    assert_false(s->answer.sent);
}

/* ---- TLS ---- */

struct tls_story {
    struct mem_objects *objects;
    struct s3_server *server;
    struct s3_sockets *sockets;
    char *folder, ca_file[256];
};

static void tls_begin(struct tls_story *self, enum s3_tls tls)
{
    const struct s3_server_options options = {
        .bucket = "b", .region = "r", .access_key = "k", .secret_key = "s", .clock = clock_real()};
    self->objects = mem_objects_new(clock_real());
    self->server = s3_server_new(self->objects, &options);
    self->sockets = s3_sockets_start(self->server, tls);
    self->folder = folder_new();
    folder_write(self->folder, "ca.pem", str(s3_sockets_certificate(self->sockets)));
    snprintf(self->ca_file, sizeof(self->ca_file), "%s/ca.pem", self->folder);
}

static void tls_end(struct tls_story *self)
{
    s3_sockets_free(self->sockets);
    s3_server_free(self->server);
    mem_objects_free(self->objects);
    folder_free(self->folder);
}

static enum rc tls_ask(struct story *s, const struct tls_story *tls, struct http_options options)
{
    options.proxy = "";
    http_free(s->http);
    s->http = http_curl_new(&options);
    return ask(s, (struct http_request){.url = s3_sockets_url(tls->sockets)});
}

static void only_a_trusted_certificate_of_that_host_is_believed(void **state)
{
    struct story *s = *state;
    struct tls_story tls;
    tls_begin(&tls, S3_TLS);
    assert_int_equal(tls_ask(s, &tls, (struct http_options){0}), RC_DENIED);
    assert_non_null(strstr(s->err.text, "is not trusted"));
    assert_non_null(strstr(s->err.todo, "tls_ca"));
    assert_int_equal(tls_ask(s, &tls, (struct http_options){.ca_file = tls.ca_file}), RC_OK);
    assert_int_equal(tls_ask(s, &tls, (struct http_options){.tls_unverified = true}), RC_OK);
    assert_int_equal(tls_ask(s, &tls, (struct http_options){.ca_file = "/nonexistent.pem"}), RC_CONFIG);
    assert_non_null(strstr(s->err.text, "'/nonexistent.pem'"));
    tls_end(&tls);
    tls_begin(&tls, S3_TLS_WRONG_HOST);
    assert_int_equal(tls_ask(s, &tls, (struct http_options){.ca_file = tls.ca_file}), RC_DENIED);
    assert_non_null(strstr(s->err.text, "is not trusted"));
    tls_end(&tls);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_request_goes_out_as_it_was_given_and_with_nothing_that_was_not),
        STORY(a_header_is_found_in_any_case_and_without_blanks_around_it),
        STORY(a_head_has_a_length_and_no_body),
        STORY(a_redirect_is_an_answer),
        STORY(a_body_goes_into_the_callers_memory_and_an_errors_does_not),
        STORY(a_body_larger_than_asked_for_is_refused),
        STORY(a_connection_is_kept_for_the_next_request),
        STORY(threads_send_side_by_side_each_on_a_connection_of_its_own),
        STORY(what_may_go_out_once_does_not_go_out_on_a_second_connection),
        STORY(a_refused_connection_cannot_have_been_a_request),
        STORY(an_answer_that_is_cut_short_is_no_answer),
        STORY(an_answer_that_stalls_is_given_up_unless_it_may_be_slow),
        STORY(a_deadline_holds_for_the_whole_of_it),
        STORY(a_wait_ends_when_the_program_is_asked_to),
        STORY(what_is_no_address_is_a_mistake_in_the_configuration),
        STORY(only_a_trusted_certificate_of_that_host_is_believed),
    };
    return cmocka_run_group_tests_name("http", tests, server_begin, server_end);
}
