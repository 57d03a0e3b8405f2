/* The SQLite source keeps a source's promises on real files, with a rollback journal and with a WAL. What only SQLite
 * does is told in test_source_sqlite_types.c and test_source_sqlite_locks.c. */
#include "conform/source_suite.h"
#include "io/sqlite.h"
#include "sqlite_shop.h"
#include "test.h"
#include "world/value.h"

/* ---- the application beside the source ---- */

static void *setup_delete(void) { return shop_new("PRAGMA journal_mode = DELETE"); }
static void *setup_wal(void) { return shop_new("PRAGMA journal_mode = WAL"); }
static void teardown(void *world) { shop_close(world); }
static struct source *open_source(void *world, int page_rows) { return shop_source(page_rows); }
static void set_now(void *world, int64_t us) { shop_clock.wall_us = us; }

static void declare(struct buf *sql, const struct field *field)
{
    static const char *const types[] = {
        [TYPE_BOOL] = "BOOLEAN", [TYPE_INT64] = "INTEGER", [TYPE_DOUBLE] = "REAL",        [TYPE_UTF8] = "TEXT",
        [TYPE_BINARY] = "BLOB",  [TYPE_DATE] = "DATE",     [TYPE_TIMESTAMP] = "DATETIME",
    };
    sqlite_quote(sql, field->name);
    if (field->type == TYPE_DECIMAL)
        buf_addf(sql, " DECIMAL(%d,%d)", field->precision, field->scale);
    else
        buf_addf(sql, " %s", types[field->type]);
    buf_addf(sql, "%s, ", field->nullable ? "" : " NOT NULL");
}

static void create(void *world, const char *table, const struct schema *schema, const char *key, const char *cursor)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("CREATE TABLE "));
    sqlite_quote(&sql, table);
    buf_add_str(&sql, S(" ("));
    for (int i = 0; i < schema->count; i++)
        declare(&sql, &schema->fields[i]);
    if (key[0] != '\0')
        buf_addf(&sql, "PRIMARY KEY (%s)) %s", key, strchr(key, ',') != NULL ? "WITHOUT ROWID" : "");
    else
        memcpy(sql.at + sql.len - 2, ")", 2);
    shop_run(world, sql.at);
    if (cursor == NULL)
        return;
    buf_reset(&sql);
    buf_addf(&sql, "CREATE INDEX \"%s by %s\" ON \"%s\" (%s)", table, cursor, table, cursor);
    shop_run(world, sql.at);
}

static void bind(sqlite3_stmt *statement, int at, const struct value *value, const struct field *field)
{
    AUTO_RELEASE(buf) text = {0};
    switch (value->null ? -1 : (int)field->type) {
    case -1: sqlite3_bind_null(statement, at); return;
    case TYPE_BOOL:
    case TYPE_INT64: sqlite3_bind_int64(statement, at, (int64_t)value->number); return;
    case TYPE_DOUBLE: sqlite3_bind_double(statement, at, value->real); return;
    case TYPE_UTF8:
        sqlite3_bind_text64(statement, at, value->bytes.at, value->bytes.len, SQLITE_TRANSIENT, SQLITE_UTF8);
        return;
    case TYPE_BINARY: sqlite3_bind_blob64(statement, at, value->bytes.at, value->bytes.len, SQLITE_TRANSIENT); return;
    default:
        value_print(value, field, &text);
        sqlite3_bind_text64(statement, at, text.at, text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    }
}

static void put(void *world, const char *table, const struct schema *schema, const char *row)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RELEASE(arena) arena = {0};
    sqlite3_stmt *statement = NULL;
    buf_addf(&sql, "INSERT OR REPLACE INTO \"%s\" VALUES (", table);
    for (int i = 0; i < schema->count; i++)
        buf_addf(&sql, "%s?", i > 0 ? ", " : "");
    buf_add_str(&sql, S(")"));
    assert_int_equal(sqlite3_prepare_v2(world, sql.at, -1, &statement, NULL), SQLITE_OK);
    for (int i = 0; i < schema->count; i++) {
        size_t len = strcspn(row, "|\n");
        struct value value = value_parse(&schema->fields[i], (struct str){row, len}, &arena);
        bind(statement, i + 1, &value, &schema->fields[i]);
        row += len + (row[len] == '|');
    }
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
}

static void delete (void *world, const char *table, const struct schema *schema, const char *key)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "DELETE FROM \"%s\" WHERE id = '%s'", table, key);
    shop_run(world, sql.at);
    assert_int_equal(sqlite3_changes(world), 1);
}

static void begin(void *world) { shop_run(world, "BEGIN"); }
static void commit(void *world) { shop_run(world, "COMMIT"); }

int main(void)
{
    struct source_kind kind = {
        .name = "SQLite with a rollback journal",
        .quirks = {.waits_for_writers = true, .snapshot_blocks_writers = true},
        .setup = setup_delete,
        .teardown = teardown,
        .open = open_source,
        .set_now = set_now,
        .create = create,
        .put = put,
        .delete = delete,
        .begin = begin,
        .commit = commit,
    };
    if (shop_enter(NULL) != 0)
        return 1;
    int failed = source_suite_run(&kind);
    kind.name = "SQLite with a WAL";
    kind.setup = setup_wal;
    kind.quirks.snapshot_blocks_writers = false;
    failed += source_suite_run(&kind);
    return failed + shop_leave(NULL);
}
