#include "connect/cut.h"

#include <assert.h>

enum {
    SPLIT_ROWS_MIN = 10000, /* a smaller piece is not worth a connection */
    BISECTIONS_MAX = 24,
};

/* ---- keys that are integers ---- */

static bool goes_by_integer(const struct cutter *self, const struct range *range)
{
    return self->key_is_integer && (range->kind == RANGE_KEY || range->kind == RANGE_WALK);
}

/* The range by its key alone: what an index knows at once. */
static struct range by_key_alone(const struct range *range)
{
    struct range alone = {.kind = RANGE_KEY, .lo = range->lo, .hi = range->hi};
    alone.lo.shape = alone.lo.key_count > 0 ? POSITION_AFTER : POSITION_NONE;
    alone.hi.shape = alone.hi.key_count > 0 ? POSITION_AFTER : POSITION_NONE;
    return alone;
}

static bool key_of(const struct position *position, int64_t *ret)
{
    return position->key_count == 1 && position->key[0] != NULL && str_to_int64(str(position->key[0]), ret);
}

/* Smallest and largest key of the range; *ret_any = false: it has none. */
static RC key_ends(const struct cutter *self, const struct range *range, int64_t *ret_min, int64_t *ret_max,
                   bool *ret_any, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct range alone = by_key_alone(range);
    struct position first = {0}, last = {0};
    int rows;
    TRY(self->ops->row_at(self, &alone, 0, false, &arena, &first, &rows, err));
    TRY(self->ops->row_at(self, &alone, 0, true, &arena, &last, &rows, err));
    *ret_any = key_of(&first, ret_min) && key_of(&last, ret_max) && *ret_min <= *ret_max;
    return RC_OK;
}

/* A place inside a range of this kind, behind this key. */
static struct position behind_key(const struct range *range, int64_t key, struct arena *arena)
{
    bool is_walk = range->kind == RANGE_WALK;
    return (struct position){.shape = is_walk ? POSITION_WALK : POSITION_AFTER,
                             .at = is_walk ? range->hi.at : NULL,
                             .key_count = 1,
                             .key = {arena_print(arena, "%lld", (long long)key)}};
}

/* ---- boundary ---- */

/* Whether the range has, by its smallest and largest integer key, no more than so many rows: then no row is counted. */
static RC is_small(const struct cutter *self, const struct range *range, int64_t rows, bool *ret, struct error *err)
{
    int64_t min, max;
    bool any;
    *ret = false;
    if (!goes_by_integer(self, range) || !self->key_is_unique)
        return RC_OK;
    TRY(key_ends(self, range, &min, &max, &any, err));
    *ret = !any || (__int128)max - min < rows;
    return RC_OK;
}

/* After the rows-th row; what ties with it, where the key is not unique, goes along. */
static RC cut_by_key(const struct cutter *self, const struct range *range, int64_t rows, struct arena *arena,
                     struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    struct position cut = {0};
    int found;
    bool is_whole = false, is_last = false;
    TRY(is_small(self, range, rows, &is_whole, err));
    if (is_whole)
        return RC_OK;
    TRY(self->ops->row_at(self, range, rows - 1, false, arena, &cut, &found, err));
    if (found < 2)
        return RC_OK;
    if (!self->key_is_unique)
        TRY(self->ops->is_empty(self, &(struct range){range->kind, cut, range->hi}, &is_last, err));
    if (is_last)
        return RC_OK;
    *ret_is_cut = true;
    *ret_cut = cut;
    return RC_OK;
}

/* A range that needs no key ends where a group of equal cursors does. */
static RC cut_by_time(const struct cutter *self, const struct range *range, int64_t rows, struct arena *arena,
                      struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    struct position first = {0}, left_out = {0};
    int found;
    bool any = true;
    TRY(self->ops->row_at(self, range, rows, false, arena, &left_out, &found, err));
    if (found == 0)
        return RC_OK;
    TRY(self->ops->row_at(self, range, 0, false, arena, &first, &found, err));
    if (found > 0 && text_eq(first.at, left_out.at)) /* one group is larger than the chunk: on to its end */
        TRY(self->ops->next_group(self, range, &first, arena, &left_out, &any, err));
    if (!any || found == 0)
        return RC_OK;
    *ret_is_cut = true;
    *ret_cut = left_out;
    return RC_OK;
}

RC cutter_boundary(const struct cutter *self, const struct range *range, int64_t rows, struct arena *arena,
                   struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    assert(rows > 0);
    *ret_is_cut = false;
    if (range->kind == RANGE_ALL)
        return RC_OK;
    return (range->kind == RANGE_TIME ? cut_by_time : cut_by_key)(self, range, rows, arena, ret_cut, ret_is_cut, err);
}

/* ---- split ---- */

/* The key up to which the range has about `wanted` rows, found by halving: ids may be sparse. */
static RC key_behind_rows(const struct cutter *self, const struct range *range, int64_t wanted, int64_t min,
                          int64_t max, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    int64_t rows = 0, key = min;
    for (int i = 0; i < BISECTIONS_MAX && min < max; i++) {
        struct range part = by_key_alone(range);
        key = (int64_t)(((__int128)min + max) >> 1);
        part.hi = behind_key(&part, key, &arena);
        TRY(self->ops->estimate(self, &part, &rows, err));
        if (rows < wanted - wanted / 20)
            min = key + 1;
        else if (rows > wanted + wanted / 20)
            max = key;
        else
            break;
    }
    *ret = key;
    return RC_OK;
}

static RC cut_integers(const struct cutter *self, const struct range *range, int64_t wanted, struct arena *arena,
                       struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    int64_t min, top, key;
    bool any;
    *ret_is_cut = false;
    TRY(key_ends(self, range, &min, &top, &any, err));
    if (!any)
        return RC_OK;
    TRY(key_behind_rows(self, range, wanted, min, top, &key, err));
    *ret_is_cut = key < top;
    *ret_cut = behind_key(range, key, arena);
    return RC_OK;
}

RC cutter_split(const struct cutter *self, const struct range *range, int pieces, struct arena *arena,
                struct range *ret_ranges, int *ret_count, struct error *err)
{
    struct range rest = *range;
    int64_t rows = 0;
    int count = 0;
    if (range_goes_by_cursor(range->kind) ? self->cursor_is_indexed : self->key_is_indexed)
        TRY(self->ops->estimate(self, range, &rows, err));
    for (int64_t wanted = rows / pieces; count < pieces - 1 && wanted >= SPLIT_ROWS_MIN;) {
        struct position cut = {0};
        bool is_cut = false;
        TRY(goes_by_integer(self, range) ? cut_integers(self, &rest, wanted, arena, &cut, &is_cut, err)
                                         : cutter_boundary(self, &rest, wanted, arena, &cut, &is_cut, err));
        if (!is_cut)
            break;
        ret_ranges[count++] = (struct range){range->kind, rest.lo, cut};
        rest.lo = cut;
    }
    ret_ranges[count++] = rest;
    *ret_count = count;
    return RC_OK;
}
