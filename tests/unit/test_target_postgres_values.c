/* What the PostgreSQL target makes of values, in columns of its own and in those that are there already. */
#include "unit/postgres_story.h"

/* ---- every type, in columns of our own ---- */

static void S73_every_extreme_is_shown_by_PostgreSQL_as_it_was(void **state)
{
    static const struct {
        const char *format, *declared, *value, *shown;
    } cases[] = {
        {"b", "boolean", "true", "true"},
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
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    struct load_story *s = *state;
    AUTO_RELEASE(buf) columns = {0}, rows = {0};
    buf_add_str(&columns, S("id:l!"));
    for (int i = 0; i < CASES; i++)
        buf_addf(&columns, " v%d:%s", i, cases[i].format);
    for (int row = 1; row <= 2; row++) {
        buf_addf(&rows, "%d", row);
        for (int i = 0; i < CASES; i++)
            buf_addf(&rows, "|%s", row == 1 ? cases[i].value : "NULL");
        buf_add_str(&rows, S("\n"));
    }
    load_use_schema(s, columns.at);
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        pg_clean();
        s->table.mode = mode;
        load_ready(s);
        load_whole(s, "", "w1", rows.at);
        for (int i = 0; i < CASES; i++) {
            AUTO_RELEASE(buf) sql = {0}, expected = {0};
            buf_addf(&sql,
                     "SELECT v%d::text, format_type(atttypid, atttypmod) FROM orders, pg_attribute"
                     " WHERE attrelid = 'orders'::regclass AND attname = 'v%d' ORDER BY id",
                     i, i);
            buf_addf(&expected, "%s|%s\nNULL|%s\n", cases[i].shown, cases[i].declared, cases[i].declared);
            assert_string_equal(pg_query(sql.at), expected.at);
        }
    }
}

static void what_PostgreSQL_has_no_value_for_is_refused(void **state)
{
    static const struct {
        const char *schema, *row, *says;
    } cases[] = {
        {"id:l! x:tdD", "1|@-2440589\n", "4713 BC"},
        {"id:l! x:tdD", "1|@2145042906\n", "5874897"},
        {"id:l! x:tsu:", "1|@-210866803200000001\n", "4713"},
        {"id:l! x:tss:", "1|@9223372036854775807\n", "294276"},
        {"id:l! x:tsm:UTC", "1|@-9223372036854775808\n", "4713"},
    };
    struct load_story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pg_clean();
        load_use_schema(s, cases[i].schema);
        load_ready(s);
        pg_is_refused(s, cases[i].row, RC_DATA, cases[i].says);
        SAYS("'x'");
    }
}

static void texts_with_a_NUL_byte_are_counted_and_named_and_not_changed(void **state)
{
    struct load_story *s = *state;
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        pg_clean();
        s->table.mode = mode;
        load_ready(s);
        pg_is_refused(s, "1|fine\n2|a\\0b\n3|\\0\n4|NULL\n5|fine\n6|fine\n7|\\0\\0\n", RC_DATA, "'name'");
        SAYS("3 texts");
        SAYS("columns: {name: {as: binary}}");
        load_whole(s, "", "w1", "1|fine\n"); /* the connection is as good as before */
    }
}

/* More than a chunk, less, and just as much, so that each way out of the buffer is taken. */
static void large_and_small_texts_pass_through_the_same_buffer(void **state)
{
    static const int sizes[] = {0, 1, 65000, 65400, 65500, 65536, 65537, 131072, 3, 1000000, 40000, 40000, 7};
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
    struct load_story *s = *state;
    AUTO_RELEASE(buf) rows = {0};
    load_use_schema(s, "id:l! a:u n:l b:z c:u");
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
        load_ready(s);
        load_whole(s, "", "w1", rows.at);
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
    struct load_story *s = *state;
    pg_run("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS varchar(3) CHECK (value <> '')");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
            char columns[64];
            AUTO_RELEASE(buf) rows = {0}, shown = {0}, sql = {0};
            pg_run("DROP TABLE IF EXISTS orders, waybill_position");
            buf_addf(&sql, "CREATE TABLE orders (v %s, extra integer NOT NULL DEFAULT 7, id bigint PRIMARY KEY)",
                     cases[i].type);
            pg_run(sql.at);
            snprintf(columns, sizeof(columns), "id:l! v:%s", cases[i].format);
            load_use_schema(s, columns);
            s->table.mode = mode;
            load_ready(s);
            buf_addf(&rows, "1|%s\n2|NULL\n", cases[i].value);
            load_whole(s, "", "w1", rows.at);
            if (mode != MODE_APPEND)
                load_whole(s, "w1", "w2", rows.at);
            buf_addf(&shown, "1|%s|7\n2|NULL|7\n", cases[i].shown);
            assert_string_equal(pg_query("SELECT id, v::text, extra FROM orders ORDER BY id"), shown.at);
        }
    }
}

/* The key and the cursor of a merge, too, may be of a type that only a cast fills. */
static void a_merge_compares_in_the_types_of_the_table(void **state)
{
    static const char *const key[] = {"host", "id"};
    struct load_story *s = *state;
    pg_run("CREATE TABLE orders (id uuid, host inet, note text COLLATE \"C\", PRIMARY KEY (id, host))");
    load_use_schema(s, "id:u! host:u! note:u");
    s->table.key = key;
    s->table.key_count = 2;
    s->table.cursor = "note";
    load_ready(s);
    load_whole(s, "", "w1",
               "018f0000-0000-7000-8000-000000000001|10.0.0.1|b\n018F0000-0000-7000-8000-000000000001|10.0.0.1/32|Z\n");
    assert_int_equal(s->counts.inserted * 10 + s->counts.kept, 10);
    load_whole(s, "w1", "w2", "018f0000-0000-7000-8000-000000000001|10.0.0.1|a\n");
    assert_int_equal(s->counts.kept, 1);
    load_whole(s, "w2", "w3", "018f0000-0000-7000-8000-000000000001|10.0.0.1|c\n");
    assert_int_equal(s->counts.updated, 1);
    assert_string_equal(pg_query("SELECT note FROM orders"), "c\n");
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
    struct load_story *s = *state;
    pg_run("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS varchar(3) CHECK (value <> '');"
           "CREATE TABLE other (id integer PRIMARY KEY)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
            char columns[64];
            AUTO_RELEASE(buf) rows = {0}, sql = {0};
            pg_run("DROP TABLE IF EXISTS orders, waybill_position");
            buf_addf(&sql, "CREATE TABLE orders (id bigint PRIMARY KEY, v %s)", cases[i].type);
            pg_run(sql.at);
            snprintf(columns, sizeof(columns), "id:l! v:%s", cases[i].format);
            load_use_schema(s, columns);
            s->table.mode = mode;
            load_ready(s);
            buf_addf(&rows, "1|%s\n2|%s\n", cases[i].value, cases[i].value);
            pg_is_refused(s, rows.at, RC_DATA, cases[i].says);
            SAYS_NOT("secret"); /* no row's value in any message */
            SAYS_NOT("7654321");
        }
    }
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
    };
    if (!postgres_start())
        return POSTGRES_MISSING;
    int failed = cmocka_run_group_tests_name("target: PostgreSQL, values", stories, NULL, NULL);
    postgres_stop();
    return failed;
}
