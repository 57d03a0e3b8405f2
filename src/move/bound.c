/* bound: how far this run may go, and where its next chunk ends. */
#include <inttypes.h>

#include "base/log.h"
#include "move/arrows.h"
#include "move/history.h"
#include "move/mapping.h"

/* ---- once per run: the source ---- */

static RC bound_known_schema(struct route *r, struct error *err)
{
    const struct mark_ref *last = &scope_marks(r->scope)->extracted;
    if (last->id[0] == '\0' || last->key == NULL || r->run->options.full_refresh)
        return RC_OK;
    enum waybill_state state;
    struct waybill waybill = {0};
    TRY(waybill_read(r->run->world.store, last->key, last->id, &r->arena, &state, &waybill, err));
    if (state != WAYBILL_SEALED) {
        fail(err, RC_DATA, "the last waybill of '%s', '%s', is gone from '%s'", scope_name(r->scope), last->key,
             r->run->world.store->name);
        repair_advice(r, err);
        return err->rc;
    }
    r->known = waybill.schema;
    r->was_set = waybill.epoch < scope_marks(r->scope)->epoch;
    return RC_OK;
}

/* The target keeps a column that the source has not any more, and what is in it. */
static void bound_tell_gone(struct route *r)
{
    AUTO_RELEASE(buf) names = {0};
    const struct schema *now = route_schema(r);
    for (int i = 0; i < r->known->count; i++) {
        if (schema_find(now, r->known->fields[i].name) < 0)
            buf_addf(&names, "%s'%s'", names.len > 0 ? ", " : "", r->known->fields[i].name);
    }
    r->result.warning = arena_print(
        &r->arena, "the source has no column %s any more: the target keeps it, and new rows have NULL there", names.at);
    log_warn("columns.gone", KV("columns", names.at));
}

static RC bound_check_schema(struct route *r, struct error *err)
{
    AUTO_RELEASE(buf) diff = {0};
    enum schema_change change = r->known != NULL ? schema_diff(r->known, route_schema(r), &diff) : SCHEMA_SAME;
    r->schema_changes = change != SCHEMA_SAME ? arena_str(&r->arena, buf_str(&diff)) : NULL;
    if (change == SCHEMA_SHRANK)
        bound_tell_gone(r);
    if (change != SCHEMA_OTHER)
        return RC_OK;
    fail(err, RC_DATA, "the columns of '%s' in '%s' have changed since the last waybill:\n%s", r->table->name,
         r->source->name, diff.at);
    fail_id(err, "columns-changed");
    return fail_todo(
        err,
        "columns that were added, or have a wider type, are taken along by themselves. One that has another name keeps "
        "that of the target with columns: {NEW: {name: OLD}}. For anything else change the target table by hand, then: "
        "waybill sync pipeline %s --full-refresh",
        scope_flags(r->scope));
}

/* Digits may differ: a column's precision may have changed since. */
static bool is_of_form(const char *at, const struct form *form)
{
    struct form found;
    int64_t us;
    if (form->kind == FORM_EPOCH)
        return form_parse(form, at, &us);
    return form_of_text(at, &found) && found.kind == form->kind && found.separator == form->separator &&
           found.z == form->z;
}

/* The position in S is written in terms of one cursor and one key; S does not know which after it was rebuilt from T.
 */
static RC bound_check_shape(struct route *r, struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    const char *cursor = r->table->cursor >= 0 ? r->table->schema->fields[r->table->cursor].name : NULL;
    const struct position *pos = &s->extracted.pos;
    bool same = pos->shape == POSITION_NONE || r->increment == INCREMENT_FULL_SYNC ||
                (r->increment == INCREMENT_ID_ONLY) == (pos->shape == POSITION_AFTER);
    bool timed = increment_is_timed(r->increment);
    if (same && pos->shape != POSITION_NONE && timed && s->cursor != NULL)
        same = text_eq(s->cursor, cursor);
    if (same && pos->at != NULL && timed)
        same = is_of_form(pos->at, &r->table->form);
    if (pos->shape == POSITION_AT && pos->key_count > 0 && r->increment == INCREMENT_TIMESTAMP_ONLY)
        same = false; /* it ended inside a group of equal cursors, which only a key tells apart */
    if (pos->key_count > 0 && pos->key_count != r->table->key_count && r->increment != INCREMENT_FULL_SYNC)
        same = false;
    bool keyed = pos->key_count > 0 && s->key_count > 0 && r->increment != INCREMENT_FULL_SYNC;
    for (int i = 0; same && keyed && i < r->table->key_count; i++)
        same = s->key_count == r->table->key_count &&
               text_eq(s->key[i].column, r->table->schema->fields[r->table->key[i]].name);
    if (same)
        return RC_OK;
    AUTO_RELEASE(buf) at = {0};
    position_print(pos, &at);
    fail(err, RC_CONFIG,
         "'%s' stands at %s, which was written with another increment, cursor or key (cursor then: %s, now: %s)",
         scope_name(r->scope), at.at, s->cursor != NULL ? s->cursor : "none", cursor != NULL ? cursor : "none");
    fail_id(err, "mark-of-another-kind");
    return fail_todo(err, "put the configuration back, or read the table anew: waybill sync pipeline %s --full-refresh",
                     scope_flags(r->scope));
}

/* What orders rows stands in marks, in plain, so nothing may become of it; a full_sync is ordered by nothing. */
static RC bound_check_order(struct route *r, int column, const char *what, struct error *err)
{
    if (route_column(r, column) >= 0 || r->config->increment == INCREMENT_FULL_SYNC)
        return RC_OK;
    fail(err, RC_CONFIG, "column '%s' of '%s' is its %s, which stands in every mark: it is staged as it is",
         r->table->schema->fields[column].name, r->table->name, what);
    return fail_todo(err, "take another %s, or `increment: full_sync`, which needs none", what);
}

static RC bound_shape(struct route *r, struct error *err)
{
    const struct table_config *config = r->config;
    shaping_free(TAKE(r->shaping));
    TRY(shaping_new(r->table->name, r->table->schema, config->wishes, config->wish_count, &r->run->pipeline->hash_key,
                    &r->shaping, err));
    if (r->shaping != NULL && config->quarantine > 0)
        shaping_set_aside(r->shaping);
    TRY(mapping_check(r, err));
    for (int i = 0; i < r->table->key_count; i++)
        TRY(bound_check_order(r, r->table->key[i], "key", err));
    return r->table->cursor >= 0 ? bound_check_order(r, r->table->cursor, "cursor", err) : RC_OK;
}

/* Types of columns found in the last waybill stay as they are, as far as the source knows these columns. */
static RC bound_ask(struct route *r, struct table_request *request, struct error *err)
{
    AUTO(schema) *known = NULL;
    if (r->known != NULL)
        known = shaping_known(r->config->wishes, r->config->wish_count, r->known);
    request->known = known;
    TRY(source_describe(r->source, request, &r->table, err));
    return bound_shape(r, err);
}

/* Ranges of texts are the source's, under its collation; the target would have others. */
static RC bound_check_deletes(const struct route *r, struct error *err)
{
    const struct table_config *config = r->config;
    const struct table *table = r->table;
    bool by_key = r->mode == MODE_DELETE_INSERT && r->increment == INCREMENT_ID_ONLY && table->key_count == 1;
    if (by_key && table->schema->fields[table->key[0]].type == TYPE_UTF8) {
        fail(err, RC_CONFIG,
             "'mode: delete_insert' replaces ranges of '%s', and a range of texts is another one in the "
             "target",
             table->schema->fields[table->key[0]].name);
        return fail_todo(err, "set 'mode: merge' for the table '%s'", config->name);
    }
    if (config->delete_detection == DELETES_UNSEEN)
        return RC_OK;
    if (table->key_count == 0) {
        fail(err, RC_CONFIG, "rows of '%s' that are gone are told by their key, and it has none", table->name);
        return fail_todo(err, "name it: `key: id`, or remove 'delete_detection'");
    }
    if (config->soft_delete == NULL || schema_find(route_schema(r), config->soft_delete) < 0)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' has a column '%s' of its own, so that it cannot say which rows are gone", table->name,
         config->soft_delete);
    return fail_todo(err, "give 'soft_delete' another name");
}

RC bound_describe(struct route *r, struct error *err)
{
    struct table_request request = table_request_of(r->config);
    struct form form;
    const struct marks *s = scope_marks(r->scope);
    const char *name = s->extracted.id[0] != '\0' ? s->cursor_form : NULL; /* an empty table told nothing */
    TRY(bound_known_schema(r, err));
    if (name != NULL && !r->run->options.full_refresh && form_from_name(name, &form))
        request.known_form = &form;
    TRY(bound_ask(r, &request, err));
    if (r->increment == INCREMENT_ID_ONLY && r->table->key_count != 1) {
        fail(err, RC_CONFIG, "id_only needs a key of one column; '%s' has a key of %d", r->table->name,
             r->table->key_count);
        return fail_todo(err, "name it: `key: id`, or use `increment: hybrid` or `full_sync`");
    }
    if (r->increment == INCREMENT_HYBRID && (r->table->key_count == 0 || r->table->cursor < 0)) {
        fail(err, RC_CONFIG, "hybrid needs a cursor and a key; '%s' has %s", r->table->name,
             r->table->key_count == 0 ? "no key" : "no cursor");
        return fail_todo(err, "name them: `cursor: updated_at`, `key: id`, or use `increment: full_sync`");
    }
    if (r->increment == INCREMENT_TIMESTAMP_ONLY && r->table->cursor < 0)
        return fail(err, RC_CONFIG, "timestamp_only needs a cursor; '%s' has none", r->table->name);
    if (increment_is_timed(r->increment) && r->mode == MODE_MERGE && r->table->key_count == 0) {
        fail(err, RC_CONFIG, "rows of '%s' are merged by their key, and it has none", r->table->name);
        return fail_todo(err,
                         "name it: `key: id`; or, if its rows are never changed: `mode: append, insert_only: true`");
    }
    TRY(bound_check_deletes(r, err));
    if (increment_is_timed(r->increment) && !r->table->cursor_indexed && r->config->sql == NULL)
        r->result.warning = arena_print(&r->arena, "the cursor '%s' has no index: every page scans the table",
                                        r->table->schema->fields[r->table->cursor].name);
    TRY(bound_check_schema(r, err));
    return bound_check_shape(r, err);
}

/* Under the lease; a plan keeps nothing. */
static RC bound_accept_source(struct route *r, struct error *err)
{
    const struct error why = *err;
    if (!scope_is_mine(r->scope))
        return RC_OK;
    TRY(scope_keep_history(r->scope, HISTORY_ACCEPT_SOURCE, arena_print(&r->arena, "--accept-source: %s", why.text),
                           "sync", err));
    history_prune(r);
    return RC_OK;
}

/* Another server, or a clock that went back: rows may be missing, so a person decides. */
static RC bound_check_source(struct route *r, int64_t now_us, struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    const char *name = r->source->name;
    int64_t last_us;
    TRY(source_identity(r->source, &r->arena, &r->bound.source_id, err));
    if (s->source_id != NULL && strcmp(s->source_id, r->bound.source_id) != 0) {
        fail(err, RC_DATA, "'%s' is another server than the one '%s' was read from: %s, and was %s", name,
             scope_name(r->scope), r->bound.source_id, s->source_id);
    } else if (s->source_clock != NULL && stamp_parse(s->source_clock, &last_us) && now_us < last_us) {
        fail(err, RC_DATA, "the clock of '%s' has gone back: it says %s, and said %s at the last waybill of '%s'", name,
             r->bound.clock, s->source_clock, scope_name(r->scope));
    } else {
        return RC_OK;
    }
    if (r->run->options.accept_source)
        return bound_accept_source(r, err);
    fail_id(err, "another-source");
    return fail_todo(
        err,
        "make sure that it holds the same rows, then run once with --accept-source (or read all anew: --full-refresh)");
}

static RC bound_check_hidden(struct route *r, const struct open_transactions *open, struct error *err)
{
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
    TRY(source_now(source, &now_us, err));
    TRY(bound_check_hidden(r, &open, err));
    stamp_print(now_us, 6, r->bound.clock);
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
    return RC_OK;
}

static RC bound_by_time(struct route *r, struct error *err)
{
    struct source *source = r->source;
    struct open_transactions open = {0};
    int64_t now_us;
    TRY(source_now(source, &now_us, err));
    TRY(source_oldest_open(source, &open, err));
    TRY(bound_check_hidden(r, &open, err));
    stamp_print(now_us, 6, r->bound.clock);
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
    return RC_OK;
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
        r->result.warning = "an earlier run was not through: it is finished, and the table is not read once more";
    }
    /* after --full-refresh an id_only table goes on from its largest id */
    TRY(r->config->increment == INCREMENT_ID_ONLY ? bound_by_id(r, err) : bound_by_time(r, err));
    r->bound.taken = true;
    return RC_OK;
}

/* ---- per chunk: the range ---- */

/* delete_insert takes the target's rows of a range away where the source has none any more, too: of what is read again,
 * or lies behind a mark that a person has set back. Beyond any other mark the target has nothing. */
static bool bound_replaces(const struct route *r)
{
    return r->mode == MODE_DELETE_INSERT && (route_reads_aside(r) || r->was_set);
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
        range.kind = RANGE_ALL;
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
    if (!increment_is_timed(r->increment))
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
        if (chunk->range.kind == RANGE_ALL)
            return bound_whole_table(r, ret_more, err);
        if (is_empty && bound_replaces(r))
            return bound_empty(r, ret_more);
        if (is_empty && bound_is_through(r))
            return bound_end(r);
    }
    return bound_cut(r, ret_more, err);
}
