/* What a profile takes its keys by, in the order of AWS's tools. A role comes first: keys beside it are those of
 * somebody else, who may take the role. */
#include "io/aws_provider.h"

/* The profiles that were gone through, from one to its source_profile. */
struct trail {
    const char *profiles[AWS_ROLES_MAX];
    int count;
};

static bool has_static(const struct aws_search *self, const char *profile)
{
    return aws_profiles_get(self->profiles, profile, "aws_access_key_id").len != 0 ||
           aws_profiles_get(self->profiles, profile, "aws_secret_access_key").len != 0;
}

static bool has_role(const struct aws_search *self, const char *profile)
{
    return aws_setting(self, profile, "role_arn") != NULL &&
           aws_setting(self, profile, "web_identity_token_file") == NULL;
}

static bool exists(const struct aws_search *self, const char *profile)
{
    return aws_profiles_has(self->profiles, AWS_CREDENTIALS_FILE, profile) ||
           aws_profiles_has(self->profiles, AWS_CONFIG_FILE, profile);
}

/* ---- keys that stand there ---- */

static RC by_keys(struct aws_search *self, enum aws_file file, const char *profile, struct aws_credentials *ret,
                  struct error *err)
{
    struct str access_key = aws_profiles_in(self->profiles, file, profile, "aws_access_key_id");
    struct str secret_key = aws_profiles_in(self->profiles, file, profile, "aws_secret_access_key");
    struct str token = aws_profiles_in(self->profiles, file, profile, "aws_session_token");
    const char *path = aws_profiles_path(self->profiles, file);
    if (access_key.len == 0 && secret_key.len == 0)
        return RC_NOT_FOUND;
    if (access_key.len == 0 || secret_key.len == 0)
        return fail(err, RC_CONFIG, "profile '%s' in '%s' has only one of aws_access_key_id and aws_secret_access_key",
                    profile, path);
    if (aws_credentials_take(access_key, secret_key, token, ret, err) != RC_OK)
        return fail_in(err, "profile '%s' in '%s'", profile, path);
    snprintf(ret->from, sizeof(ret->from), "profile '%.120s' in '%.150s'", profile, path);
    return RC_OK;
}

/* ---- web identity ---- */

static const char *variable_or_setting(const struct aws_search *self, bool environment, const char *variable,
                                       const char *profile, const char *setting)
{
    const char *said = environment ? aws_variable(self->config, variable) : NULL;
    return said != NULL ? said : aws_setting(self, profile, setting);
}

static RC by_web_identity(struct aws_search *self, bool environment, const char *profile, struct aws_credentials *ret,
                          struct error *err)
{
    const char *file =
        variable_or_setting(self, environment, "AWS_WEB_IDENTITY_TOKEN_FILE", profile, "web_identity_token_file");
    const struct aws_role role = {
        .arn = variable_or_setting(self, environment, "AWS_ROLE_ARN", profile, "role_arn"),
        .session_name = variable_or_setting(self, environment, "AWS_ROLE_SESSION_NAME", profile, "role_session_name"),
    };
    if (file == NULL)
        return RC_NOT_FOUND;
    if (role.arn == NULL) {
        fail(err, RC_CONFIG, "there is a token of a web identity in '%s', but no role to take with it", file);
        return fail_todo(err, "set AWS_ROLE_ARN, or role_arn in the profile '%s'", profile);
    }
    return aws_role_take_by_token(self, &role, file, ret, err);
}

/* ---- roles ---- */

static RC keys_of(struct aws_search *self, struct trail *trail, const char *profile, bool environment,
                  struct aws_credentials *ret, struct error *err);

static RC by_named_source(struct aws_search *self, const char *profile, const char *source, struct aws_credentials *ret,
                          struct error *err)
{
    static const struct {
        const char *name;
        RC (*look)(struct aws_search *self, struct aws_credentials *ret, struct error *err);
    } sources[] = {{"Environment", aws_environment_look},
                   {"EcsContainer", aws_container_look},
                   {"Ec2InstanceMetadata", aws_machine_look}};
    AUTO_RELEASE(buf) looked = {0};
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        if (!text_eq(sources[i].name, source))
            continue;
        struct buf *before = self->looked;
        self->looked = &looked;
        enum rc rc = sources[i].look(self, ret, err);
        self->looked = before;
        if (rc == RC_NOT_FOUND)
            return fail(err, RC_CONFIG, "profile '%s' has 'credential_source = %s', and there are no keys: " STR_FMT,
                        profile, source, STR_ARG(buf_str(&looked)));
        return rc;
    }
    return fail(err, RC_CONFIG,
                "profile '%s' has 'credential_source = %.60s', which is not Environment, Ec2InstanceMetadata or "
                "EcsContainer",
                profile, source);
}

/* A profile may name itself where it also has keys. */
static RC check_trail(const struct aws_search *self, const struct trail *trail, const char *profile, const char *source,
                      struct error *err)
{
    AUTO_RELEASE(buf) way = {0};
    if (!exists(self, source))
        return fail(err, RC_CONFIG, "profile '%s' has 'source_profile = %s', and there is no such profile", profile,
                    source);
    if (text_eq(profile, source) && has_static(self, source))
        return RC_OK;
    bool is_loop = trail->count == AWS_ROLES_MAX;
    for (int i = 0; i < trail->count; i++) {
        is_loop |= text_eq(trail->profiles[i], source);
        buf_addf(&way, "%.60s -> ", trail->profiles[i]);
    }
    if (!is_loop)
        return RC_OK;
    fail(err, RC_CONFIG, "the profiles' source_profile lead in a circle: " STR_FMT "%.60s", STR_ARG(buf_str(&way)),
         source);
    return fail_todo(err, "one of them has to have keys of its own");
}

static RC by_source_profile(struct aws_search *self, struct trail *trail, const char *profile, const char *source,
                            struct aws_credentials *ret, struct error *err)
{
    TRY(check_trail(self, trail, profile, source, err));
    enum rc rc = keys_of(self, trail, source, false, ret, err);
    if (rc == RC_NOT_FOUND)
        return fail(err, RC_CONFIG, "profile '%s' has 'source_profile = %s', and that profile has no keys", profile,
                    source);
    return rc;
}

static RC refuse_mfa(const char *profile, struct error *err)
{
    fail(err, RC_CONFIG, "profile '%s' asks for a code (mfa_serial), and nobody is there to type it", profile);
    return fail_todo(err,
                     "get keys for some hours with: eval \"$(aws configure export-credentials --profile %s --format "
                     "env)\", or use a role whose trust policy asks for no code",
                     profile);
}

static RC by_role(struct aws_search *self, struct trail *trail, const char *profile, struct aws_credentials *ret,
                  struct error *err)
{
    AUTO_RELEASE(aws_credentials) by = {0};
    const char *source_profile = aws_setting(self, profile, "source_profile");
    const char *credential_source = aws_setting(self, profile, "credential_source");
    const struct aws_role role = {.arn = aws_setting(self, profile, "role_arn"),
                                  .session_name = aws_setting(self, profile, "role_session_name"),
                                  .external_id = aws_setting(self, profile, "external_id"),
                                  .duration_s = aws_setting(self, profile, "duration_seconds")};
    if (aws_setting(self, profile, "mfa_serial") != NULL)
        return refuse_mfa(profile, err);
    if ((source_profile != NULL) == (credential_source != NULL))
        return fail(err, RC_CONFIG,
                    "profile '%s' has a role_arn and %s source_profile %s credential_source: one of the two "
                    "says whose keys the role is taken with",
                    profile, source_profile != NULL ? "both" : "neither", source_profile != NULL ? "and" : "nor");
    if (source_profile != NULL)
        TRY(by_source_profile(self, trail, profile, source_profile, &by, err));
    else
        TRY(by_named_source(self, profile, credential_source, &by, err));
    if (aws_role_take(self, &role, &by, ret, err) != RC_OK)
        return fail_in(err, "profile '%s'", profile);
    return RC_OK;
}

/* ---- a profile ---- */

static RC refuse_login(const char *profile, struct error *err)
{
    fail(err, RC_CONFIG, "profile '%s' takes its keys by login_session, which is not understood here", profile);
    return fail_todo(err, "get keys with: eval \"$(aws configure export-credentials --profile %s --format env)\"",
                     profile);
}

/* Everything but its role. `environment`: the variables of web identity count, too. */
static RC other_keys_of(struct aws_search *self, const char *profile, bool environment, struct aws_credentials *ret,
                        struct error *err)
{
    enum rc rc = by_web_identity(self, environment, profile, ret, err);
    if (rc != RC_NOT_FOUND)
        return rc;
    if (aws_setting(self, profile, "sso_role_name") != NULL || aws_setting(self, profile, "sso_account_id") != NULL)
        return aws_sso_look(self, profile, ret, err);
    rc = by_keys(self, AWS_CREDENTIALS_FILE, profile, ret, err);
    if (rc != RC_NOT_FOUND)
        return rc;
    if (aws_setting(self, profile, "login_session") != NULL)
        return refuse_login(profile, err);
    const char *command = aws_setting(self, profile, "credential_process");
    if (command != NULL)
        return aws_process_look(self, profile, command, ret, err);
    return by_keys(self, AWS_CONFIG_FILE, profile, ret, err);
}

static RC keys_of(struct aws_search *self, struct trail *trail, const char *profile, bool environment,
                  struct aws_credentials *ret, struct error *err)
{
    bool is_source = trail->count > 0;
    if (has_role(self, profile) && !(is_source && has_static(self, profile))) {
        trail->profiles[trail->count++] = profile;
        return by_role(self, trail, profile, ret, err);
    }
    return other_keys_of(self, profile, environment, ret, err);
}

/* Half a sentence: why there are no keys in this file. */
static void add_reason(const struct aws_search *self, enum aws_file file)
{
    const char *path = aws_profiles_path(self->profiles, file);
    if (!aws_profiles_is_there(self->profiles, file))
        buf_addf(self->looked, "there is no file '%s'", path);
    else if (!aws_profiles_has(self->profiles, file, self->profile))
        buf_addf(self->looked, "'%s' has no profile '%s'", path, self->profile);
    else
        buf_addf(self->looked, "profile '%s' in '%s' has no keys", self->profile, path);
}

RC aws_profile_look(struct aws_search *self, struct aws_credentials *ret, struct error *err)
{
    struct trail trail = {0};
    TRY(aws_search_profiles(self, err));
    enum rc rc = keys_of(self, &trail, self->profile, !self->profile_alone, ret, err);
    if (rc != RC_NOT_FOUND)
        return rc;
    if (self->profile_is_asked && !exists(self, self->profile)) {
        fail(err, RC_CONFIG, "there is no profile '%s': neither in '%s' nor, as [profile %s], in '%s'", self->profile,
             aws_profiles_path(self->profiles, AWS_CREDENTIALS_FILE), self->profile,
             aws_profiles_path(self->profiles, AWS_CONFIG_FILE));
        return fail_todo(err, "look at the names with 'aws configure list-profiles'");
    }
    if (!self->profile_alone)
        buf_addf(self->looked, "AWS_WEB_IDENTITY_TOKEN_FILE is not set; ");
    add_reason(self, AWS_CREDENTIALS_FILE);
    buf_addf(self->looked, "; ");
    add_reason(self, AWS_CONFIG_FILE);
    return RC_NOT_FOUND;
}
