/* Keys of the role that an EC2 machine has, from its metadata service, version 2 only. One attempt with little
 * patience: where there is no such service, this is the last place that is looked at, and somebody waits. */
#include "io/aws_provider.h"

enum { TOKEN_TTL_S = 21600, TOKEN_BYTES_MAX = 4096, ROLE_BYTES_MAX = 128 };

struct machine {
    struct aws_search *search;
    const char *origin; /* "http://169.254.169.254" */
    struct secret_buf token;
};

/* ---- the service ---- */

static const char *said(const struct aws_search *self, const char *variable, const char *setting)
{
    const char *value = aws_variable(self->config, variable);
    return value != NULL ? value : aws_setting(self, self->profile, setting);
}

static RC find_origin(struct machine *self, struct error *err)
{
    struct aws_search *search = self->search;
    const char *endpoint = said(search, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
    const char *mode = said(search, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
    if (mode != NULL && strcasecmp(mode, "ipv4") != 0 && strcasecmp(mode, "ipv6") != 0)
        return fail(err, RC_CONFIG, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is '%.40s', and not IPv4 or IPv6", mode);
    if (endpoint == NULL)
        endpoint = mode != NULL && strcasecmp(mode, "ipv6") == 0 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    if (strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0)
        return fail(err, RC_CONFIG,
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT is '%.100s', which does not begin with http:// or https://",
                    endpoint);
    size_t len = strlen(endpoint);
    while (len > 0 && endpoint[len - 1] == '/')
        len--;
    self->origin = arena_str(search->arena, (struct str){endpoint, len});
    return RC_OK;
}

/* How long what can stand in a header or a URL is. */
static size_t word_length(struct str text)
{
    size_t len = 0;
    while (len < text.len && text.at[len] > ' ' && text.at[len] < 0x7F)
        len++;
    return len;
}

static RC get_token(struct machine *self, struct error *err)
{
    static const struct http_pair headers[] = {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}};
    _Static_assert(TOKEN_TTL_S == 21600, "as the header says");
    const struct http_request request = {.method = "PUT",
                                         .url = arena_print(self->search->arena, "%s/latest/api/token", self->origin),
                                         .headers = headers,
                                         .header_count = 1,
                                         .answer_bytes_max = TOKEN_BYTES_MAX};
    struct http_answer answer = {0};
    secret_buf_init(&self->token, TOKEN_BYTES_MAX);
    enum rc rc = http_send(self->search->metadata, &request, &answer, err);
    struct str token = buf_str(&answer.body);
    if (rc == RC_OK && (answer.status != 200 || token.len == 0 || word_length(token) != token.len))
        rc = fail(err, RC_UNAVAILABLE, "HTTP %d to the request for a token", answer.status);
    if (rc == RC_OK)
        buf_add_str(&self->token.buf, token);
    aws_answer_wipe(&answer);
    return rc;
}

static RC get(const struct machine *self, const char *path, struct http_answer *answer, struct error *err)
{
    const struct http_pair headers[] = {{"x-aws-ec2-metadata-token", self->token.buf.at}};
    const char *url = arena_print(self->search->arena, "%s/latest/meta-data/%s", self->origin, path);
    return aws_get(self->search->metadata, url, headers, 1, answer, err);
}

/* ---- what it says ---- */

/* One short line; NULL: something else, or nothing. */
static const char *get_word(const struct machine *self, const char *path, struct error *err)
{
    struct http_answer answer = {0};
    const char *word = NULL;
    if (get(self, path, &answer, err) == RC_OK) {
        struct str text = buf_str(&answer.body);
        size_t len = 0, most = word_length(text);
        while (len < most && strchr("/?#%", text.at[len]) == NULL)
            len++;
        if (len > 0 && len <= ROLE_BYTES_MAX)
            word = arena_str(self->search->arena, (struct str){text.at, len});
        else
            fail(err, RC_NOT_FOUND, "nothing in the answer");
    }
    http_answer_release(&answer);
    return word;
}

static RC get_keys(const struct machine *self, const char *role, struct aws_credentials *ret, struct error *err)
{
    static const struct aws_fields fields = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
    AUTO_JSON *read = NULL;
    struct http_answer answer = {0};
    const char *path = arena_print(self->search->arena, "iam/security-credentials/%s", role);
    enum rc rc = get(self, path, &answer, err);
    if (rc == RC_OK)
        rc = aws_json_read(buf_str(&answer.body), &read, err);
    const char *code = json_text(read, "Code");
    if (rc == RC_OK && code != NULL && !text_eq(code, "Success"))
        rc = fail(err, RC_DENIED, "%.60s: %.200s", code, or_empty(json_text(read, "Message")));
    if (rc == RC_OK)
        rc = aws_answer_take(read, &fields, ret, err);
    aws_answer_wipe(&answer);
    return rc;
}

/* Nobody there, or no role: the search goes on, and ends. */
static RC is_none(struct aws_search *self, const char *origin, const struct error *why)
{
    buf_addf(self->looked, "the EC2 metadata service at %s: %.200s", origin, why->text);
    return RC_NOT_FOUND;
}

static RC look(struct machine *self, struct aws_credentials *ret, struct error *err)
{
    TRY(find_origin(self, err));
    enum rc rc = get_token(self, err);
    if (rc == RC_INTERRUPTED || rc == RC_TERMINATED)
        return rc;
    if (rc != RC_OK)
        return is_none(self->search, self->origin, err);
    const char *role = get_word(self, "iam/security-credentials/", err);
    if (role == NULL && err->rc == RC_NOT_FOUND) {
        buf_addf(self->search->looked, "the EC2 metadata service at %s: this machine has no role", self->origin);
        return RC_NOT_FOUND;
    }
    if (role == NULL)
        return fail_in(err, "the EC2 metadata service at %s", self->origin);
    if (get_keys(self, role, ret, err) != RC_OK) {
        fail_in(err, "the EC2 machine's role '%s'", role);
        return aws_not_none(err);
    }
    struct error ignored; /* S3 tells where the bucket is */
    const char *region = get_word(self, "placement/region", &ignored);
    snprintf(ret->region, sizeof(ret->region), "%.63s", or_empty(region));
    snprintf(ret->from, sizeof(ret->from), "the EC2 machine's role '%s'", role);
    return RC_OK;
}

RC aws_machine_look(struct aws_search *self, struct aws_credentials *ret, struct error *err)
{
    const char *off = aws_variable(self->config, "AWS_EC2_METADATA_DISABLED");
    if (off != NULL && strcasecmp(off, "true") == 0) {
        buf_addf(self->looked, "AWS_EC2_METADATA_DISABLED is set");
        return RC_NOT_FOUND;
    }
    struct machine machine = {.search = self};
    enum rc rc = look(&machine, ret, err);
    secret_buf_release(&machine.token);
    return rc;
}
