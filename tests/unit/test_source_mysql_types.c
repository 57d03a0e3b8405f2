/* Every type of MariaDB at its extremes (S73), as the source puts it into batches. */
#include <assert.h>

#include "conform/source_story.h"
#include "mysql_server.h"
#include "unit/type_story.h"

static MYSQL *app;

/* ---- one column, its values ---- */

static struct source *open_source(void) { return server_source(0); }

static void make_types(const char *declared, const char *literals)
{
    server_run(app, "DROP TABLE IF EXISTS types");
    server_runf(app, "CREATE TABLE types (id INT PRIMARY KEY AUTO_INCREMENT, v %s)", declared);
    server_runf(app, "INSERT INTO types (v) VALUES %s", literals);
}

static const struct type_shop shop = {open_source, make_types, check_profile};

static void s73_numbers_at_their_extremes(void **state)
{
    static const struct type_example examples[] = {
        {"TINYINT", NULL, "(-128),(127),(NULL)", "s", "-128|127|NULL"},
        {"TINYINT(1)", NULL, "(2),(-1),(0)", "s", "2|-1|0"},
        {"TINYINT UNSIGNED", NULL, "(0),(255)", "s", "0|255"},
        {"SMALLINT", NULL, "(-32768),(32767)", "s", "-32768|32767"},
        {"SMALLINT UNSIGNED", NULL, "(0),(65535)", "i", "0|65535"},
        {"MEDIUMINT", NULL, "(-8388608),(8388607)", "i", "-8388608|8388607"},
        {"MEDIUMINT UNSIGNED", NULL, "(16777215)", "i", "16777215"},
        {"INT", NULL, "(-2147483648),(2147483647)", "i", "-2147483648|2147483647"},
        {"INT UNSIGNED", NULL, "(4294967295)", "l", "4294967295"},
        {"INT(10) UNSIGNED ZEROFILL", NULL, "(42)", "l", "42"},
        {"BIGINT", NULL, "(-9223372036854775808),(9223372036854775807)", "l",
         "-9223372036854775808|9223372036854775807"},
        {"BIGINT UNSIGNED", NULL, "(0),(18446744073709551615)", "d:20,0", "0|18446744073709551615"},
        {"DECIMAL(38,10)", NULL, "(-9999999999999999999999999999.9999999999),(0.0000000001)", "d:38,10",
         "-9999999999999999999999999999.9999999999|0.0000000001"},
        {"DECIMAL(38,38)", NULL, "(0.00000000000000000000000000000000000001)", "d:38,38",
         "0.00000000000000000000000000000000000001"},
        {"DECIMAL(5,2)", NULL, "(-0.01),(0),(999.99)", "d:5,2", "-0.01|0.00|999.99"},
        {"DECIMAL(18,0)", NULL, "(-999999999999999999)", "d:18,0", "-999999999999999999"},
        {"DECIMAL(65,30)", "text", "(-99999999999999999999999999999999999.999999999999999999999999999999)", "u",
         "-99999999999999999999999999999999999.999999999999999999999999999999"},
        {"FLOAT", NULL, "(16777217),(0.1),(3.4028234663852886e38),(1.1754943508222875e-38)", "f",
         "16777216|0.100000001|3.40282347e+38|1.17549435e-38"},
        {"FLOAT(10,3)", NULL, "(1234.567)", "f", "1234.56702"},
        {"FLOAT", "text", "(16777217)", "u", "16777216"},
        {"DOUBLE", NULL, "(0.1),(-1.7976931348623157e308),(5e-324),(9007199254740993),(1e22),(123456.789)", "g",
         "0.10000000000000001|-1.7976931348623157e+308|4.9406564584124654e-324|9007199254740992|1e+22|"
         "123456.789"},
        {"DOUBLE(20,2)", NULL, "(1234567890123.45)", "g", "1234567890123.45"},
        {"BIT(1)", NULL, "(b'1'),(b'0')", "l", "1|0"},
        {"BIT(12)", NULL, "(b'111111111111')", "l", "4095"},
        {"BIT(63)", NULL, "(9223372036854775807)", "l", "9223372036854775807"},
        {"BIT(64)", NULL, "(18446744073709551615)", "d:20,0", "18446744073709551615"},
        {"BIT(8)", NULL, "(48),(57)", "l", "48|57"}, /* bytes that are digits, and no number in digits */
        {"BIT(64)", NULL, "(3472611983179986487)", "d:20,0", "3472611983179986487"},
        {"BIT(10)", "binary", "(b'1000000001')", "z", "0201"},
        {"BIT(10)", "text", "(b'1000000001')", "u", "513"},
        {"YEAR", NULL, "(0),(1901),(2155)", "s", "0|1901|2155"},
    };
    TYPES_ARE(&shop, examples);
}

static void s73_times_at_their_extremes(void **state)
{
    static const struct type_example examples[] = {
        {"DATE", NULL, "('0001-01-01'),('9999-12-31'),('2024-02-29'),('1900-02-28'),('1969-12-31')", "tdD",
         "0001-01-01|9999-12-31|2024-02-29|1900-02-28|1969-12-31"},
        {"DATETIME", NULL, "('0001-01-01 00:00:00'),('9999-12-31 23:59:59')",
         "tss:", "0001-01-01 00:00:00|9999-12-31 23:59:59"},
        {"DATETIME(1)", NULL, "('2024-02-29 10:00:00.5')", "tsm:", "2024-02-29 10:00:00.500"},
        {"DATETIME(4)", NULL, "('2024-02-29 10:00:00.1234')", "tsu:", "2024-02-29 10:00:00.123400"},
        {"DATETIME(6)", NULL, "('1969-12-31 23:59:59.999999')", "tsu:", "1969-12-31 23:59:59.999999"},
        {"TIMESTAMP NULL", NULL, "('1970-01-01 00:00:01'),('2038-01-19 03:14:07'),(NULL)", "tss:UTC",
         "1970-01-01T00:00:01Z|2038-01-19T03:14:07Z|NULL"},
        {"TIMESTAMP(6) NULL", NULL, "('2038-01-19 03:14:07.999999')", "tsu:UTC", "2038-01-19T03:14:07.999999Z"},
        {"TIME(6)", NULL, "('838:59:59.999999'),('-838:59:59.999999'),('-00:00:00.000001')", "tDu",
         "838:59:59.999999|-838:59:59.999999|-00:00:00.000001"},
        {"TIME", NULL, "('-01:00:00'),('23:59:59')", "tDu", "-01:00:00.000000|23:59:59.000000"},
        {"DATE", "text", "('0000-00-00'),('2024-00-15')", "u", "0000-00-00|2024-00-15"},
    };
    TYPES_ARE(&shop, examples);
}

static void s73_texts_and_bytes_as_they_are(void **state)
{
    static const struct type_example examples[] = {
        {"VARCHAR(20)", NULL, "(''),('NULL'),('nan'),(' a '),(NULL),('\xF0\x9F\x9A\x9A')", "u",
         "|\\NULL|nan| a |NULL|\xF0\x9F\x9A\x9A"},
        {"VARCHAR(20) CHARACTER SET latin1", NULL, "('caf\xC3\xA9')", "u", "caf\xC3\xA9"},
        {"VARCHAR(20) CHARACTER SET ucs2", NULL, "('caf\xC3\xA9')", "u", "caf\xC3\xA9"},
        {"VARCHAR(20) CHARACTER SET latin1", "binary", "('caf\xC3\xA9')", "z", "636166e9"},
        {"CHAR(5)", NULL, "('ab  ')", "u", "ab"},
        {"LONGTEXT", NULL, "('x')", "u", "x"},
        {"JSON", NULL, "('{\"a\": [1, 2]}')", "u", "{\"a\": [1, 2]}"},
        {"ENUM('a','','b')", NULL, "('a'),(''),('b'),(NULL)", "u", "a||b|NULL"},
        {"ENUM('a','b')", NULL, "('nothing of it')", "u", ""},
        {"SET('x','y','z')", NULL, "('x,z'),('')", "u", "x,z|"},
        {"BINARY(4)", NULL, "(X'00ff')", "z", "00ff0000"},
        {"VARBINARY(9)", NULL, "(X''),(X'00275c')", "z", "|00275c"},
        {"BLOB", NULL, "(X'ff00')", "z", "ff00"},
        {"BLOB", "text", "('plain')", "u", "plain"},
        {"POINT", NULL, "(ST_GeomFromText('POINT(1 2)'))", "z", "0101000000000000000000f03f0000000000000040"},
        {"POINT", "text", "(ST_GeomFromText('POINT(1 2)'))", "u", "POINT(1 2)"},
        {"UUID", NULL, "('123e4567-e89b-12d3-a456-426655440000')", "u", "123e4567-e89b-12d3-a456-426655440000"},
        {"INET6", NULL, "('::1')", "u", "::1"},
    };
    TYPES_ARE(&shop, examples);
}

/* ---- what has no place ---- */

static void values_without_a_place_are_refused_and_not_changed(void **state)
{
    type_is_refused(&shop, "DATE", "('0000-00-00')", NULL, RC_DATA, "zero or partial date");
    type_is_refused(&shop, "DATE", "('2024-00-15')", NULL, RC_DATA, "zero_dates: null");
    type_is_refused(&shop, "DATETIME", "('2024-00-15 00:00:00')", NULL, RC_DATA, "zero or partial date");
    type_is_refused(&shop, "TIMESTAMP NULL", "('0000-00-00 00:00:00')", NULL, RC_DATA, "zero or partial date");
    type_is_refused(&shop, "ENUM('a','','b')", "('nothing of it')", NULL, RC_DATA, "ENUM does not have");
    type_is_refused(&shop, "ENUM('a','','b')", "('a'),('b'),('nothing of it')", NULL, RC_DATA, "ENUM does not have");
    type_is_refused(&shop, "DECIMAL(39,0)", "(1)", NULL, RC_CONFIG, "columns: {v: {as: text}}");
    type_is_refused(&shop, "BLOB", "(X'ff')", "text", RC_DATA, "not UTF-8");
}

/* ---- dates that are none, and clocks without a zone ---- */

static const struct table *described(struct source *source, const struct table_request *request)
{
    const struct table *table = NULL;
    struct error err;
    if (source_describe(source, request, &table, &err) != RC_OK)
        fail_msg("%s (%s)", err.text, err.todo);
    return table;
}

static void zero_dates_become_null_and_are_counted_or_are_texts(void **state)
{
    static const struct range everything = {.kind = RANGE_ALL};
    for (int policy = ZERO_DATES_NULL; policy <= ZERO_DATES_TEXT; policy++) {
        AUTO(source) *source = server_source(0);
        AUTO(batch_reader) *reader = NULL;
        const struct batch *batch = NULL;
        struct error err;
        make_types("DATETIME NOT NULL", "('0000-00-00 00:00:00'),('2024-00-15 00:00:00'),('2024-02-31 10:00:00'),"
                                        "('2024-02-29 10:00:00')");
        const struct table *table =
            described(source, &(struct table_request){.name = "types", .zero_dates = (enum zero_dates)policy});
        assert_int_equal(source_read(source, table, &everything, &reader, &err), RC_OK);
        assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
        bool are_texts = policy == ZERO_DATES_TEXT;
        int64_t nulls = 0;
        for (int64_t row = 0; row < 4; row++)
            nulls += batch_is_null(batch, 1, row);
        assert_int_equal(source->zero_dates, nulls);
        assert_int_equal(table->schema->fields[1].type, are_texts ? TYPE_UTF8 : TYPE_TIMESTAMP);
        /* The server has made the 31st of February a zero date itself. */
        assert_true(are_texts ? nulls == 0 : nulls == 3 && table->schema->fields[1].nullable);
        assert_false(batch_is_null(batch, 1, 3));
    }
}

static void zoned_refused(struct source *source, const char *zone, const char *words)
{
    const struct table *table;
    struct error err = {0};
    struct table_request request = {.name = "types", .cursor = "v", .wants_cursor = true, .cursor_zone = zone};
    assert_int_equal(source_describe(source, &request, &table, &err), RC_CONFIG);
    if (strstr(err.text, words) == NULL && strstr(err.todo, words) == NULL)
        fail_msg("'%s', '%s'", err.text, err.todo);
}

static int64_t hours_ahead(struct source *source, const char *zone)
{
    struct table_request request = {.name = "types", .cursor = "v", .wants_cursor = true, .cursor_zone = zone};
    return described(source, &request)->cursor_ahead_us / INT64_C(3600000000);
}

/* S91: the server is nine hours ahead of UTC. */
static void s91_a_clock_without_a_zone_is_the_servers_or_the_one_that_is_said(void **state)
{
    AUTO(source) *source = server_source(0);
    make_types("DATETIME NOT NULL", "('2024-02-29 10:00:00')");
    assert_int_equal(hours_ahead(source, NULL), 9);
    assert_int_equal(hours_ahead(source, "UTC"), 0);
    assert_int_equal(hours_ahead(source, "-03:00"), -3);
    zoned_refused(source, "Europe/Nowhere", "does not know the zone");
    server_run(app, "SET GLOBAL time_zone = '+02:00'");
    assert_int_equal(hours_ahead(source, NULL), 2);
    server_run(app, "SET GLOBAL time_zone = 'SYSTEM'");
    make_types("TIMESTAMP NOT NULL", "('2024-02-29 10:00:00')");
    assert_int_equal(hours_ahead(source, NULL), 0);
    zoned_refused(source, "UTC", "is an instant");
}

static const struct table *looked_back(struct source *source, int minutes)
{
    struct table_request request = {
        .name = "types", .cursor = "v", .wants_cursor = true, .lookback_ms = INT64_C(60000) * minutes};
    struct error err;
    const struct table *table = NULL;
    return source_describe(source, &request, &table, &err) == RC_OK ? table : NULL;
}

static void s91_a_zone_with_summer_time_needs_a_lookback_that_covers_it(void **state)
{
    make_types("DATETIME NOT NULL", "('2024-02-29 10:00:00')");
    mysql_close(app);
    server_restart_in("CET-1CEST,M3.5.0,M10.5.0/3");
    app = server_app();
    AUTO(source) *source = server_source(0);
    zoned_refused(source, NULL, "summer time");
    zoned_refused(source, NULL, "lookback: 120m");
    assert_null(looked_back(source, 119));
    const struct table *table = looked_back(source, 120);
    assert_true(table != NULL && table->cursor_repeats);
    int64_t hours = table->cursor_ahead_us / INT64_C(3600000000);
    assert_true(hours == 1 || hours == 2);
    assert_int_equal(hours_ahead(source, "+01:00"), 1);
}

/* S66. */
static void s66_names_are_quoted(void **state)
{
    static const char *const keys[] = {"1 `select`"};
    AUTO(source) *source = server_source(0);
    AUTO(batch_reader) *reader = NULL;
    const struct table *table = NULL;
    const struct batch *batch = NULL;
    struct error err;
    server_run(app,
               "DROP TABLE IF EXISTS `a.b``'\xC3\xA9`; CREATE TABLE `a.b``'\xC3\xA9` (`1 ``select``` INT PRIMARY KEY, "
               "`order` DATETIME NOT NULL, KEY `from` (`order`)); "
               "INSERT INTO `a.b``'\xC3\xA9` VALUES (1, '2024-01-01 00:00:00')");
    struct table_request request = {
        .name = "a.b`'\xC3\xA9", .cursor = "order", .key = keys, .key_count = 1, .wants_cursor = true};
    assert_int_equal(source_describe(source, &request, &table, &err), RC_OK);
    struct range range = {.kind = RANGE_CURSOR,
                          .lo = {.shape = POSITION_AT, .at = "2024-01-01 00:00:00", .key_count = 1, .key = {"0"}},
                          .hi = {.shape = POSITION_AT, .at = "2025-01-01 00:00:00"}};
    assert_int_equal(source_read(source, table, &range, &reader, &err), RC_OK);
    assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    assert_true(batch != NULL && batch->rows == 1);
}

/* 32 MiB in one value, and a table beside the connection's database. */
static void wide_values_come_whole(void **state)
{
    AUTO(source) *source = server_source(0);
    AUTO(batch_reader) *reader = NULL;
    static const struct range everything = {.kind = RANGE_ALL};
    const struct table *table = NULL;
    const struct batch *batch = NULL;
    struct error err;
    server_run(app, "CREATE DATABASE IF NOT EXISTS other; CREATE OR REPLACE TABLE other.wide (id INT PRIMARY KEY, body "
                    "LONGTEXT); INSERT INTO other.wide VALUES (1, REPEAT('x', 33554432)), (2, 'y')");
    assert_int_equal(source_describe(source, &(struct table_request){.name = "other.wide"}, &table, &err), RC_OK);
    assert_int_equal(source_read(source, table, &everything, &reader, &err), RC_OK);
    assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    assert_true(batch->rows == 1 && batch_bytes(batch, 1, 0).len == 33554432);
    assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    assert_int_equal(batch->rows, 1);
    server_run(app, "DROP DATABASE other");
}

/* ---- S57: keys of any order ---- */

static void add_ids(const struct batch *batch, struct buf *out)
{
    AUTO_RELEASE(arena) arena = {0};
    for (int64_t row = 0; row < batch->rows; row++) {
        struct value value = value_of(batch, 0, row, &arena);
        buf_add_str(out, out->len > 0 ? S(" ") : S(""));
        value_print(&value, &batch->schema->fields[0], out);
    }
}

/* Chunks of one row each, one after the other, are all rows in the server's order. */
static void walks_row_by_row(const char *declared, const char *literals, const char *expected)
{
    AUTO(source) *source = server_source(0);
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) seen = {0};
    const struct table *table = NULL;
    const char *ceiling = NULL;
    struct error err;
    server_runf(app, "CREATE OR REPLACE TABLE walked (k %s PRIMARY KEY, note INT)", declared);
    server_runf(app, "INSERT INTO walked (k) VALUES %s", literals);
    assert_int_equal(source_describe(source, &(struct table_request){.name = "walked"}, &table, &err), RC_OK);
    assert_int_equal(source_ceiling(source, table, &arena, &ceiling, &err), RC_OK);
    struct range range = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {ceiling}}};
    const struct position end = range.hi;
    for (bool is_cut = true; is_cut;) {
        AUTO(batch_reader) *reader = NULL;
        const struct batch *batch = NULL;
        range.hi = end;
        if (source_boundary(source, table, &range, 1, &arena, &range.hi, &is_cut, &err) != RC_OK ||
            source_read(source, table, &range, &reader, &err) != RC_OK ||
            batch_reader_next(reader, &batch, &err) != RC_OK)
            fail_msg("%s: %s", declared, err.text);
        assert(batch != NULL);
        assert_int_equal(batch->rows, 1);
        add_ids(batch, &seen);
        range.lo = range.hi;
    }
    assert_string_equal(seen.at, expected);
}

static void s57_keys_of_every_kind_are_walked_in_the_servers_order(void **state)
{
    walks_row_by_row("BIGINT UNSIGNED", "(0),(18446744073709551615),(9223372036854775808)",
                     "0 9223372036854775808 18446744073709551615");
    walks_row_by_row("INT", "(-5),(0),(7)", "-5 0 7");
    walks_row_by_row("INT(6) ZEROFILL", "(42),(7)", "7 42");
    walks_row_by_row("VARCHAR(20) COLLATE utf8mb4_general_ci", "('_'),('a'),('B'),('c'),('z'),('\xC3\x9F'),('it''s')",
                     "a B c it's \xC3\x9F z _");
    walks_row_by_row("VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci", "('\xC3\xA9'),('d'),('f')",
                     "d \xC3\xA9 f");
    walks_row_by_row("VARBINARY(20)", "(X'00'),(X'0027'),(X'ff')", "00 0027 ff");
    walks_row_by_row("ENUM('z','a','m')", "('m'),('z'),('a')", "z a m");
    walks_row_by_row("DECIMAL(20,2)", "(-1.50),(0),(10000000000000000.25)", "-1.50 0.00 10000000000000000.25");
    walks_row_by_row("DOUBLE", "(-1.5),(0.1),(1e300)", "-1.5 0.10000000000000001 1.0000000000000001e+300");
    walks_row_by_row("FLOAT", "(0.1),(16777216)", "0.100000001 16777216");
    walks_row_by_row("DATETIME(6)", "('2024-01-01 00:00:00.000001'),('2024-01-01 00:00:00')",
                     "2024-01-01 00:00:00.000000 2024-01-01 00:00:00.000001");
    walks_row_by_row("BIT(8)", "(b'1'),(b'11111111')", "1 255");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s73_numbers_at_their_extremes),
        cmocka_unit_test(s73_times_at_their_extremes),
        cmocka_unit_test(s73_texts_and_bytes_as_they_are),
        cmocka_unit_test(values_without_a_place_are_refused_and_not_changed),
        cmocka_unit_test(zero_dates_become_null_and_are_counted_or_are_texts),
        cmocka_unit_test(s91_a_clock_without_a_zone_is_the_servers_or_the_one_that_is_said),
        cmocka_unit_test(s66_names_are_quoted),
        cmocka_unit_test(wide_values_come_whole),
        cmocka_unit_test(s57_keys_of_every_kind_are_walked_in_the_servers_order),
        cmocka_unit_test(s91_a_zone_with_summer_time_needs_a_lookback_that_covers_it),
    };
    const struct CMUnitTest in_text[] = {
        cmocka_unit_test(s73_numbers_at_their_extremes),
        cmocka_unit_test(s73_times_at_their_extremes),
        cmocka_unit_test(s73_texts_and_bytes_as_they_are),
        cmocka_unit_test(values_without_a_place_are_refused_and_not_changed),
        cmocka_unit_test(zero_dates_become_null_and_are_counted_or_are_texts),
        cmocka_unit_test(wide_values_come_whole),
    };
    if (!server_enter())
        return 0;
    app = server_app();
    server_in_text = true;
    int failed = cmocka_run_group_tests(in_text, NULL, NULL);
    server_in_text = false;
    failed += cmocka_run_group_tests(tests, NULL, NULL);
    mysql_close(app);
    server_leave();
    return failed;
}
