/* AWS Signature Version 4 as pure functions: no clock, no I/O. Checked with AWS's published vectors (tests/unit).
 *
 * The caller describes a request in plain, not encoded texts; what comes back is the request line's target, encoded
 * exactly as it was signed, and the headers that go out besides the caller's own. Sending other bytes than these, or a
 * further x-amz-* header, breaks the signature: libcurl must not clean the path (CURLOPT_PATH_AS_IS) and must not
 * follow a redirect by itself, as the signature covers the host.
 *
 * A clock that differs from the server's by more than 15 minutes is refused (RequestTimeTooSkewed): the caller adds the
 * offset it learnt to `now_us`. A repeated request is signed again. */
#pragma once

#include "base/str.h"
#include "io/aws_credentials.h"
#include "io/http.h"

enum {
    SIGV4_PAIRS_MAX = 64,        /* query parameters, and headers, of one request */
    SIGV4_ADDED_HEADERS_MAX = 5, /* host, x-amz-content-sha256, x-amz-date, x-amz-security-token, authorization */
};

/* Where a signature holds, and the service's rules. */
struct sigv4_scope {
    const char *region, *service;
    bool path_normalized;    /* "//", "." and ".." are resolved before the path is signed and sent */
    bool path_encoded_twice; /* the signed path is the sent one, encoded once more */
    bool sends_payload_hash; /* x-amz-content-sha256 is sent */
};
/* S3 takes a path as it is and encodes it once: "a//b" and "a/../b" are keys. All others: SIGV4_SERVICE. */
#define SIGV4_S3(region_) ((struct sigv4_scope){.region = (region_), .service = "s3", .sends_payload_hash = true})
#define SIGV4_SERVICE(region_, service_)                                                                               \
    ((struct sigv4_scope){                                                                                             \
        .region = (region_), .service = (service_), .path_normalized = true, .path_encoded_twice = true})

#define SIGV4_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"
#define SIGV4_EMPTY_PAYLOAD    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct sigv4_request {
    const char *method;              /* "PUT" */
    const char *host;                /* the Host header: with the port unless it is the scheme's default */
    const char *path;                /* "/bucket/a b": begins with '/', UTF-8, not encoded */
    const struct http_pair *query;   /* not encoded, in any order; "uploads" has the value "" */
    const struct http_pair *headers; /* the caller's own; all are signed but those that proxies may change */
    int query_count, header_count;
    const char *payload; /* SHA-256 of the body as hex digits, or SIGV4_UNSIGNED_PAYLOAD (over TLS) */
};

struct sigv4_signed {
    struct buf target;                                 /* "/bucket/a%20b?uploads=" */
    struct http_pair headers[SIGV4_ADDED_HEADERS_MAX]; /* to be sent besides the caller's; lower-case names */
    int header_count;
    struct buf memory; /* of the headers' values */
};
void sigv4_signed_release(struct sigv4_signed *self); /* wipes: a session token is in it */

/* Remembers the signing key of the last (secret, UTC day, region, service). May be used from several threads. */
struct sigv4_keys;
struct sigv4_keys *sigv4_keys_new(void);
void sigv4_keys_free(struct sigv4_keys *self); /* wipes; NULL is fine */
AUTO_DEFINE(sigv4_keys)

/* Replaces what is in `ret` (zero-initialised at first). */
void sigv4_sign(struct sigv4_keys *keys, const struct sigv4_scope *scope, const struct sigv4_request *request,
                const struct aws_credentials *who, int64_t now_us, struct sigv4_signed *ret);

/* %XX in upper case for every byte outside A-Za-z0-9-_.~ (and '/', where it is kept): what S3 wants in paths, queries
 * and x-amz-copy-source. */
void sigv4_encode(struct str text, bool keep_slash, struct buf *out);
