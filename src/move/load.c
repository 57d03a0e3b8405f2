/* load: every waybill from T (exclusive) to S.extracted, oldest first, one target transaction each; in a thread that
 * follows the extraction, where the run has threads. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/worker.h"
#include "io/retry.h"
#include "move/arrows.h"
#include "move/manner.h"
#include "move/staged.h"

enum { COMMIT_ATTEMPTS_MAX = 5 };

/* Everything that a load touches and the extraction beside it does not: until load_finish, also the target, and what
 * the result says of loads. */
struct loader {
    struct route *r;
    struct worker *worker; /* NULL: idle */
    struct arena arena;
    struct target_position t; /* r->t as it will be */
    int64_t token;
    int64_t rows;        /* of all waybills that are through */
    int64_t waiting;     /* rows that earlier runs left: what it is given first */
    int64_t same_key;    /* rows that had the key of another one of their waybill */
    bool is_looked_into; /* the table was, whether it has rows */
    bool is_emptied;     /* it had none */
    bool has_begun;
    bool is_behind; /* something was given to it since load_finish */
};

/* ---- one waybill ---- */

struct load {
    struct route *r;
    struct loader *loader;
    const struct waybill *waybill;
    const char *waybill_key;
    struct manner manner;
    int64_t taken; /* rows of the files before the one that is being loaded */
    struct load_counts counts;
    char started[STAMP_TEXT], committed[STAMP_TEXT];
    const char *confirmed;
};

/* ---- its staged files, opened as batches ---- */

struct load_file {
    struct load *load;
    const struct waybill_file *sealed;
};

/* It has to be there. */
static RC load_file_went(enum rc rc, struct error *err)
{
    if (rc == RC_NOT_FOUND)
        rc = err->rc = RC_DATA;
    return rc;
}

static RC load_file_check(const struct staged_file *file, struct error *err)
{
    const struct load_file *self = file->context;
    return load_file_went(staged_check(self->load->r, self->sealed, err), err);
}

/* Those on their way count as loaded for whoever looks: a large transaction must not look like one that hangs. */
static void load_took(void *context, int64_t rows)
{
    const struct load *load = context;
    if (!load->manner.is_keys)
        route_loaded(load->r, load->loader->rows + load->taken + rows, load->loader->waiting);
}

static RC load_file_open(const struct staged_file *file, struct batch_reader **ret, struct error *err)
{
    const struct load_file *self = file->context;
    TRY(load_file_went(staged_open(self->load->r, self->sealed, file->schema, ret, err), err));
    *ret = staged_counted(*ret, load_took, self->load);
    return RC_OK;
}

static const struct staged_file *load_staged(struct load *load, struct arena *arena)
{
    struct route *r = load->r;
    const struct waybill *w = load->waybill;
    struct staged_file *staged = arena_take(arena, sizeof(*staged) * (size_t)(w->file_count + 1));
    struct load_file *contexts = arena_take(arena, sizeof(*contexts) * (size_t)(w->file_count + 1));
    for (int i = 0; i < w->file_count; i++) {
        const struct waybill_file *file = &w->files[i];
        contexts[i] = (struct load_file){load, file};
        staged[i] = (struct staged_file){.key = file->key,
                                         .url = arena_print(arena, "%s/%s", r->run->world.store->address, file->key),
                                         .rows = file->rows,
                                         .bytes = file->bytes,
                                         .schema = load->manner.schema,
                                         .open = load_file_open,
                                         .check = load_file_check,
                                         .context = &contexts[i]};
    }
    return staged;
}

/* `count` files from `files` on are in the transaction. */
static void load_note_taken(struct load *load, const struct staged_file *files, int count, int64_t rows_before)
{
    struct table_result *result = &load->r->result;
    int64_t rows = 0;
    for (int i = 0; i < count; i++) {
        rows += files[i].rows;
        result->bytes_loaded += files[i].bytes;
    }
    if (load->manner.is_keys)
        return;
    result->rows_loaded += rows;
    route_loaded(load->r, load->loader->rows + rows_before + rows, load->loader->waiting);
}

/* By batches, file after file. */
static RC load_by_file(struct load *load, const struct staged_file *files, int64_t *ret_rows, struct error *err)
{
    for (int i = 0; i < load->waybill->file_count; i++) {
        const struct staged_file *file = &files[i];
        int64_t taken = 0;
        load->taken = *ret_rows;
        TRY(run_check_stopped(load->r->run, err));
        TRY(target_load_file(load->r->target, file, &taken, err));
        if (taken != file->rows)
            return fail(err, RC_DATA, "the target took %" PRId64 " rows of '%s', which has %" PRId64, taken, file->key,
                        file->rows);
        load_note_taken(load, file, 1, *ret_rows);
        *ret_rows += taken;
    }
    return RC_OK;
}

/* By address, all at once. */
static RC load_by_url(struct load *load, const struct staged_file *files, int64_t *ret_rows, struct error *err)
{
    int count = load->waybill->file_count;
    TRY(run_check_stopped(load->r->run, err));
    for (int i = 0; i < count; i++)
        TRY(files[i].check(&files[i], err));
    TRY(target_load_urls(load->r->target, files, count, ret_rows, err));
    load_note_taken(load, files, count, 0);
    return RC_OK;
}

static RC load_rows(struct load *load, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct target *target = load->r->target;
    const struct waybill *w = load->waybill;
    const struct staged_file *files = load_staged(load, &arena);
    int64_t rows = 0;
    enum rc rc = (target_loads_urls(target) ? load_by_url : load_by_file)(load, files, &rows, err);
    if (rc == RC_DATA)
        repair_advice(load->r, err);
    TRY(rc);
    TRY(target_apply(target, rows, &load->counts, err));
    if (rows != w->rows || load->counts.rows != w->rows)
        return fail(err, RC_DATA,
                    "the waybill has %" PRId64 " rows, %" PRId64 " were brought, and the target counts %" PRId64,
                    w->rows, rows, load->counts.rows);
    return RC_OK;
}

/* T did not move: it is done already, or somebody else is at work, or the story does not fit. */
static RC load_look(struct load *load, bool *ret_done, struct error *err)
{
    struct route *r = load->r;
    struct target_position *t = &load->loader->t;
    TRY(route_position(r, &load->loader->arena, t, err));
    *ret_done = t->exists && strcmp(t->waybill, load->waybill->id) == 0;
    if (*ret_done)
        return RC_OK;
    if (t->token > load->loader->token) {
        fail(err, RC_LEASE, "another run (token %" PRId64 ") has taken over '%s' in the target", t->token,
             scope_name(r->scope));
        return fail_todo(err, "nothing was harmed; see `waybill status`, and run again when it has ended");
    }
    fail(err, RC_DATA, "the target stands at waybill '%s', and '%s' follows '%s'", t->waybill, load->waybill->id,
         or_empty(load->waybill->prev.id));
    repair_advice(r, err);
    return err->rc;
}

/* The whole load as one transaction. RC_UNKNOWN: the answer to COMMIT was lost. */
static RC load_once(struct load *load, bool *ret_done, struct error *err)
{
    struct route *r = load->r;
    struct target *target = r->target;
    AUTO_RELEASE(buf) pos = {0};
    position_print(&load->waybill->pos_after, &pos);
    struct target_move move = {
        .prev = or_empty(load->waybill->prev.id),
        .waybill = load->waybill->id,
        .pos = pos.len > 0 ? pos.at : "",
        .epoch = load->waybill->epoch,
        .token = load->loader->token,
    };
    bool moved = false;
    TRY(scope_guard(r->scope, err));
    TRY(target_begin(target, &load->manner.table, &move, &moved, err));
    if (!moved)
        return load_look(load, ret_done, err);
    if (load_rows(load, err) != RC_OK) {
        target_rollback(target);
        return err->rc;
    }
    TRY(target_commit(target, err));
    load->confirmed = "commit";
    return RC_OK;
}

/* What others got in the way of is done again as a whole, from its compare-and-swap on (S50). */
static const struct retry again_budget = {.attempts_max = 8, .wait_ms_first = 500, .wait_ms_max = 15000};

static bool load_waits_for_others(struct load *load, struct retrying *again, const struct error *err)
{
    if (err->rc != RC_AGAIN)
        return false;
    log_warn("transaction.again", KV("waybill", load->waybill->id), KV("why", err->text));
    return retry_again(again, err);
}

/* A lost answer to COMMIT is unknown: the same compare-and-swap on a new connection waits for the old session, and
 * then tells. Never read-then-decide. */
static RC load_transaction(struct load *load, struct error *err)
{
    struct run_world *world = &load->r->run->world;
    struct target *target = load->r->target;
    struct retrying again = {.policy = again_budget, .clock = world->clock, .random = world->random};
    for (int attempt = 1;; attempt++) {
        bool done = false;
        struct table_result *result = &load->r->result;
        int64_t rows = result->rows_loaded, bytes = result->bytes_loaded;
        enum rc rc = load_once(load, &done, err);
        if (done) { /* by an attempt whose answer was lost, or by another run: what it counted is not known */
            load->confirmed = "position";
            load->counts =
                (struct load_counts){.inserted = -1, .updated = -1, .kept = -1, .deleted = -1, .statements = -1};
        }
        if (rc != RC_OK || done) {
            result->rows_loaded = rows;
            result->bytes_loaded = bytes;
        }
        if (rc != RC_OK && load_waits_for_others(load, &again, err)) {
            TRY(run_check_stopped(load->r->run, err));
            continue;
        }
        if (rc != RC_UNKNOWN || attempt >= COMMIT_ATTEMPTS_MAX)
            return rc;
        log_warn("commit.unknown", KV("waybill", load->waybill->id), KV("why", err->text));
        TRY(target_reconnect(target, err));
    }
}

/* Rows from the first one on fill a table that was dropped as well as a new one. What is read aside may have no lower
 * end either, and leaves the mark where it is. */
static bool load_starts_over(const struct load *load)
{
    AUTO_RELEASE(buf) pos = {0};
    const struct waybill *w = load->waybill;
    const struct target_position *t = &load->loader->t;
    position_print(&w->pos_after, &pos);
    bool is_aside = w->epoch == t->epoch && text_eq(or_empty(pos.at), or_empty(t->pos));
    return t->waybill[0] == '\0' || load->manner.table.mode == MODE_REPLACE ||
           (w->lo.shape == POSITION_NONE && !is_aside);
}

/* Before rows of this run hide it. */
static RC load_look_into(struct load *load, struct error *err)
{
    struct loader *loader = load->loader;
    if (!load->manner.table.was_loaded || loader->is_looked_into)
        return RC_OK;
    loader->is_looked_into = true;
    return gone_is_emptied(load->r, &load->manner.table, &loader->is_emptied, err);
}

/* Everything that the target is needed for. */
static RC load_apply(struct load *load, struct error *err)
{
    struct route *r = load->r;
    AUTO_RELEASE(buf) ddl = {0};
    AUTO_RELEASE(turn) turn = route_target_turn(r); /* held until the end */
    TRY(run_check_stopped(r->run, err));            /* the turn may have been long in coming */
    TRY(scope_guard(r->scope, err));
    load->manner.table.was_loaded = !load_starts_over(load) && !r->run->options.accept_target;
    TRY(manner_prepare(&load->manner, r, load->waybill, &ddl, err));
    if (ddl.len > 0)
        log_info("target.prepared", KV("statements", ddl.at));
    TRY(load_look_into(load, err));
    return load_transaction(load, err);
}

static RC load_receipt(struct load *load, struct error *err)
{
    struct route *r = load->r;
    struct settling with = run_settling(r->run);
    const struct waybill *w = load->waybill;
    struct receipt receipt = {
        .waybill_id = w->id,
        .target_id = load->loader->t.target_id,
        .run_id = r->run->run_id,
        .token = load->loader->token,
        .rows = w->rows,
        .quarantined = w->quarantined,
        .inserted = load->counts.inserted,
        .updated = load->counts.updated,
        .kept = load->counts.kept,
        .deleted = load->counts.deleted,
        .files = w->file_count,
        .statements = load->counts.statements,
        .started_at = load->started,
        .committed_at = load->committed,
        .confirmed = load->confirmed,
    };
    return receipt_write(&with, load->waybill_key, &receipt, err);
}

/* For the scope document's list of the last load; the whole story is in the waybills. */
static void load_note_files(struct loader *loader, const struct waybill *waybill)
{
    struct route *r = loader->r;
    r->loaded_file_count = waybill->file_count;
    r->loaded_files = arena_take(&loader->arena, sizeof(char *) * (size_t)waybill->file_count);
    for (int i = 0; i < waybill->file_count; i++)
        r->loaded_files[i] = arena_print(&loader->arena, "%s/%s", r->run->world.store->address, waybill->files[i].key);
}

/* The latest of them is kept, and all of them count as loaded: a key that tells no rows apart must not go unseen. */
static void load_count_same_key(struct load *load)
{
    const struct load_counts *counts = &load->counts;
    int64_t keys = counts->inserted + counts->updated + counts->kept;
    if (load->manner.table.mode != MODE_MERGE || counts->inserted < 0 || keys >= load->waybill->rows)
        return;
    load->loader->same_key += load->waybill->rows - keys;
    log_warn("rows.of_one_key", KV("waybill", load->waybill->id), KV("rows", load->waybill->rows), KV("keys", keys));
}

static void load_count(struct load *load)
{
    struct route *r = load->r;
    const struct waybill *w = load->waybill;
    bool deletes = load->manner.is_keys || load->manner.table.deletes.keys != NULL;
    r->result.loads++;
    r->result.rows_deleted += deletes && load->counts.deleted > 0 ? load->counts.deleted : 0;
    if (!load->manner.is_keys) {
        load_note_files(load->loader, w);
        load->loader->rows += w->rows;
        r->result.files_loaded += w->file_count;
    }
    route_loaded(r, load->loader->rows, load->loader->waiting);
}

static RC load_and_tell(struct load *load, struct error *err)
{
    struct route *r = load->r;
    struct loader *loader = load->loader;
    struct clock *clock = r->run->world.clock;
    const struct waybill *waybill = load->waybill;
    int64_t since = clock->mono_ms(clock);
    stamp_print(clock->now_us(clock), 3, load->started);
    TRY(load_apply(load, err));
    stamp_print(clock->now_us(clock), 3, load->committed);
    snprintf(loader->t.waybill, sizeof(loader->t.waybill), "%s", waybill->id);
    loader->t.epoch = waybill->epoch;
    AUTO_RELEASE(buf) pos = {0};
    position_print(&waybill->pos_after, &pos);
    loader->t.pos = arena_str(&loader->arena, buf_str(&pos));
    load_count(load);
    load_count_same_key(load);
    r->result.load_ms += clock->mono_ms(clock) - since;
    log_info("waybill.loaded", KV("waybill", waybill->id), KV("rows", waybill->rows),
             KV("inserted", load->counts.inserted), KV("updated", load->counts.updated), KV("kept", load->counts.kept),
             KV("deleted", load->counts.deleted), KV("confirmed", load->confirmed));
    return load_receipt(load, err);
}

static RC load_waybill(struct loader *loader, const char *key, const struct waybill *waybill, struct error *err)
{
    struct load load = {.r = loader->r, .loader = loader, .waybill = waybill, .waybill_key = key};
    enum rc rc = manner_init(&load.manner, loader->r, waybill, err);
    if (rc == RC_OK)
        rc = load_and_tell(&load, err);
    manner_release(&load.manner);
    return rc;
}

/* ---- the loader ---- */

/* The first job has what earlier runs sealed, be it nothing; the others follow this run's own chunks. */
static void load_tell_of_earlier(struct loader *loader, const struct chain *chain)
{
    if (loader->has_begun)
        return;
    loader->has_begun = true;
    for (int i = 0; i < chain->count; i++)
        loader->waiting += chain->links[i].rows;
    route_loaded(loader->r, 0, loader->waiting);
}

/* Its job: all waybills from T (exclusive) to this one. */
static RC load_up_to(void *context, void *job, struct error *err)
{
    struct loader *loader = context;
    const struct waybill_ref *newest = job;
    struct route *r = loader->r;
    struct store *store = r->run->world.store;
    struct chain chain;
    log_context(r->run->run_id, r->run->pipeline->name, r->config->name);
    TRY(chain_walk(store, *newest, loader->t.waybill, NULL, &loader->arena, &chain, err));
    if (!chain.complete)
        return fail(err, RC_DATA, "the chain of '%s' does not lead to the target's waybill '%s'", scope_name(r->scope),
                    loader->t.waybill);
    load_tell_of_earlier(loader, &chain);
    for (int i = chain.count - 1; i >= 0; i--) {
        struct waybill waybill = {0};
        enum waybill_state state;
        TRY(waybill_read(store, chain.links[i].key, chain.links[i].id, &loader->arena, &state, &waybill, err));
        if (state != WAYBILL_SEALED)
            return fail(err, RC_DATA, "the waybill '%s' is not sealed any more", chain.links[i].key);
        enum rc rc = load_waybill(loader, chain.links[i].key, &waybill, err);
        waybill_release(&waybill);
        if (rc != RC_OK)
            return fail_in(err, "loading waybill %s into '%s'", chain.links[i].id, r->config->target);
    }
    return RC_OK;
}

static void loader_begin(struct route *r)
{
    bool threads = r->run->world.threads;
    if (r->loader == NULL)
        r->loader = xcalloc(1, sizeof(*r->loader));
    struct loader *loader = r->loader;
    loader->r = r;
    loader->t = r->t;
    loader->is_looked_into = r->is_looked_into;
    loader->token = scope_marks(r->scope)->token;
    loader->worker = worker_new(threads ? (int)r->run->pipeline->max_pending : 0, load_up_to, loader);
}

RC load_follow(struct route *r, struct error *err)
{
    const struct mark_ref *newest = &scope_marks(r->scope)->extracted;
    struct waybill_ref *job = arena_take(&r->arena, sizeof(*job));
    *job = (struct waybill_ref){newest->id[0] != '\0' ? arena_text(&r->arena, newest->id) : NULL, newest->key};
    if (r->loader == NULL || r->loader->worker == NULL)
        loader_begin(r);
    r->loader->is_behind = true;
    TRY(worker_give(r->loader->worker, job, err));
    return route_overlaps(r) ? RC_OK : load_finish(r, err);
}

static void load_tell_of_same_key(struct route *r)
{
    if (r->loader->same_key > 0)
        route_warn(r, arena_print(&r->arena,
                                  "%" PRId64 " rows had the key of another row, and only the latest of each was "
                                  "kept: the key does not tell rows apart",
                                  r->loader->same_key));
    if (TAKE(r->loader->is_emptied))
        gone_tell_emptied(r);
}

bool load_is_behind(const struct route *r) { return r->loader != NULL && r->loader->is_behind; }

RC load_finish(struct route *r, struct error *err)
{
    if (!load_is_behind(r))
        return RC_OK;
    struct loader *loader = r->loader;
    enum rc rc = worker_finish(loader->worker, err);
    worker_free(TAKE(loader->worker));
    loader->is_behind = false;
    r->t = loader->t;
    load_tell_of_same_key(r);
    return rc;
}

void loader_free(struct loader *self)
{
    if (self == NULL)
        return;
    worker_free(self->worker);
    arena_release(&self->arena);
    free(self);
}
