/* The SQLite target keeps a target's promises, and says no where SQLite would change a value. */
#include "conform/target_suite.h"
#include "unit/sqlite_story.h"

static void run(void *database, const char *sql) { file_run(sql); }

static bool has_table(void *database, const char *table)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '%s'", table);
    return strcmp(file_query(sql.at), "1\n") == 0;
}

static void *setup_journal(void)
{
    file_remove();
    return file_folder;
}

static void *setup_wal(void)
{
    file_remove();
    file_run("PRAGMA journal_mode = WAL");
    return file_folder;
}

static void teardown(void *database) { file_remove(); }
static struct target *open_target(void *database) { return file_target(); }

static void print_rows(void *database, const char *table, const struct schema *schema, struct buf *out)
{
    file_print_rows(table, schema, out);
}

static const struct target_kind with_journal = {
    .name = "target: SQLite, rollback journal",
    .setup = setup_journal,
    .teardown = teardown,
    .open = open_target,
    .rows = print_rows,
    .has_table = has_table,
    .run = run,
    .waits = true,
    .keeps_fifteen_digits = true,
};
static const struct target_kind with_wal = {
    .name = "target: SQLite, WAL",
    .setup = setup_wal,
    .teardown = teardown,
    .open = open_target,
    .rows = print_rows,
    .has_table = has_table,
    .run = run,
    .waits = true,
    .keeps_fifteen_digits = true,
};

/* Refused with RC_DATA naming `word`, and nothing of it stays. */
static void is_refused(struct load_story *s, const char *text, const char *word)
{
    AUTO_RELEASE(buf) before = {0}, after = {0};
    file_print_rows(s->table.name, s->schema, &before);
    assert_int_equal(load_bring(s, s->target, "", "w1", text), RC_DATA);
    SAYS(word);
    target_rollback(s->target);
    file_print_rows(s->table.name, s->schema, &after);
    assert_string_equal(or_empty(before.at), or_empty(after.at));
    assert_string_equal(file_query("SELECT waybill FROM waybill_position"), "\n");
}

/* ---- names and shapes ---- */

static void S66_odd_names_are_only_names(void **state) { load_odd_names(*state, "rowid", file_print_rows); }

static void columns_are_the_same_whatever_their_case(void **state)
{
    struct load_story *s = *state;
    file_run("CREATE TABLE Orders (ID INTEGER PRIMARY KEY, Name VARCHAR(10), extra INT NOT NULL DEFAULT 7)");
    load_ready(s);
    load_whole(s, "", "w1", "1|ada\n");
    s->table.name = "ORDERS";
    load_whole(s, "w1", "w2", "1|eve\n");
    assert_string_equal(file_query("SELECT * FROM orders"), "1|eve|7\n");
    load_use_schema(s, "id:l name:u NAME:u");
    assert_int_equal(load_prepare(s), RC_CONFIG);
    SAYS("NAME");
}

static void what_is_refused_names_a_statement_that_mends_it(void **state)
{
    static const struct {
        const char *made, *says, *mend;
    } cases[] = {
        {"id INT, name TEXT", "unique",
         "CREATE UNIQUE INDEX \"orders_merge_key\" ON \"orders\" (\"id\" COLLATE BINARY)"},
        {"id INTEGER, name TEXT, PRIMARY KEY (id, name)", "unique",
         "CREATE UNIQUE INDEX \"orders_merge_key\" ON \"orders\" (\"id\" COLLATE BINARY)"},
        {"id INT PRIMARY KEY, name ANY", "name: ANY -> TEXT", "ALTER TABLE \"orders\" RENAME TO \"orders_before\""},
        {"id INT PRIMARY KEY, name INT", "name: INT -> TEXT", "ALTER TABLE \"orders\" RENAME TO \"orders_before\""},
        {"id INT PRIMARY KEY, region TEXT NOT NULL", "region", "ALTER TABLE \"orders\" DROP COLUMN \"region\""},
        {"id INT PRIMARY KEY, name TEXT AS (id || '')", "generated",
         "ALTER TABLE \"orders\" RENAME TO \"orders_before\""},
    };
    struct load_story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_RELEASE(buf) sql = {0};
        buf_addf(&sql, "DROP TABLE IF EXISTS orders; CREATE TABLE orders (%s)", cases[i].made);
        file_run(sql.at);
        assert_int_equal(load_prepare(s), RC_DATA);
        SAYS(cases[i].says);
        SAYS(cases[i].mend);
        file_run(cases[i].mend);
        OK(load_prepare(s));
        file_run("DROP TABLE IF EXISTS orders_before");
    }
    file_run("DROP TABLE orders; CREATE TABLE orders (id INT PRIMARY KEY, name ANY) STRICT");
    OK(load_prepare(s));
    file_run("DROP TABLE orders; CREATE VIEW orders AS SELECT 1 AS id, '' AS name");
    assert_int_equal(load_prepare(s), RC_DATA);
    SAYS("view");
    s->table.key_count = 0;
    assert_int_equal(load_prepare(s), RC_CONFIG);
    SAYS("key");
    s->table.name = "Waybill_Position";
    assert_int_equal(load_prepare(s), RC_CONFIG);
}

static void only_an_index_that_proves_the_key_unique_is_enough(void **state)
{
    static const struct {
        const char *table;
        bool enough;
    } cases[] = {
        {"(id INTEGER PRIMARY KEY, name TEXT)", false}, /* the key is (id, name) here */
        {"(id INT UNIQUE, name TEXT)", false},
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
    struct load_story *s = *state;
    s->table.key = key;
    s->table.key_count = 2;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_RELEASE(buf) sql = {0};
        buf_addf(&sql, "DROP TABLE IF EXISTS orders; CREATE TABLE orders %s", cases[i].table);
        file_run(sql.at);
        assert_int_equal(load_prepare(s), cases[i].enough ? RC_OK : RC_DATA);
    }
    OK(target_create_position(s->target, &s->table, "id", &s->err));
    load_whole(s, "", "w1", "1|a\n1|A\n"); /* a column that ignores case does not make the keys one */
    load_whole(s, "w1", "w2", "1|a\n1|A\n");
    assert_int_equal(s->counts.updated, 2);
    assert_int_equal(s->counts.inserted, 0);
    assert_string_equal(file_query("SELECT * FROM orders ORDER BY name COLLATE BINARY"), "1|A\n1|a\n");
}

/* ---- values ---- */

static void values_are_stored_as_a_source_in_SQLite_has_them(void **state)
{
    struct load_story *s = *state;
    load_use_schema(s,
                    "id:l! flag:b day:tdD at:tss: at_ms:tsm:UTC price:d:10,2 big:d:20,0 name:u raw:z took:tDu share:f");
    load_ready(s);
    load_whole(s, "", "w1",
               "1|true|2024-02-29|2024-02-29 "
               "01:02:03|2024-02-29T01:02:03.040Z|12.50|9223372036854775807|007|00ff|-838:59:59.000001|0.375\n"
               "2|false|0001-01-01|1969-12-31 23:59:59|1969-12-31T23:59:59.999Z|-3.00|-1|1e3||07:00:00.000000|2\n");
    assert_string_equal(
        file_query(
            "SELECT id, quote(flag), quote(day), quote(at), quote(at_ms), quote(price), quote(big), quote(name), "
            "quote(raw), quote(took), quote(share) "
            "FROM orders ORDER BY id"),
        "1|1|'2024-02-29'|'2024-02-29 "
        "01:02:03'|'2024-02-29T01:02:03.040Z'|12.5|9223372036854775807|'007'|X'00FF'|'-838:59:59.000001'|0.375\n"
        "2|0|'0001-01-01'|'1969-12-31 23:59:59'|'1969-12-31T23:59:59.999Z'|-3|-1|'1e3'|X''|'07:00:00.000000'|2.0\n");
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
    struct load_story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        file_run("DROP TABLE IF EXISTS orders");
        load_use_schema(s, cases[i].schema);
        load_ready(s);
        is_refused(s, cases[i].row, cases[i].says);
        SAYS("'x'");
    }
}

static void a_text_column_keeps_all_digits_of_a_decimal(void **state)
{
    struct load_story *s = *state;
    file_run("CREATE TABLE orders (id INTEGER PRIMARY KEY, x TEXT)");
    load_use_schema(s, "id:l! x:d:38,10");
    load_ready(s);
    load_whole(s, "", "w1", "1|-1234567890123456789012345678.0123456789\n2|0.5000000000\n");
    assert_string_equal(file_query("SELECT x FROM orders"), "-1234567890123456789012345678.0123456789\n0.5000000000\n");
}

static void a_merge_never_adds_rows_without_a_key_again_and_again(void **state)
{
    struct load_story *s = *state;
    file_run("CREATE TABLE orders (id INT UNIQUE, name TEXT)"); /* NULLs are all different to an index */
    load_use_schema(s, "id:l name:u");
    load_ready(s);
    is_refused(s, "NULL|ada\n", "'id'");
}

static void a_null_is_never_made_the_next_number(void **state)
{
    struct load_story *s = *state;
    file_run("CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT)");
    load_use_schema(s, "id:l name:u");
    s->table.mode = MODE_APPEND;
    load_ready(s);
    is_refused(s, "NULL|ada\n", "'id'");
}

/* ---- what stands in the file beside rows ---- */

static void a_table_that_ignores_conflicts_or_rows_does_not_lose_them_in_silence(void **state)
{
    struct load_story *s = *state;
    file_run("CREATE TABLE orders (id INTEGER PRIMARY KEY ON CONFLICT IGNORE, name TEXT UNIQUE ON CONFLICT REPLACE);"
             "INSERT INTO orders VALUES (7, 'there')");
    load_ready(s);
    is_refused(s, "1|ada\n2|ada\n", "UNIQUE");
    is_refused(s, "8|there\n", "UNIQUE");
    s->table.mode = MODE_APPEND;
    is_refused(s, "7|again\n", "UNIQUE");
    file_run("CREATE TRIGGER picky BEFORE INSERT ON orders WHEN new.id = 3 BEGIN SELECT raise(IGNORE); END");
    is_refused(s, "3|ignored\n4|not\n", "took 1 rows");
    s->table.mode = MODE_MERGE;
    is_refused(s, "3|ignored\n4|not\n", "changed");
}

static void S93_replace_leaves_views_triggers_and_children_alone(void **state)
{
    struct load_story *s = *state;
    s->table.mode = MODE_REPLACE;
    file_run("CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT);"
             "CREATE TABLE lines (order_id INTEGER REFERENCES orders (id) ON DELETE CASCADE);"
             "CREATE TABLE log (id INTEGER);"
             "CREATE VIEW names AS SELECT name FROM orders;"
             "CREATE TRIGGER logged AFTER INSERT ON orders BEGIN INSERT INTO log VALUES (new.id); END;"
             "INSERT INTO orders VALUES (1, 'old'); INSERT INTO lines VALUES (1)");
    load_ready(s);
    load_whole(s, "", "w1", "1|ada\n2|bob\n");
    assert_string_equal(file_query("SELECT name FROM names ORDER BY name"), "ada\nbob\n");
    assert_string_equal(file_query("SELECT (SELECT count(*) FROM lines), (SELECT count(*) FROM log)"), "1|3\n");
}

static void a_new_table_keeps_declarations_indexes_triggers_and_views(void **state)
{
    static const char *const made[] = {
        "CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE, more INT DEFAULT (3+4))",
        "CREATE TABLE \"orders\"(id INTEGER NOT NULL PRIMARY KEY, name TEXT, more INT DEFAULT 7) WITHOUT ROWID, STRICT",
        "CREATE TABLE [orders] (id INTEGER, name TEXT, more INT DEFAULT 7, UNIQUE (id))",
        "CREATE TABLE IF NOT EXISTS main.orders/* odd */(id INTEGER, name TEXT, more INT DEFAULT 7)",
    };
    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
        file_end_story(state);
        file_begin_story(state);
        struct load_story *s = *state;
        s->table.mode = MODE_REPLACE;
        s->table.swaps = true;
        file_run(made[i]);
        file_run(
            "CREATE INDEX by_name ON orders (name); CREATE VIEW names AS SELECT name FROM orders;"
            "CREATE TABLE log (what); CREATE TRIGGER watch AFTER DELETE ON orders BEGIN INSERT INTO log VALUES (1);"
            " END; CREATE TABLE lines (order_id INTEGER REFERENCES orders ON DELETE CASCADE);"
            "INSERT INTO orders (id, name) VALUES (1, 'old'); INSERT INTO lines VALUES (1)");
        const char *schema = "SELECT type, name, tbl_name FROM sqlite_schema WHERE name NOT LIKE 'waybill%' AND "
                             "name NOT LIKE 'sqlite%' ORDER BY 1, 2, 3";
        AUTO_RELEASE(buf) before = {0};
        buf_add_str(&before, str(file_query(schema)));
        load_ready(s);
        load_whole(s, "", "w1", "1|ada\n2|bob\n");
        load_whole(s, "w1", "w2", "3|cy\n");
        assert_string_equal(file_query(schema), before.at);
        assert_string_equal(file_query("SELECT id, name, more FROM orders"), "3|cy|7\n");
        assert_string_equal(file_query("SELECT name FROM names"), "cy\n");
        assert_string_equal(file_query("SELECT count(*), (SELECT count(*) FROM log) FROM lines"), "1|0\n");
    }
}

static void the_position_row_stands_in_the_file_for_everybody_to_read(void **state)
{
    struct load_story *s = *state;
    load_ready(s);
    load_whole(s, "", "w1", "1|ada\n");
    assert_string_equal(
        file_query(
            "SELECT format, scope, target_table, shared, epoch, token, waybill, pos, loaded_at FROM waybill_position"),
        "1|p/orders|orders|0|0|1|w1|{}|2024-01-01T00:00:00.000Z\n");
}

int main(void)
{
    static const struct CMUnitTest stories[] = {
        STORY(S66_odd_names_are_only_names),
        STORY(columns_are_the_same_whatever_their_case),
        STORY(what_is_refused_names_a_statement_that_mends_it),
        STORY(only_an_index_that_proves_the_key_unique_is_enough),
        STORY(values_are_stored_as_a_source_in_SQLite_has_them),
        STORY(what_SQLite_would_change_is_refused),
        STORY(a_text_column_keeps_all_digits_of_a_decimal),
        STORY(a_merge_never_adds_rows_without_a_key_again_and_again),
        STORY(a_null_is_never_made_the_next_number),
        STORY(a_table_that_ignores_conflicts_or_rows_does_not_lose_them_in_silence),
        STORY(S93_replace_leaves_views_triggers_and_children_alone),
        STORY(a_new_table_keeps_declarations_indexes_triggers_and_views),
        STORY(the_position_row_stands_in_the_file_for_everybody_to_read),
    };
    if (file_make_folder() != 0)
        return 1;
    int failed = target_suite_run(&with_journal) + target_suite_run(&with_wal);
    failed += cmocka_run_group_tests_name("target: SQLite, values and shapes", stories, NULL, NULL);
    return failed + file_remove_folder();
}
