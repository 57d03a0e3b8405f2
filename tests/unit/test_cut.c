/* Where a range is cut, of a server that estimates: exactly, as InnoDB does, or from statistics that are old. */
#include "connect/cut.h"

#include <stdlib.h>

#include "test.h"

enum { READERS = 4, KEYS_MAX = 2000000 };

/* Its keys, in order, and what it says of them. */
struct estimating {
    struct cutter base;
    struct source source;
    int64_t *keys;
    int64_t count;
    int64_t known_to;  /* keys above it are not in its statistics */
    int64_t part_most; /* it takes so many for the most that a range has */
    int asked;
};

static struct estimating server;

static int64_t key_number(const struct position *position, int64_t none)
{
    int64_t key = none;
    if (position->key_count > 0)
        assert_true(str_to_int64(str(position->key[0]), &key));
    return key;
}

/* The number of keys up to this one. */
static int64_t rank(int64_t key)
{
    int64_t from = 0, to = server.count;
    while (from < to) {
        int64_t middle = (from + to) / 2;
        if (server.keys[middle] <= key)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static int64_t rows_of(const struct range *range)
{
    int64_t before = range->lo.key_count > 0 ? rank(key_number(&range->lo, 0)) : 0;
    return rank(key_number(&range->hi, INT64_MAX)) - before;
}

static RC estimate(const struct cutter *self, const struct range *range, int64_t *ret, struct error *err)
{
    struct range known = *range;
    char limit[32];
    server.asked++;
    if (server.known_to < key_number(&range->hi, INT64_MAX)) {
        snprintf(limit, sizeof(limit), "%lld", (long long)server.known_to);
        known.hi = (struct position){.shape = POSITION_AFTER, .key_count = 1, .key = {limit}};
    }
    int64_t rows = rows_of(&known);
    rows = rows < 1 ? 1 : rows;
    *ret = rows < server.part_most ? rows : server.part_most;
    return RC_OK;
}

static RC row_at(const struct cutter *self, const struct range *range, int64_t skip, bool from_end, struct arena *arena,
                 struct position *ret, int *ret_rows, struct error *err)
{
    assert_int_equal(skip, 0);
    const int64_t number = from_end                  ? rank(key_number(&range->hi, INT64_MAX)) - 1
                           : range->lo.key_count > 0 ? rank(key_number(&range->lo, 0))
                                                     : 0;
    *ret_rows = 2;
    *ret = (struct position){
        .shape = POSITION_AFTER, .key_count = 1, .key = {arena_print(arena, "%lld", (long long)server.keys[number])}};
    return RC_OK;
}

static void begin(int64_t count)
{
    static const struct cutter_ops ops = {.row_at = row_at, .estimate = estimate};
    static const struct table table = {.key_count = 1};
    int64_t *keys = server.keys;
    server = (struct estimating){.keys = keys, .count = count, .known_to = INT64_MAX, .part_most = INT64_MAX};
    server.base = (struct cutter){.ops = &ops,
                                  .source = &server.source,
                                  .table = &table,
                                  .key_is_integer = true,
                                  .key_is_unique = true,
                                  .key_is_indexed = true};
}

/* What readers that are equally fast read at most and at least, taking the pieces as they do, of all rows: 1. */
struct shares {
    double most, least;
    int pieces;
};

static struct shares split(int readers)
{
    struct range pieces[SOURCE_PIECES_MAX];
    AUTO_RELEASE(arena) arena = {0};
    const struct range range = {.kind = RANGE_KEY};
    struct error err;
    int count = 0;
    int64_t read[READERS] = {0}, rows = 0;
    assert_int_equal(cutter_split(&server.base, &range, readers, &arena, pieces, &count, &err), RC_OK);
    assert_true(position_equal(&pieces[0].lo, &range.lo) && position_equal(&pieces[count - 1].hi, &range.hi));
    for (int i = 0; i < count; i++) {
        int free = 0;
        assert_true(i == 0 || position_equal(&pieces[i].lo, &pieces[i - 1].hi));
        for (int r = 1; r < readers; r++)
            free = read[r] < read[free] ? r : free;
        read[free] += rows_of(&pieces[i]);
        rows += rows_of(&pieces[i]);
    }
    assert_int_equal(rows, server.count);
    struct shares shares = {.least = 1, .pieces = count};
    for (int r = 0; r < readers; r++) {
        const double share = (double)read[r] / (double)rows;
        shares.most = share > shares.most ? share : shares.most;
        shares.least = share < shares.least ? share : shares.least;
    }
    return shares;
}

static void readers_of_keys_that_are_even_end_together(void **state)
{
    begin(KEYS_MAX);
    for (int i = 0; i < KEYS_MAX; i++)
        server.keys[i] = i * 3;
    const struct shares two = split(2), four = split(4);
    assert_true(two.most - two.least < 0.04);
    assert_true(four.most - four.least < 0.04);
    assert_in_range(two.pieces, 8, 16);
    assert_in_range(server.asked, 2, 2 * 10); /* a few questions, however many pieces */
}

static void a_range_that_is_small_is_one_piece(void **state)
{
    begin(15000);
    for (int i = 0; i < 15000; i++)
        server.keys[i] = i;
    assert_int_equal(split(2).pieces, 1);
    assert_int_equal(server.asked, 1);
}

/* One id is far away; nine of ten rows are in a thousandth of the keys. */
static void readers_of_keys_that_are_skewed_read_a_fair_share(void **state)
{
    begin(KEYS_MAX);
    for (int i = 0; i < KEYS_MAX; i++)
        server.keys[i] = i < KEYS_MAX / 10 ? i * 10000LL : KEYS_MAX / 10 * 10000LL + i;
    assert_true(split(2).most < 0.6);
    assert_true(split(4).most < 0.4);
    begin(KEYS_MAX);
    for (int i = 0; i < KEYS_MAX; i++)
        server.keys[i] = i < KEYS_MAX - 1 ? i : INT64_MAX - 7;
    assert_true(split(2).most < 0.6);
    assert_true(split(4).most < 0.4);
    assert_in_range(server.asked, 2, 300);
}

/* Rows that came after the statistics were made, at the end of the keys: a planner says that there are none. */
static void statistics_that_are_old_leave_no_reader_with_nearly_all(void **state)
{
    begin(KEYS_MAX);
    for (int i = 0; i < KEYS_MAX; i++)
        server.keys[i] = i;
    server.known_to = KEYS_MAX / 5;
    const struct shares two = split(2), four = split(4);
    assert_true(two.most < 0.6);
    assert_true(four.most < 0.4);
}

/* InnoDB: half of the table. */
static void a_range_that_is_underestimated_is_shared_all_the_same(void **state)
{
    begin(KEYS_MAX);
    for (int i = 0; i < KEYS_MAX; i++)
        server.keys[i] = i < 1000 ? i * 10000 : i + 10000000;
    server.part_most = KEYS_MAX / 2;
    assert_true(split(2).most < 0.6);
    assert_true(split(4).most < 0.35);
}

static void pieces_become_smaller_towards_the_end(void **state)
{
    for (int readers = 2; readers <= 32; readers++) {
        int64_t last = INT64_MAX, left = 1 << 30;
        const int64_t least = split_least(left, readers, 1);
        int count = 1;
        for (int64_t piece; (piece = split_next(left, readers, least)) < left; left -= piece, count++) {
            assert_true(piece <= last);
            last = piece;
        }
        assert_true(left < 2 * least);
        assert_in_range(count, 2 * readers, readers <= 16 ? SOURCE_PIECES_MAX - 1 : INT32_MAX);
    }
}

static int make_keys(void **state)
{
    server.keys = xcalloc(KEYS_MAX, sizeof(*server.keys));
    return 0;
}

static int free_keys(void **state)
{
    free(server.keys);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_of_keys_that_are_even_end_together),
        cmocka_unit_test(a_range_that_is_small_is_one_piece),
        cmocka_unit_test(readers_of_keys_that_are_skewed_read_a_fair_share),
        cmocka_unit_test(statistics_that_are_old_leave_no_reader_with_nearly_all),
        cmocka_unit_test(a_range_that_is_underestimated_is_shared_all_the_same),
        cmocka_unit_test(pieces_become_smaller_towards_the_end),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
