/* Which column is the cursor and in which form, and what a range must not pass over. */
#include <stdlib.h>

#include "conform/rows.h"
#include "conform/source_story.h"
#include "sqlite_shop.h"
#include "world/value.h"

static int begin(void **state)
{
    struct shop_story *s = shop_story_new(2);
    s->request.wants_cursor = true;
    *state = s;
    return 0;
}

static void described(struct shop_story *s)
{
    enum rc rc = shop_describe(s);
    if (rc != RC_OK)
        print_error("%s\n", s->err.text);
    assert_int_equal(rc, RC_OK);
}

static void has_cursor(struct shop_story *s, const char *column, const char *form)
{
    char name[FORM_TEXT_MAX];
    described(s);
    assert_true(s->table->cursor >= 0);
    assert_string_equal(s->table->schema->fields[s->table->cursor].name, column);
    form_name(&s->table->form, name);
    assert_string_equal(name, form);
}

static enum rc read_all(struct shop_story *s, const struct range *range, struct buf *out)
{
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch;
    TRY(source_read(s->source, s->table, range, &reader, &s->err));
    for (;;) {
        TRY(batch_reader_next(reader, &batch, &s->err));
        if (batch == NULL)
            return RC_OK;
        add_lines(batch, out);
    }
}

static void has_rows(struct shop_story *s, const struct range *range, const char *rows)
{
    AUTO_RELEASE(buf) out = {0};
    enum rc rc = read_all(s, range, &out);
    if (rc != RC_OK)
        print_error("%s\n", s->err.text);
    assert_int_equal(rc, RC_OK);
    assert_string_equal(out.len ? out.at : "", rows);
}

static const struct range all_times = {.kind = RANGE_WALK, .hi = {.shape = POSITION_AT, .at = "9999-12-31 00:00:00"}};

/* ---- which column ---- */

static void the_one_obvious_cursor_is_taken(void **state)
{
    struct shop_story *s = *state;
    shop_run(s->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, created_at DATETIME NOT NULL, \"Updated_At\" DATETIME "
                     "NOT NULL, mtime DATETIME);"
                     "CREATE INDEX i ON t (\"Updated_At\", id); INSERT INTO t VALUES (1, '2024-01-01 00:00:00', "
                     "'2024-01-01 00:00:00.5', NULL)");
    has_cursor(s, "Updated_At", "text 'YYYY-MM-DD HH:MM:SS.f'");
    assert_true(s->table->cursor_found && s->table->cursor_indexed);
}

static void no_obvious_cursor_lists_what_there_is_and_why_not(void **state)
{
    struct shop_story *s = *state;
    shop_run(
        s->app,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, "
        "modified_at DATETIME,"
        " mtime INTEGER NOT NULL, updated REAL NOT NULL, last_modified TEXT NOT NULL, day DATE, name TEXT);"
        "CREATE INDEX i ON t (modified_at); CREATE INDEX j ON t (mtime); CREATE INDEX k ON t (updated_at) WHERE id > 5;"
        "INSERT INTO t VALUES (1, '2024-01-01 00:00:00', '2024-01-01 00:00:00', NULL, 5, 1.5, 'yesterday', "
        "'2024-01-01', 'x')");
    assert_int_equal(shop_describe(s), RC_CONFIG);
    SAYS("'created_at' (its name does not say that every update changes it)");
    SAYS("'updated_at' (no index begins with it)"); /* a partial one does not count */
    SAYS("'modified_at' (it may be NULL)");
    SAYS("'mtime' (it holds integers, and cursor_unit does not say");
    SAYS("'updated' (it holds REAL values");
    SAYS("'last_modified' (its texts have no form");
    SAYS("'day' (");
    SAYS("tables: {t: {cursor: ");
    SAYS("(of `sync connections`: --cursor");
    assert_null(strstr(s->err.text, "'name'"));
}

static void two_obvious_cursors_are_none(void **state)
{
    struct shop_story *s = *state;
    shop_run(s->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, updated_at DATETIME NOT NULL, mtime DATETIME NOT NULL);"
                     "CREATE INDEX i ON t (updated_at); CREATE INDEX j ON t (mtime)");
    assert_int_equal(shop_describe(s), RC_CONFIG);
    SAYS("'updated_at' (obvious, but not the only one); 'mtime' (obvious, but not the only one)");
    s->request.cursor = "mtime";
    has_cursor(s, "mtime", "text 'YYYY-MM-DD HH:MM:SS'");
    assert_false(s->table->cursor_found);
}

static void a_table_without_times_says_what_is_left(void **state)
{
    struct shop_story *s = *state;
    shop_run(s->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)");
    assert_int_equal(shop_describe(s), RC_CONFIG);
    SAYS("no column looks like the time of the last change");
    SAYS("id_only or full_sync");
}

static void a_named_cursor_must_hold_times(void **state)
{
    struct shop_story *s = *state;
    shop_run(s->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL, n INTEGER, s TEXT, b BLOB, at TEXT);"
                     "INSERT INTO t VALUES (1, 1.5, 5, 'yesterday', x'00', '2024-01-01T00:00:00.25Z')");
    s->request.cursor = "ta";
    assert_int_equal(shop_describe(s), RC_CONFIG);
    SAYS("'t' has no column 'ta' (cursor)");
    SAYS("its columns are: id, r, n, s, b, at");
    s->request.cursor = "r";
    assert_int_equal(shop_describe(s), RC_CONFIG);
    SAYS("REAL");
    s->request.cursor = "n";
    assert_int_equal(shop_describe(s), RC_CONFIG);
    SAYS("{cursor: n, cursor_unit: s}");
    s->request.cursor = "s";
    assert_int_equal(shop_describe(s), RC_CONFIG);
    SAYS("no form");
    s->request.cursor = "b";
    assert_int_equal(shop_describe(s), RC_CONFIG);
    s->request.cursor = "At";
    assert_int_equal(shop_describe(s), RC_CONFIG);
    SAYS("did you mean 'at'?");
    s->request.cursor = "at";
    has_cursor(s, "at", "text 'YYYY-MM-DDTHH:MM:SS.ffZ'");
    assert_false(s->table->cursor_indexed);
    s->request.cursor_unit = "s";
    assert_int_equal(shop_describe(s), RC_CONFIG);
    s->request.cursor = "n";
    has_cursor(s, "n", "int s");
    s->request.cursor_unit = "ms";
    has_cursor(s, "n", "int ms");
}

static void the_form_of_most_values_is_taken_and_a_known_one_stays(void **state)
{
    struct shop_story *s = *state;
    static const struct form known = {.kind = FORM_TEXT, .separator = 'T'};
    shop_run(s->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT); INSERT INTO t (at) VALUES ('2024-01-01 "
                     "00:00:00'), ('2024-01-01 00:00:01'),"
                     "('2024-01-01T00:00:00')");
    s->request.cursor = "at";
    has_cursor(s, "at", "text 'YYYY-MM-DD HH:MM:SS'");
    s->request.known_form = &known;
    has_cursor(s, "at", "text 'YYYY-MM-DDTHH:MM:SS'");
}

/* ---- what a range must not pass over ---- */

static void odd_cursors_are_counted_and_fail_the_read(void **state)
{
    struct shop_story *s = *state;
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
    shop_run(s->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, at); CREATE INDEX i ON t (at);"
                     "INSERT INTO t (at) VALUES ('2024-01-01 00:00:00'), (NULL), ('2024-01-01 00:00:01')");
    s->request.cursor = "at";
    AUTO(schema) *known = schema_of("id:l at:u"); /* described before it went wrong */
    known->fields[0].source_type = (free((void *)(uintptr_t)known->fields[0].source_type), xstrdup("INTEGER"));
    s->request.known = known;
    for (int i = 0; i < ODD; i++) {
        AUTO_RELEASE(buf) sql = {0};
        char count[32];
        buf_addf(&sql, "INSERT INTO t (at) VALUES (%s)", odd[i]);
        shop_run(s->app, sql.at);
        described(s);
        assert_int_equal(source_facts(s->source, s->table, &all_times, &facts, &s->err), RC_OK);
        assert_int_equal(facts.odd_cursors, i + 1);
        assert_int_equal(facts.null_cursors, 1);
        assert_int_equal(read_all(s, &all_times, &out), RC_DATA);
        assert_int_equal(out.len, 0);
        snprintf(count, sizeof(count), "in %d rows", i + 1);
        SAYS(count);
    }
    s->request.overrides = &text;
    s->request.override_count = 1;
    assert_int_equal(shop_describe(s), RC_CONFIG); /* bytes are no times */
}

static void an_integer_cursor_meets_no_text(void **state)
{
    struct shop_story *s = *state;
    struct range range = {
        .kind = RANGE_CURSOR, .lo = {.shape = POSITION_AT, .at = "9"}, .hi = {.shape = POSITION_AT, .at = "11"}};
    struct range_facts facts;
    AUTO_RELEASE(buf) out = {0};
    shop_run(s->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t (n) VALUES (8), (9), (10), "
                     "(11), (-5), (100)");
    s->request.cursor = "n";
    s->request.cursor_unit = "s";
    described(s);
    has_rows(s, &range, "2|9\n3|10\n");
    range.hi.at = "2024-01-01 00:00:00"; /* S21 */
    assert_int_equal(read_all(s, &range, &out), RC_DATA);
    SAYS("the position has a text where the column holds integers");
    AUTO(schema) *known = schema_copy(s->table->schema);
    s->request.known = known;
    shop_run(s->app, "INSERT INTO t (n) VALUES (9.5)");
    described(s);
    assert_int_equal(source_facts(s->source, s->table, &all_times, &facts, &s->err), RC_DATA);
    range.hi.at = "11";
    assert_int_equal(source_facts(s->source, s->table, &range, &facts, &s->err), RC_OK);
    assert_int_equal(facts.odd_cursors, 1);
    assert_int_equal(read_all(s, &range, &out), RC_DATA);
    SAYS("int s");
}

/* S28: the mark compares as text, so fewer digits lie before all that begin with them. */
static void s28_a_mark_with_fewer_digits_than_the_column_loses_nothing(void **state)
{
    struct shop_story *s = *state;
    struct range range = {.kind = RANGE_CURSOR,
                          .lo = {.shape = POSITION_AT, .at = "2024-01-01 00:00:01"},
                          .hi = {.shape = POSITION_AT, .at = "2024-01-01 00:00:02"}};
    shop_run(
        s->app,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME); INSERT INTO t (at) VALUES ('2024-01-01 00:00:00.999'),"
        "('2024-01-01 00:00:01.000'), ('2024-01-01 00:00:01.999'), ('2024-01-01 00:00:02.000')");
    s->request.cursor = "at";
    described(s);
    has_rows(s, &range, "2|2024-01-01 00:00:01.000\n3|2024-01-01 00:00:01.999\n");
}

static void a_null_in_the_key_fails_the_read(void **state)
{
    struct shop_story *s = *state;
    struct range ids = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"z"}}};
    AUTO_RELEASE(buf) out = {0};
    shop_run(s->app, "CREATE TABLE t (k TEXT PRIMARY KEY, n INT); INSERT INTO t VALUES ('a', 1), (NULL, 2), (NULL, 3)");
    s->request.wants_cursor = false;
    described(s);
    assert_int_equal(read_all(s, &ids, &out), RC_DATA);
    SAYS("key column 'k' of 't' is NULL in 2 rows");
    assert_int_equal(read_all(s, &(struct range){.kind = RANGE_ALL}, &out), RC_DATA);
    SAYS("is NULL in 2 rows");
    buf_reset(&out);
    shop_run(s->app, "DELETE FROM t WHERE k IS NULL");
    has_rows(s, &ids, "a|1\n");
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
    struct shop_story *s = *state;
    static const char *const key[] = {"k"};
    enum { ROWS = 60 };
    static const struct {
        const char *create, *hi;
    } tables[] = {
        {"CREATE TABLE t (k INT NOT NULL, at DATETIME NOT NULL, n INT)", "99"},
        {"CREATE TABLE t (k INT NOT NULL, at DATETIME NOT NULL, n INT, PRIMARY KEY (n, k)) WITHOUT ROWID", "99"},
        {"CREATE TABLE t (k INT NOT NULL, at DATETIME NOT NULL, n INT, rowid TEXT)", "99"},
    };
    s->request.key = key;
    s->request.key_count = 1;
    s->request.cursor = "at";
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        shop_run(s->app, "DROP TABLE IF EXISTS t");
        shop_run(s->app, tables[i].create);
        shop_run(s->app, "WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < 59)"
                         " INSERT INTO t (k, at, n) SELECT i % 7, '2024-01-01 00:00:0' || (i % 2), i FROM s");
        described(s);
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
                        source_boundary(s->source, s->table, &range, rows, &s->arena, &range.hi, &is_cut, &s->err),
                        RC_OK);
                    assert_int_equal(read_all(s, &range, &out), RC_OK);
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
    struct shop_story *s = *state;
    static const char *const key[] = {"k"};
    struct range keys = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"z"}}};
    AUTO_RELEASE(buf) out = {0};
    shop_run(s->app, "CREATE TABLE t (k TEXT COLLATE NOCASE NOT NULL); CREATE UNIQUE INDEX u ON t (k COLLATE BINARY);"
                     "INSERT INTO t VALUES ('0'), ('a'), ('A'), ('b'), ('B'), ('c'), ('C')");
    s->request = (struct table_request){.name = "t", .key = key, .key_count = 1};
    described(s);
    assert_int_equal(read_all(s, &keys, &out), RC_OK);
    assert_int_equal(lines_in(&out), 7);
}

static void keys_of_every_kind_make_positions(void **state)
{
    struct shop_story *s = *state;
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
    s->request.wants_cursor = false;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_RELEASE(buf) sql = {0};
        AUTO_RELEASE(buf) rest = {0};
        struct position cut;
        bool is_cut;
        const char *ceiling;
        buf_addf(&sql, "DROP TABLE IF EXISTS t; CREATE TABLE t (%s PRIMARY KEY, n INT); INSERT INTO t (k) VALUES %s",
                 cases[i].declared, cases[i].values);
        shop_run(s->app, sql.at);
        described(s);
        assert_int_equal(source_ceiling(s->source, s->table, &s->arena, &ceiling, &s->err), RC_OK);
        if (cases[i].cut == NULL)
            continue;
        struct range range = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {ceiling}}};
        assert_int_equal(source_boundary(s->source, s->table, &range, 2, &s->arena, &cut, &is_cut, &s->err), RC_OK);
        assert_true(is_cut);
        assert_string_equal(cut.key[0], cases[i].cut);
        range.lo = cut;
        assert_int_equal(read_all(s, &range, &rest), RC_OK);
        assert_int_equal(lines_in(&rest), 1);
    }
}

static void a_key_value_that_no_position_can_name_is_refused(void **state)
{
    struct shop_story *s = *state;
    const char *ceiling;
    shop_run(s->app, "CREATE TABLE t (k TEXT PRIMARY KEY); INSERT INTO t VALUES (CAST(x'610062' AS TEXT))");
    s->request.wants_cursor = false;
    described(s);
    assert_int_equal(source_ceiling(s->source, s->table, &s->arena, &ceiling, &s->err), RC_DATA);
    SAYS("a text with a NUL in it");
}

static void a_primary_key_with_NULL_is_read_whole_and_not_by_key(void **state)
{
    struct shop_story *s = *state;
    struct range whole = {.kind = RANGE_ALL},
                 by_key = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 2, .key = {"z", "z"}}};
    AUTO_RELEASE(buf) out = {0};
    shop_run(s->app, "CREATE TABLE t (a TEXT, b TEXT, n INT, PRIMARY KEY (a, b)); INSERT INTO t VALUES (NULL, NULL, "
                     "1), ('x', 'y', 2)");
    s->request.wants_cursor = false;
    described(s);
    assert_int_equal(read_all(s, &by_key, &out), RC_DATA);
    SAYS("is NULL in 1 rows");
    buf_reset(&out);
    s->request.is_whole = true;
    described(s);
    assert_true(s->table->schema->fields[0].nullable && s->table->schema->fields[1].nullable);
    assert_int_equal(read_all(s, &whole, &out), RC_OK);
    assert_int_equal(lines_in(&out), 2);
}

static void positions_of_another_key_are_refused(void **state)
{
    struct shop_story *s = *state;
    struct range range = {.kind = RANGE_KEY,
                          .lo = {.shape = POSITION_AFTER, .key_count = 1, .key = {"1"}},
                          .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"2"}}};
    AUTO_RELEASE(buf) out = {0};
    const char *ceiling;
    shop_run(s->app, "CREATE TABLE t (a INT, b INT, PRIMARY KEY (b, a))");
    s->request.wants_cursor = false;
    described(s);
    assert_int_equal(s->table->key_count, 2);
    assert_true(s->table->key[0] == 1 && s->table->key[1] == 0);
    assert_int_equal(read_all(s, &range, &out), RC_DATA);
    SAYS("names 1 key values, and its key has 2 columns");
    assert_int_equal(source_ceiling(s->source, s->table, &s->arena, &ceiling, &s->err), RC_CONFIG);
}

static void a_key_has_no_override(void **state)
{
    struct shop_story *s = *state;
    static const struct column_override text = {"id", "text"};
    static const char *const key[] = {"id"};
    s->request = (struct table_request){.name = "t", .overrides = &text, .override_count = 1};
    shop_run(s->app, "CREATE TABLE t (id PRIMARY KEY); INSERT INTO t VALUES (1), ('a')");
    described(s);
    assert_int_equal(s->table->key_count, 0); /* a primary key may have one: full_sync is left */
    s->request.key = key;
    s->request.key_count = 1;
    assert_int_equal(shop_describe(s), RC_CONFIG);
    SAYS("can have no override");
}

#define TALE(name) cmocka_unit_test_setup_teardown(name, begin, shop_story_end)
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
