/* What may stand together in one table's entry: increments and modes, cursors, deletes, names. */
#include "move/config_intern.h"

struct where config_table_where(const struct table_config *table, const char *option)
{
    const struct option_origin *origin = option_origin_of(table->options, option);
    return origin->kind == ORIGIN_FILE ? origin->where : table->where;
}

/* ---- increments and modes ---- */

/* Case S85: a row that changes moves behind the mark a second time; appended, it would be there twice. */
static RC check_timed(const struct table_config *table, struct error *err)
{
    bool by_range = table->mode == MODE_DELETE_INSERT && table->increment == INCREMENT_TIMESTAMP_ONLY;
    if (table->mode == MODE_MERGE || ((table->mode == MODE_APPEND || by_range) && table->insert_only))
        return RC_OK;
    if (by_range) {
        FAIL_TABLE(
            table, "mode", err,
            "'mode: delete_insert' with the time cursor of 'increment: timestamp_only' leaves the older row of a "
            "changed one behind, in the range of its old cursor");
        return fail_todo(err, "set 'mode: merge', or 'insert_only: true' if its rows are never changed");
    }
    if (table->mode == MODE_DELETE_INSERT) {
        FAIL_TABLE(table, "mode", err,
                   "'increment: %s' cuts its ranges inside of a cursor, and 'mode: delete_insert' replaces whole "
                   "ranges; legal is: merge",
                   increment_name(table->increment));
        return fail_todo(err, "set 'mode: merge', or 'increment: timestamp_only'");
    }
    if (table->mode == MODE_REPLACE) {
        FAIL_TABLE(
            table, "mode", err,
            "'increment: %s' cannot be loaded with 'mode: replace': it brings only what changed; legal is: merge",
            increment_name(table->increment));
        return fail_todo(err, "set 'mode: merge', or 'increment: full_sync'");
    }
    FAIL_TABLE(table, "mode", err,
               "'mode: append' with the time cursor of 'increment: %s' loads a changed row twice; legal is: merge",
               increment_name(table->increment));
    return fail_todo(
        err, "set 'mode: merge', or 'insert_only: true' if its rows are never changed, or 'increment: id_only'");
}

static RC check_id_only(const struct table_config *table, struct error *err)
{
    if (table->mode == MODE_REPLACE) {
        FAIL_TABLE(table, "mode", err,
                   "'increment: id_only' cannot be loaded with 'mode: replace': it brings only what is new; "
                   "legal are: append, merge, delete_insert");
        return fail_todo(err, "set one of these, or 'increment: full_sync', which replaces");
    }
    if (table->key.count > 1) {
        FAIL_TABLE(table, "key", err, "'increment: id_only' goes by one key column, not by %d", table->key.count);
        return fail_todo(err, "name one column that grows with every new row, or set 'increment: full_sync'");
    }
    return RC_OK;
}

static RC check_full_sync(const struct table_config *table, struct error *err)
{
    if (table->mode == MODE_MERGE) {
        FAIL_TABLE(table, "mode", err,
                   "'increment: full_sync' cannot be loaded with 'mode: merge': rows that are gone would stay; "
                   "legal are: replace, append");
        return fail_todo(err, "set one of these, or 'increment: hybrid', which merges");
    }
    if (table->mode == MODE_APPEND && table->audit != AUDIT_NONE) {
        FAIL_TABLE(table, "audit", err,
                   "with 'mode: append' each run of 'increment: full_sync' adds the whole table, so the target is no "
                   "copy of it that an audit could compare");
        return fail_todo(err, "set 'audit: none' for this table");
    }
    if (table->mode == MODE_DELETE_INSERT) {
        FAIL_TABLE(table, "mode", err,
                   "'increment: full_sync' has no range that 'mode: delete_insert' could replace; legal are: "
                   "replace, append");
        return fail_todo(err, "set one of these, or 'increment: id_only', whose ranges can be replaced");
    }
    return RC_OK;
}

/* Nobody but who wrote the statement knows which of its columns tell rows apart, and when they change. */
static RC check_custom(const struct table_config *table, struct error *err)
{
    if (table->increment != INCREMENT_CUSTOM_SQL && table->sql != NULL) {
        FAIL_TABLE(table, "sql", err, "'sql' is for 'increment: custom_sql'");
        return fail_todo(err, "remove 'sql', or set 'increment: custom_sql'");
    }
    if (table->increment != INCREMENT_CUSTOM_SQL)
        return RC_OK;
    const char *missing = table->sql == NULL                                   ? "sql"
                          : table->cursor == NULL                              ? "cursor"
                          : table->key.count == 0 && table->mode == MODE_MERGE ? "key"
                                                                               : NULL;
    if (missing != NULL) {
        FAIL_TABLE(table, "increment", err, "'increment: custom_sql' needs '%s'", missing);
        return fail_todo(err,
                         "say the statement, and which of its columns are the cursor and the key: sql: \"SELECT ... "
                         "WHERE updated_at >= :lower AND updated_at < :upper\", cursor: updated_at, key: id");
    }
    if (table->is_pattern) {
        FAIL_TABLE(table, "increment", err, "'increment: custom_sql' is one table, and no pattern");
        return fail_todo(err, "give each statement an entry and a name of its own, without '*' and '?'");
    }
    return RC_OK;
}

static RC check_pair(const struct table_config *table, struct error *err)
{
    switch (table->increment) {
    case INCREMENT_HYBRID:
    case INCREMENT_TIMESTAMP_ONLY:
    case INCREMENT_CUSTOM_SQL: TRY(check_timed(table, err)); break;
    case INCREMENT_ID_ONLY: TRY(check_id_only(table, err)); break;
    case INCREMENT_FULL_SYNC: TRY(check_full_sync(table, err)); break;
    }
    if (!increment_is_timed(table->increment) && table->cursor != NULL) {
        FAIL_TABLE(table, "cursor", err, "'increment: %s' uses no cursor", increment_name(table->increment));
        return fail_todo(err, "remove 'cursor', or set 'increment: hybrid'");
    }
    if ((table->mode == MODE_REPLACE || table->mode == MODE_DELETE_INSERT) && table->shared) {
        FAIL_TABLE(table, "shared", err, "a shared target table cannot be replaced: the rows of the others would go");
        return fail_todo(err, "set 'mode: append', or give this pipeline a target table of its own");
    }
    return RC_OK;
}

/* Rows that every run reads must be loaded once, and nothing else orders them. */
static RC check_null_cursor(const struct table_config *table, struct error *err)
{
    if (table->null_cursor != NULL_CURSOR_INCLUDE)
        return RC_OK;
    if (!increment_is_timed(table->increment)) {
        FAIL_TABLE(table, "null_cursor", err, "'null_cursor' is for a time cursor, and 'increment: %s' uses none",
                   increment_name(table->increment));
        return fail_todo(err, "remove 'null_cursor', or set 'increment: hybrid'");
    }
    if (table->mode == MODE_MERGE)
        return RC_OK;
    FAIL_TABLE(table, "null_cursor", err,
               "'null_cursor: include' reads rows without a cursor in every run, and 'mode: %s' would load them each "
               "time; legal is: merge",
               mode_name(table->mode));
    return fail_todo(err, "set 'mode: merge', or 'null_cursor: exclude'");
}

/* ---- rows that go ---- */

static RC check_deletes(const struct table_config *table, struct error *err)
{
    if (table->replace_by == REPLACE_BY_SWAP && table->mode != MODE_REPLACE) {
        FAIL_TABLE(table, "replace", err, "'replace: swap' is for 'mode: replace', and this is 'mode: %s'",
                   mode_name(table->mode));
        return fail_todo(err, "remove 'replace', or set 'increment: full_sync', which replaces");
    }
    if (table->delete_detection == DELETES_UNSEEN) {
        if (table->soft_delete == NULL)
            return RC_OK;
        FAIL_TABLE(table, "soft_delete", err, "'soft_delete' without 'delete_detection': nothing would ever be noted");
        return fail_todo(err, "add 'delete_detection: keys'");
    }
    if (table->shared) {
        FAIL_TABLE(table, "delete_detection", err,
                   "deletes cannot be detected in a shared target table: the rows of the others would go");
        return fail_todo(err, "remove 'delete_detection', or give this pipeline a target table of its own");
    }
    if (table->increment == INCREMENT_CUSTOM_SQL) {
        FAIL_TABLE(table, "delete_detection", err, "a statement (custom_sql) may leave out rows that are still there");
        return fail_todo(err, "remove 'delete_detection', or take the table itself, by 'increment: hybrid'");
    }
    if (table->increment == INCREMENT_FULL_SYNC) {
        FAIL_TABLE(table, "delete_detection", err, "'increment: full_sync' replaces all rows, so none stays behind");
        return fail_todo(err, "remove 'delete_detection'");
    }
    return RC_OK;
}

/* What is read twice must be loaded once. */
static RC check_lookback(const struct table_config *table, struct error *err)
{
    if (table->lookback_ms == 0)
        return RC_OK;
    if (!increment_is_timed(table->increment)) {
        FAIL_TABLE(table, "lookback", err, "'lookback' goes back by a time cursor, and 'increment: %s' uses none",
                   increment_name(table->increment));
        return fail_todo(err, "remove 'lookback', or set 'increment: hybrid'");
    }
    if (table->mode == MODE_APPEND) {
        FAIL_TABLE(table, "lookback", err,
                   "'lookback' reads rows again, and 'mode: %s' would load them twice; legal are: merge, delete_insert",
                   mode_name(table->mode));
        return fail_todo(err, "remove 'lookback', or set 'mode: merge'");
    }
    return RC_OK;
}

/* ---- the rest of a table ---- */

static RC check_names(const struct table_config *table, struct error *err)
{
    const char *unit = table->cursor_unit;
    if (unit != NULL && !text_eq(unit, "s") && !text_eq(unit, "ms")) {
        FAIL_TABLE(table, "cursor_unit", err, "'%s' is not a unit of a cursor, which is s or ms", unit);
        return fail_todo(err, "write 'cursor_unit: s' where it counts seconds since 1970, 'ms' for milliseconds");
    }
    if (table->key.count > KEY_COLUMNS_MAX) {
        FAIL_TABLE(table, "key", err, "a key of more than %d columns", KEY_COLUMNS_MAX);
        return fail_todo(err, "name the fewest columns that tell a row from all others");
    }
    for (int i = 0; i < table->key.count; i++) {
        for (int j = 0; j < i; j++) {
            if (text_eq(table->key.items[i], table->key.items[j])) {
                FAIL_TABLE(table, "key", err, "the column '%s' stands twice in the key", table->key.items[i]);
                return fail_todo(err, "remove one of the two");
            }
        }
    }
    if (!table->is_pattern && table->exclude.count != 0) {
        FAIL_TABLE(table, "exclude", err, "'exclude' is for patterns, and this is one table");
        return fail_todo(err, "remove it; columns are left out by 'exclude_columns: [NAME]'");
    }
    if (table->target[0] == '\0') {
        FAIL_TABLE(table, "target", err, "the name in the target is empty");
        return fail_todo(err, "name the table in the target, or leave 'target' out: it has the source's name then");
    }
    if (table->is_pattern && option_is_given(table->options, "target") && !table->shared) {
        FAIL_TABLE(table, "target", err, "all tables of a pattern would go to one target table");
        return fail_todo(err,
                         "leave 'target' out (each goes to its own name), or set 'shared: true' if one table is meant");
    }
    return RC_OK;
}

RC config_check_table(const struct table_config *table, struct error *err)
{
    TRY(check_custom(table, err));
    TRY(check_pair(table, err));
    TRY(check_lookback(table, err));
    TRY(check_null_cursor(table, err));
    TRY(check_deletes(table, err));
    return check_names(table, err);
}
