#include "io/aws_credentials.h"

#include <assert.h>
#include <pthread.h>

#include "io/aws_profile.h"

enum { PROVIDERS_MAX = 8 };

void aws_credentials_release(struct aws_credentials *self)
{
    secret_release(&self->secret_key);
    secret_release(&self->session_token);
    *self = (struct aws_credentials){0};
}

static void secret_copy(struct secret *to, const struct secret *from)
{
    if (secret_is_set(from))
        secret_set(to, str(secret_reveal(from)));
    else
        secret_release(to);
}

static void credentials_copy(struct aws_credentials *to, const struct aws_credentials *from)
{
    memcpy(to->access_key, from->access_key, sizeof(to->access_key));
    secret_copy(&to->secret_key, &from->secret_key);
    secret_copy(&to->session_token, &from->session_token);
    to->expires_us = from->expires_us;
}

static bool secret_eq(const struct secret *a, const struct secret *b)
{
    return secret_is_set(a) == secret_is_set(b) && strcmp(secret_reveal(a), secret_reveal(b)) == 0;
}

static bool credentials_eq(const struct aws_credentials *a, const struct aws_credentials *b)
{
    return strcmp(a->access_key, b->access_key) == 0 && secret_eq(&a->secret_key, &b->secret_key) &&
           secret_eq(&a->session_token, &b->session_token);
}

static bool is_empty(const char *text) { return text == NULL || text[0] == '\0'; }

static RC take_access_key(const char *text, struct aws_credentials *ret, struct error *err)
{
    if (strlen(text) >= sizeof(ret->access_key))
        return fail(err, RC_CONFIG, "an AWS access key is longer than %d characters", AWS_ACCESS_KEY_TEXT - 1);
    snprintf(ret->access_key, sizeof(ret->access_key), "%s", text);
    return RC_OK;
}

static void provider_free(struct aws_provider *self) { free(self); }

/* ---- keys in the configuration ---- */

struct static_provider {
    struct aws_provider base;
    struct aws_credentials keys;
};

static RC static_look(struct aws_provider *base, struct aws_credentials *ret, struct buf *looked, struct error *err)
{
    credentials_copy(ret, &((struct static_provider *)base)->keys);
    return RC_OK;
}

static void static_free(struct aws_provider *base)
{
    aws_credentials_release(&((struct static_provider *)base)->keys);
    free(base);
}

static const struct aws_provider_ops static_ops = {.look = static_look, .free = static_free};

static RC static_new(const struct aws_config *config, struct aws_provider **ret, struct error *err)
{
    struct aws_credentials keys = {0};
    TRY(take_access_key(config->access_key, &keys, err));
    struct static_provider *self = xcalloc(1, sizeof(*self));
    self->base = (struct aws_provider){.ops = &static_ops, .name = "the configuration"};
    self->keys = keys;
    secret_copy(&self->keys.secret_key, config->secret_key);
    if (config->session_token != NULL)
        secret_copy(&self->keys.session_token, config->session_token);
    *ret = &self->base;
    return RC_OK;
}

/* ---- the environment ---- */

struct environment_provider {
    struct aws_provider base;
    const char *(*environment)(const char *name);
};

static RC environment_look(struct aws_provider *base, struct aws_credentials *ret, struct buf *looked,
                           struct error *err)
{
    const char *(*environment)(const char *) = ((struct environment_provider *)base)->environment;
    const char *access_key = environment("AWS_ACCESS_KEY_ID"), *secret_key = environment("AWS_SECRET_ACCESS_KEY");
    const char *token = environment("AWS_SESSION_TOKEN"), *expires = environment("AWS_CREDENTIAL_EXPIRATION");
    if (is_empty(access_key) && is_empty(secret_key)) {
        buf_addf(looked, "AWS_ACCESS_KEY_ID is not set");
        return RC_NOT_FOUND;
    }
    if (is_empty(access_key) || is_empty(secret_key)) {
        fail(err, RC_CONFIG, "the environment has %s, but not %s",
             is_empty(access_key) ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
             is_empty(access_key) ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
        return fail_todo(err, "set both or none of the two");
    }
    TRY(take_access_key(access_key, ret, err));
    if (strlen(secret_key) > SECRET_BYTES_MAX || strlen(or_empty(token)) > SECRET_BYTES_MAX)
        return fail(err, RC_CONFIG, "AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN is longer than %d bytes",
                    SECRET_BYTES_MAX);
    secret_set(&ret->secret_key, str(secret_key));
    if (!is_empty(token))
        secret_set(&ret->session_token, str(token));
    if (!is_empty(expires) && !stamp_parse(expires, &ret->expires_us))
        return fail(err, RC_CONFIG, "AWS_CREDENTIAL_EXPIRATION is '%s', which is not a time like 2026-01-31T12:00:00Z",
                    expires);
    return RC_OK;
}

static const struct aws_provider_ops environment_ops = {.look = environment_look, .free = provider_free};

static struct aws_provider *environment_new(const char *(*environment)(const char *name))
{
    struct environment_provider *self = xcalloc(1, sizeof(*self));
    self->base = (struct aws_provider){.ops = &environment_ops, .name = "the environment"};
    self->environment = environment;
    return &self->base;
}

/* ---- an identity ---- */

struct aws_identity {
    pthread_mutex_t lock;
    struct clock *clock;
    struct aws_provider *providers[PROVIDERS_MAX];
    int provider_count;
    struct aws_provider *provider; /* whose keys these are; NULL: none yet */
    struct aws_credentials keys;
    int64_t looked_ms; /* when they were last looked for, monotonic */
};

static const char *from_process(const char *name) { return getenv(name); }

static void add_provider(struct aws_identity *self, struct aws_provider *provider)
{
    assert(self->provider_count < PROVIDERS_MAX);
    self->providers[self->provider_count++] = provider;
}

static RC check_config(const struct aws_config *config, struct error *err)
{
    bool has_key = !is_empty(config->access_key);
    bool has_secret = config->secret_key != NULL && secret_is_set(config->secret_key);
    if (has_key != has_secret)
        return fail(err, RC_CONFIG, "of access_key_id and secret_access_key only one is given");
    if (config->session_token != NULL && secret_is_set(config->session_token) && !has_key)
        return fail(err, RC_CONFIG, "a session_token needs its access_key_id and secret_access_key");
    if (has_key && !is_empty(config->profile))
        return fail(err, RC_CONFIG, "access_key_id and profile exclude each other");
    return RC_OK;
}

RC aws_identity_new(const struct aws_config *config, struct aws_identity **ret, struct error *err)
{
    const char *(*environment)(const char *) = config->environment != NULL ? config->environment : from_process;
    TRY(check_config(config, err));
    struct aws_provider *configured = NULL;
    if (!is_empty(config->access_key))
        TRY(static_new(config, &configured, err));
    struct aws_identity *self = xcalloc(1, sizeof(*self));
    pthread_mutex_init(&self->lock, NULL);
    self->clock = config->clock;
    if (configured != NULL) {
        add_provider(self, configured);
    } else {
        if (is_empty(config->profile))
            add_provider(self, environment_new(environment));
        add_provider(self, aws_profile_new(config->profile, environment));
    }
    *ret = self;
    return RC_OK;
}

void aws_identity_free(struct aws_identity *self)
{
    if (self == NULL)
        return;
    for (int i = 0; i < self->provider_count; i++)
        self->providers[i]->ops->free(self->providers[i]);
    aws_credentials_release(&self->keys);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

/* Replaces self->keys by what the first provider that has some says now. */
static RC look(struct aws_identity *self, struct error *err)
{
    AUTO_RELEASE(buf) looked = {0};
    self->looked_ms = self->clock->mono_ms(self->clock);
    for (int i = 0; i < self->provider_count; i++) {
        struct aws_provider *provider = self->providers[i];
        AUTO_RELEASE(aws_credentials) found = {0};
        buf_add(&looked, "; ", looked.len > 0 ? 2 : 0);
        enum rc rc = provider->ops->look(provider, &found, &looked, err);
        if (rc == RC_NOT_FOUND)
            continue;
        if (rc != RC_OK)
            return fail_in(err, "AWS credentials");
        credentials_copy(&self->keys, &found);
        self->provider = provider;
        return RC_OK;
    }
    fail(err, RC_CONFIG, "there are no AWS credentials: " STR_FMT, STR_ARG(buf_str(&looked)));
    return fail_todo(err, "give the connection an access_key_id and a secret_access_key, or set AWS_ACCESS_KEY_ID and "
                          "AWS_SECRET_ACCESS_KEY, or make a profile with 'aws configure'");
}

/* Not had yet, or about to expire and not looked for in the last minute. */
static bool is_to_be_looked_for(const struct aws_identity *self)
{
    if (self->provider == NULL)
        return true;
    int64_t renew_us = self->keys.expires_us - (int64_t)AWS_RENEW_BEFORE_S * 1000000;
    return self->keys.expires_us != 0 && self->clock->now_us(self->clock) >= renew_us &&
           self->clock->mono_ms(self->clock) - self->looked_ms >= AWS_RENEW_EVERY_S * 1000;
}

RC aws_identity_get(struct aws_identity *self, struct aws_credentials *ret, struct error *err)
{
    pthread_mutex_lock(&self->lock);
    enum rc rc = RC_OK;
    if (is_to_be_looked_for(self)) {
        bool are_some = self->provider != NULL;
        rc = look(self, err);
        if (rc != RC_OK && are_some) { /* whether the old ones are still good is the server's to say */
            *err = (struct error){0};
            rc = RC_OK;
        }
    }
    if (rc == RC_OK)
        credentials_copy(ret, &self->keys);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

static RC renew(struct aws_identity *self, const struct aws_credentials *refused, struct error *err)
{
    if (self->provider != NULL && !credentials_eq(&self->keys, refused))
        return RC_OK; /* another thread was faster */
    TRY(look(self, err));
    if (!credentials_eq(&self->keys, refused))
        return RC_OK;
    char at[STAMP_TEXT] = "or was revoked";
    if (refused->expires_us != 0 && refused->expires_us <= self->clock->now_us(self->clock))
        stamp_print(refused->expires_us, 0, at);
    fail(err, RC_DENIED, "the session token of %s (access key %s) has expired (%s), and there is no newer one",
         self->provider->name, refused->access_key, at);
    return fail_todo(err, "get new credentials (aws sso login, aws sts assume-role), put them where the old ones were "
                          "found, then run the same command again: it goes on where it stopped");
}

RC aws_identity_renew(struct aws_identity *self, const struct aws_credentials *refused, struct error *err)
{
    pthread_mutex_lock(&self->lock);
    enum rc rc = renew(self, refused, err);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

RC aws_region_find(const struct aws_config *config, struct arena *arena, const char **ret, struct error *err)
{
    static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    const char *(*environment)(const char *) = config->environment != NULL ? config->environment : from_process;
    for (int i = 0; i < 2; i++) {
        const char *region = environment(names[i]);
        if (!is_empty(region)) {
            *ret = arena_text(arena, region);
            return RC_OK;
        }
    }
    return aws_profile_region(config->profile, environment, arena, ret, err);
}
