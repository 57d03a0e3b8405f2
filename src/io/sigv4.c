#include "io/sigv4.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hash.h"

enum { KEY_BYTES = 32, STAMP_CHARS = 16, DATE_CHARS = 8 };

#define ALGORITHM "AWS4-HMAC-SHA256"

/* ---- signing keys ---- */

struct sigv4_keys {
    pthread_mutex_t lock;
    struct secret secret; /* whose key it is; not set: none yet */
    struct buf scope;     /* "20130524/us-east-1/s3" */
    unsigned char key[KEY_BYTES];
};

struct sigv4_keys *sigv4_keys_new(void)
{
    struct sigv4_keys *self = xcalloc(1, sizeof(*self));
    pthread_mutex_init(&self->lock, NULL);
    return self;
}

void sigv4_keys_free(struct sigv4_keys *self)
{
    if (self == NULL)
        return;
    pthread_mutex_destroy(&self->lock);
    secret_release(&self->secret);
    buf_release(&self->scope);
    wipe(self->key, sizeof(self->key));
    free(self);
}

static void hmac(const void *key, size_t key_len, struct str text, unsigned char ret[KEY_BYTES])
{
    unsigned int len = 0;
    const void *done = HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text.at, text.len, ret, &len);
    assert(done != NULL && len == KEY_BYTES);
}

/* AWS4+secret -> date -> region -> service -> "aws4_request". */
static void key_derive(const char *secret, struct str date, const struct sigv4_scope *scope,
                       unsigned char ret[KEY_BYTES])
{
    unsigned char key[KEY_BYTES];
    struct buf first = {0};
    buf_reserve(&first, strlen(secret) + 4);
    buf_add(&first, "AWS4", 4);
    buf_add(&first, secret, strlen(secret));
    hmac(first.at, first.len, date, ret);
    wipe(first.at, first.size);
    buf_release(&first);
    hmac(ret, KEY_BYTES, str(scope->region), key);
    hmac(key, KEY_BYTES, str(scope->service), ret);
    hmac(ret, KEY_BYTES, S("aws4_request"), key);
    memcpy(ret, key, KEY_BYTES);
    wipe(key, sizeof(key));
}

static void keys_take(struct sigv4_keys *self, const struct secret *secret, struct str date,
                      const struct sigv4_scope *scope, unsigned char ret[KEY_BYTES])
{
    AUTO_RELEASE(buf) name = {0};
    buf_addf(&name, STR_FMT "/%s/%s", STR_ARG(date), scope->region, scope->service);
    pthread_mutex_lock(&self->lock);
    bool known = secret_is_set(&self->secret) && str_eq(buf_str(&name), buf_str(&self->scope)) &&
                 strcmp(secret_reveal(&self->secret), secret_reveal(secret)) == 0;
    if (!known) {
        key_derive(secret_reveal(secret), date, scope, self->key);
        secret_set(&self->secret, str(secret_reveal(secret)));
        buf_reset(&self->scope);
        buf_add_str(&self->scope, buf_str(&name));
    }
    memcpy(ret, self->key, KEY_BYTES);
    pthread_mutex_unlock(&self->lock);
}

/* ---- what is signed ---- */

void sigv4_encode(struct str text, bool keep_slash, struct buf *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    static const char digits[] = "0123456789ABCDEF";
    buf_reserve(out, 3 * text.len);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (memchr(plain, c, sizeof(plain) - 1) != NULL || (keep_slash && c == '/'))
            buf_add(out, text.at + i, 1);
        else
            buf_add(out, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
    }
}

/* Resolves ".", ".." and "//"; a slash at the end stays. */
static void path_normalize(const char *path, struct buf *out)
{
    bool is_folder = true;
    while (*path != '\0') {
        path += strspn(path, "/");
        struct str segment = {path, strcspn(path, "/")};
        path += segment.len;
        is_folder = segment.len == 0 || str_eq(segment, S(".")) || str_eq(segment, S(".."));
        if (str_eq(segment, S(".."))) {
            while (out->len > 0 && out->at[--out->len] != '/')
                continue;
        } else if (!is_folder) {
            buf_add(out, "/", 1);
            buf_add_str(out, segment);
        }
    }
    if (is_folder)
        buf_add(out, "/", 1);
}

/* The path as it is sent, and in `*ret_signed` as it is signed. */
static void add_path(const struct sigv4_scope *scope, const char *path, struct buf *sent, struct buf *ret_signed)
{
    AUTO_RELEASE(buf) plain = {0};
    assert(path[0] == '/');
    if (scope->path_normalized)
        path_normalize(path, &plain);
    else
        buf_add_str(&plain, str(path));
    sigv4_encode(buf_str(&plain), true, sent);
    if (scope->path_encoded_twice)
        sigv4_encode(buf_str(sent), true, ret_signed);
    else
        buf_add_str(ret_signed, buf_str(sent));
}

/* Pairs in one buffer, sorted: `at` is where each begins. */
struct pairs {
    struct {
        size_t name, value, end;
    } items[SIGV4_PAIRS_MAX + SIGV4_ADDED_HEADERS_MAX];
    int count;
    struct secret_buf text; /* a session token may be among them */
};

static void pairs_release(struct pairs *self) { secret_buf_release(&self->text); }

static struct str pair_name(const struct pairs *self, int i)
{
    return (struct str){self->text.buf.at + self->items[i].name, self->items[i].value - self->items[i].name};
}

static struct str pair_value(const struct pairs *self, int i)
{
    return (struct str){self->text.buf.at + self->items[i].value, self->items[i].end - self->items[i].value};
}

static size_t encoded_bytes_max(const struct http_pair *pairs, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += 3 * (strlen(pairs[i].name) + strlen(pairs[i].value));
    return bytes;
}

/* Room for all texts at once: a buffer that moves would leave a token behind. */
static void pairs_reserve(struct pairs *self, const struct http_pair *some, int some_count,
                          const struct http_pair *others, int other_count)
{
    assert(some_count <= SIGV4_PAIRS_MAX);
    buf_reserve(&self->text.buf, encoded_bytes_max(some, some_count) + encoded_bytes_max(others, other_count));
}

/* Sorts the item at the end in, behind its equals. */
static void pairs_sort_last(struct pairs *self, bool by_value)
{
    for (int i = self->count - 1; i > 0; i--) {
        int order = str_cmp(pair_name(self, i - 1), pair_name(self, i));
        if (order == 0 && by_value)
            order = str_cmp(pair_value(self, i - 1), pair_value(self, i));
        if (order <= 0)
            return;
        __typeof__(self->items[0]) swap = self->items[i];
        self->items[i] = self->items[i - 1];
        self->items[i - 1] = swap;
    }
}

static void query_add(struct pairs *self, const struct http_pair *pair)
{
    struct buf *text = &self->text.buf;
    assert(self->count < (int)(sizeof(self->items) / sizeof(self->items[0])));
    size_t name = text->len;
    sigv4_encode(str(pair->name), false, text);
    size_t value = text->len;
    sigv4_encode(str(pair->value), false, text);
    self->items[self->count].name = name;
    self->items[self->count].value = value;
    self->items[self->count++].end = text->len;
    pairs_sort_last(self, true);
}

static void query_print(const struct pairs *self, struct buf *out)
{
    for (int i = 0; i < self->count; i++) {
        buf_add(out, "&", i > 0);
        buf_add_str(out, pair_name(self, i));
        buf_add(out, "=", 1);
        buf_add_str(out, pair_value(self, i));
    }
}

/* Headers that proxies and client libraries add or change on the way. */
static bool header_is_signed(const char *name)
{
    static const char *const left_out[] = {
        "connection", "expect",     "keep-alive",      "te", "trailer", "transfer-encoding",
        "upgrade",    "user-agent", "x-amzn-trace-id",
    };
    if (strncasecmp(name, "proxy-", 6) == 0)
        return false;
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        if (strcasecmp(name, left_out[i]) == 0)
            return false;
    }
    return true;
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Lower-case name; the value trimmed, with one space for each run of blanks. */
static void header_add(struct pairs *self, const struct http_pair *pair)
{
    struct buf *text = &self->text.buf;
    assert(self->count < (int)(sizeof(self->items) / sizeof(self->items[0])));
    if (!header_is_signed(pair->name))
        return;
    self->items[self->count].name = text->len;
    for (const char *at = pair->name; *at != '\0'; at++)
        buf_add(text, (char[]){(char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at)}, 1);
    self->items[self->count].value = text->len;
    for (const char *at = pair->value; *at != '\0'; at++) {
        bool after_text = text->len > self->items[self->count].value;
        if (!is_blank(*at))
            buf_add(text, at, 1);
        else if (after_text && at[1] != '\0' && !is_blank(at[1]))
            buf_add(text, " ", 1);
    }
    self->items[self->count++].end = text->len;
    pairs_sort_last(self, false);
}

/* "name:value\n", repeated names joined by commas, or the names alone, joined by semicolons. */
static void headers_print(const struct pairs *self, bool names_only, struct buf *out)
{
    for (int i = 0; i < self->count; i++) {
        bool repeated = i > 0 && str_eq(pair_name(self, i - 1), pair_name(self, i));
        bool last = i + 1 == self->count || !str_eq(pair_name(self, i), pair_name(self, i + 1));
        if (!repeated) {
            buf_add(out, ";", names_only && i > 0);
            buf_add_str(out, pair_name(self, i));
        }
        if (names_only)
            continue;
        buf_add(out, repeated ? "," : ":", 1);
        buf_add_str(out, pair_value(self, i));
        buf_add(out, "\n", last);
    }
}

/* ---- the signature ---- */

struct signing {
    struct sigv4_keys *keys;
    const struct sigv4_scope *scope;
    const struct sigv4_request *request;
    const struct aws_credentials *who;
    char stamp[STAMP_CHARS + 1]; /* 20130524T000000Z */
    struct str date;
    struct buf path, credential,
        signed_names; /* the path as signed; "20130524/us-east-1/s3/aws4_request"; "host;..." */
    struct pairs query, headers;
};

static void signing_release(struct signing *self)
{
    buf_release(&self->path);
    buf_release(&self->credential);
    buf_release(&self->signed_names);
    pairs_release(&self->query);
    pairs_release(&self->headers);
}

static void signing_init(struct signing *self, int64_t now_us, struct sigv4_signed *ret)
{
    char stamp[STAMP_TEXT];
    stamp_print(now_us, 0, stamp);
    int len = 0;
    for (const char *at = stamp; *at != '\0'; at++) {
        if (*at != '-' && *at != ':')
            self->stamp[len++] = *at;
    }
    assert(len == STAMP_CHARS);
    self->date = (struct str){self->stamp, DATE_CHARS};
    buf_addf(&self->credential, STR_FMT "/%s/%s/aws4_request", STR_ARG(self->date), self->scope->region,
             self->scope->service);
    sigv4_signed_release(ret);
    add_path(self->scope, self->request->path, &ret->target, &self->path);
}

static void signing_take_headers(struct signing *self, const struct sigv4_signed *added)
{
    const struct sigv4_request *request = self->request;
    pairs_reserve(&self->headers, request->headers, request->header_count, added->headers, added->header_count);
    for (int i = 0; i < request->header_count; i++)
        header_add(&self->headers, &request->headers[i]);
    for (int i = 0; i < added->header_count; i++)
        header_add(&self->headers, &added->headers[i]);
    headers_print(&self->headers, true, &self->signed_names);
}

static void add_line(struct sha256 *digest, struct str line)
{
    sha256_add(digest, line);
    sha256_add(digest, S("\n"));
}

/* Once path, query and headers are all there. */
static void signing_end(struct signing *self, char ret_hex[SHA256_HEX])
{
    AUTO_RELEASE(secret_buf) text = {0};
    AUTO_RELEASE(buf) to_sign = {0};
    AUTO(sha256) *digest = sha256_new();
    char hex[SHA256_HEX];
    unsigned char key[KEY_BYTES], signature[KEY_BYTES];
    buf_reserve(&text.buf, self->headers.text.buf.len + self->query.text.buf.len + 3 * (size_t)SIGV4_PAIRS_MAX);
    add_line(digest, str(self->request->method));
    add_line(digest, buf_str(&self->path));
    query_print(&self->query, &text.buf);
    add_line(digest, buf_str(&text.buf));
    buf_reset(&text.buf);
    headers_print(&self->headers, false, &text.buf);
    add_line(digest, buf_str(&text.buf));
    add_line(digest, buf_str(&self->signed_names));
    sha256_add(digest, str(self->request->payload));
    sha256_end(digest, hex);
    buf_addf(&to_sign, ALGORITHM "\n%s\n" STR_FMT "\n%s", self->stamp, STR_ARG(buf_str(&self->credential)), hex);
    keys_take(self->keys, &self->who->secret_key, self->date, self->scope, key);
    hmac(key, sizeof(key), buf_str(&to_sign), signature);
    wipe(key, sizeof(key));
    for (int i = 0; i < KEY_BYTES; i++)
        snprintf(ret_hex + 2 * (ptrdiff_t)i, 3, "%02x", signature[i]);
}

/* ---- the request that is sent ---- */

/* The value is copied; there must be room, so that nothing moves. */
static void added_header(struct sigv4_signed *ret, const char *name, const char *value)
{
    assert(ret->memory.len + strlen(value) + 2 <= ret->memory.size);
    ret->headers[ret->header_count++] = (struct http_pair){name, ret->memory.at + ret->memory.len};
    buf_add(&ret->memory, value, strlen(value) + 1);
}

static void added_headers_begin(const struct signing *self, struct sigv4_signed *ret)
{
    const char *token = secret_reveal(&self->who->session_token);
    size_t names = 0;
    for (int i = 0; i < self->request->header_count; i++)
        names += strlen(self->request->headers[i].name) + 1;
    buf_reserve(&ret->memory, strlen(self->request->host) + strlen(self->request->payload) + strlen(token) + names +
                                  strlen(self->who->access_key) + self->credential.len + 512);
    added_header(ret, "host", self->request->host);
    if (self->scope->sends_payload_hash)
        added_header(ret, "x-amz-content-sha256", self->request->payload);
    added_header(ret, "x-amz-date", self->stamp);
    if (secret_is_set(&self->who->session_token))
        added_header(ret, "x-amz-security-token", token);
}

void sigv4_sign(struct sigv4_keys *keys, const struct sigv4_scope *scope, const struct sigv4_request *request,
                const struct aws_credentials *who, int64_t now_us, struct sigv4_signed *ret)
{
    AUTO_RELEASE(signing) self = {.keys = keys, .scope = scope, .request = request, .who = who};
    AUTO_RELEASE(buf) authorization = {0};
    char signature[SHA256_HEX];
    signing_init(&self, now_us, ret);
    added_headers_begin(&self, ret);
    signing_take_headers(&self, ret);
    pairs_reserve(&self.query, request->query, request->query_count, NULL, 0);
    for (int i = 0; i < request->query_count; i++)
        query_add(&self.query, &request->query[i]);
    signing_end(&self, signature);
    buf_add(&ret->target, "?", request->query_count > 0);
    query_print(&self.query, &ret->target);
    buf_addf(&authorization, ALGORITHM " Credential=%s/" STR_FMT ", SignedHeaders=" STR_FMT ", Signature=%s",
             who->access_key, STR_ARG(buf_str(&self.credential)), STR_ARG(buf_str(&self.signed_names)), signature);
    added_header(ret, "authorization", authorization.at);
}

void sigv4_signed_release(struct sigv4_signed *self)
{
    if (self->memory.at != NULL)
        wipe(self->memory.at, self->memory.size);
    buf_release(&self->memory);
    buf_release(&self->target);
    self->header_count = 0;
}
