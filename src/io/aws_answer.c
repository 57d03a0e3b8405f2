/* What several providers of AWS credentials need: settings, JSON answers, one GET. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "io/aws_provider.h"

const char *aws_variable(const struct aws_config *config, const char *name)
{
    const char *value = config->environment(name);
    return is_empty(value) ? NULL : value;
}

RC aws_search_profiles(struct aws_search *self, struct error *err)
{
    return self->profiles != NULL ? RC_OK : aws_profiles_read(self->config->environment, &self->profiles, err);
}

enum rc aws_not_none(struct error *err)
{
    err->rc = err->rc == RC_NOT_FOUND ? RC_CONFIG : err->rc;
    return err->rc;
}

const char *aws_setting(const struct aws_search *self, const char *profile, const char *name)
{
    struct str found = aws_profiles_get(self->profiles, profile, name);
    return found.len != 0 ? arena_str(self->arena, found) : NULL;
}

RC aws_credentials_take(struct str access_key, struct str secret_key, struct str token, struct aws_credentials *ret,
                        struct error *err)
{
    if (access_key.len >= sizeof(ret->access_key) || secret_key.len > SECRET_BYTES_MAX || token.len > SECRET_BYTES_MAX)
        return fail(err, RC_CONFIG,
                    "a key or token is too long: an access key has at most %d characters, the others %d",
                    AWS_ACCESS_KEY_TEXT - 1, SECRET_BYTES_MAX);
    memcpy(ret->access_key, access_key.at, access_key.len);
    ret->access_key[access_key.len] = '\0';
    secret_set(&ret->secret_key, secret_key);
    if (token.len != 0)
        secret_set(&ret->session_token, token);
    return RC_OK;
}

/* jansson's own message would quote what stands near. */
RC aws_json_read(struct str text, json_t **ret, struct error *err)
{
    json_error_t where;
    json_t *read = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, &where);
    if (read == NULL)
        return fail(err, RC_DATA, "the answer is not JSON (line %d, column %d)", where.line, where.column);
    *ret = read;
    return RC_OK;
}

static struct str field(const json_t *answer, const char *name)
{
    const char *text = json_text(answer, name);
    return text != NULL ? str(text) : S("");
}

RC aws_answer_take(const json_t *answer, const struct aws_fields *fields, struct aws_credentials *ret,
                   struct error *err)
{
    struct str access_key = field(answer, fields->access_key), secret_key = field(answer, fields->secret_key);
    const json_t *expires = json_object_get(answer, fields->expires);
    if (access_key.len == 0 || secret_key.len == 0)
        return fail(err, RC_DATA, "the answer has no '%s'",
                    access_key.len == 0 ? fields->access_key : fields->secret_key);
    TRY(aws_credentials_take(access_key, secret_key, field(answer, fields->token), ret, err));
    bool is_beyond = json_is_integer(expires) /* SSO: milliseconds since 1970 */
                     && __builtin_mul_overflow(json_integer_value(expires), 1000, &ret->expires_us);
    if (is_beyond || (json_is_string(expires) && !stamp_parse(json_string_value(expires), &ret->expires_us)))
        return fail(err, RC_DATA, "the answer's '%s' is not a time like 2026-01-31T12:00:00Z", fields->expires);
    return RC_OK;
}

RC aws_file_read(const char *path, const char *what, struct secret_buf *ret, struct error *err)
{
    secret_buf_init(ret, SECRET_BYTES_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 0;
    while (fd >= 0 && ((got = read(fd, ret->buf.at + ret->buf.len, SECRET_BYTES_MAX + 1 - ret->buf.len)) > 0 ||
                       (got < 0 && errno == EINTR)))
        ret->buf.len += got > 0 ? (size_t)got : 0;
    int number = errno;
    if (fd >= 0)
        close(fd);
    ret->buf.at[ret->buf.len] = '\0';
    if (got < 0)
        return fail_errno(err, number, "%s '%s' cannot be read", what, path);
    if (ret->buf.len == 0 || ret->buf.len > SECRET_BYTES_MAX || strlen(ret->buf.at) != ret->buf.len)
        return fail(err, RC_CONFIG, "%s '%s' is empty, larger than %d bytes, or no text", what, path, SECRET_BYTES_MAX);
    return RC_OK;
}

void aws_answer_wipe(struct http_answer *answer)
{
    if (answer->body.at != NULL)
        wipe(answer->body.at, answer->body.size);
    http_answer_release(answer);
}

RC aws_get(struct http *http, const char *url, const struct http_pair *headers, int header_count,
           struct http_answer *answer, struct error *err)
{
    const struct http_request request = {.method = "GET",
                                         .url = url,
                                         .headers = headers,
                                         .header_count = header_count,
                                         .answer_bytes_max = AWS_ANSWER_BYTES_MAX};
    TRY(http_send(http, &request, answer, err));
    enum rc rc = http_status_rc(answer->status);
    if (rc == RC_OK)
        return RC_OK;
    fail(err, rc, "HTTP %d", answer->status);
    err->http_status = answer->status;
    return rc;
}
