#include "move/pieces.h"

#include <assert.h>
#include <stdlib.h>

RC pieces_init(struct pieces *self, struct source *source, const struct table *table, const struct range *range,
               int readers, struct error *err)
{
    *self = (struct pieces){.source = source, .table = table, .lock = PTHREAD_MUTEX_INITIALIZER};
    self->ranges = arena_take(&self->arena, sizeof(*self->ranges) * SOURCE_PIECES_MAX);
    TRY(source_split(source, table, range, readers, &self->arena, self->ranges, &self->count, err));
    assert(self->count > 0 && self->count <= SOURCE_PIECES_MAX);
    return RC_OK;
}

void pieces_release(struct pieces *self)
{
    arena_release(&self->arena);
    pthread_mutex_destroy(&self->lock);
}

/* The lock is held. *ret stays NULL when none is left. */
static RC open_next(struct pieces *self, struct batch_reader **ret, struct error *err)
{
    if (self->failure.rc != RC_OK) {
        *err = self->failure;
        return err->rc;
    }
    if (self->taken == self->count)
        return RC_OK;
    if (source_read(self->source, self->table, &self->ranges[self->taken++], ret, err) != RC_OK)
        self->failure = *err;
    return self->failure.rc;
}

static RC pieces_next(struct pieces *self, struct batch_reader **ret, struct error *err)
{
    pthread_mutex_lock(&self->lock);
    enum rc rc = open_next(self, ret, err);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

/* ---- a reader ---- */

struct pieces_reader {
    struct batch_reader base;
    struct pieces *pieces;
    struct batch_reader *piece; /* NULL: between two, or none is left */
};

static RC reader_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct pieces_reader *self = (struct pieces_reader *)base;
    *ret = NULL;
    for (;;) {
        if (self->piece == NULL)
            TRY(pieces_next(self->pieces, &self->piece, err));
        if (self->piece == NULL)
            return RC_OK;
        TRY(batch_reader_next(self->piece, ret, err));
        if (*ret != NULL)
            return RC_OK;
        batch_reader_free(TAKE(self->piece));
    }
}

static void reader_free(struct batch_reader *base)
{
    struct pieces_reader *self = (struct pieces_reader *)base;
    batch_reader_free(self->piece);
    free(self);
}

RC pieces_read(struct pieces *self, struct batch_reader **ret, struct error *err)
{
    static const struct batch_reader_ops ops = {.next = reader_next, .free = reader_free};
    struct batch_reader *first = NULL;
    TRY(pieces_next(self, &first, err));
    assert(first != NULL && "no more readers than pieces");
    struct pieces_reader *reader = xcalloc(1, sizeof(*reader));
    *reader = (struct pieces_reader){.base.ops = &ops, .pieces = self, .piece = first};
    *ret = &reader->base;
    return RC_OK;
}
