/* The spine (docs/protocol.md): one range, exactly once. A scope has three kinds of state and no other: S, the scope
 * document; W, its waybills; T, the position row in the target. Every arrow is a point where the process may die; the
 * next run starts at `take` and converges. Read this file from top to bottom. */
#include "move/spine.h"

#include "base/log.h"
#include "io/opening.h"
#include "move/arrows.h"
#include "move/keys.h"
#include "move/mend.h"
#include "state/keys.h"
#include "store/probe.h"

/* T's row where there is none; its token waits for a load still under way, and stops every older one. */
static RC spine_fence(struct route *r, struct error *err)
{
    const struct run_world *world = &r->run->world;
    AUTO_RELEASE(turn) turn = route_target_turn(r);
    char new_id[UUID_TEXT]; /* of a target that has no row for this scope yet */
    uuid7(world->clock, world->random, new_id);
    struct target_table table = route_target_table(r, NULL);
    TRY(target_create_position(r->target, &table, new_id, err));
    return target_fence(r->target, &table, scope_marks(r->scope)->token, &r->arena, &r->t, err);
}

static RC spine_take_now(struct route *r, struct error *err)
{
    struct run_world *world = &r->run->world;
    TRY(scope_read(r->scope, err));
    TRY(repair_look(r, err));
    if (!r->t.exists)
        TRY(route_check_owner(r, err)); /* nor does one that is another pipeline's */
    if (!scope_exists(r->scope) && route_extracts(r))
        TRY(bound_describe(r, err)); /* a table that is not there leaves no scope document behind */
    if (!scope_exists(r->scope))
        TRY(store_probe(world->store, world->clock, world->random, err));
    TRY(scope_take(r->scope, NULL, r->t.token, err));
    if (world->heartbeat != NULL)
        heartbeat_add(world->heartbeat, r->scope);
    if (!route_loads(r))
        return RC_OK;
    TRY(spine_fence(r, err));
    TRY(repair_check_chain(r, err));
    return gone_look(r, false, err);
}

/* CAS S{lease, token = max(S, T) + 1}; then fence T: that waits for a load still under way, stops every older one, and
 * tells where T is. With --wait all of it again, once another run has given the lease. */
static RC spine_take(struct route *r, struct error *err) { return route_take(r, spine_take_now, err); }

static RC spine_mark_sealed(struct route *r, const struct waybill *waybill, const char *key, struct error *err);

/* S.in_flight left by an earlier run. Its tombstone loses: it was sealed, finish its seal. It wins: nobody can seal it
 * any more, so its files go. */
static RC spine_adopt(struct route *r, struct error *err)
{
    struct in_flight left = scope_marks(r->scope)->in_flight;
    if (left.id[0] == '\0')
        return RC_OK;
    struct settling with = run_settling(r->run);
    bool sealed = false;
    TRY(waybill_abandon(&with, left.key, left.id, r->run->run_id, scope_marks(r->scope)->token, &sealed, err));
    log_info("adopted", KV("waybill", left.id), KV("was", sealed ? "sealed" : "unfinished"));
    if (sealed) {
        struct waybill waybill = {0};
        enum waybill_state state;
        TRY(waybill_read(r->run->world.store, left.key, left.id, &r->arena, &state, &waybill, err));
        enum rc rc = spine_mark_sealed(r, &waybill, left.key, err);
        waybill_release(&waybill);
        return rc;
    }
    TRY(extract_discard(r, left.key, err));
    struct marks next = route_marks(r);
    next.in_flight = (struct in_flight){0};
    return scope_write(r->scope, &next, err);
}

/* The source's clock, THEN its oldest open transaction, THEN rows; hi = min(asked, clock - lag, oldest open). The
 * chunk's last row is found by a boundary query now, never by un-writing later. Behind all rows come the keys. */
static RC spine_bound(struct route *r, bool *ret_more, struct error *err)
{
    if (!r->bound.taken)
        TRY(bound_source(r, err));
    if (r->run->options.repair != NULL)
        return mend_bound(r, ret_more, err);
    TRY(bound_next(r, ret_more, err));
    return *ret_more ? bound_keep_row(r, err) : keys_bound(r, ret_more, err);
}

/* CAS S{in_flight{id, key, lo, hi}}, before the first byte is uploaded. */
static RC spine_begin(struct route *r, struct error *err)
{
    struct run_world *world = &r->run->world;
    uuid7(world->clock, world->random, r->chunk.id);
    r->chunk.key = key_waybill(&r->arena, r->stage_prefix, world->clock->now_us(world->clock), r->chunk.id);
    struct marks next = route_marks(r);
    next.in_flight = (struct in_flight){.key = r->chunk.key, .lo = r->chunk.range.lo, .hi = r->bound.hi};
    memcpy(next.in_flight.id, r->chunk.id, UUID_TEXT);
    next.mysql_status = "in_progress";
    if (r->run->options.full_refresh) /* a person's word: what follows is a new reading of the source */
        next.epoch = (next.epoch > r->t.epoch ? next.epoch : r->t.epoch) + 1;
    return scope_write(r->scope, &next, err);
}

/* Rows of the range -> batches -> Parquet row groups -> upload; each file's size and checksum confirmed by the store.
 */
static RC spine_extract(struct route *r, struct error *err) { return extract_chunk(r, err); }

/* CAS S{extracted{id, pos_after}, in_flight = none}. */
static RC spine_mark_sealed(struct route *r, const struct waybill *waybill, const char *key, struct error *err)
{
    struct marks next = route_marks(r);
    char now[STAMP_TEXT];
    stamp_print(r->run->world.clock->now_us(r->run->world.clock), 0, now);
    next.in_flight = (struct in_flight){0};
    next.extracted = (struct mark_ref){.key = key, .pos = waybill->pos_after};
    snprintf(next.extracted.id, sizeof(next.extracted.id), "%s", waybill->id);
    next.source_clock = waybill->source_clock;
    next.source_place = waybill->source_place;
    next.source_ahead_ms = waybill->source_ahead_ms;
    if (waybill->source_row != NULL)
        next.source_row = waybill->source_row;
    next.last_mysql_extraction_time = arena_text(scope_arena(r->scope), now);
    next.mysql_status = "success";
    next.redshift_status = "pending";
    if (waybill->max_cursor != NULL && !position_equal(&waybill->pos_after, &scope_marks(r->scope)->extracted.pos))
        next.last_mysql_data_timestamp = waybill->max_cursor;
    if (!waybill_is_keys(waybill)) {
        next.session.rows += waybill->rows;
        next.session.files += waybill->file_count;
        next.total.rows += waybill->rows;
        next.total.files += waybill->file_count;
    }
    next.mysql_rows_extracted = next.session.rows;
    next.s3_file_count = next.session.files;
    return scope_write(r->scope, &next, err);
}

/* PUT waybill.json If-None-Match (a tombstone there: stop); then the mark. A range whose rows moved away meanwhile
 * makes no waybill, unless that is what the target has to hear. */
static RC spine_seal(struct route *r, struct error *err)
{
    r->lo = r->chunk.pos_after;
    const struct waybill *w = &r->chunk.waybill;
    bool is_told = r->chunk.is_keys || w->gone_count > 0 || w->quarantined > 0 || r->mode == MODE_DELETE_INSERT;
    if (w->rows == 0 && r->increment != INCREMENT_FULL_SYNC && !is_told) {
        struct marks next = route_marks(r);
        next.in_flight = (struct in_flight){0};
        return scope_write(r->scope, &next, err);
    }
    struct settling with = run_settling(r->run);
    TRY(scope_guard(r->scope, err));
    TRY(waybill_seal(&with, r->chunk.key, &r->chunk.waybill, err));
    TRY(spine_mark_sealed(r, &r->chunk.waybill, r->chunk.key, err));
    r->result.waybills++;
    r->result.rows_set_aside += w->quarantined;
    return RC_OK;
}

/* From T.waybill (exclusive) to S.extracted, oldest first, ONE target transaction each: by a loader, which follows the
 * chain while the next chunks are sealed. */
static RC spine_load(struct route *r, struct error *err) { return route_loads(r) ? load_follow(r, err) : RC_OK; }

/* When all scopes of the run are through: receipts, JSON output, markers; after a crash here, again: at least once. */
RC spine_announce(struct run *run, struct error *err)
{
    for (int i = 0; i < run->route_count; i++) {
        struct route *r = &run->routes[i];
        log_context(run->run_id, run->pipeline->name, r->config->name);
        if (r->result.through)
            route_went(r, announce_receipts(r, &r->result.error));
    }
    return announce_outputs(run, err);
}

/* CAS S{loaded}, and the lease is given with it. */
RC spine_close(struct route *r, struct error *err)
{
    struct marks next = route_marks(r);
    if (route_loads(r)) {
        char now[STAMP_TEXT];
        stamp_print(r->run->world.clock->now_us(r->run->world.clock), 0, now);
        TRY(position_parse(r->t.pos, scope_arena(r->scope), &next.loaded.pos, err));
        memcpy(next.loaded.id, r->t.waybill, UUID_TEXT);
        next.redshift_status = "success";
        if (r->result.loads > 0 || r->result.files_announced > 0) {
            next.last_redshift_load_time = arena_text(scope_arena(r->scope), now);
            next.redshift_rows_loaded = r->result.rows_announced;
        }
        if (r->loaded_files != NULL) {
            next.processed_s3_files = r->loaded_files;
            next.processed_count = r->loaded_file_count;
        }
    }
    next.session = (struct counts){0};
    return scope_give(r->scope, &next, err);
}

static void spine_give_up(struct route *r)
{
    struct error ignored; /* the failure itself is what the user hears of; a lease that cannot be given runs out */
    if (scope_settle(r->scope, &ignored) != RC_OK || !scope_is_mine(r->scope))
        return;
    struct marks next = route_marks(r);
    if (text_eq(r->arrow, "load"))
        next.redshift_status = "failed";
    else if (route_extracts(r))
        next.mysql_status = "failed";
    if (scope_give(r->scope, &next, &ignored) != RC_OK)
        log_warn("lease.not_given", KV("why", ignored.text));
}

/* A run that was asked to end gives its leases all the same. */
void spine_fail(struct route *r)
{
    if (rc_is_stop(r->result.error.rc))
        opening_last_words_begin(r->run->world.clock);
    spine_give_up(r);
    opening_last_words_end();
}

/* ---- the way through ---- */

struct arrow {
    struct route *r;
    const char *name;
};

static RC arrow_begin(struct arrow arrow, struct error *err)
{
    arrow.r->arrow = arrow.name;
    log_debug("arrow", KV("name", arrow.name), KV("at", "begin"));
    route_progress(arrow.r, arrow.name, false);
    return run_check_stopped(arrow.r->run, err);
}

static RC arrow_end(struct arrow arrow, enum rc rc)
{
    if (rc == RC_OK)
        log_debug("arrow", KV("name", arrow.name), KV("at", "end"));
    return rc;
}

#define ARROW(name, call)                                                                                              \
    do {                                                                                                               \
        TRY(arrow_begin((struct arrow){r, name}, err));                                                                \
        TRY(arrow_end((struct arrow){r, name}, call));                                                                 \
    } while (0)

static RC spine_way(struct route *r, struct error *err)
{
    ARROW("take", spine_take(r, err));
    ARROW("adopt", spine_adopt(r, err));
    ARROW("load", spine_load(r, err)); /* what earlier runs sealed */
    r->lo = scope_marks(r->scope)->extracted.pos;
    for (bool more = route_extracts(r); more;) {
        ARROW("bound", spine_bound(r, &more, err));
        if (!more)
            break;
        ARROW("begin", spine_begin(r, err));
        ARROW("extract", spine_extract(r, err));
        ARROW("seal", spine_seal(r, err));
        ARROW("load", spine_load(r, err));
    }
    if (load_is_behind(r))
        ARROW("load", load_finish(r, err));
    return RC_OK;
}

/* However the way ends: the loader ends what it was given before anybody else touches T, or gives the lease. */
RC spine_move(struct route *r, struct error *err)
{
    struct error ignored;
    enum rc rc = spine_way(r, err);
    if (rc != RC_OK && load_finish(r, &ignored) != RC_OK && !text_eq(r->arrow, "load"))
        log_warn("load.failed", KV("why", ignored.text));
    return rc;
}
