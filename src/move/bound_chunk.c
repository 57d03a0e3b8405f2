/* bound: where the next chunk ends. */
#include <inttypes.h>

#include "move/arrows.h"

/* delete_insert takes the target's rows of a range away where the source has none any more, too: of what is read again,
 * or lies behind a mark that a person has set back. Beyond any other mark the target has nothing. */
static bool bound_replaces(const struct route *r)
{
    return r->mode == MODE_DELETE_INSERT && (route_reads_aside(r) || r->was_set);
}

/* A snapshot has rows that came after the bound was taken. Where rows are appended they would come twice: what is taken
 * there ends where the next run begins, and needs no snapshot, since such rows never change. */
static enum range_kind bound_whole_kind(const struct route *r)
{
    if (r->config->increment == INCREMENT_FULL_SYNC || r->config->mode != MODE_APPEND)
        return RANGE_ALL;
    return r->config->increment == INCREMENT_ID_ONLY ? RANGE_KEY : route_range_kind(r);
}

static bool bound_range(const struct route *r, struct range *ret)
{
    const struct position *lo = &r->lo, *hi = &r->bound.hi;
    struct range range = {.lo = *lo, .hi = *hi};
    if (route_reads_aside(r))
        return aside_range(r, ret);
    if (hi->shape == POSITION_NONE && r->increment != INCREMENT_FULL_SYNC)
        return false;
    if (r->increment == INCREMENT_FULL_SYNC) {
        range.kind = bound_whole_kind(r);
        range.lo = range.kind == RANGE_ALL ? *lo : (struct position){0};
    } else if (r->increment == INCREMENT_ID_ONLY) {
        range.kind = RANGE_KEY;
        if (position_equal(lo, hi) && !bound_replaces(r))
            return false;
    } else if (lo->shape == POSITION_AT || r->table->key_count == 0 || r->increment == INCREMENT_CUSTOM_SQL) {
        range.kind = route_range_kind(r); /* a statement is never walked by its key: nothing is in that order */
        if (lo->shape == POSITION_AT && form_compare(&r->table->form, hi->at, lo->at) <= 0)
            return false;
    } else {
        range.kind = RANGE_WALK;
        if (lo->shape == POSITION_WALK) /* its hi was fixed when the walk began */
            range.hi = (struct position){.shape = POSITION_AT, .at = lo->at};
    }
    *ret = range;
    return true;
}

static RC bound_check_cursors(struct route *r, struct error *err)
{
    const struct range_facts *facts = &r->bound.facts;
    if (r->bound.measured.kind == RANGE_ALL || !increment_is_timed(r->config->increment))
        return RC_OK;
    const char *cursor = r->table->schema->fields[r->table->cursor].name;
    if (facts->odd_cursors > 0) {
        char form[FORM_TEXT_MAX];
        form_name(&r->table->form, form);
        fail(err, RC_DATA,
             "%" PRId64 " rows of '%s' have a '%s' that is not of the form %s: no range would ever take them",
             facts->odd_cursors, r->table->name, cursor, form);
        fail_id(err, "odd-cursors");
        return fail_todo(err, "correct those values, or use another cursor");
    }
    r->result.null_cursors = facts->null_cursors;
    if (facts->null_cursors == 0 || r->config->null_cursor != NULL_CURSOR_FAIL)
        return RC_OK;
    fail(err, RC_DATA, "%" PRId64 " rows of '%s' have no '%s': no range would ever take them", facts->null_cursors,
         r->table->name, cursor);
    fail_id(err, "null-cursors");
    return fail_todo(
        err,
        "fill it in (NOT NULL), use another cursor, leave these rows out on purpose: `null_cursor: exclude`, or have "
        "all of them read by every run: `null_cursor: include`");
}

/* Behind a walk that an earlier run has begun lies what has moved since. What is read beside the mark is not counted.
 */
static RC bound_measure_behind(struct route *r, const struct range *range, struct error *err)
{
    struct range_facts facts = {0};
    const struct table_config *config = r->config;
    struct range behind = {.kind = route_range_kind(r), .lo = range->hi, .hi = r->bound.hi};
    bool is_last = position_equal(&range->hi, &r->bound.hi) || range->kind == RANGE_NULL;
    r->bound.rows_behind = is_last ? 0 : -1;
    if (range->kind != RANGE_WALK || is_last || config->lookback_ms > 0 || config->null_cursor == NULL_CURSOR_INCLUDE)
        return RC_OK;
    if (form_compare(&r->table->form, behind.hi.at, behind.lo.at) > 0)
        TRY(source_facts(r->source, r->table, &behind, &facts, err));
    r->bound.rows_behind = facts.rows;
    return RC_OK;
}

/* Measures a range once: every later chunk of it only has a higher lo. */
static RC bound_measure(struct route *r, const struct range *range, bool *ret_empty, struct error *err)
{
    bool has_end = r->bound.measured.hi.shape != POSITION_NONE || range->kind == RANGE_NULL;
    bool same = r->bound.measured.kind == range->kind && position_equal(&r->bound.measured.hi, &range->hi) && has_end;
    *ret_empty = false;
    if (same)
        return RC_OK;
    TRY(source_facts(r->source, r->table, range, &r->bound.facts, err));
    r->bound.measured = *range;
    r->bound.facts_end = r->result.rows_extracted + r->bound.facts.rows;
    *ret_empty = r->bound.facts.rows == 0;
    TRY(bound_measure_behind(r, range, err));
    return bound_check_cursors(r, err);
}

static int64_t bound_chunk_rows(const struct route *r)
{
    const struct chunk_limits *limits = &r->config->chunk;
    int64_t rows = limits->rows, row_bytes = r->bound.facts.row_bytes, done = r->result.rows_extracted;
    if (row_bytes > 0 && limits->bytes / row_bytes < rows)
        rows = limits->bytes / row_bytes;
    if (done > 0 && r->result.extract_ms > 1000) { /* at the rate so far */
        int64_t in_time = (int64_t)((double)done / (double)r->result.extract_ms * (double)limits->time_ms);
        rows = in_time < rows ? in_time : rows;
    }
    if (!route_counts_rows(r))
        return rows > 0 ? rows : 1;
    if (r->run->options.limit > 0 && r->run->options.max_chunks > 0) /* N is the chunk and N*M the cap */
        rows = r->run->options.limit;
    rows = rows < r->rows_left ? rows : r->rows_left;
    return rows > 0 ? rows : 1;
}

/* How much this run comes to, for the progress: what is left of what was counted, if that is all, or what a limit lets
 * through, if that is less. */
static void bound_tell_total(struct route *r)
{
    struct bound *bound = &r->bound;
    int64_t done = r->result.rows_extracted, left = bound->facts_end - done, most = INT64_MAX;
    left = left > 0 ? left : 0;
    left += bound->rows_behind > 0 ? bound->rows_behind : 0;
    if (route_counts_rows(r)) {
        if (r->chunks_left < INT64_MAX && __builtin_mul_overflow(r->chunks_left, r->chunk.rows_max, &most))
            most = INT64_MAX;
        most = r->rows_left < most ? r->rows_left : most;
    }
    bound->rows_total = most <= left ? done + most : bound->rows_behind >= 0 ? done + left : -1;
}

/* One waybill, never cut. An id_only table goes on from the ceiling afterwards, so there must be one. */
static RC bound_whole_table(struct route *r, bool *ret_more, struct error *err)
{
    if (r->config->increment == INCREMENT_ID_ONLY && r->bound.hi.shape == POSITION_NONE && r->bound.ceiling != NULL) {
        fail(err, RC_BUSY, "'%s' has open transactions (since %s): which of its rows are final is not known",
             r->source->name, r->bound.oldest_open);
        return fail_todo(err, "run again when they have ended");
    }
    r->chunk.pos_after = r->bound.hi;
    r->chunk.rows_max = INT64_MAX;
    r->bound.rows_total = r->bound.facts_end; /* limits cut nothing here */
    *ret_more = true;
    return RC_OK;
}

/* What is left of --limit may be less than the next group of equal cursors, which is taken whole or not at all: the
 * limit then was reached before. */
static RC bound_group_fits(struct route *r, bool *ret, struct error *err)
{
    struct range_facts facts;
    *ret = true;
    if (r->chunk.range.kind != RANGE_TIME || !route_counts_rows(r) || r->chunk.rows_max < r->rows_left ||
        r->result.rows_extracted == 0)
        return RC_OK;
    TRY(source_facts(r->source, r->table, &r->chunk.range, &facts, err));
    *ret = facts.rows <= r->rows_left;
    return RC_OK;
}

/* The ceiling is the largest id that is left: above it go the rows of larger ones that were deleted. */
static void bound_begun(struct route *r, bool is_cut)
{
    r->chunk.is_open = r->mode == MODE_DELETE_INSERT && r->chunk.range.kind == RANGE_KEY && !is_cut;
    r->was_set &= route_reads_aside(r);
}

/* Nothing is read, and its rows go. Ids that are gone do not take the mark back. */
static RC bound_empty(struct route *r, bool *ret_more)
{
    struct chunk *chunk = &r->chunk;
    if (chunk->range.kind == RANGE_KEY && chunk->range.lo.shape == POSITION_AFTER)
        r->bound.hi = r->bound.measured.hi = chunk->range.hi = chunk->range.lo;
    chunk->pos_after = chunk->range.hi;
    chunk->rows_max = 1;
    bound_tell_total(r);
    bound_begun(r, false);
    *ret_more = true;
    return RC_OK;
}

static RC bound_cut(struct route *r, bool *ret_more, struct error *err)
{
    struct chunk *chunk = &r->chunk;
    bool is_cut = false;
    chunk->pos_after = chunk->range.hi;
    chunk->rows_max = bound_chunk_rows(r);
    bound_tell_total(r);
    TRY(source_boundary(r->source, r->table, &chunk->range, chunk->rows_max, &r->arena, &chunk->pos_after, &is_cut,
                        err));
    if (is_cut)
        chunk->range.hi = chunk->pos_after;
    bound_begun(r, is_cut);
    r->bound.aside.nulls_read = chunk->range.kind == RANGE_NULL && !is_cut;
    return bound_group_fits(r, ret_more, err);
}

/* Nothing that this run could take is left, or a limit of it is reached. */
static RC bound_end(struct route *r)
{
    bool is_limited = r->rows_left <= 0 || r->chunks_left <= 0;
    r->bound.rows_total = r->result.rows_extracted;
    bool is_partial = r->bound.aside.kind == ASIDE_BACKFILL || (is_limited && !r->full_sync_done);
    r->result.fresh_us = is_partial ? 0 : r->bound.hi_us;
    return RC_OK;
}

/* Whether nothing lies behind this empty range; else r->lo is where the run goes on. */
static bool bound_is_through(struct route *r)
{
    const struct range *range = &r->chunk.range;
    if (range->kind == RANGE_WALK ||
        r->bound.aside.kind == ASIDE_AGAIN) { /* what moved meanwhile comes by its cursor */
        r->lo = range->hi;
        return false;
    }
    return !aside_begin_nulls(r);
}

RC bound_next(struct route *r, bool *ret_more, struct error *err)
{
    struct chunk *chunk = &r->chunk;
    waybill_release(&chunk->waybill);
    *chunk = (struct chunk){0};
    *ret_more = false;
    for (bool is_empty = true; is_empty;) {
        TRY(aside_next(r, err));
        if (r->full_sync_done || r->rows_left <= 0 || r->chunks_left <= 0)
            return bound_end(r);
        bool has_range = bound_range(r, &chunk->range);
        if (!has_range && !aside_begin_nulls(r))
            return bound_end(r);
        if (!has_range)
            continue;
        TRY(bound_measure(r, &chunk->range, &is_empty, err));
        if (r->increment == INCREMENT_FULL_SYNC)
            return bound_whole_table(r, ret_more, err);
        if (is_empty && bound_replaces(r))
            return bound_empty(r, ret_more);
        if (is_empty && bound_is_through(r))
            return bound_end(r);
    }
    return bound_cut(r, ret_more, err);
}
