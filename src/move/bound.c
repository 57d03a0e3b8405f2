/* bound: how far this run may go, by the source's clock and its open transactions. */
#include <inttypes.h>

#include "base/log.h"
#include "move/arrows.h"

/* The source's clock, and how far it is ahead of this machine's: its answer was under way. */
static RC bound_now(struct route *r, int64_t *ret_us, struct error *err)
{
    struct clock *clock = r->run->world.clock;
    const int64_t before_us = clock->now_us(clock);
    TRY(source_now(r->source, ret_us, err));
    r->bound.ahead_ms = arena_print(&r->arena, "%" PRId64, (*ret_us - clock->now_us(clock)) / 1000 - 1);
    r->bound.ahead_most_ms = (*ret_us - before_us) / 1000 + 1;
    stamp_print(*ret_us, 6, r->bound.clock);
    return RC_OK;
}

/* By a clock that has gone back since, or by hand. Where summer time ends that is so for an hour, and looked back from.
 */
const char *bound_mark_ahead(struct route *r)
{
    const struct position *mark = &scope_marks(r->scope)->extracted.pos;
    int64_t us, now_us;
    if (!increment_is_timed(r->increment) || mark->shape != POSITION_AT || r->table->cursor_repeats ||
        !stamp_parse(r->bound.clock, &now_us) || !form_parse(&r->table->form, mark->at, &us) ||
        us <= now_us + r->table->cursor_ahead_us)
        return NULL;
    return bound_set_back(r, now_us - r->config->lag_ms * 1000);
}

static void bound_tell_ahead(struct route *r)
{
    const char *set_back = bound_mark_ahead(r);
    if (set_back == NULL)
        return;
    route_warn(r, arena_print(&r->arena,
                              "the mark is ahead of the source's clock: what is stamped before it is never read; "
                              "set it back: %s",
                              set_back));
    log_warn("mark.ahead", KV("mark", scope_marks(r->scope)->extracted.pos.at), KV("clock", r->bound.clock));
}

RC bound_count_ahead(struct route *r, int64_t now_us, int64_t *ret_rows, struct error *err)
{
    const int64_t day_us = INT64_C(86400000000); /* some clocks of some writers go wrong by hours: by a wrong zone */
    struct range_facts facts;
    char from[CURSOR_TEXT];
    *ret_rows = 0;
    if (!increment_is_timed(r->config->increment) || r->config->sql != NULL || r->table->cursor < 0)
        return RC_OK;
    form_print(&r->table->form, now_us + r->table->cursor_ahead_us + day_us, from);
    struct range range = {.kind = RANGE_TIME, .lo = {.shape = POSITION_AT, .at = from}};
    TRY(source_facts(r->source, r->table, &range, &facts, err));
    *ret_rows = facts.rows;
    return RC_OK;
}

const char *bound_ahead_text(struct route *r, int64_t rows)
{
    const char *cursor = r->table->schema->fields[r->table->cursor].name;
    return arena_print(&r->arena,
                       "%" PRId64 " row%s '%s' more than a day ahead of the source's clock: nothing moves such a row "
                       "before that time comes; correct it in the source",
                       rows, rows == 1 ? " has its" : "s have their", cursor);
}

/* A row that is stamped 2099 would be missing until then, with every run green. */
static RC bound_tell_rows_ahead(struct route *r, int64_t now_us, struct error *err)
{
    int64_t rows;
    TRY(bound_count_ahead(r, now_us, &rows, err));
    if (rows == 0)
        return RC_OK;
    route_warn(r, bound_ahead_text(r, rows));
    log_warn("rows.ahead", KV("rows", rows), KV("cursor", r->table->schema->fields[r->table->cursor].name),
             KV("clock", r->bound.clock));
    return RC_OK;
}

/* Ids that are given out again lie behind the mark; of a table that was emptied nobody can know. */
static void bound_tell_behind(struct route *r, const char *newest)
{
    const struct position *mark = &scope_marks(r->scope)->extracted.pos;
    int64_t largest, last;
    if (r->increment != INCREMENT_ID_ONLY || newest == NULL || mark->key_count != 1 ||
        !str_to_int64(str(newest), &largest) || !str_to_int64(str(mark->key[0]), &last) || largest >= last)
        return;
    const char *key = r->table->schema->fields[r->table->key[0]].name;
    route_warn(r, arena_print(&r->arena,
                              "the largest '%s' there is lies behind the mark: rows that are given such a number "
                              "again are never read",
                              key));
    log_warn("ids.behind", KV("column", key));
}

static RC bound_check_hidden(struct route *r, const struct open_transactions *open, struct error *err)
{
    if (open->unknown != RC_OK && r->config->increment != INCREMENT_FULL_SYNC) {
        fail(err, open->unknown, "%s, so nothing tells up to when the rows of '%s' are complete", open->unknown_text,
             r->table->name);
        if (open->unknown == RC_BUSY)
            fail_id(err, "replica-stands-still");
        else
            fail_id(err, "no-right");
        return fail_todo(err, "%s", open->unknown_todo);
    }
    if (!open->hidden || r->config->lag_is_given || r->config->increment == INCREMENT_FULL_SYNC)
        return RC_OK; /* a snapshot of the whole table has what is committed, and is taken whole again */
    fail(err, RC_CONFIG,
         "'%s' does not show other sessions' open transactions, so nothing tells which rows may still change",
         r->source->name);
    fail_id(err, "hidden-transactions");
    return fail_todo(err, "%s, or say how long a transaction lasts at most: `lag: 10m` for the table '%s'",
                     open->hidden_todo != NULL ? open->hidden_todo : "open it with the right to see them",
                     r->config->name);
}

/* Where transactions are hidden, everything that began so long ago is here: the lag is how long one lasts at most, and
 * a replica is as old as its last commit. */
static int64_t bound_shown_us(const struct route *r, const struct open_transactions *open, int64_t now_us)
{
    int64_t shown_us = open->any && open->since_us < now_us ? open->since_us : now_us;
    return shown_us - r->config->lag_ms * 1000;
}

/* The ceiling is the maximum, read before the list of open transactions, and used once every transaction open at that
 * moment has ended; until then the candidate of the run before is kept in S, and used when its time has come. */
static RC bound_by_id(struct route *r, struct error *err)
{
    struct source *source = r->source;
    const struct marks *s = scope_marks(r->scope);
    struct open_transactions open = {0};
    const char *newest = NULL;
    int64_t now_us, seen_us = 0;
    TRY(source_ceiling(source, r->table, &r->arena, &newest, err));
    TRY(source_oldest_open(source, &open, err));
    TRY(bound_now(r, &now_us, err));
    TRY(bound_check_hidden(r, &open, err));
    TRY(bound_check_source(r, now_us, err));
    bool all_ended = !open.hidden && !open.any;
    bool kept =
        s->ceiling != NULL && stamp_parse(or_empty(s->ceiling_seen_at), &seen_us) && !r->run->options.full_refresh;
    bool kept_ended =
        kept && (open.hidden ? bound_shown_us(r, &open, now_us) >= seen_us : !open.any || open.since_us > seen_us);
    if (open.any)
        stamp_print(open.since_us, 6, r->bound.oldest_open);
    const char *use = all_ended ? newest : kept_ended ? s->ceiling : NULL;
    r->bound.hi_us = use == NULL ? 0 : all_ended ? now_us : seen_us;
    if (use != NULL)
        r->bound.hi = (struct position){.shape = POSITION_AFTER, .key_count = 1, .key = {use}};
    if (!all_ended) {
        bool keep = kept && !kept_ended;
        r->bound.ceiling = keep ? s->ceiling : newest;
        r->bound.ceiling_seen_at = keep ? s->ceiling_seen_at : arena_text(&r->arena, r->bound.clock);
    }
    bound_tell_behind(r, newest);
    return bound_tell_other_row(r, err);
}

static RC bound_by_time(struct route *r, struct error *err)
{
    struct source *source = r->source;
    struct open_transactions open = {0};
    int64_t now_us;
    TRY(bound_now(r, &now_us, err));
    TRY(source_oldest_open(source, &open, err));
    TRY(bound_check_hidden(r, &open, err));
    TRY(bound_check_source(r, now_us, err));
    int64_t hi_us = now_us - r->config->lag_ms * 1000;
    if (open.any) {
        stamp_print(open.since_us, 6, r->bound.oldest_open);
        int64_t since_us = open.hidden ? bound_shown_us(r, &open, now_us) : open.since_us;
        hi_us = since_us < hi_us ? since_us : hi_us;
    }
    struct form instant = {.kind = FORM_TEXT, .separator = 'T', .z = true, .digits = 6};
    char hi[CURSOR_TEXT];
    if (r->table->cursor >= 0) {
        int64_t ahead_us = r->table->cursor_ahead_us, end_us = aside_end_us(r, hi_us + ahead_us);
        form_print(&r->table->form, end_us, hi);
        hi_us = end_us - ahead_us;
    } else {
        form_print(&instant, hi_us, hi);
    }
    r->bound.hi_us = hi_us;
    r->bound.hi = (struct position){.shape = POSITION_AT, .at = arena_text(&r->arena, hi)};
    bound_tell_ahead(r);
    return bound_tell_rows_ahead(r, now_us, err);
}

/* A whole table that is appended comes once for each run that is through. What was sealed since the last close is of
 * one that was not: whoever gives its command again means that one. */
static bool bound_has_unfinished(const struct route *r)
{
    return r->increment == INCREMENT_FULL_SYNC && r->mode == MODE_APPEND && scope_marks(r->scope)->session.rows > 0;
}

RC bound_source(struct route *r, struct error *err)
{
    if (r->table == NULL || scope_marks(r->scope)->extracted.id[0] != '\0')
        TRY(bound_describe(r, err)); /* else `take` has done it, and there still is no waybill to go on from */
    if (bound_has_unfinished(r)) {
        r->full_sync_done = true;
        route_warn(r, "an earlier run was not through: it is finished, and the table is not read once more");
    }
    /* after --full-refresh an id_only table goes on from its largest id */
    TRY(r->config->increment == INCREMENT_ID_ONLY ? bound_by_id(r, err) : bound_by_time(r, err));
    r->bound.taken = true;
    return RC_OK;
}
