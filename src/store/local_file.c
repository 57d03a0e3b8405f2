#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

#include "store/local_intern.h"

enum { READ_BYTES = 1 << 20, LOCK_WAIT_MAX_MS = 30000, LOCK_SLEEP_MAX_MS = 20 };
static const int64_t STALE_AGE_US = INT64_C(60000000); /* a tmp file is locked microseconds after it is created */

/* What errno alone would say badly here; the rest is fail_errno's. */
static const struct advice {
    int number;
    enum rc rc;
    const char *todo;
} advices[] = {
    {ENOENT, RC_UNAVAILABLE, "somebody removed files of the store meanwhile: see who, then run the same command again"},
    {ENOTDIR, RC_CONFIG, "a file stands where the store needs a folder: move it away"},
    {EISDIR, RC_CONFIG, "a folder stands where the store needs a file: move it away"},
    {EEXIST, RC_CONFIG, "a file stands where the store needs its own: move it away"},
    {ELOOP, RC_CONFIG, "symbolic links are not followed inside a store: put the real folder there"},
    {EXDEV, RC_CONFIG, "the whole store must be on one file system: mount it at its top folder"},
    {EPERM, RC_DENIED, "the file system must know hard links, and the folder must not be immutable"},
    {EOPNOTSUPP, RC_CONFIG, "use a file system with hard links, locks and RENAME_EXCHANGE, such as ext4 or xfs"},
    {ENOLCK, RC_CONFIG, "the file system gives no locks (NFS without locks is not safe): use another one"},
    {EIO, RC_UNAVAILABLE, "the disk reports an error: look at dmesg, then run the same command again"},
    {ENODATA, RC_DATA, "a file became shorter than it was: somebody else writes in the store's folder"},
};

enum rc local_fail(const struct local *self, struct error *err, int number, const char *doing, const char *key)
{
    fail_errno(err, number, "%s '%s' in store '%s' (%s)", doing, key, self->name, self->address);
    for (size_t i = 0; i < sizeof(advices) / sizeof(*advices); i++) {
        if (advices[i].number != number)
            continue;
        err->rc = advices[i].rc;
        err->todo[0] = '\0';
        return fail_todo(err, "%s", advices[i].todo);
    }
    return fail_todo(err, "see that %s is a healthy, writable folder of this machine", self->path);
}

/* ---- reading and writing ---- */

int local_write_all(int fd, struct str bytes, int64_t offset)
{
    while (bytes.len > 0) {
        ssize_t wrote = pwrite(fd, bytes.at, bytes.len, offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return errno;
        bytes = (struct str){bytes.at + wrote, bytes.len - (size_t)wrote};
        offset += wrote;
    }
    return 0;
}

int local_read_all(int fd, void *into, size_t bytes, int64_t offset, size_t *ret_read)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = pread(fd, (char *)into + done, bytes - done, offset + (int64_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *ret_read = done;
    return 0;
}

int local_sha256(int fd, int64_t offset, int64_t bytes, char ret_hex[SHA256_HEX])
{
    AUTO(sha256) *digest = sha256_new();
    char *block = xcalloc(1, READ_BYTES);
    int number = 0;
    while (bytes > 0 && number == 0) {
        size_t want = bytes < READ_BYTES ? (size_t)bytes : READ_BYTES, got = 0;
        number = local_read_all(fd, block, want, offset, &got);
        if (number == 0 && got < want)
            number = ENODATA;
        if (number == 0)
            sha256_add(digest, (struct str){block, got});
        offset += (int64_t)got;
        bytes -= (int64_t)got;
    }
    sha256_end(digest, ret_hex);
    free(block);
    return number;
}

/* ---- temporary files ---- */

static void tmp_name(struct local *self, char ret_path[LOCAL_TMP_BYTES])
{
    char id[UUID_TEXT];
    uuid7(self->clock, self->random, id);
    snprintf(ret_path, LOCAL_TMP_BYTES, LOCAL_TMP "/%s", id);
}

int local_tmp_new(struct local *self, int root, char ret_path[LOCAL_TMP_BYTES], int *ret_fd)
{
    int fd = -1;
    for (int i = 0; fd < 0 && i < LOCAL_TRIES_MAX; i++) {
        tmp_name(self, ret_path);
        fd = openat(root, ret_path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            return errno;
    }
    if (fd < 0)
        return EEXIST;
    flock(fd, LOCK_EX | LOCK_NB); /* a courtesy to tmp_is_stale: without it the file only looks abandoned earlier */
    *ret_fd = fd;
    return 0;
}

int local_tmp_folder_new(struct local *self, int root, char ret_path[LOCAL_TMP_BYTES], int *ret_fd)
{
    int made = -1;
    for (int i = 0; made != 0 && i < LOCAL_TRIES_MAX; i++) {
        tmp_name(self, ret_path);
        made = mkdirat(root, ret_path, 0700);
        if (made != 0 && errno != EEXIST)
            return errno;
    }
    int fd = made == 0 ? openat(root, ret_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd < 0)
        return errno;
    flock(fd, LOCK_EX | LOCK_NB);
    *ret_fd = fd;
    return 0;
}

void local_tmp_remove(int root, const char *path)
{
    if (unlinkat(root, path, 0) == 0 || errno != EISDIR)
        return;
    int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder != NULL) {
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                unlinkat(fd, entry->d_name, 0);
        }
        closedir(folder);
    } else if (fd >= 0) {
        close(fd);
    }
    unlinkat(root, path, AT_REMOVEDIR);
}

static bool tmp_is_stale(struct local *self, int tmp, const char *name)
{
    struct stat st;
    AUTO_FD fd = openat(tmp, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return false;
    int64_t age_us =
        self->clock->now_us(self->clock) - ((int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000);
    return age_us > STALE_AGE_US && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* What a killed process left: not a single write of the living depends on it, so a failure here is nobody's. */
static void tmp_clean(struct local *self, int root)
{
    int fd = openat(root, LOCAL_TMP, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[sizeof(LOCAL_TMP) + NAME_MAX + 2];
        snprintf(path, sizeof(path), LOCAL_TMP "/%s", entry->d_name);
        if (entry->d_name[0] != '.' && tmp_is_stale(self, fd, entry->d_name))
            local_tmp_remove(root, path);
    }
    closedir(folder);
}

/* ---- the directory itself ---- */

static int sync_parent(const char *path)
{
    char parent[PATH_MAX];
    const char *end = strrchr(path, '/');
    snprintf(parent, sizeof(parent), "%.*s", end > path ? (int)(end - path) : 1, path);
    AUTO_FD fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? 0 : errno;
}

RC local_root_open(struct local *self, int *ret, struct error *err)
{
    *ret = open(self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret >= 0 || errno == ENOENT)
        return RC_OK;
    return local_fail(self, err, errno, "opening the folder", self->path);
}

static int hidden_make(int root)
{
    static const char *const folders[] = {LOCAL_HIDDEN, LOCAL_TMP, LOCAL_UPLOADS, LOCAL_NAMES};
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        if (mkdirat(root, folders[i], 0700) != 0 && errno != EEXIST)
            return errno;
    }
    AUTO_FD fd = openat(root, LOCAL_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd >= 0 ? local_sync_above(root, LOCAL_LOCK) : errno;
}

RC local_root_open_for_write(struct local *self, int *ret, struct error *err)
{
    AUTO_FD root = -1;
    TRY(local_root_open(self, &root, err));
    if (root < 0) {
        if ((mkdir(self->path, 0700) != 0 && errno != EEXIST) || sync_parent(self->path) != 0)
            return local_fail(self, err, errno, "creating the folder", self->path);
        TRY(local_root_open(self, &root, err));
    }
    if (root < 0)
        return local_fail(self, err, ENOENT, "opening the folder", self->path);
    if (!self->prepared) {
        int number = hidden_make(root);
        if (number != 0)
            return local_fail(self, err, number, "creating the folder", LOCAL_HIDDEN);
        tmp_clean(self, root);
        self->prepared = true;
    }
    *ret = fd_take(&root);
    return RC_OK;
}

RC local_lock(struct local *self, int root, int *ret, struct error *err)
{
    AUTO_FD fd = openat(root, LOCAL_LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return local_fail(self, err, errno, "opening the lock", LOCAL_LOCK);
    int64_t deadline = self->clock->mono_ms(self->clock) + LOCK_WAIT_MAX_MS, sleep_ms = 1;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    while (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
        if (errno != EAGAIN && errno != EACCES)
            return local_fail(self, err, errno, "locking", LOCAL_LOCK);
        if (self->clock->mono_ms(self->clock) >= deadline) {
            fail(err, RC_BUSY, "locking '%s' in store '%s' (%s): another process has held it for %d s", LOCAL_LOCK,
                 self->name, self->address, LOCK_WAIT_MAX_MS / 1000);
            return fail_todo(err,
                             "see who holds it (lslocks, or fuser %s/" LOCAL_LOCK "): it is held for "
                             "milliseconds only, unless that process is stopped or the disk hangs",
                             self->path);
        }
        self->clock->sleep_ms(self->clock, sleep_ms);
        sleep_ms = sleep_ms < LOCK_SLEEP_MAX_MS ? sleep_ms * 2 : LOCK_SLEEP_MAX_MS;
    }
    *ret = fd_take(&fd);
    return RC_OK;
}

static int sync_folder(int root, const char *path)
{
    AUTO_FD fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
    return fsync(fd) == 0 ? 0 : errno;
}

/* All of them, not only those this process made: a folder that another process has just made need not be on disk yet.
 */
int local_sync_above(int root, const char *path)
{
    char folder[LOCAL_PATH_BYTES];
    snprintf(folder, sizeof(folder), "%s", path);
    for (char *end; (end = strrchr(folder, '/')) != NULL;) {
        *end = '\0';
        int number = sync_folder(root, folder);
        if (number != 0)
            return number;
    }
    return fsync(root) == 0 ? 0 : errno;
}
