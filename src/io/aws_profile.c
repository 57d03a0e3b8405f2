#include "io/aws_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- the files ---- */

struct profile_file {
    char path[512];
    bool is_config; /* sections are [profile x] and [default] */
    bool is_there;  /* the file */
    bool has_profile;
    struct buf text; /* wiped */
};

static void profile_file_release(struct profile_file *self)
{
    if (self->text.at != NULL)
        wipe(self->text.at, self->text.size);
    buf_release(&self->text);
}

static void find_path(struct profile_file *self, const char *(*environment)(const char *name))
{
    const char *home = or_empty(environment("HOME"));
    const char *given = environment(self->is_config ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE");
    if (given == NULL || given[0] == '\0')
        snprintf(self->path, sizeof(self->path), "%s/.aws/%s", home, self->is_config ? "config" : "credentials");
    else if (strncmp(given, "~/", 2) == 0)
        snprintf(self->path, sizeof(self->path), "%s/%s", home, given + 2);
    else
        snprintf(self->path, sizeof(self->path), "%s", given);
}

static RC read_whole(int fd, struct profile_file *self, struct error *err)
{
    buf_reserve(&self->text, AWS_PROFILE_FILE_BYTES_MAX + 1); /* never moves: secrets are in it */
    for (;;) {
        ssize_t got = read(fd, self->text.at + self->text.len, AWS_PROFILE_FILE_BYTES_MAX + 1 - self->text.len);
        if (got < 0 && errno != EINTR)
            return fail_errno(err, errno, "reading '%s'", self->path);
        if (got == 0)
            return RC_OK;
        self->text.len += got > 0 ? (size_t)got : 0;
        if (self->text.len > AWS_PROFILE_FILE_BYTES_MAX)
            return fail(err, RC_CONFIG, "'%s' is longer than %d bytes", self->path, AWS_PROFILE_FILE_BYTES_MAX);
    }
}

/* A file that is not there is no error. */
static RC profile_file_read(struct profile_file *self, const char *(*environment)(const char *name), struct error *err)
{
    find_path(self, environment);
    int fd = open(self->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return RC_OK;
    if (fd < 0)
        return fail_errno(err, errno, "opening '%s'", self->path);
    self->is_there = true;
    enum rc rc = read_whole(fd, self, err);
    close(fd);
    return rc;
}

/* ---- what stands in them ---- */

static struct str trim(struct str s)
{
    while (s.len > 0 && strchr(" \t\r", s.at[0]) != NULL)
        s = (struct str){s.at + 1, s.len - 1};
    while (s.len > 0 && strchr(" \t\r", s.at[s.len - 1]) != NULL)
        s.len--;
    return s;
}

static bool next_line(struct str *rest, struct str *ret)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->at, '\n', rest->len);
    ret->at = rest->at;
    ret->len = end != NULL ? (size_t)(end - rest->at) : rest->len;
    size_t taken = ret->len + (end != NULL);
    *rest = (struct str){rest->at + taken, rest->len - taken};
    return true;
}

/* The name between the brackets, without "profile "; "" for a section of another kind. */
static struct str section_name(struct str line, bool is_config)
{
    const char *end = memchr(line.at, ']', line.len);
    struct str name = trim((struct str){line.at + 1, end != NULL ? (size_t)(end - line.at) - 1 : 0});
    bool prefixed = str_has_prefix(name, S("profile ")) || str_has_prefix(name, S("profile\t"));
    if (is_config && !prefixed && !str_eq(name, S("default")))
        return S(
            ""); /* [sso-session x], [services x], or a profile whose prefix was forgotten: not seen by others too */
    if (is_config && prefixed)
        name = trim((struct str){name.at + 8, name.len - 8});
    if (name.len >= 2 && (name.at[0] == '"' || name.at[0] == '\'') && name.at[name.len - 1] == name.at[0])
        name = (struct str){name.at + 1, name.len - 2};
    return name;
}

/* A comment behind a value begins with a blank. */
static struct str without_comment(struct str value)
{
    for (size_t i = 1; i < value.len; i++) {
        if ((value.at[i] == '#' || value.at[i] == ';') && (value.at[i - 1] == ' ' || value.at[i - 1] == '\t'))
            return trim((struct str){value.at, i});
    }
    return value;
}

struct profile {
    struct str access_key, secret_key, session_token, region;
    struct str other_way; /* the name of a setting that tells how to get keys: "role_arn" */
};

static void take_setting(struct profile *self, struct str line)
{
    const char *equals = memchr(line.at, '=', line.len);
    if (equals == NULL)
        return;
    struct str name = trim((struct str){line.at, (size_t)(equals - line.at)});
    struct str value = without_comment(trim((struct str){equals + 1, line.len - (size_t)(equals - line.at) - 1}));
    struct {
        struct str name, *into;
    } known[] = {{S("aws_access_key_id"), &self->access_key},
                 {S("aws_secret_access_key"), &self->secret_key},
                 {S("aws_session_token"), &self->session_token},
                 {S("region"), &self->region}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_eq(name, known[i].name))
            *known[i].into = value;
    }
    bool is_way =
        str_eq(name, S("credential_process")) || str_has_prefix(name, S("sso_")) || str_eq(name, S("login_session"));
    if (str_eq(name, S("role_arn")) || (is_way && self->other_way.len == 0))
        self->other_way = name;
}

/* The texts are views into the file's. */
static struct profile profile_find(struct profile_file *file, const char *profile)
{
    struct profile found = {0};
    struct str rest = buf_str(&file->text), line;
    bool inside = false;
    while (next_line(&rest, &line)) {
        bool nested = line.len > 0 && (line.at[0] == ' ' || line.at[0] == '\t'); /* below "s3 =" */
        struct str text = trim(line);
        if (text.len == 0 || text.at[0] == '#' || text.at[0] == ';')
            continue;
        if (text.at[0] == '[') {
            inside = str_eq(section_name(text, file->is_config), str(profile));
            file->has_profile |= inside;
        } else if (inside && !nested) {
            take_setting(&found, text);
        }
    }
    return found;
}

/* ---- the provider ---- */

struct profile_provider {
    struct aws_provider base;
    char profile[256];
    bool is_asked_for; /* by the configuration or AWS_PROFILE: then it has to exist */
    const char *(*environment)(const char *name);
};

static RC take_keys(const struct profile_provider *self, const struct profile_file *file, const struct profile *found,
                    struct aws_credentials *ret, struct error *err)
{
    if (found->access_key.len == 0 || found->secret_key.len == 0)
        return fail(err, RC_CONFIG, "profile '%s' in '%s' has only one of aws_access_key_id and aws_secret_access_key",
                    self->profile, file->path);
    if (found->access_key.len >= sizeof(ret->access_key) || found->secret_key.len > SECRET_BYTES_MAX ||
        found->session_token.len > SECRET_BYTES_MAX)
        return fail(err, RC_CONFIG, "profile '%s' in '%s' has a key that is too long", self->profile, file->path);
    memcpy(ret->access_key, found->access_key.at, found->access_key.len);
    ret->access_key[found->access_key.len] = '\0';
    secret_set(&ret->secret_key, found->secret_key);
    if (found->session_token.len != 0)
        secret_set(&ret->session_token, found->session_token);
    return RC_OK;
}

static RC refuse_other_way(const struct profile_provider *self, const struct profile_file *file,
                           const struct profile *found, struct error *err)
{
    fail(err, RC_CONFIG, "profile '%s' in '%s' takes its keys by %.*s, which is not understood here", self->profile,
         file->path, (int)(found->other_way.len < 64 ? found->other_way.len : 64), found->other_way.at);
    return fail_todo(err, "get keys with: eval \"$(aws configure export-credentials --profile %s --format env)\"",
                     self->profile);
}

/* Half a sentence: why there are no keys in this file. */
static void add_reason(const struct profile_provider *self, const struct profile_file *file, struct buf *looked)
{
    if (!file->is_there)
        buf_addf(looked, "there is no file '%s'", file->path);
    else if (!file->has_profile)
        buf_addf(looked, "'%s' has no profile '%s'", file->path, self->profile);
    else
        buf_addf(looked, "profile '%s' in '%s' has no keys", self->profile, file->path);
}

/* A role comes before keys, as the keys are then those of somebody else: who may take the role. */
static RC profile_look(struct aws_provider *base, struct aws_credentials *ret, struct buf *looked, struct error *err)
{
    const struct profile_provider *self = (const struct profile_provider *)base;
    AUTO_RELEASE(profile_file) credentials = {0}, config = {.is_config = true};
    struct profile_file *files[] = {&credentials, &config};
    struct profile found[2];
    for (int i = 0; i < 2; i++) {
        TRY(profile_file_read(files[i], self->environment, err));
        found[i] = profile_find(files[i], self->profile);
        if (str_eq(found[i].other_way, S("role_arn")))
            return refuse_other_way(self, files[i], &found[i], err);
    }
    for (int i = 0; i < 2; i++) {
        if (found[i].access_key.len != 0 || found[i].secret_key.len != 0)
            return take_keys(self, files[i], &found[i], ret, err);
        if (found[i].other_way.len != 0)
            return refuse_other_way(self, files[i], &found[i], err);
    }
    if (self->is_asked_for && !credentials.has_profile && !config.has_profile) {
        fail(err, RC_CONFIG, "there is no profile '%s': neither in '%s' nor, as [profile %s], in '%s'", self->profile,
             credentials.path, self->profile, config.path);
        return fail_todo(err, "look at the names with 'aws configure list-profiles'");
    }
    add_reason(self, &credentials, looked);
    buf_addf(looked, "; ");
    add_reason(self, &config, looked);
    return RC_NOT_FOUND;
}

static void profile_free(struct aws_provider *base) { free(base); }

static const struct aws_provider_ops profile_ops = {.look = profile_look, .free = profile_free};

/* The profile's name; *ret_asked_for: somebody named it. */
static const char *profile_name(const char *profile, const char *(*environment)(const char *name), bool *ret_asked_for)
{
    if (profile == NULL || profile[0] == '\0')
        profile = environment("AWS_PROFILE");
    *ret_asked_for = profile != NULL && profile[0] != '\0';
    return *ret_asked_for ? profile : "default";
}

struct aws_provider *aws_profile_new(const char *profile, const char *(*environment)(const char *name))
{
    struct profile_provider *self = xcalloc(1, sizeof(*self));
    self->base.ops = &profile_ops;
    self->environment = environment;
    snprintf(self->profile, sizeof(self->profile), "%s", profile_name(profile, environment, &self->is_asked_for));
    snprintf(self->base.name, sizeof(self->base.name), "profile '%s'", self->profile);
    return &self->base;
}

RC aws_profile_region(const char *profile, const char *(*environment)(const char *name), struct arena *arena,
                      const char **ret, struct error *err)
{
    bool asked_for = false;
    const char *name = profile_name(profile, environment, &asked_for);
    *ret = NULL;
    for (int is_config = 0; is_config < 2 && *ret == NULL; is_config++) {
        AUTO_RELEASE(profile_file) file = {.is_config = is_config};
        TRY(profile_file_read(&file, environment, err));
        struct profile found = profile_find(&file, name);
        if (found.region.len != 0)
            *ret = arena_str(arena, found.region);
    }
    return RC_OK;
}
