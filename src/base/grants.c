#include "base/grants.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

const char *grant_state_name(enum grant_state state)
{
    static const char *const names[] = {
        [GRANT_THERE] = "there", [GRANT_MISSING] = "missing", [GRANT_UNKNOWN] = "unknown"};
    return names[state];
}

void grants_add(struct grant_list *self, const struct grant *grant)
{
    if (self->count == self->size) {
        int size = self->size > 0 ? 2 * self->size : 16;
        struct grant *items = arena_take(self->arena, sizeof(*items) * (size_t)size);
        for (int i = 0; i < self->count; i++)
            items[i] = self->items[i];
        self->items = items;
        self->size = size;
    }
    self->items[self->count++] = *grant;
}

bool grants_lack(const struct grant_list *self)
{
    for (int i = 0; i < self->count; i++) {
        if (self->items[i].state == GRANT_MISSING && !self->items[i].is_optional)
            return true;
    }
    return false;
}

/* ---- files ---- */

static const char *folder_of(const char *path, struct arena *arena)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    return len > 0 ? arena_str(arena, (struct str){path, len}) : ".";
}

void grants_add_file(struct grant_list *self, const char *path, int mode, const char *what)
{
    AUTO_RELEASE(buf) statement = {0};
    struct arena *arena = self->arena;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        path = folder_of(path, arena);
        mode = W_OK | X_OK;
    }
    const char *letters = arena_print(arena, "%s%s%s", (mode & R_OK) != 0 ? "r" : "", (mode & W_OK) != 0 ? "w" : "",
                                      (mode & X_OK) != 0 ? "x" : "");
    if (access(path, F_OK) != 0 && errno == ENOENT)
        buf_add_str(&statement, S("mkdir -p "));
    else
        buf_addf(&statement, "setfacl -m u:%u:%s ", (unsigned)geteuid(), letters);
    buf_add_word(&statement, path);
    grants_add(self, &(struct grant){
                         .right = arena_print(arena, "%s on '%s'", letters, path),
                         .what = what,
                         .state = faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0 ? GRANT_THERE : GRANT_MISSING,
                         .statement = arena_str(arena, buf_str(&statement)),
                     });
}
