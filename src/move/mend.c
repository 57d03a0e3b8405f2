#include "move/mend.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "move/arrows.h"

/* ---- keys ---- */

static enum rc fail_key(const struct route *r, const char *text, struct error *err)
{
    fail(err, RC_CONFIG, "--keys: '%s' is no key of '%s', which has %d column%s", text, r->config->name,
         r->table->key_count, r->table->key_count == 1 ? "" : "s");
    return fail_todo(err, r->table->key_count == 1
                              ? "give them as --keys 17,18,19; one with a comma in it as '[\"a,b\"]'"
                              : "give each as a JSON array, in the order of the key: --keys '[\"north\", 17]'");
}

static RC mend_parse_array(struct route *r, const char *text, struct position *ret, struct error *err)
{
    AUTO_JSON *array = NULL;
    struct error ignored;
    if (json_read(str(text), "key", &array, &ignored) != RC_OK || !json_is_array(array) ||
        (int)json_array_size(array) != r->table->key_count)
        return fail_key(r, text, err);
    for (; ret->key_count < r->table->key_count; ret->key_count++) {
        const json_t *value = json_array_get(array, (size_t)ret->key_count);
        if (json_is_integer(value))
            ret->key[ret->key_count] = arena_print(&r->arena, "%" PRId64, (int64_t)json_integer_value(value));
        else if (json_is_string(value))
            ret->key[ret->key_count] = arena_text(&r->arena, json_string_value(value));
        else
            return fail_key(r, text, err);
    }
    return RC_OK;
}

static RC mend_add_key(struct route *r, const char *text, struct error *err)
{
    struct mend *mend = r->mend;
    struct position key = {.shape = POSITION_AFTER};
    const struct field *first = &r->table->schema->fields[r->table->key[0]];
    bool is_integer = first->type == TYPE_INT16 || first->type == TYPE_INT32 || first->type == TYPE_INT64;
    int64_t number;
    if (mend->key_count == MEND_KEYS_MAX)
        return fail(err, RC_CONFIG, "more than %d keys at once: give a --range, or several commands", MEND_KEYS_MAX);
    if (text[0] == '[') {
        TRY(mend_parse_array(r, text, &key, err));
    } else {
        key.key[key.key_count++] = text;
        if (r->table->key_count != 1 || text[0] == '\0' || (is_integer && !str_to_int64(str(text), &number)))
            return fail_key(r, text, err);
    }
    mend->keys[mend->key_count++] = key;
    return RC_OK;
}

static RC mend_parse_keys(struct route *r, const struct text_list *texts, struct error *err)
{
    struct mend *mend = r->mend;
    mend->keys = arena_take(&r->arena, sizeof(*mend->keys) * MEND_KEYS_MAX);
    mend->is_found = arena_take(&r->arena, sizeof(*mend->is_found) * MEND_KEYS_MAX);
    for (int i = 0; i < texts->count; i++) {
        const char *at = texts->items[i];
        while (at[0] != '[' && strchr(at, ',') != NULL) {
            size_t len = strcspn(at, ",");
            TRY(mend_add_key(r, arena_str(&r->arena, (struct str){at, len}), err));
            at += len + 1;
        }
        TRY(mend_add_key(r, at, err));
    }
    return RC_OK;
}

/* Not past the mark: what lies there comes with the next run. */
static RC mend_parse_range(struct route *r, const struct mend_request *request, struct error *err)
{
    const struct position *mark = &scope_marks(r->scope)->extracted.pos;
    int64_t from, to, last;
    bool is_integer = str_to_int64(str(request->from), &from) && str_to_int64(str(request->to), &to) &&
                      mark->key_count == 1 && str_to_int64(str(mark->key[0]), &last);
    if (!is_integer || from > to || from == INT64_MIN) {
        fail(err, RC_CONFIG, "--range: '%s..%s' is no range of ids of '%s'", request->from, request->to,
             r->config->name);
        return fail_todo(err, "give the first and the last one: --range 1000..2000; keys that are no integers: --keys");
    }
    to = to < last ? to : last;
    r->mend->lo = (struct position){
        .shape = POSITION_AFTER, .key_count = 1, .key = {arena_print(&r->arena, "%" PRId64, from - 1)}};
    r->mend->hi =
        (struct position){.shape = POSITION_AFTER, .key_count = 1, .key = {arena_print(&r->arena, "%" PRId64, to)}};
    return from > to
               ? fail(err, RC_CONFIG, "--range: '%s' has been read up to %" PRId64 " so far", r->config->name, last)
               : RC_OK;
}

static RC mend_check_table(const struct route *r, const struct mend_request *request, struct error *err)
{
    bool by_keys = request->keys.count > 0;
    if (scope_marks(r->scope)->extracted.id[0] == '\0') {
        fail(err, RC_NOT_FOUND, "nothing of '%s' was moved yet", scope_name(r->scope));
        return fail_todo(err, "waybill sync pipeline %s", scope_flags(r->scope));
    }
    if (r->table->key_count == 0)
        return fail(err, RC_CONFIG, "'%s' has no key by which rows could be merged", r->config->name);
    if (r->mode == MODE_MERGE || (r->mode == MODE_DELETE_INSERT && !by_keys))
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' is loaded with 'mode: %s': rows that are read again would %s", r->config->name,
         mode_name(r->mode), r->mode == MODE_REPLACE ? "be all that is left" : "come twice");
    return fail_todo(err, r->mode == MODE_DELETE_INSERT ? "give a --range, which is replaced"
                          : r->mode == MODE_REPLACE     ? "run it: each run brings all rows"
                                                        : "read a range of it anew: waybill watermark set; or use "
                                                          "`mode: merge`");
}

/* RC_CONFIG: a text that is no key, or a table whose mode cannot take rows again. The table was described. */
static RC mend_begin(struct route *r, struct error *err)
{
    const struct mend_request *request = r->run->options.repair;
    TRY(mend_check_table(r, request, err));
    TRY(aside_check_mark(r, err));
    r->mend = arena_take(&r->arena, sizeof(*r->mend));
    return request->keys.count > 0 ? mend_parse_keys(r, &request->keys, err) : mend_parse_range(r, request, err);
}

/* ---- the chunk ---- */

static RC mend_next_ids(struct route *r, bool *ret_more, struct error *err)
{
    struct mend *mend = r->mend;
    struct chunk *chunk = &r->chunk;
    bool is_cut = false;
    *ret_more = !position_equal(&mend->lo, &mend->hi);
    if (!*ret_more)
        return RC_OK;
    chunk->range = (struct range){.kind = RANGE_KEY, .lo = mend->lo, .hi = mend->hi};
    TRY(source_facts(r->source, r->table, &chunk->range, &r->bound.facts, err));
    chunk->rows_max = r->config->chunk.rows;
    TRY(source_boundary(r->source, r->table, &chunk->range, chunk->rows_max, &r->arena, &chunk->range.hi, &is_cut,
                        err));
    mend->lo = chunk->range.hi;
    return RC_OK;
}

RC mend_bound(struct route *r, bool *ret_more, struct error *err)
{
    if (r->mend == NULL)
        TRY(mend_begin(r, err));
    waybill_release(&r->chunk.waybill);
    r->chunk = (struct chunk){.pos_after = scope_marks(r->scope)->extracted.pos};
    if (r->mend->key_count == 0)
        return mend_next_ids(r, ret_more, err);
    *ret_more = !r->mend->has_begun;
    r->mend->has_begun = true;
    r->chunk.is_mended = true;
    r->chunk.range.kind = RANGE_ROW;
    r->chunk.rows_max = r->mend->key_count;
    r->bound.facts.rows = r->mend->key_count;
    return RC_OK;
}

/* ---- reading ---- */

struct mend_reader {
    struct batch_reader base;
    struct route *r;
    struct batch_reader *now; /* of the key at `at`; NULL: not asked for yet */
    int at;
};

static RC mend_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct mend_reader *self = (struct mend_reader *)base;
    struct mend *mend = self->r->mend;
    for (*ret = NULL; *ret == NULL && self->at < mend->key_count;) {
        const struct range range = {.kind = RANGE_ROW, .hi = mend->keys[self->at]};
        if (self->now == NULL)
            TRY(source_read(self->r->source, self->r->table, &range, &self->now, err));
        TRY(batch_reader_next(self->now, ret, err));
        if (*ret != NULL) {
            mend->is_found[self->at] |= (*ret)->rows > 0;
            return RC_OK;
        }
        batch_reader_free(TAKE(self->now));
        self->at++;
    }
    return RC_OK;
}

static void mend_free(struct batch_reader *base)
{
    batch_reader_free(((struct mend_reader *)base)->now);
    free(base);
}

struct batch_reader *mend_reader_new(struct route *r)
{
    static const struct batch_reader_ops ops = {.next = mend_next, .free = mend_free};
    struct mend_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct mend_reader){.base.ops = &ops, .r = r};
    return &self->base;
}

void mend_gone(struct route *r, struct waybill *ret)
{
    const struct mend *mend = r->mend;
    int columns = r->table->key_count, gone = 0;
    const char **texts = arena_take(&r->arena, sizeof(*texts) * (size_t)(mend->key_count * columns + 1));
    for (int i = 0; i < mend->key_count; i++) {
        if (mend->is_found[i])
            continue;
        for (int k = 0; k < columns; k++)
            texts[gone * columns + k] = mend->keys[i].key[k];
        gone++;
    }
    r->result.rows_gone = gone;
    if (!r->run->options.repair->delete_gone)
        return;
    ret->gone = texts;
    ret->gone_count = gone;
}

/* ---- looking ---- */

RC mend_look(struct route *r, struct mend_look *ret, struct error *err)
{
    struct mend_look look = {0};
    bool more = false;
    TRY(scope_read(r->scope, err));
    TRY(repair_look(r, err));
    TRY(bound_describe(r, err));
    TRY(mend_bound(r, &more, err));
    if (!r->chunk.is_mended) {
        look.rows = more ? r->bound.facts.rows : 0;
        *ret = look;
        return RC_OK;
    }
    AUTO(batch_reader) *reader = mend_reader_new(r);
    for (const struct batch *batch = NULL;;) {
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            break;
        look.rows += batch->rows;
    }
    for (int i = 0; i < r->mend->key_count; i++)
        look.gone += !r->mend->is_found[i];
    *ret = look;
    return RC_OK;
}
