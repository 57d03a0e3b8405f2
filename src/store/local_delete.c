#include <assert.h>
#include <fcntl.h>
#include <stdio.h>

#include "store/local_intern.h"

/* The lock is held, so that what was compared for a replacement is still there when it is renamed over. */
static int file_remove(int root, const char *path)
{
    const char *last = "";
    AUTO_FD folder = -1;
    int number = local_folder_open(root, path, &folder, &last);
    if (number != 0)
        return number;
    if (unlinkat(folder, last, 0) == 0)
        return 0;
    if (errno != EISDIR)
        return errno;
    AUTO_FD sub = openat(folder, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return sub >= 0 && unlinkat(sub, LOCAL_SELF, 0) == 0 ? 0 : errno;
}

/* Removes the folders that are empty now, upwards. Whoever is about to write into one of them makes it again. */
static void prune(int root, const char *path)
{
    char folder[LOCAL_PATH_BYTES];
    snprintf(folder, sizeof(folder), "%s", path); /* first itself: it is a folder where `%` was removed */
    while (unlinkat(root, folder, AT_REMOVEDIR) == 0 || errno == ENOENT) {
        char *end = strrchr(folder, '/');
        if (end == NULL)
            return;
        *end = '\0';
    }
}

static int sync_removed(int root, const char *path)
{
    char below[LOCAL_PATH_BYTES + sizeof(LOCAL_SELF)];
    snprintf(below, sizeof(below), "%s/%s", path, LOCAL_SELF);
    return local_sync_above(root, below);
}

static bool same_folder(const char *a, const char *b)
{
    const char *end = strrchr(a, '/');
    size_t len = end != NULL ? (size_t)(end - a) + 1 : 0;
    return strncmp(a, b, len) == 0 && strchr(b + len, '/') == NULL;
}

static void item_set(struct deleted_object *item, enum rc rc, const struct error *err)
{
    item->rc = rc;
    snprintf(item->text, sizeof(item->text), "%.*s", (int)sizeof(item->text) - 1, rc == RC_OK ? "" : err->text);
}

static void item_remove(struct local *self, int root, struct deleted_object *item)
{
    struct error err;
    struct local_path path;
    enum rc rc = local_path_of(item->key, &path, &err);
    int number = rc == RC_OK && local_names_known(root, item->key) ? file_remove(root, path.text) : 0;
    if (number != 0 && number != ENOENT)
        rc = local_fail(self, &err, number, "deleting", item->key);
    item_set(item, rc, &err);
}

/* Also where there was nothing: somebody else may have removed it a moment ago. */
static void item_finish(struct local *self, int root, struct deleted_object *item, const char *next_key)
{
    struct error err;
    struct local_path path;
    if (item->rc != RC_OK || local_path_of(item->key, &path, &err) != RC_OK)
        return;
    prune(root, path.text);
    if (next_key != NULL && same_folder(item->key, next_key))
        return; /* synced with that one */
    int number = sync_removed(root, path.text);
    if (number != 0)
        item_set(item, local_fail(self, &err, number, "deleting", item->key), &err);
}

RC local_delete(struct store *base, struct deleted_object *items, int count, struct error *err)
{
    struct local *self = (struct local *)base;
    AUTO_FD root = -1;
    assert(count <= LIST_PAGE_MAX);
    TRY(local_root_open_for_write(self, &root, err));
    {
        AUTO_FD lock = -1;
        TRY(local_lock(self, root, &lock, err));
        for (int i = 0; i < count; i++)
            item_remove(self, root, &items[i]);
    }
    for (int i = 0; i < count; i++)
        item_finish(self, root, &items[i], i + 1 < count ? items[i + 1].key : NULL);
    return RC_OK;
}
