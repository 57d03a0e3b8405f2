/* Readers that share the pieces of a range, over a source that counts. Under ThreadSanitizer, too. */
#include "move/pieces.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/worker.h"
#include "test.h"

enum { PIECES = 40, READERS = 4, NEVER = -1, BATCH_ROWS = 10 };

/* Pieces are told apart by a number in the place of a key. */
struct counting_source {
    struct source base;
    int batches[PIECES]; /* of each piece */
    int count;
    int refused;  /* the piece that cannot be opened */
    int breaks;   /* the one that fails behind its first batch */
    int readings; /* of all pieces; by one thread at a time, which ThreadSanitizer sees */
    atomic_int open, open_most, times_read[PIECES];
};

struct counting_reader {
    struct batch_reader base;
    struct counting_source *source;
    struct batch batch;
    int piece, given;
};

static RC counting_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct counting_reader *self = (struct counting_reader *)base;
    if (self->piece == self->source->breaks && self->given == 1)
        return fail(err, RC_UNAVAILABLE, "piece %d breaks", self->piece);
    *ret = self->given < self->source->batches[self->piece] ? &self->batch : NULL;
    self->given++;
    return RC_OK;
}

static void counting_reader_free(struct batch_reader *base)
{
    struct counting_reader *self = (struct counting_reader *)base;
    atomic_fetch_sub(&self->source->open, 1);
    free(self);
}

static RC counting_read(struct source *base, const struct table *table, const struct range *range,
                        struct batch_reader **ret, struct error *err)
{
    static const struct batch_reader_ops ops = {.next = counting_next, .free = counting_reader_free};
    struct counting_source *self = (struct counting_source *)base;
    const int piece = range->lo.key_count;
    self->readings++;
    if (piece == self->refused)
        return fail(err, RC_UNAVAILABLE, "piece %d is refused", piece);
    struct counting_reader *reader = xcalloc(1, sizeof(*reader));
    *reader = (struct counting_reader){{&ops}, self, {.rows = BATCH_ROWS}, piece, 0};
    const int open = 1 + atomic_fetch_add(&self->open, 1);
    if (open > self->open_most)
        self->open_most = open;
    atomic_fetch_add(&self->times_read[piece], 1);
    *ret = &reader->base;
    return RC_OK;
}

static RC counting_split(struct source *base, const struct table *table, const struct range *range, int readers,
                         struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err)
{
    struct counting_source *self = (struct counting_source *)base;
    for (int i = 0; i < self->count; i++)
        ret_ranges[i] = (struct range){.kind = RANGE_KEY, .lo.key_count = i};
    *ret_count = self->count;
    return RC_OK;
}

static struct counting_source counting_source(int count, int batches)
{
    static const struct source_ops ops = {.type = "counting", .split = counting_split, .read = counting_read};
    struct counting_source source = {.base.ops = &ops, .count = count, .refused = NEVER, .breaks = NEVER};
    for (int i = 0; i < count; i++)
        source.batches[i] = batches;
    return source;
}

static void share(struct counting_source *source, int readers, struct pieces *ret, struct batch_reader **ret_readers)
{
    struct error err;
    assert_int_equal(pieces_init(ret, &source->base, NULL, &(struct range){.kind = RANGE_KEY}, READERS, &err), RC_OK);
    for (int i = 0; i < readers; i++)
        assert_int_equal(pieces_read(ret, &ret_readers[i], &err), RC_OK);
}

/* ---- one after the other ---- */

/* The first piece has nearly all rows. Two that take turns, batch by batch, are as two that are equally fast. */
static void a_reader_that_is_done_takes_what_nobody_has_begun(void **state)
{
    struct counting_source source = counting_source(10, 10);
    struct pieces pieces;
    struct batch_reader *readers[2];
    struct error err;
    int batches[2] = {0};
    source.batches[0] = 80;
    share(&source, 2, &pieces, readers);
    for (bool any = true; any;) {
        any = false;
        for (int i = 0; i < 2; i++) {
            const struct batch *batch = NULL;
            assert_int_equal(batch_reader_next(readers[i], &batch, &err), RC_OK);
            batches[i] += batch != NULL;
            any |= batch != NULL;
        }
    }
    assert_int_equal(batches[0] + batches[1], 80 + 90);
    assert_in_range(batches[0], 80, 90);
    for (int i = 0; i < 2; i++)
        batch_reader_free(readers[i]);
    assert_int_equal(source.open, 0);
    pieces_release(&pieces);
}

static void a_piece_is_opened_when_the_one_before_has_been_freed(void **state)
{
    struct counting_source source = counting_source(5, 0); /* no rows: one call goes through them all */
    struct pieces pieces;
    struct batch_reader *reader;
    const struct batch *batch = NULL;
    struct error err;
    share(&source, 1, &pieces, &reader);
    assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    assert_null(batch);
    assert_int_equal(source.open_most, 1);
    assert_int_equal(source.open, 0);
    assert_int_equal(source.readings, 5);
    batch_reader_free(reader);
    pieces_release(&pieces);
}

static void a_piece_that_breaks_is_no_end(void **state)
{
    struct counting_source source = counting_source(5, 2);
    struct pieces pieces;
    struct batch_reader *reader;
    const struct batch *batch = NULL;
    struct error err;
    source.breaks = 3;
    share(&source, 1, &pieces, &reader);
    for (int i = 0; i < 3 * 2 + 1; i++)
        assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(batch_reader_next(reader, &batch, &err), RC_UNAVAILABLE);
    assert_int_equal(source.readings, 4);
    batch_reader_free(reader);
    pieces_release(&pieces);
}

/* A server that is gone may take its time to say so: once. */
static void where_a_piece_cannot_be_opened_nobody_tries_another_one(void **state)
{
    struct counting_source source = counting_source(6, 2);
    struct pieces pieces;
    struct batch_reader *readers[2];
    struct error err;
    source.refused = 2;
    share(&source, 2, &pieces, readers);
    for (int i = 0; i < 2; i++) {
        const struct batch *batch = NULL;
        for (int b = 0; b < 2; b++)
            assert_int_equal(batch_reader_next(readers[i], &batch, &err), RC_OK);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(batch_reader_next(readers[i], &batch, &err), RC_UNAVAILABLE);
            assert_string_equal(err.text, "piece 2 is refused");
        }
        batch_reader_free(readers[i]);
    }
    assert_int_equal(source.readings, 3);
    pieces_release(&pieces);
}

/* ---- at once ---- */

static RC read_to_the_end(void *context, void *job, struct error *err)
{
    atomic_llong *rows = context;
    for (const struct batch *batch = NULL;;) {
        TRY(batch_reader_next(job, &batch, err));
        if (batch == NULL)
            return RC_OK;
        atomic_fetch_add(rows, batch->rows);
    }
}

static void each_piece_is_read_once_by_one_of_the_readers(void **state)
{
    struct counting_source source = counting_source(PIECES, 50);
    struct pieces pieces;
    struct batch_reader *readers[READERS];
    struct worker *workers[READERS];
    struct error err;
    atomic_llong rows = 0;
    for (int i = 0; i < PIECES; i++)
        source.batches[i] = i % 7 * 20;
    int64_t expected = 0;
    for (int i = 0; i < PIECES; i++)
        expected += source.batches[i] * BATCH_ROWS;
    share(&source, READERS, &pieces, readers);
    for (int i = 0; i < READERS; i++) {
        workers[i] = worker_new(1, read_to_the_end, &rows);
        assert_int_equal(worker_give(workers[i], readers[i], &err), RC_OK);
    }
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(worker_finish(workers[i], &err), RC_OK);
        worker_free(workers[i]);
        batch_reader_free(readers[i]);
    }
    assert_int_equal(rows, expected);
    assert_int_equal(source.readings, PIECES);
    assert_in_range(source.open_most, 1, READERS);
    assert_int_equal(source.open, 0);
    for (int i = 0; i < PIECES; i++)
        assert_int_equal(source.times_read[i], 1);
    pieces_release(&pieces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_is_done_takes_what_nobody_has_begun),
        cmocka_unit_test(a_piece_is_opened_when_the_one_before_has_been_freed),
        cmocka_unit_test(a_piece_that_breaks_is_no_end),
        cmocka_unit_test(where_a_piece_cannot_be_opened_nobody_tries_another_one),
        cmocka_unit_test(each_piece_is_read_once_by_one_of_the_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
