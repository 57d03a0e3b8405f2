/* Keys of a container: ECS's agent, EKS's pod identity, Greengrass, CloudShell ... */
#include <arpa/inet.h>

#include "io/aws_provider.h"

/* ---- the address ---- */

static bool is_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, host, &four) == 1)
        return (ntohl(four.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* Whoever sets the variable could otherwise have the token sent anywhere in the clear. */
static bool is_allowed(const char *host)
{
    static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        if (text_eq(hosts[i], host))
            return true;
    }
    return is_loopback(host);
}

/* The host of "http://host:port/path" or "http://[::1]/path", as a text of the arena; NULL: there is none. */
static const char *host_of(const char *url, struct arena *arena)
{
    const char *begin = strstr(url, "://");
    if (begin == NULL)
        return NULL;
    begin += 3;
    size_t len = strcspn(begin, "/?#");
    if (memchr(begin, '@', len) != NULL || memchr(begin, '\\', len) != NULL)
        return NULL;
    if (begin[0] == '[') {
        const char *end = memchr(begin, ']', len);
        return end != NULL ? arena_str(arena, (struct str){begin + 1, (size_t)(end - begin) - 1}) : NULL;
    }
    len = strcspn(begin, ":/?#");
    return len > 0 ? arena_str(arena, (struct str){begin, len}) : NULL;
}

static RC check_url(const char *url, struct arena *arena, struct error *err)
{
    const char *host = host_of(url, arena);
    if (host != NULL && strncmp(url, "https://", 8) == 0)
        return RC_OK;
    if (host != NULL && strncmp(url, "http://", 7) == 0 && is_allowed(host))
        return RC_OK;
    fail(err, RC_CONFIG, "AWS_CONTAINER_CREDENTIALS_FULL_URI leads to %s%s%s", host != NULL ? "'" : "no host",
         or_empty(host), host != NULL ? "'" : "");
    return fail_todo(err, "without https it may lead to this machine (127.0.0.1, ::1, localhost), 169.254.170.2, "
                          "169.254.170.23 or fd00:ec2::23 only");
}

/* ---- the token ---- */

/* Nothing: none is wanted. */
static RC find_token(const struct aws_config *config, struct secret_buf *ret, struct error *err)
{
    const char *file = aws_variable(config, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = aws_variable(config, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (file != NULL) {
        TRY(aws_file_read(file, "the container's token", ret,
                          err)); /* each time: it is written anew before it expires */
    } else {
        secret_buf_init(ret, SECRET_BYTES_MAX);
        if (strlen(or_empty(token)) <= SECRET_BYTES_MAX)
            buf_add_str(&ret->buf, str(or_empty(token)));
    }
    if (strpbrk(buf_str(&ret->buf).at, "\r\n") != NULL)
        return fail(err, RC_CONFIG, "%s holds a line break, which no header can have",
                    file != NULL ? "the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
                                 : "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    return RC_OK;
}

/* ---- asking ---- */

/* Once: whoever needs the keys tries again. */
static RC ask(struct aws_search *self, const char *url, struct aws_credentials *ret, struct error *err)
{
    static const struct aws_fields fields = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
    AUTO_RELEASE(secret_buf) token = {0};
    AUTO_JSON *read = NULL;
    struct http_answer answer = {0};
    TRY(find_token(self->config, &token, err));
    struct http_pair headers[] = {{"accept", "application/json"}, {"authorization", token.buf.at}};
    enum rc rc = aws_get(self->metadata, url, headers, token.buf.len > 0 ? 2 : 1, &answer, err);
    if (rc == RC_OK)
        rc = aws_json_read(buf_str(&answer.body), &read, err);
    if (rc == RC_OK)
        rc = aws_answer_take(read, &fields, ret, err);
    aws_answer_wipe(&answer);
    return rc;
}

RC aws_container_look(struct aws_search *self, struct aws_credentials *ret, struct error *err)
{
    const char *relative = aws_variable(self->config, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = aws_variable(self->config, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative == NULL && full == NULL) {
        buf_addf(self->looked, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and ..._FULL_URI are not set");
        return RC_NOT_FOUND;
    }
    const char *url = relative != NULL ? arena_print(self->arena, "http://169.254.170.2%s", relative) : full;
    if (relative != NULL && relative[0] != '/')
        return fail(err, RC_CONFIG, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a '/'");
    TRY(check_url(url, self->arena, err));
    const char *host = host_of(url, self->arena);
    if (ask(self, url, ret, err) != RC_OK) {
        fail_in(err, "the container's credentials at '%s'", host);
        return aws_not_none(err);
    }
    snprintf(ret->from, sizeof(ret->from), "the container's role (%.200s)", host);
    return RC_OK;
}
