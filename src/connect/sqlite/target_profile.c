/* What the target's columns come to, counted by SQLite. */
#include "connect/sqlite/target_parts.h"

enum { COLUMNS_AT_ONCE = 100, EXACT_DIGITS = 15, DOUBLE_TEXT = 40 };

struct counting {
    struct sqlite_target *self;
    const struct target_table *table;
    const struct key_list *without;
    struct shape shape;
    struct arena arena;
};

/* ---- measures; false: SQLite cannot say ---- */

/* Its own sum ends the query where it passes 64 bits, so the halves are summed. */
static bool add_sum(const struct field *field, const char *name, struct buf *out)
{
    AUTO_RELEASE(buf) value = {0};
    if (field->type == TYPE_DECIMAL && field->precision > EXACT_DIGITS)
        return false;
    if (field->type == TYPE_DECIMAL)
        buf_addf(&value, "CAST(round(%s * 1e%d) AS INTEGER)", name, field->scale);
    else
        buf_add_str(&value, str(name));
    buf_addf(out, "sum(%s / 4294967296) || ':' || sum(%s %% 4294967296)", value.at, value.at);
    return true;
}

static bool add_extreme(const struct field *field, const char *name, const char *aggregate, struct buf *out)
{
    switch (field->type) {
    case TYPE_UTF8: buf_addf(out, "%s(CAST(%s AS BLOB))", aggregate, name); return true;
    case TYPE_DECIMAL:
        if (field->precision > EXACT_DIGITS) /* may be a text */
            return false;
        buf_addf(out, "printf('%%.%df', %s(%s))", field->scale, aggregate, name);
        return true;
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DATE:
    case TYPE_TIMESTAMP: buf_addf(out, "%s(%s)", aggregate, name); return true;
    case TYPE_TIME: /* a text, whose order is not that of times */
    case TYPE_BOOL:
    case TYPE_BINARY: break;
    }
    return false;
}

static void add_measure(const struct field *field, const char *name, enum profile_measure measure, struct buf *out)
{
    size_t before;
    bool is_taken = false;
    buf_add_str(out, S(", "));
    before = out->len;
    if (measure == PROFILE_VALUES)
        buf_addf(out, "count(%s)", name);
    else if (profile_takes(field, measure) && measure == PROFILE_BYTES)
        buf_addf(out, "sum(length(CAST(%s AS BLOB)))", name);
    else if (profile_takes(field, measure) && measure == PROFILE_SUM)
        is_taken = add_sum(field, name, out);
    else if (profile_takes(field, measure))
        is_taken = add_extreme(field, name, measure == PROFILE_LEAST ? "min" : "max", out);
    if (!is_taken && out->len == before)
        buf_add_str(out, S("NULL"));
}

/* ---- rows that are left out ---- */

/* " WHERE (a, b) NOT IN (VALUES (..), ..)", and what is only noted as deleted. */
static void add_without(const struct counting *c, struct buf *out)
{
    const char *soft = c->table->deletes.soft_column;
    if (c->without->count > 0) {
        buf_add_str(out, S(" WHERE "));
        sqlite_target_keys(c->without, "NOT IN", out);
    }
    if (soft == NULL || shape_find(&c->shape, soft) < 0)
        return;
    buf_add_str(out, c->without->count > 0 ? S(" AND ") : S(" WHERE "));
    sqlite_quote(out, soft);
    buf_add_str(out, S(" IS NULL"));
}

/* ---- counting ---- */

static RC ask_columns(struct counting *c, const struct schema *schema, int from, int count, sqlite3_stmt **ret,
                      struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    bool is_row = false;
    buf_add_str(&sql, S("SELECT count(*)"));
    for (int i = from; i < from + count; i++) {
        AUTO_RELEASE(buf) name = {0};
        if (shape_find(&c->shape, schema->fields[i].name) < 0)
            return fail(err, RC_DATA, "the table '%s' has no column '%s' any more", c->table->name,
                        schema->fields[i].name);
        sqlite_quote(&name, schema->fields[i].name);
        for (enum profile_measure measure = 0; measure < PROFILE_MEASURES; measure++)
            add_measure(&schema->fields[i], name.at, measure, &sql);
    }
    buf_add_str(&sql, S(" FROM main."));
    sqlite_quote(&sql, c->table->name);
    add_without(c, &sql);
    TRY(sqlite_prepare(c->self->db, sql.at, ret, err));
    return sqlite_step(c->self->db, *ret, &is_row, err);
}

/* SQLite's own text of a double has fewer digits than it takes. */
static struct str cell_text(sqlite3_stmt *row, int column, char room[DOUBLE_TEXT])
{
    struct str text;
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_NULL: return (struct str){0};
    case SQLITE_FLOAT: snprintf(room, DOUBLE_TEXT, "%.17g", sqlite3_column_double(row, column)); return str(room);
    default: text = sqlite_column_str(row, column); return text.at != NULL ? text : S(""); /* an empty blob is there */
    }
}

static RC profile_columns(struct counting *c, int from, int count, struct profile *ret, struct error *err)
{
    AUTO(sqlite3_stmt) *row = NULL;
    TRY(ask_columns(c, ret->schema, from, count, &row, err));
    ret->rows = sqlite3_column_int64(row, 0);
    for (int i = 0; i < count * PROFILE_MEASURES; i++) {
        char room[DOUBLE_TEXT];
        profile_tell(ret, from + i / PROFILE_MEASURES, (enum profile_measure)(i % PROFILE_MEASURES),
                     cell_text(row, i + 1, room));
    }
    return RC_OK;
}

static RC profile_all(struct counting *c, struct profile *ret, struct error *err)
{
    TRY(sqlite_target_look(c->self, err));
    if (c->self->db != NULL)
        TRY(shape_read(c->self, c->table->name, &c->arena, &c->shape, err));
    if (!c->shape.exists)
        return fail(err, RC_NOT_FOUND, "there is no table '%s'", c->table->name);
    for (int from = 0; from < ret->schema->count; from += COLUMNS_AT_ONCE) {
        int left = ret->schema->count - from;
        TRY(profile_columns(c, from, left < COLUMNS_AT_ONCE ? left : COLUMNS_AT_ONCE, ret, err));
    }
    return RC_OK;
}

RC sqlite_target_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                         struct profile *ret, struct error *err)
{
    struct counting c = {.self = (struct sqlite_target *)base, .table = table, .without = without};
    enum rc rc = profile_all(&c, ret, err);
    arena_release(&c.arena);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': counting the columns of '%s'", base->name, table->name);
}
