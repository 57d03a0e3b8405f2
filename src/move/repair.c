/* Repairs: what to do when S and T do not tell the same story. Never guessed: either it is plain, or a person decides.
 */
#include "base/log.h"
#include "move/arrows.h"
#include "move/history.h"
#include "state/keys.h"

void repair_advice(const struct route *r, struct error *err)
{
    fail_id(err, "broken-chain");
    fail_todo(err, "if '%s' is right as it is, go on from what it holds: waybill watermark restore --from-target %s",
              or_empty(r->config->target), scope_flags(r->scope));
}

static enum rc repair_refuse(const struct route *r, struct error *err)
{
    fail_id(err, "scope-and-target-differ");
    fail_todo(err,
              "if the target is right as it is, go on from what it holds: waybill watermark restore --from-target "
              "%s; "
              "if it is a new one on purpose: --accept-target",
              scope_flags(r->scope));
    return err->rc;
}

static RC repair_prefix_has_waybills(struct route *r, bool *ret, struct error *err)
{
    const char *after = NULL;
    *ret = false;
    do {
        struct object_list page;
        TRY(store_list(r->run->world.store, r->stage_prefix, after, &r->arena, &page, err));
        for (int i = 0; i < page.count && !*ret; i++) {
            size_t len = strlen(page.items[i].key), tail = strlen("/waybill.json");
            *ret = len > tail && strcmp(page.items[i].key + len - tail, "/waybill.json") == 0;
        }
        after = page.next;
    } while (after != NULL && !*ret);
    return RC_OK;
}

/* S is missing: a first run, or S was lost. */
static RC repair_look_without_scope(struct route *r, struct error *err)
{
    if (route_loads(r) && r->t.exists && r->t.waybill[0] != '\0') {
        fail(err, RC_DATA,
             "the scope document '%s' is missing, but the target '%s' says that waybill %s was loaded into '%s'",
             scope_key(r->scope), r->target->name, r->t.waybill, r->config->target);
        return repair_refuse(r, err);
    }
    bool found;
    TRY(repair_prefix_has_waybills(r, &found, err));
    if (!found)
        return RC_OK;
    fail(err, RC_DATA, "the scope document '%s' is missing, but waybills lie below '%s' in '%s'", scope_key(r->scope),
         r->stage_prefix, r->run->world.store->name);
    return repair_refuse(r, err);
}

/* A target that lost its position row may still hold the rows: with append they would come twice. */
static RC repair_accept_target(struct route *r, struct error *err)
{
    bool appends = r->config->mode == MODE_APPEND, empty = !r->t.exists || r->t.waybill[0] == '\0';
    if (!appends || !empty || r->run->options.allow_duplicates)
        return RC_OK;
    fail(err, RC_CONFIG,
         "'%s' is appended to, and its target '%s' has no position row: everything would be loaded again",
         scope_name(r->scope), r->target->name);
    return fail_todo(err, "empty the table '%s' first; then run once more with --accept-target --allow-duplicates",
                     r->config->target);
}

/* Before anything was loaded, an empty target is as good as any other. */
static bool repair_is_another_target(const struct route *r)
{
    const struct marks *s = scope_marks(r->scope);
    return r->t.exists && s->target_id != NULL && strcmp(r->t.target_id, s->target_id) != 0 &&
           (s->loaded.id[0] != '\0' || r->t.waybill[0] != '\0');
}

static RC repair_read_position(struct route *r, struct error *err)
{
    AUTO_RELEASE(turn) turn = route_target_turn(r);
    r->t = (struct target_position){0};
    return route_loads(r) ? route_position(r, &r->arena, &r->t, err) : RC_OK;
}

RC repair_look(struct route *r, struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    TRY(route_check_target(r, err));
    TRY(repair_read_position(r, err));
    if (route_loads(r) && r->run->options.accept_target)
        return repair_accept_target(r, err);
    if (!scope_exists(r->scope))
        return repair_look_without_scope(r, err);
    if (!route_loads(r))
        return RC_OK;
    const char *name = r->target->name;
    bool was_loaded = s->loaded.id[0] != '\0';
    if (repair_is_another_target(r)) {
        fail(err, RC_DATA, "'%s' is another target than the one '%s' was loaded into: its id is %s, and was %s", name,
             scope_name(r->scope), r->t.target_id, s->target_id);
    } else if (was_loaded && (!r->t.exists || r->t.waybill[0] == '\0')) {
        fail(err, RC_DATA, "'%s' was loaded up to waybill %s, but the target '%s' has no position row that says so",
             scope_name(r->scope), s->loaded.id, name);
    } else {
        return RC_OK;
    }
    return repair_refuse(r, err);
}

/* Where T's waybill lies: on S's chain, or, when S does not know it any more, found by its id below the prefix. NULL:
 * not there (then nothing before this point can be announced or loaded again). */
static RC repair_find_key(struct route *r, const char **ret, struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    struct waybill_ref from = {s->extracted.id[0] != '\0' ? s->extracted.id : NULL, s->extracted.key};
    struct chain chain = {0};
    *ret = NULL;
    if (r->t.waybill[0] == '\0')
        return RC_OK;
    enum rc rc = chain_walk(r->run->world.store, from, r->t.waybill, NULL, &r->arena, &chain, err);
    if (rc != RC_OK && rc != RC_DATA)
        return rc;
    *ret = chain.until_key;
    const char *tail = arena_print(&r->arena, "/wb=%s/waybill.json", r->t.waybill), *after = NULL;
    while (*ret == NULL) {
        struct object_list page;
        TRY(store_list(r->run->world.store, r->stage_prefix, after, &r->arena, &page, err));
        for (int i = 0; i < page.count; i++) {
            size_t len = strlen(page.items[i].key), tail_len = strlen(tail);
            if (len > tail_len && strcmp(page.items[i].key + len - tail_len, tail) == 0)
                *ret = page.items[i].key;
        }
        after = page.next;
        if (after == NULL)
            break;
    }
    return RC_OK;
}

RC repair_restart(struct route *r, struct position pos, const struct mark_ref *loaded, struct marks *marks,
                  struct error *err)
{
    const char *key;
    TRY(repair_find_key(r, &key, err));
    marks->epoch = (marks->epoch > r->t.epoch ? marks->epoch : r->t.epoch) + 1;
    marks->extracted = (struct mark_ref){.key = key, .pos = pos};
    memcpy(marks->extracted.id, r->t.waybill, UUID_TEXT);
    marks->in_flight = (struct in_flight){0};
    marks->loaded = loaded != NULL ? *loaded : (struct mark_ref){0};
    marks->ceiling = marks->ceiling_seen_at = NULL;
    marks->session = (struct counts){0};
    marks->target_id = r->t.exists ? r->t.target_id : NULL;
    return RC_OK;
}

static RC repair_restart_at_target(struct route *r, struct error *err)
{
    struct marks next = route_marks(r);
    struct position pos;
    TRY(position_parse(r->t.pos, scope_arena(r->scope), &pos, err));
    TRY(scope_keep_history(r->scope, HISTORY_ACCEPT_TARGET, "--accept-target", "sync", err));
    TRY(repair_restart(r, pos, NULL, &next, err));
    r->result.warning = "the target was accepted as it is: a new epoch continues at what it holds";
    TRY(scope_write(r->scope, &next, err));
    history_prune(r);
    return RC_OK;
}

/* T's waybill must be reached by prev from S.extracted; *ret_ok = false says in err why it is not. */
static RC repair_follow_chain(struct route *r, bool *ret_ok, struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    struct chain chain;
    struct waybill_ref from = {s->extracted.id[0] != '\0' ? s->extracted.id : NULL, s->extracted.key};
    const char *loaded = s->loaded.id[0] != '\0' ? s->loaded.id : NULL;
    *ret_ok = false;
    enum rc rc = chain_walk(r->run->world.store, from, r->t.waybill, loaded, &r->arena, &chain, err);
    if (rc != RC_OK)
        return rc == RC_DATA ? RC_OK : rc;
    *ret_ok = chain.complete;
    if (!chain.complete)
        fail(err, RC_DATA,
             "the target '%s' says that waybill %s was loaded last, but that is not on the chain of '%s' (newest: %s)",
             r->target->name, r->t.waybill[0] != '\0' ? r->t.waybill : "none", scope_name(r->scope),
             from.id != NULL ? from.id : "none");
    if (!chain.complete || !chain.passed)
        return RC_OK;
    r->result.warning = "the target stands at an earlier waybill than the one loaded last: it was restored from a "
                        "backup; loading again from there";
    log_warn("target.restored", KV("target_waybill", r->t.waybill), KV("loaded", loaded));
    return RC_OK;
}

RC repair_check_chain(struct route *r, struct error *err)
{
    bool ok;
    bool lost = scope_marks(r->scope)->loaded.id[0] != '\0' && r->t.waybill[0] == '\0';
    TRY(repair_follow_chain(r, &ok, err));
    if (r->run->options.accept_target && (!ok || lost || repair_is_another_target(r)))
        return repair_restart_at_target(r, err);
    return ok ? RC_OK : repair_refuse(r, err);
}

static RC repair_hold_now(struct route *r, struct error *err)
{
    struct run_world *world = &r->run->world;
    const struct target_table table = route_target_table(r, NULL);
    TRY(scope_read(r->scope, err));
    TRY(repair_read_position(r, err));
    TRY(scope_take(r->scope, NULL, r->t.token, err));
    if (world->heartbeat != NULL)
        heartbeat_add(world->heartbeat, r->scope);
    if (r->t.exists)
        TRY(target_fence(r->target, &table, scope_marks(r->scope)->token, &r->arena, &r->t, err));
    return RC_OK;
}

RC repair_hold(struct route *r, struct error *err) { return route_take(r, repair_hold_now, err); }

void repair_give(struct route *r)
{
    struct error ignored; /* a lease that cannot be given runs out */
    if (scope_is_mine(r->scope) && scope_give(r->scope, NULL, &ignored) != RC_OK)
        log_warn("lease.not_given", KV("why", ignored.text));
}
