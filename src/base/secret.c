#include "base/secret.h"

#include <assert.h>

struct secret_text {
    size_t len;
    char at[];
};

void wipe(void *at, size_t len) { explicit_bzero(at, len); }

void secret_set(struct secret *self, struct str text)
{
    assert(text.len <= SECRET_BYTES_MAX);
    secret_release(self);
    self->hidden = xcalloc(1, sizeof(*self->hidden) + text.len + 1);
    self->hidden->len = text.len;
    if (text.len != 0)
        memcpy(self->hidden->at, text.at, text.len);
}

bool secret_is_set(const struct secret *self) { return self->hidden != NULL; }

const char *secret_reveal(const struct secret *self) { return self->hidden != NULL ? self->hidden->at : ""; }

void secret_release(struct secret *self)
{
    if (self->hidden == NULL)
        return;
    wipe(self->hidden->at, self->hidden->len);
    free(self->hidden);
    self->hidden = NULL;
}

void secret_buf_init(struct secret_buf *self, size_t bytes_max)
{
    *self = (struct secret_buf){.buf = {.max = bytes_max + 1}};
    buf_reserve(&self->buf, bytes_max);
}

void secret_buf_release(struct secret_buf *self)
{
    if (self->buf.at != NULL)
        wipe(self->buf.at, self->buf.size);
    buf_release(&self->buf);
}
