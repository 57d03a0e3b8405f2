/* The values of a SQLite column decide its type; what does not fit is counted and refused, never changed. */
#include <math.h>
#include <stdlib.h>

#include "conform/rows.h"
#include "conform/source_story.h"
#include "io/sqlite.h"
#include "sqlite_shop.h"
#include "world/value.h"

static const struct range everything = {.kind = RANGE_ALL};

static int begin(void **state)
{
    *state = shop_story_new(0);
    return 0;
}

/* Names and types of all columns: "id int64, at timestamp(s)". */
static const char *types(struct shop_story *s)
{
    AUTO_RELEASE(buf) out = {0};
    char type[FORMAT_TEXT];
    enum rc rc = shop_describe(s);
    if (rc != RC_OK)
        print_error("%s\n", s->err.text);
    assert_int_equal(rc, RC_OK);
    for (int i = 0; i < s->table->schema->count; i++) {
        field_type_name(&s->table->schema->fields[i], type);
        buf_addf(&out, "%s%s %s", i > 0 ? ", " : "", s->table->schema->fields[i].name, type);
    }
    return arena_str(&s->arena, buf_str(&out));
}

static enum rc read_all(struct shop_story *s, struct buf *out)
{
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch;
    TRY(source_read(s->source, s->table, &everything, &reader, &s->err));
    for (;;) {
        TRY(batch_reader_next(reader, &batch, &s->err));
        if (batch == NULL)
            return RC_OK;
        add_lines(batch, out);
    }
}

static void has_rows(struct shop_story *s, const char *rows)
{
    AUTO_RELEASE(buf) out = {0};
    enum rc rc = read_all(s, &out);
    if (rc != RC_OK)
        print_error("%s\n", s->err.text);
    assert_int_equal(rc, RC_OK);
    assert_string_equal(out.len ? out.at : "", rows);
}

/* ---- promises ---- */

static void a_declared_type_comes_true_when_every_value_fits(void **state)
{
    struct shop_story *s = *state;
    shop_run(s->app, "CREATE TABLE t (day DATE, at DATETIME, ms TIMESTAMP, us datetime(6), utc DateTime, price "
                     "DECIMAL(10, 2), n NUMERIC(5), ok BOOLEAN);"
                     "INSERT INTO t VALUES ('2024-02-29', '2024-02-29 10:00:00', '2024-02-29 10:00:00.500', "
                     "'0001-01-01 00:00:00.000001',"
                     " '2024-02-29T10:00:00.120Z', 12.5, 12345, 1), ('1969-12-31', NULL, NULL, NULL, "
                     "'2024-02-29T10:00:00.000Z', -3, -1, 0),"
                     " (NULL, NULL, NULL, NULL, NULL, 0.1, NULL, NULL)");
    assert_string_equal(
        types(s),
        "day date, at timestamp(s), ms timestamp(ms), us timestamp(us), utc timestamp(ms, UTC), price decimal(10,2), "
        "n decimal(5,0), ok bool");
    has_rows(s, "2024-02-29|2024-02-29 10:00:00|2024-02-29 10:00:00.500|0001-01-01 "
                "00:00:00.000001|2024-02-29T10:00:00.120Z|12.50|12345|true\n"
                "1969-12-31|NULL|NULL|NULL|2024-02-29T10:00:00.000Z|-3.00|-1|false\n"
                "NULL|NULL|NULL|NULL|NULL|0.10|NULL|NULL\n");
    assert_string_equal(s->table->schema->fields[1].source_type, "DATETIME 'YYYY-MM-DD HH:MM:SS'");
    assert_string_equal(s->table->schema->fields[4].source_type, "DateTime 'YYYY-MM-DDTHH:MM:SS.fffZ'");
    assert_string_equal(s->table->schema->fields[5].source_type, "DECIMAL(10, 2)");
}

/* What would come back changed is taken as what SQLite holds. */
static void a_declared_type_that_would_change_a_value_is_not_taken(void **state)
{
    struct shop_story *s = *state;
    static const struct {
        const char *declared, *values, *type;
    } cases[] = {
        {"DATE", "('2024-02-29'), ('2024-02-30')", "utf8"},
        {"DATE", "(20240229), (1)", "int64"},
        {"DATETIME", "('2024-02-29 10:00:00'), ('2024-02-29 10:00:00.500')", "utf8"}, /* two forms */
        {"DATETIME", "('2024-02-29 10:00:00'), ('2024-02-29')", "utf8"},
        {"DATETIME", "('2024-02-29T10:00:00')", "utf8"},    /* would get a blank */
        {"DATETIME", "('2024-02-29 10:00:00Z')", "utf8"},   /* would get a T */
        {"DATETIME", "('2024-02-29 10:00:00.12')", "utf8"}, /* would get a digit */
        {"DATETIME", "('2024-02-29T10:00:00+00:00')", "utf8"},
        {"TIMESTAMP", "(1709200800)", "int64"},
        {"TIMESTAMP", "(1709200800.5)", "double"},
        {"DECIMAL(4,2)", "(99.5), (0.125)", "double"}, /* more digits after the point */
        {"DECIMAL(4,2)", "(100.5), (1.5)", "double"},  /* more digits before it */
        {"DECIMAL(4,2)", "('twelve')", "utf8"},
        {"DECIMAL(39,2)", "(1)", "int64"},
        {"DECIMAL", "(1)", "int64"},
        {"BOOLEAN", "(1), (2)", "int64"},
        {"BOOLEAN", "('true')", "utf8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_RELEASE(buf) sql = {0};
        AUTO_RELEASE(buf) expected = {0};
        buf_addf(&sql, "DROP TABLE IF EXISTS t; CREATE TABLE t (c %s); INSERT INTO t VALUES %s", cases[i].declared,
                 cases[i].values);
        buf_addf(&expected, "c %s", cases[i].type);
        shop_run(s->app, sql.at);
        assert_string_equal(types(s), expected.at);
    }
}

static void a_plain_column_is_what_it_holds(void **state)
{
    struct shop_story *s = *state;
    shop_run(
        s->app,
        "CREATE TABLE t (i INTEGER, r REAL, s VARCHAR(10), b BLOB, empty, texts_in_int INT, ints_in_blob BLOB, any);"
        "INSERT INTO t VALUES (9223372036854775807, 1, 7, x'00', NULL, 'x', 5, x''), (-9223372036854775808, NULL, '', "
        "NULL, NULL, 'y', 6, x'ff')");
    assert_string_equal(
        types(s),
        "i int64, r double, s utf8, b binary, empty binary, texts_in_int utf8, ints_in_blob int64, any binary");
    has_rows(s, "9223372036854775807|1|7|00|NULL|x|5|\n-9223372036854775808|NULL||NULL|NULL|y|6|ff\n");
}

static void an_empty_column_takes_its_declared_type(void **state)
{
    struct shop_story *s = *state;
    shop_run(
        s->app,
        "CREATE TABLE t (i BIGINT, r FLOAT, s CLOB, b, n NUMERIC, day DATE, at DATETIME, p DECIMAL(8,3), ok BOOL)");
    assert_string_equal(
        types(s), "i int64, r double, s utf8, b binary, n double, day date, at timestamp(s), p decimal(8,3), ok bool");
    has_rows(s, "");
}

/* ---- what does not fit ---- */

static void values_of_several_classes_are_refused_with_counts_and_the_yaml(void **state)
{
    struct shop_story *s = *state;
    shop_run(s->app, "CREATE TABLE t (\"a b\" NUMERIC); INSERT INTO t VALUES (1), (2), (3.5), ('secret'), (NULL)");
    assert_int_equal(shop_describe(s), RC_DATA);
    SAYS("2 INTEGER, 1 REAL, 1 TEXT");
    SAYS("columns: {\"a b\": {as: text}}");
    assert_null(strstr(s->err.text, "secret"));
    shop_run(s->app, "INSERT INTO t VALUES (x'00')");
    assert_int_equal(shop_describe(s), RC_DATA);
    SAYS("{as: binary}");
}

static void an_override_takes_every_value_and_says_it_exactly(void **state)
{
    struct shop_story *s = *state;
    static const struct column_override overrides[] = {{"c", "text"}, {"b", "binary"}};
    shop_run(s->app, "CREATE TABLE t (c, b); INSERT INTO t VALUES (1, 1), (2.0, 'x'), (0.1, x'00ff'), (9e999, NULL), "
                     "(NULL, 0.5), ('é', '')");
    s->request.overrides = overrides;
    s->request.override_count = 2;
    assert_string_equal(types(s), "c utf8, b binary");
    has_rows(s, "1|31\n2.0|78\n0.1|00ff\ninf|NULL\nNULL|302e35\n\xC3\xA9|\n");
    shop_run(s->app, "INSERT INTO t VALUES (x'61', 1)");
    assert_int_equal(shop_describe(s), RC_OK);
    AUTO_RELEASE(buf) out = {0};
    assert_int_equal(read_all(s, &out), RC_DATA);
    SAYS("1 of 6 values do not fit utf8");
    SAYS("{as: binary}");
}

static void a_text_that_is_not_utf8_is_refused(void **state)
{
    struct shop_story *s = *state;
    static const struct column_override binary = {"s", "binary"};
    shop_run(s->app, "CREATE TABLE t (s TEXT); INSERT INTO t VALUES ('ok'), (CAST(x'c328' AS TEXT))");
    assert_int_equal(shop_describe(s), RC_DATA);
    SAYS("1 of 2 texts are not valid UTF-8");
    SAYS("columns: {s: {as: binary}}");
    s->request.overrides = &binary;
    s->request.override_count = 1;
    assert_string_equal(types(s), "s binary");
    has_rows(s, "6f6b\nc328\n");
}

static void a_later_text_that_is_not_utf8_fails_the_read(void **state)
{
    struct shop_story *s = *state;
    AUTO_RELEASE(buf) out = {0};
    shop_run(s->app, "CREATE TABLE t (s TEXT); INSERT INTO t VALUES ('ok')");
    assert_string_equal(types(s), "s utf8");
    shop_run(s->app, "INSERT INTO t VALUES (CAST(x'c328' AS TEXT))");
    assert_int_equal(read_all(s, &out), RC_DATA);
    SAYS("1 of 2 values do not fit utf8");
    SAYS("columns: {s: {as: binary}}");
}

static void a_later_value_that_does_not_fit_fails_the_read_with_a_count(void **state)
{
    struct shop_story *s = *state;
    static const char *const late[] = {"'2024-03-01 10:00:00.5'", "5", "x'00'"};
    shop_run(s->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME); INSERT INTO t VALUES (1, '2024-02-29 "
                     "10:00:00'), (2, NULL)");
    assert_string_equal(types(s), "id int64, at timestamp(s)");
    AUTO(schema) *known = schema_copy(s->table->schema);
    s->request.known = known;
    for (int i = 0; i < 3; i++) {
        AUTO_RELEASE(buf) sql = {0};
        AUTO_RELEASE(buf) out = {0};
        buf_addf(&sql, "INSERT INTO t (at) VALUES (%s)", late[i]);
        shop_run(s->app, sql.at);
        assert_string_equal(types(s), "id int64, at timestamp(s)");
        assert_int_equal(read_all(s, &out), RC_DATA);
        char counts[64];
        snprintf(counts, sizeof(counts), "%d of %d values do not fit timestamp(s)", i + 1, i + 2);
        SAYS(counts);
        SAYS(i == 2 ? "columns: {at: {as: binary}}" : "columns: {at: {as: text}}");
    }
}

static void a_known_type_stays_only_while_the_column_is_declared_the_same(void **state)
{
    struct shop_story *s = *state;
    AUTO(schema) *known = schema_of("c:u");
    s->request.known = known;
    shop_run(s->app, "CREATE TABLE t (c INT); INSERT INTO t VALUES (1)");
    assert_string_equal(types(s), "c int64"); /* known as "", is declared INT */
    struct schema *same = schema_new();
    schema_add(same, &(struct field){.name = "c", .type = TYPE_UTF8, .source_type = "INT"});
    s->request.known = same;
    assert_string_equal(types(s), "c utf8");
    schema_free(same);
}

static void a_timestamp_without_a_value_takes_the_form_of_the_first_that_comes(void **state)
{
    struct shop_story *s = *state;
    shop_run(s->app, "CREATE TABLE t (at DATETIME); INSERT INTO t VALUES (NULL)");
    assert_string_equal(types(s), "at timestamp(s)");
    AUTO(schema) *known = schema_copy(s->table->schema);
    s->request.known = known;
    shop_run(s->app, "INSERT INTO t VALUES ('2024-05-01 10:00:00.123')");
    assert_string_equal(types(s), "at timestamp(ms)");
    AUTO(schema) *shown = schema_copy(s->table->schema);
    s->request.known = shown;
    shop_run(s->app, "UPDATE t SET at = '2024-05-01 10:00:00'");
    assert_string_equal(types(s), "at timestamp(ms)"); /* and a value of another form fails the read */
}

static void a_column_that_was_added_gets_a_type_of_its_own(void **state)
{
    struct shop_story *s = *state;
    shop_run(s->app, "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
    assert_string_equal(types(s), "id int64");
    AUTO(schema) *known = schema_copy(s->table->schema);
    s->request.known = known;
    shop_run(s->app, "ALTER TABLE t ADD COLUMN day DATE; UPDATE t SET day = '2024-01-01' WHERE id = 2");
    assert_string_equal(types(s), "id int64, day date");
}

/* ---- exactness ---- */

static void doubles_keep_their_bits_and_texts_their_nul(void **state)
{
    struct shop_story *s = *state;
    static const double values[] = {0.1, -0.0, 5e-324, 1.7976931348623157e308, INFINITY, -INFINITY, 1e15 + 0.3, 3.0};
    enum { VALUES = sizeof(values) / sizeof(values[0]) };
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch;
    sqlite3_stmt *insert;
    shop_run(s->app, "CREATE TABLE t (r REAL, s TEXT)");
    assert_int_equal(sqlite3_prepare_v2(s->app, "INSERT INTO t VALUES (?, ?)", -1, &insert, NULL), SQLITE_OK);
    for (int i = 0; i < VALUES; i++) {
        sqlite3_bind_double(insert, 1, values[i]);
        sqlite3_bind_text(insert, 2, "a\0b", 3, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    assert_string_equal(types(s), "r double, s utf8");
    assert_int_equal(source_read(s->source, s->table, &everything, &reader, &s->err), RC_OK);
    assert_int_equal(batch_reader_next(reader, &batch, &s->err), RC_OK);
    assert_int_equal(batch->rows, VALUES);
    for (int i = 0; i < VALUES; i++) {
        double value = batch_double(batch, 0, i);
        if (i == 1) /* SQLite itself stores -0.0 in a REAL column as the integer 0 */
            assert_true(value == 0);
        else
            assert_memory_equal(&value, &values[i], sizeof(value));
        assert_true(str_eq(batch_bytes(batch, 1, i), S("a\0b")));
    }
}

/* A DECIMAL column gives decimals only where SQLite's own number comes back from them: looked at from the other side.
 */
static void a_decimal_reads_back_as_the_number_that_sqlite_holds(void **state)
{
    struct shop_story *s = *state;
    shop_run(s->app, "CREATE TABLE t (p DECIMAL(15,2));"
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                     "INSERT INTO t SELECT round((i * 7919 % 100000007) / 100.0 * CASE i % 3 WHEN 0 THEN -1 ELSE "
                     "1000003 END, 2) FROM n");
    assert_string_equal(types(s), "p decimal(15,2)");
    AUTO_RELEASE(buf) lines = {0};
    assert_int_equal(read_all(s, &lines), RC_OK);
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_prepare_v2(s->app, "SELECT p, typeof(p) FROM t", -1, &row, NULL), SQLITE_OK);
    for (char *line = lines.at; *line != '\0'; line++) {
        assert_int_equal(sqlite3_step(row), SQLITE_ROW);
        assert_true(strtod(line, &line) == sqlite3_column_double(row, 0));
        assert_int_equal(*line, '\n');
    }
    assert_int_equal(sqlite3_step(row), SQLITE_DONE);
    sqlite3_finalize(row);
}

static void a_value_over_the_limit_of_sqlite_is_refused_in_clear_words(void **state)
{
    struct shop_story *s = *state;
    AUTO(sqlite) *db = NULL;
    AUTO(sqlite3_stmt) *row = NULL;
    bool is_row;
    struct sqlite_patience patience = {.clock = &shop_clock.clock};
    shop_run(s->app, "CREATE TABLE t (b BLOB); INSERT INTO t VALUES (zeroblob(200000))");
    assert_int_equal(sqlite_open(SHOP_PATH, SQLITE_TO_READ, &patience, &db, &s->err), RC_OK);
    sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, 100000);
    assert_int_equal(sqlite_prepare(db, "SELECT b FROM t", &row, &s->err), RC_OK);
    assert_int_equal(sqlite_step(db, row, &is_row, &s->err), RC_DATA);
    assert_string_equal(s->err.vendor, "SQLITE_TOOBIG");
    SAYS("too big");
}

static void a_database_in_utf16_gives_utf8(void **state)
{
    struct shop_story *s = *state;
    source_free(s->source);
    shop_close(s->app);
    s->app = shop_new("PRAGMA encoding = 'UTF-16le'");
    shop_run(s->app, "CREATE TABLE t (\"größe\" TEXT PRIMARY KEY, at DATETIME); INSERT INTO t VALUES "
                     "('\xF0\x9F\x9A\x9A', '2024-02-29 10:00:00')");
    s->source = shop_source(0);
    assert_string_equal(types(s), "gr\xC3\xB6\xC3\x9F"
                                  "e utf8, at timestamp(s)");
    has_rows(s, "\xF0\x9F\x9A\x9A|2024-02-29 10:00:00\n");
}

/* ---- names ---- */

/* S66. */
static void every_name_works(void **state)
{
    struct shop_story *s = *state;
    shop_run(s->app, "CREATE TABLE \"Order \"\"x\"\" 'y'; --\" (\"select\" INTEGER PRIMARY KEY, \"1st\" TEXT, \"größe "
                     "%s\" INT, \"a\"\"b\" TEXT);"
                     "INSERT INTO \"Order \"\"x\"\" 'y'; --\" VALUES (1, 'a', 2, 'c')");
    s->request.name = "Order \"x\" 'y'; --";
    assert_string_equal(types(s), "select int64, 1st utf8, gr\xC3\xB6\xC3\x9F"
                                  "e %s int64, a\"b utf8");
    has_rows(s, "1|a|2|c\n");
    const char **names;
    int count;
    assert_int_equal(source_tables(s->source, &s->arena, &names, &count, &s->err), RC_OK);
    assert_true(count == 1 && strcmp(names[0], s->request.name) == 0);
}

static void only_the_users_tables_are_tables(void **state)
{
    struct shop_story *s = *state;
    const char **names;
    int count;
    shop_run(
        s->app,
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE waybill_position (scope); CREATE TABLE "
        "sqliteish (a);"
        "CREATE VIEW v AS SELECT * FROM t; CREATE INDEX i ON sqliteish (a); CREATE VIRTUAL TABLE words USING fts5 (w)");
    assert_int_equal(source_tables(s->source, &s->arena, &names, &count, &s->err), RC_OK);
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "sqliteish");
    assert_string_equal(names[1], "t");
    s->request.name = "v";
    assert_int_equal(shop_describe(s), RC_CONFIG);
    SAYS("is a view");
    s->request.name = "tt";
    assert_int_equal(shop_describe(s), RC_NOT_FOUND);
    SAYS("did you mean 't'?");
}

static void generated_columns_are_columns(void **state)
{
    struct shop_story *s = *state;
    shop_run(
        s->app,
        "CREATE TABLE t (a INT, twice INT AS (a * 2) VIRTUAL, thrice INT AS (a * 3) STORED); INSERT INTO t VALUES (1)");
    assert_string_equal(types(s), "a int64, twice int64, thrice int64");
    has_rows(s, "1|2|3\n");
}

/* S74: a name in quotes that is no column any more would be a text in SQLite, the same in every row. */
static void a_column_that_was_dropped_is_an_error_and_not_its_name(void **state)
{
    struct shop_story *s = *state;
    AUTO_RELEASE(buf) out = {0};
    shop_run(s->app, "CREATE TABLE t (id INTEGER PRIMARY KEY, gone TEXT); INSERT INTO t VALUES (1, 'x')");
    assert_int_equal(shop_describe(s), RC_OK);
    shop_run(s->app, "ALTER TABLE t DROP COLUMN gone");
    assert_int_equal(read_all(s, &out), RC_FAILED);
    SAYS("no such column");
    assert_int_equal(out.len, 0);
}

#define TALE(name) cmocka_unit_test_setup_teardown(name, begin, shop_story_end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TALE(a_declared_type_comes_true_when_every_value_fits),
        TALE(a_declared_type_that_would_change_a_value_is_not_taken),
        TALE(a_plain_column_is_what_it_holds),
        TALE(an_empty_column_takes_its_declared_type),
        TALE(values_of_several_classes_are_refused_with_counts_and_the_yaml),
        TALE(an_override_takes_every_value_and_says_it_exactly),
        TALE(a_text_that_is_not_utf8_is_refused),
        TALE(a_later_text_that_is_not_utf8_fails_the_read),
        TALE(a_later_value_that_does_not_fit_fails_the_read_with_a_count),
        TALE(a_known_type_stays_only_while_the_column_is_declared_the_same),
        TALE(a_timestamp_without_a_value_takes_the_form_of_the_first_that_comes),
        TALE(a_column_that_was_added_gets_a_type_of_its_own),
        TALE(doubles_keep_their_bits_and_texts_their_nul),
        TALE(a_decimal_reads_back_as_the_number_that_sqlite_holds),
        TALE(a_value_over_the_limit_of_sqlite_is_refused_in_clear_words),
        TALE(a_database_in_utf16_gives_utf8),
        TALE(every_name_works),
        TALE(only_the_users_tables_are_tables),
        TALE(generated_columns_are_columns),
        TALE(a_column_that_was_dropped_is_an_error_and_not_its_name),
    };
    return cmocka_run_group_tests(tests, shop_enter, shop_leave);
}
