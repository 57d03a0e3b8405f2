/* HTTP/1.1: one request, one answer. A small seam, so that a test can be the network (http_ops), and libcurl behind it.
 *
 *     struct http_request request = {.method = "PUT", .url = url, .headers = headers, .header_count = 2, .body = part};
 *     AUTO_RELEASE(http_answer) answer = {0};
 *     TRY(http_send(http, &request, &answer, err));
 *     const char *etag = http_header(&answer, "ETag");
 *
 * RC_OK: there is an answer, whatever its status; redirects are answers like any other and nothing is followed. Every
 * failure to get one names the host and says why:
 *   RC_UNAVAILABLE: no name, no connection, no answer in time, an answer cut short. Its fate is open unless
 *                   answer.sent is false: then the server cannot have seen the request
 *   RC_DENIED:      the server's certificate is not trusted, or it does not take ours
 *   RC_CONFIG:      not a URL, a certificate file that cannot be read
 *   RC_DATA:        the answer's body is larger than asked for
 *   RC_INTERRUPTED, RC_TERMINATED: the program was asked to end
 * Nothing is tried again here (that is io/retry.h's), no Expect header is sent, and no query stands in any message. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "base/auto.h"
#include "base/error.h"
#include "base/str.h"

enum { HTTP_HEADERS_BYTES_MAX = 64 << 10, HTTP_ERROR_BYTES_MAX = 256 << 10 };

struct http_pair {
    const char *name, *value;
};

struct http_request {
    const char *method; /* "GET", "HEAD", "PUT", "POST", "DELETE" */
    const char *url;    /* scheme://host[:port]/path?query, encoded; the path is sent as it is */
    const struct http_pair *headers;
    int header_count;
    struct str body;         /* of PUT and POST; it is not copied */
    void *into;              /* where the body of a 2xx answer goes; NULL: into answer.body */
    size_t answer_bytes_max; /* of the body of a 2xx answer, which is also the size of `into` */
    bool once;               /* never on a second connection, which curl does when a kept one dies without an answer */
    bool slow_answer;        /* the server may need minutes: only the whole deadline ends the wait */
};

/* Zero-initialise; may be used again for another request. */
struct http_answer {
    int status;
    int64_t content_length; /* of its header; -1: it had none */
    size_t received;        /* bytes of the body */
    bool sent;              /* false: the server cannot have seen the request; known also after a failure */
    struct buf body;        /* of any answer that is not 2xx, cut at HTTP_ERROR_BYTES_MAX; of 2xx where into is NULL */
    struct buf headers;     /* read with http_header */
};
void http_answer_release(struct http_answer *self);
/* The last header of that name (any case), without blanks around it; NULL: it had none. Lives as long as the answer. */
const char *http_header(const struct http_answer *self, const char *name);
/* For implementations: keeps a header line as it came, up to HTTP_HEADERS_BYTES_MAX of them. */
void http_header_add(struct http_answer *self, struct str line);

/* What a status means where nobody knows better; RC_OK for 2xx. */
enum rc http_status_rc(int status);

struct http;
struct http_ops {
    RC (*send)(struct http *self, const struct http_request *request, struct http_answer *ret, struct error *err);
    void (*free)(struct http *self);
};
struct http {
    const struct http_ops *ops;
};

/* Several threads may send at once; each keeps its connection for the next request of any of them. */
static inline RC http_send(struct http *http, const struct http_request *request, struct http_answer *ret,
                           struct error *err)
{
    return http->ops->send(http, request, ret, err);
}
static inline void http_free(struct http *http)
{
    if (http != NULL)
        http->ops->free(http);
}
AUTO_DEFINE(http)

struct http_options {
    int64_t connect_ms;     /* to have a connection, TLS included; 0: 10 s */
    int64_t deadline_ms;    /* of one request and its answer; 0: 10 min */
    int64_t stall_ms;       /* less than 1 KiB/s for so long ends it; 0: 30 s */
    const char *proxy;      /* NULL: as the environment says (https_proxy, no_proxy ...); "": none */
    const char *ca_file;    /* PEM; NULL: the system's */
    const char *ca_dir;     /* of hashed PEM files; NULL: the system's */
    const char *cert_file;  /* PEM: our own, for a server that asks its clients for one; NULL: none */
    const char *key_file;   /* PEM: its key; NULL: in the same file */
    bool tls_unverified;    /* whoever answers is believed */
    const atomic_int *stop; /* ends waits; NULL: nothing does. Outlives the client */
};

/* libcurl. The texts are copied. */
struct http *http_curl_new(const struct http_options *options);
