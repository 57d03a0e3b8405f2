#include "fuzz.h"

#include <stdio.h>

#include "world/folder.h"

uint8_t fuzz_byte(struct fuzz *self)
{
    if (self->left == 0)
        return 0;
    self->left--;
    return *self->at++;
}

uint64_t fuzz_number(struct fuzz *self, int bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < bytes; i++)
        number |= (uint64_t)fuzz_byte(self) << (8 * i);
    return number;
}

int fuzz_choice(struct fuzz *self, int count) { return fuzz_byte(self) % count; }

struct str fuzz_take(struct fuzz *self, size_t bytes)
{
    struct str taken = {(const char *)self->at, bytes < self->left ? bytes : self->left};
    self->at += taken.len;
    self->left -= taken.len;
    return taken;
}

struct str fuzz_rest(struct fuzz *self) { return fuzz_take(self, self->left); }

struct str fuzz_until(struct fuzz *self, char separator)
{
    const uint8_t *end = self->left > 0 ? memchr(self->at, separator, self->left) : NULL;
    if (end == NULL)
        return fuzz_rest(self);
    struct str taken = fuzz_take(self, (size_t)(end - self->at));
    fuzz_byte(self);
    return taken;
}

uint8_t *fuzz_copy(struct str s, size_t slack)
{
    uint8_t *copy = malloc(s.len + slack > 0 ? s.len + slack : 1);
    assert(copy != NULL);
    if (s.len > 0)
        memcpy(copy, s.at, s.len);
    memset(copy + s.len, 0, slack);
    return copy;
}

char *fuzz_text(struct str s)
{
    s.len = s.len > 0 ? strnlen(s.at, s.len) : 0;
    return (char *)fuzz_copy(s, 1);
}

/* They lie in a folder of their own, where nothing else is to be found; it goes when the program ends. */
static char *folder;
static void forget_folder(void) { folder_free(folder); }

const char *fuzz_file(int slot, struct str content)
{
    static char paths[2][512];
    assert(slot == 0 || slot == 1);
    if (folder == NULL) {
        folder = folder_new();
        atexit(forget_folder);
    }
    folder_write(folder, slot == 0 ? "0" : "1", content);
    int len = snprintf(paths[slot], sizeof(paths[slot]), "%s/%d", folder, slot);
    assert(len < (int)sizeof(paths[slot]));
    return paths[slot];
}

void fuzz_check(enum rc rc, const struct error *err)
{
    if (rc == RC_OK)
        return;
    assert(err->rc == rc && err->text[0] != '\0');
    assert(memchr(err->text, '\0', sizeof(err->text)) != NULL && memchr(err->todo, '\0', sizeof(err->todo)) != NULL);
    assert(str_is_utf8(str(err->text)) && str_is_utf8(str(err->todo)));
}
