/* A table as it is. information_schema shows what the user may use, in words that are Redshift's own. */
#include "connect/redshift/target_parts.h"

static RC read_kind(struct redshift_target *self, const char *const *names, struct sql_shape *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) row = {0};
    TRY(redshift_query(self,
                       "SELECT table_type FROM information_schema.tables WHERE table_schema = $1 AND table_name = $2",
                       2, names, &row, err));
    ret->exists = pq_rows(&row) > 0;
    bool is_table = ret->exists && strcmp(pq_text(&row, 0, 0), "BASE TABLE") == 0;
    ret->kind = is_table ? "table" : "view, or a relation of another kind";
    return RC_OK;
}

/* An identity is a default of its own kind: "identity"(...). */
static struct sql_column column_of_row(const struct pq_answer *rows, int row, struct arena *arena)
{
    struct redshift_type *own = arena_take(arena, sizeof(*own));
    char shown[DECLARED_TEXT];
    *own = (struct redshift_type){.name = arena_text(arena, pq_text(rows, row, 1)),
                                  .bytes = pq_int64(rows, row, 2),
                                  .precision = (int)pq_int64(rows, row, 3),
                                  .scale = (int)pq_int64(rows, row, 4)};
    redshift_type_print(own, shown);
    return (struct sql_column){
        .name = arena_text(arena, pq_text(rows, row, 0)),
        .type = arena_text(arena, shown),
        .not_null = strcmp(pq_text(rows, row, 5), "NO") == 0,
        .has_default = !pq_is_null(rows, row, 6),
        .is_generated = strstr(pq_text(rows, row, 6), "identity") != NULL,
        .own = own,
    };
}

static RC read_columns(struct redshift_target *self, const char *const *names, struct arena *arena,
                       struct sql_shape *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    TRY(redshift_query(self,
                       "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale,"
                       " is_nullable, column_default FROM information_schema.columns"
                       " WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position",
                       2, names, &rows, err));
    ret->count = pq_rows(&rows);
    ret->columns = arena_take(arena, (size_t)(ret->count + 1) * sizeof(*ret->columns));
    for (int row = 0; row < ret->count; row++)
        ret->columns[row] = column_of_row(&rows, row, arena);
    return RC_OK;
}

RC redshift_shape_read(struct redshift_target *self, const char *table, struct arena *arena, struct sql_shape *ret,
                       struct error *err)
{
    struct sql_shape shape = {0};
    const char *names[2];
    redshift_catalog_name(self, table, arena, names);
    TRY(read_kind(self, names, &shape, err));
    if (shape.exists)
        TRY(read_columns(self, names, arena, &shape, err));
    *ret = shape;
    return RC_OK;
}

static RC look_for_table(struct redshift_target *self, const char *table, struct sql_shape *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const char *names[2];
    TRY(redshift_connect(self, err));
    redshift_catalog_name(self, table, &arena, names);
    return read_kind(self, names, ret, err);
}

RC redshift_is_there(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    struct sql_shape shape = {0};
    if (look_for_table(self, table->name, &shape, err) != RC_OK) {
        redshift_abort(self);
        return fail_in(err, "target '%s': looking for '%s'", base->name, table->name);
    }
    *ret = shape.exists;
    return RC_OK;
}

RC redshift_has_rows(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    const struct sql_on on = redshift_on(self, table);
    TRY(redshift_connect(self, err));
    if (sql_has_rows(&on, ret, err) == RC_OK)
        return RC_OK;
    redshift_abort(self);
    return fail_in(err, "target '%s': looking into '%s'", base->name, table->name);
}
