/* What was announced before, from what does not go away: S, waybills and receipts. */
#include <stdlib.h>

#include "move/announce.h"
#include "move/arrows.h"

/* The target itself is not looked at, and need not be open. */
static bool was_loaded(const struct route *r) { return r->run->pipeline->target != NULL; }

/* The waybill that S names as loaded (without a target: as extracted), and how many rows were told of when it was. */
static RC recall_end(struct route *r, struct waybill_ref *ret, int64_t *ret_rows, struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    struct waybill_ref newest = {s->extracted.id[0] != '\0' ? s->extracted.id : NULL, s->extracted.key};
    struct chain chain;
    *ret = newest;
    *ret_rows = was_loaded(r) ? s->redshift_rows_loaded : s->mysql_rows_extracted;
    if (!was_loaded(r) || newest.id == NULL)
        return RC_OK;
    *ret = (struct waybill_ref){0};
    if (s->loaded.id[0] == '\0')
        return RC_OK;
    TRY(chain_walk(r->run->world.store, newest, s->loaded.id, NULL, &r->arena, &chain, err));
    if (chain.until_key != NULL)
        *ret = (struct waybill_ref){s->loaded.id, chain.until_key};
    return RC_OK;
}

/* A UUIDv7 begins with the milliseconds of its making: when the run began. */
static int64_t run_began_us(const char *run_id)
{
    char digits[13];
    snprintf(digits, sizeof(digits), "%.8s%.4s", run_id, run_id + 9);
    return (int64_t)strtoull(digits, NULL, 16) * 1000;
}

/* The newest of the waybills names the run and its times. */
static RC recall_run(struct run *run, const struct waybill *waybill, const struct receipt *receipt, struct error *err)
{
    const char *run_id = receipt != NULL ? receipt->run_id : waybill->run_id;
    const char *ended = receipt != NULL ? receipt->committed_at : waybill->sealed_at;
    struct table_result *result = &run->routes[0].result;
    char stamp[STAMP_TEXT];
    if (run_id == NULL || !uuid_is_valid(run_id) || ended == NULL || !stamp_parse(ended, &run->ended_us))
        return fail(err, RC_DATA, "the waybill %s does not say which run it was, and when", waybill->id);
    snprintf(run->run_id, sizeof(run->run_id), "%s", run_id);
    run->started_us = result->started_us = run_began_us(run_id);
    result->ended_us = run->ended_us;
    stamp_print(run->started_us, 0, stamp);
    snprintf(run->execution_id, sizeof(run->execution_id), "sync_%.4s%.2s%.2s_%.2s%.2s%.2s_%s", stamp, stamp + 5,
             stamp + 8, stamp + 11, stamp + 14, stamp + 17, run_id + 28);
    if (run->options.marker_stamp == NULL)
        snprintf(run->stamp, sizeof(run->stamp), "%.15s", run->execution_id + 5);
    return RC_OK;
}

static void recall_load(struct table_result *result, const struct receipt *receipt)
{
    int64_t from_us, to_us;
    bool is_timed = receipt->started_at != NULL && receipt->committed_at != NULL &&
                    stamp_parse(receipt->started_at, &from_us) && stamp_parse(receipt->committed_at, &to_us);
    result->loads++;
    result->load_ms = is_timed && result->load_ms >= 0 ? result->load_ms + (to_us - from_us) / 1000 : -1;
}

static void recall_waybill(struct table_result *result, const struct waybill *waybill)
{
    result->rows_announced += waybill->rows;
    result->files_announced += waybill->file_count;
    for (int i = 0; i < waybill->file_count; i++)
        result->bytes_announced += waybill->files[i].bytes;
}

/* One waybill of it, and on to the one before. */
static RC recall_one(struct route *r, struct waybill_ref *at, bool is_newest, struct error *err)
{
    struct store *store = r->run->world.store;
    struct waybill waybill = {0};
    struct receipt receipt = {0};
    enum waybill_state state;
    TRY(waybill_read(store, at->key, at->id, &r->arena, &state, &waybill, err));
    waybill_release(&waybill);
    if (state != WAYBILL_SEALED)
        return fail(err, RC_DATA, "the waybill '%s' is not sealed any more", at->key);
    if (was_loaded(r))
        TRY(receipt_read(store, at->key, &r->arena, &receipt, err));
    if (is_newest)
        TRY(recall_run(r->run, &waybill, was_loaded(r) ? &receipt : NULL, err));
    if (was_loaded(r))
        recall_load(&r->result, &receipt);
    recall_waybill(&r->result, &waybill);
    *at = waybill.prev;
    return RC_OK;
}

RC marker_recall(struct run *run, struct error *err)
{
    struct route *r = &run->routes[0];
    struct waybill_ref at = {0};
    int64_t rows = 0;
    TRY(scope_read(r->scope, err));
    TRY(recall_end(r, &at, &rows, err));
    if (at.id == NULL || at.key == NULL) {
        fail(err, RC_NOT_FOUND, "nothing of '%s' was announced so far", scope_name(r->scope));
        return fail_todo(err, "a run with --s3-completion-bucket announces what it moves; see `waybill status`");
    }
    r->result = TABLE_RESULT_UNKNOWN;
    r->result.rows_announced = r->result.files_announced = r->result.bytes_announced = 0;
    r->result.loads = r->result.load_ms = 0;
    r->result.announces_loads = was_loaded(r);
    bool is_newest = true;
    do {
        TRY(recall_one(r, &at, is_newest, err));
        is_newest = false;
    } while (at.id != NULL && at.key != NULL && r->result.rows_announced < rows);
    if (r->result.rows_announced != rows)
        return fail(err, RC_DATA,
                    "the scope document of '%s' speaks of %lld rows, and the waybills that lead there have %lld",
                    scope_name(r->scope), (long long)rows, (long long)r->result.rows_announced);
    if (was_loaded(r))
        r->result.rows_loaded = r->result.rows_announced;
    r->result.through = true;
    return RC_OK;
}
