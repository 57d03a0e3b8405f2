/* What all engines behind ADBC say of their SQL alike; what differs is the dialect's. */
#include "base/clock.h"
#include "connect/adbc/target_parts.h"
#include "connect/sql/ddl.h"

static struct adbc_target *of(struct target *base) { return (struct adbc_target *)base; }
static const struct adbc_target *look(const struct target *base) { return (const struct adbc_target *)base; }
static const struct dialect *dialect(const struct target *base) { return look(base)->dialect; }

/* ---- words ---- */

const char *adbc_sql_schema(const struct target *base)
{
    return dialect(base)->schema != NULL ? adbc_target_schema(look(base)) : dialect(base)->place;
}

bool adbc_sql_value(const struct target *base, const struct field *field, const char *text, struct buf *out)
{
    return dialect(base)->key_literal(field, text, out);
}

void adbc_sql_by_bytes(const struct target *base, const struct field *field, const char *value, struct buf *out)
{
    buf_addf(out, "%s%s", value, field->type == TYPE_UTF8 ? dialect(base)->by_bytes : "");
}

void adbc_sql_noted(const struct target *base, const char *at, struct buf *out) { adbc_literal(out, at); }

void adbc_sql_waiting(const struct target *base, struct buf *out) { buf_add_str(out, str(dialect(base)->waiting)); }

void adbc_sql_waiting_column(const struct target *base, int column, struct buf *out)
{
    adbc_target_waiting(look(base), column, out);
}

const char *adbc_sql_waiting_number(const struct target *base) { return dialect(base)->number; }

/* "t.id = s.c0": a row of the table, and one that waits. */
void adbc_sql_match(const struct target *base, struct buf *out)
{
    const struct adbc_target *self = look(base);
    const struct target_table *table = self->table;
    for (int i = 0; i < table->key_count; i++) {
        int column = schema_find(table->schema, table->key[i]);
        bool is_text = table->schema->fields[column].type == TYPE_UTF8 && !self->columns[column].fitting.is_cast;
        buf_add_str(out, i > 0 ? S(" AND t.") : S("t."));
        adbc_quote(out, table->key[i]);
        buf_add_str(out, S(" = "));
        adbc_target_waiting(self, column, out);
        buf_add_str(out, str(is_text ? self->dialect->by_bytes : ""));
    }
}

/* One spelling per table: without the connection's own schema. */
void adbc_sql_spelling(const struct target *base, const char *table, struct buf *out)
{
    const struct sql *sql = &dialect(base)->sql;
    AUTO_RELEASE(buf) schema = {0};
    sql_schema_of(sql, base, table, &schema);
    bool is_own = sql_names_equal(sql, or_empty(schema.at), adbc_sql_schema(base));
    buf_add_str(out, str(is_own ? sql_name_alone(sql, table) : table));
}

void adbc_sql_position(const struct target *base, const char *table, struct buf *out)
{
    adbc_quote(out, adbc_sql_schema(base));
    buf_add_str(out, S(".waybill_position"));
}

void adbc_sql_now(const struct target *base, struct buf *out)
{
    struct clock *clock = look(base)->with.clock;
    char stamp[STAMP_TEXT];
    stamp_print(clock->now_us(clock), 3, stamp);
    adbc_literal(out, stamp);
}

/* ---- statements ---- */

RC adbc_sql_ask(struct target *base, const char *sql, struct sql_row *ret, struct error *err)
{
    AUTO_RELEASE(answer) answer = {0};
    of(base)->statements++;
    TRY(adbc_query(of(base)->db, sql, &answer, err));
    sql_row_init(ret, answer.rows > 0 ? answer.columns : 0);
    for (int i = 0; i < ret->count; i++) {
        struct str cell = answer_str(&answer, 0, i);
        if (cell.at != NULL)
            ret->cells[i] = (struct str){arena_str(&ret->arena, cell), cell.len};
    }
    return RC_OK;
}

RC adbc_sql_change(struct target *base, const char *sql, int64_t *ret_changes, struct error *err)
{
    int64_t changes;
    TRY(adbc_target_change(of(base), sql, &changes, err));
    if (ret_changes != NULL)
        *ret_changes = changes;
    return RC_OK;
}

RC adbc_sql_hold(struct target *base, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    if (dialect(base)->hold_table == NULL)
        return RC_OK;
    buf_add_str(&sql, S("LOCK TABLE "));
    adbc_table_quote(look(base), look(base)->table->name, &sql);
    buf_addf(&sql, " %s", dialect(base)->hold_table);
    return adbc_run(of(base)->db, sql.at, err);
}

/* ---- columns ---- */

void adbc_sql_declare(const struct sql_on *on, const struct field *field, struct buf *out)
{
    struct target_type type = {0};
    dialect(on->target)->type_of(field, &type);
    buf_add_str(out, str(type.declared));
}

enum fit adbc_sql_fit(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                      char ret_widened[DECLARED_TEXT])
{
    const struct column_type type = column_type_of(column);
    const struct column_fit fitting = dialect(on->target)->fit(field, &type);
    memcpy(ret_widened, fitting.widened, DECLARED_TEXT);
    return fitting.fit;
}

bool adbc_sql_measure(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                      enum profile_measure measure, const char *name, struct buf *out)
{
    const struct column_type type = column_type_of(column);
    return dialect(on->target)->measure(field, &type, measure, name, out);
}
