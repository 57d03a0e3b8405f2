/* The SQL of ranges and positions. Values of positions are literals that nothing in them can end early; comparisons are
 * the server's own, under the column's collation (S57). */
#include <assert.h>

#include "connect/mysql/source_parts.h"

static const struct mysql_column *key_column(const struct mysql_table *table, int place)
{
    return &table->columns[table->base.key[place]];
}

static const struct mysql_column *cursor_column(const struct mysql_table *table)
{
    return &table->columns[table->base.cursor];
}

/* ---- literals ---- */

/* "-00042.50" as a number that ends where it ends. */
static bool is_number(const char *text, const char *more)
{
    size_t sign = text[0] == '-', len = strlen(text);
    return len > sign && strspn(text + sign, more) == len - sign;
}

static bool add_hex_bytes(const char *text, struct buf *out)
{
    size_t len = strlen(text);
    if (len % 2 != 0 || strspn(text, "0123456789abcdefABCDEF") != len)
        return false;
    buf_addf(out, "X'%s'", text);
    return true;
}

RC mysql_range_key_literal(const struct mysql_table *table, const struct mysql_column *column, const char *text,
                           struct buf *out, struct error *err)
{
    bool fits = true;
    switch (column->key_form) {
    case KEY_NUMBER:
    case KEY_INDEX:
        fits = is_number(text, "0123456789.");
        buf_add_str(out, fits ? str(text) : S("0"));
        break;
    case KEY_REAL:
        fits = is_number(text, "0123456789.e+-");
        buf_addf(out, "%s%s", fits ? text : "0", strchr(text, 'e') == NULL ? "e0" : "");
        break;
    case KEY_BYTES: fits = add_hex_bytes(text, out); break;
    case KEY_TEXT:
    case KEY_QUOTED: mysql_literal_text(out, str(text)); break;
    case KEY_NONE: fits = false; break;
    }
    return fits ? RC_OK
                : fail(err, RC_DATA, "the position of '%s' has a value for '%s' that is none of its type",
                       table->base.name, column->base.name);
}

/* A time in the session's zone, UTC, or the integer as it is. */
static RC add_cursor_literal(const struct mysql_table *table, const char *text, struct buf *out, struct error *err)
{
    struct form plain = {.kind = FORM_TEXT, .separator = ' ', .digits = 6};
    char stamp[CURSOR_TEXT];
    int64_t us;
    if (!form_parse(&table->base.form, text, &us))
        return fail(err, RC_DATA, "the position of '%s' has a cursor that is none of its form", table->base.name);
    if (table->base.form.kind == FORM_EPOCH) {
        buf_add_str(out, str(text)); /* form_parse has taken it for a whole number */
        return RC_OK;
    }
    if (table->base.form.kind == FORM_DATE)
        plain = table->base.form;
    form_print(&plain, us, stamp);
    buf_addf(out, "'%s'", stamp);
    return RC_OK;
}

/* ---- conditions ---- */

struct condition {
    const struct mysql_table *table;
    struct buf *out;
    bool any;
};

static void add_and(struct condition *self)
{
    buf_add_str(self->out, self->any ? S(" AND ") : S(" WHERE "));
    self->any = true;
}

/* What a column is compared as: its number where its text does not tell the order. */
static void add_compared(const struct mysql_column *column, struct buf *out)
{
    mysql_quote(out, column->base.name);
    if (column->key_form == KEY_INDEX)
        buf_add_str(out, S("+0"));
    else if (column->key_form == KEY_REAL)
        buf_add_str(out, S("*1E0"));
}

static RC add_key_compare(struct condition *self, int place, const char *sign, const char *text, struct error *err)
{
    const struct mysql_column *column = key_column(self->table, place);
    add_compared(column, self->out);
    buf_addf(self->out, " %s ", sign);
    return mysql_range_key_literal(self->table, column, text, self->out, err);
}

/* Keys behind (or up to) these, as a chain that begins with a plain comparison of the first column, which an index
 * serves: a >= 1 AND (a > 1 OR (a = 1 AND b > 2)). Row comparisons are often not served. */
static RC add_keys(struct condition *self, const struct position *position, bool is_upper, struct error *err)
{
    const char *last = is_upper ? "<=" : ">", *open = is_upper ? "<=" : ">=", *strict = is_upper ? "<" : ">";
    int count = position->key_count;
    for (int i = 0; i < count; i++) {
        bool is_last = i == count - 1;
        TRY(add_key_compare(self, i, is_last ? last : open, position->key[i], err));
        if (is_last)
            break;
        buf_add_str(self->out, S(" AND ("));
        TRY(add_key_compare(self, i, strict, position->key[i], err));
        buf_add_str(self->out, S(" OR ("));
        TRY(add_key_compare(self, i, "=", position->key[i], err));
        buf_add_str(self->out, S(" AND "));
    }
    for (int i = 0; i < count - 1; i++)
        buf_add_str(self->out, S("))"));
    return RC_OK;
}

static RC add_cursor_compare(struct condition *self, const char *sign, const char *text, struct error *err)
{
    mysql_quote(self->out, cursor_column(self->table)->base.name);
    buf_addf(self->out, " %s ", sign);
    return add_cursor_literal(self->table, text, self->out, err);
}

/* cursor >= at, and of those with cursor = at only what lies behind (up to) the cut. */
static RC add_cursor_end(struct condition *self, const struct position *end, bool is_upper, struct error *err)
{
    bool is_cut = end->key_count > 0;
    add_and(self);
    TRY(add_cursor_compare(self, is_upper ? (is_cut ? "<=" : "<") : ">=", end->at, err));
    if (!is_cut)
        return RC_OK;
    buf_add_str(self->out, S(" AND ("));
    TRY(add_cursor_compare(self, is_upper ? "<" : ">", end->at, err));
    buf_add_str(self->out, S(" OR ("));
    TRY(add_keys(self, end, is_upper, err));
    buf_add_str(self->out, S("))"));
    return RC_OK;
}

static RC add_key_end(struct condition *self, const struct position *end, enum position_shape shape, bool is_upper,
                      struct error *err)
{
    if (end->shape != shape || end->key_count == 0)
        return RC_OK;
    add_and(self);
    return add_keys(self, end, is_upper, err);
}

static RC add_conditions(struct condition *self, const struct range *range, struct error *err)
{
    switch (range->kind) {
    case RANGE_ALL:
    case RANGE_PART: return RC_OK;
    case RANGE_KEY:
        TRY(add_key_end(self, &range->lo, POSITION_AFTER, false, err));
        return add_key_end(self, &range->hi, POSITION_AFTER, true, err);
    case RANGE_WALK:
        TRY(add_key_end(self, &range->lo, POSITION_WALK, false, err));
        TRY(add_key_end(self, &range->hi, POSITION_WALK, true, err));
        add_and(self);
        return add_cursor_compare(self, "<", range->hi.at, err);
    case RANGE_ROW:
        for (int i = 0; i < range->hi.key_count; i++) {
            add_and(self);
            TRY(add_key_compare(self, i, "=", range->hi.key[i], err));
        }
        return RC_OK;
    case RANGE_NULL:
        TRY(add_key_end(self, &range->lo, POSITION_AFTER, false, err));
        TRY(add_key_end(self, &range->hi, POSITION_AFTER, true, err));
        add_and(self);
        mysql_quote(self->out, cursor_column(self->table)->base.name);
        buf_add_str(self->out, S(" IS NULL"));
        return RC_OK;
    case RANGE_CURSOR:
    case RANGE_TIME: break;
    }
    if (range->lo.shape == POSITION_AT)
        TRY(add_cursor_end(self, &range->lo, false, err));
    return range->hi.shape == POSITION_AT ? add_cursor_end(self, &range->hi, true, err) : RC_OK;
}

RC mysql_range_where(const struct mysql_table *table, const struct range *range, struct buf *out, struct error *err)
{
    struct condition condition = {.table = table, .out = out};
    return add_conditions(&condition, range, err);
}

RC mysql_range_from(const struct mysql_table *table, const struct range *range, struct buf *out, struct error *err)
{
    bool by_cursor = range_goes_by_cursor(range->kind) || (range->kind == RANGE_NULL && table->cursor_index != NULL);
    const char *index = range->kind == RANGE_ALL ? NULL : by_cursor ? table->cursor_index : table->key_index;
    buf_addf(out, " FROM %s", table->quoted);
    if (index != NULL) { /* a plan that sorts would hold the whole range in the server's temporary files */
        buf_add_str(out, S(" FORCE INDEX ("));
        mysql_quote(out, index);
        buf_add_str(out, S(")"));
    }
    return mysql_range_where(table, range, out, err);
}

void mysql_range_order(const struct mysql_table *table, const struct range *range, struct buf *out)
{
    const char *comma = " ORDER BY ";
    if (range_goes_by_cursor(range->kind)) {
        buf_add_str(out, str(comma));
        mysql_quote(out, cursor_column(table)->base.name);
        comma = ", ";
    }
    for (int i = 0; i < table->base.key_count && range_goes_by_key(range->kind); i++, comma = ", ") {
        buf_add_str(out, str(comma));
        mysql_quote(out, key_column(table, i)->base.name);
    }
}

RC mysql_range_check(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                     struct error *err)
{
    const struct position *ends[] = {&range->lo, &range->hi};
    struct mysql_table *mine = (struct mysql_table *)(uintptr_t)table; /* ours, const only for the caller */
    bool by_cursor = range_goes_by_cursor(range->kind) || range->kind == RANGE_WALK;
    assert(!range_goes_by_key(range->kind) || table->base.key_count > 0);
    assert(!by_cursor || (table->base.cursor >= 0 && (range->hi.at != NULL || range->kind == RANGE_TIME)));
    assert(range->kind != RANGE_NULL || table->base.cursor >= 0);
    for (int i = 0; i < 2 && range_goes_by_key(range->kind); i++) {
        if (ends[i]->key_count != 0 && ends[i]->key_count != table->base.key_count)
            return fail(err, RC_DATA, "the position of '%s' names %d key values, and its key has %d columns",
                        table->base.name, ends[i]->key_count, table->base.key_count);
    }
    for (int i = 0; i < table->base.key_count && range_goes_by_key(range->kind) && !table->keys_are_checked; i++) {
        const struct mysql_column *column = key_column(table, i);
        AUTO_RELEASE(buf) sql = {0};
        int64_t has_null = 0;
        if (column->base.not_null)
            continue;
        buf_addf(&sql, "SELECT EXISTS(SELECT 1 FROM %s WHERE ", table->quoted);
        mysql_quote(&sql, column->base.name);
        buf_add_str(&sql, S(" IS NULL)"));
        TRY(mysql_session_int64(self->control, sql.at, &has_null, err));
        if (has_null == 0)
            continue;
        fail(err, RC_DATA, "the key column '%s' of '%s' is NULL in some rows: no range would ever take them",
             column->base.name, table->base.name);
        return fail_todo(err, "make the column NOT NULL, name another key, or take increment: full_sync");
    }
    mine->keys_are_checked |= range_goes_by_key(range->kind);
    return RC_OK;
}

/* ---- positions ---- */

static void add_key_text(const struct mysql_column *column, struct buf *out)
{
    if (column->key_form == KEY_BYTES)
        buf_add_str(out, S("LOWER(HEX("));
    add_compared(column, out);
    if (column->key_form == KEY_BYTES)
        buf_add_str(out, S("))"));
}

void mysql_range_select_position(const struct mysql_table *table, const struct range *range, struct buf *out)
{
    bool any = range_goes_by_cursor(range->kind);
    if (any)
        mysql_quote(out, cursor_column(table)->base.name);
    for (int i = 0; i < table->base.key_count && range_goes_by_key(range->kind); i++, any = true) {
        buf_add_str(out, any ? S(", ") : S(""));
        add_key_text(key_column(table, i), out);
    }
}

/* The server's text of a cursor in the form that positions have. */
static RC cursor_text(const struct mysql_table *table, struct str text, struct arena *arena, const char **ret,
                      struct error *err)
{
    char stamp[CURSOR_TEXT];
    int64_t us;
    if (table->base.form.kind == FORM_EPOCH) {
        *ret = arena_str(arena, text);
        return RC_OK;
    }
    if (text.len >= sizeof(stamp) || !stamp_parse(arena_str(arena, text), &us))
        return fail(err, RC_DATA, "the cursor '%s' of '%s' holds a zero or partial date",
                    cursor_column(table)->base.name, table->base.name);
    form_print(&table->base.form, us, stamp);
    *ret = arena_text(arena, stamp);
    return RC_OK;
}

/* ZEROFILL columns come with their zeros. */
static struct str without_zeros(struct str text)
{
    while (text.len > 1 && text.at[0] == '0' && text.at[1] != '.') {
        text.at++;
        text.len--;
    }
    return text;
}

RC mysql_range_position(const struct mysql_table *table, const struct range *range, MYSQL_ROW row,
                        const unsigned long *lengths, struct arena *arena, struct position *ret, struct error *err)
{
    struct position position = {0};
    int place = 0;
    if (range_goes_by_cursor(range->kind)) {
        position.shape = POSITION_AT;
        TRY(cursor_text(table, (struct str){row[0], lengths[0]}, arena, &position.at, err));
        place = 1;
    } else if (range->kind == RANGE_WALK) {
        position.shape = POSITION_WALK;
        position.at = arena_text(arena, range->hi.at);
    } else {
        position.shape = POSITION_AFTER;
    }
    for (int i = 0; i < table->base.key_count && range_goes_by_key(range->kind); i++, place++) {
        struct str text = {row[place], lengths[place]};
        if (row[place] == NULL || (key_column(table, i)->key_form == KEY_TEXT && memchr(text.at, '\0', text.len)))
            return fail(err, RC_DATA, "the key column '%s' of '%s' holds a value that no position can say",
                        key_column(table, i)->base.name, table->base.name);
        text = key_column(table, i)->key_form == KEY_NUMBER ? without_zeros(text) : text;
        position.key[position.key_count++] = arena_str(arena, text);
    }
    *ret = position;
    return RC_OK;
}
