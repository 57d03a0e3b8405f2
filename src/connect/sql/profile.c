#include "connect/sql/profile.h"

#include "connect/sql/deletes.h"

static void add_measure(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                        enum profile_measure measure, struct buf *out)
{
    AUTO_RELEASE(buf) name = {0};
    on->sql->quote(&name, column->name);
    buf_add_str(out, S(", "));
    if (!profile_takes(field, measure) || !on->sql->measure(on, field, column, measure, name.at, out))
        buf_add_str(out, S("NULL"));
}

static RC add_columns(const struct sql_on *on, const struct sql_shape *shape, int from, int count, struct buf *sql,
                      struct error *err)
{
    for (int i = from; i < from + count; i++) {
        const struct field *field = &on->table->schema->fields[i];
        const struct sql_column *column = sql_shape_find(on->sql, shape, field->name);
        if (column == NULL)
            return fail(err, RC_DATA, "the table '%s' has no column '%s' any more", on->table->name, field->name);
        for (enum profile_measure measure = 0; measure < PROFILE_MEASURES; measure++)
            add_measure(on, field, column, measure, sql);
    }
    return RC_OK;
}

static RC profile_columns(const struct sql_on *on, const struct sql_shape *shape, const struct key_list *without,
                          int from, int count, struct profile *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RELEASE(sql_row) row = {0};
    const char *soft = on->table->deletes.soft_column;
    bool has_soft = soft != NULL && sql_shape_find(on->sql, shape, soft) != NULL;
    buf_add_str(&sql, S("SELECT count(*)"));
    TRY(add_columns(on, shape, from, count, &sql, err));
    buf_add_str(&sql, S(" FROM "));
    sql_table(on, &sql);
    TRY(sql_add_meant(on, has_soft ? soft : NULL, without, &sql, err));
    TRY(on->sql->ask(on->target, sql.at, &row, err));
    ret->rows = sql_row_int64(&row, 0);
    for (int i = 0; i < count * PROFILE_MEASURES; i++) {
        enum profile_measure measure = (enum profile_measure)(i % PROFILE_MEASURES);
        profile_tell(ret, from + i / PROFILE_MEASURES, measure, row.cells[i + 1]);
    }
    return RC_OK;
}

RC sql_profile(const struct sql_on *on, const struct sql_shape *shape, const struct key_list *without, int at_once,
               struct profile *ret, struct error *err)
{
    if (!shape->exists)
        return fail(err, RC_NOT_FOUND, "there is no table '%s'", on->table->name);
    for (int from = 0; from < ret->schema->count; from += at_once) {
        int left = ret->schema->count - from;
        TRY(profile_columns(on, shape, without, from, left < at_once ? left : at_once, ret, err));
    }
    return RC_OK;
}
