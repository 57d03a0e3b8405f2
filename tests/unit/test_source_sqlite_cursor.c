/* Which column is the cursor and in which form, and what a range must not pass over. */
#include <stdlib.h>

#include "conform/rows.h"
#include "conform/source_story.h"
#include "sqlite_shop.h"
#include "world/value.h"

struct fixture {
    sqlite3 *app;
    struct source *source;
    const struct table *table;
    struct table_request request;
    struct arena arena;
    struct error err;
};

static int begin(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    f->app = shop_new("PRAGMA journal_mode = DELETE");
    f->source = shop_source(2);
    f->request = (struct table_request){.name = "t", .wants_cursor = true};
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    source_free(f->source);
    shop_close(f->app);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static enum rc describe(struct fixture *f) { return source_describe(f->source, &f->request, &f->table, &f->err); }

static void described(struct fixture *f)
{
    enum rc rc = describe(f);
    if (rc != RC_OK)
        print_error("%s\n", f->err.text);
    assert_int_equal(rc, RC_OK);
}

static void says(const struct fixture *f, const char *word)
{
    bool found = strstr(f->err.text, word) != NULL || strstr(f->err.todo, word) != NULL;
    if (!found)
        print_error("'%s' is neither in '%s' nor in '%s'\n", word, f->err.text, f->err.todo);
    assert_true(found);
}

static void has_cursor(struct fixture *f, const char *column, const char *form)
{
    char name[FORM_TEXT_MAX];
    described(f);
    assert_true(f->table->cursor >= 0);
    assert_string_equal(f->table->schema->fields[f->table->cursor].name, column);
    form_name(&f->table->form, name);
    assert_string_equal(name, form);
}

static enum rc read_all(struct fixture *f, const struct range *range, struct buf *out)
{
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch;
    TRY(source_read(f->source, f->table, range, &reader, &f->err));
    for (;;) {
        TRY(batch_reader_next(reader, &batch, &f->err));
        if (batch == NULL)
            return RC_OK;
        add_lines(batch, out);
    }
}

static void has_rows(struct fixture *f, const struct range *range, const char *rows)
{
    AUTO_RELEASE(buf) out = {0};
    enum rc rc = read_all(f, range, &out);
    if (rc != RC_OK)
        print_error("%s\n", f->err.text);
    assert_int_equal(rc, RC_OK);
    assert_string_equal(out.len ? out.at : "", rows);
}

static const struct range all_times = {.kind = RANGE_WALK, .hi = {.shape = POSITION_AT, .at = "9999-12-31 00:00:00"}};

/* ---- which column ---- */

static void the_one_obvious_cursor_is_taken(void **state)
{
    struct fixture *f = *state;
    shop_run(f->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, created_at DATETIME NOT NULL, \"Updated_At\" DATETIME "
                     "NOT NULL, mtime DATETIME);"
                     "CREATE INDEX i ON t (\"Updated_At\", id); INSERT INTO t VALUES (1, '2024-01-01 00:00:00', "
                     "'2024-01-01 00:00:00.5', NULL)");
    has_cursor(f, "Updated_At", "text 'YYYY-MM-DD HH:MM:SS.f'");
    assert_true(f->table->cursor_found && f->table->cursor_indexed);
}

static void no_obvious_cursor_lists_what_there_is_and_why_not(void **state)
{
    struct fixture *f = *state;
    shop_run(
        f->app,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, "
        "modified_at DATETIME,"
        " mtime INTEGER NOT NULL, updated REAL NOT NULL, last_modified TEXT NOT NULL, day DATE, name TEXT);"
        "CREATE INDEX i ON t (modified_at); CREATE INDEX j ON t (mtime); CREATE INDEX k ON t (updated_at) WHERE id > 5;"
        "INSERT INTO t VALUES (1, '2024-01-01 00:00:00', '2024-01-01 00:00:00', NULL, 5, 1.5, 'yesterday', "
        "'2024-01-01', 'x')");
    assert_int_equal(describe(f), RC_CONFIG);
    says(f, "'created_at' (its name does not say that every update changes it)");
    says(f, "'updated_at' (no index begins with it)"); /* a partial one does not count */
    says(f, "'modified_at' (it may be NULL)");
    says(f, "'mtime' (it holds integers, and cursor_unit does not say");
    says(f, "'updated' (it holds REAL values");
    says(f, "'last_modified' (its texts have no form");
    says(f, "'day' (");
    says(f, "tables: {t: {cursor: ");
    assert_null(strstr(f->err.text, "'name'"));
}

static void two_obvious_cursors_are_none(void **state)
{
    struct fixture *f = *state;
    shop_run(f->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, updated_at DATETIME NOT NULL, mtime DATETIME NOT NULL);"
                     "CREATE INDEX i ON t (updated_at); CREATE INDEX j ON t (mtime)");
    assert_int_equal(describe(f), RC_CONFIG);
    says(f, "'updated_at' (obvious, but not the only one); 'mtime' (obvious, but not the only one)");
    f->request.cursor = "mtime";
    has_cursor(f, "mtime", "text 'YYYY-MM-DD HH:MM:SS'");
    assert_false(f->table->cursor_found);
}

static void a_table_without_times_says_what_is_left(void **state)
{
    struct fixture *f = *state;
    shop_run(f->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)");
    assert_int_equal(describe(f), RC_CONFIG);
    says(f, "no column looks like the time of the last change");
    says(f, "id_only or full_sync");
}

static void a_named_cursor_must_hold_times(void **state)
{
    struct fixture *f = *state;
    shop_run(f->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL, n INTEGER, s TEXT, b BLOB, at TEXT);"
                     "INSERT INTO t VALUES (1, 1.5, 5, 'yesterday', x'00', '2024-01-01T00:00:00.25Z')");
    f->request.cursor = "ta";
    assert_int_equal(describe(f), RC_CONFIG);
    says(f, "'t' has no column 'ta' (cursor)");
    says(f, "its columns are: id, r, n, s, b, at");
    f->request.cursor = "r";
    assert_int_equal(describe(f), RC_CONFIG);
    says(f, "REAL");
    f->request.cursor = "n";
    assert_int_equal(describe(f), RC_CONFIG);
    says(f, "{cursor: n, cursor_unit: s}");
    f->request.cursor = "s";
    assert_int_equal(describe(f), RC_CONFIG);
    says(f, "no form");
    f->request.cursor = "b";
    assert_int_equal(describe(f), RC_CONFIG);
    f->request.cursor = "At";
    assert_int_equal(describe(f), RC_CONFIG);
    says(f, "did you mean 'at'?");
    f->request.cursor = "at";
    has_cursor(f, "at", "text 'YYYY-MM-DDTHH:MM:SS.ffZ'");
    assert_false(f->table->cursor_indexed);
    f->request.cursor_unit = "s";
    assert_int_equal(describe(f), RC_CONFIG);
    f->request.cursor = "n";
    has_cursor(f, "n", "int s");
    f->request.cursor_unit = "ms";
    has_cursor(f, "n", "int ms");
}

static void the_form_of_most_values_is_taken_and_a_known_one_stays(void **state)
{
    struct fixture *f = *state;
    static const struct form known = {.kind = FORM_TEXT, .separator = 'T'};
    shop_run(f->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT); INSERT INTO t (at) VALUES ('2024-01-01 "
                     "00:00:00'), ('2024-01-01 00:00:01'),"
                     "('2024-01-01T00:00:00')");
    f->request.cursor = "at";
    has_cursor(f, "at", "text 'YYYY-MM-DD HH:MM:SS'");
    f->request.known_form = &known;
    has_cursor(f, "at", "text 'YYYY-MM-DDTHH:MM:SS'");
}

/* ---- what a range must not pass over ---- */

static void odd_cursors_are_counted_and_fail_the_read(void **state)
{
    struct fixture *f = *state;
    static const char *const odd[] = {"'2024-01-01T00:00:00'",
                                      "'2024-01-01 00:00:00.0'",
                                      "'2024-1-1 00:00:00'",
                                      "''",
                                      "'2024-01-01'",
                                      "1704067200",
                                      "1.5",
                                      "x'00'",
                                      "'2024-02-30 00:00:00'",
                                      "CAST(x'323032342d30312d30312030303a30303a303000' AS TEXT)"};
    enum { ODD = sizeof(odd) / sizeof(odd[0]) };
    static const struct column_override text = {"at", "binary"};
    struct range_facts facts;
    AUTO_RELEASE(buf) out = {0};
    shop_run(f->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, at); CREATE INDEX i ON t (at);"
                     "INSERT INTO t (at) VALUES ('2024-01-01 00:00:00'), (NULL), ('2024-01-01 00:00:01')");
    f->request.cursor = "at";
    AUTO(schema) *known = schema_of("id:l at:u"); /* described before it went wrong */
    known->fields[0].source_type = (free((void *)(uintptr_t)known->fields[0].source_type), xstrdup("INTEGER"));
    f->request.known = known;
    for (int i = 0; i < ODD; i++) {
        AUTO_RELEASE(buf) sql = {0};
        char count[32];
        buf_addf(&sql, "INSERT INTO t (at) VALUES (%s)", odd[i]);
        shop_run(f->app, sql.at);
        described(f);
        assert_int_equal(source_facts(f->source, f->table, &all_times, &facts, &f->err), RC_OK);
        assert_int_equal(facts.odd_cursors, i + 1);
        assert_int_equal(facts.null_cursors, 1);
        assert_int_equal(read_all(f, &all_times, &out), RC_DATA);
        assert_int_equal(out.len, 0);
        snprintf(count, sizeof(count), "in %d rows", i + 1);
        says(f, count);
    }
    f->request.overrides = &text;
    f->request.override_count = 1;
    assert_int_equal(describe(f), RC_CONFIG); /* bytes are no times */
}

static void an_integer_cursor_meets_no_text(void **state)
{
    struct fixture *f = *state;
    struct range range = {
        .kind = RANGE_CURSOR, .lo = {.shape = POSITION_AT, .at = "9"}, .hi = {.shape = POSITION_AT, .at = "11"}};
    struct range_facts facts;
    AUTO_RELEASE(buf) out = {0};
    shop_run(f->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t (n) VALUES (8), (9), (10), "
                     "(11), (-5), (100)");
    f->request.cursor = "n";
    f->request.cursor_unit = "s";
    described(f);
    has_rows(f, &range, "2|9\n3|10\n");
    range.hi.at = "2024-01-01 00:00:00"; /* S21 */
    assert_int_equal(read_all(f, &range, &out), RC_DATA);
    says(f, "the position has a text where the column holds integers");
    AUTO(schema) *known = schema_copy(f->table->schema);
    f->request.known = known;
    shop_run(f->app, "INSERT INTO t (n) VALUES (9.5)");
    described(f);
    assert_int_equal(source_facts(f->source, f->table, &all_times, &facts, &f->err), RC_DATA);
    range.hi.at = "11";
    assert_int_equal(source_facts(f->source, f->table, &range, &facts, &f->err), RC_OK);
    assert_int_equal(facts.odd_cursors, 1);
    assert_int_equal(read_all(f, &range, &out), RC_DATA);
    says(f, "int s");
}

/* S28: the mark compares as text, so fewer digits lie before all that begin with them. */
static void s28_a_mark_with_fewer_digits_than_the_column_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct range range = {.kind = RANGE_CURSOR,
                          .lo = {.shape = POSITION_AT, .at = "2024-01-01 00:00:01"},
                          .hi = {.shape = POSITION_AT, .at = "2024-01-01 00:00:02"}};
    shop_run(
        f->app,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME); INSERT INTO t (at) VALUES ('2024-01-01 00:00:00.999'),"
        "('2024-01-01 00:00:01.000'), ('2024-01-01 00:00:01.999'), ('2024-01-01 00:00:02.000')");
    f->request.cursor = "at";
    described(f);
    has_rows(f, &range, "2|2024-01-01 00:00:01.000\n3|2024-01-01 00:00:01.999\n");
}

static void a_null_in_the_key_fails_the_read(void **state)
{
    struct fixture *f = *state;
    struct range ids = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"z"}}};
    AUTO_RELEASE(buf) out = {0};
    shop_run(f->app, "CREATE TABLE t (k TEXT PRIMARY KEY, n INT); INSERT INTO t VALUES ('a', 1), (NULL, 2), (NULL, 3)");
    f->request.wants_cursor = false;
    described(f);
    assert_int_equal(read_all(f, &ids, &out), RC_DATA);
    says(f, "key column 'k' of 't' is NULL in 2 rows");
    assert_int_equal(read_all(f, &(struct range){.kind = RANGE_ALL}, &out), RC_DATA);
    says(f, "is NULL in 2 rows");
    buf_reset(&out);
    shop_run(f->app, "DELETE FROM t WHERE k IS NULL");
    has_rows(f, &ids, "a|1\n");
}

/* ---- keys ---- */

static int64_t lines_in(const struct buf *text)
{
    int64_t lines = 0;
    for (size_t i = 0; i < text->len; i++)
        lines += text->at[i] == '\n';
    return lines;
}

/* A key that nobody made unique: pages and chunks still lose no row. */
static void a_key_that_is_not_unique_loses_no_row(void **state)
{
    struct fixture *f = *state;
    static const char *const key[] = {"k"};
    enum { ROWS = 60 };
    static const struct {
        const char *create, *hi;
    } tables[] = {
        {"CREATE TABLE t (k INT NOT NULL, at DATETIME NOT NULL, n INT)", "99"},
        {"CREATE TABLE t (k INT NOT NULL, at DATETIME NOT NULL, n INT, PRIMARY KEY (n, k)) WITHOUT ROWID", "99"},
        {"CREATE TABLE t (k INT NOT NULL, at DATETIME NOT NULL, n INT, rowid TEXT)", "99"},
    };
    f->request.key = key;
    f->request.key_count = 1;
    f->request.cursor = "at";
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        shop_run(f->app, "DROP TABLE IF EXISTS t");
        shop_run(f->app, tables[i].create);
        shop_run(f->app, "WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < 59)"
                         " INSERT INTO t (k, at, n) SELECT i % 7, '2024-01-01 00:00:0' || (i % 2), i FROM s");
        described(f);
        struct range ranges[] = {
            all_times,
            {.kind = RANGE_CURSOR, .lo = {.shape = POSITION_AT, .at = "2024-01-01 00:00:00"}, .hi = all_times.hi},
            {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {tables[i].hi}}}};
        for (int kind = 0; kind < 3; kind++) {
            for (int rows = 1; rows < ROWS; rows += 6) {
                AUTO_RELEASE(buf) out = {0};
                struct range range = ranges[kind];
                bool is_cut = true;
                while (is_cut) {
                    size_t before = out.len;
                    range.hi = ranges[kind].hi;
                    assert_int_equal(
                        source_boundary(f->source, f->table, &range, rows, &f->arena, &range.hi, &is_cut, &f->err),
                        RC_OK);
                    assert_int_equal(read_all(f, &range, &out), RC_OK);
                    assert_true(out.len > before); /* a cut says that there is more */
                    range.lo = range.hi;
                }
                assert_int_equal(lines_in(&out), ROWS);
            }
        }
    }
}

/* Unique in bytes is not unique in the collation that the column is compared with. */
static void keys_that_only_differ_in_case_are_all_read(void **state)
{
    struct fixture *f = *state;
    static const char *const key[] = {"k"};
    struct range keys = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"z"}}};
    AUTO_RELEASE(buf) out = {0};
    shop_run(f->app, "CREATE TABLE t (k TEXT COLLATE NOCASE NOT NULL); CREATE UNIQUE INDEX u ON t (k COLLATE BINARY);"
                     "INSERT INTO t VALUES ('0'), ('a'), ('A'), ('b'), ('B'), ('c'), ('C')");
    f->request = (struct table_request){.name = "t", .key = key, .key_count = 1};
    described(f);
    assert_int_equal(read_all(f, &keys, &out), RC_OK);
    assert_int_equal(lines_in(&out), 7);
}

static void keys_of_every_kind_make_positions(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *declared, *values, *cut;
    } cases[] = {
        {"k BLOB", "(x'00'), (x'00ff'), (x'ff')", "00ff"},
        {"k REAL", "(-1.5), (0.1), (7)", "0.10000000000000001"},
        {"k DECIMAL(5,1)", "(1), (1.5), (2)", "1.5"},
        {"k DATE", "('2024-01-01'), ('2024-01-02'), ('2024-01-03')", "2024-01-02"},
        {"k DATETIME", "('2024-01-01 00:00:00'), ('2024-01-02 00:00:00'), ('2024-01-03 00:00:00')",
         "2024-01-02 00:00:00"},
        {"k BOOLEAN", "(0), (1), (NULL)", NULL},
        {"k TEXT COLLATE NOCASE", "('a'), ('B'), ('c')", "B"},
        {"k TEXT", "(''), ('''\"'), ('a')", "'\""},
    };
    f->request.wants_cursor = false;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_RELEASE(buf) sql = {0};
        AUTO_RELEASE(buf) rest = {0};
        struct position cut;
        bool is_cut;
        const char *ceiling;
        buf_addf(&sql, "DROP TABLE IF EXISTS t; CREATE TABLE t (%s PRIMARY KEY, n INT); INSERT INTO t (k) VALUES %s",
                 cases[i].declared, cases[i].values);
        shop_run(f->app, sql.at);
        described(f);
        assert_int_equal(source_ceiling(f->source, f->table, &f->arena, &ceiling, &f->err), RC_OK);
        if (cases[i].cut == NULL)
            continue;
        struct range range = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {ceiling}}};
        assert_int_equal(source_boundary(f->source, f->table, &range, 2, &f->arena, &cut, &is_cut, &f->err), RC_OK);
        assert_true(is_cut);
        assert_string_equal(cut.key[0], cases[i].cut);
        range.lo = cut;
        assert_int_equal(read_all(f, &range, &rest), RC_OK);
        assert_int_equal(lines_in(&rest), 1);
    }
}

static void a_key_value_that_no_position_can_name_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *ceiling;
    shop_run(f->app, "CREATE TABLE t (k TEXT PRIMARY KEY); INSERT INTO t VALUES (CAST(x'610062' AS TEXT))");
    f->request.wants_cursor = false;
    described(f);
    assert_int_equal(source_ceiling(f->source, f->table, &f->arena, &ceiling, &f->err), RC_DATA);
    says(f, "a text with a NUL in it");
}

static void a_primary_key_with_NULL_is_read_whole_and_not_by_key(void **state)
{
    struct fixture *f = *state;
    struct range whole = {.kind = RANGE_ALL},
                 by_key = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 2, .key = {"z", "z"}}};
    AUTO_RELEASE(buf) out = {0};
    shop_run(f->app, "CREATE TABLE t (a TEXT, b TEXT, n INT, PRIMARY KEY (a, b)); INSERT INTO t VALUES (NULL, NULL, "
                     "1), ('x', 'y', 2)");
    f->request.wants_cursor = false;
    described(f);
    assert_int_equal(read_all(f, &by_key, &out), RC_DATA);
    says(f, "is NULL in 1 rows");
    buf_reset(&out);
    f->request.is_whole = true;
    described(f);
    assert_true(f->table->schema->fields[0].nullable && f->table->schema->fields[1].nullable);
    assert_int_equal(read_all(f, &whole, &out), RC_OK);
    assert_int_equal(lines_in(&out), 2);
}

static void positions_of_another_key_are_refused(void **state)
{
    struct fixture *f = *state;
    struct range range = {.kind = RANGE_KEY,
                          .lo = {.shape = POSITION_AFTER, .key_count = 1, .key = {"1"}},
                          .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"2"}}};
    AUTO_RELEASE(buf) out = {0};
    const char *ceiling;
    shop_run(f->app, "CREATE TABLE t (a INT, b INT, PRIMARY KEY (b, a))");
    f->request.wants_cursor = false;
    described(f);
    assert_int_equal(f->table->key_count, 2);
    assert_true(f->table->key[0] == 1 && f->table->key[1] == 0);
    assert_int_equal(read_all(f, &range, &out), RC_DATA);
    says(f, "names 1 key values, and its key has 2 columns");
    assert_int_equal(source_ceiling(f->source, f->table, &f->arena, &ceiling, &f->err), RC_CONFIG);
}

static void a_key_has_no_override(void **state)
{
    struct fixture *f = *state;
    static const struct column_override text = {"id", "text"};
    static const char *const key[] = {"id"};
    f->request = (struct table_request){.name = "t", .overrides = &text, .override_count = 1};
    shop_run(f->app, "CREATE TABLE t (id PRIMARY KEY); INSERT INTO t VALUES (1), ('a')");
    described(f);
    assert_int_equal(f->table->key_count, 0); /* a primary key may have one: full_sync is left */
    f->request.key = key;
    f->request.key_count = 1;
    assert_int_equal(describe(f), RC_CONFIG);
    says(f, "can have no override");
}

#define TALE(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TALE(the_one_obvious_cursor_is_taken),
        TALE(no_obvious_cursor_lists_what_there_is_and_why_not),
        TALE(two_obvious_cursors_are_none),
        TALE(a_table_without_times_says_what_is_left),
        TALE(a_named_cursor_must_hold_times),
        TALE(the_form_of_most_values_is_taken_and_a_known_one_stays),
        TALE(odd_cursors_are_counted_and_fail_the_read),
        TALE(an_integer_cursor_meets_no_text),
        TALE(s28_a_mark_with_fewer_digits_than_the_column_loses_nothing),
        TALE(a_null_in_the_key_fails_the_read),
        TALE(a_key_that_is_not_unique_loses_no_row),
        TALE(keys_that_only_differ_in_case_are_all_read),
        TALE(keys_of_every_kind_make_positions),
        TALE(a_key_value_that_no_position_can_name_is_refused),
        TALE(a_primary_key_with_NULL_is_read_whole_and_not_by_key),
        TALE(positions_of_another_key_are_refused),
        TALE(a_key_has_no_override),
    };
    return cmocka_run_group_tests(tests, shop_enter, shop_leave);
}
