/* The inverse of signing: the request is taken apart, signed with the keys the server knows, and compared. */
#include <strings.h>

#include "io/sigv4.h"
#include "standin/s3/parts.h"

enum { SKEW_US_MAX = 15 * 60 * 1000000 };

/* "20130524T000000Z" as microseconds. */
static bool read_date(const char *text, int64_t *ret_us)
{
    char stamp[STAMP_TEXT];
    if (text == NULL || strlen(text) != 16)
        return false;
    snprintf(stamp, sizeof(stamp), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text, text + 4, text + 6, text + 9, text + 11,
             text + 13);
    return stamp_parse(stamp, ret_us);
}

static bool refuse(struct s3_answer *ret, int status, const char *code, const char *element)
{
    s3_reply_error(ret, status, code, element);
    return false;
}

static bool check_clock(struct s3_server *self, int64_t signed_us, struct s3_answer *ret)
{
    char stamp[STAMP_TEXT], element[128];
    int64_t now_us = self->clock->now_us(self->clock) + self->manners.clock_offset_us;
    int64_t skew_us = now_us > signed_us ? now_us - signed_us : signed_us - now_us;
    if (skew_us <= SKEW_US_MAX)
        return true;
    stamp_print(now_us, 0, stamp);
    snprintf(element, sizeof(element),
             "<ServerTime>%s</ServerTime><MaxAllowedSkewMilliseconds>900000"
             "</MaxAllowedSkewMilliseconds>",
             stamp);
    return refuse(ret, 403, "RequestTimeTooSkewed", element);
}

/* AWS4-HMAC-SHA256 Credential=AKID/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range, Signature=... */
struct authorization {
    char access_key[129], region[64], names[1024];
};

static bool read_authorization(const char *text, struct authorization *ret)
{
    char date[16];
    return text != NULL && sscanf(text,
                                  "AWS4-HMAC-SHA256 Credential=%128[^/]/%15[^/]/%63[^/]/s3/aws4_request, "
                                  "SignedHeaders=%1023[^,], Signature=",
                                  ret->access_key, date, ret->region, ret->names) == 4;
}

static bool is_named(const char *names, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = names; at != NULL; at = strchr(at, ';') != NULL ? strchr(at, ';') + 1 : NULL) {
        if (strncasecmp(at, name, len) == 0 && (at[len] == ';' || at[len] == '\0'))
            return true;
    }
    return false;
}

/* What the signer adds by itself. */
static bool is_added(const char *name)
{
    return strcasecmp(name, "host") == 0 || strcasecmp(name, "x-amz-date") == 0 ||
           strcasecmp(name, "x-amz-content-sha256") == 0 || strcasecmp(name, "x-amz-security-token") == 0;
}

static bool is_signed_right(struct s3_server *self, const struct s3_asked *asked, const struct authorization *got,
                            int64_t signed_us)
{
    struct http_pair headers[S3_PAIRS_MAX];
    int count = 0;
    for (int i = 0; i < asked->request->header_count && count < S3_PAIRS_MAX; i++) {
        if (is_named(got->names, asked->request->headers[i].name) && !is_added(asked->request->headers[i].name))
            headers[count++] = asked->request->headers[i];
    }
    AUTO_RELEASE(aws_credentials) who = {0};
    AUTO_RELEASE(sigv4_signed) own = {0};
    snprintf(who.access_key, sizeof(who.access_key), "%s", self->access_key);
    secret_set(&who.secret_key, str(self->secret_key));
    if (self->session_token != NULL)
        secret_set(&who.session_token, str(self->session_token));
    const struct sigv4_scope scope = SIGV4_S3(self->region);
    const struct sigv4_request request = {.method = asked->request->method,
                                          .host = or_empty(s3_asked_header(asked, "host")),
                                          .path = asked->path.at,
                                          .query = asked->query,
                                          .query_count = asked->query_count,
                                          .headers = headers,
                                          .header_count = count,
                                          .payload = or_empty(s3_asked_header(asked, "x-amz-content-sha256"))};
    sigv4_sign(self->keys, &scope, &request, &who, signed_us, &own);
    return strcmp(own.headers[own.header_count - 1].value, s3_asked_header(asked, "authorization")) == 0 &&
           strcmp(own.target.at, asked->request->target) == 0;
}

static bool check_headers(const struct s3_asked *asked, const struct authorization *got, struct s3_answer *ret)
{
    for (int i = 0; i < asked->request->header_count; i++) {
        const char *name = asked->request->headers[i].name;
        if ((strncasecmp(name, "x-amz-", 6) == 0 || strcasecmp(name, "host") == 0) && !is_named(got->names, name))
            return refuse(ret, 403, "AccessDenied", "<HeadersNotSigned>one of them</HeadersNotSigned>");
    }
    return true;
}

static bool check_payload(const struct s3_asked *asked, struct s3_answer *ret)
{
    const char *named = s3_asked_header(asked, "x-amz-content-sha256");
    char own[SHA256_HEX];
    if (named == NULL)
        return refuse(ret, 400, "InvalidRequest", NULL);
    sha256_hex(asked->body, own);
    if (strcmp(named, SIGV4_UNSIGNED_PAYLOAD) != 0 && strcmp(named, own) != 0)
        return refuse(ret, 400, "XAmzContentSHA256Mismatch", NULL);
    return true;
}

bool s3_check_auth(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    struct authorization got;
    int64_t signed_us = 0;
    char element[128];
    if (!read_authorization(s3_asked_header(asked, "authorization"), &got) ||
        !read_date(s3_asked_header(asked, "x-amz-date"), &signed_us))
        return refuse(ret, 403, "AccessDenied", NULL);
    if (strcmp(got.region, self->region) != 0) {
        snprintf(element, sizeof(element), "<Region>%s</Region>", self->region);
        return refuse(ret, 400, "AuthorizationHeaderMalformed", element);
    }
    if (!check_clock(self, signed_us, ret))
        return false;
    if (strcmp(got.access_key, self->access_key) != 0)
        return refuse(ret, 403, "InvalidAccessKeyId", NULL);
    const char *token = s3_asked_header(asked, "x-amz-security-token");
    if (self->manners.expired_token != NULL && text_eq(token, self->manners.expired_token))
        return refuse(ret, 400, "ExpiredToken", NULL);
    if (!text_eq(token, self->session_token))
        return refuse(ret, 400, "InvalidToken", NULL);
    if (!check_headers(asked, &got, ret))
        return false;
    if (!is_signed_right(self, asked, &got, signed_us))
        return refuse(ret, 403, "SignatureDoesNotMatch", NULL);
    return check_payload(asked, ret);
}
