#include "connect/cut.h"

#include <assert.h>

enum {
    SPLIT_ROWS_MIN = 10000, /* a smaller piece is not worth a statement */
    CELLS_FIRST = 8,        /* of a range of keys whose rows are estimated, */
    CELLS_MAX = 64,         /* and of one in which they are spread unevenly: each more costs two estimates */
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

/* ---- how large pieces are ---- */

enum { LEAST_OF_READER = 16 }; /* the last pieces are this part of what one reader reads */

int64_t split_least(int64_t whole, int readers, int64_t worth)
{
    int64_t least = whole / readers / LEAST_OF_READER;
    return least > worth ? least : worth;
}

int64_t split_next(int64_t left, int readers, int64_t least)
{
    int64_t piece = left / readers / 2;
    piece = piece > least ? piece : least;
    return left - piece < least ? left : piece;
}

/* ---- split by keys that are integers ---- */

/* About how the rows of a range are spread over its keys. Cells are in the order of the keys. */
struct cell {
    int64_t first, last; /* keys */
    int64_t rows;
};
struct spread {
    const struct cutter *cutter;
    struct range alone;
    struct cell cells[CELLS_MAX];
    int count;
    int64_t rows;
};

static RC cell_estimate(const struct spread *self, struct cell *cell, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct range part = self->alone;
    if (cell->first > self->cells[0].first)
        part.lo = behind_key(&part, cell->first - 1, &arena);
    part.hi = behind_key(&part, cell->last, &arena);
    return self->cutter->ops->estimate(self->cutter, &part, &cell->rows, err);
}

static double cell_width(const struct cell *cell) { return (double)cell->last - (double)cell->first + 1; }

/* Both halves are asked for: planners that take a part of the table for the most that a range has make little of a
 * large cell. */
static RC cell_halve(struct spread *self, int number, struct error *err)
{
    struct cell *cell = &self->cells[number];
    memmove(cell + 1, cell, sizeof(*cell) * (size_t)(self->count - number));
    self->count++;
    self->rows -= cell->rows;
    cell[0].last = (int64_t)(((__int128)cell->first + cell->last) >> 1);
    cell[1].first = cell[0].last + 1;
    TRY(cell_estimate(self, &cell[0], err));
    TRY(cell_estimate(self, &cell[1], err));
    self->rows += cell[0].rows + cell[1].rows;
    return RC_OK;
}

/* The one with the most rows, of those that can be halved; -1: none. */
static int largest_cell(const struct spread *self)
{
    int largest = -1;
    for (int i = 0; i < self->count; i++) {
        bool is_wide = self->cells[i].first < self->cells[i].last;
        if (is_wide && (largest < 0 || self->cells[i].rows > self->cells[largest].rows))
            largest = i;
    }
    return largest;
}

/* Ids may be sparse, so whatever cell has many rows is halved, as often as may be. */
static RC spread_measure(struct spread *self, int64_t min, int64_t max, struct error *err)
{
    const __int128 width = (__int128)max - min + 1;
    self->count = width < CELLS_FIRST ? 1 : CELLS_FIRST;
    for (int i = 0; i < self->count; i++) {
        self->cells[i].first = (int64_t)(min + width * i / self->count);
        self->cells[i].last = (int64_t)(min + width * (i + 1) / self->count - 1);
        TRY(cell_estimate(self, &self->cells[i], err));
        self->rows += self->cells[i].rows;
    }
    for (int i; self->count < CELLS_MAX && (i = largest_cell(self)) >= 0 && self->cells[i].rows > self->rows / 4;)
        TRY(cell_halve(self, i, err));
    return RC_OK;
}

/* Of the whole, which is 1. Statistics may be old, and know nothing of the latest keys: half of the weight is in rows,
 * half in keys. */
static double cell_weight(const struct spread *self, const struct cell *cell)
{
    const double width = (double)self->cells[self->count - 1].last - (double)self->cells[0].first + 1;
    double by_keys = cell_width(cell) / width;
    double by_rows = self->rows > 0 ? (double)cell->rows / (double)self->rows : by_keys;
    return (by_keys + by_rows) / 2;
}

/* The key up to which there is about so much of the whole. */
static int64_t spread_key(const struct spread *self, double share)
{
    for (int i = 0; i < self->count; i++) {
        const struct cell *cell = &self->cells[i];
        const double weight = cell_weight(self, cell);
        if (share < weight) {
            double keys = cell_width(cell) * (share / weight);
            int64_t key = (int64_t)((__int128)cell->first + (__int128)keys);
            return key < cell->last ? key : cell->last;
        }
        share -= weight;
    }
    return self->cells[self->count - 1].last;
}

/* About so many rows as are said in all. Where keys are few, some pieces have none, and are left out. */
static RC split_integers(const struct cutter *self, const struct range *range, int readers, int64_t rows,
                         struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err)
{
    struct spread spread = {.cutter = self, .alone = by_key_alone(range)};
    struct range rest = *range;
    const int64_t least = split_least(rows, readers, SPLIT_ROWS_MIN);
    int64_t min = 0, max = 0;
    int count = 0;
    bool any;
    TRY(key_ends(self, range, &min, &max, &any, err));
    if (any)
        TRY(spread_measure(&spread, min, max, err));
    int64_t last = min;
    for (int64_t left = rows, piece; any && (piece = split_next(left, readers, least)) < left; left -= piece) {
        int64_t key = spread_key(&spread, (double)(rows - left + piece) / (double)rows);
        if (key <= last || key >= max)
            continue;
        assert(count < SOURCE_PIECES_MAX - 1);
        ret_ranges[count++] = (struct range){range->kind, rest.lo, behind_key(range, key, arena)};
        rest.lo = ret_ranges[count - 1].hi;
        last = key;
    }
    ret_ranges[count++] = rest;
    *ret_count = count;
    return RC_OK;
}

/* ---- split ---- */

/* Each cut costs the server a walk along an index, over all rows up to it: one piece for each reader, and more only
 * where there turn out to be more rows. */
static RC split_rows(const struct cutter *self, const struct range *range, int readers, int64_t rows,
                     struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err)
{
    const int64_t fair = rows / readers;
    struct range rest = *range;
    int count = 0;
    bool is_cut = true;
    for (int64_t left = rows; is_cut && left > fair + fair / 2 && count < 2 * readers - 1;) {
        struct position cut = {0};
        TRY(cutter_boundary(self, &rest, fair, arena, &cut, &is_cut, err));
        if (!is_cut)
            break;
        ret_ranges[count++] = (struct range){range->kind, rest.lo, cut};
        rest.lo = cut;
        TRY(self->ops->estimate(self, &rest, &left, err));
    }
    ret_ranges[count++] = rest;
    *ret_count = count;
    return RC_OK;
}

RC cutter_split(const struct cutter *self, const struct range *range, int readers, struct arena *arena,
                struct range *ret_ranges, int *ret_count, struct error *err)
{
    int64_t rows = 0;
    if (range_goes_by_cursor(range->kind) ? self->cursor_is_indexed : self->key_is_indexed)
        TRY(self->ops->estimate(self, range, &rows, err));
    if (rows / readers < SPLIT_ROWS_MIN) {
        ret_ranges[0] = *range;
        *ret_count = 1;
        return RC_OK;
    }
    return (goes_by_integer(self, range) ? split_integers : split_rows)(self, range, readers, rows, arena, ret_ranges,
                                                                        ret_count, err);
}
