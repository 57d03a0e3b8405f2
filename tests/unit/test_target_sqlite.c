/* The SQLite target keeps a target's promises, on real files, and says no where SQLite would change a value. */
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conform/rows.h"
#include "conform/target_suite.h"
#include "connect/sqlite/target.h"
#include "io/sqlite.h"
#include "test.h"
#include "world/fault_vfs.h"
#include "world/value.h"

#define PATH "dw.db"
static char folder[] = "/tmp/waybill-target-XXXXXX";

/* Time that only waiting moves, so that a wait of 30 s takes none. */
static int64_t waited_ms;
static int64_t now_us(struct clock *self) { return 1704067200000000; }
static int64_t mono_ms(struct clock *self) { return waited_ms; }
static void sleep_ms(struct clock *self, int64_t ms) { waited_ms += ms; }
static struct clock clock_now = {.now_us = now_us, .mono_ms = mono_ms, .sleep_ms = sleep_ms};

static void remove_files(void)
{
    static const char *const names[] = {PATH, PATH "-journal", PATH "-wal", PATH "-shm"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(names[i]);
}

/* ---- a connection beside the target ---- */

static sqlite3 *beside(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(PATH, &db), SQLITE_OK);
    return db;
}

static void run(const char *sql)
{
    sqlite3 *db = beside();
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        print_error("%s: %s\n", sql, message);
    assert_null(message);
    sqlite3_close(db);
}

/* All rows, columns parted by '|', each row ended by '\n'. */
static char *query(const char *sql)
{
    static char text[4096];
    sqlite3 *db = beside();
    sqlite3_stmt *statement = NULL;
    text[0] = '\0';
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    for (size_t len = 0; sqlite3_step(statement) == SQLITE_ROW;) {
        for (int i = 0; i < sqlite3_column_count(statement); i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? "|" : "",
                                    or_empty((const char *)sqlite3_column_text(statement, i)));
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\n");
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}

/* ---- the conformance suite, with a rollback journal and with WAL ---- */

static void *setup_journal(void)
{
    remove_files();
    return &clock_now;
}

static void *setup_wal(void)
{
    remove_files();
    run("PRAGMA journal_mode = WAL");
    return &clock_now;
}

static void teardown(void *database) { remove_files(); }

static struct target *open_target(void *database)
{
    struct target *target = NULL;
    struct error err;
    assert_int_equal(sqlite_target_open("dw", PATH, &clock_now, &target, &err), RC_OK);
    return target;
}

static bool has_table(void *database, const char *table)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '%s'", table);
    return strcmp(query(sql.at), "1\n") == 0;
}

/* What is stored, as the literal of its type; asserts the storage class that this type has. */
static struct value stored(sqlite3_stmt *row, int column, const struct field *field, struct arena *arena)
{
    int class = sqlite3_column_type(row, column);
    if (class == SQLITE_NULL)
        return (struct value){.null = true};
    switch (field->type) {
    case TYPE_BOOL:
    case TYPE_INT64:
        assert_int_equal(class, SQLITE_INTEGER);
        return (struct value){.number = sqlite3_column_int64(row, column)};
    case TYPE_DOUBLE:
        assert_int_equal(class, SQLITE_FLOAT);
        return (struct value){.real = sqlite3_column_double(row, column)};
    case TYPE_BINARY:
        assert_int_equal(class, SQLITE_BLOB);
        break;
    case TYPE_UTF8:
        assert_int_equal(class, SQLITE_TEXT);
        break;
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
        assert_int_equal(class, SQLITE_TEXT);
        return value_parse(field, sqlite_column_str(row, column), arena);
    case TYPE_DECIMAL:
        if (class == SQLITE_FLOAT)
            return value_parse(field, str(arena_print(arena, "%.*f", field->scale, sqlite3_column_double(row, column))),
                               arena);
        return value_parse(field, sqlite_column_str(row, column), arena);
    }
    return (struct value){.bytes = sqlite_column_str(row, column)};
}

static void print_rows(void *database, const char *table, const struct schema *schema, struct buf *out)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RELEASE(arena) arena = {0};
    sqlite3 *db = beside();
    sqlite3_stmt *rows = NULL;
    buf_add_str(&sql, S("SELECT "));
    for (int i = 0; i < schema->count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        sqlite_quote(&sql, schema->fields[i].name);
    }
    buf_add_str(&sql, S(" FROM "));
    sqlite_quote(&sql, table);
    assert_int_equal(sqlite3_prepare_v2(db, sql.at, -1, &rows, NULL), SQLITE_OK);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        for (int i = 0; i < schema->count; i++) {
            struct value value = stored(rows, i, &schema->fields[i], &arena);
            value_print(&value, &schema->fields[i], out);
            buf_add_str(out, i + 1 < schema->count ? S("|") : S("\n"));
        }
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    lines_sort(out);
}

static const struct target_kind with_journal = {
    .name = "target: SQLite, rollback journal",
    .setup = setup_journal,
    .teardown = teardown,
    .open = open_target,
    .rows = print_rows,
    .has_table = has_table,
    .waits = true,
};
static const struct target_kind with_wal = {
    .name = "target: SQLite, WAL",
    .setup = setup_wal,
    .teardown = teardown,
    .open = open_target,
    .rows = print_rows,
    .has_table = has_table,
    .waits = true,
};

/* ---- its own stories ---- */

static const char *const key_id[] = {"id"};

struct story {
    struct target *target;
    struct schema *schema;
    struct target_table table;
    struct arena arena;
    struct error err;
};

static int story_begin(void **state)
{
    struct story *s = xcalloc(1, sizeof(*s));
    setup_journal();
    s->target = open_target(NULL);
    s->schema = schema_of("id:l! name:u");
    s->table = (struct target_table){
        .scope = "p/orders", .name = "orders", .mode = MODE_MERGE, .schema = s->schema, .key = key_id, .key_count = 1};
    *state = s;
    return 0;
}

static int story_end(void **state)
{
    struct story *s = *state;
    target_free(s->target);
    fault_vfs_remove();
    schema_free(s->schema);
    arena_release(&s->arena);
    free(s);
    remove_files();
    return 0;
}

static void use_schema(struct story *s, const char *text)
{
    schema_free(s->schema);
    s->schema = schema_of(text);
    s->table.schema = s->schema;
}

static void well(const struct story *s, enum rc rc)
{
    if (rc != RC_OK)
        print_error("%s: %s\n", rc_name(rc), s->err.text);
    assert_int_equal(rc, RC_OK);
}
#define OK(expr) well(s, expr)

static void says(const struct story *s, const char *word)
{
    bool found = strstr(s->err.text, word) != NULL || strstr(s->err.todo, word) != NULL;
    if (!found)
        print_error("'%s' is neither in '%s' nor in '%s'\n", word, s->err.text, s->err.todo);
    assert_true(found);
}

static enum rc prepare(struct story *s)
{
    AUTO_RELEASE(buf) ddl = {0};
    return target_prepare(s->target, &s->table, false, &ddl, &s->err);
}

static void ready(struct story *s)
{
    OK(target_create_position(s->target, &s->table, "018f0000-0000-7000-8000-000000000001", &s->err));
    OK(prepare(s));
}

static enum rc bring(struct story *s, const char *prev, const char *waybill, const char *text)
{
    AUTO(rows) *rows = rows_new(s->schema, text);
    struct staged_file file = rows_file(rows, "file-00000.parquet");
    struct target_move move = {.prev = prev, .waybill = waybill, .pos = "{}", .token = 1};
    struct load_counts counts;
    bool moved = false;
    int64_t count = 0;
    TRY(target_begin(s->target, &s->table, &move, &moved, &s->err));
    assert_true(moved);
    TRY(target_load_file(s->target, &file, &count, &s->err));
    return target_apply(s->target, rows_count(rows), &counts, &s->err);
}

static void load(struct story *s, const char *prev, const char *waybill, const char *text)
{
    OK(bring(s, prev, waybill, text));
    OK(target_commit(s->target, &s->err));
}

/* Refused with RC_DATA naming `word`, and nothing of it stays. */
static void is_refused(struct story *s, const char *text, const char *word)
{
    AUTO_RELEASE(buf) before = {0}, after = {0};
    print_rows(NULL, s->table.name, s->schema, &before);
    assert_int_equal(bring(s, "", "w1", text), RC_DATA);
    says(s, word);
    target_rollback(s->target);
    print_rows(NULL, s->table.name, s->schema, &after);
    assert_string_equal(or_empty(before.at), or_empty(after.at));
    assert_string_equal(query("SELECT waybill FROM waybill_position"), "\n");
}

/* ---- looking, and being denied ---- */

static void looking_makes_no_file(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(buf) ddl = {0};
    struct target_position at;
    OK(target_position(s->target, "p/orders", &s->arena, &at, &s->err));
    assert_false(at.exists);
    OK(target_prepare(s->target, &s->table, true, &ddl, &s->err));
    assert_string_equal(ddl.at,
                        "CREATE TABLE \"orders\" (\"id\" INTEGER NOT NULL, \"name\" TEXT, PRIMARY KEY (\"id\"));\n");
    assert_int_equal(access(PATH, F_OK), -1);
}

static void a_file_that_can_only_be_read_is_denied_when_it_is_to_be_written(void **state)
{
    struct story *s = *state;
    struct target_position at;
    ready(s);
    target_free(s->target);
    assert_int_equal(chmod(PATH, 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    bool was_root = geteuid() == 0;
    if (was_root)
        assert_int_equal(seteuid(65534), 0);
    s->target = open_target(NULL);
    enum rc looked = target_position(s->target, "p/orders", &s->arena, &at, &s->err);
    enum rc fenced = target_fence(s->target, "p/orders", 1, &s->arena, &at, &s->err);
    if (was_root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(looked, RC_OK);
    assert_int_equal(fenced, RC_DENIED);
    says(s, "'dw'");
    says(s, PATH);
    assert_true(s->err.todo[0] != '\0');
}

static void S98_a_position_of_a_newer_format_is_refused_politely(void **state)
{
    struct story *s = *state;
    struct target_position at;
    struct target_move move = {.prev = "", .waybill = "w1", .pos = "{}"};
    bool moved = true;
    ready(s);
    run("UPDATE waybill_position SET format = 2");
    assert_int_equal(target_position(s->target, "p/orders", &s->arena, &at, &s->err), RC_DATA);
    says(s, "format 2");
    says(s, "newer");
    assert_int_equal(target_fence(s->target, "p/orders", 9, &s->arena, &at, &s->err), RC_DATA);
    assert_int_equal(target_create_position(s->target, &s->table, "id", &s->err), RC_DATA);
    OK(target_begin(s->target, &s->table, &move, &moved, &s->err));
    assert_false(moved);
    assert_string_equal(query("SELECT token, waybill FROM waybill_position"), "0|\n");
}

static void S15_a_renamed_pipeline_is_told_how_to_go_on(void **state)
{
    struct story *s = *state;
    ready(s);
    s->table.scope = "new/orders";
    s->table.name = "ORDERS"; /* the same table to SQLite */
    assert_int_equal(target_create_position(s->target, &s->table, "id", &s->err), RC_CONFIG);
    says(s, "p/orders");
    says(s, "new/orders");
    says(s, "shared: true");
    says(s, "restore --from-target");
    run("UPDATE waybill_position SET scope = 'new/orders' WHERE scope = 'p/orders'"); /* what it says */
    OK(target_create_position(s->target, &s->table, "id", &s->err));
}

/* ---- names and shapes ---- */

static void S66_odd_names_are_only_names(void **state)
{
    struct story *s = *state;
    static const char *const key[] = {"select", "a\"b"};
    static const char *const names[] = {"or\"der s",   "group",        "1st",
                                        "k\xc3\xa4se", "waybill_rows", "x'; DROP TABLE waybill_position; --"};
    AUTO(schema) *schema = schema_new();
    static const char *const columns[] = {"select", "a\"b", "rowid", "c0", "excluded", "t", "\xc3\xa4 \xe2\x82\xac"};
    for (int i = 0; i < 7; i++)
        schema_add(schema, &(struct field){.name = columns[i], .type = TYPE_UTF8, .nullable = true});
    char scope[16], name[64];
    for (int i = 0; i < 6; i++) {
        for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
            snprintf(scope, sizeof(scope), "p/%d%d", i, mode);
            snprintf(name, sizeof(name), "%s%.*s", names[i], mode, "__");
            s->table = (struct target_table){.scope = scope,
                                             .name = name,
                                             .mode = mode,
                                             .schema = schema,
                                             .key = key,
                                             .key_count = 2,
                                             .cursor = "t"};
            ready(s);
            AUTO(rows) *rows = rows_new(schema, "a|b|c|d|e|f|g\n1|2|3|4|5|6|7\n");
            struct staged_file file = rows_file(rows, "f");
            for (int n = 0; n < 2; n++) {
                struct target_move move = {.prev = n == 0 ? "" : "w0", .waybill = n == 0 ? "w0" : "w1", .pos = ""};
                struct load_counts counts;
                bool moved = false;
                int64_t count = 0;
                OK(target_begin(s->target, &s->table, &move, &moved, &s->err));
                OK(target_load_file(s->target, &file, &count, &s->err));
                OK(target_apply(s->target, 2, &counts, &s->err));
                OK(target_commit(s->target, &s->err));
            }
            AUTO_RELEASE(buf) have = {0};
            print_rows(NULL, name, schema, &have);
            assert_string_equal(have.at, mode == MODE_APPEND
                                             ? "1|2|3|4|5|6|7\n1|2|3|4|5|6|7\na|b|c|d|e|f|g\na|b|c|d|e|f|g\n"
                                             : "1|2|3|4|5|6|7\na|b|c|d|e|f|g\n");
        }
    }
    OK(target_prepare(s->target, &s->table, false, &(struct buf){0}, &s->err));
}

static void columns_are_the_same_whatever_their_case(void **state)
{
    struct story *s = *state;
    run("CREATE TABLE Orders (ID INTEGER PRIMARY KEY, Name VARCHAR(10), extra INT DEFAULT 7)");
    ready(s);
    load(s, "", "w1", "1|ada\n");
    load(s, "w1", "w2", "1|eve\n");
    assert_string_equal(query("SELECT * FROM orders"), "1|eve|7\n");
    use_schema(s, "id:l name:u NAME:u");
    assert_int_equal(prepare(s), RC_DATA);
    says(s, "NAME");
}

static void what_is_refused_names_a_statement_that_mends_it(void **state)
{
    static const struct {
        const char *made, *says, *mend;
    } cases[] = {
        {"id INT, name TEXT", "unique",
         "CREATE UNIQUE INDEX \"orders_merge_key\" ON \"orders\" (\"id\" COLLATE BINARY)"},
        {"id INT PRIMARY KEY, name INT", "name: INT -> TEXT", "ALTER TABLE \"orders\" RENAME TO \"orders_before\""},
        {"id INT PRIMARY KEY, region TEXT NOT NULL", "region", "ALTER TABLE \"orders\" DROP COLUMN \"region\""},
        {"id INT PRIMARY KEY, name TEXT AS (id || '')", "generated",
         "ALTER TABLE \"orders\" RENAME TO \"orders_before\""},
    };
    struct story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_RELEASE(buf) sql = {0};
        buf_addf(&sql, "DROP TABLE IF EXISTS orders; CREATE TABLE orders (%s)", cases[i].made);
        run(sql.at);
        assert_int_equal(prepare(s), RC_DATA);
        says(s, cases[i].says);
        says(s, cases[i].mend);
        run(cases[i].mend);
        OK(prepare(s));
        run("DROP TABLE IF EXISTS orders_before");
    }
    run("DROP TABLE orders; CREATE VIEW orders AS SELECT 1 AS id, '' AS name");
    assert_int_equal(prepare(s), RC_DATA);
    says(s, "view");
    s->table.name = "Waybill_Position";
    assert_int_equal(prepare(s), RC_CONFIG);
}

static void only_an_index_that_proves_the_key_unique_is_enough(void **state)
{
    static const struct {
        const char *table;
        bool enough;
    } cases[] = {
        {"(id INTEGER PRIMARY KEY, name TEXT)", false}, /* the key is (id, name) here */
        {"(id INT, name TEXT, PRIMARY KEY (name, id))", true},
        {"(id INT, name TEXT, PRIMARY KEY (name, id)) WITHOUT ROWID", true},
        {"(id INT, name TEXT, UNIQUE (id, name))", true},
        {"(id INT, name TEXT COLLATE NOCASE, UNIQUE (id, name))", false},
        {"(id INT, name TEXT); CREATE UNIQUE INDEX i ON orders (id, name) WHERE id > 0", false},
        {"(id INT, name TEXT); CREATE UNIQUE INDEX i ON orders (id, lower(name))", false},
        {"(id INT, name TEXT, x INT); CREATE UNIQUE INDEX i ON orders (id, name, x)", false},
        {"(id INT, name TEXT); CREATE INDEX i ON orders (id, name)", false},
        {"(id INT, name TEXT COLLATE NOCASE); CREATE UNIQUE INDEX i ON orders (id, name COLLATE binary)", true},
    };
    static const char *const key[] = {"id", "name"};
    struct story *s = *state;
    s->table.key = key;
    s->table.key_count = 2;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_RELEASE(buf) sql = {0};
        buf_addf(&sql, "DROP TABLE IF EXISTS orders; CREATE TABLE orders %s", cases[i].table);
        run(sql.at);
        assert_int_equal(prepare(s), cases[i].enough ? RC_OK : RC_DATA);
    }
    OK(target_create_position(s->target, &s->table, "id", &s->err));
    load(s, "", "w1", "1|a\n1|A\n"); /* a column that ignores case does not make the keys one */
    load(s, "w1", "w2", "1|a\n1|A\n");
    assert_string_equal(query("SELECT * FROM orders ORDER BY name COLLATE BINARY"), "1|A\n1|a\n");
}

/* ---- values ---- */

static void values_are_stored_as_a_source_in_SQLite_has_them(void **state)
{
    struct story *s = *state;
    use_schema(s, "id:l! flag:b day:tdD at:tss: at_ms:tsm:UTC price:d:10,2 big:d:20,0 name:u raw:z");
    ready(s);
    load(s, "", "w1",
         "1|true|2024-02-29|2024-02-29 01:02:03|2024-02-29T01:02:03.040Z|12.50|9223372036854775807|007|00ff\n"
         "2|false|0001-01-01|1969-12-31 23:59:59|1969-12-31T23:59:59.999Z|-3.00|-1|1e3|\n");
    assert_string_equal(
        query("SELECT id, quote(flag), quote(day), quote(at), quote(at_ms), quote(price), quote(big), quote(name), "
              "quote(raw) "
              "FROM orders ORDER BY id"),
        "1|1|'2024-02-29'|'2024-02-29 01:02:03'|'2024-02-29T01:02:03.040Z'|12.5|9223372036854775807|'007'|X'00FF'\n"
        "2|0|'0001-01-01'|'1969-12-31 23:59:59'|'1969-12-31T23:59:59.999Z'|-3|-1|'1e3'|X''\n");
}

static void what_SQLite_would_change_is_refused(void **state)
{
    static const struct {
        const char *schema, *row, *says;
    } cases[] = {
        {"id:l! x:g", "1|nan\n", "NaN"},
        {"id:l! x:tdD", "1|@-719529\n", "year"},
        {"id:l! x:tdD", "1|@2932897\n", "year"},
        {"id:l! x:tss:", "1|@9223372036854775807\n", "year"},
        {"id:l! x:tsu:", "1|@-9223372036854775808\n", "year"},
        {"id:l! x:d:38,10", "1|1234567890123456789012345678.0123456789\n", "DECIMAL"},
        {"id:l! x:d:38,0", "1|99999999999999999999999999999999999999\n", "DECIMAL"},
        {"id:l! x:d:20,2", "1|-12345678901234567.89\n", "DECIMAL"},
    };
    struct story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run("DROP TABLE IF EXISTS orders");
        use_schema(s, cases[i].schema);
        ready(s);
        is_refused(s, cases[i].row, cases[i].says);
        says(s, "'x'");
    }
}

static void a_text_column_keeps_all_digits_of_a_decimal(void **state)
{
    struct story *s = *state;
    run("CREATE TABLE orders (id INTEGER PRIMARY KEY, x TEXT)");
    use_schema(s, "id:l! x:d:38,10");
    ready(s);
    load(s, "", "w1", "1|-1234567890123456789012345678.0123456789\n2|0.5000000000\n");
    assert_string_equal(query("SELECT x FROM orders"), "-1234567890123456789012345678.0123456789\n0.5000000000\n");
}

static void a_null_is_never_made_the_next_number(void **state)
{
    struct story *s = *state;
    run("CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT)");
    use_schema(s, "id:l name:u");
    s->table.mode = MODE_APPEND;
    ready(s);
    is_refused(s, "NULL|ada\n", "'id'");
}

/* ---- what stands in the file beside rows ---- */

static void a_table_that_ignores_conflicts_or_rows_does_not_lose_them_in_silence(void **state)
{
    struct story *s = *state;
    run("CREATE TABLE orders (id INTEGER PRIMARY KEY ON CONFLICT IGNORE, name TEXT UNIQUE ON CONFLICT REPLACE);"
        "INSERT INTO orders VALUES (7, 'there')");
    ready(s);
    is_refused(s, "1|ada\n2|ada\n", "UNIQUE");
    is_refused(s, "8|there\n", "UNIQUE");
    s->table.mode = MODE_APPEND;
    is_refused(s, "7|again\n", "UNIQUE");
    run("CREATE TRIGGER picky BEFORE INSERT ON orders WHEN new.id = 3 BEGIN SELECT raise(IGNORE); END");
    is_refused(s, "3|ignored\n4|not\n", "took 1 rows");
    s->table.mode = MODE_MERGE;
    is_refused(s, "3|ignored\n4|not\n", "changed");
}

static void S93_replace_leaves_views_triggers_and_children_alone(void **state)
{
    struct story *s = *state;
    s->table.mode = MODE_REPLACE;
    run("CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT);"
        "CREATE TABLE lines (order_id INTEGER REFERENCES orders (id) ON DELETE CASCADE);"
        "CREATE TABLE log (id INTEGER);"
        "CREATE VIEW names AS SELECT name FROM orders;"
        "CREATE TRIGGER logged AFTER INSERT ON orders BEGIN INSERT INTO log VALUES (new.id); END;"
        "INSERT INTO orders VALUES (1, 'old'); INSERT INTO lines VALUES (1)");
    ready(s);
    load(s, "", "w1", "1|ada\n2|bob\n");
    assert_string_equal(query("SELECT name FROM names ORDER BY name"), "ada\nbob\n");
    assert_string_equal(query("SELECT (SELECT count(*) FROM lines), (SELECT count(*) FROM log)"), "1|3\n");
}

static void the_position_row_stands_in_the_file_for_everybody_to_read(void **state)
{
    struct story *s = *state;
    ready(s);
    load(s, "", "w1", "1|ada\n");
    assert_string_equal(
        query(
            "SELECT format, scope, target_table, shared, epoch, token, waybill, pos, loaded_at FROM waybill_position"),
        "1|p/orders|orders|0|0|1|w1|{}|2024-01-01T00:00:00.000Z\n");
}

/* ---- disks and locks ---- */

static void a_full_disk_during_the_load_leaves_nothing_and_says_so(void **state)
{
    struct story *s = *state;
    struct fault_vfs *disk = fault_vfs_install();
    AUTO_RELEASE(buf) many = {0};
    OK(target_reconnect(s->target, &s->err));
    ready(s);
    for (int i = 0; i < 20000; i++) /* more than SQLite keeps in memory */
        buf_addf(&many, "%d|%0200d\n", i, i);
    s->table.mode = MODE_APPEND;
    disk->bytes_left = 1 << 20;
    assert_int_equal(bring(s, "", "w1", many.at), RC_UNAVAILABLE);
    says(s, "full");
    says(s, "free some space");
    target_rollback(s->target);
    disk->bytes_left = -1;
    assert_string_equal(query("SELECT count(*), (SELECT waybill FROM waybill_position) FROM orders"), "0|\n");
    load(s, "", "w1", many.at);
    assert_string_equal(query("SELECT count(*), (SELECT waybill FROM waybill_position) FROM orders"), "20000|w1\n");
}

static void a_full_disk_at_commit_is_certainly_not_committed(void **state)
{
    struct story *s = *state;
    struct fault_vfs *disk = fault_vfs_install();
    OK(target_reconnect(s->target, &s->err));
    ready(s);
    OK(bring(s, "", "w1", "1|ada\n"));
    disk->bytes_left = 0;
    assert_int_equal(target_commit(s->target, &s->err), RC_UNAVAILABLE);
    says(s, "full");
    disk->bytes_left = -1;
    load(s, "", "w1", "1|ada\n");
    assert_string_equal(query("SELECT count(*) FROM orders"), "1\n");
}

static void a_commit_that_failed_to_reach_the_disk_is_of_unknown_fate(void **state)
{
    struct story *s = *state;
    struct fault_vfs *disk = fault_vfs_install();
    OK(target_reconnect(s->target, &s->err));
    ready(s);
    for (int was_done = 0; was_done < 2; was_done++) {
        struct target_move move = {.prev = "", .waybill = "w1", .pos = "{}", .token = 1};
        bool moved = was_done;
        OK(bring(s, "", "w1", "1|ada\n"));
        disk->fails_sync = !was_done;
        disk->loses_delete = was_done;
        assert_int_equal(target_commit(s->target, &s->err), RC_UNKNOWN);
        disk->fails_sync = disk->loses_delete = false;
        OK(target_reconnect(s->target, &s->err));
        OK(target_begin(s->target, &s->table, &move, &moved, &s->err));
        assert_int_equal(moved, !was_done);
        target_rollback(s->target);
        assert_string_equal(query("SELECT count(*) FROM orders"), was_done ? "1\n" : "0\n");
    }
}

static void a_commit_is_on_the_disk_before_it_is_answered(void **state)
{
    struct story *s = *state;
    struct fault_vfs *disk = fault_vfs_install();
    OK(target_reconnect(s->target, &s->err));
    ready(s);
    OK(bring(s, "", "w1", "1|ada\n"));
    int before = disk->syncs;
    OK(target_commit(s->target, &s->err));
    assert_true(disk->syncs >= before + 2); /* the journal, then the database */
}

static void a_reader_that_does_not_end_lets_the_commit_fail_and_nothing_is_committed(void **state)
{
    struct story *s = *state;
    ready(s);
    sqlite3 *reader = beside();
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT * FROM orders", NULL, NULL, NULL), SQLITE_OK);
    OK(bring(s, "", "w1", "1|ada\n"));
    int64_t start_ms = waited_ms;
    assert_int_equal(target_commit(s->target, &s->err), RC_BUSY);
    assert_true(waited_ms - start_ms >= SQLITE_WAIT_MS);
    sqlite3_close(reader);
    load(s, "", "w1", "1|ada\n");
    assert_string_equal(query("SELECT count(*) FROM orders"), "1\n");
}

static void a_hot_journal_of_a_killed_loader_is_rolled_back_by_looking(void **state)
{
    struct story *s = *state;
    struct target_position at;
    ready(s);
    load(s, "", "w1", "1|ada\n");
    target_free(TAKE(s->target));
    pid_t pid = fork();
    if (pid == 0) {
        sqlite3 *db = NULL; /* dies inside a transaction whose pages are already in the file */
        sqlite3_open(PATH, &db);
        sqlite3_exec(db,
                     "PRAGMA cache_size = 2; BEGIN IMMEDIATE; UPDATE waybill_position SET waybill = 'w2'; WITH "
                     "RECURSIVE n(i) AS (SELECT 2 "
                     "UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO orders SELECT i, 'lost' FROM n",
                     NULL, NULL, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(access(PATH "-journal", F_OK), 0);
    s->target = open_target(NULL);
    OK(target_position(s->target, "p/orders", &s->arena, &at, &s->err));
    assert_string_equal(at.waybill, "w1");
    assert_string_equal(query("SELECT count(*) FROM orders"), "1\n");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, story_begin, story_end)

static int make_folder(void **state)
{
    return mkdtemp(folder) == NULL || chmod(folder, 0755) != 0 || chdir(folder) != 0;
}
static int remove_folder(void **state) { return chdir("/") != 0 || rmdir(folder) != 0; }

int main(void)
{
    static const struct CMUnitTest own[] = {
        STORY(looking_makes_no_file),
        STORY(a_file_that_can_only_be_read_is_denied_when_it_is_to_be_written),
        STORY(S98_a_position_of_a_newer_format_is_refused_politely),
        STORY(S15_a_renamed_pipeline_is_told_how_to_go_on),
        STORY(S66_odd_names_are_only_names),
        STORY(columns_are_the_same_whatever_their_case),
        STORY(what_is_refused_names_a_statement_that_mends_it),
        STORY(only_an_index_that_proves_the_key_unique_is_enough),
        STORY(values_are_stored_as_a_source_in_SQLite_has_them),
        STORY(what_SQLite_would_change_is_refused),
        STORY(a_text_column_keeps_all_digits_of_a_decimal),
        STORY(a_null_is_never_made_the_next_number),
        STORY(a_table_that_ignores_conflicts_or_rows_does_not_lose_them_in_silence),
        STORY(S93_replace_leaves_views_triggers_and_children_alone),
        STORY(the_position_row_stands_in_the_file_for_everybody_to_read),
        STORY(a_full_disk_during_the_load_leaves_nothing_and_says_so),
        STORY(a_full_disk_at_commit_is_certainly_not_committed),
        STORY(a_commit_that_failed_to_reach_the_disk_is_of_unknown_fate),
        STORY(a_commit_is_on_the_disk_before_it_is_answered),
        STORY(a_reader_that_does_not_end_lets_the_commit_fail_and_nothing_is_committed),
        STORY(a_hot_journal_of_a_killed_loader_is_rolled_back_by_looking),
    };
    if (make_folder(NULL) != 0)
        return 1;
    int failed = target_suite_run(&with_journal) + target_suite_run(&with_wal);
    failed += cmocka_run_group_tests_name("target in SQLite", own, NULL, NULL);
    return failed + remove_folder(NULL);
}
