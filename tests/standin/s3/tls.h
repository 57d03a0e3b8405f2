/* Bytes of a connection, plain or through TLS. */
#pragma once

#include <openssl/ssl.h>

#include "base/str.h"
#include "standin/s3/sockets.h"

/* A new key, and a certificate of its own making; *ret_pem is malloc'd. NULL for S3_PLAIN. */
SSL_CTX *s3_tls_new(enum s3_tls tls, char **ret_pem);

struct s3_line {
    int fd;
    SSL *ssl; /* NULL: plain */
};
bool s3_line_open(struct s3_line *self, SSL_CTX *context, int fd);   /* takes fd over; false: no handshake */
void s3_line_close(struct s3_line *self, bool rudely);               /* rudely: the client sees a reset */
ssize_t s3_line_read(struct s3_line *self, void *into, size_t most); /* <= 0: it is over */
bool s3_line_write(struct s3_line *self, struct str bytes);
