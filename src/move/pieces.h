/* The pieces of a chunk's range, shared by its readers: whoever is done with one takes the next, until none is left. So
 * all readers are done at about the same time, whatever was known of the rows when the range was split.
 *
 * A reader of pieces reads one after the other, and a piece is opened when the one before it has been freed: at no time
 * are there more readers of the source than readers of pieces. Which rows come from which reader is left to chance;
 * each piece is read once, by one of them. */
#pragma once

#include <pthread.h>

#include "base/auto.h"
#include "connect/source.h"

struct pieces { /* only for the functions below */
    struct source *source;
    const struct table *table;
    struct arena arena;
    struct range *ranges;
    int count, taken;
    pthread_mutex_t lock; /* of the source too: one piece is opened at a time */
    struct error failure; /* of the first that could not be opened: nobody tries another one. RC_OK: none */
};

/* Splits the range for so many readers; more than there are pieces are of no use. `table` may be another one than that
 * by which the range is split: of the same rows. Source and table outlive the pieces. */
RC pieces_init(struct pieces *self, struct source *source, const struct table *table, const struct range *range,
               int readers, struct error *err);
/* After all readers have been freed. */
void pieces_release(struct pieces *self);

/* One reader more, with a piece of its own to begin with: no more than pieces->count. From the thread that made the
 * pieces; it may then be read by another one, while others are. */
RC pieces_read(struct pieces *self, struct batch_reader **ret, struct error *err);
