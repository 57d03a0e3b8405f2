#include "move/manner.h"

#include "move/keys.h"

/* What a waybill's range is in the target. A first load walks by key below one cursor: its first chunk makes room for
 * the whole walk. */
static const struct target_span *manner_span(struct manner *self, const struct waybill *w)
{
    struct target_span span = {0};
    if (w->pos_after.shape == POSITION_AFTER) {
        span.is_key = true;
        span.column = w->key_count == 1 ? w->key[0] : NULL;
        span.lo = w->lo.key_count == 1 ? w->lo.key[0] : NULL;
        span.hi = w->hi.key_count == 1 ? w->hi.key[0] : NULL;
    } else if (w->lo.shape != POSITION_WALK) {
        span.column = w->cursor;
        span.lo = w->lo.at;
        span.hi = w->hi.at;
    }
    self->span = span;
    return span.column != NULL && (span.is_key || span.hi != NULL) ? &self->span : NULL;
}

/* Somebody has asked for each of them. */
static RC manner_gone(struct manner *self, const struct waybill *w, struct error *err)
{
    int columns[KEY_COLUMNS_MAX];
    for (int k = 0; k < w->key_count; k++) {
        columns[k] = schema_find(self->schema, w->key[k]);
        if (columns[k] < 0)
            return fail(err, RC_DATA, "its key column '%s' is not among its columns", w->key[k]);
    }
    key_list_init(&self->gone, self->schema, columns, w->key_count);
    for (int i = 0; i < w->gone_count * w->key_count; i++)
        key_list_add(&self->gone, str(w->gone[i]));
    self->table.deletes.percent_max = 100;
    self->table.deletes.keys = &self->gone;
    return RC_OK;
}

RC manner_init(struct manner *self, struct route *r, const struct waybill *waybill, struct error *err)
{
    enum mode mode;
    *self = (struct manner){0};
    if (!mode_from_name(waybill->mode, &mode))
        return fail(err, RC_DATA, "its mode is '%s', which this program does not know", waybill->mode);
    self->is_keys = mode == MODE_KEYS;
    self->schema = self->is_keys ? keys_schema(waybill) : schema_copy(waybill->schema);
    self->table = route_target_table(r, waybill);
    self->table.schema = self->schema;
    if (waybill_deletes(waybill))
        self->table.deletes.is_wanted = true; /* whatever the configuration says by now */
    if (waybill->soft_delete.is_sealed)
        self->table.deletes.soft_column = waybill->soft_delete.text;
    if (mode == MODE_DELETE_INSERT)
        self->table.span = manner_span(self, waybill);
    return waybill->gone_count > 0 ? manner_gone(self, waybill, err) : RC_OK;
}

void manner_release(struct manner *self)
{
    key_list_release(&self->gone);
    schema_free(self->schema);
    *self = (struct manner){0};
}

struct schema *manner_prepared_schema(const struct schema *staged, const char *soft_delete)
{
    struct schema *schema = schema_copy(staged);
    const struct field noted = {.name = soft_delete,
                                .type = TYPE_TIMESTAMP,
                                .unit = UNIT_MICRO,
                                .utc = true,
                                .nullable = true,
                                .source_type = ""};
    if (noted.name != NULL && schema_find(schema, noted.name) < 0)
        schema_add(schema, &noted);
    return schema;
}

RC manner_prepare(const struct manner *self, struct route *r, const struct waybill *waybill, struct buf *ret_ddl,
                  struct error *err)
{
    AUTO(schema) *schema = manner_prepared_schema(waybill->schema, self->table.deletes.soft_column);
    struct target_table table = self->table;
    table.schema = schema;
    if (self->is_keys)
        table.mode = r->config->mode;
    return target_prepare(r->target, &table, false, ret_ddl, err);
}
