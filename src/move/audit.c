#include "move/audit.h"

#include <inttypes.h>

#include "base/log.h"
#include "move/arrows.h"

/* ---- what is compared ---- */

/* Rows that have changed since the load: behind where T stands, up to what no clock says today. false: nothing that was
 * loaded changes, or nobody could tell. */
static RC changed_range(struct route *r, const struct position *loaded, bool *ret_any, struct range *ret,
                        struct error *err)
{
    const int64_t year_us = INT64_C(366) * 86400 * 1000000;
    char ahead[CURSOR_TEXT];
    int64_t now_us;
    *ret_any = increment_is_timed(r->config->increment) && r->config->mode != MODE_APPEND;
    if (!*ret_any)
        return RC_OK;
    TRY(source_now(r->run->world.source, &now_us, err));
    form_print(&r->table->form, now_us + year_us, ahead);
    *ret = (struct range){.kind = r->config->increment == INCREMENT_TIMESTAMP_ONLY ? RANGE_TIME : RANGE_CURSOR,
                          .lo = {.shape = POSITION_AT, .at = loaded->at},
                          .hi = {.shape = POSITION_AT, .at = arena_text(&r->arena, ahead)}};
    if (loaded->shape == POSITION_AT)
        ret->lo = *loaded;
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
        ret->kind = r->config->increment == INCREMENT_TIMESTAMP_ONLY ? RANGE_TIME : RANGE_CURSOR;
    return RC_OK;
}

/* With `lookback` rows may still come that are stamped before T: the mark is what none comes below any more. */
static void audit_mark(struct route *r, struct position *loaded)
{
    char text[CURSOR_TEXT];
    int64_t us;
    if (r->config->lookback_ms == 0 || loaded->shape != POSITION_AT || !form_parse(&r->table->form, loaded->at, &us))
        return;
    form_print(&r->table->form, us - r->config->lookback_ms * 1000, text);
    *loaded = (struct position){.shape = POSITION_AT, .at = arena_text(&r->arena, text)};
}

/* ---- both sides ---- */

static struct target_table audit_target_table(struct route *r)
{
    struct target_table table = route_target_table(r, NULL);
    table.schema = route_schema(r);
    return table;
}

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

static RC audit_both(struct route *r, struct profile *source, struct profile *target, struct key_list *changed,
                     struct error *err)
{
    struct position loaded;
    struct range range, since = {0};
    bool any = false;
    char before[UUID_TEXT], after[UUID_TEXT];
    TRY(audit_loaded(r, &loaded, before, err));
    audit_mark(r, &loaded);
    TRY(loaded_range(r, &loaded, &range, err));
    TRY(changed_range(r, &loaded, &any, &since, err));
    TRY(source_profile(r->run->world.source, r->table, &range, any ? &since : NULL, source, changed, err));
    struct target_table table = audit_target_table(r);
    for (int i = 0; i < changed->columns && changed->count > 0; i++) /* by the names that they have in the target */
        changed->fields[i] = &route_schema(r)->fields[route_column(r, r->table->key[i])];
    TRY(target_profile(r->run->world.target, &table, changed, target, err));
    TRY(audit_loaded(r, &loaded, after, err));
    if (strcmp(before, after) == 0)
        return RC_OK;
    fail(err, RC_BUSY, "'%s' was loaded into while it was audited", r->config->target);
    return fail_todo(err, "audit it again when that run has ended");
}

RC audit_table(struct route *r, struct audit *ret, struct error *err)
{
    AUTO_RELEASE(profile) source = {0}, target = {0};
    AUTO_RELEASE(key_list) changed = {0};
    AUTO_RELEASE(buf) lines = {0};
    if (r->config->shared)
        return fail(err, RC_CONFIG, "'%s' is shared: which of its rows are this pipeline's, nobody can tell",
                    r->config->target);
    if (r->table == NULL)
        TRY(bound_describe(r, err));
    profile_init(&source, r->table->schema);
    profile_init(&target, route_schema(r));
    key_list_init(&changed, r->table->schema, r->table->key, r->table->key_count);
    if (audit_both(r, &source, &target, &changed, err) != RC_OK)
        return fail_in(err, "auditing '%s'", r->config->name);
    *ret = (struct audit){.source_rows = source.rows, .target_rows = target.rows, .changed = changed.count};
    int *places = arena_take(&r->arena, sizeof(*places) * (size_t)(r->table->schema->count + 1));
    for (int i = 0; i < r->table->schema->count; i++)
        places[i] = route_column(r, i);
    ret->differences = profile_compare(&source, &target, places, AUDIT_LINES_MAX, &lines);
    ret->text = arena_str(&r->arena, buf_str(&lines));
    log_info("audited", KV("source_rows", ret->source_rows), KV("target_rows", ret->target_rows),
             KV("changed", ret->changed), KV("differences", ret->differences));
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
         r->run->world.source->name, r->config->target, r->run->world.target->name, one_line(audit->text, &arena),
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
    return scope_keep_history(r->scope, arena_print(&r->arena, "audit accepted: %s (%s)", or_empty(reason), findings),
                              author, err);
}
