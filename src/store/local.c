#include "store/local.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/local_intern.h"

static RC not_found(const struct local *self, const char *key, struct error *err)
{
    return fail(err, RC_NOT_FOUND, "there is no object '%s' in store '%s' (%s)", key, self->name, self->address);
}

static RC object_open(struct local *self, const char *key, int *ret_fd, struct object_info *ret, struct error *err)
{
    struct local_path path;
    AUTO_FD root = -1;
    TRY(local_path_of(key, &path, err));
    TRY(local_root_open(self, &root, err));
    int number = root >= 0 ? local_object_open(root, path.text, ret_fd, ret) : ENOENT;
    if (number == ENOENT)
        return not_found(self, key, err);
    if (number != 0)
        return local_fail(self, err, number, "opening", key);
    if (local_names_known(root, key))
        return RC_OK;
    close(*ret_fd); /* the file of another key whose long segment has the same hash */
    *ret_fd = -1;
    return not_found(self, key, err);
}

static void info_hashed(struct object_info *info, const char sha256[SHA256_HEX])
{
    snprintf(info->etag, sizeof(info->etag), "%s", sha256);
    snprintf(info->checksum, sizeof(info->checksum), "%s", sha256);
}

static RC local_head(struct store *base, const char *key, struct object_info *ret, struct error *err)
{
    struct local *self = (struct local *)base;
    struct object_info info = {0};
    char hex[SHA256_HEX];
    AUTO_FD fd = -1;
    TRY(object_open(self, key, &fd, &info, err));
    int number = local_sha256(fd, 0, info.bytes, hex);
    if (number != 0)
        return local_fail(self, err, number, "reading", key);
    info_hashed(&info, hex);
    *ret = info;
    return RC_OK;
}

static RC local_get(struct store *base, const char *key, size_t bytes_max, struct buf *ret,
                    struct object_info *ret_info, struct error *err)
{
    struct local *self = (struct local *)base;
    struct object_info info = {0};
    AUTO_FD fd = -1;
    TRY(object_open(self, key, &fd, &info, err));
    if ((uint64_t)info.bytes > bytes_max)
        return fail(err, RC_DATA, "reading '%s' in store '%s': it has %lld bytes, at most %zu are expected", key,
                    self->name, (long long)info.bytes, bytes_max);
    size_t bytes = (size_t)info.bytes, got = 0;
    buf_reserve(ret, bytes);
    int number = local_read_all(fd, ret->at + ret->len, bytes, 0, &got);
    if (number == 0 && got < bytes)
        number = ENODATA;
    if (number != 0)
        return local_fail(self, err, number, "reading", key);
    if (ret_info != NULL) {
        char hex[SHA256_HEX];
        sha256_hex((struct str){ret->at + ret->len, bytes}, hex);
        info_hashed(&info, hex);
        *ret_info = info;
    }
    ret->len += bytes;
    ret->at[ret->len] = '\0';
    return RC_OK;
}

static RC local_get_range(struct store *base, const char *key, int64_t offset, void *into, size_t bytes,
                          struct error *err)
{
    struct local *self = (struct local *)base;
    struct object_info info = {0};
    size_t got = 0;
    AUTO_FD fd = -1;
    TRY(object_open(self, key, &fd, &info, err));
    int number = offset <= info.bytes ? local_read_all(fd, into, bytes, offset, &got) : 0;
    if (number != 0)
        return local_fail(self, err, number, "reading", key);
    if (got < bytes)
        return fail(err, RC_DATA, "reading '%s' in store '%s': %zu bytes from %lld on are wanted, but it has %lld", key,
                    self->name, bytes, (long long)offset, (long long)info.bytes);
    return RC_OK;
}

/* The body in a synced tmp file, and what the file then holds; `*ret_fd` stays open, and so locked, until the file was
 * published. */
static int stage(struct local *self, int root, struct str body, char ret_path[LOCAL_TMP_BYTES], int *ret_fd,
                 struct object_info *ret)
{
    struct stat st;
    char hex[SHA256_HEX];
    int number = local_tmp_new(self, root, ret_path, ret_fd);
    if (number != 0)
        return number;
    number = local_write_all(*ret_fd, body, 0);
    if (number == 0 && (fsync(*ret_fd) != 0 || fstat(*ret_fd, &st) != 0))
        number = errno;
    if (number == 0)
        number = local_sha256(*ret_fd, 0, (int64_t)body.len, hex);
    if (number == 0)
        local_info_fill(&st, hex, ret);
    else
        local_tmp_remove(root, ret_path);
    return number;
}

static RC local_put(struct store *base, const char *key, struct str body, struct condition when,
                    struct object_info *ret, struct error *err)
{
    struct local *self = (struct local *)base;
    struct local_path path;
    struct object_info info;
    char staged[LOCAL_TMP_BYTES];
    AUTO_FD root = -1;
    AUTO_FD fd = -1;
    TRY(local_path_of(key, &path, err));
    TRY(local_root_open_for_write(self, &root, err));
    int number = stage(self, root, body, staged, &fd, &info);
    if (number != 0)
        return local_fail(self, err, number, "writing", key);
    enum rc rc = local_publish(self, root, staged, &path, when, err);
    local_tmp_remove(root, staged);
    if (rc == RC_NOT_FOUND)
        return local_fail(self, err, ENOENT, "writing", key);
    TRY(rc);
    if (ret != NULL)
        *ret = info;
    return RC_OK;
}

static RC local_grants(struct store *base, const struct store_use *use, struct grant_list *ret, struct error *err)
{
    (void)use;
    (void)err;
    grants_add_file(ret, ((struct local *)base)->path, R_OK | W_OK | X_OK, "everything that is staged, and the marks");
    return RC_OK;
}

static void local_free(struct store *base)
{
    struct local *self = (struct local *)base;
    free(self->name);
    free(self->path);
    free(self->address);
    free(self);
}

static const struct store_ops local_ops = {
    .type = "directory",
    .put = local_put,
    .get = local_get,
    .get_range = local_get_range,
    .head = local_head,
    .list = local_list,
    .delete = local_delete,
    .upload_begin = local_upload_begin,
    .upload_part = local_upload_part,
    .upload_complete = local_upload_complete,
    .upload_abort = local_upload_abort,
    .upload_list = local_upload_list,
    .grants = local_grants,
    .free = local_free,
};

/* The absolute path of a folder that may be missing in a parent that may not. */
static int absolute_missing(const char *path, char ret[PATH_MAX])
{
    char parent[PATH_MAX], real[PATH_MAX];
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    size_t last = len;
    while (last > 0 && path[last - 1] != '/')
        last--;
    if (len == 0 || last >= sizeof(parent))
        return len == 0 ? ENOENT : ENAMETOOLONG;
    snprintf(parent, sizeof(parent), "%.*s", last != 0 ? (int)last : 1, last != 0 ? path : ".");
    if (realpath(parent, real) == NULL)
        return errno;
    int wrote = snprintf(ret, PATH_MAX, "%s/%.*s", strcmp(real, "/") == 0 ? "" : real, (int)(len - last), path + last);
    return wrote < PATH_MAX ? 0 : ENAMETOOLONG;
}

/* Absolute, so that it stays the same folder when the program changes its own. */
static int absolute_path(const char *path, char ret[PATH_MAX])
{
    if (realpath(path, ret) != NULL)
        return 0;
    return errno == ENOENT ? absolute_missing(path, ret) : errno;
}

RC local_store_open(const char *name, const char *path, struct clock *clock, struct random *random, struct store **ret,
                    struct error *err)
{
    char real[PATH_MAX] = "";
    struct stat st;
    int number = absolute_path(path, real);
    if (number == 0 && stat(real, &st) == 0 && !S_ISDIR(st.st_mode))
        number = ENOTDIR;
    if (number != 0) {
        fail_errno(err, number, "opening store '%s' at '%s'", name, path);
        if (number == ENOTDIR)
            err->rc = RC_CONFIG;
        return fail_todo(err, "give the path of a folder, or of one to be made in a folder that there is");
    }
    if (!str_is_utf8(str(real))) { /* documents name it */
        fail(err, RC_CONFIG, "opening store '%s': its path '%s' is not UTF-8", name, real);
        return fail_todo(err, "move or rename the folder");
    }
    struct local *self = xcalloc(1, sizeof(*self));
    size_t address_bytes = strlen(real) + sizeof("file://");
    *self = (struct local){.name = xstrdup(name), .path = xstrdup(real), .clock = clock, .random = random};
    self->address = xcalloc(1, address_bytes);
    snprintf(self->address, address_bytes, "file://%s", real);
    self->base = (struct store){.ops = &local_ops, .name = self->name, .address = self->address};
    *ret = &self->base;
    return RC_OK;
}
