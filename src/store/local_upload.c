/* An upload is the folder .waybill/uploads/<id>/ with two files: `key`, and `data`, where each part is written behind
 * the one before. A part's ETag is "<end>-<sha256>": so the caller's list of parts alone says how long the file must be
 * and what it must contain, also after the upload is gone (it was completed, and the answer was lost). */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/local_intern.h"

enum { UPLOAD_PATH_BYTES = sizeof(LOCAL_UPLOADS) + UUID_TEXT + 8 };

static void upload_path(const char *id, const char *file, char ret[UPLOAD_PATH_BYTES])
{
    snprintf(ret, UPLOAD_PATH_BYTES, LOCAL_UPLOADS "/%.*s%s", UUID_TEXT - 1, id, file);
}

static int64_t part_end(const struct upload *upload, int parts)
{
    return parts > 0 ? strtoll(upload->part[parts - 1].etag, NULL, 10) : 0;
}

static const char *part_sha256(const struct upload *upload, int part)
{
    return strchr(upload->part[part].etag, '-') + 1;
}

static RC gone(const struct local *self, const char *key, struct error *err)
{
    return fail(err, RC_NOT_FOUND, "the upload of '%s' in store '%s' is gone: it was aborted", key, self->name);
}

/* ---- begin ---- */

static int file_make(int folder, const char *name, struct str content)
{
    AUTO_FD fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int number = local_write_all(fd, content, 0);
    return number == 0 && fsync(fd) != 0 ? errno : number;
}

/* Complete in tmp/ first: a folder in uploads/ always has its key. */
static int upload_make(int root, int folder, const char *staged, const char *path, const char *key)
{
    int number = file_make(folder, "key", str(key));
    if (number == 0)
        number = file_make(folder, "data", S(""));
    if (number == 0 && (fsync(folder) != 0 || renameat(root, staged, root, path) != 0))
        number = errno;
    return number != 0 ? number : local_sync_above(root, path);
}

RC local_upload_begin(struct store *base, const char *key, struct upload *ret, struct error *err)
{
    struct local *self = (struct local *)base;
    struct local_path checked;
    char staged[LOCAL_TMP_BYTES], path[UPLOAD_PATH_BYTES], id[UUID_TEXT];
    AUTO_FD root = -1;
    AUTO_FD folder = -1;
    TRY(local_path_of(key, &checked, err));
    TRY(local_root_open_for_write(self, &root, err));
    int number = local_tmp_folder_new(self, root, staged, &folder);
    if (number != 0)
        return local_fail(self, err, number, "beginning the upload of", key);
    uuid7(self->clock, self->random, id);
    upload_path(id, "", path);
    number = upload_make(root, folder, staged, path, key);
    if (number != 0) {
        local_tmp_remove(root, staged);
        return local_fail(self, err, number, "beginning the upload of", key);
    }
    *ret = (struct upload){.key = key};
    snprintf(ret->id, sizeof(ret->id), "%s", id);
    return RC_OK;
}

/* ---- parts ---- */

/* -1 when there is no such upload (any more). */
static RC data_open(struct local *self, int root, const struct upload *upload, int *ret_fd, struct error *err)
{
    char path[UPLOAD_PATH_BYTES];
    upload_path(upload->id, "/data", path);
    *ret_fd = openat(root, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (*ret_fd >= 0 || errno == ENOENT)
        return RC_OK;
    return local_fail(self, err, errno, "uploading", upload->key);
}

RC local_upload_part(struct store *base, struct upload *upload, struct str bytes, struct error *err)
{
    struct local *self = (struct local *)base;
    char etag[ETAG_TEXT], hex[SHA256_HEX];
    AUTO_FD root = -1;
    AUTO_FD fd = -1;
    if (upload->parts == PART_NUMBER_MAX)
        return fail(err, RC_CONFIG, "uploading '%s' to store '%s': it has %d parts already, the most there can be",
                    upload->key, self->name, PART_NUMBER_MAX);
    TRY(local_root_open_for_write(self, &root, err));
    TRY(data_open(self, root, upload, &fd, err));
    if (fd < 0)
        return gone(self, upload->key, err);
    int64_t start = part_end(upload, upload->parts);
    long long end = start + (long long)bytes.len;
    int number = local_write_all(fd, bytes, start);
    if (number != 0)
        return local_fail(self, err, number, "uploading", upload->key);
    sha256_hex(bytes, hex);
    snprintf(etag, sizeof(etag), "%lld-%s", end, hex);
    upload_accept(upload, etag);
    return RC_OK;
}

/* ---- the end ---- */

/* In one step out of sight, then away. */
static int upload_remove(struct local *self, int root, const char *id)
{
    char path[UPLOAD_PATH_BYTES], away[LOCAL_TMP_BYTES];
    AUTO_FD folder = -1;
    upload_path(id, "", path);
    int number = local_tmp_folder_new(self, root, away, &folder);
    if (number != 0)
        return number;
    if (renameat(root, path, root, away) != 0 && errno != ENOENT)
        number = errno;
    local_tmp_remove(root, away);
    return number != 0 ? number : local_sync_above(root, path);
}

/* Is the object, part for part, what was uploaded? */
static bool has_parts(const struct upload *upload, int fd, int64_t bytes)
{
    if (bytes != part_end(upload, upload->parts))
        return false;
    for (int i = 0; i < upload->parts; i++) {
        char hex[SHA256_HEX];
        int64_t start = part_end(upload, i);
        if (local_sha256(fd, start, part_end(upload, i + 1) - start, hex) != 0 ||
            strcmp(hex, part_sha256(upload, i)) != 0)
            return false;
    }
    return true;
}

/* The upload is gone. Completed, if the object has its content. */
static RC complete_again(struct local *self, int root, const struct upload *upload, const struct local_path *path,
                         struct object_info *ret, struct error *err)
{
    struct object_info info = {0};
    struct stat st;
    char hex[SHA256_HEX];
    AUTO_FD fd = -1;
    int number = local_object_open(root, path->text, &fd, &info);
    if (number == ENOENT || (number == 0 && !has_parts(upload, fd, info.bytes)))
        return gone(self, upload->key, err);
    if (number == 0)
        number = local_sha256(fd, 0, info.bytes, hex);
    if (number == 0 && (fsync(fd) != 0 || fstat(fd, &st) != 0))
        number = errno;
    if (number == 0)
        number = upload_remove(self, root, upload->id);
    if (number == 0)
        number = local_sync_above(root, path->text);
    if (number != 0)
        return local_fail(self, err, number, "completing", upload->key);
    local_info_fill(&st, hex, ret);
    return RC_OK;
}

/* Exactly the accepted parts, on disk: a part that failed may have left bytes behind them. */
static int data_finish(const struct upload *upload, int fd, char ret_hex[SHA256_HEX])
{
    int64_t end = part_end(upload, upload->parts);
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    if (st.st_size > end && ftruncate(fd, end) != 0)
        return errno;
    if (fsync(fd) != 0)
        return errno;
    return local_sha256(fd, 0, end, ret_hex);
}

RC local_upload_complete(struct store *base, struct upload *upload, struct condition when, struct object_info *ret,
                         struct error *err)
{
    struct local *self = (struct local *)base;
    struct local_path path;
    struct stat st;
    char staged[UPLOAD_PATH_BYTES], hex[SHA256_HEX];
    AUTO_FD root = -1;
    AUTO_FD fd = -1;
    TRY(local_path_of(upload->key, &path, err));
    TRY(local_root_open_for_write(self, &root, err));
    TRY(data_open(self, root, upload, &fd, err));
    if (fd < 0)
        return complete_again(self, root, upload, &path, ret, err);
    int number = data_finish(upload, fd, hex);
    if (number != 0)
        return local_fail(self, err, number, "completing", upload->key);
    upload_path(upload->id, "/data", staged);
    enum rc rc = local_publish(self, root, staged, &path, when, err);
    if (rc == RC_NOT_FOUND)
        return complete_again(self, root, upload, &path, ret, err);
    TRY(rc);
    number = fstat(fd, &st) != 0 ? errno : upload_remove(self, root, upload->id);
    if (number != 0)
        return local_fail(self, err, number, "completing", upload->key);
    local_info_fill(&st, hex, ret);
    return RC_OK;
}

RC local_upload_abort(struct store *base, const char *key, const char *upload_id, struct error *err)
{
    struct local *self = (struct local *)base;
    AUTO_FD root = -1;
    if (!uuid_is_valid(upload_id))
        return RC_OK; /* never one of ours, and no path to somewhere else */
    TRY(local_root_open_for_write(self, &root, err));
    int number = upload_remove(self, root, upload_id);
    return number == 0 ? RC_OK : local_fail(self, err, number, "aborting the upload of", key);
}

/* ---- listing ---- */

static int id_order(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The ids behind `after`, sorted. */
static int ids_read(int root, const char *after, struct arena *arena, char ***ret, int *ret_count)
{
    int fd = openat(root, LOCAL_UPLOADS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL)
        return errno;
    int size = 0;
    for (struct dirent *entry; (errno = 0, entry = readdir(stream)) != NULL;) {
        if (!uuid_is_valid(entry->d_name) || strcmp(entry->d_name, after) <= 0)
            continue;
        if (*ret_count == size) {
            size = size != 0 ? size * 2 : 16;
            *ret = xrealloc(*ret, (size_t)size * sizeof(**ret));
        }
        (*ret)[(*ret_count)++] = arena_text(arena, entry->d_name);
    }
    int number = errno;
    closedir(stream);
    if (*ret_count > 1)
        qsort(*ret, (size_t)*ret_count, sizeof(**ret), id_order);
    return number;
}

static int upload_read(int root, const char *id, struct arena *arena, struct listed_upload *ret)
{
    char path[UPLOAD_PATH_BYTES], key[KEY_BYTES_MAX + 1];
    struct stat st;
    size_t len = 0;
    upload_path(id, "/key", path);
    AUTO_FD fd = openat(root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return errno;
    int number = local_read_all(fd, key, KEY_BYTES_MAX, 0, &len);
    if (number != 0)
        return number;
    *ret = (struct listed_upload){.key = arena_str(arena, (struct str){key, len}),
                                  .upload_id = id,
                                  .started_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000};
    return 0;
}

static int uploads_page(int root, const char *prefix, char **ids, int count, struct arena *arena,
                        struct upload_list *ret)
{
    for (int i = 0; i < count; i++) {
        struct listed_upload item = {.key = ""};
        int number = upload_read(root, ids[i], arena, &item);
        if (number == ENOENT || (number == 0 && !str_has_prefix(str(item.key), str(prefix))))
            continue; /* ended meanwhile, or another's */
        if (number != 0)
            return number;
        if (ret->count == LIST_PAGE_MAX) {
            ret->next = ret->items[LIST_PAGE_MAX - 1].upload_id;
            return 0;
        }
        ret->items[ret->count++] = item;
    }
    return 0;
}

RC local_upload_list(struct store *base, const char *prefix, const char *after, struct arena *arena,
                     struct upload_list *ret, struct error *err)
{
    struct local *self = (struct local *)base;
    struct upload_list list = {.items = arena_take(arena, LIST_PAGE_MAX * sizeof(*list.items))};
    char **ids = NULL;
    int count = 0;
    AUTO_FD root = -1;
    TRY(local_root_open(self, &root, err));
    int number = root >= 0 ? ids_read(root, or_empty(after), arena, &ids, &count) : 0;
    if (number == 0)
        number = uploads_page(root, prefix, ids, count, arena, &list);
    free(ids);
    if (number != 0 && number != ENOENT) /* ENOENT: nothing was ever uploaded here */
        return local_fail(self, err, number, "listing the uploads of", prefix);
    *ret = list;
    return RC_OK;
}
