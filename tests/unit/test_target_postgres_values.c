/* What the PostgreSQL target makes of values, of tables that are there already, and of names. */
#include "unit/postgres_story.h"

#include <stdlib.h>

static const char *query(const char *what)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SET search_path = " PG_SCHEMA "; SET timezone = 'UTC'; SET bytea_output = hex");
    postgres_run(sql.at);
    return postgres_query(what);
}

static void run(const char *sql)
{
    AUTO_RELEASE(buf) all = {0};
    buf_addf(&all, "SET search_path = " PG_SCHEMA "; %s", sql);
    postgres_run(all.at);
}

/* ---- every type, in columns of our own ---- */

static void S73_every_extreme_is_shown_by_PostgreSQL_as_it_was(void **state)
{
    static const struct {
        const char *format, *declared, *value, *shown;
    } cases[] = {
        {"b", "boolean", "true", "t"},
        {"s", "smallint", "-32768", "-32768"},
        {"s", "smallint", "32767", "32767"},
        {"i", "integer", "-2147483648", "-2147483648"},
        {"i", "integer", "2147483647", "2147483647"},
        {"l", "bigint", "-9223372036854775808", "-9223372036854775808"},
        {"l", "bigint", "9223372036854775807", "9223372036854775807"},
        {"f", "real", "16777216", "1.6777216e+07"},
        {"f", "real", "0.100000001490116119", "0.1"},
        {"g", "double precision", "nan", "NaN"},
        {"g", "double precision", "inf", "Infinity"},
        {"g", "double precision", "-0.0", "-0"},
        {"g", "double precision", "2.2250738585072014e-308", "2.2250738585072014e-308"},
        {"u", "text", "\\NULL", "NULL"},
        {"u", "text", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"z", "bytea", "00ff", "\\x00ff"},
        {"tdD", "date", "0001-01-01", "0001-01-01"},
        {"tdD", "date", "9999-12-31", "9999-12-31"},
        {"tdD", "date", "@-719528", "0001-01-01 BC"},
        {"tdD", "date", "@-2440588", "4714-11-24 BC"},
        {"tdD", "date", "@2145042905", "5874897-12-31"},
        {"tss:", "timestamp without time zone", "1969-12-31 23:59:59", "1969-12-31 23:59:59"},
        {"tsm:", "timestamp without time zone", "9999-12-31 23:59:59.999", "9999-12-31 23:59:59.999"},
        {"tsu:", "timestamp without time zone", "1582-10-15 00:00:00.000001", "1582-10-15 00:00:00.000001"},
        {"tsu:UTC", "timestamp with time zone", "2024-02-29T23:59:59.999999Z", "2024-02-29 23:59:59.999999+00"},
        {"tsu:", "timestamp without time zone", "@-210866803200000000", "4714-11-24 00:00:00 BC"},
        {"tsu:", "timestamp without time zone", "@9223372036854775807", "294247-01-10 04:00:54.775807"},
        {"tDu", "interval", "838:59:59.999999", "838:59:59.999999"},
        {"tDu", "interval", "-838:59:59.999999", "-838:59:59.999999"},
        {"tDu", "interval", "00:00:00.000000", "00:00:00"},
        {"d:1,0", "numeric(1,0)", "0", "0"},
        {"d:38,0", "numeric(38,0)", "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
        {"d:38,0", "numeric(38,0)", "-10000000000000000000000000000000000000",
         "-10000000000000000000000000000000000000"},
        {"d:38,38", "numeric(38,38)", "0.00000000000000000000000000000000000001",
         "0.00000000000000000000000000000000000001"},
        {"d:38,37", "numeric(38,37)", "-9.9999999999999999999999999999999999999",
         "-9.9999999999999999999999999999999999999"},
        {"d:20,0", "numeric(20,0)", "18446744073709551615", "18446744073709551615"},
        {"d:20,0", "numeric(20,0)", "10000", "10000"},
        {"d:20,4", "numeric(20,4)", "100000000.0000", "100000000.0000"},
        {"d:20,5", "numeric(20,5)", "0.00010", "0.00010"},
        {"d:20,5", "numeric(20,5)", "-0.00001", "-0.00001"},
        {"d:10,2", "numeric(10,2)", "12345678.90", "12345678.90"},
        {"d:9,1", "numeric(9,1)", "10000000.5", "10000000.5"},
        {"d:9,3", "numeric(9,3)", "100000.001", "100000.001"},
    };
    struct pg_story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (enum mode mode = MODE_APPEND; mode <= MODE_MERGE; mode++) {
            char columns[48], rows[128];
            pg_clean();
            snprintf(columns, sizeof(columns), "id:l! v:%s", cases[i].format);
            snprintf(rows, sizeof(rows), "1|%s\n2|NULL\n", cases[i].value);
            pg_use_schema(s, columns);
            s->table.mode = mode;
            pg_ready(s);
            pg_load(s, "", "w1", rows);
            AUTO_RELEASE(buf) expected = {0};
            buf_addf(&expected, "1|%s|%s\n2|NULL|%s\n", cases[i].shown, cases[i].declared, cases[i].declared);
            assert_string_equal(query("SELECT id, v::text, format_type(atttypid, atttypmod) FROM orders, pg_attribute"
                                      " WHERE attrelid = 'orders'::regclass AND attname = 'v' ORDER BY id"),
                                strcmp(cases[i].declared, "boolean") == 0
                                    ? "1|true|boolean\n2|NULL|boolean\n"
                                    : expected.at);
        }
    }
}

static void what_PostgreSQL_has_no_value_for_is_refused(void **state)
{
    static const struct {
        const char *schema, *row, *says;
    } cases[] = {
        {"id:l! x:tdD", "1|@-2440589\n", "4713 BC"},          {"id:l! x:tdD", "1|@2145042906\n", "5874897"},
        {"id:l! x:tsu:", "1|@-210866803200000001\n", "4713"}, {"id:l! x:tss:", "1|@9223372036854775807\n", "294276"},
        {"id:l! x:tsm:UTC", "1|@-9223372036854775808\n", "4713"},
    };
    struct pg_story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pg_clean();
        pg_use_schema(s, cases[i].schema);
        pg_ready(s);
        pg_is_refused(s, cases[i].row, RC_DATA, cases[i].says);
        pg_says(s, "'x'");
    }
}

static void texts_with_a_NUL_byte_are_counted_and_named_and_not_changed(void **state)
{
    struct pg_story *s = *state;
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        pg_clean();
        s->table.mode = mode;
        pg_ready(s);
        pg_is_refused(s, "1|fine\n2|a\\0b\n3|\\0\n4|NULL\n5|fine\n6|fine\n7|\\0\\0\n", RC_DATA, "'name'");
        pg_says(s, "3 texts");
        pg_says(s, "columns: {name: {as: binary}}");
        pg_load(s, "", "w1", "1|fine\n"); /* the connection is as good as before */
    }
}

/* More than a chunk, less, and just as much, so that each way out of the buffer is taken. */
static void large_and_small_texts_pass_through_the_same_buffer(void **state)
{
    static const int sizes[] = {0, 1, 65000, 65400, 65500, 65536, 65537, 131072, 3, 1000000, 40000, 40000, 7};
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
    struct pg_story *s = *state;
    AUTO_RELEASE(buf) rows = {0};
    pg_use_schema(s, "id:l! a:u n:l b:z c:u");
    for (int i = 0; i < SIZES; i++) {
        buf_addf(&rows, "%d|", i);
        for (int n = 0; n < sizes[i]; n++)
            buf_add(&rows, &"abcdefghijklmnopqrstuvwxyz"[(n + i) % 26], 1);
        buf_addf(&rows, "|%d|", -i);
        for (int n = 0; n < sizes[SIZES - 1 - i]; n++)
            buf_addf(&rows, "%02x", (n * 7 + i) & 0xFF);
        buf_addf(&rows, "|end\n");
    }
    for (enum mode mode = MODE_APPEND; mode <= MODE_MERGE; mode++) {
        AUTO_RELEASE(buf) have = {0}, want = {0};
        AUTO(rows) *expected = rows_new(s->schema, rows.at);
        pg_clean();
        s->table.mode = mode;
        pg_ready(s);
        pg_load(s, "", "w1", rows.at);
        pg_print_rows("orders", s->schema, &have);
        rows_print(expected, &want);
        assert_true(str_eq(buf_str(&have), buf_str(&want)));
    }
}

/* ---- tables that somebody else has made ---- */

static void columns_of_other_types_that_hold_the_values_are_filled(void **state)
{
    static const struct {
        const char *type, *format, *value, *shown;
    } cases[] = {
        {"varchar(5)", "u", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"},
        {"char(5)", "u", "ab", "ab"},
        {"json", "u", "{\"a\": 1}", "{\"a\": 1}"},
        {"jsonb", "u", "{\"b\":2,\"a\":1}", "{\"a\": 1, \"b\": 2}"},
        {"uuid", "u", "018F0000-0000-7000-8000-00000000000a", "018f0000-0000-7000-8000-00000000000a"},
        {"mood", "u", "sad", "sad"},
        {"inet", "u", "10.0.0.1", "10.0.0.1/32"},
        {"xml", "u", "<a/>", "<a/>"},
        {"short", "u", "abc", "abc"},
        {"text COLLATE \"C\"", "u", "abc", "abc"},
        {"numeric", "d:10,2", "12.50", "12.50"},
        {"numeric(20,5)", "d:10,2", "12.50", "12.50000"},
        {"numeric", "l", "-120000", "-120000"},
        {"bigint", "d:18,0", "-999999999999999999", "-999999999999999999"},
        {"bigint", "i", "-5", "-5"},
        {"bigint", "s", "-5", "-5"},
        {"integer", "s", "-5", "-5"},
        {"double precision", "f", "0.5", "0.5"},
        {"timestamp(3)", "tsm:", "2024-01-01 00:00:00.123", "2024-01-01 00:00:00.123"},
        {"timestamp(0)", "tss:", "2024-01-01 00:00:00", "2024-01-01 00:00:00"},
        {"time", "tDu", "23:59:59.999999", "23:59:59.999999"},
        {"time", "tDu", "24:00:00.000000", "24:00:00"},
    };
    struct pg_story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
            char columns[64];
            AUTO_RELEASE(buf) rows = {0}, shown = {0}, sql = {0};
            pg_clean();
            run("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS varchar(3) CHECK (value <> '')");
            buf_addf(&sql, "CREATE TABLE orders (v %s, extra integer NOT NULL DEFAULT 7, id bigint PRIMARY KEY)",
                     cases[i].type);
            run(sql.at);
            snprintf(columns, sizeof(columns), "id:l! v:%s", cases[i].format);
            pg_use_schema(s, columns);
            s->table.mode = mode;
            pg_ready(s);
            buf_addf(&rows, "1|%s\n2|NULL\n", cases[i].value);
            pg_load(s, "", "w1", rows.at);
            if (mode != MODE_APPEND)
                pg_load(s, "w1", "w2", rows.at);
            buf_addf(&shown, "1|%s|7\n2|NULL|7\n", cases[i].shown);
            assert_string_equal(query("SELECT id, v::text, extra FROM orders ORDER BY id"), shown.at);
        }
    }
}

/* The key and the cursor of a merge, too, may be of a type that only a cast fills. */
static void a_merge_compares_in_the_types_of_the_table(void **state)
{
    static const char *const key[] = {"host", "id"};
    struct pg_story *s = *state;
    run("CREATE TABLE orders (id uuid, host inet, note text COLLATE \"C\", PRIMARY KEY (id, host))");
    pg_use_schema(s, "id:u! host:u! note:u");
    s->table.key = key;
    s->table.key_count = 2;
    s->table.cursor = "note";
    pg_ready(s);
    pg_load(s, "", "w1",
            "018f0000-0000-7000-8000-000000000001|10.0.0.1|b\n018F0000-0000-7000-8000-000000000001|10.0.0.1/32|Z\n");
    assert_int_equal(s->counts.inserted * 10 + s->counts.kept, 10);
    pg_load(s, "w1", "w2", "018f0000-0000-7000-8000-000000000001|10.0.0.1|a\n");
    assert_int_equal(s->counts.kept, 1);
    pg_load(s, "w2", "w3", "018f0000-0000-7000-8000-000000000001|10.0.0.1|c\n");
    assert_int_equal(s->counts.updated, 1);
    assert_string_equal(query("SELECT note FROM orders"), "c\n");
}

static void what_an_existing_column_would_cut_or_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *type, *format, *value, *says;
    } cases[] = {
        {"varchar(3)", "u", "abcd", "3 characters"},
        {"varchar(3)", "u", "abc ", "3 characters"}, /* PostgreSQL would drop the blank in silence */
        {"char(3)", "u", "abcd", "3 characters"},
        {"uuid", "u", "018f0000-0000-7000-8000-00000000000", "UUID"},
        {"uuid", "u", "018f0000-0000-7000-8000-00000000000g", "UUID"},
        {"jsonb", "u", "{secret", "column 'v'"},
        {"mood", "u", "secret", "enum"},
        {"inet", "u", "secret", "inet"},
        {"time", "tDu", "-00:00:00.000001", "a day"},
        {"time", "tDu", "24:00:00.000001", "a day"},
        {"integer CHECK (v < 5)", "i", "7654321", "orders_v_check"},
        {"integer UNIQUE", "i", "7654321", "orders_v_key"},
        {"integer REFERENCES other", "i", "7654321", "orders_v_fkey"},
        {"short", "u", "", "short_check"},
    };
    struct pg_story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
            char columns[64];
            AUTO_RELEASE(buf) rows = {0}, sql = {0};
            pg_clean();
            run("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS varchar(3) CHECK (value <> '');"
                "CREATE TABLE other (id integer PRIMARY KEY)");
            buf_addf(&sql, "CREATE TABLE orders (id bigint PRIMARY KEY, v %s)", cases[i].type);
            run(sql.at);
            snprintf(columns, sizeof(columns), "id:l! v:%s", cases[i].format);
            pg_use_schema(s, columns);
            s->table.mode = mode;
            pg_ready(s);
            buf_addf(&rows, "1|%s\n2|%s\n", cases[i].value, cases[i].value);
            pg_is_refused(s, rows.at, RC_DATA, cases[i].says);
            pg_says_not(s, "secret"); /* no row's value in any message */
            pg_says_not(s, "7654321");
        }
    }
}

static void what_is_refused_names_a_statement_that_mends_it(void **state)
{
    static const struct {
        const char *made, *format, *says, *mend;
    } cases[] = {
        {"id int, name text", "u", "unique", "CREATE UNIQUE INDEX ON \"story\".\"orders\" (\"id\")"},
        {"id int, name text, PRIMARY KEY (id, name)", "u", "unique",
         "CREATE UNIQUE INDEX ON \"story\".\"orders\" (\"id\")"},
        {"id int, name text, CONSTRAINT k UNIQUE (id) DEFERRABLE", "u", "unique",
         "CREATE UNIQUE INDEX ON \"story\".\"orders\" (\"id\")"},
        {"id int PRIMARY KEY, name int", "u", "name: integer -> text",
         "ALTER TABLE \"story\".\"orders\" ALTER COLUMN \"name\" TYPE text USING \"name\"::text::text"},
        {"id int PRIMARY KEY, name text", "i", "name: text -> integer",
         "ALTER TABLE \"story\".\"orders\" ALTER COLUMN \"name\" TYPE integer USING \"name\"::text::integer"},
        {"id int PRIMARY KEY, name timestamp", "tsu:UTC", "name: timestamp without time zone -> timestamptz",
         "ALTER TABLE \"story\".\"orders\" ALTER COLUMN \"name\" TYPE timestamptz USING \"name\" AT TIME ZONE 'UTC'"},
        {"id int PRIMARY KEY, name double precision", "d:10,2", "name: double precision -> numeric(10,2)",
         "ALTER TABLE \"story\".\"orders\" ALTER COLUMN \"name\" TYPE numeric(10,2) USING \"name\"::text::numeric(10,2)"},
        {"id int PRIMARY KEY, region text NOT NULL", "u", "region",
         "ALTER TABLE \"story\".\"orders\" ALTER COLUMN \"region\" DROP NOT NULL"},
        {"id int PRIMARY KEY, name text GENERATED ALWAYS AS ('x') STORED", "u", "generated",
         "ALTER TABLE \"story\".\"orders\" ALTER COLUMN \"name\" DROP EXPRESSION"},
        {"id int PRIMARY KEY, name bigint GENERATED ALWAYS AS IDENTITY", "l", "GENERATED ALWAYS",
         "ALTER TABLE \"story\".\"orders\" ALTER COLUMN \"name\" SET GENERATED BY DEFAULT"},
    };
    struct pg_story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char columns[64];
        AUTO_RELEASE(buf) sql = {0};
        pg_clean();
        buf_addf(&sql, "CREATE TABLE orders (%s)", cases[i].made);
        run(sql.at);
        snprintf(columns, sizeof(columns), "id:i! name:%s", cases[i].format);
        pg_use_schema(s, columns);
        assert_int_equal(pg_prepare(s), RC_DATA);
        pg_says(s, cases[i].says);
        pg_says(s, cases[i].mend);
        run(cases[i].mend);
        OK(pg_prepare(s));
    }
    run("DROP TABLE orders; CREATE VIEW orders AS SELECT 1 AS id, '' AS name");
    assert_int_equal(pg_prepare(s), RC_DATA);
    pg_says(s, "view");
    s->table.key_count = 0;
    assert_int_equal(pg_prepare(s), RC_CONFIG);
    pg_says(s, "key");
    s->table.name = PG_SCHEMA ".waybill_position";
    assert_int_equal(pg_prepare(s), RC_CONFIG);
}

static void columns_become_wider_and_never_narrower(void **state)
{
    static const struct {
        const char *had, *format, *has;
    } cases[] = {
        {"smallint", "i", "integer"},
        {"integer", "l", "bigint"},
        {"bigint", "s", "bigint"},
        {"real", "g", "double precision"},
        {"double precision", "f", "double precision"},
        {"numeric(5,2)", "d:8,2", "numeric(8,2)"},
        {"numeric(5,2)", "d:5,4", "numeric(7,4)"},
        {"numeric(20,6)", "d:8,2", "numeric(20,6)"},
        {"numeric(5,0)", "l", "numeric(19,0)"},
        {"timestamp(0)", "tsu:", "timestamp without time zone"},
        {"timestamp(3) with time zone", "tsu:UTC", "timestamp with time zone"},
        {"interval day to second(0)", "tDu", "interval"},
    };
    struct pg_story *s = *state;
    s->table.mode = MODE_APPEND;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char columns[64];
        AUTO_RELEASE(buf) sql = {0}, dry = {0}, ddl = {0}, again = {0}, expected = {0};
        pg_clean();
        buf_addf(&sql, "CREATE TABLE orders (id bigint, v %s)", cases[i].had);
        run(sql.at);
        snprintf(columns, sizeof(columns), "id:l! v:%s", cases[i].format);
        pg_use_schema(s, columns);
        OK(target_prepare(s->target, &s->table, true, &dry, &s->err));
        OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
        OK(target_prepare(s->target, &s->table, false, &again, &s->err));
        assert_string_equal(or_empty(dry.at), or_empty(ddl.at));
        assert_int_equal(again.len, 0);
        buf_addf(&expected, "%s\n", cases[i].has);
        assert_string_equal(query("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid ="
                                  " 'orders'::regclass AND attname = 'v'"),
                            expected.at);
    }
    pg_clean();
    run("CREATE TABLE orders (id bigint, v varchar(10))");
    AUTO(schema) *longer = schema_new();
    schema_add(longer, &(struct field){.name = "v", .type = TYPE_UTF8, .nullable = true, .source_type = "varchar(20)"});
    s->table.schema = longer;
    s->table.key_count = 0;
    OK(pg_prepare(s));
    assert_string_equal(query("SELECT atttypmod - 4 FROM pg_attribute WHERE attrelid = 'orders'::regclass"
                              " AND attname = 'v'"),
                        "20\n");
}

static void a_key_that_ignores_case_would_make_one_row_of_two(void **state)
{
    static const char *const key[] = {"name"};
    struct pg_story *s = *state;
    run("CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        "CREATE TABLE orders (id bigint, name text COLLATE folding PRIMARY KEY)");
    s->table.key = key;
    assert_int_equal(pg_prepare(s), RC_DATA);
    pg_says(s, "folding");
}

static void an_identity_takes_the_numbers_of_the_source(void **state)
{
    struct pg_story *s = *state;
    run("CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)");
    pg_ready(s);
    pg_load(s, "", "w1", "41|ada\n42|bob\n");
    pg_load(s, "w1", "w2", "42|bo\n43|cy\n");
    s->table.mode = MODE_REPLACE;
    pg_load(s, "w2", "w3", "7|di\n");
    assert_string_equal(query("SELECT * FROM orders"), "7|di\n");
}

/* ---- names ---- */

static void S66_odd_names_are_only_names(void **state)
{
    struct pg_story *s = *state;
    static const char *const key[] = {"select", "a\"b"};
    static const char *const names[] = {"or\"der s", "group", "1st", "K\xc3\xa4se", "waybill_rows",
                                        "x'; DROP TABLE waybill_position; --"};
    static const char *const columns[] = {"select", "a\"b", "n", "c0", "excluded", "t", "\xc3\xa4 \xe2\x82\xac", "s"};
    enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };
    AUTO(schema) *schema = schema_new();
    for (int i = 0; i < COLUMNS; i++)
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
            pg_ready(s);
            pg_load(s, "", "w0", "a|b|c|d|e|f|g|h\n1|2|3|4|5|6|7|8\n");
            pg_load(s, "w0", "w1", "a|b|c|d|e|f|g|h\n1|2|3|4|5|6|7|8\n");
            AUTO_RELEASE(buf) have = {0};
            pg_print_rows(name, schema, &have);
            assert_string_equal(
                have.at, mode == MODE_APPEND
                             ? "1|2|3|4|5|6|7|8\n1|2|3|4|5|6|7|8\na|b|c|d|e|f|g|h\na|b|c|d|e|f|g|h\n"
                             : "1|2|3|4|5|6|7|8\na|b|c|d|e|f|g|h\n");
        }
    }
}

static void S66_names_that_PostgreSQL_cuts_to_one_are_refused(void **state)
{
#define LONG "a_name_of_sixty_two_bytes_that_is_too_long_for_PostgreSQL_xxxx"
    struct pg_story *s = *state;
    pg_use_schema(s, "id:l! " LONG "1:u " LONG "2:u");
    OK(pg_prepare(s)); /* the 63rd byte tells them apart */
    pg_use_schema(s, "id:l! " LONG "x1:u " LONG "x2:u");
    assert_int_equal(pg_prepare(s), RC_DATA);
    pg_says(s, LONG "x2");
    pg_use_schema(s, "id:l! " LONG "\xc3\xa4:u");
    s->table.name = LONG "\xc3\xa4_table";
    pg_ready(s);
    pg_load(s, "", "w1", "1|ada\n");
    pg_load(s, "w1", "w2", "1|eve\n");
    assert_string_equal(query("SELECT * FROM \"" LONG "\""), "1|eve\n");
    struct target_table other = s->table;
    other.scope = "p/other";
    other.name = LONG "\xc3\xa4_another_table";
    assert_int_equal(target_create_position(s->target, &other, "id", &s->err), RC_CONFIG);
    pg_says(s, "p/orders");
}

static void a_table_may_be_named_with_its_schema(void **state)
{
    struct pg_story *s = *state;
    postgres_run("DROP SCHEMA IF EXISTS \"story Two\" CASCADE; CREATE SCHEMA \"story Two\"");
    s->table.name = "story Two.orders";
    pg_ready(s);
    pg_load(s, "", "w1", "1|ada\n");
    assert_string_equal(query("SELECT name FROM \"story Two\".orders"), "ada\n");
    s->table.name = "orders";
    assert_int_equal(target_create_position(s->target, &s->table, "id", &s->err), RC_CONFIG);
    pg_says(s, "story Two.orders");
    struct target_table other = {.scope = "p/own", .name = PG_SCHEMA ".own", .schema = s->schema};
    OK(target_create_position(s->target, &other, "id", &s->err));
    other.name = "own"; /* the same one */
    OK(target_create_position(s->target, &other, "id", &s->err));
    postgres_run("DROP SCHEMA \"story Two\" CASCADE");
}

/* ---- what stands beside rows ---- */

static void S93_replace_leaves_views_grants_and_foreign_keys(void **state)
{
    struct pg_story *s = *state;
    s->table.mode = MODE_REPLACE;
    postgres_run("DROP ROLE IF EXISTS reader; CREATE ROLE reader");
    run("CREATE TABLE orders (id bigint PRIMARY KEY, name text); CREATE INDEX by_name ON orders (name);"
        "CREATE VIEW names AS SELECT name FROM orders; GRANT SELECT ON orders TO reader;"
        "CREATE TABLE lines (order_id bigint REFERENCES orders DEFERRABLE);"
        "INSERT INTO orders VALUES (1, 'old'); INSERT INTO lines VALUES (1)");
    pg_ready(s);
    pg_load(s, "", "w1", "1|ada\n2|bob\n");
    assert_string_equal(query("SELECT name FROM names ORDER BY name"), "ada\nbob\n");
    assert_string_equal(query("SELECT has_table_privilege('reader', 'orders', 'SELECT'), count(*),"
                              " to_regclass('by_name') FROM lines"),
                        "t|1|by_name\n");
    AUTO_RELEASE(buf) before = {0};
    OK(pg_bring(s, s->target, "w1", "w2", "2|bob\n")); /* and now a line has no order: COMMIT looks */
    assert_int_equal(target_commit(s->target, &s->err), RC_DATA);
    pg_says(s, "lines_order_id_fkey");
    assert_string_equal(query("SELECT count(*) FROM orders"), "2\n");
    run("REVOKE SELECT ON orders FROM reader");
    postgres_run("DROP ROLE reader");
}

static void S93_replace_refuses_foreign_keys_that_would_refuse_or_cascade(void **state)
{
    struct pg_story *s = *state;
    s->table.mode = MODE_REPLACE;
    run("CREATE TABLE orders (id bigint PRIMARY KEY, name text, parent bigint REFERENCES orders);"
        "CREATE TABLE lines (order_id bigint CONSTRAINT l REFERENCES orders)");
    assert_int_equal(pg_prepare(s), RC_DATA);
    pg_says(s, "ALTER CONSTRAINT \"l\" DEFERRABLE");
    run("ALTER TABLE lines ALTER CONSTRAINT l DEFERRABLE");
    OK(pg_prepare(s));
    run("CREATE TABLE notes (order_id bigint CONSTRAINT c REFERENCES orders ON DELETE CASCADE DEFERRABLE)");
    assert_int_equal(pg_prepare(s), RC_DATA);
    pg_says(s, "notes");
    s->table.mode = MODE_MERGE;
    OK(pg_prepare(s));
}

static void a_table_that_ignores_rows_does_not_lose_them_in_silence(void **state)
{
    struct pg_story *s = *state;
    run("CREATE TABLE orders (id bigint PRIMARY KEY, name text); INSERT INTO orders VALUES (7, 'there');"
        "CREATE FUNCTION picky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF new.id = 3 THEN RETURN NULL; ELSIF new.id = 4 THEN RAISE 'no % here', new.name; END IF; RETURN new; END $$;"
        "CREATE TRIGGER picky BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION picky()");
    pg_ready(s);
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        s->table.mode = mode;
        pg_is_refused(s, "3|ignored\n5|not\n", RC_DATA, mode == MODE_MERGE ? "were changed" : "took 1 rows");
        pg_is_refused(s, "4|secret\n", RC_DATA, "trigger");
        pg_says_not(s, "secret");
    }
}

static void rows_that_row_security_hides_are_an_error(void **state)
{
    struct pg_story *s = *state;
    postgres_run("DROP ROLE IF EXISTS hidden; CREATE ROLE hidden LOGIN");
    run("CREATE TABLE orders (id bigint PRIMARY KEY, name text); ALTER TABLE orders ENABLE ROW LEVEL SECURITY;"
        "GRANT ALL ON orders TO hidden; GRANT ALL ON SCHEMA " PG_SCHEMA " TO hidden");
    struct postgres_target_options options = pg_options();
    options.address.user = "hidden";
    target_free(s->target);
    s->target = pg_target_as(&options);
    pg_ready(s);
    pg_is_refused(s, "1|ada\n", RC_DENIED, "row-level security");
    target_free(s->target);
    s->target = pg_target();
    run("DROP OWNED BY hidden");
    postgres_run("DROP ROLE hidden");
}

static void the_position_row_stands_in_the_schema_for_everybody_to_read(void **state)
{
    struct pg_story *s = *state;
    pg_ready(s);
    pg_load(s, "", "w1", "1|ada\n");
    assert_string_equal(query("SELECT format, scope, target_table, shared, epoch, token, waybill, pos,"
                              " now() - loaded_at < interval '1 minute' FROM waybill_position"),
                        "1|p/orders|orders|f|0|1|w1|{}|t\n");
    run("UPDATE waybill_position SET format = 2");
    struct target_position at;
    assert_int_equal(target_position(s->target, "p/orders", &s->arena, &at, &s->err), RC_DATA);
    pg_says(s, "newer");
}

int main(void)
{
    static const struct CMUnitTest stories[] = {
        STORY(S73_every_extreme_is_shown_by_PostgreSQL_as_it_was),
        STORY(what_PostgreSQL_has_no_value_for_is_refused),
        STORY(texts_with_a_NUL_byte_are_counted_and_named_and_not_changed),
        STORY(large_and_small_texts_pass_through_the_same_buffer),
        STORY(columns_of_other_types_that_hold_the_values_are_filled),
        STORY(a_merge_compares_in_the_types_of_the_table),
        STORY(what_an_existing_column_would_cut_or_cannot_be_is_refused),
        STORY(what_is_refused_names_a_statement_that_mends_it),
        STORY(columns_become_wider_and_never_narrower),
        STORY(a_key_that_ignores_case_would_make_one_row_of_two),
        STORY(an_identity_takes_the_numbers_of_the_source),
        STORY(S66_odd_names_are_only_names),
        STORY(S66_names_that_PostgreSQL_cuts_to_one_are_refused),
        STORY(a_table_may_be_named_with_its_schema),
        STORY(S93_replace_leaves_views_grants_and_foreign_keys),
        STORY(S93_replace_refuses_foreign_keys_that_would_refuse_or_cascade),
        STORY(a_table_that_ignores_rows_does_not_lose_them_in_silence),
        STORY(rows_that_row_security_hides_are_an_error),
        STORY(the_position_row_stands_in_the_schema_for_everybody_to_read),
    };
    if (!postgres_start())
        return POSTGRES_MISSING;
    int failed = cmocka_run_group_tests_name("target: PostgreSQL, values and shapes", stories, NULL, NULL);
    postgres_stop();
    return failed;
}
