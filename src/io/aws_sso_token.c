/* The token of `aws sso login`, in the cache that AWS's tools share. One that ends soon is renewed as they renew it:
 * where the cache has what that takes, the refresh token and this machine's registration as a client, and both still
 * hold. */
#include <openssl/sha.h>

#include "io/aws_provider.h"
#include "io/file.h"

enum {
    RENEW_BEFORE_S = 15 * 60,
    DOCUMENT_BYTES_MAX = 16 * SECRET_BYTES_MAX /* of a document of that, in JSON's longest words */
};

/* ---- the cache ---- */

static const char *cache_path(const struct aws_search *self, const struct aws_sso *sso)
{
    const char *name = sso->session != NULL ? sso->session : sso->start_url;
    unsigned char digest[SHA_DIGEST_LENGTH];
    char hex[2 * SHA_DIGEST_LENGTH + 1];
    SHA1((const unsigned char *)name, strlen(name), digest);
    for (int i = 0; i < SHA_DIGEST_LENGTH; i++)
        snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    return arena_print(self->arena, "%s/.aws/sso/cache/%s.json", or_empty(aws_variable(self->config, "HOME")), hex);
}

/* Older tools end it in "UTC". */
static bool read_time(const char *text, int64_t *ret_us)
{
    char stamp[STAMP_TEXT];
    size_t len = strlen(or_empty(text));
    bool is_old = len > 3 && len < sizeof(stamp) && strcmp(text + len - 3, "UTC") == 0;
    snprintf(stamp, sizeof(stamp), "%.*s%s", (int)(is_old ? len - 3 : len), or_empty(text), is_old ? "Z" : "");
    return stamp_parse(stamp, ret_us);
}

/* It stands in a header. */
static bool is_token(const char *text)
{
    const char *at = or_empty(text);
    while (*at > ' ' && *at < '\x7F')
        at++;
    return !is_empty(text) && *at == '\0' && strlen(text) <= SECRET_BYTES_MAX;
}

/* What the cache says; texts are the document's. */
struct cached {
    json_t *document;
    const char *token, *expires;
    int64_t expires_us;
};
static void cached_release(struct cached *self) { json_decref(self->document); }

static RC read_document(const char *path, struct cached *ret, struct error *err)
{
    AUTO_RELEASE(secret_buf) text = {0};
    TRY(aws_file_read(path, "the token", &text, err));
    if (aws_json_read(buf_str(&text.buf), &ret->document, err) != RC_OK)
        return fail_in(err, "the token '%s'", path);
    ret->token = json_text(ret->document, "accessToken");
    ret->expires = json_text(ret->document, "expiresAt");
    if (!is_token(ret->token) || !read_time(ret->expires, &ret->expires_us))
        return fail(err, RC_DENIED, "the token '%s' has no accessToken and expiresAt", path);
    return RC_OK;
}

static RC read_cache(const char *path, struct cached *ret, struct error *err)
{
    enum rc rc = read_document(path, ret, err);
    if (rc == RC_NOT_FOUND)
        rc = err->rc = RC_DENIED;
    return rc;
}

/* ---- renewing it ---- */

static bool may_be_renewed(const struct aws_search *self, const struct cached *cached)
{
    struct clock *clock = self->config->clock;
    int64_t registered_until_us;
    return !is_empty(json_text(cached->document, "refreshToken")) &&
           !is_empty(json_text(cached->document, "clientId")) &&
           !is_empty(json_text(cached->document, "clientSecret")) &&
           read_time(json_text(cached->document, "registrationExpiresAt"), &registered_until_us) &&
           registered_until_us > clock->now_us(clock);
}

/* Into the document, whose other fields stay. */
static RC take_answer(struct aws_search *self, const struct http_answer *answer, struct cached *cached,
                      struct error *err)
{
    struct clock *clock = self->config->clock;
    AUTO_JSON *read = NULL;
    char expires[STAMP_TEXT];
    TRY(aws_json_read(buf_str(&answer->body), &read, err));
    const char *token = json_text(read, "accessToken"), *refresh = json_text(read, "refreshToken");
    int64_t seconds = json_int(read, "expiresIn", 0);
    if (!is_token(token) || (refresh != NULL && !is_token(refresh)))
        return fail(err, RC_DATA, "the answer has no accessToken, or one that is none");
    if (seconds <= 0 || seconds > INT32_MAX)
        return fail(err, RC_DATA, "the answer's 'expiresIn' is no number of seconds");
    cached->expires_us = clock->now_us(clock) + seconds * 1000000;
    stamp_print(cached->expires_us, 0, expires);
    json_put_text(cached->document, "accessToken", token);
    json_put_text(cached->document, "expiresAt", expires);
    if (refresh != NULL)
        json_put_text(cached->document, "refreshToken", refresh);
    cached->token = json_text(cached->document, "accessToken");
    cached->expires = json_text(cached->document, "expiresAt");
    return RC_OK;
}

static RC fail_refused(const struct http_answer *answer, struct error *err)
{
    AUTO_JSON *read = NULL;
    struct error ignored;
    bool is_json = aws_json_read(buf_str(&answer->body), &read, &ignored) == RC_OK;
    const char *code = is_json ? or_empty(json_text(read, "error")) : "";
    enum rc rc = answer->status >= 400 && answer->status < 500 && answer->status != 429
                     ? RC_DENIED
                     : http_status_rc(answer->status);
    return fail(err, rc != RC_OK ? rc : RC_FAILED, "HTTP %d%s%.40s", answer->status, code[0] != '\0' ? ", " : "", code);
}

/* CreateToken of AWS's OIDC service, which takes no signature. */
static RC ask_for_token(struct aws_search *self, const struct aws_sso *sso, struct cached *cached, struct error *err)
{
    static const char *const fields[] = {"clientId", "clientSecret", "refreshToken"};
    const struct http_pair headers[] = {{"content-type", "application/json"}};
    AUTO_RELEASE(secret_buf) body = {0};
    AUTO_JSON *document = json_object();
    struct http_answer answer = {0};
    const char *endpoint = aws_endpoint_find(self->config->environment, "SSO_OIDC", self->arena);
    if (endpoint == NULL)
        endpoint = arena_print(self->arena, "https://oidc.%s.amazonaws.com%s", sso->region,
                               strncmp(sso->region, "cn-", 3) == 0 ? ".cn" : "");
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        json_put_text(document, fields[i], json_text(cached->document, fields[i]));
    json_put_text(document, "grantType", "refresh_token");
    secret_buf_init(&body, DOCUMENT_BYTES_MAX);
    json_write_line(document, &body.buf);
    const struct http_request request = {.method = "POST",
                                         .url = arena_print(self->arena, "%s/token", endpoint),
                                         .headers = headers,
                                         .header_count = 1,
                                         .body = buf_str(&body.buf),
                                         .answer_bytes_max = AWS_ANSWER_BYTES_MAX};
    enum rc rc = http_send(self->services, &request, &answer, err);
    if (rc == RC_OK)
        rc = answer.status == 200 ? take_answer(self, &answer, cached, err) : fail_refused(&answer, err);
    aws_answer_wipe(&answer);
    return rc;
}

/* A renewed token that nobody keeps could end the session: the one before, which the cache has, may be void by then. So
 * the folder is looked at before. */
static RC renew(struct aws_search *self, const struct aws_sso *sso, const char *path, struct cached *cached,
                struct error *err)
{
    AUTO_RELEASE(secret_buf) text = {0};
    TRY(file_check_folder(path, err));
    TRY(ask_for_token(self, sso, cached, err));
    secret_buf_init(&text, DOCUMENT_BYTES_MAX);
    json_write_line(cached->document, &text.buf);
    return file_write_atomic(path, buf_str(&text.buf), 0600, err);
}

/* Another process may have renewed it meanwhile, and with that made void what this one had. */
static bool was_renewed(const char *path, struct cached *cached)
{
    struct cached now = {0};
    struct error ignored;
    bool is_newer = read_document(path, &now, &ignored) == RC_OK && now.expires_us > cached->expires_us;
    if (is_newer) {
        cached_release(cached);
        *cached = now;
    } else {
        cached_release(&now);
    }
    return is_newer;
}

RC aws_sso_token(struct aws_search *self, const struct aws_sso *sso, struct secret *ret, struct error *err)
{
    AUTO_RELEASE(cached) cached = {0};
    struct clock *clock = self->config->clock;
    const char *path = cache_path(self, sso);
    TRY(read_cache(path, &cached, err));
    int64_t left_us = cached.expires_us - clock->now_us(clock);
    struct error why = {0};
    if (left_us <= RENEW_BEFORE_S * INT64_C(1000000) && may_be_renewed(self, &cached) &&
        renew(self, sso, path, &cached, &why) != RC_OK)
        (void)was_renewed(path, &cached);
    if (cached.expires_us > clock->now_us(clock)) {
        secret_set(ret, str(cached.token));
        return RC_OK;
    }
    if (why.rc == RC_OK)
        return fail(err, RC_DENIED, "the session expired at %.40s", cached.expires);
    *err = why;
    return fail_in(err, "the session expired at %.40s, and could not be renewed", cached.expires);
}
