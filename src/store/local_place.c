/* Where an object lies, and the writes that hold their condition.
 *
 * An object is the file its path says; where keys go on behind its own (a beside a/b) that path is a folder, and the
 * object is the file `%` in it. A file becomes such a folder by one atomic exchange, so an object is in exactly one of
 * the two places at any instant. What keeps writers apart:
 *   creations (If-None-Match)    link(2), which never replaces
 *   replace, delete, exchange    the lock
 * Folders are made and removed without the lock: whoever meets ENOENT in a folder that has just gone starts again. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>

#include "store/local_intern.h"

static int folder_at(int folder, const char *name)
{
    return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int file_at(int folder, const char *name)
{
    return openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* ---- reading ---- */

void local_info_fill(const struct stat *st, const char *sha256, struct object_info *ret)
{
    if (ret == NULL)
        return;
    *ret = (struct object_info){.bytes = st->st_size,
                                .modified_us = (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000};
    snprintf(ret->etag, sizeof(ret->etag), "%s", or_empty(sha256));
    snprintf(ret->checksum, sizeof(ret->checksum), "%s", or_empty(sha256));
}

int local_object_open(int root, const char *path, int *ret_fd, struct object_info *ret)
{
    struct stat st;
    const char *last = "";
    AUTO_FD folder = -1;
    int number = local_folder_open(root, path, &folder, &last);
    if (number != 0)
        return number;
    AUTO_FD fd = file_at(folder, last);
    if (fd < 0)
        return errno == ELOOP ? ENOENT : errno;
    if (fstat(fd, &st) != 0)
        return errno;
    if (S_ISDIR(st.st_mode)) {
        AUTO_FD sub = fd;
        fd = file_at(sub, LOCAL_SELF);
        if (fd < 0 || fstat(fd, &st) != 0)
            return errno;
    }
    if (!S_ISREG(st.st_mode))
        return ENOENT;
    local_info_fill(&st, NULL, ret);
    *ret_fd = fd_take(&fd);
    return 0;
}

/* ---- folders ---- */

static bool is_folder(int folder, const char *name)
{
    struct stat st;
    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* The file `name` of `folder` becomes the folder `name` with the file `%`; 0 also when it is a folder already. */
static int exchange(struct local *self, int root, int folder, const char *name)
{
    char staged[LOCAL_TMP_BYTES];
    AUTO_FD fd = -1;
    int number = local_tmp_folder_new(self, root, staged, &fd);
    if (number != 0)
        return number;
    if (linkat(folder, name, fd, LOCAL_SELF, 0) != 0)
        number = errno == EPERM && is_folder(folder, name) ? 0 : errno;
    else if (fsync(fd) != 0 || renameat2(root, staged, folder, name, RENAME_EXCHANGE) != 0)
        number = errno == EINVAL || errno == ENOSYS ? EOPNOTSUPP : errno;
    local_tmp_remove(root, staged); /* the folder, or after the exchange the old name of the file */
    return number;
}

static RC exchange_locked(struct local *self, int root, int folder, const char *name, const char *key,
                          struct error *err)
{
    AUTO_FD lock = -1;
    TRY(local_lock(self, root, &lock, err));
    int number = exchange(self, root, folder, name);
    if (number != 0 && number != ENOENT)
        return local_fail(self, err, number, "making a folder for", key);
    return RC_OK;
}

/* Cuts the next segment off a path; false for the last one, which is left alone. */
static bool next_folder(const char **path, char ret[LOCAL_NAME_BYTES])
{
    const char *end = strchr(*path, '/');
    if (end == NULL)
        return false;
    snprintf(ret, LOCAL_NAME_BYTES, "%.*s", (int)(end - *path), *path);
    *path = end + 1;
    return true;
}

int local_folder_open(int root, const char *path, int *ret_fd, const char **ret_last)
{
    char name[LOCAL_NAME_BYTES];
    AUTO_FD at = folder_at(root, ".");
    while (at >= 0 && next_folder(&path, name)) {
        int next = folder_at(at, name);
        int number = errno;
        close(at);
        at = next;
        errno = number;
    }
    if (at < 0)
        return errno == ENOTDIR || errno == ELOOP ? ENOENT : errno;
    *ret_fd = fd_take(&at);
    *ret_last = path;
    return 0;
}

/* One step down, made if need be. ENOENT: `at` itself was removed meanwhile. */
static RC step_make(struct local *self, int root, int at, const char *name, const char *key, int *ret,
                    struct error *err)
{
    for (int i = 0; i < LOCAL_TRIES_MAX; i++) {
        *ret = folder_at(at, name);
        if (*ret >= 0)
            return RC_OK;
        if (errno == ENOTDIR) {
            TRY(exchange_locked(self, root, at, name, key, err));
            continue;
        }
        if (errno != ENOENT)
            return local_fail(self, err, errno, "opening a folder for", key);
        if (mkdirat(at, name, 0700) == 0 || errno == EEXIST)
            continue;
        if (errno == ENOENT)
            return RC_OK; /* *ret is -1 */
        return local_fail(self, err, errno, "making a folder for", key);
    }
    return RC_OK;
}

static RC local_folder_make(struct local *self, int root, const struct local_path *path, int *ret_fd,
                            const char **ret_last, struct error *err)
{
    char name[LOCAL_NAME_BYTES];
    const char *rest = path->text;
    AUTO_FD at = folder_at(root, ".");
    if (at < 0)
        return local_fail(self, err, errno, "opening the folder of", path->key);
    while (at >= 0 && next_folder(&rest, name)) {
        int next = -1;
        TRY(step_make(self, root, at, name, path->key, &next, err));
        close(at);
        at = next;
    }
    *ret_fd = fd_take(&at);
    *ret_last = rest;
    return RC_OK;
}

/* ---- writes ---- */

static bool is_same_file(int folder, const char *name, int root, const char *staged)
{
    struct stat a, b;
    return fstatat(folder, name, &a, AT_SYMLINK_NOFOLLOW) == 0 && fstatat(root, staged, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* EEXIST: the condition does not hold. ENOENT: a folder went away, again from the start. That the object is this very
 * staged file is success: an upload is completed again after a failed fsync. */
static int link_new(int root, const char *staged, int folder, const char *name)
{
    if (linkat(root, staged, folder, name, 0) == 0 || (errno == EEXIST && is_same_file(folder, name, root, staged)))
        return 0;
    if (errno != EEXIST)
        return errno;
    AUTO_FD sub = folder_at(folder, name);
    if (sub < 0)
        return errno == ENOTDIR || errno == ELOOP ? EEXIST : errno;
    if (linkat(root, staged, sub, LOCAL_SELF, 0) == 0 ||
        (errno == EEXIST && is_same_file(sub, LOCAL_SELF, root, staged)))
        return fsync(sub) == 0 ? 0 : errno;
    return errno;
}

static int etag_of(int folder, const char *name, char ret[SHA256_HEX])
{
    struct stat st;
    AUTO_FD fd = file_at(folder, name);
    if (fd < 0 || fstat(fd, &st) != 0)
        return errno;
    return local_sha256(fd, 0, st.st_size, ret);
}

/* The lock is held. EEXIST: the condition does not hold. ENOENT, EISDIR: a folder came or went, again from the start.
 */
static int rename_over(int root, const char *staged, int folder, const char *name, const char *if_match)
{
    AUTO_FD sub = folder_at(folder, name);
    if (sub < 0 && errno != ENOTDIR && errno != ENOENT && errno != ELOOP)
        return errno;
    if (sub >= 0) {
        folder = sub;
        name = LOCAL_SELF;
    }
    if (if_match != NULL) {
        char etag[SHA256_HEX];
        int number = etag_of(folder, name, etag);
        if (number == ENOENT || (number == 0 && strcmp(etag, if_match) != 0))
            return EEXIST;
        if (number != 0)
            return number;
    }
    if (renameat(root, staged, folder, name) != 0)
        return errno;
    return sub < 0 || fsync(sub) == 0 ? 0 : errno; /* the folders above are the caller's */
}

static RC replace(struct local *self, int root, const char *staged, int folder, const char *last,
                  const struct local_path *path, const char *if_match, int *ret_number, struct error *err)
{
    AUTO_FD lock = -1;
    TRY(local_lock(self, root, &lock, err));
    *ret_number = rename_over(root, staged, folder, last, if_match);
    if (*ret_number == 0)
        *ret_number = local_sync_above(root, path->text); /* within the lock: who compares next builds on it */
    return RC_OK;
}

static RC publish_once(struct local *self, int root, const char *staged, const struct local_path *path,
                       struct condition when, int *ret_number, struct error *err)
{
    const char *last = "";
    AUTO_FD folder = -1;
    TRY(local_folder_make(self, root, path, &folder, &last, err));
    if (folder < 0) {
        *ret_number = ENOENT;
        return RC_OK;
    }
    if (!when.if_none_match)
        return replace(self, root, staged, folder, last, path, when.if_match, ret_number, err);
    *ret_number = link_new(root, staged, folder, last);
    if (*ret_number == 0)
        *ret_number = local_sync_above(root, path->text);
    return RC_OK;
}

static RC conflict(struct local *self, int root, const struct local_path *path, struct condition when,
                   struct error *err)
{
    int number = local_sync_above(root, path->text); /* what refused us may have just been written: we build on it */
    if (number != 0)
        return local_fail(self, err, number, "syncing the folder of", path->key);
    return fail(err, RC_CONFLICT, "writing '%s' in store '%s': %s", path->key, self->name,
                when.if_none_match ? "there is such an object already" : "it is not the one with the expected ETag");
}

RC local_publish(struct local *self, int root, const char *staged, const struct local_path *path, struct condition when,
                 struct error *err)
{
    int number = ENOENT;
    assert(!when.if_none_match || when.if_match == NULL);
    TRY(local_names_note(self, root, path->key, err));
    for (int i = 0; i < LOCAL_TRIES_MAX && (number == ENOENT || number == EISDIR); i++) {
        if (faccessat(root, staged, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
            return fail(err, RC_NOT_FOUND, "writing '%s' in store '%s': what was written so far is gone", path->key,
                        self->name);
        TRY(publish_once(self, root, staged, path, when, &number, err));
    }
    if (number == EEXIST)
        return conflict(self, root, path, when, err);
    return number == 0 ? RC_OK : local_fail(self, err, number, "writing", path->key);
}
