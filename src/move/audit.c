#include "move/audit.h"

#include <inttypes.h>

#include "base/log.h"
#include "move/arrows.h"
#include "move/history.h"

/* ---- what is compared ---- */

/* The source's rows that were loaded, and those of which that is not known: these are left out on both sides. */
struct compared {
    struct position loaded; /* up to here */
    struct count_request request;
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
    c->request.changed[c->request.changed_count++] = since;
    if (r->config->null_cursor == NULL_CURSOR_INCLUDE && r->table->schema->fields[r->table->cursor].nullable)
        c->request.changed[c->request.changed_count++] = (struct range){.kind = RANGE_NULL};
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
    struct profile source, target;
    struct profile loaded;    /* the target with the rows that were left out: what the stage is compared with */
    struct key_list left_out; /* rows that have changed since, and those set aside */
    int changed;              /* the former, which come first */
};

static void sides_init(struct sides *self, const struct route *r)
{
    *self = (struct sides){0};
    profile_init(&self->source, r->table->schema);
    profile_init(&self->target, route_schema(r));
    profile_init(&self->loaded, route_schema(r));
    key_list_init(&self->left_out, r->table->schema, r->table->key, r->table->key_count);
}

static void sides_release(struct sides *self)
{
    profile_release(&self->source);
    profile_release(&self->target);
    profile_release(&self->loaded);
    key_list_release(&self->left_out);
}

/* Now by the names that they have in the target. */
static void leave_out(struct route *r, struct sides *sides, const struct key_list *aside)
{
    struct key_list *keys = &sides->left_out;
    sides->changed = keys->count;
    for (int i = 0; i < aside->count * aside->columns; i++)
        key_list_add(keys, str(aside->texts[i]));
    for (int i = 0; i < keys->columns && keys->count > 0; i++)
        keys->fields[i] = &route_schema(r)->fields[route_column(r, r->table->key[i])];
}

/* What an audit is at, beside its result. */
struct auditing {
    struct route *r;
    char waybill[UUID_TEXT]; /* T's */
    struct audit_aside aside;
    struct buf lines;
};

static void auditing_release(struct auditing *self)
{
    audit_aside_release(&self->aside);
    buf_release(&self->lines);
}

static RC check_still(const struct auditing *self, const char *before, const char *after, struct error *err)
{
    if (strcmp(before, after) == 0)
        return RC_OK;
    fail(err, RC_BUSY, "'%s' was loaded into while it was audited", self->r->config->target);
    return fail_todo(err, "audit it again when that run has ended");
}

/* Source and target, while T stands where it is. */
static RC audit_ends(struct auditing *self, bool without_lookback, struct sides *sides, struct error *err)
{
    struct route *r = self->r;
    struct compared c = {.request.without = &self->aside.missing};
    const struct key_list nothing = {0};
    char before[UUID_TEXT], after[UUID_TEXT];
    TRY(audit_loaded(r, &c.loaded, before, err));
    if (without_lookback && c.loaded.at != NULL)
        step_back(r, &c.loaded);
    TRY(loaded_range(r, &c.loaded, &c.request.range, err));
    TRY(changed_ranges(r, &c, err));
    TRY(source_profile(r->source, r->table, &c.request, &sides->source, &sides->left_out, err));
    leave_out(r, sides, &self->aside.missing);
    struct target_table table = route_target_table(r, NULL);
    table.schema = route_schema(r);
    TRY(target_profile(r->target, &table, &sides->left_out, &sides->target, err));
    if (sides->left_out.count > 0)
        TRY(target_profile(r->target, &table, &nothing, &sides->loaded, err));
    TRY(audit_loaded(r, &c.loaded, after, err));
    TRY(check_still(self, before, after, err));
    if (self->aside.missing.count > 0) /* which are missing was told up to there */
        TRY(check_still(self, self->waybill, after, err));
    memcpy(self->waybill, after, UUID_TEXT);
    return RC_OK;
}

static const struct profile *loaded_side(const struct sides *sides)
{
    return sides->left_out.count > 0 ? &sides->loaded : &sides->target;
}

static RC compare_once(struct auditing *self, bool without_lookback, struct sides *sides, struct audit *ret,
                       struct error *err)
{
    struct route *r = self->r;
    const struct profile_side source = {"source", &sides->source}, target = {"target", &sides->target};
    int *places = arena_take(&r->arena, sizeof(*places) * (size_t)(r->table->schema->count + 1));
    sides_release(sides);
    sides_init(sides, r);
    buf_reset(&self->lines);
    TRY(audit_ends(self, without_lookback, sides, err));
    for (int i = 0; i < r->table->schema->count; i++)
        places[i] = route_column(r, i);
    ret->source_rows = sides->source.rows;
    ret->target_rows = sides->target.rows;
    ret->changed = sides->changed;
    ret->differences = profile_compare(&source, &target, places, AUDIT_LINES_MAX, &self->lines);
    return RC_OK;
}

/* Rows within the lookback are left out only where they would differ: there may be many, and mostly all are loaded. */
static RC compare_ends(struct auditing *self, struct sides *sides, struct audit *ret, struct error *err)
{
    TRY(compare_once(self, false, sides, ret, err));
    if (ret->differences == 0 || !looks_back(self->r))
        return RC_OK;
    enum rc rc = compare_once(self, true, sides, ret, err);
    if (rc != RC_BUSY)
        return rc;
    struct error why = *err;
    fail(err, RC_BUSY, "both sides differ, perhaps by rows within the lookback that came since the last run, and %s",
         why.text);
    return fail_todo(err, "run `waybill sync` first, and audit at once");
}

/* ---- rows that were set aside ---- */

static void say_aside(struct auditing *self, const struct audit *found)
{
    buf_addf(&self->lines, "%" PRId64 " row%s did not fit, and %s set aside by the waybills: %s\n",
             found->stage.quarantined, found->stage.quarantined == 1 ? "" : "s",
             found->stage.quarantined == 1 ? "was" : "were",
             self->aside.why_not != NULL ? self->aside.why_not : "staged since");
}

/* That they are missing is known, and nothing is wrong as long as nothing else differs. */
static RC compare_without_aside(struct auditing *self, struct sides *sides, struct audit *ret, struct error *err)
{
    if (ret->differences == 0 || ret->stage.quarantined == 0)
        return RC_OK;
    if (audit_aside_read(self->r, &ret->stage, &self->aside, err) != RC_OK)
        return fail_in(err, "in the stage");
    if (self->aside.missing.count == 0) {
        say_aside(self, ret);
        return RC_OK;
    }
    ret->aside = self->aside.missing.count;
    ret->aside_files = self->aside.files;
    ret->aside_file_count = self->aside.file_count;
    return compare_ends(self, sides, ret, err);
}

static void compare_stage(struct auditing *self, const struct sides *sides, const struct profile *staged,
                          struct audit *ret)
{
    const struct profile_side stage = {"stage", staged}, target = {"target", loaded_side(sides)};
    if (ret->stage.cover != STAGE_WHOLE)
        return;
    int left = ret->differences < AUDIT_LINES_MAX ? AUDIT_LINES_MAX - ret->differences : 0;
    int found = profile_compare(&stage, &target, NULL, left, &self->lines);
    if (ret->differences > 0 && found == 0)
        buf_addf(&self->lines, "stage and target agree\n");
    ret->differences += found;
}

static RC audit_compare(struct auditing *self, struct audit *ret, struct error *err)
{
    struct route *r = self->r;
    AUTO_RELEASE(sides) sides = {0};
    AUTO_RELEASE(profile) staged = {0};
    int64_t now_us;
    *ret = (struct audit){0};
    TRY(source_now(r->source, &now_us, err));
    TRY(bound_count_ahead(r, now_us, &ret->ahead, err));
    TRY(compare_ends(self, &sides, ret, err));
    profile_init(&staged, route_schema(r));
    if (audit_stage_read(r, self->waybill, loaded_side(&sides)->rows, &staged, &ret->stage, err) != RC_OK)
        return fail_in(err, "in the stage");
    staged.rows = ret->stage.rows;
    TRY(compare_without_aside(self, &sides, ret, err));
    compare_stage(self, &sides, &staged, ret);
    ret->text = arena_str(&r->arena, buf_str(&self->lines));
    return RC_OK;
}

/* A run that finds no row seals nothing, and makes no table: there is nothing to compare, and nothing is missing. */
static RC audit_nothing(struct route *r, bool *ret, struct error *err)
{
    const struct range all = {.kind = RANGE_ALL};
    struct target_position t;
    struct range_facts facts;
    *ret = false;
    TRY(route_position(r, &r->arena, &t, err));
    if (t.waybill[0] != '\0')
        return RC_OK;
    TRY(source_facts(r->source, r->table, &all, &facts, err));
    *ret = facts.rows == 0;
    return RC_OK;
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
    AUTO_RELEASE(auditing) self = {.r = r};
    bool is_nothing;
    if (audit_nothing(r, &is_nothing, err) != RC_OK)
        return fail_in(err, "auditing '%s'", r->config->name);
    if (is_nothing) {
        *ret = (struct audit){.is_nothing = true, .text = ""};
        return RC_OK;
    }
    if (audit_compare(&self, ret, err) != RC_OK)
        return fail_in(err, "auditing '%s'", r->config->name);
    log_info("audited", KV("source_rows", ret->source_rows), KV("stage_rows", ret->stage.rows),
             KV("target_rows", ret->target_rows), KV("changed", ret->changed), KV("aside", ret->aside),
             KV("ahead", ret->ahead), KV("differences", ret->differences));
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

enum { FILES_SHOWN = 3 };

const char *audit_aside_text(struct route *r, const struct audit *audit)
{
    AUTO_RELEASE(buf) text = {0};
    int shown = 0, files = 0;
    if (audit->aside == 0)
        return NULL;
    buf_addf(&text, "%" PRId64 " row%s not fit when %s read, and %s left out on both sides:", audit->aside,
             audit->aside == 1 ? " did" : "s did", audit->aside == 1 ? "it was" : "they were",
             audit->aside == 1 ? "is" : "are");
    for (int i = 0; i < audit->aside_file_count; i++) {
        if (audit->aside_files[i].rows == 0 || ++files > FILES_SHOWN)
            continue;
        buf_addf(&text, "%s %" PRId64 " in '%s'", shown++ > 0 ? "," : "", audit->aside_files[i].rows,
                 audit->aside_files[i].key);
    }
    if (files > shown)
        buf_addf(&text, ", and in %d more files", files - shown);
    buf_add_str(&text, S("; corrected in the source, a row comes with its next change, or by `waybill sync repair`"));
    return arena_str(&r->arena, buf_str(&text));
}

const char *audit_ahead_text(struct route *r, const struct audit *audit)
{
    return audit->ahead > 0 ? bound_ahead_text(r, audit->ahead) : NULL;
}

RC audit_accept(struct route *r, const struct audit *audit, const char *reason, const char *author, struct error *err)
{
    const char *findings = one_line(audit->text, &r->arena);
    TRY(scope_keep_history(r->scope, HISTORY_ACCEPT_AUDIT,
                           arena_print(&r->arena, "audit accepted: %s (%s)", or_empty(reason), findings), author, err));
    history_prune(r);
    return RC_OK;
}
