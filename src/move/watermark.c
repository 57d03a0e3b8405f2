#include "move/watermark.h"

#include "move/arrows.h"
#include "move/history.h"
#include "state/keys.h"

/* ---- what is asked ---- */

static RC watermark_position_of_time(struct route *r, const struct watermark_change *change, struct position *ret,
                                     struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    const struct position *was = &s->extracted.pos;
    struct position pos = {.shape = POSITION_AT};
    if (change->timestamp != NULL) {
        struct form form;
        int64_t us;
        char text[CURSOR_TEXT];
        if (s->cursor_form == NULL || !form_from_name(s->cursor_form, &form) || form.kind == FORM_NONE) {
            fail(err, RC_CONFIG, "'%s' has not been moved yet, so the form of its cursor is not known",
                 scope_name(r->scope));
            return fail_todo(err, "run it once with --max-chunks 1 --limit 1 --backup-only, then set the mark");
        }
        if (!stamp_parse(change->timestamp, &us)) {
            fail(err, RC_CONFIG, "'%s' is not a time", change->timestamp);
            return fail_todo(err, "write it as 'YYYY-MM-DD HH:MM:SS' (UTC)");
        }
        form_print(&form, us + s->cursor_ahead_s * 1000000, text);
        pos.at = arena_text(&r->arena, text);
    } else if (was->shape == POSITION_AT) {
        pos.at = was->at; /* setting the id does not blank the time */
    } else {
        fail(err, RC_CONFIG, "'%s' has no time yet that an id could refine", scope_name(r->scope));
        return fail_todo(err, "give --timestamp too");
    }
    if (change->id != NULL) {
        pos.key_count = 1;
        pos.key[0] = change->id;
    }
    *ret = pos;
    return RC_OK;
}

static RC watermark_asked(struct route *r, const struct watermark_change *change, struct position *ret,
                          struct error *err)
{
    int64_t number;
    const struct marks *s = scope_marks(r->scope);
    if (change->timestamp == NULL && change->id == NULL)
        return fail(err, RC_CONFIG, "watermark set needs --timestamp, --id or both");
    if (change->id != NULL && s->key_count > 1) {
        fail(err, RC_CONFIG, "the key of '%s' has %d columns; --id can only set one", scope_name(r->scope),
             s->key_count);
        return fail_todo(err, "give --timestamp only: rows of that very time are read again, and merged");
    }
    bool integer = s->key_count == 1 && text_eq(s->key[0].type, "l");
    if (change->id != NULL && integer && !str_to_int64(str(change->id), &number)) {
        fail(err, RC_CONFIG, "--id '%s' is not an integer, as the key '%s' of '%s' is", change->id, s->key[0].column,
             scope_name(r->scope));
        return fail_todo(err, "give the key of the last row that needs no reading any more");
    }
    if (r->config->increment == INCREMENT_TIMESTAMP_ONLY && change->id != NULL) {
        fail(err, RC_CONFIG, "'%s' moves by its cursor alone", scope_name(r->scope));
        return fail_todo(err, "give --timestamp only");
    }
    if (increment_is_timed(r->config->increment))
        return watermark_position_of_time(r, change, ret, err);
    if (r->config->increment == INCREMENT_FULL_SYNC || change->timestamp != NULL || change->id == NULL) {
        fail(err, RC_CONFIG, "'%s' moves by %s", scope_name(r->scope), increment_name(r->config->increment));
        return fail_todo(err, r->config->increment == INCREMENT_ID_ONLY
                                  ? "give --id only"
                                  : "a full_sync table is read anew at every run");
    }
    *ret = (struct position){.shape = POSITION_AFTER, .key_count = 1, .key = {change->id}};
    return RC_OK;
}

/* ---- the change ---- */

static RC watermark_check_append(const struct route *r, const struct watermark_change *change, struct error *err)
{
    if (r->config->mode != MODE_APPEND || change->allow_duplicates)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' is appended to: rows that are read again would come twice", scope_name(r->scope));
    return fail_todo(err, "if that is what you want: --allow-duplicates");
}

/* The lease is held and T is fenced. */
static RC watermark_write(struct route *r, struct position pos, bool keep_loaded, const struct watermark_change *change,
                          struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    struct marks next = *s;
    TRY(scope_keep_history(r->scope, change->name, change->reason, change->author, err));
    struct mark_ref loaded = s->loaded;
    TRY(repair_restart(r, pos, keep_loaded ? &loaded : NULL, &next, err));
    TRY(scope_give(r->scope, &next, err));
    history_prune(r);
    return RC_OK;
}

static RC watermark_must_exist(const struct route *r, struct error *err)
{
    if (scope_exists(r->scope))
        return RC_OK;
    fail(err, RC_NOT_FOUND, "'%s' has no scope document ('%s')", scope_name(r->scope), scope_key(r->scope));
    return fail_todo(err, "nothing was moved yet; or, if it was lost: waybill watermark restore --from-target %s",
                     scope_flags(r->scope));
}

/* S.loaded stays when T is further along the same chain; else everything known is announced again. */
static RC watermark_loaded_stays(struct route *r, bool *ret, struct error *err)
{
    const struct mark_ref *loaded = &scope_marks(r->scope)->loaded, *extracted = &scope_marks(r->scope)->extracted;
    struct waybill_ref from = {extracted->id[0] != '\0' ? extracted->id : NULL, extracted->key};
    struct chain chain;
    enum rc rc = chain_walk(r->run->world.store, from, r->t.waybill, loaded->id[0] != '\0' ? loaded->id : NULL,
                            &r->arena, &chain, err);
    if (rc != RC_OK && rc != RC_DATA)
        return rc;
    *ret = rc == RC_OK && chain.complete && !chain.passed;
    return RC_OK;
}

static RC watermark_change_to(struct route *r, struct position pos, const struct watermark_change *change,
                              struct error *err)
{
    bool keep = false;
    enum rc rc = watermark_loaded_stays(r, &keep, err);
    if (rc == RC_OK)
        rc = watermark_write(r, pos, keep, change, err);
    repair_give(r);
    return rc;
}

RC watermark_set(struct run *run, const struct watermark_change *change, struct error *err)
{
    struct route *r = &run->routes[0];
    struct position pos;
    TRY(scope_read(r->scope, err));
    TRY(watermark_must_exist(r, err));
    TRY(watermark_check_append(r, change, err));
    TRY(watermark_asked(r, change, &pos, err));
    TRY(repair_hold(r, err));
    return watermark_change_to(r, pos, change, err);
}

RC watermark_reset(struct run *run, const struct watermark_change *change, struct error *err)
{
    struct route *r = &run->routes[0];
    TRY(scope_read(r->scope, err));
    TRY(watermark_must_exist(r, err));
    TRY(watermark_check_append(r, change, err));
    TRY(repair_hold(r, err));
    return watermark_change_to(r, (struct position){0}, change, err);
}

static RC watermark_restore_from_target(struct route *r, const struct watermark_change *change, struct error *err)
{
    struct position pos;
    if (!route_loads(r)) {
        fail(err, RC_CONFIG, "the pipeline '%s' has no target to restore from", r->run->pipeline->name);
        return fail_todo(err, "name an entry of the history: waybill watermark history %s", scope_flags(r->scope));
    }
    TRY(repair_hold(r, err));
    enum rc rc = r->t.waybill[0] == '\0' ? watermark_check_append(r, change, err) : RC_OK;
    if (rc == RC_OK)
        rc = position_parse(r->t.pos, scope_arena(r->scope), &pos, err);
    if (rc == RC_OK)
        rc = watermark_write(r, pos, false, change, err);
    repair_give(r);
    return rc;
}

RC watermark_restore(struct run *run, const struct watermark_change *change, struct error *err)
{
    struct route *r = &run->routes[0];
    struct history_entry entry;
    if (change->from_target)
        return watermark_restore_from_target(r, change, err);
    TRY(watermark_check_append(r, change, err));
    TRY(history_find(r, change->entry, &entry, err));
    TRY(repair_hold(r, err));
    return watermark_change_to(r, entry.pos, change, err);
}
