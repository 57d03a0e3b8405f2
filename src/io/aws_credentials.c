#include "io/aws_credentials.h"

#include <assert.h>
#include <pthread.h>

#include "io/aws_provider.h"

void aws_credentials_release(struct aws_credentials *self)
{
    secret_release(&self->secret_key);
    secret_release(&self->session_token);
    *self = (struct aws_credentials){0};
}

static void secret_copy(struct secret *to, const struct secret *from)
{
    if (from != NULL && secret_is_set(from))
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
    memcpy(to->from, from->from, sizeof(to->from));
    memcpy(to->region, from->region, sizeof(to->region));
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

/* ---- an identity ---- */

struct aws_identity {
    struct aws_config config; /* texts in the arena, secrets its own */
    struct secret secret_key, session_token;
    struct arena arena;
    struct http *services, *metadata; /* its own; NULL: config.http */
    pthread_mutex_t lock;             /* of what follows */
    pthread_cond_t looked;
    bool is_looking; /* one thread is, without the lock */
    int looks;       /* that have ended */
    struct error last;
    int64_t looked_ms; /* when the last one ended, monotonic */
    bool has_keys;
    struct aws_credentials keys;
};

static const char *from_process(const char *name) { return getenv(name); }

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
    if (has_key && strlen(config->access_key) >= AWS_ACCESS_KEY_TEXT)
        return fail(err, RC_CONFIG, "an AWS access key is longer than %d characters", AWS_ACCESS_KEY_TEXT - 1);
    if (!is_empty(config->external_id) && is_empty(config->role_arn))
        return fail(err, RC_CONFIG, "an external_id needs the role_arn it is for");
    return RC_OK;
}

static void copy_config(struct aws_identity *self, const struct aws_config *config)
{
    self->config = *config;
    const char **texts[] = {&self->config.access_key,  &self->config.profile, &self->config.role_arn,
                            &self->config.external_id, &self->config.region,  &self->config.sts_endpoint,
                            &self->config.ca_file,     &self->config.ca_dir,  &self->config.proxy};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        *texts[i] = is_empty(*texts[i]) ? NULL : arena_text(&self->arena, *texts[i]);
    secret_copy(&self->secret_key, config->secret_key);
    secret_copy(&self->session_token, config->session_token);
    self->config.secret_key = &self->secret_key;
    self->config.session_token = &self->session_token;
    if (self->config.environment == NULL)
        self->config.environment = from_process;
    if (self->config.ca_file == NULL && self->config.ca_dir == NULL)
        self->config.ca_file = arena_text(&self->arena, aws_ca_bundle(self->config.environment));
}

RC aws_identity_new(const struct aws_config *config, struct aws_identity **ret, struct error *err)
{
    TRY(check_config(config, err));
    struct aws_identity *self = xcalloc(1, sizeof(*self));
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->looked, NULL);
    copy_config(self, config);
    *ret = self;
    return RC_OK;
}

void aws_identity_free(struct aws_identity *self)
{
    if (self == NULL)
        return;
    http_free(self->services);
    http_free(self->metadata);
    secret_release(&self->secret_key);
    secret_release(&self->session_token);
    aws_credentials_release(&self->keys);
    pthread_cond_destroy(&self->looked);
    pthread_mutex_destroy(&self->lock);
    arena_release(&self->arena);
    free(self);
}

/* ---- one search ---- */

static RC static_look(struct aws_search *self, struct aws_credentials *ret, struct error *err)
{
    const struct aws_config *config = self->config;
    TRY(aws_credentials_take(str(config->access_key), str(secret_reveal(config->secret_key)),
                             str(secret_reveal(config->session_token)), ret, err));
    snprintf(ret->from, sizeof(ret->from), "the configuration");
    return RC_OK;
}

static const struct {
    RC (*look)(struct aws_search *self, struct aws_credentials *ret, struct error *err);
    bool of_environment; /* not asked where the configuration names a profile */
} chain[] = {
    {aws_environment_look, true}, {aws_profile_look, false}, {aws_container_look, true}, {aws_machine_look, true}};

static RC chain_look(struct aws_search *self, struct aws_credentials *ret, struct error *err)
{
    for (size_t i = 0; i < sizeof(chain) / sizeof(*chain); i++) {
        if (chain[i].of_environment && self->profile_alone)
            continue;
        buf_add(self->looked, "; ", self->looked->len > 0 ? 2 : 0);
        enum rc rc = chain[i].look(self, ret, err);
        if (rc != RC_OK && rc != RC_NOT_FOUND)
            return fail_in(err, "AWS credentials");
        if (rc == RC_OK)
            return RC_OK;
        aws_credentials_release(ret);
    }
    fail(err, RC_CONFIG, "there are no AWS credentials: " STR_FMT, STR_ARG(buf_str(self->looked)));
    fail_id(err, "no-login");
    return fail_todo(err, "give the connection an access_key_id and a secret_access_key, or set AWS_ACCESS_KEY_ID and "
                          "AWS_SECRET_ACCESS_KEY, or make a profile with 'aws configure'");
}

/* With the connection's own role, where it has one. */
static RC role_look(struct aws_search *self, struct aws_credentials *ret, struct error *err)
{
    const struct aws_config *config = self->config;
    AUTO_RELEASE(aws_credentials) by = {0};
    const struct aws_role role = {.arn = config->role_arn, .external_id = config->external_id};
    if (config->role_arn == NULL)
        return config->access_key != NULL ? static_look(self, ret, err) : chain_look(self, ret, err);
    TRY(config->access_key != NULL ? static_look(self, &by, err) : chain_look(self, &by, err));
    return aws_role_take(self, &role, &by, ret, err) != RC_OK ? fail_in(err, "AWS credentials") : RC_OK;
}

static void find_profile(struct aws_search *self)
{
    const char *named = aws_variable(self->config, "AWS_PROFILE");
    if (named == NULL)
        named = aws_variable(self->config, "AWS_DEFAULT_PROFILE");
    self->profile_alone = self->config->profile != NULL;
    self->profile_is_asked = self->profile_alone || named != NULL;
    self->profile = self->profile_alone ? self->config->profile : named != NULL ? named : "default";
}

enum { METADATA_CONNECT_MS = 1000, METADATA_MS = 2000, SERVICE_MS = 30000 };

static void find_http(struct aws_identity *self, struct aws_search *search)
{
    const struct aws_config *config = &self->config;
    if (config->http == NULL && self->services == NULL) {
        self->services = http_curl_new(&(struct http_options){.deadline_ms = SERVICE_MS,
                                                              .proxy = config->proxy,
                                                              .ca_file = config->ca_file,
                                                              .ca_dir = config->ca_dir,
                                                              .stop = config->stop});
        self->metadata = http_curl_new(&(struct http_options){.connect_ms = METADATA_CONNECT_MS,
                                                              .deadline_ms = METADATA_MS,
                                                              .proxy = "",
                                                              .ca_file = config->ca_file,
                                                              .ca_dir = config->ca_dir,
                                                              .stop = config->stop});
    }
    search->services = config->http != NULL ? config->http : self->services;
    search->metadata = config->http != NULL ? config->http : self->metadata;
}

static RC search(struct aws_identity *self, struct aws_credentials *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) looked = {0};
    struct aws_search search = {.config = &self->config, .arena = &arena, .looked = &looked};
    find_profile(&search);
    find_http(self, &search);
    enum rc rc = role_look(&search, ret, err);
    aws_profiles_free(search.profiles);
    return rc;
}

/* ---- when ---- */

static int64_t left_us(const struct aws_identity *self)
{
    struct clock *clock = self->config.clock;
    return self->keys.expires_us != 0 ? self->keys.expires_us - clock->now_us(clock) : INT64_MAX;
}

enum need { NEED_NONE, NEED_SOON, NEED_NOW };

/* Keys that look expired though they have just been given are for the server to judge: a clock may be wrong. */
static enum need need_of(const struct aws_identity *self)
{
    struct clock *clock = self->config.clock;
    if (!self->has_keys)
        return NEED_NOW;
    int64_t left = left_us(self);
    bool is_recent = clock->mono_ms(clock) - self->looked_ms < AWS_RENEW_EVERY_S * 1000;
    if (left >= (int64_t)AWS_RENEW_BEFORE_S * 1000000)
        return NEED_NONE;
    if (is_recent && (left > 0 || self->last.rc == RC_OK))
        return NEED_NONE;
    return left < (int64_t)AWS_RENEW_NOW_S * 1000000 ? NEED_NOW : NEED_SOON;
}

/* With the lock, which is not held meanwhile. Whoever comes while another thread looks waits for what that one finds.
 */
static RC look_together(struct aws_identity *self, struct error *err)
{
    if (self->is_looking) {
        int seen = self->looks;
        while (self->looks == seen)
            pthread_cond_wait(&self->looked, &self->lock);
    } else {
        AUTO_RELEASE(aws_credentials) found = {0};
        struct error why = {0};
        self->is_looking = true;
        pthread_mutex_unlock(&self->lock);
        enum rc rc = search(self, &found, &why);
        pthread_mutex_lock(&self->lock);
        if (rc == RC_OK) {
            credentials_copy(&self->keys, &found);
            self->has_keys = true;
        }
        self->last = rc == RC_OK ? (struct error){0} : why;
        self->looked_ms = self->config.clock->mono_ms(self->config.clock);
        self->looks++;
        self->is_looking = false;
        pthread_cond_broadcast(&self->looked);
    }
    if (self->last.rc != RC_OK)
        *err = self->last;
    return self->last.rc;
}

RC aws_identity_get(struct aws_identity *self, struct aws_credentials *ret, struct error *err)
{
    pthread_mutex_lock(&self->lock);
    enum rc rc = RC_OK;
    enum need need = need_of(self);
    if (need == NEED_NOW || (need == NEED_SOON && !self->is_looking))
        rc = look_together(self, err);
    if (rc != RC_OK && self->has_keys && left_us(self) > 0) { /* they are still good; it is tried again in a minute */
        *err = (struct error){0};
        rc = RC_OK;
    }
    if (rc == RC_OK)
        credentials_copy(ret, &self->keys);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

static RC renew(struct aws_identity *self, const struct aws_credentials *refused, struct error *err)
{
    if (self->has_keys && !credentials_eq(&self->keys, refused))
        return RC_OK; /* another thread was faster */
    TRY(look_together(self, err));
    if (!credentials_eq(&self->keys, refused))
        return RC_OK;
    char at[STAMP_TEXT] = "or was revoked";
    if (refused->expires_us != 0 && refused->expires_us <= self->config.clock->now_us(self->config.clock))
        stamp_print(refused->expires_us, 0, at);
    fail(err, RC_DENIED, "the session token of %s (access key %s) has expired (%s), and there is no newer one",
         self->keys.from, refused->access_key, at);
    fail_id(err, "expired-login");
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

const char *aws_identity_about(struct aws_identity *self, struct arena *arena)
{
    char until[STAMP_TEXT];
    const char *about = NULL;
    pthread_mutex_lock(&self->lock);
    stamp_print(self->keys.expires_us, 0, until);
    if (self->has_keys && self->keys.expires_us != 0)
        about = arena_print(arena, "%s, until %s", self->keys.from, until);
    else if (self->has_keys)
        about = arena_text(arena, self->keys.from);
    pthread_mutex_unlock(&self->lock);
    return about;
}

/* ---- what else the configuration of AWS's tools says ---- */

static struct aws_config config_of(const char *(*environment)(const char *name))
{
    return (struct aws_config){.environment = environment != NULL ? environment : from_process};
}

RC aws_region_find(const struct aws_config *config, struct arena *arena, const char **ret, struct error *err)
{
    static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    struct aws_config with = config_of(config->environment);
    for (int i = 0; i < 2; i++) {
        *ret = arena_text(arena, aws_variable(&with, names[i]));
        if (*ret != NULL)
            return RC_OK;
    }
    with.profile = is_empty(config->profile) ? NULL : config->profile;
    struct aws_search search = {.config = &with, .arena = arena};
    find_profile(&search);
    TRY(aws_search_profiles(&search, err));
    *ret = aws_setting(&search, search.profile, "region");
    aws_profiles_free(search.profiles);
    return RC_OK;
}

const char *aws_ca_bundle(const char *(*environment)(const char *name))
{
    const struct aws_config with = config_of(environment);
    return aws_variable(&with, "AWS_CA_BUNDLE");
}

const char *aws_endpoint_find(const char *(*environment)(const char *name), const char *service, struct arena *arena)
{
    const struct aws_config with = config_of(environment);
    const char *ignored = aws_variable(&with, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    if (ignored != NULL && strcasecmp(ignored, "true") == 0)
        return NULL;
    const char *found = aws_variable(&with, arena_print(arena, "AWS_ENDPOINT_URL_%s", service));
    if (found == NULL)
        found = aws_variable(&with, "AWS_ENDPOINT_URL");
    size_t len = strlen(or_empty(found));
    while (len > 0 && found[len - 1] == '/')
        len--;
    return len > 0 ? arena_str(arena, (struct str){found, len}) : NULL;
}
