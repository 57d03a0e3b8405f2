/* Listing: folders are walked in the byte order of the keys, and a page ends the walk. Of a huge folder only the next
 * page's worth of names is kept in memory; it is read again for what follows. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/local_intern.h"

enum { NAMES_KEPT = LIST_PAGE_MAX + 1, NAMES_MAX = 4 * NAMES_KEPT };

/* Ends of keys in one folder, sorted: "name" may be an object, "name/" a folder. A folder gives both, since the object
 * `name` may lie in it; with the '/' the order of the ends is the order of the keys. */
struct names {
    char **items;
    int count, size;
    bool cut; /* there are more behind the last one */
};

static void names_cut(struct names *self, int count)
{
    while (self->count > count)
        free(self->items[--self->count]);
}

static void names_release(struct names *self)
{
    names_cut(self, 0);
    free(self->items);
}

static int name_order(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void names_sort(struct names *self)
{
    if (self->count > 1)
        qsort(self->items, (size_t)self->count, sizeof(*self->items), name_order);
}

/* Only the smallest are surely complete: what is behind them may have been cut off before. */
static void names_keep(struct names *self)
{
    names_sort(self);
    names_cut(self, NAMES_KEPT);
    self->cut = true;
}

static void names_add(struct names *self, const char *end)
{
    if (self->count == NAMES_MAX)
        names_keep(self);
    if (self->count == self->size) {
        self->size = self->size != 0 ? self->size * 2 : 16;
        self->items = xrealloc(self->items, (size_t)self->size * sizeof(*self->items));
    }
    self->items[self->count++] = xstrdup(end);
}

struct walk {
    struct local *self;
    int root;
    struct str prefix, after;
    struct arena *arena;
    struct object_list *list;
    bool full;
    char key[KEY_BYTES_MAX + 1]; /* of the folder or file that is looked at */
};

/* Is this a key of the list, or for a folder, can one start with it? */
static bool is_wanted(const struct walk *walk, struct str key)
{
    if (key.at[key.len - 1] != '/')
        return str_has_prefix(key, walk->prefix) && str_cmp(key, walk->after) > 0;
    if (!str_has_prefix(key, walk->prefix) && !str_has_prefix(walk->prefix, key))
        return false;
    return str_cmp(key, walk->after) > 0 || str_has_prefix(walk->after, key);
}

static void consider(struct walk *walk, size_t len, const char *from, const char *end, struct names *names)
{
    if (len + strlen(end) > KEY_BYTES_MAX || strcmp(end, from) <= 0)
        return;
    memcpy(walk->key + len, end, strlen(end) + 1);
    if (is_wanted(walk, str(walk->key)))
        names_add(names, end);
}

static bool is_folder(int folder, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static RC read_entry(struct walk *walk, int folder, const struct dirent *entry, size_t len, const char *from,
                     struct names *ret, struct error *err)
{
    char end[KEY_BYTES_MAX + 2];
    int number = local_segment_of(walk->root, entry->d_name, len == 0, end);
    if (number == ENOENT)
        return RC_OK; /* not a name of ours, "." and ".." too */
    if (number == ENODATA) {
        fail(err, RC_DATA, "listing store '%s' (%s): the key of the file '%s' is not known", walk->self->name,
             walk->self->address, entry->d_name);
        return fail_todo(err, "bring back %s/" LOCAL_NAMES ", or move the file away", walk->self->path);
    }
    if (number != 0)
        return local_fail(walk->self, err, number, "listing", entry->d_name);
    consider(walk, len, from, end, ret);
    if (is_folder(folder, entry)) {
        size_t bytes = strlen(end);
        memcpy(end + bytes, "/", 2);
        consider(walk, len, from, end, ret);
    }
    return RC_OK;
}

/* The names of a folder behind `from`, as many as a page can need. */
static RC names_read(struct walk *walk, int folder, size_t len, const char *from, struct names *ret, struct error *err)
{
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = again >= 0 ? fdopendir(again) : NULL;
    enum rc rc = RC_OK;
    struct dirent *entry = NULL;
    while (stream != NULL && rc == RC_OK && (errno = 0, entry = readdir(stream)) != NULL)
        rc = read_entry(walk, folder, entry, len, from, ret, err);
    if (rc == RC_OK && errno != 0) {
        walk->key[len] = '\0';
        rc = local_fail(walk->self, err, errno, "listing", walk->key);
    }
    if (stream != NULL)
        closedir(stream);
    if (ret->cut)
        names_keep(ret);
    else
        names_sort(ret);
    return rc;
}

/* The object's file, or the one in the folder it was exchanged for. */
static int object_stat(int folder, const char *file, struct stat *ret)
{
    char self_path[LOCAL_NAME_BYTES + sizeof(LOCAL_SELF)];
    if (fstatat(folder, file, ret, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (S_ISDIR(ret->st_mode)) {
        snprintf(self_path, sizeof(self_path), "%s/%s", file, LOCAL_SELF);
        if (fstatat(folder, self_path, ret, AT_SYMLINK_NOFOLLOW) != 0)
            return errno;
    }
    return S_ISREG(ret->st_mode) ? 0 : ENOENT;
}

static RC emit(struct walk *walk, int folder, const char *file, struct error *err)
{
    struct stat st;
    struct object_list *list = walk->list;
    int number = object_stat(folder, file, &st);
    if (number == ENOENT || number == ENOTDIR)
        return RC_OK; /* a folder and no object, or deleted meanwhile */
    if (number != 0)
        return local_fail(walk->self, err, number, "listing", walk->key);
    if (list->count == LIST_PAGE_MAX) {
        list->next = list->items[LIST_PAGE_MAX - 1].key;
        walk->full = true;
        return RC_OK;
    }
    list->items[list->count++] =
        (struct listed_object){.key = arena_text(walk->arena, walk->key),
                               .bytes = st.st_size,
                               .modified_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000};
    return RC_OK;
}

static RC walk_folder(struct walk *walk, int folder, size_t len, struct error *err);

static RC visit(struct walk *walk, int folder, size_t len, const char *end, struct error *err)
{
    char file[LOCAL_NAME_BYTES];
    size_t bytes = strlen(end);
    bool is_below = end[bytes - 1] == '/';
    memcpy(walk->key + len, end, bytes + 1);
    local_name_of((struct str){end, is_below ? bytes - 1 : bytes}, len == 0, file);
    if (!is_below)
        return emit(walk, folder, file, err);
    AUTO_FD below = openat(folder, file, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below >= 0)
        return walk_folder(walk, below, len + bytes, err);
    if (errno == ENOENT || errno == ENOTDIR)
        return RC_OK; /* removed meanwhile */
    return local_fail(walk->self, err, errno, "listing", walk->key);
}

/* `len` bytes of walk->key are the folder's part of the keys in it. */
static RC walk_folder(struct walk *walk, int folder, size_t len, struct error *err)
{
    char from[KEY_BYTES_MAX + 2] = "";
    for (bool more = true; more && !walk->full;) {
        AUTO_RELEASE(names) names = {0};
        TRY(names_read(walk, folder, len, from, &names, err));
        for (int i = 0; i < names.count && !walk->full; i++)
            TRY(visit(walk, folder, len, names.items[i], err));
        more = names.cut;
        if (more)
            snprintf(from, sizeof(from), "%s", names.items[names.count - 1]);
    }
    return RC_OK;
}

RC local_list(struct store *base, const char *prefix, const char *after, struct arena *arena, struct object_list *ret,
              struct error *err)
{
    struct local *self = (struct local *)base;
    struct object_list list = {.items = arena_take(arena, LIST_PAGE_MAX * sizeof(*list.items))};
    AUTO_FD root = -1;
    TRY(local_root_open(self, &root, err));
    struct walk walk = {.self = self,
                        .root = root,
                        .prefix = str(prefix),
                        .after = str(or_empty(after)),
                        .arena = arena,
                        .list = &list};
    if (root >= 0)
        TRY(walk_folder(&walk, root, 0, err));
    *ret = list;
    return RC_OK;
}
