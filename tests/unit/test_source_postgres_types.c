/* Every type of PostgreSQL at its extremes (S73), as the source puts it into batches. */
#include "connect/postgres/source.h"
#include "unit/postgres_story.h"
#include "unit/type_story.h"

static struct source *open_source(void)
{
    struct opening with = {.clock = clock_real(), .random = random_real()};
    struct postgres_source_options options = {.address = postgres_address(), .schema = PG_SCHEMA};
    struct source *source = NULL;
    struct error err;
    if (postgres_source_open("shop", &options, &with, &source, &err) != RC_OK)
        fail_msg("%s", err.text);
    return source;
}

/* ---- one column, its values ---- */

static void make_types(const char *declared, const char *literals)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql,
             "SET timezone = 'UTC'; DROP TABLE IF EXISTS types; CREATE TABLE types (id serial PRIMARY KEY, v %s);",
             declared);
    buf_addf(&sql, "INSERT INTO types (v) VALUES %s", literals);
    pg_run(sql.at);
}

static const struct type_shop shop = {open_source, make_types};

/* Of every length and sign, and where a group of four digits begins and ends. */
static void s73_numerics_are_the_digits_that_the_server_writes(void **state)
{
    static const struct {
        int precision, scale;
    } types[] = {{15, 2}, {18, 6}, {18, 0}, {19, 2}, {17, 3}, {9, 9}, {4, 0}, {6, 1}, {38, 10}, {30, 5}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        AUTO_RELEASE(buf) sql = {0}, texts = {0};
        char format[FORMAT_TEXT];
        struct error err;
        int before = types[i].precision - types[i].scale;
        buf_addf(&sql, "DROP TABLE IF EXISTS types; CREATE TABLE types (id serial PRIMARY KEY, v numeric(%d,%d));",
                 types[i].precision, types[i].scale);
        buf_addf(&sql,
                 "INSERT INTO types (v) SELECT trunc((random()::numeric + random()::numeric / 10::numeric ^ 15 - 0.5) "
                 "* 10::numeric"
                 " ^ (random() * %d)::int, %d) FROM generate_series(1, 2000);",
                 before, types[i].scale);
        buf_addf(
            &sql,
            "INSERT INTO types (v) SELECT sign * (10::numeric ^ e + more * 10::numeric ^ -%d) FROM generate_series(-%d,"
            " %d) AS e, (VALUES (-1), (1)) AS s(sign), (VALUES (-1), (0)) AS m(more)",
            types[i].scale, types[i].scale, before - 1);
        pg_run(sql.at);
        if (type_read(&shop, NULL, &texts, format, &err) != RC_OK)
            fail_msg("numeric(%d,%d): %s", types[i].precision, types[i].scale, err.text);
        const char *told = pg_query("SELECT string_agg(v::text, '|' ORDER BY ctid) FROM types");
        size_t same = 0;
        while (same < texts.len && texts.at[same] == told[same])
            same++;
        if (same < texts.len || strcmp(told + same, "\n") != 0)
            fail_msg("%s: at %zu: '%.40s', and the server says '%.40s'", format, same, texts.at + same, told + same);
    }
}

/* S74: the column has more digits behind its point now, and nobody has asked for it again. */
static void s74_digits_that_came_since_are_not_cut_off(void **state)
{
    static const char *const values[] = {"1.2345", "0.0001", "12345678901234567890.001", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        AUTO(source) *source = open_source();
        AUTO(batch_reader) *reader = NULL;
        AUTO_RELEASE(buf) sql = {0};
        const struct table *table = NULL;
        const struct batch *batch = NULL;
        struct error err = {0};
        make_types("numeric(15,2)", "(1.5)");
        assert_int_equal(source_describe(source, &(struct table_request){.name = "types"}, &table, &err), RC_OK);
        /* followed by others: what is last in the buffer is read another way */
        buf_addf(&sql,
                 "ALTER TABLE types ALTER v TYPE numeric(30,6); UPDATE types SET v = %s; INSERT INTO types (v) VALUES "
                 "(1), (1)",
                 values[i]);
        pg_run(sql.at);
        assert_int_equal(source_read(source, table, &(struct range){.kind = RANGE_ALL}, &reader, &err), RC_OK);
        assert_int_equal(batch_reader_next(reader, &batch, &err), RC_DATA);
        assert_non_null(strstr(err.text, "'v'"));
    }
}

static void s73_numbers_at_their_extremes(void **state)
{
    static const struct type_example examples[] = {
        {"boolean", NULL, "(true),(false),(NULL)", "b", "true|false|NULL"},
        {"smallint", NULL, "(-32768),(32767)", "s", "-32768|32767"},
        {"integer", NULL, "(-2147483648),(2147483647)", "i", "-2147483648|2147483647"},
        {"bigint", NULL, "(-9223372036854775808),(9223372036854775807)", "l",
         "-9223372036854775808|9223372036854775807"},
        {"oid", NULL, "(0),(4294967295)", "l", "0|4294967295"},
        {"numeric(38,10)", NULL, "(-9999999999999999999999999999.9999999999),(0.0000000001),(0)", "d:38,10",
         "-9999999999999999999999999999.9999999999|0.0000000001|0.0000000000"},
        {"numeric(38,38)", NULL, "(0.00000000000000000000000000000000000001),(-0.1)", "d:38,38",
         "0.00000000000000000000000000000000000001|-0.10000000000000000000000000000000000000"},
        {"numeric(38,0)", NULL, "(99999999999999999999999999999999999999),(10000)", "d:38,0",
         "99999999999999999999999999999999999999|10000"},
        {"numeric(38,1)", NULL, "(9999999999999999999999999999999999999.9)", "d:38,1",
         "9999999999999999999999999999999999999.9"},
        {"numeric(5,2)", NULL, "(-0.01),(0),(999.99),(0.005)", "d:5,2", "-0.01|0.00|999.99|0.01"},
        {"numeric(6,3)", NULL, "(12.3),(100)", "d:6,3", "12.300|100.000"},
        {"numeric", "text", "(1e60),('NaN'),('-Infinity'),(0.000000000000000000000000000000000000000000001)", "u",
         "1000000000000000000000000000000000000000000000000000000000000|NaN|-Infinity|"
         "0.000000000000000000000000000000000000000000001"},
        {"real", NULL, "(0.1),('NaN'),('-Infinity'),(3.4028235e38),(1e-45),('-0')", "f",
         "0.100000001|nan|-inf|3.40282347e+38|1.40129846e-45|-0"},
        {"double precision", NULL, "(0.1),('Infinity'),('NaN'),(5e-324),(1.7976931348623157e308)", "g",
         "0.10000000000000001|inf|nan|4.9406564584124654e-324|1.7976931348623157e+308"},
        {"money", NULL, "(12.34),(-0.01)", "u", "$12.34|-$0.01"},
    };
    TYPES_ARE(&shop, examples);
}

static void s73_times_at_their_extremes(void **state)
{
    static const struct type_example examples[] = {
        {"date", NULL, "('0001-01-01'),('9999-12-31'),('1969-12-31'),('2024-02-29')", "tdD",
         "0001-01-01|9999-12-31|1969-12-31|2024-02-29"},
        {"date", "text", "('infinity'),('0044-03-15 BC')", "u", "infinity|0044-03-15 BC"},
        {"time", NULL, "('00:00'),('24:00'),('23:59:59.999999')", "tDu",
         "00:00:00.000000|24:00:00.000000|23:59:59.999999"},
        {"timestamp(0)", NULL, "('0001-01-01 00:00:00'),('1969-12-31 23:59:59')",
         "tss:", "0001-01-01 00:00:00|1969-12-31 23:59:59"},
        {"timestamp(1)", NULL, "('1969-12-31 23:59:59.5')", "tsm:", "1969-12-31 23:59:59.500"},
        {"timestamp", NULL, "('1999-12-31 23:59:59.999999'),('9999-12-31 23:59:59.999999')",
         "tsu:", "1999-12-31 23:59:59.999999|9999-12-31 23:59:59.999999"},
        {"timestamp", "text", "('infinity'),('-infinity')", "u", "infinity|-infinity"},
        {"timestamptz", NULL, "('2024-03-31 01:30:00+00'),('2024-10-27 02:30:00+02'),('2024-10-27 02:30:00+01')",
         "tsu:UTC", "2024-03-31T01:30:00.000000Z|2024-10-27T00:30:00.000000Z|2024-10-27T01:30:00.000000Z"},
        {"timetz", NULL, "('23:59:59.5+09:30')", "u", "23:59:59.5+09:30"},
        {"interval", NULL, "('1 year 2 mons -3 days 04:05:06.789'),('-178000000 years')", "u",
         "P1Y2M-3DT4H5M6.789S|P-178000000Y"},
    };
    TYPES_ARE(&shop, examples);
}

static void s73_texts_and_bytes_as_they_are(void **state)
{
    static const struct type_example examples[] = {
        {"text", NULL, "(''),('null'),('\xC3\xA9\xF0\x9F\x9A\x9A ''q'' \"d\" \\n'),(NULL)", "u",
         "|null|\xC3\xA9\xF0\x9F\x9A\x9A 'q' \"d\" \\\\n|NULL"},
        {"character(5)", NULL, "('ab')", "u", "ab   "},
        {"varchar(3)", NULL, "('abc')", "u", "abc"},
        {"name", NULL, "('a name')", "u", "a name"},
        {"\"char\"", NULL, "('x')", "u", "x"},
        {"bytea", NULL, "('\\x00ff5c'),('')", "z", "00ff5c|"},
        {"text", "binary", "('\xC3\xA9')", "z", "c3a9"},
        {"uuid", NULL, "('00112233-4455-6677-8899-aabbccddeeff')", "u", "00112233-4455-6677-8899-aabbccddeeff"},
        {"json", NULL, "('{\"a\":  1.10}')", "u", "{\"a\":  1.10}"},
        {"jsonb", NULL, "('{\"b\":1,\"a\":  1.10}')", "u", "{\"a\": 1.10, \"b\": 1}"},
        {"xml", NULL, "('<a/>')", "u", "<a/>"},
        {"inet", NULL, "('::1/128'),('10.0.0.1/8')", "u", "::1/128|10.0.0.1/8"},
        {"macaddr", NULL, "('08:00:2b:01:02:03')", "u", "08:00:2b:01:02:03"},
        {"bit(5)", NULL, "(B'10101')", "u", "10101"},
        {"bit varying", NULL, "(B'')", "u", ""},
        {"integer[]", NULL, "('{1,NULL,3}'),('{}')", "u", "{1,NULL,3}|{}"},
        {"text[]", NULL, "(ARRAY['a,b', 'NULL', '\"', NULL])", "u", "{\"a,b\",\"NULL\",\"\\\\\"\",NULL}"},
        {"int4range", NULL, "('[1,5]'),('empty')", "u", "[1,6)|empty"},
        {"point", NULL, "('(1.5,-2)')", "u", "(1.5,-2)"},
        {"tsvector", NULL, "('a fat cat')", "u", "'a' 'cat' 'fat'"},
    };
    TYPES_ARE(&shop, examples);
}

static void s73_enums_domains_and_composites(void **state)
{
    static const struct type_example examples[] = {
        {"mood", NULL, "('sad'),('very, happy')", "u", "sad|very, happy"},
        {"cents", NULL, "(12.34)", "d:9,2", "12.34"},
        {"positive_cents", NULL, "(12.34)", "d:9,2", "12.34"},
        {"pair", NULL, "(ROW(1, 'x,y'))", "u", "(1,\"x,y\")"},
    };
    pg_run("CREATE TYPE mood AS ENUM ('very, happy', 'sad'); CREATE DOMAIN cents AS numeric(9,2);"
           " CREATE DOMAIN positive_cents AS cents CHECK (VALUE > 0); CREATE TYPE pair AS (a integer, b text)");
    TYPES_ARE(&shop, examples);
}

/* ---- what has no place ---- */

static void values_without_an_exact_type_are_refused_with_the_override(void **state)
{
    type_is_refused(&shop, "numeric", "(1)", NULL, RC_CONFIG, "as: text");
    type_is_refused(&shop, "numeric(39,2)", "(1)", NULL, RC_CONFIG, "as: text");
    type_is_refused(&shop, "numeric(3,-2)", "(12345)", NULL, RC_CONFIG, "as: text");
    type_is_refused(&shop, "numeric(5,2)", "('NaN')", NULL, RC_DATA, "as: text");
    type_is_refused(&shop, "date", "('infinity')", NULL, RC_DATA, "as: text");
    type_is_refused(&shop, "timestamp", "('-infinity')", NULL, RC_DATA, "as: text");
    type_is_refused(&shop, "timestamptz", "('294276-12-31 23:59:59')", NULL, RC_DATA, "as: text");
}

/* ---- cursors and keys ---- */

static const struct table *describe(struct source *source, const struct table_request *request, struct error *err)
{
    const struct table *table = NULL;
    return source_describe(source, request, &table, err) == RC_OK ? table : NULL;
}

static void s91_a_zone_with_summer_time_is_refused_and_an_offset_is_not(void **state)
{
    AUTO(source) *source = open_source();
    struct error err = {0};
    pg_run("CREATE TABLE stamped (id bigint PRIMARY KEY, updated_at timestamp NOT NULL);"
           " CREATE INDEX ON stamped (updated_at)");
    struct table_request request = {.name = "stamped", .wants_cursor = true};
    static const struct {
        const char *zone;
        int64_t ahead_s; /* -1: refused */
    } zones[] = {
        {"UTC", 0},     {"+02:00", 7200},     {"-09:30", -34200},    {"Asia/Tokyo", 32400}, {"asia/tokyo", 32400},
        {"Etc/UTC", 0}, {"Etc/GMT-3", 10800}, {"Europe/Berlin", -1}, {"nowhere", -1},       {"Europe/Nowhere", -1},
        {"CEST", -1},   {"FOO/BAR-3", -1},    {"<+03>-03", -1},      {"right/UTC", -1}};
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        request.cursor_zone = zones[i].zone;
        const struct table *table = describe(source, &request, &err);
        assert_int_equal(table == NULL, zones[i].ahead_s == -1);
        if (table != NULL)
            assert_int_equal(table->cursor_ahead_us, zones[i].ahead_s * 1000000);
        else
            assert_non_null(strstr(err.todo, "cursor_zone"));
    }
}

/* S57: what is ordered is the value, whatever its text would be. */
static void keys_of_every_kind_are_walked_in_their_order(void **state)
{
    static const struct {
        const char *type, *values, *ceiling;
    } keys[] = {
        {"bigint", "(9),(10),(-3)", "10"},
        {"numeric(9,1)", "(9),(10.5),(-3)", "10.5"},
        {"text COLLATE \"C\"", "('a'),('B')", "a"},
        {"varchar(10) COLLATE \"en_US\"", "('a'),('B')", "B"},
        {"uuid", "('ffffffff-0000-0000-0000-000000000000'),('00000000-0000-0000-0000-00000000000f')",
         "ffffffff-0000-0000-0000-000000000000"},
        {"bytea", "('\\xff'),('\\x0fff')", "ff"},
        {"double precision", "(-1.5),(2.5e300),(9)", "2.5e+300"},
        {"date", "('2024-01-01'),('1999-01-01')", "2024-01-01"},
        {"size", "('small'),('large')", "large"},
    };
    pg_run("CREATE TYPE size AS ENUM ('small', 'large');"
           " CREATE COLLATION IF NOT EXISTS \"en_US\" (provider = icu, locale = 'en-US')");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        AUTO(source) *source = open_source();
        AUTO_RELEASE(arena) arena = {0};
        AUTO_RELEASE(buf) sql = {0};
        struct error err = {0};
        const char *ceiling = NULL;
        struct position cut;
        bool is_cut = false;
        buf_addf(&sql, "DROP TABLE IF EXISTS keyed; CREATE TABLE keyed (k %s PRIMARY KEY); INSERT INTO keyed VALUES %s",
                 keys[i].type, keys[i].values);
        pg_run(sql.at);
        const struct table *table = describe(source, &(struct table_request){.name = "keyed"}, &err);
        if (table == NULL || source_ceiling(source, table, &arena, &ceiling, &err) != RC_OK)
            fail_msg("%s: %s", keys[i].type, err.text);
        assert_string_equal(ceiling, keys[i].ceiling);
        struct range range = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {ceiling}}};
        struct range_facts facts;
        assert_int_equal(source_facts(source, table, &range, &facts, &err), RC_OK);
        assert_int_equal(facts.rows, strchr(keys[i].values, '9') != NULL && keys[i].values[1] != '\'' ? 3 : 2);
        assert_int_equal(source_boundary(source, table, &range, 1, &arena, &cut, &is_cut, &err), RC_OK);
        assert_true(is_cut);
        range.lo = cut;
        assert_int_equal(source_facts(source, table, &range, &facts, &err), RC_OK);
        assert_int_not_equal(facts.rows, 0);
    }
}

static void a_key_that_may_be_null_is_looked_at(void **state)
{
    AUTO(source) *source = open_source();
    struct error err = {0};
    struct range_facts facts;
    const char *key[] = {"k"};
    pg_run("CREATE TABLE loose (k integer, v text); INSERT INTO loose VALUES (1, 'a'), (NULL, 'b')");
    const struct table *table =
        describe(source, &(struct table_request){.name = "loose", .key = key, .key_count = 1}, &err);
    struct range range = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"9"}}};
    assert_int_equal(source_facts(source, table, &range, &facts, &err), RC_DATA);
    assert_non_null(strstr(err.text, "NULL"));
}

static void names_of_every_kind_are_read(void **state)
{
    AUTO(source) *source = open_source();
    struct error err = {0};
    pg_run("CREATE TABLE \"Order \"\"lines\"\".2024\" (\"select\" bigint PRIMARY KEY, \"9 Ü's\" text);"
           " INSERT INTO \"Order \"\"lines\"\".2024\" VALUES (1, 'x')");
    const struct table *table = describe(source, &(struct table_request){.name = "Order \"lines\".2024"}, &err);
    struct range range = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"9"}}};
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch = NULL;
    assert_non_null(table);
    assert_int_equal(source_read(source, table, &range, &reader, &err), RC_OK);
    assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    assert_int_equal(batch->rows, 1);
    assert_string_equal(table->schema->fields[1].name, "9 Ü's");
}

static int clean(void **state)
{
    pg_clean();
    return 0;
}
#undef STORY
#define STORY(name) cmocka_unit_test_setup(name, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(s73_numerics_are_the_digits_that_the_server_writes),
        STORY(s74_digits_that_came_since_are_not_cut_off),
        STORY(s73_numbers_at_their_extremes),
        STORY(s73_times_at_their_extremes),
        STORY(s73_texts_and_bytes_as_they_are),
        STORY(s73_enums_domains_and_composites),
        STORY(values_without_an_exact_type_are_refused_with_the_override),
        STORY(s91_a_zone_with_summer_time_is_refused_and_an_offset_is_not),
        STORY(keys_of_every_kind_are_walked_in_their_order),
        STORY(a_key_that_may_be_null_is_looked_at),
        STORY(names_of_every_kind_are_read),
    };
    if (!postgres_start())
        return POSTGRES_MISSING;
    int failed = cmocka_run_group_tests_name("source: PostgreSQL, types", tests, NULL, NULL);
    postgres_stop();
    return failed;
}
