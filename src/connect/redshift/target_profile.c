/* What the target's columns come to, counted by the cluster. */
#include "connect/redshift/target_parts.h"

enum { COLUMNS_AT_ONCE = 50 };

struct counting {
    struct redshift_target *self;
    const struct target_table *table;
    const struct key_list *without;
    struct shape shape;
    struct arena arena;
};

/* Redshift writes the year 0 of ISO 8601 as 1, before Christ. */
static void add_stamp(const struct field *field, const char *aggregate, const char *name, struct buf *out)
{
    const char *format = field->type == TYPE_TIMESTAMP ? "YYYY-MM-DD HH24:MI:SS.US" : "YYYY-MM-DD";
    buf_addf(out,
             "CASE WHEN %s(%s) < '0001-01-01' THEN '0000' || substring(to_char(%s(%s), '%s'), 5) "
             "ELSE to_char(%s(%s), '%s') END",
             aggregate, name, aggregate, name, format, aggregate, name, format);
}

/* Microseconds as seconds: "-3019.000001". */
static void add_time(const char *aggregate, const char *name, struct buf *out)
{
    buf_addf(out,
             "CASE WHEN %s(%s) < 0 THEN '-' ELSE '' END || (abs(%s(%s)) / 1000000)::varchar || '.' || "
             "lpad((abs(%s(%s)) %% 1000000)::varchar, 6, '0')",
             aggregate, name, aggregate, name, aggregate, name);
}

static void add_sum(const struct field *field, const char *name, struct buf *out)
{
    if (field->type == TYPE_BOOL)
        buf_addf(out, "sum(CASE WHEN %s THEN 1 WHEN NOT %s THEN 0 END)", name, name);
    else
        buf_addf(out, "sum(%s::numeric(38,%d))", name, field->type == TYPE_DECIMAL ? field->scale : 0);
}

/* "count(c)", "min(c)"; NULL where this column cannot say: one whose texts are not the field's. */
static void add_measure(const struct field *field, const struct shape_column *column, enum profile_measure measure,
                        struct buf *out)
{
    static const char *const names[] = {[PROFILE_LEAST] = "min", [PROFILE_GREATEST] = "max"};
    AUTO_RELEASE(buf) name = {0};
    struct redshift_fitting fitting = redshift_fit(field, &column->type);
    bool is_direct = fitting.fit == REDSHIFT_FITS && fitting.is_direct;
    buf_add_str(out, S(", "));
    if (!profile_takes(field, measure) || (measure != PROFILE_VALUES && !is_direct)) {
        buf_add_str(out, S("NULL"));
        return;
    }
    redshift_quote(&name, column->name);
    if (measure == PROFILE_VALUES)
        buf_addf(out, "count(%s)", name.at);
    else if (measure == PROFILE_BYTES)
        buf_addf(out, "sum(octet_length(%s)::bigint)", name.at);
    else if (measure == PROFILE_SUM)
        add_sum(field, name.at, out);
    else if (field->type == TYPE_DATE || field->type == TYPE_TIMESTAMP)
        add_stamp(field, names[measure], name.at, out);
    else if (field->type == TYPE_TIME)
        add_time(names[measure], name.at, out);
    else if (field->type == TYPE_FLOAT) /* as text it would lose digits */
        buf_addf(out, "%s(%s)::double precision", names[measure], name.at);
    else
        buf_addf(out, "%s(%s)", names[measure], name.at);
}

/* " WHERE gone_at IS NULL AND NOT ((a = '1' AND b = 'x') OR (...))" */
static void add_rows_meant(const struct counting *c, struct buf *out)
{
    const char *soft = c->table->deletes.soft_column;
    soft = soft != NULL && redshift_shape_find(&c->shape, soft) >= 0 ? soft : NULL;
    if (soft != NULL) {
        buf_add_str(out, S(" WHERE "));
        redshift_quote(out, soft);
        buf_add_str(out, S(" IS NULL"));
    }
    if (c->without->count == 0)
        return;
    buf_add_str(out, soft != NULL ? S(" AND NOT ") : S(" WHERE NOT "));
    redshift_keys(c->without, out);
}

static RC profile_columns(struct counting *c, int from, int count, struct profile *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RELEASE(pq_answer) answer = {0};
    buf_add_str(&sql, S("SELECT count(*)"));
    for (int i = from; i < from + count; i++) {
        const struct field *field = &ret->schema->fields[i];
        int column = redshift_shape_find(&c->shape, field->name);
        if (column < 0)
            return fail(err, RC_DATA, "the table '%s' has no column '%s' any more", c->table->name, field->name);
        for (enum profile_measure measure = 0; measure < PROFILE_MEASURES; measure++)
            add_measure(field, &c->shape.columns[column], measure, &sql);
    }
    buf_add_str(&sql, S(" FROM "));
    redshift_table_quote(c->self, c->table->name, &sql);
    add_rows_meant(c, &sql);
    TRY(redshift_query(c->self, sql.at, 0, NULL, &answer, err));
    ret->rows = pq_int64(&answer, 0, 0);
    for (int i = 0; i < count * PROFILE_MEASURES; i++) {
        bool is_null = pq_is_null(&answer, 0, i + 1);
        struct str text = is_null ? (struct str){0} : str(pq_text(&answer, 0, i + 1));
        profile_tell(ret, from + i / PROFILE_MEASURES, (enum profile_measure)(i % PROFILE_MEASURES), text);
    }
    return RC_OK;
}

static RC profile_all(struct counting *c, struct profile *ret, struct error *err)
{
    TRY(redshift_connect(c->self, err));
    TRY(redshift_shape_read(c->self, c->table->name, &c->arena, &c->shape, err));
    if (!c->shape.exists)
        return fail(err, RC_NOT_FOUND, "there is no table '%s'", c->table->name);
    for (int from = 0; from < ret->schema->count; from += COLUMNS_AT_ONCE) {
        int left = ret->schema->count - from;
        TRY(profile_columns(c, from, left < COLUMNS_AT_ONCE ? left : COLUMNS_AT_ONCE, ret, err));
    }
    return RC_OK;
}

RC redshift_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                    struct profile *ret, struct error *err)
{
    struct counting c = {.self = (struct redshift_target *)base, .table = table, .without = without};
    enum rc rc = profile_all(&c, ret, err);
    arena_release(&c.arena);
    if (rc == RC_OK)
        return RC_OK;
    redshift_abort(c.self);
    return fail_in(err, "target '%s': counting the columns of '%s'", base->name, table->name);
}
