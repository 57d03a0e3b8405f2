/* What PostgreSQL says of its SQL. */
#include "connect/postgres/target_parts.h"
#include "connect/sql/ddl.h"
#include "connect/sql/pq_row.h"

static struct postgres_target *of(struct target *base) { return (struct postgres_target *)base; }
static const struct postgres_target *look(const struct target *base) { return (const struct postgres_target *)base; }

/* ---- words ---- */

static void literal(struct buf *out, const char *text) { pq_literal(out, str(text)); }

static const char *schema(const struct target *base) { return look(base)->schema; }

static bool value(const struct target *base, const struct field *field, const char *text, struct buf *out)
{
    AUTO_RELEASE(buf) plain = {0};
    size_t len = strlen(text);
    bool is_instant = field->type == TYPE_TIMESTAMP && field->utc;
    buf_addf(&plain, "%s%s", text, is_instant && (len == 0 || text[len - 1] != 'Z') ? "+00" : "");
    pq_literal(out, buf_str(&plain));
    return true;
}

static void by_bytes(const struct target *base, const struct field *field, const char *text, struct buf *out)
{
    buf_addf(out, "%s%s", text, field->type == TYPE_UTF8 ? " COLLATE \"C\"" : "");
}

static void noted(const struct target *base, const char *at, struct buf *out) { literal(out, at); }

static void waiting(const struct target *base, struct buf *out) { buf_add_str(out, S(WAITING_ROWS)); }

static void match(const struct target *base, struct buf *out)
{
    const struct target_table *table = look(base)->table;
    for (int i = 0; i < table->key_count; i++) {
        buf_add_str(out, i > 0 ? S(" AND t.") : S("t."));
        pq_quote(out, table->key[i]);
        buf_add_str(out, S(" = "));
        postgres_target_waiting(look(base), schema_find(table->schema, table->key[i]), out);
    }
}

static void waiting_column(const struct target *base, int column, struct buf *out)
{
    postgres_target_waiting(look(base), column, out);
}

static const char *waiting_number(const struct target *base) { return look(base)->number; }

static void into(const struct target *base, struct buf *out) { buf_add_str(out, str(look(base)->into)); }

/* One spelling per table: without the connection's own schema, and cut as PostgreSQL cuts names. */
static void spelling(const struct target *base, const char *table, struct buf *out)
{
    AUTO_RELEASE(buf) of_table = {0};
    sql_schema_of(&postgres_sql, base, table, &of_table);
    if (!str_eq(pq_name(of_table.at), pq_name(look(base)->schema))) {
        buf_add_str(out, pq_name(of_table.at));
        buf_add_str(out, S("."));
    }
    buf_add_str(out, pq_name(sql_name_alone(&postgres_sql, table)));
}

static void position(const struct target *base, const char *table, struct buf *out)
{
    buf_add_str(out, str(look(base)->position));
}

static void now(const struct target *base, struct buf *out) { buf_add_str(out, S("now()")); }

/* ---- statements ---- */

static RC ask(struct target *base, const char *sql, struct sql_row *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    of(base)->statements++;
    TRY(pq_query(of(base)->db, sql, 0, NULL, &answer, err));
    sql_row_from_pq(&answer, ret);
    return RC_OK;
}

static RC change(struct target *base, const char *sql, int64_t *ret_changes, struct error *err)
{
    of(base)->statements++;
    return pq_run(of(base)->db, sql, ret_changes, err);
}

/* Readers go on. */
static RC hold(struct target *base, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("LOCK TABLE "));
    postgres_table_quote(look(base), look(base)->table->name, &sql);
    buf_add_str(&sql, S(" IN SHARE ROW EXCLUSIVE MODE"));
    return change(base, sql.at, NULL, err);
}

/* ---- columns ---- */

static void declare(const struct sql_on *on, const struct field *field, struct buf *out)
{
    char declared[DECLARED_TEXT];
    pg_declare(field, declared);
    buf_add_str(out, str(declared));
}

static enum fit fit(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                    char ret_widened[DECLARED_TEXT])
{
    struct fitting fitting = pg_fit(field, &pg_target_column_of(column)->type);
    memcpy(ret_widened, fitting.widened, DECLARED_TEXT);
    return fitting.fit;
}

static bool measure(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                    enum profile_measure measure, const char *name, struct buf *out)
{
    const struct fitting fitting = pg_fit(field, &pg_target_column_of(column)->type);
    return pg_measure(field, &fitting, measure, name, out);
}

const struct sql postgres_sql = {
    .shown = "PostgreSQL",
    .name_bytes_max = PQ_NAME_BYTES,
    .cuts_names = true,
    .has_schemas = true,
    .enforces_keys = true,
    .alias = " t",
    .waiting_alias = " s",
    .defer = "SET CONSTRAINTS ALL DEFERRED; ", /* foreign keys look when everything is here again */
    .keys = SQL_KEYS_IN,
    .quote = pq_quote,
    .literal = literal,
    .schema = schema,
    .value = value,
    .by_bytes = by_bytes,
    .noted = noted,
    .waiting = waiting,
    .match = match,
    .waiting_column = waiting_column,
    .waiting_number = waiting_number,
    .into = into,
    .overriding = " OVERRIDING SYSTEM VALUE", /* an identity column takes the source's numbers, as COPY does */
    .hold = hold,
    .ask = ask,
    .change = change,
    .declare = declare,
    .fit = fit,
    .misfit = postgres_misfit,
    .unfilled = {"ALTER COLUMN", " DROP NOT NULL"},
    .measure = measure,
    .position = position,
    .spelling = spelling,
    .now = now,
};
