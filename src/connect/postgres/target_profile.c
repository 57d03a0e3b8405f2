/* What the target's columns come to, counted by the server. */
#include "connect/postgres/target_parts.h"

enum { COLUMNS_AT_ONCE = 100 };

struct counting {
    struct postgres_target *self;
    const struct target_table *table;
    const struct key_list *without;
    struct shape shape;
    struct arena arena;
};

/* Types whose texts are the server's own, and may differ from what came: {"a": 1} of a jsonb. */
static bool is_rewritten(enum wire wire) { return wire == WIRE_JSONB || wire == WIRE_UUID || wire == WIRE_CAST; }

/* The year 0 of ISO 8601 is 1 BC to PostgreSQL. */
static void add_stamp(const struct field *field, const char *aggregate, const char *name, struct buf *out)
{
    const char *zone = field->type == TYPE_TIMESTAMP && field->utc ? " AT TIME ZONE 'UTC'" : "";
    const char *format = field->type == TYPE_TIMESTAMP ? "YYYY-MM-DD HH24:MI:SS.US" : "YYYY-MM-DD";
    buf_addf(out,
             "CASE WHEN %s(%s)%s < '0001-01-01' THEN overlay(to_char(%s(%s)%s, '%s') PLACING '0000' FROM 1) "
             "ELSE to_char(%s(%s)%s, '%s') END",
             aggregate, name, zone, aggregate, name, zone, format, aggregate, name, zone, format);
}

/* "count(c)", "min(c COLLATE "C")"; NULL where this column cannot say. */
static void add_measure(const struct field *field, const struct shape_column *column, enum profile_measure measure,
                        struct buf *out)
{
    static const char *const names[] = {[PROFILE_LEAST] = "min", [PROFILE_GREATEST] = "max", [PROFILE_SUM] = "sum"};
    AUTO_RELEASE(buf) name = {0};
    struct fitting fitting = pg_fit(field, &column->type);
    buf_add_str(out, S(", "));
    if (!profile_takes(field, measure) ||
        (measure != PROFILE_VALUES && (is_rewritten(fitting.wire) || fitting.fit != FIT_YES))) {
        buf_add_str(out, S("NULL"));
        return;
    }
    pq_quote(&name, column->name);
    if (measure == PROFILE_VALUES)
        buf_addf(out, "count(%s)", name.at);
    else if (measure == PROFILE_BYTES)
        buf_addf(out, "sum(octet_length(%s))", name.at);
    else if (fitting.wire == WIRE_BOOL)
        buf_addf(out, "%s(%s::int)", names[measure], name.at);
    else if (fitting.wire == WIRE_TEXT)
        buf_addf(out, "%s(%s::text COLLATE \"C\")", names[measure], name.at);
    else if (fitting.wire == WIRE_DATE || fitting.wire == WIRE_TIMESTAMP)
        add_stamp(field, names[measure], name.at, out);
    else if (fitting.wire == WIRE_TIME || fitting.wire == WIRE_INTERVAL)
        buf_addf(out, "extract(epoch FROM %s(%s))::numeric", names[measure], name.at);
    else
        buf_addf(out, "%s(%s)", names[measure], name.at);
}

/* " WHERE (a, b) NOT IN ((..), ..)", and what is only noted as deleted. */
static void add_without(const struct counting *c, struct buf *out)
{
    const char *soft = c->table->deletes.soft_column;
    if (c->without->count > 0) {
        buf_add_str(out, S(" WHERE "));
        postgres_target_keys(c->without, "NOT IN", out);
    }
    if (soft == NULL || postgres_shape_find(&c->shape, soft) < 0)
        return;
    buf_add_str(out, c->without->count > 0 ? S(" AND ") : S(" WHERE "));
    pq_quote(out, soft);
    buf_add_str(out, S(" IS NULL"));
}

static RC profile_columns(struct counting *c, int from, int count, struct profile *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RELEASE(pq_answer) answer = {0};
    buf_add_str(&sql, S("SELECT count(*)"));
    for (int i = from; i < from + count; i++) {
        const struct field *field = &ret->schema->fields[i];
        int column = postgres_shape_find(&c->shape, field->name);
        if (column < 0)
            return fail(err, RC_DATA, "the table '%s' has no column '%s' any more", c->table->name, field->name);
        for (enum profile_measure measure = 0; measure < PROFILE_MEASURES; measure++)
            add_measure(field, &c->shape.columns[column], measure, &sql);
    }
    buf_add_str(&sql, S(" FROM "));
    postgres_table_quote(c->self, c->table->name, &sql);
    add_without(c, &sql);
    TRY(pq_query(c->self->db, sql.at, 0, NULL, &answer, err));
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
    TRY(postgres_target_connect(c->self, err));
    TRY(postgres_shape_read(c->self, c->table->name, &c->arena, &c->shape, err));
    if (!c->shape.exists)
        return fail(err, RC_NOT_FOUND, "there is no table '%s'", c->table->name);
    for (int from = 0; from < ret->schema->count; from += COLUMNS_AT_ONCE) {
        int left = ret->schema->count - from;
        TRY(profile_columns(c, from, left < COLUMNS_AT_ONCE ? left : COLUMNS_AT_ONCE, ret, err));
    }
    return RC_OK;
}

RC postgres_target_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                           struct profile *ret, struct error *err)
{
    struct counting c = {.self = (struct postgres_target *)base, .table = table, .without = without};
    enum rc rc = profile_all(&c, ret, err);
    arena_release(&c.arena);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': counting the columns of '%s'", base->name, table->name);
}
