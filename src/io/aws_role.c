/* Roles that are taken for a while at STS: AssumeRole, signed with other keys, and AssumeRoleWithWebIdentity, with a
 * token that somebody else's identity provider wrote into a file. */
#include "base/hash.h"
#include "io/aws_provider.h"
#include "io/sigv4.h"
#include "io/xml.h"

enum { FORM_BYTES_MAX = SECRET_BYTES_MAX * 3 + 8192 };

/* ---- where STS is ---- */

/* Where "legacy" means the one endpoint that was there first. */
static bool is_legacy_region(const char *region)
{
    static const char *const regions[] = {"ap-northeast-1", "ap-south-1",   "ap-southeast-1", "ap-southeast-2",
                                          "aws-global",     "ca-central-1", "eu-central-1",   "eu-north-1",
                                          "eu-west-1",      "eu-west-2",    "eu-west-3",      "sa-east-1",
                                          "us-east-1",      "us-east-2",    "us-west-1",      "us-west-2"};
    for (size_t i = 0; i < sizeof(regions) / sizeof(*regions); i++) {
        if (text_eq(regions[i], region))
            return true;
    }
    return false;
}

struct sts_place {
    const char *origin, *region; /* "https://host", and the region to sign for */
};

static RC find_region(struct aws_search *self, struct error *err)
{
    self->region = self->config->region;
    if (self->region == NULL)
        TRY(aws_region_find(self->config, self->arena, &self->region, err));
    return RC_OK;
}

static bool wants_legacy(const struct aws_search *self)
{
    const char *said = aws_variable(self->config, "AWS_STS_REGIONAL_ENDPOINTS");
    if (said == NULL)
        said = aws_setting(self, self->profile, "sts_regional_endpoints");
    return said != NULL && strcasecmp(said, "legacy") == 0;
}

static RC find_place(struct aws_search *self, struct sts_place *ret, struct error *err)
{
    TRY(aws_search_profiles(self, err));
    TRY(find_region(self, err));
    const char *region = self->region, *endpoint = self->config->sts_endpoint;
    if (endpoint == NULL)
        endpoint = aws_endpoint_find(self->config->environment, "STS", self->arena);
    if (endpoint != NULL && strncmp(endpoint, "https://", 8) != 0 && strncmp(endpoint, "http://", 7) != 0)
        return fail(err, RC_CONFIG, "the endpoint of STS is '%s', which does not begin with https:// or http://",
                    endpoint);
    *ret = (struct sts_place){endpoint, region != NULL ? region : "us-east-1"};
    if (endpoint != NULL)
        return RC_OK;
    if (region == NULL || (wants_legacy(self) && is_legacy_region(region)))
        *ret = (struct sts_place){"https://sts.amazonaws.com", "us-east-1"};
    else
        ret->origin = arena_print(self->arena, "https://sts.%s.amazonaws.com%s", region,
                                  strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    return RC_OK;
}

/* ---- the answer ---- */

struct sts_answer {
    struct aws_credentials *keys;
    char access_key[AWS_ACCESS_KEY_TEXT], expires[STAMP_TEXT], code[64], message[256];
};

static bool ends_in(const char *path, const char *end)
{
    size_t len = strlen(path), end_len = strlen(end);
    return len >= end_len && strcmp(path + len - end_len, end) == 0;
}

static void take_element(void *context, const char *path, const char *text)
{
    struct sts_answer *self = context;
    struct str value = str(text);
    if (ends_in(path, "/Credentials/AccessKeyId"))
        snprintf(self->access_key, sizeof(self->access_key), "%s", text);
    else if (ends_in(path, "/Credentials/SecretAccessKey") && value.len <= SECRET_BYTES_MAX)
        secret_set(&self->keys->secret_key, value);
    else if (ends_in(path, "/Credentials/SessionToken") && value.len <= SECRET_BYTES_MAX)
        secret_set(&self->keys->session_token, value);
    else if (ends_in(path, "/Credentials/Expiration"))
        snprintf(self->expires, sizeof(self->expires), "%s", text);
    else if (ends_in(path, "Error/Code"))
        snprintf(self->code, sizeof(self->code), "%s", text);
    else if (ends_in(path, "Error/Message"))
        snprintf(self->message, sizeof(self->message), "%s", text);
}

static enum rc rc_of(int status, const char *code)
{
    if (text_eq(code, "IDPCommunicationError") || text_eq(code, "Throttling"))
        return RC_THROTTLED;
    if (text_eq(code, "ValidationError") || text_eq(code, "RegionDisabledException"))
        return RC_CONFIG;
    if (status == 400) /* ExpiredTokenException, InvalidIdentityToken, IDPRejectedClaim ... */
        return RC_DENIED;
    enum rc rc = http_status_rc(status);
    return rc != RC_OK ? rc : RC_FAILED;
}

static RC take_answer(const struct http_answer *answer, struct aws_credentials *ret, struct error *err)
{
    struct sts_answer read = {.keys = ret};
    const struct xml_reader reader = {take_element, &read};
    bool is_whole = xml_read(buf_str(&answer->body), &reader);
    if (answer->status < 200 || answer->status >= 300) {
        fail(err, rc_of(answer->status, read.code), "HTTP %d%s%s%s%s", answer->status, read.code[0] != '\0' ? ", " : "",
             read.code, read.message[0] != '\0' ? ": " : "", read.message);
        err->http_status = answer->status;
        snprintf(err->vendor, sizeof(err->vendor), "%.23s", read.code);
        return err->rc;
    }
    bool has_all = read.access_key[0] != '\0' && secret_is_set(&ret->secret_key) && secret_is_set(&ret->session_token);
    if (!is_whole || !has_all || !stamp_parse(read.expires, &ret->expires_us))
        return fail(err, RC_DATA, "the answer holds no keys with a token and a time they expire at");
    memcpy(ret->access_key, read.access_key, sizeof(ret->access_key));
    return RC_OK;
}

/* ---- the request ---- */

static void add_field(struct secret_buf *form, const char *name, const char *value)
{
    if (is_empty(value))
        return;
    buf_addf(&form->buf, "%s%s=", form->buf.len > 0 ? "&" : "", name);
    sigv4_encode(str(value), false, &form->buf);
}

/* `by` NULL: the request says who asks, and is not signed. */
static RC send_to(struct aws_search *self, const struct sts_place *place, struct str form,
                  const struct aws_credentials *by, struct aws_credentials *ret, struct error *err)
{
    struct http_pair headers[1 + SIGV4_ADDED_HEADERS_MAX] = {
        {"content-type", "application/x-www-form-urlencoded; charset=utf-8"}};
    int count = 1;
    AUTO_RELEASE(sigv4_signed) with = {0};
    AUTO(sigv4_keys) *keys = sigv4_keys_new();
    struct http_answer answer = {0};
    if (by != NULL) {
        char payload[SHA256_HEX];
        sha256_hex(form, payload);
        const struct sigv4_scope scope = SIGV4_SERVICE(place->region, "sts");
        const struct sigv4_request request = {.method = "POST",
                                              .host = strstr(place->origin, "://") + 3,
                                              .path = "/",
                                              .headers = headers,
                                              .header_count = 1,
                                              .payload = payload};
        sigv4_sign(keys, &scope, &request, by, self->config->clock->now_us(self->config->clock), &with);
        for (int i = 0; i < with.header_count; i++)
            headers[count++] = with.headers[i];
    }
    const struct http_request request = {.method = "POST",
                                         .url = arena_print(self->arena, "%s/", place->origin),
                                         .headers = headers,
                                         .header_count = count,
                                         .body = form,
                                         .answer_bytes_max = AWS_ANSWER_BYTES_MAX};
    enum rc rc = http_send(self->services, &request, &answer, err);
    if (rc == RC_OK)
        rc = take_answer(&answer, ret, err);
    aws_answer_wipe(&answer);
    return rc;
}

/* Once: whoever needs the keys tries again. */
static RC send(struct aws_search *self, struct str form, const struct aws_credentials *by, struct aws_credentials *ret,
               struct error *err)
{
    struct sts_place place = {0};
    TRY(find_place(self, &place, err));
    return send_to(self, &place, form, by, ret, err) != RC_OK ? fail_in(err, "asking STS at %s", place.origin) : RC_OK;
}

static void begin_form(struct secret_buf *form, const char *action, const struct aws_role *role)
{
    secret_buf_init(form, FORM_BYTES_MAX);
    add_field(form, "Action", action);
    add_field(form, "Version", "2011-06-15");
    add_field(form, "RoleArn", role->arn);
    add_field(form, "RoleSessionName", is_empty(role->session_name) ? "waybill" : role->session_name);
    add_field(form, "DurationSeconds", role->duration_s);
    add_field(form, "ExternalId", role->external_id);
}

static RC check_role(const struct aws_role *role, struct error *err)
{
    const char *const texts[] = {role->arn, role->session_name, role->external_id, role->duration_s};
    int64_t duration_s;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (texts[i] != NULL && strlen(texts[i]) > 2048)
            return fail(err, RC_CONFIG, "role_arn, role_session_name or external_id is longer than 2048 characters");
    }
    if (!is_empty(role->duration_s) && !str_to_int64(str(role->duration_s), &duration_s))
        return fail(err, RC_CONFIG, "duration_seconds is '%.40s', which is no number", role->duration_s);
    return RC_OK;
}

RC aws_role_take(struct aws_search *self, const struct aws_role *role, const struct aws_credentials *by,
                 struct aws_credentials *ret, struct error *err)
{
    AUTO_RELEASE(secret_buf) form = {0};
    TRY(check_role(role, err));
    begin_form(&form, "AssumeRole", role);
    if (send(self, buf_str(&form.buf), by, ret, err) != RC_OK) {
        fail_in(err, "taking the role '%.200s' with the keys of %.200s", role->arn, by->from);
        if (err->rc == RC_DENIED)
            fail_todo(err,
                      "the role's trust policy must name who takes it (access key %s), with the external_id if it asks "
                      "for one, and that one must be allowed sts:AssumeRole",
                      by->access_key);
        return aws_not_none(err);
    }
    snprintf(ret->from, sizeof(ret->from), "the role %.120s, taken with the keys of %.150s", role->arn, by->from);
    return RC_OK;
}

/* ---- web identity ---- */

static RC read_token(const char *path, struct secret_buf *ret, struct error *err)
{
    TRY(aws_file_read(path, "the web identity's token", ret,
                      err)); /* each time: it is written anew before it expires */
    while (ret->buf.len > 0 && strchr("\r\n", ret->buf.at[ret->buf.len - 1]) != NULL)
        ret->buf.at[--ret->buf.len] = '\0';
    return RC_OK;
}

static RC take_by_token(struct aws_search *self, const struct aws_role *role, const char *token_file,
                        struct aws_credentials *ret, struct error *err)
{
    AUTO_RELEASE(secret_buf) token = {0}, form = {0};
    TRY(check_role(role, err));
    TRY(read_token(token_file, &token, err));
    begin_form(&form, "AssumeRoleWithWebIdentity", role);
    add_field(&form, "WebIdentityToken", token.buf.at);
    return send(self, buf_str(&form.buf), NULL, ret, err);
}

RC aws_role_take_by_token(struct aws_search *self, const struct aws_role *role, const char *token_file,
                          struct aws_credentials *ret, struct error *err)
{
    if (take_by_token(self, role, token_file, ret, err) != RC_OK) {
        fail_in(err, "taking the role '%.200s' with the token in '%.200s'", role->arn, token_file);
        return aws_not_none(err);
    }
    snprintf(ret->from, sizeof(ret->from), "the role %.120s, taken with the token in '%.150s'", role->arn, token_file);
    return RC_OK;
}
