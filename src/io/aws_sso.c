/* Keys of a profile that was signed in by `aws sso login`: the token that wrote (aws_sso_token.c), exchanged for a
 * role's keys. */
#include "io/aws_provider.h"
#include "io/sigv4.h"

/* A setting of the profile, or of its sso-session; both may have it where they agree. */
static RC find(const struct aws_search *self, const char *profile, const char *session, const char *name,
               const char **ret, struct error *err)
{
    const char *own = aws_setting(self, profile, name);
    struct str shared = session != NULL ? aws_profiles_session(self->profiles, session, name) : S("");
    if (own != NULL && shared.len != 0 && !str_eq(str(own), shared))
        return fail(err, RC_CONFIG, "profile '%s' and its sso-session '%s' say different things of %s", profile,
                    session, name);
    *ret = own != NULL || shared.len == 0 ? own : arena_str(self->arena, shared);
    if (*ret == NULL)
        return fail(err, RC_CONFIG, "profile '%s' is to sign in by SSO, and has no %s", profile, name);
    return RC_OK;
}

static RC sso_read(const struct aws_search *self, const char *profile, struct aws_sso *ret, struct error *err)
{
    ret->session = aws_setting(self, profile, "sso_session");
    if (ret->session != NULL && !aws_profiles_has_session(self->profiles, ret->session))
        return fail(err, RC_CONFIG, "profile '%s' has 'sso_session = %s', and '%s' has no [sso-session %s]", profile,
                    ret->session, aws_profiles_path(self->profiles, AWS_CONFIG_FILE), ret->session);
    TRY(find(self, profile, ret->session, "sso_start_url", &ret->start_url, err));
    TRY(find(self, profile, ret->session, "sso_region", &ret->region, err));
    TRY(find(self, profile, ret->session, "sso_account_id", &ret->account, err));
    return find(self, profile, ret->session, "sso_role_name", &ret->role, err);
}

/* ---- the keys ---- */

static RC sign_in(const char *profile, struct error *err)
{
    return fail_todo(err, "sign in: aws sso login --profile %s", profile);
}

static const char *url_of(struct aws_search *self, const struct aws_sso *sso)
{
    AUTO_RELEASE(buf) url = {0};
    const char *endpoint = aws_endpoint_find(self->config->environment, "SSO", self->arena);
    const char *china = strncmp(sso->region, "cn-", 3) == 0 ? ".cn" : "";
    if (endpoint == NULL)
        endpoint = arena_print(self->arena, "https://portal.sso.%s.amazonaws.com%s", sso->region, china);
    buf_addf(&url, "%s/federation/credentials?role_name=", endpoint);
    sigv4_encode(str(sso->role), false, &url);
    buf_addf(&url, "&account_id=");
    sigv4_encode(str(sso->account), false, &url);
    return arena_str(self->arena, buf_str(&url));
}

static RC exchange(struct aws_search *self, const struct aws_sso *sso, const struct secret *token,
                   struct aws_credentials *ret, struct error *err)
{
    static const struct aws_fields fields = {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"};
    const struct http_pair headers[] = {{"x-amz-sso_bearer_token", secret_reveal(token)}};
    AUTO_JSON *read = NULL;
    struct http_answer answer = {0};
    enum rc rc = aws_get(self->services, url_of(self, sso), headers, 1, &answer, err);
    if (rc == RC_OK)
        rc = aws_json_read(buf_str(&answer.body), &read, err);
    if (rc == RC_OK)
        rc = aws_answer_take(json_object_get(read, "roleCredentials"), &fields, ret, err);
    int status = answer.status;
    aws_answer_wipe(&answer);
    if (rc != RC_OK && status == 401)
        rc = fail(err, RC_DENIED, "the session has ended (HTTP 401)");
    if (rc != RC_OK && status == 403)
        rc = fail(err, RC_DENIED, "the role '%s' of account %s is not assigned to whoever signed in (HTTP 403)",
                  sso->role, sso->account);
    if (rc != RC_OK)
        err->http_status = status;
    return rc;
}

static RC look(struct aws_search *self, const char *profile, struct aws_sso *sso, struct aws_credentials *ret,
               struct error *err)
{
    AUTO_RELEASE(secret) token = {0};
    TRY(sso_read(self, profile, sso, err));
    enum rc rc = aws_sso_token(self, sso, &token, err);
    if (rc == RC_OK)
        rc = exchange(self, sso, &token, ret, err);
    return rc == RC_DENIED && err->http_status != 403 ? sign_in(profile, err) : rc;
}

RC aws_sso_look(struct aws_search *self, const char *profile, struct aws_credentials *ret, struct error *err)
{
    struct aws_sso sso = {0};
    if (look(self, profile, &sso, ret, err) != RC_OK) {
        fail_in(err, "profile '%s', SSO", profile);
        return aws_not_none(err);
    }
    snprintf(ret->from, sizeof(ret->from), "profile '%.100s', SSO role '%.80s' of account %.20s", profile, sso.role,
             sso.account);
    return RC_OK;
}
