/* http.h over libcurl. A request borrows a slot: an easy handle and a multi handle of its own, whose one connection
 * waits there for the next request. Slots are given back to the top of a pile, so that the warmest is taken next. */
#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/secret.h"
#include "io/http.h"
#include "io/opening.h"

enum {
    CONNECT_MS = 10000,
    DEADLINE_MS = 600000,
    STALL_MS = 30000,
    STALL_BYTES_PER_S = 1024,
    POLL_MS = 200,       /* how long a signal that another thread took may go unseen */
    SLOTS_IDLE_MAX = 16, /* more are closed when they are given back */
    CONNECTION_IDLE_S =
        5, /* shorter than servers wait: a connection that dies while a request is sent leaves its fate open */
    UPLOAD_BUFFER_BYTES = 512 << 10,
};

struct slot {
    CURL *easy;
    CURLM *multi;
    struct slot *next;
};

struct curl_client {
    struct http base;
    struct http_options options; /* texts are its own */
    pthread_mutex_t mutex;       /* of what follows */
    struct slot *idle;
    int idle_count;
};

/* One request under way. */
struct exchange {
    struct curl_client *client;
    struct slot *slot;
    const struct http_request *request;
    struct http_answer *answer;
    struct curl_slist *headers;
    char why[CURL_ERROR_SIZE];
    int sends; /* connections it was, or was about to be, sent on */
    bool head_ended;
    bool too_large;
};

/* ---- slots ---- */

static struct slot *slot_take(struct curl_client *self)
{
    pthread_mutex_lock(&self->mutex);
    struct slot *slot = self->idle;
    if (slot != NULL) {
        self->idle = slot->next;
        self->idle_count--;
    }
    pthread_mutex_unlock(&self->mutex);
    if (slot != NULL)
        return slot;
    slot = xcalloc(1, sizeof(*slot));
    slot->easy = curl_easy_init();
    slot->multi = curl_multi_init();
    assert(slot->easy != NULL && slot->multi != NULL);
    return slot;
}

static void slot_free(struct slot *slot)
{
    curl_easy_cleanup(slot->easy);
    curl_multi_cleanup(slot->multi);
    free(slot);
}

static void slot_give(struct curl_client *self, struct slot *slot)
{
    pthread_mutex_lock(&self->mutex);
    bool keep = self->idle_count < SLOTS_IDLE_MAX;
    if (keep) {
        slot->next = self->idle;
        self->idle = slot;
        self->idle_count++;
    }
    pthread_mutex_unlock(&self->mutex);
    if (!keep)
        slot_free(slot);
}

/* ---- what curl calls ---- */

static int before_sending(void *context, char *there, char *here, int there_port, int here_port)
{
    struct exchange *self = context;
    /* curl sends once more, on a new connection, what a kept one took and never answered. */
    if (self->sends > 0 && self->request->once)
        return CURL_PREREQFUNC_ABORT;
    self->sends++;
    return CURL_PREREQFUNC_OK;
}

static size_t take_header(char *at, size_t size, size_t count, void *context)
{
    struct exchange *self = context;
    struct str line = {at, size * count};
    bool begins = str_has_prefix(line, S("HTTP/")); /* also the answer behind one of 1xx */
    if (begins)
        buf_reset(&self->answer->headers);
    else
        http_header_add(self->answer, line);
    self->head_ended = !begins && (self->head_ended || line.at[0] == '\r' || line.at[0] == '\n');
    return line.len;
}

static bool is_well(struct exchange *self)
{
    long status = 0;
    curl_easy_getinfo(self->slot->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

static size_t take_body(char *at, size_t size, size_t count, void *context)
{
    struct exchange *self = context;
    struct http_answer *answer = self->answer;
    size_t len = size * count, max = self->request->answer_bytes_max;
    if (!is_well(self)) {
        size_t room = HTTP_ERROR_BYTES_MAX - answer->body.len;
        buf_add(&answer->body, at, len < room ? len : room);
    } else if (len > max - answer->received) {
        self->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    } else if (self->request->into != NULL) {
        memcpy((char *)self->request->into + answer->received, at, len);
    } else {
        answer->body.max = max > HTTP_ERROR_BYTES_MAX ? max : HTTP_ERROR_BYTES_MAX;
        buf_add(&answer->body, at, len);
    }
    answer->received += len;
    return len;
}

/* ---- setting up ---- */

static int64_t or_preset(int64_t value, int64_t preset) { return value > 0 ? value : preset; }

static void set_limits(const struct exchange *self)
{
    const struct http_options *options = &self->client->options;
    CURL *easy = self->slot->easy;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)or_preset(options->connect_ms, CONNECT_MS));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)or_preset(options->deadline_ms, DEADLINE_MS));
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)CONNECTION_IDLE_S);
    if (self->request->slow_answer)
        return;
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((or_preset(options->stall_ms, STALL_MS) + 999) / 1000));
}

static void set_trust(const struct exchange *self)
{
    const struct http_options *options = &self->client->options;
    CURL *easy = self->slot->easy;
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    if (options->ca_dir != NULL)
        curl_easy_setopt(easy, CURLOPT_CAPATH, options->ca_dir);
    if (options->cert_file != NULL)
        curl_easy_setopt(easy, CURLOPT_SSLCERT, options->cert_file);
    if (options->key_file != NULL)
        curl_easy_setopt(easy, CURLOPT_SSLKEY, options->key_file);
    if (options->proxy != NULL)
        curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, options->tls_unverified ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, options->tls_unverified ? 0L : 2L);
}

static void set_method(const struct exchange *self)
{
    const struct http_request *request = self->request;
    CURL *easy = self->slot->easy;
    if (text_eq(request->method, "HEAD")) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    if (!text_eq(request->method, "PUT") && !text_eq(request->method, "POST"))
        return;
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len > 0 ? request->body.at : "");
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
}

static void add_header(struct exchange *self, const char *name, const char *value)
{
    AUTO_RELEASE(buf) line = {0};
    buf_addf(&line, value[0] != '\0' ? "%s: %s" : "%s;", name, value);
    struct curl_slist *longer = curl_slist_append(self->headers, line.at);
    assert(longer != NULL);
    self->headers = longer;
    wipe(line.at, line.len); /* a token may stand in it */
}

static void set_headers(struct exchange *self)
{
    static const char *const never[] = {"Expect:", "Content-Type:", "Accept:"}; /* that curl would add */
    for (int i = 0; i < 3; i++)
        self->headers = curl_slist_append(self->headers, never[i]);
    for (int i = 0; i < self->request->header_count; i++)
        add_header(self, self->request->headers[i].name, self->request->headers[i].value);
    curl_easy_setopt(self->slot->easy, CURLOPT_HTTPHEADER, self->headers);
}

static void set_up(struct exchange *self)
{
    CURL *easy = self->slot->easy;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, self->request->url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "waybill/" WAYBILL_VERSION);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, self->why);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, self);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, self);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, self);
    set_limits(self);
    set_trust(self);
    set_method(self);
    set_headers(self);
}

/* ---- failures ---- */

/* "https://host:port", without a user, a path or a query: for "'%.*s%.*s'". */
struct origin {
    struct str scheme, host;
};

static struct origin origin_of(const char *url)
{
    const char *host = strstr(url, "://");
    host = host != NULL ? host + 3 : url;
    size_t scheme_len = (size_t)(host - url), len = strcspn(host, "/?#");
    const char *at = memchr(host, '@', len);
    if (at != NULL) {
        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    return (struct origin){{url, scheme_len}, {host, len}};
}

static enum rc fail_trust(const struct exchange *self, CURLcode code, struct origin origin, struct error *err)
{
    const struct http_options *options = &self->client->options;
    if (code == CURLE_SSL_CACERT_BADFILE) {
        fail(err, RC_CONFIG, "'%s' cannot be read as a file of certificates", or_empty(options->ca_file));
        return fail_todo(err, "give the path of a PEM file as 'tls_ca'");
    }
    fail(err, RC_DENIED, "the certificate of '" STR_FMT STR_FMT "' is not trusted: %s", STR_ARG(origin.scheme),
         STR_ARG(origin.host), self->why);
    fail_id(err, "untrusted-certificate");
    return fail_todo(err, "give the PEM file of the authority that signed it (or the certificate itself when it is "
                          "self-signed) as 'tls_ca', and check that the name in it is the host's");
}

/* In TLS 1.3 it says so when the handshake is over for us: where its answer is awaited. */
static bool refuses_our_certificate(const struct exchange *self, CURLcode code)
{
    static const char *const alerts[] = {"alert certificate", "alert bad certificate", "alert unknown ca",
                                         "alert unsupported certificate"};
    if (code != CURLE_SSL_CONNECT_ERROR && code != CURLE_RECV_ERROR && code != CURLE_SEND_ERROR)
        return false;
    for (size_t i = 0; i < sizeof(alerts) / sizeof(*alerts); i++) {
        if (strstr(self->why, alerts[i]) != NULL)
            return true;
    }
    return false;
}

static enum rc fail_ours(const struct exchange *self, CURLcode code, struct origin origin, struct error *err)
{
    static const char todo[] = "give the PEM files of a certificate that the server's authority has signed, and of its "
                               "key, as 'tls_cert' and 'tls_key'";
    if (code == CURLE_SSL_CERTPROBLEM)
        fail(err, RC_CONFIG, "our own certificate for '" STR_FMT STR_FMT "' cannot be used: %s", STR_ARG(origin.scheme),
             STR_ARG(origin.host), self->why);
    else
        fail(err, RC_DENIED, "'" STR_FMT STR_FMT "' wants another certificate of ours, or one at all: %s",
             STR_ARG(origin.scheme), STR_ARG(origin.host), self->why);
    return fail_todo(err, todo);
}

static const char *advice_of(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return "check the host's name in the configuration, and this machine's DNS";
    case CURLE_COULDNT_RESOLVE_PROXY: return "check the proxy: 'proxy', or https_proxy in the environment";
    case CURLE_COULDNT_CONNECT:
        return "check that the server runs, its host and port in the configuration, and the network";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_GOT_NOTHING:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return "check the server, whether it speaks http:// or https:// on that port, and whether it wants a "
               "certificate of ours ('tls_cert')";
    default: return "check the network and the server, then run the same command again";
    }
}

static enum rc fail_transfer(const struct exchange *self, CURLcode code, struct error *err)
{
    struct origin origin = origin_of(self->request->url);
    const char *why = self->why[0] != '\0' ? self->why : curl_easy_strerror(code);
    if (code == CURLE_SSL_CERTPROBLEM || refuses_our_certificate(self, code))
        return fail_ours(self, code, origin, err);
    switch (code) {
    case CURLE_WRITE_ERROR:
        if (!self->too_large)
            break;
        return fail(err, RC_DATA, "the answer of '" STR_FMT STR_FMT "' is larger than the %zu bytes that are expected",
                    STR_ARG(origin.scheme), STR_ARG(origin.host), self->request->answer_bytes_max);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        fail(err, RC_CONFIG, "'" STR_FMT STR_FMT "' is not an address: %s", STR_ARG(origin.scheme),
             STR_ARG(origin.host), why);
        return fail_todo(err, "write it as http://host:port or https://host");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE: return fail_trust(self, code, origin, err);
    case CURLE_ABORTED_BY_CALLBACK: why = "the connection was lost before the answer"; break;
    default: break;
    }
    fail(err, RC_UNAVAILABLE,
         self->sends > 0 ? "no whole answer from '" STR_FMT STR_FMT "': %s"
                         : "no connection to '" STR_FMT STR_FMT "': %s",
         STR_ARG(origin.scheme), STR_ARG(origin.host), why);
    fail_id(err, "unreachable");
    return fail_todo(err, "%s", advice_of(code));
}

/* ---- sending ---- */

/* Until it is done, or the program is asked to end. *ret_code is curl's verdict. */
static RC transfer(struct exchange *self, CURLcode *ret_code, struct error *err)
{
    CURLM *multi = self->slot->multi;
    for (;;) {
        int running = 0, left = 0;
        CURLMcode code = curl_multi_perform(multi, &running);
        assert(code == CURLM_OK);
        const CURLMsg *message = curl_multi_info_read(multi, &left);
        if (message != NULL && message->msg == CURLMSG_DONE) {
            *ret_code = message->data.result;
            return RC_OK;
        }
        TRY(opening_check_stop(self->client->options.stop, err));
        code = curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
        assert(code == CURLM_OK);
    }
}

static void read_outcome(struct exchange *self)
{
    long status = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(self->slot->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(self->slot->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    self->answer->status = (int)status;
    self->answer->content_length = length;
    self->answer->sent = self->sends > 0;
}

static RC exchange_run(struct exchange *self, struct error *err)
{
    CURLcode code = CURLE_OK;
    set_up(self);
    CURLMcode added = curl_multi_add_handle(self->slot->multi, self->slot->easy);
    assert(added == CURLM_OK);
    enum rc rc = transfer(self, &code, err);
    read_outcome(self);
    if (code == CURLE_OK && !self->head_ended) { /* curl takes a connection's end within the headers for theirs */
        code = CURLE_GOT_NOTHING;
        snprintf(self->why, sizeof(self->why), "the connection ended within its headers");
    }
    if (rc == RC_OK && code != CURLE_OK)
        rc = fail_transfer(self, code, err);
    curl_multi_remove_handle(self->slot->multi, self->slot->easy);
    for (struct curl_slist *header = self->headers; header != NULL; header = header->next)
        wipe(header->data, strlen(header->data));
    curl_slist_free_all(self->headers);
    return rc;
}

/* OpenSSL writes to a connection that the other side closed: the signal would end the program. */
static void without_sigpipe_begin(sigset_t *ret_old, bool *ret_pending)
{
    sigset_t pipe, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    *ret_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe, ret_old);
}

static void without_sigpipe_end(const sigset_t *old, bool was_pending)
{
    static const struct timespec at_once = {0};
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    while (!was_pending && sigtimedwait(&pipe, NULL, &at_once) == SIGPIPE)
        ;
    pthread_sigmask(SIG_SETMASK, old, NULL);
}

static RC client_send(struct http *base, const struct http_request *request, struct http_answer *ret, struct error *err)
{
    struct curl_client *self = (struct curl_client *)base;
    struct exchange exchange = {.client = self, .request = request, .answer = ret};
    sigset_t old;
    bool pending;
    buf_reset(&ret->body);
    buf_reset(&ret->headers);
    *ret = (struct http_answer){.content_length = -1, .body = ret->body, .headers = ret->headers};
    TRY(opening_check_stop(self->options.stop, err));
    exchange.slot = slot_take(self);
    without_sigpipe_begin(&old, &pending);
    enum rc rc = exchange_run(&exchange, err);
    without_sigpipe_end(&old, pending);
    slot_give(self, exchange.slot);
    return rc;
}

/* ---- the client ---- */

static void free_text(const char *text) { free((char *)(uintptr_t)text); }

static void client_free(struct http *base)
{
    struct curl_client *self = (struct curl_client *)base;
    while (self->idle != NULL) {
        struct slot *slot = self->idle;
        self->idle = slot->next;
        slot_free(slot);
    }
    pthread_mutex_destroy(&self->mutex);
    free_text(self->options.proxy);
    free_text(self->options.ca_file);
    free_text(self->options.ca_dir);
    free_text(self->options.cert_file);
    free_text(self->options.key_file);
    free(self);
}

static const struct http_ops client_ops = {.send = client_send, .free = client_free};

static void curl_begin(void)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    assert(code == CURLE_OK);
}

static const char *copy_of(const char *text) { return text != NULL ? xstrdup(text) : NULL; }

struct http *http_curl_new(const struct http_options *options)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_begin);
    struct curl_client *self = xcalloc(1, sizeof(*self));
    self->base.ops = &client_ops;
    self->options = *options;
    self->options.proxy = copy_of(options->proxy);
    self->options.ca_file = copy_of(options->ca_file);
    self->options.ca_dir = copy_of(options->ca_dir);
    self->options.cert_file = copy_of(options->cert_file);
    self->options.key_file = copy_of(options->key_file);
    pthread_mutex_init(&self->mutex, NULL);
    return &self->base;
}
