/* What a run reads beside the way of the mark: chunks in the chain like any other, whose waybills leave the mark where
 * it is. A run that dies among them leaves nothing behind but waybills that are loaded; the next one begins them anew.
 */
#include "base/log.h"
#include "move/arrows.h"

/* ---- the bounds that were asked for ---- */

/* In a zone with summer time nobody knows which hour was meant a season ago; the lookback is at least twice what comes
 * twice there (connect/cursor.h), and a merge takes rows again. */
static int64_t asked_slack_us(const struct route *r)
{
    return r->table->cursor_repeats ? r->config->lookback_ms * 1000 / 2 : 0;
}

/* On the clock that the cursor is written by: the first stamp that is not before the instant asked for. */
static int64_t asked_us(const struct route *r, int64_t instant_us)
{
    return form_round_up(&r->table->form, instant_us + r->table->cursor_ahead_us);
}

int64_t aside_end_us(const struct route *r, int64_t hi_us)
{
    const struct run_options *options = &r->run->options;
    if (!options->has_end)
        return hi_us;
    int64_t end_us = asked_us(r, options->end_us + asked_slack_us(r));
    return end_us < hi_us ? end_us : hi_us;
}

static struct position place_at(struct route *r, int64_t us)
{
    char text[CURSOR_TEXT];
    form_print(&r->table->form, us, text);
    return (struct position){.shape = POSITION_AT, .at = arena_text(&r->arena, text)};
}

static struct position asked_start(struct route *r)
{
    return place_at(r, asked_us(r, r->run->options.start_us - asked_slack_us(r)));
}

/* ---- with --advance ---- */

static enum rc fail_first_load(const struct route *r, struct error *err)
{
    fail(err, RC_CONFIG, "the first load of '%s' is not through, and goes by the key: no time bounds it",
         scope_name(r->scope));
    return fail_todo(err, "finish it first: waybill sync pipeline %s; or leave --advance out", scope_flags(r->scope));
}

static enum rc fail_gap(const struct route *r, const struct position *start, struct error *err)
{
    fail(err, RC_CONFIG, "'%s' stands at %s: with --advance its rows from there to %s would never be read",
         scope_name(r->scope), r->lo.at, start->at);
    return fail_todo(err,
                     "leave --start-time out, so that the run goes on from the mark; or move the mark first: "
                     "waybill watermark set %s --timestamp ...",
                     scope_flags(r->scope));
}

/* The run goes on from the mark, or where there is none begins at the start asked for; rows from the start up to the
 * mark are read again before that. `from`: where that begins; NONE: nowhere. */
static RC advance_from(struct route *r, struct position *ret_from, struct error *err)
{
    bool has_start = r->run->options.has_start;
    if (r->lo.shape == POSITION_WALK && (has_start || form_compare(&r->table->form, r->lo.at, r->bound.hi.at) > 0))
        return fail_first_load(r, err);
    if (!has_start)
        return RC_OK;
    struct position start = asked_start(r);
    if (r->lo.shape == POSITION_NONE)
        r->lo = start;
    else if (form_compare(&r->table->form, start.at, r->lo.at) > 0)
        return fail_gap(r, &start, err);
    else
        *ret_from = start;
    return RC_OK;
}

/* ---- what is read again ---- */

/* A first load that begins now reads everything; of a walk the end was fixed when it began, which may be days ago. */
static void look_back(struct route *r, struct position *from)
{
    int64_t us;
    if (r->config->lookback_ms == 0 || r->lo.shape != POSITION_AT || !form_parse(&r->table->form, r->lo.at, &us))
        return;
    struct position back = place_at(r, us - r->config->lookback_ms * 1000);
    if (from->shape == POSITION_NONE || form_compare(&r->table->form, back.at, from->at) < 0)
        *from = back;
}

static void read_again_from(struct route *r, const struct position *from)
{
    r->bound.aside.has_begun = true;
    r->bound.aside.kind = ASIDE_AGAIN;
    r->bound.aside.mark = r->lo;
    r->lo = *from;
}

/* The mark never goes back: what ends before it is a backfill in any case. */
static bool is_backfill(const struct route *r)
{
    const struct run_options *options = &r->run->options;
    bool ends_before = options->has_start && r->lo.shape == POSITION_AT &&
                       form_compare(&r->table->form, r->bound.hi.at, r->lo.at) <= 0;
    return route_is_bounded(r) && (!options->advance || ends_before);
}

RC aside_check_mark(struct route *r, struct error *err)
{
    if (r->mode != MODE_DELETE_INSERT || !r->was_set)
        return RC_OK;
    fail(err, RC_CONFIG,
         "the mark of '%s' was set by hand, and the rows behind it were not replaced since (mode: delete_insert)",
         scope_name(r->scope));
    const char *set_back = bound_mark_ahead(r);
    if (set_back != NULL) /* no run takes anything from there, for years perhaps */
        return fail_todo(err,
                         "the mark is ahead of the source's clock: set it back, %s; let a run go on from it, waybill "
                         "sync pipeline %s; then give this command again",
                         set_back, scope_flags(r->scope));
    if (r->increment == INCREMENT_ID_ONLY && r->bound.hi.shape == POSITION_NONE) /* nothing is replaced by nothing */
        return fail_todo(err,
                         "the source has no row at all: waybill sync pipeline %s --full-refresh empties the target",
                         scope_flags(r->scope));
    return fail_todo(err, "let a run go on from the mark first: waybill sync pipeline %s; then give this command again",
                     scope_flags(r->scope));
}

static RC begin_aside(struct route *r, struct error *err)
{
    struct aside *aside = &r->bound.aside;
    struct position from = {0};
    if (is_backfill(r)) {
        TRY(aside_check_mark(r, err));
        *aside = (struct aside){.kind = ASIDE_BACKFILL, .mark = r->lo, .has_begun = true};
        r->lo = r->run->options.has_start ? asked_start(r) : from;
        return RC_OK;
    }
    if (route_is_bounded(r))
        TRY(advance_from(r, &from, err));
    look_back(r, &from);
    aside->has_begun = r->lo.shape != POSITION_WALK;
    if (from.shape == POSITION_NONE)
        return RC_OK;
    if (r->was_set && r->mode == MODE_DELETE_INSERT)
        r->lo = from; /* one range is replaced at once: what is sealed in between would say that the mark was not set */
    else
        read_again_from(r, &from);
    return RC_OK;
}

RC aside_next(struct route *r, struct error *err)
{
    struct aside *aside = &r->bound.aside;
    if (!increment_is_timed(r->increment))
        return RC_OK;
    if (!aside->has_begun)
        return begin_aside(r, err);
    if (aside->kind == ASIDE_AGAIN && position_equal(&r->lo, &aside->mark))
        aside->kind = ASIDE_NONE;
    return RC_OK;
}

bool aside_range(const struct route *r, struct range *ret)
{
    const struct aside *aside = &r->bound.aside;
    struct range range = {.kind = route_range_kind(r), .lo = r->lo};
    if (aside->kind == ASIDE_NULLS) {
        *ret = (struct range){.kind = RANGE_NULL, .lo = r->lo};
        return !aside->nulls_read;
    }
    range.hi = aside->kind == ASIDE_AGAIN ? aside->mark : r->bound.hi;
    *ret = range;
    return aside->kind == ASIDE_AGAIN || range.lo.shape == POSITION_NONE ||
           form_compare(&r->table->form, range.hi.at, range.lo.at) > 0;
}

/* ---- rows without a cursor ---- */

bool aside_begin_nulls(struct route *r)
{
    struct aside *aside = &r->bound.aside;
    if (!increment_is_timed(r->increment) || r->config->null_cursor != NULL_CURSOR_INCLUDE || route_reads_aside(r) ||
        !r->table->schema->fields[r->table->cursor].nullable)
        return false;
    aside->kind = ASIDE_NULLS;
    aside->mark = scope_marks(r->scope)->extracted.pos;
    r->lo = (struct position){0};
    return true;
}
