/* What was loaded and is in the target no more, by somebody's hand: no range brings it again, and every run would be
 * green. A load meets a table that is gone by itself; a run that has nothing to load has to look. */
#include "base/log.h"
#include "move/arrows.h"
#include "move/manner.h"

/* It goes on from where T stands, and nothing waits that would fill a table made anew. */
static bool gone_matters(const struct route *r)
{
    const struct mark_ref *newest = &scope_marks(r->scope)->extracted;
    return route_loads(r) && r->t.waybill[0] != '\0' && text_eq(newest->id, r->t.waybill) &&
           r->increment != INCREMENT_FULL_SYNC && newest->pos.shape != POSITION_NONE;
}

/* ---- a table that is gone ---- */

/* By a person's word it begins with what is new: made now, so that the next run need not be told again. */
static RC gone_make(struct route *r, struct error *err)
{
    const struct mark_ref *newest = &scope_marks(r->scope)->extracted;
    AUTO_RELEASE(buf) ddl = {0};
    struct waybill waybill = {0};
    struct manner manner = {0};
    enum waybill_state state = WAYBILL_MISSING;
    if (newest->key != NULL)
        TRY(waybill_read(r->run->world.store, newest->key, newest->id, &r->arena, &state, &waybill, err));
    if (state != WAYBILL_SEALED)
        return RC_OK; /* nothing tells its columns any more: the next load makes it */
    enum rc rc = manner_init(&manner, r, &waybill, err);
    if (rc == RC_OK)
        rc = manner_prepare(&manner, r, &waybill, &ddl, err);
    manner_release(&manner);
    waybill_release(&waybill);
    if (rc == RC_OK && ddl.len > 0)
        log_info("target.prepared", KV("statements", ddl.at));
    return rc;
}

static RC gone_accept(struct route *r, bool dry, struct error *err)
{
    route_warn(r, arena_print(&r->arena, "the table '%s' was gone, and is made anew: it has what comes from now on",
                              r->config->target));
    return dry ? RC_OK : gone_make(r, err);
}

/* ---- one that was emptied ---- */

/* A table to which rows are only added may be somebody's staging table, who takes them out again. One that takes the
 * source's deletes may be empty by right. */
static bool gone_asks_rows(const struct target_table *table)
{
    return (table->mode == MODE_MERGE || table->mode == MODE_DELETE_INSERT) && !table->deletes.is_wanted;
}

RC gone_is_emptied(struct route *r, const struct target_table *table, bool *ret, struct error *err)
{
    bool has_rows = true;
    *ret = false;
    if (!gone_asks_rows(table))
        return RC_OK;
    enum rc rc = target_has_rows(r->target, table, &has_rows, err);
    if (rc == RC_BUSY || rc == RC_AGAIN || rc == RC_DENIED) {
        log_info("target.not_looked_into", KV("target", table->name), KV("why", err->text));
        return RC_OK;
    }
    TRY(rc);
    *ret = !has_rows;
    return RC_OK;
}

void gone_tell_emptied(struct route *r)
{
    route_warn(r,
               arena_print(&r->arena,
                           "the table '%s' was found empty, though rows were loaded into it: whoever emptied it gets "
                           "only what is new; to have all of them again: waybill watermark reset %s",
                           r->config->target, scope_flags(r->scope)));
    log_warn("target.emptied", KV("target", r->config->target));
}

/* ---- both ---- */

RC gone_look(struct route *r, bool dry, struct error *err)
{
    bool is_there = false, is_emptied = false;
    if (!gone_matters(r))
        return RC_OK;
    AUTO_RELEASE(turn) turn = route_target_turn(r);
    struct target_table table = route_target_table(r, NULL);
    TRY(target_is_there(r->target, &table, &is_there, err));
    table.was_loaded = !r->run->options.accept_target;
    if (!is_there && table.was_loaded)
        return target_check_may_be_made(&table, err);
    if (!is_there)
        return gone_accept(r, dry, err);
    r->is_looked_into = true;
    if (!table.was_loaded || scope_marks(r->scope)->total.rows == 0)
        return RC_OK;
    TRY(gone_is_emptied(r, &table, &is_emptied, err));
    if (is_emptied)
        gone_tell_emptied(r);
    return RC_OK;
}
