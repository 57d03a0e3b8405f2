/* The S3 server of the tests on a port of this machine, plain or with TLS, with a thread for each connection. */
#pragma once

#include "standin/s3/server.h"

enum s3_tls {
    S3_PLAIN,
    S3_TLS,            /* a certificate of its own making for 127.0.0.1 */
    S3_TLS_WRONG_HOST, /* ... for another host */
};

struct s3_sockets;
struct s3_sockets *s3_sockets_start(struct s3_server *server, enum s3_tls tls); /* the server outlives it */
void s3_sockets_stop(struct s3_sockets *self);                                  /* breaks what is open */
static inline void s3_sockets_free(struct s3_sockets *self)
{
    if (self != NULL)
        s3_sockets_stop(self);
}
AUTO_DEFINE(s3_sockets)

const char *s3_sockets_url(const struct s3_sockets *self); /* "http://127.0.0.1:41234" */
/* With TLS: what a client has to trust, in PEM. */
const char *s3_sockets_certificate(const struct s3_sockets *self);
