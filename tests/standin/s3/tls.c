#include "standin/s3/tls.h"

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

static X509 *certificate_new(EVP_PKEY *key, const char *names)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509V3_CTX context;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"waybill tests", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names);
    assert(extension != NULL);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    int signed_bytes = X509_sign(certificate, key, EVP_sha256());
    assert(signed_bytes > 0);
    return certificate;
}

SSL_CTX *s3_tls_new(enum s3_tls tls, char **ret_pem)
{
    if (tls == S3_PLAIN)
        return NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = certificate_new(key, tls == S3_TLS ? "IP:127.0.0.1" : "DNS:elsewhere.example");
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    int ok = SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1;
    assert(ok);
    BIO *memory = BIO_new(BIO_s_mem());
    char *text = NULL;
    PEM_write_bio_X509(memory, certificate);
    long len = BIO_get_mem_data(memory, &text);
    *ret_pem = xcalloc(1, (size_t)len + 1);
    memcpy(*ret_pem, text, (size_t)len);
    BIO_free(memory);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

bool s3_line_open(struct s3_line *self, SSL_CTX *context, int fd)
{
    *self = (struct s3_line){.fd = fd};
    if (context == NULL)
        return true;
    self->ssl = SSL_new(context);
    SSL_set_fd(self->ssl, fd);
    return SSL_accept(self->ssl) == 1;
}

void s3_line_close(struct s3_line *self, bool rudely)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (self->ssl != NULL && !rudely)
        SSL_shutdown(self->ssl);
    SSL_free(self->ssl);
    if (rudely)
        setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(self->fd);
}

ssize_t s3_line_read(struct s3_line *self, void *into, size_t most)
{
    if (self->ssl != NULL)
        return SSL_read(self->ssl, into, most < (1 << 20) ? (int)most : 1 << 20);
    return recv(self->fd, into, most, 0);
}

bool s3_line_write(struct s3_line *self, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = self->ssl != NULL
                           ? SSL_write(self->ssl, bytes.at, bytes.len < (1 << 20) ? (int)bytes.len : 1 << 20)
                           : send(self->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes = (struct str){bytes.at + sent, bytes.len - (size_t)sent};
    }
    return true;
}
