#include "move/audit.h"

#include <inttypes.h>

#include "base/log.h"
#include "move/arrows.h"
#include "move/history.h"

/* ---- what is compared ---- */

/* The source's rows that were loaded, and those of which that is not known: these are left out on both sides. */
struct compared {
    struct position loaded; /* up to here */
    struct range range, changed[2];
    int changed_count;
};

/* Rows that have changed since the load: behind where T stands, up to what no clock says today; and all that have no
 * cursor to tell. None where nothing that was loaded changes, or nobody could tell. */
static RC changed_ranges(struct route *r, struct compared *c, struct error *err)
{
    const int64_t year_us = INT64_C(366) * 86400 * 1000000;
    char ahead[CURSOR_TEXT];
    int64_t now_us;
    if (!increment_is_timed(r->config->increment) || r->config->mode == MODE_APPEND)
        return RC_OK;
    TRY(source_now(r->source, &now_us, err));
    form_print(&r->table->form, now_us + year_us, ahead);
    struct range since = {.kind = route_range_kind(r),
                          .lo = {.shape = POSITION_AT, .at = c->loaded.at},
                          .hi = {.shape = POSITION_AT, .at = arena_text(&r->arena, ahead)}};
    if (c->loaded.shape == POSITION_AT)
        since.lo = c->loaded;
    c->changed[c->changed_count++] = since;
    if (r->config->null_cursor == NULL_CURSOR_INCLUDE && r->table->schema->fields[r->table->cursor].nullable)
        c->changed[c->changed_count++] = (struct range){.kind = RANGE_NULL};
    return RC_OK;
}

static RC loaded_range(struct route *r, const struct position *loaded, struct range *ret, struct error *err)
{
    *ret = (struct range){.kind = RANGE_ALL};
    if (r->config->increment == INCREMENT_FULL_SYNC)
        return RC_OK;
    if (loaded->shape == POSITION_NONE) {
        fail(err, RC_NOT_FOUND, "nothing of '%s' was loaded yet", scope_name(r->scope));
        return fail_todo(err, "waybill sync pipeline %s", scope_flags(r->scope));
    }
    ret->hi = *loaded;
    if (!increment_is_timed(r->config->increment))
        ret->kind = RANGE_KEY;
    else if (loaded->shape == POSITION_WALK)
        ret->kind = RANGE_WALK;
    else
        ret->kind = route_range_kind(r);
    return RC_OK;
}

/* With `lookback` rows may still come that are stamped before T: so far before it none comes any more. */
static void step_back(struct route *r, struct position *loaded)
{
    char text[CURSOR_TEXT];
    int64_t us;
    if (!form_parse(&r->table->form, loaded->at, &us))
        return;
    form_print(&r->table->form, us - r->config->lookback_ms * 1000, text);
    loaded->at = arena_text(&r->arena, text);
    if (loaded->shape == POSITION_AT)
        loaded->key_count = 0;
}

static bool looks_back(const struct route *r)
{
    return r->config->lookback_ms > 0 && increment_is_timed(r->config->increment);
}

/* ---- both sides ---- */

static RC audit_loaded(struct route *r, struct position *ret, char ret_waybill[UUID_TEXT], struct error *err)
{
    struct target_position t;
    TRY(route_position(r, &r->arena, &t, err));
    memcpy(ret_waybill, t.waybill, UUID_TEXT);
    *ret = (struct position){0};
    if (t.pos != NULL && t.pos[0] != '\0')
        TRY(position_parse(t.pos, &r->arena, ret, err));
    if (t.waybill[0] != '\0')
        return RC_OK;
    fail(err, RC_NOT_FOUND, "nothing of '%s' was loaded yet", scope_name(r->scope));
    return fail_todo(err, "waybill sync pipeline %s", scope_flags(r->scope));
}

struct sides {
    struct profile source, target, stage;
    struct profile loaded; /* the target with the rows that were left out: what the stage is compared with */
    struct key_list changed;
};

static void sides_init(struct sides *self, const struct route *r)
{
    profile_init(&self->source, r->table->schema);
    profile_init(&self->target, route_schema(r));
    profile_init(&self->loaded, route_schema(r));
    profile_init(&self->stage, route_schema(r));
    key_list_init(&self->changed, r->table->schema, r->table->key, r->table->key_count);
}

static void sides_release(struct sides *self)
{
    profile_release(&self->source);
    profile_release(&self->target);
    profile_release(&self->loaded);
    profile_release(&self->stage);
    key_list_release(&self->changed);
}

/* Source and target, while T stands where it is. */
static RC audit_ends(struct route *r, bool without_lookback, struct sides *sides, char ret_waybill[UUID_TEXT],
                     struct error *err)
{
    struct compared c = {0};
    const struct key_list nothing = {0};
    struct key_list *changed = &sides->changed;
    char after[UUID_TEXT];
    TRY(audit_loaded(r, &c.loaded, ret_waybill, err));
    if (without_lookback && c.loaded.at != NULL)
        step_back(r, &c.loaded);
    TRY(loaded_range(r, &c.loaded, &c.range, err));
    TRY(changed_ranges(r, &c, err));
    TRY(source_profile(r->source, r->table, &c.range, c.changed, c.changed_count, &sides->source, changed, err));
    struct target_table table = route_target_table(r, NULL);
    table.schema = route_schema(r);
    for (int i = 0; i < changed->columns && changed->count > 0; i++) /* by the names that they have in the target */
        changed->fields[i] = &route_schema(r)->fields[route_column(r, r->table->key[i])];
    TRY(target_profile(r->target, &table, changed, &sides->target, err));
    if (changed->count > 0)
        TRY(target_profile(r->target, &table, &nothing, &sides->loaded, err));
    TRY(audit_loaded(r, &c.loaded, after, err));
    if (strcmp(ret_waybill, after) == 0)
        return RC_OK;
    fail(err, RC_BUSY, "'%s' was loaded into while it was audited", r->config->target);
    return fail_todo(err, "audit it again when that run has ended");
}

static const struct profile *loaded_side(const struct sides *sides)
{
    return sides->changed.count > 0 ? &sides->loaded : &sides->target;
}

static void compare_ends(struct route *r, const struct sides *sides, struct audit *ret, struct buf *lines)
{
    const struct profile_side source = {"source", &sides->source}, target = {"target", &sides->target};
    int *places = arena_take(&r->arena, sizeof(*places) * (size_t)(r->table->schema->count + 1));
    for (int i = 0; i < r->table->schema->count; i++)
        places[i] = route_column(r, i);
    *ret = (struct audit){
        .source_rows = sides->source.rows, .target_rows = sides->target.rows, .changed = sides->changed.count};
    ret->differences = profile_compare(&source, &target, places, AUDIT_LINES_MAX, lines);
}

static RC compare_stage(struct route *r, const char *waybill, struct sides *sides, struct audit *ret, struct buf *lines,
                        struct error *err)
{
    const struct profile_side stage = {"stage", &sides->stage}, target = {"target", loaded_side(sides)};
    if (audit_stage_read(r, waybill, target.profile->rows, &sides->stage, &ret->stage, err) != RC_OK)
        return fail_in(err, "in the stage");
    sides->stage.rows = ret->stage.rows;
    if (ret->differences > 0 && ret->stage.quarantined > 0)
        buf_addf(lines, "%" PRId64 " rows did not fit, and were set aside by the waybills\n", ret->stage.quarantined);
    if (ret->stage.cover != STAGE_WHOLE)
        return RC_OK;
    int left = ret->differences < AUDIT_LINES_MAX ? AUDIT_LINES_MAX - ret->differences : 0;
    int found = profile_compare(&stage, &target, NULL, left, lines);
    if (ret->differences > 0 && found == 0)
        buf_addf(lines, "stage and target agree\n");
    ret->differences += found;
    return RC_OK;
}

static RC audit_compare(struct route *r, bool without_lookback, struct audit *ret, struct error *err)
{
    AUTO_RELEASE(sides) sides = {0};
    AUTO_RELEASE(buf) lines = {0};
    char waybill[UUID_TEXT];
    sides_init(&sides, r);
    TRY(audit_ends(r, without_lookback, &sides, waybill, err));
    compare_ends(r, &sides, ret, &lines);
    if (ret->differences > 0 && looks_back(r) && !without_lookback)
        return RC_OK; /* asked for once more */
    TRY(compare_stage(r, waybill, &sides, ret, &lines, err));
    ret->text = arena_str(&r->arena, buf_str(&lines));
    return RC_OK;
}

/* Rows within the lookback are left out only where they would differ: there may be many, and mostly all are loaded. */
static RC audit_beyond_lookback(struct route *r, struct audit *ret, struct error *err)
{
    if (ret->differences == 0 || !looks_back(r))
        return RC_OK;
    enum rc rc = audit_compare(r, true, ret, err);
    if (rc != RC_BUSY)
        return rc;
    struct error why = *err;
    fail(err, RC_BUSY, "both sides differ, perhaps by rows within the lookback that came since the last run, and %s",
         why.text);
    return fail_todo(err, "run `waybill sync` first, and audit at once");
}

RC audit_table(struct route *r, struct audit *ret, struct error *err)
{
    if (r->config->shared)
        return fail(err, RC_CONFIG, "'%s' is shared: which of its rows are this pipeline's, nobody can tell",
                    r->config->target);
    if (r->config->increment == INCREMENT_FULL_SYNC && r->config->mode == MODE_APPEND)
        return fail(err, RC_CONFIG, "each run adds all of '%s' to '%s' (full_sync, append), which so is no copy of it",
                    r->config->name, r->config->target);
    if (r->table == NULL)
        TRY(bound_describe(r, err));
    if (audit_compare(r, false, ret, err) != RC_OK || audit_beyond_lookback(r, ret, err) != RC_OK)
        return fail_in(err, "auditing '%s'", r->config->name);
    log_info("audited", KV("source_rows", ret->source_rows), KV("stage_rows", ret->stage.rows),
             KV("target_rows", ret->target_rows), KV("changed", ret->changed), KV("differences", ret->differences));
    return RC_OK;
}

/* "a\nb\n" as "a; b". */
static const char *one_line(const char *lines, struct arena *arena)
{
    AUTO_RELEASE(buf) text = {0};
    for (const char *at = lines; *at != '\0'; at++) {
        if (*at != '\n')
            buf_add(&text, at, 1);
        else if (at[1] != '\0')
            buf_add_str(&text, S("; "));
    }
    return arena_str(arena, buf_str(&text));
}

RC audit_judge(const struct route *r, const struct audit *audit, struct error *err)
{
    struct arena arena = {0};
    if (audit->differences == 0)
        return RC_OK;
    fail(err, RC_DATA, "audit: '%s' of '%s' and '%s' of '%s' do not hold the same: %s%s", r->config->name,
         r->source->name, r->config->target, r->target->name, one_line(audit->text, &arena),
         audit->differences > AUDIT_LINES_MAX ? "; and more" : "");
    arena_release(&arena);
    return fail_todo(err,
                     "if that is known (rows deleted in the source stay in the target): waybill audit %s --accept "
                     "--reason WHY; to load everything anew: waybill sync pipeline %s --full-refresh",
                     scope_flags(r->scope), scope_flags(r->scope));
}

RC audit_accept(struct route *r, const struct audit *audit, const char *reason, const char *author, struct error *err)
{
    const char *findings = one_line(audit->text, &r->arena);
    TRY(scope_keep_history(r->scope, HISTORY_ACCEPT_AUDIT,
                           arena_print(&r->arena, "audit accepted: %s (%s)", or_empty(reason), findings), author, err));
    history_prune(r);
    return RC_OK;
}
