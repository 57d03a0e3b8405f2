#include "io/aws_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <unistd.h>

#include "base/secret.h"

/* ---- the files ---- */

struct profile_file {
    char path[512];
    bool is_there;
    struct buf text; /* wiped */
};

struct aws_profiles {
    struct profile_file files[2]; /* by enum aws_file */
};

static void profile_file_release(struct profile_file *self)
{
    if (self->text.at != NULL)
        wipe(self->text.at, self->text.size);
    buf_release(&self->text);
}

static void find_path(struct profile_file *self, enum aws_file file, const char *(*environment)(const char *name))
{
    bool is_config = file == AWS_CONFIG_FILE;
    const char *home = or_empty(environment("HOME"));
    const char *given = environment(is_config ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE");
    if (given == NULL || given[0] == '\0')
        snprintf(self->path, sizeof(self->path), "%s/.aws/%s", home, is_config ? "config" : "credentials");
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

static RC profile_file_read(struct profile_file *self, struct error *err)
{
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

RC aws_profiles_read(const char *(*environment)(const char *name), struct aws_profiles **ret, struct error *err)
{
    AUTO(aws_profiles) *self = xcalloc(1, sizeof(*self));
    for (int i = 0; i < 2; i++) {
        find_path(&self->files[i], (enum aws_file)i, environment);
        TRY(profile_file_read(&self->files[i], err));
    }
    *ret = TAKE(self);
    return RC_OK;
}

void aws_profiles_free(struct aws_profiles *self)
{
    if (self == NULL)
        return;
    for (int i = 0; i < 2; i++)
        profile_file_release(&self->files[i]);
    free(self);
}

const char *aws_profiles_path(const struct aws_profiles *self, enum aws_file file) { return self->files[file].path; }

bool aws_profiles_is_there(const struct aws_profiles *self, enum aws_file file) { return self->files[file].is_there; }

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

/* A section that is looked for: kind "profile" or "sso-session" of the config file, NULL in the credentials file. */
struct section {
    const char *kind, *name;
};

/* "[kind name]"; in the config file [default] is a profile without its kind. A profile whose kind was forgotten there
 * is not seen, as by AWS's own tools. */
static bool is_section(struct str line, const struct section *wanted)
{
    const char *end = memchr(line.at, ']', line.len);
    struct str name = trim((struct str){line.at + 1, end != NULL ? (size_t)(end - line.at) - 1 : 0});
    if (wanted->kind != NULL) {
        size_t len = strlen(wanted->kind);
        bool has_kind =
            str_has_prefix(name, str(wanted->kind)) && name.len > len && strchr(" \t", name.at[len]) != NULL;
        if (!has_kind)
            return text_eq(wanted->kind, "profile") && str_eq(name, S("default")) && text_eq(wanted->name, "default");
        name = trim((struct str){name.at + len, name.len - len});
    }
    if (name.len >= 2 && (name.at[0] == '"' || name.at[0] == '\'') && name.at[name.len - 1] == name.at[0])
        name = (struct str){name.at + 1, name.len - 2};
    return str_eq(name, str(wanted->name));
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

/* True: the line sets `setting`, to *ret. */
static bool is_setting(struct str line, const char *setting, struct str *ret)
{
    const char *equals = memchr(line.at, '=', line.len);
    if (equals == NULL)
        return false;
    struct str name = trim((struct str){line.at, (size_t)(equals - line.at)});
    if (name.len != strlen(setting) || strncasecmp(name.at, setting, name.len) != 0)
        return false;
    *ret = without_comment(trim((struct str){equals + 1, line.len - (size_t)(equals - line.at) - 1}));
    return true;
}

/* False: the file has no such section. `setting` NULL: only that is asked. */
static bool file_find(const struct profile_file *file, const struct section *wanted, const char *setting,
                      struct str *ret)
{
    struct str rest = buf_str(&file->text), line;
    bool inside = false, found = false;
    while (next_line(&rest, &line)) {
        bool nested = line.len > 0 && (line.at[0] == ' ' || line.at[0] == '\t'); /* below "s3 =" */
        struct str text = trim(line);
        if (text.len == 0 || text.at[0] == '#' || text.at[0] == ';')
            continue;
        if (text.at[0] == '[') {
            inside = is_section(text, wanted);
            found |= inside;
        } else if (inside && !nested && setting != NULL) {
            is_setting(text, setting, ret);
        }
    }
    return found;
}

static struct section section_of(enum aws_file file, const char *profile)
{
    return (struct section){file == AWS_CONFIG_FILE ? "profile" : NULL, profile};
}

bool aws_profiles_has(const struct aws_profiles *self, enum aws_file file, const char *profile)
{
    const struct section wanted = section_of(file, profile);
    return file_find(&self->files[file], &wanted, NULL, NULL);
}

struct str aws_profiles_in(const struct aws_profiles *self, enum aws_file file, const char *profile,
                           const char *setting)
{
    struct str found = S("");
    const struct section wanted = section_of(file, profile);
    file_find(&self->files[file], &wanted, setting, &found);
    return found;
}

struct str aws_profiles_get(const struct aws_profiles *self, const char *profile, const char *setting)
{
    struct str found = aws_profiles_in(self, AWS_CREDENTIALS_FILE, profile, setting);
    return found.len != 0 ? found : aws_profiles_in(self, AWS_CONFIG_FILE, profile, setting);
}

bool aws_profiles_has_session(const struct aws_profiles *self, const char *session)
{
    const struct section wanted = {"sso-session", session};
    return file_find(&self->files[AWS_CONFIG_FILE], &wanted, NULL, NULL);
}

struct str aws_profiles_session(const struct aws_profiles *self, const char *session, const char *setting)
{
    struct str found = S("");
    const struct section wanted = {"sso-session", session};
    file_find(&self->files[AWS_CONFIG_FILE], &wanted, setting, &found);
    return found;
}
