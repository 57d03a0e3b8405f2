#include "move/look.h"

#include <strings.h>

#include "base/yaml.h"
#include "move/arrows.h"
#include "move/manner.h"
#include "state/keys.h"

/* ---- plan ---- */

static RC look_ddl(struct route *r, struct plan *plan, struct error *err)
{
    AUTO_RELEASE(buf) ddl = {0};
    struct waybill as_if = {.mode = mode_name(r->mode)};
    AUTO(schema) *schema = NULL;
    route_describe(r, &as_if);
    struct target_table table = route_target_table(r, &as_if);
    schema = manner_prepared_schema(table.schema, r->config->soft_delete);
    table.schema = schema;
    table.was_loaded = r->t.waybill[0] != '\0' && table.mode != MODE_REPLACE &&
                       scope_marks(r->scope)->extracted.pos.shape != POSITION_NONE && !r->run->options.accept_target;
    TRY(target_prepare(r->target, &table, true, &ddl, err));
    plan->ddl = arena_str(&r->arena, buf_str(&ddl));
    return RC_OK;
}

static RC look_waiting(struct route *r, const char *until, int64_t *ret, struct error *err)
{
    const struct mark_ref *newest = &scope_marks(r->scope)->extracted;
    struct waybill_ref from = {newest->id[0] != '\0' ? newest->id : NULL, newest->key};
    struct chain chain;
    TRY(chain_walk(r->run->world.store, from, until, NULL, &r->arena, &chain, err));
    *ret = chain.count;
    return RC_OK;
}

static bool reads(const struct route *r, enum aside_kind kind) { return r->bound.aside.kind == kind; }

/* What is read again, then the range that is new, then rows without a cursor; or a backfill. */
static RC look_range(struct route *r, struct plan *plan, struct error *err)
{
    bool more = false;
    TRY(bound_next(r, &more, err));
    if (more && reads(r, ASIDE_AGAIN)) {
        plan->again_from = r->bound.measured.lo.at;
        plan->again_rows = r->bound.facts.rows;
        r->lo = r->bound.aside.mark;
        TRY(bound_next(r, &more, err));
    }
    plan->is_backfill = reads(r, ASIDE_BACKFILL);
    plan->has_range = more && !reads(r, ASIDE_NULLS);
    plan->facts = r->bound.facts;
    if (!reads(r, ASIDE_NULLS)) {
        plan->range = r->bound.measured;
        return RC_OK;
    }
    r->lo = r->bound.aside.mark; /* nothing is new */
    plan->facts.rows = 0;
    return RC_OK;
}

/* A run would find out when it takes the second one. */
static RC look_names(struct route *r, struct error *err)
{
    const struct run *run = r->run;
    for (const struct route *other = run->routes; other < r && route_loads(r) && !r->config->shared; other++) {
        const char *a = other->config->target, *b = r->config->target;
        if ((r->target->ignores_case ? strcasecmp(a, b) : strcmp(a, b)) != 0)
            continue;
        fail(err, RC_CONFIG, "'%s' and '%s' would be loaded into one table of '%s', '%s'", other->config->name,
             r->config->name, r->target->name, b);
        return fail_todo(err, "give one of them another: tables: {%s: {target: ...}}",
                         yaml_name(&r->arena, r->config->name));
    }
    return RC_OK;
}

RC look_plan(struct route *r, struct plan *ret, struct error *err)
{
    struct plan plan = {.ddl = ""};
    TRY(look_names(r, err));
    TRY(scope_read(r->scope, err));
    TRY(repair_look(r, err));
    TRY(route_check_owner(r, err));
    TRY(gone_look(r, true, err));
    r->lo = scope_marks(r->scope)->extracted.pos;
    TRY(look_waiting(r, route_loads(r) ? r->t.waybill : scope_marks(r->scope)->loaded.id, &plan.waiting, err));
    if (route_extracts(r)) {
        TRY(bound_source(r, err));
        TRY(look_range(r, &plan, err));
        plan.table = r->table;
        if (route_loads(r))
            TRY(look_ddl(r, &plan, err));
    }
    *ret = plan;
    return RC_OK;
}

/* ---- status ---- */

/* A lease whose owner certainly died is the next run's to take. */
static bool look_is_running(struct route *r, const struct standing *standing)
{
    return standing->lease.held && !lease_owner_is_gone(&standing->lease, r->run->world.host);
}

static const char *look_result(struct route *r, const struct standing *standing)
{
    if (!standing->exists)
        return "never";
    if (standing->lease.held)
        return look_is_running(r, standing) ? "running" : "failed";
    bool failed =
        text_eq(standing->marks->mysql_status, "failed") || text_eq(standing->marks->redshift_status, "failed");
    return failed ? "failed" : "success";
}

static const char *look_next(struct route *r, const struct standing *standing)
{
    const char *flags = scope_flags(r->scope);
    if (look_is_running(r, standing))
        return arena_print(&r->arena, "waybill lease list -p %s", r->run->pipeline->name);
    if (standing->waiting > 0 && r->run->pipeline->target != NULL)
        return arena_print(&r->arena, "waybill sync pipeline %s --redshift-only", flags);
    return arena_print(&r->arena, "waybill sync pipeline %s", flags);
}

RC look_standing(struct route *r, struct standing *ret, struct error *err)
{
    struct clock *clock = r->run->world.clock;
    struct form form;
    int64_t us;
    TRY(scope_read(r->scope, err));
    const struct marks *s = scope_marks(r->scope);
    struct standing standing = {
        .exists = scope_exists(r->scope), .marks = s, .lease = scope_lease(r->scope), .lag_us = -1};
    if (standing.exists && r->run->pipeline->target != NULL)
        TRY(look_waiting(r, s->loaded.id, &standing.waiting, err));
    if (s->extracted.pos.at != NULL && s->cursor_form != NULL && form_from_name(s->cursor_form, &form) &&
        form_parse(&form, s->extracted.pos.at, &us))
        standing.lag_us = clock->now_us(clock) - (us - s->cursor_ahead_s * 1000000);
    standing.last_result = look_result(r, &standing);
    standing.next = look_next(r, &standing);
    *ret = standing;
    return RC_OK;
}

RC look_scopes(struct store *store, const char *pipeline, struct arena *arena, const char ***ret, int *ret_count,
               struct error *err)
{
    const char *prefix = key_scope_prefix(arena, pipeline), *after = NULL;
    const char **names = NULL;
    int count = 0;
    do {
        struct object_list page;
        TRY(store_list(store, prefix, after, arena, &page, err));
        const char **more = arena_take(arena, sizeof(char *) * (size_t)(count + page.count));
        if (count > 0)
            memcpy(more, names, sizeof(char *) * (size_t)count);
        names = more;
        for (int i = 0; i < page.count; i++) {
            const char *name = page.items[i].key + strlen(prefix);
            size_t len = strlen(name);
            if (len > 5 && strcmp(name + len - 5, ".json") == 0)
                names[count++] = key_segment_name(arena, (struct str){name, len - 5});
        }
        after = page.next;
    } while (after != NULL);
    *ret = names;
    *ret_count = count;
    return RC_OK;
}
