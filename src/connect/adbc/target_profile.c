/* What the target's columns come to, counted by the engine. */
#include "connect/adbc/target_parts.h"

enum { COLUMNS_AT_ONCE = 100 };

struct counting {
    struct adbc_target *self;
    const struct target_table *table;
    const struct key_list *without;
    struct shape shape;
    struct arena arena;
};

static void add_measure(const struct counting *c, const struct field *field, const struct shape_column *column,
                        enum profile_measure measure, struct buf *out)
{
    AUTO_RELEASE(buf) name = {0};
    adbc_quote(&name, column->name);
    buf_add_str(out, S(", "));
    if (!profile_takes(field, measure) || !c->self->dialect->measure(field, &column->type, measure, name.at, out))
        buf_add_str(out, S("NULL"));
}

/* " WHERE NOT ((a = 1 AND b = 'x') OR ...)", and what is only noted as deleted. */
static RC add_without(const struct counting *c, struct buf *out, struct error *err)
{
    const char *soft = c->table->deletes.soft_column;
    if (c->without->count > 0) {
        buf_add_str(out, S(" WHERE NOT "));
        if (!adbc_target_keys(c->self, c->without, out))
            return fail(err, RC_DATA, "rows of '%s' cannot be named by their key, which is no number, text or time",
                        c->table->name);
    }
    if (soft == NULL || adbc_shape_find(c->self, &c->shape, soft) < 0)
        return RC_OK;
    buf_add_str(out, c->without->count > 0 ? S(" AND ") : S(" WHERE "));
    adbc_quote(out, soft);
    buf_add_str(out, S(" IS NULL"));
    return RC_OK;
}

static RC profile_columns(struct counting *c, int from, int count, struct profile *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RELEASE(answer) answer = {0};
    buf_add_str(&sql, S("SELECT count(*)"));
    for (int i = from; i < from + count; i++) {
        const struct field *field = &ret->schema->fields[i];
        int column = adbc_shape_find(c->self, &c->shape, field->name);
        if (column < 0)
            return fail(err, RC_DATA, "the table '%s' has no column '%s' any more", c->table->name, field->name);
        for (enum profile_measure measure = 0; measure < PROFILE_MEASURES; measure++)
            add_measure(c, field, &c->shape.columns[column], measure, &sql);
    }
    buf_add_str(&sql, S(" FROM "));
    adbc_table_quote(c->self, c->table->name, &sql);
    TRY(add_without(c, &sql, err));
    TRY(adbc_query(c->self->db, sql.at, &answer, err));
    ret->rows = answer_int64(&answer, 0, 0);
    for (int i = 0; i < count * PROFILE_MEASURES; i++) {
        profile_tell(ret, from + i / PROFILE_MEASURES, (enum profile_measure)(i % PROFILE_MEASURES),
                     answer_str(&answer, 0, i + 1));
    }
    return RC_OK;
}

static RC profile_all(struct counting *c, struct profile *ret, struct error *err)
{
    TRY(adbc_target_look(c->self, err));
    if (c->self->db != NULL)
        TRY(adbc_shape_read(c->self, c->table->name, &c->arena, &c->shape, err));
    if (!c->shape.exists)
        return fail(err, RC_NOT_FOUND, "there is no table '%s'", c->table->name);
    for (int from = 0; from < ret->schema->count; from += COLUMNS_AT_ONCE) {
        int left = ret->schema->count - from;
        TRY(profile_columns(c, from, left < COLUMNS_AT_ONCE ? left : COLUMNS_AT_ONCE, ret, err));
    }
    return RC_OK;
}

RC adbc_target_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                       struct profile *ret, struct error *err)
{
    struct counting c = {.self = (struct adbc_target *)base, .table = table, .without = without};
    enum rc rc = profile_all(&c, ret, err);
    arena_release(&c.arena);
    adbc_target_rest(c.self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': counting the columns of '%s'", base->name, table->name);
}
