/* S57: pieces of a range of many rows are the range, without gap and overlap, whatever its key is. Rows are compared by
 * their fingerprints, so that tens of thousands of them cost little. */
#pragma once

#include "connect/source.h"
#include "data/fingerprint.h"
#include "test.h"

enum { SPLIT_READERS = 4 };

static inline void split_read(struct source *source, const struct table *table, const struct range *range,
                              struct fingerprint *into)
{
    AUTO(batch_reader) *reader = NULL;
    struct error err;
    enum rc rc = source_read(source, table, range, &reader, &err);
    for (const struct batch *batch = NULL; rc == RC_OK;) {
        rc = batch_reader_next(reader, &batch, &err);
        if (rc != RC_OK || batch == NULL)
            break;
        fingerprint_add(into, batch);
    }
    if (rc != RC_OK)
        fail_msg("%s: %s", table->name, err.text);
}

/* All pieces, by as many readers as they were split for: each takes the next one when it is done with one. */
static inline void split_read_all(struct source *source, const struct table *table, const struct range *pieces,
                                  int count, struct fingerprint *into)
{
    struct batch_reader *readers[SPLIT_READERS] = {0};
    struct error err;
    int next = 0, open = 0;
    do {
        for (int i = 0; i < SPLIT_READERS; i++) {
            const struct batch *batch = NULL;
            const bool is_new = readers[i] == NULL && next < count;
            if (is_new && source_read(source, table, &pieces[next++], &readers[i], &err) != RC_OK)
                fail_msg("%s, piece %d: %s", table->name, next - 1, err.text);
            open += is_new;
            if (readers[i] == NULL)
                continue;
            if (batch_reader_next(readers[i], &batch, &err) != RC_OK)
                fail_msg("%s: %s", table->name, err.text);
            if (batch != NULL) {
                fingerprint_add(into, batch);
                continue;
            }
            batch_reader_free(TAKE(readers[i]));
            open--;
        }
    } while (open > 0 || next < count);
}

/* The range is split in several pieces, which have together what it has; none has nearly all. */
static inline void split_is_whole(struct source *source, const struct table *table, const struct range *range,
                                  int64_t rows)
{
    struct range pieces[SOURCE_PIECES_MAX];
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(fingerprint) whole, all;
    struct error err;
    int count = 0;
    fingerprint_init(&whole, table->schema);
    fingerprint_init(&all, table->schema);
    split_read(source, table, range, &whole);
    assert_int_equal(whole.rows, rows);
    if (source_split(source, table, range, SPLIT_READERS, &arena, pieces, &count, &err) != RC_OK)
        fail_msg("%s: %s", table->name, err.text);
    if (count < 2)
        fail_msg("%s, range %d: not split", table->name, (int)range->kind);
    assert_true(position_equal(&pieces[0].lo, &range->lo) && position_equal(&pieces[count - 1].hi, &range->hi));
    for (int i = 0; i < count; i++) {
        const int64_t before = all.rows;
        assert_true(i == 0 || position_equal(&pieces[i].lo, &pieces[i - 1].hi));
        split_read(source, table, &pieces[i], &all);
        if (all.rows - before > rows * 9 / 10)
            fail_msg("%s, range %d: piece %d has %lld rows", table->name, (int)range->kind, i,
                     (long long)(all.rows - before));
    }
    if (fingerprint_check(&all, fingerprint_print(&whole, &arena), &err) != RC_OK)
        fail_msg("%s, range %d: %s", table->name, (int)range->kind, err.text);
}

/* By the key, by the key below a cursor, and by the cursor; `key`: column names, parted by commas. */
static inline void split_all_ways(struct source *source, const char *name, const char *const *key, int key_count,
                                  int64_t rows)
{
    const struct table_request request = {.name = name,
                                          .cursor = "at",
                                          .wants_cursor = true,
                                          .cursor_zone = "UTC",
                                          .key = (const char *const *)key,
                                          .key_count = key_count};
    const struct table *table = NULL;
    struct error err;
    const struct position end = {.shape = POSITION_AT, .at = "2030-01-01 00:00:00.000000"};
    if (source_describe(source, &request, &table, &err) != RC_OK)
        fail_msg("%s: %s", name, err.text);
    split_is_whole(source, table, &(struct range){.kind = RANGE_WALK, .hi = end}, rows);
    split_is_whole(source, table, &(struct range){.kind = RANGE_CURSOR, .hi = end}, rows);
    split_is_whole(source, table, &(struct range){.kind = RANGE_TIME, .hi = end}, rows);
    if (key_count == 1)
        split_is_whole(source, table, &(struct range){.kind = RANGE_KEY}, rows);
}
