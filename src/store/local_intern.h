/* What the files of the directory store share. Nobody else includes this.
 *
 * Functions that return int return 0 or an errno, for callers that decide by it; the others speak RC as everywhere.
 * `root` is an open descriptor of the store's directory, and every path is relative to it. */
#pragma once

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store.h"

#define LOCAL_HIDDEN  ".waybill"
#define LOCAL_TMP     LOCAL_HIDDEN "/tmp"
#define LOCAL_UPLOADS LOCAL_HIDDEN "/uploads"
#define LOCAL_NAMES   LOCAL_HIDDEN "/names"
#define LOCAL_LOCK    LOCAL_HIDDEN "/lock"
/* An object whose key is also the start of other keys (a beside a/b) is this file in its folder; no segment is ever
 * encoded to this name. */
#define LOCAL_SELF "%"

enum {
    LOCAL_SEGMENT_MAX = 200, /* a longer name is cut ... */
    LOCAL_SEGMENT_CUT = 180, /* ... to this, + '~' + 16 hex */
    LOCAL_NAME_BYTES = LOCAL_SEGMENT_MAX + 1,
    LOCAL_PATH_BYTES = 3 * KEY_BYTES_MAX + 1, /* every byte as %XX */
    LOCAL_TMP_BYTES = sizeof(LOCAL_UPLOADS) + UUID_TEXT + 8,
    LOCAL_TRIES_MAX = 100, /* lost races with those who make and remove the same folders */
};
_Static_assert(LOCAL_SEGMENT_CUT + 1 + 16 <= LOCAL_SEGMENT_MAX && LOCAL_SEGMENT_MAX <= NAME_MAX, "a name fits");
_Static_assert(LOCAL_PATH_BYTES <= PATH_MAX, "a path fits");

struct local {
    struct store base;
    char *name, *path, *address;
    struct clock *clock;
    struct random *random;
    atomic_bool prepared; /* the hidden folders are there */
};

#define AUTO_FD __attribute__((cleanup(fd_auto))) int
static inline void fd_auto(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Moves a descriptor out of an AUTO_FD variable, which then closes nothing. */
static inline int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* ---- local_name.c: keys <-> file names ---- */

struct local_path {
    char text[LOCAL_PATH_BYTES];
    char key[KEY_BYTES_MAX + 1];
};
/* Where a key lies, after checking it. */
RC local_path_of(const char *key, struct local_path *ret, struct error *err);
/* The segment's file name; `top`: it is the first of its key, where ".waybill" must not be met. */
void local_name_of(struct str segment, bool top, char ret[LOCAL_NAME_BYTES]);
/* The segment a file name stands for. ENOENT: it is none of ours; ENODATA: it was cut, and names/ does not know it. */
int local_segment_of(int root, const char *name, bool top, char ret[KEY_BYTES_MAX + 1]);
/* Writes down (`note`), or looks for, the cut segments of a key in names/. ENOENT: not there, or another's. */
RC local_names_note(struct local *self, int root, const char *key, struct error *err);
bool local_names_known(int root, const char *key);

/* ---- local_file.c: files, folders, locks ---- */

/* "writing 'k' in store 'lake' (file:///lake): No space left on device", with an advice. Never RC_NOT_FOUND. */
enum rc local_fail(const struct local *self, struct error *err, int number, const char *doing, const char *key);
/* Opens the directory. ENOENT when it is missing and not to be created. */
RC local_root_open(struct local *self, int *ret, struct error *err);           /* -1: there is none yet */
RC local_root_open_for_write(struct local *self, int *ret, struct error *err); /* made, with all that is hidden */
/* A new file in tmp/, locked as long as it stays open: a tmp file that can be locked has lost its process. */
int local_tmp_new(struct local *self, int root, char ret_path[LOCAL_TMP_BYTES], int *ret_fd);
int local_tmp_folder_new(struct local *self, int root, char ret_path[LOCAL_TMP_BYTES], int *ret_fd);
void local_tmp_remove(int root, const char *path); /* a file, or a folder of files */
int local_write_all(int fd, struct str bytes, int64_t offset);
int local_read_all(int fd, void *into, size_t bytes, int64_t offset, size_t *ret_read);
/* SHA-256 of `bytes` bytes from `offset`; ENODATA when there are fewer. */
int local_sha256(int fd, int64_t offset, int64_t bytes, char ret_hex[SHA256_HEX]);
/* The lock that every write but a creation holds; closing it gives it back. */
RC local_lock(struct local *self, int root, int *ret, struct error *err);
/* fsync of the folder a path lies in and of all above it, the root included; those that are gone do not matter. */
int local_sync_above(int root, const char *path);

/* ---- local_place.c: where an object lies, and conditional writes ---- */

/* `sha256` NULL: not computed; `ret` NULL: nobody asks. */
void local_info_fill(const struct stat *st, const char *sha256, struct object_info *ret);
/* Opens the object for reading and tells its size and time. ENOENT: there is none. */
int local_object_open(int root, const char *path, int *ret_fd, struct object_info *ret);
/* Opens the folder a path lies in; `last` is where the file's name begins. */
int local_folder_open(int root, const char *path, int *ret_fd, const char **ret_last);
/* Makes the written and synced file `staged` the object, under the condition, durably; a staged file that was linked
 * (not renamed) is still there. ENOENT of `staged` itself is RC_NOT_FOUND. */
RC local_publish(struct local *self, int root, const char *staged, const struct local_path *path, struct condition when,
                 struct error *err);

/* ---- the rest of the operations ---- */

RC local_list(struct store *base, const char *prefix, const char *after, struct arena *arena, struct object_list *ret,
              struct error *err);
RC local_delete(struct store *base, struct deleted_object *items, int count, struct error *err);
RC local_upload_begin(struct store *base, const char *key, struct upload *ret, struct error *err);
RC local_upload_part(struct store *base, struct upload *upload, struct str bytes, struct error *err);
RC local_upload_complete(struct store *base, struct upload *upload, struct condition when, struct object_info *ret,
                         struct error *err);
RC local_upload_abort(struct store *base, const char *key, const char *upload_id, struct error *err);
RC local_upload_list(struct store *base, const char *prefix, const char *after, struct arena *arena,
                     struct upload_list *ret, struct error *err);
