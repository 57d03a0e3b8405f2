/* What Redshift says of its SQL. */
#include "base/clock.h"
#include "connect/redshift/target_parts.h"
#include "connect/sql/ddl.h"
#include "connect/sql/pq_row.h"

static struct redshift_target *of(struct target *base) { return (struct redshift_target *)base; }
static const struct redshift_target *look(const struct target *base) { return (const struct redshift_target *)base; }

/* ---- names ---- */

static const char *schema(const struct target *base) { return look(base)->schema; }

void redshift_catalog_name(const struct redshift_target *self, const char *table, struct arena *arena,
                           const char *ret_names[2])
{
    AUTO_RELEASE(buf) of_table = {0};
    sql_schema_of(&redshift_sql, &self->base, table, &of_table);
    ret_names[0] = redshift_fold(of_table.at, arena);
    ret_names[1] = redshift_fold(sql_name_alone(&redshift_sql, table), arena);
}

const char *redshift_table_name(const struct redshift_target *self, const char *table, struct arena *arena)
{
    const char *names[2];
    redshift_catalog_name(self, table, arena, names);
    bool is_own = text_eq(names[0], redshift_fold(self->schema, arena));
    return is_own ? names[1] : arena_print(arena, "%s.%s", names[0], names[1]);
}

static void spelling(const struct target *base, const char *table, struct buf *out)
{
    AUTO_RELEASE(arena) arena = {0};
    buf_add_str(out, str(redshift_table_name(look(base), table, &arena)));
}

static void position(const struct target *base, const char *table, struct buf *out)
{
    AUTO_RELEASE(arena) arena = {0};
    buf_add_str(out, str(redshift_position_table(look(base), table, &arena)));
}

/* ---- values ---- */

/* An instant is the wall clock of UTC, in a column without a zone as in one of a session in UTC. */
static bool value(const struct target *base, const struct field *field, const char *text, struct buf *out)
{
    AUTO_RELEASE(arena) arena = {0};
    char *plain = arena_text(&arena, text);
    size_t len = strlen(plain);
    if (field->type == TYPE_TIMESTAMP && len > 10) {
        plain[10] = ' ';
        plain[len - 1] = plain[len - 1] == 'Z' ? '\0' : plain[len - 1];
    }
    redshift_literal(out, plain);
    return true;
}

/* Blanks at the end do not count in its comparisons, so texts have to be as long, too. */
static bool is_value(const struct target *base, const struct field *field, const char *text, struct buf *out)
{
    redshift_quote(out, field->name);
    buf_add_str(out, S(" = "));
    value(base, field, text, out);
    if (field->type != TYPE_UTF8)
        return true;
    buf_add_str(out, S(" AND octet_length("));
    redshift_quote(out, field->name);
    buf_addf(out, ") = %zu", strlen(text));
    return true;
}

/* With the least of all characters behind it, nothing at the end of a text is a blank, and a text stays before those
 * that it begins. */
static void by_bytes(const struct target *base, const struct field *field, const char *text, struct buf *out)
{
    if (field->type == TYPE_UTF8)
        buf_addf(out, "(%s || chr(1))", text);
    else
        buf_add_str(out, str(text));
}

static void noted(const struct target *base, const char *at, struct buf *out)
{
    const struct field instant = {.type = TYPE_TIMESTAMP, .utc = true};
    value(base, &instant, at, out);
}

static void now(const struct target *base, struct buf *out)
{
    char stamp[STAMP_TEXT];
    struct clock *clock = look(base)->with.clock;
    stamp_print(clock->now_us(clock), 0, stamp);
    noted(base, stamp, out);
}

static void waiting(const struct target *base, struct buf *out) { buf_add_str(out, str(look(base)->waiting)); }

static void match(const struct target *base, struct buf *out)
{
    redshift_match(look(base), look(base)->waiting, true, out);
}

/* ---- statements ---- */

static RC ask(struct target *base, const char *sql, struct sql_row *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    of(base)->statements++;
    TRY(redshift_query(of(base), sql, 0, NULL, &answer, err));
    sql_row_from_pq(&answer, ret);
    return RC_OK;
}

static RC change(struct target *base, const char *sql, int64_t *ret_changes, struct error *err)
{
    of(base)->statements++;
    return redshift_run(of(base), sql, ret_changes, err);
}

/* ---- columns ---- */

static void declare(const struct sql_on *on, const struct field *field, struct buf *out)
{
    const struct target_layout *layout = on->table->layout;
    char declared[DECLARED_TEXT];
    redshift_declare(field, declared);
    buf_add_str(out, str(declared));
    for (int i = 0; layout != NULL && i < layout->encode_count; i++) {
        if (text_eq(layout->encodes[i].column, field->name))
            buf_addf(out, " ENCODE %s", layout->encodes[i].encode);
    }
}

static void add_layout(const struct sql_on *on, struct buf *ddl)
{
    const struct target_layout *layout = on->table->layout;
    if (layout == NULL)
        return;
    if (layout->diststyle != NULL)
        buf_addf(ddl, " DISTSTYLE %s", layout->diststyle);
    if (layout->distkey != NULL) {
        buf_add_str(ddl, S(" DISTKEY ("));
        redshift_quote(ddl, layout->distkey);
        buf_add_str(ddl, S(")"));
    }
    if (layout->sortkey_count == 0)
        return;
    buf_addf(ddl, " %sSORTKEY ", layout->is_interleaved ? "INTERLEAVED " : "COMPOUND ");
    for (int i = 0; i < layout->sortkey_count; i++) {
        buf_add_str(ddl, i > 0 ? S(", ") : S("("));
        redshift_quote(ddl, layout->sortkey[i]);
    }
    buf_add_str(ddl, S(")"));
}

static enum fit fit(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                    char ret_widened[DECLARED_TEXT])
{
    struct redshift_fitting fitting = redshift_fit(field, redshift_type_of(column));
    snprintf(ret_widened, DECLARED_TEXT, "varchar(%lld)", (long long)fitting.widened_bytes);
    return fitting.fit;
}

/* ---- what a column comes to ---- */

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

static void add_extreme(const struct field *field, const char *aggregate, const char *name, struct buf *out)
{
    if (field->type == TYPE_DATE || field->type == TYPE_TIMESTAMP)
        add_stamp(field, aggregate, name, out);
    else if (field->type == TYPE_TIME)
        add_time(aggregate, name, out);
    else if (field->type == TYPE_FLOAT) /* as text it would lose digits */
        buf_addf(out, "%s(%s)::double precision", aggregate, name);
    else if (field->type == TYPE_UTF8) /* of 'a' and 'a ' it would give either */
        buf_addf(out,
                 "CASE WHEN sum(CASE WHEN octet_length(rtrim(%s)) < octet_length(%s) THEN 1 ELSE 0 END) = 0 THEN "
                 "%s(%s) END",
                 name, name, aggregate, name);
    else
        buf_addf(out, "%s(%s)", aggregate, name);
}

static bool measure(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                    enum profile_measure measure, const char *name, struct buf *out)
{
    struct redshift_fitting fitting = redshift_fit(field, redshift_type_of(column));
    if (measure != PROFILE_VALUES && (fitting.fit != FIT_YES || !fitting.is_direct))
        return false;
    if (measure == PROFILE_VALUES)
        buf_addf(out, "count(%s)", name);
    else if (measure == PROFILE_BYTES)
        buf_addf(out, "sum(octet_length(%s)::bigint)", name);
    else if (measure == PROFILE_SUM && field->type == TYPE_BOOL)
        buf_addf(out, "sum(CASE WHEN %s THEN 1 WHEN NOT %s THEN 0 END)", name, name);
    else if (measure == PROFILE_SUM)
        buf_addf(out, "sum(%s::numeric(38,%d))", name, field->type == TYPE_DECIMAL ? field->scale : 0);
    else
        add_extreme(field, measure == PROFILE_LEAST ? "min" : "max", name, out);
    return true;
}

const struct sql redshift_sql = {
    .shown = "Redshift",
    .name_bytes_max = REDSHIFT_NAME_BYTES,
    .has_schemas = true,
    .folds_names = true,
    .keeps_lower = true,
    .alias = "",
    .waiting_alias = "",
    .keys = SQL_KEYS_OR,
    .quote = redshift_quote,
    .literal = redshift_literal,
    .schema = schema,
    .value = value,
    .is_value = is_value,
    .by_bytes = by_bytes,
    .noted = noted,
    .waiting = waiting,
    .match = match,
    .ask = ask,
    .change = change,
    .declare = declare,
    .layout = add_layout,
    .fit = fit,
    .misfit = redshift_misfit,
    .unfilled = {"DROP COLUMN", ", or give it a default in a table made anew"},
    .measure = measure,
    .position = position,
    .spelling = spelling,
    .now = now,
};
