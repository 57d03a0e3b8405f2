/* The binary road and the text road give the same batches, and which of them is taken (source_read.c). */
#include <unistd.h>

#include "connect/mysql/session.h"
#include "mysql_server.h"
#include "test.h"
#include "world/value.h"

static MYSQL *app;
static const struct range everything = {.kind = RANGE_ALL};

/* ---- which road ---- */

static int64_t status_of(const char *name)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT variable_value FROM information_schema.global_status WHERE variable_name = '%s'",
             name);
    return strtoll(server_ask(app, sql), NULL, 10);
}

/* Only the binary road prepares and executes. */
static int64_t prepared(void) { return status_of("COM_STMT_PREPARE"); }
static int64_t executed(void) { return status_of("COM_STMT_EXECUTE"); }
static int64_t open_statements(void) { return status_of("PREPARED_STMT_COUNT"); }

/* All rows as lines. */
static RC read_all(struct source *source, const struct table_request *request, struct buf *out, struct error *err)
{
    AUTO(batch_reader) *reader = NULL;
    AUTO_RELEASE(arena) arena = {0};
    const struct table *table = NULL;
    const struct batch *batch = NULL;
    TRY(source_describe(source, request, &table, err));
    TRY(source_read(source, table, &everything, &reader, err));
    for (;; arena_reset(&arena)) {
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            return RC_OK;
        for (int64_t row = 0; row < batch->rows; row++) {
            for (int i = 0; i < batch->schema->count; i++) {
                struct value value = value_of(batch, i, row, &arena);
                value_print(&value, &batch->schema->fields[i], out);
                buf_add_str(out, S("|"));
            }
            buf_add_str(out, S("\n"));
        }
    }
}

static void read_with(bool in_text, const struct table_request *request, struct buf *out)
{
    struct error err;
    server_in_text = in_text;
    AUTO(source) *source = server_source(1000);
    server_in_text = false;
    if (read_all(source, request, out, &err) != RC_OK)
        fail_msg("%s: %s", in_text ? "text" : "binary", err.text);
}

static void gives_the_same(const struct table_request *request, bool is_binary)
{
    AUTO_RELEASE(buf) binary = {0}, text = {0};
    int64_t before = executed();
    read_with(false, request, &binary);
    assert_int_equal(executed() - before, is_binary);
    read_with(true, request, &text);
    assert_int_equal(executed() - before, is_binary);
    assert_true(text.len > 0);
    if (!str_eq(buf_str(&binary), buf_str(&text))) {
        size_t at = 0, line = 0;
        for (; at < text.len && at < binary.len && binary.at[at] == text.at[at]; at++)
            line = text.at[at] == '\n' ? at + 1 : line;
        fail_msg("at %zu:\n%.300s\n%.300s", at, binary.at + line, text.at + line);
    }
}

/* ---- values ---- */

static const char many_columns[] =
    "CREATE TABLE many (id INT PRIMARY KEY, t TINYINT, tu TINYINT UNSIGNED, b BOOLEAN, s SMALLINT, su SMALLINT "
    "UNSIGNED, m MEDIUMINT, mu MEDIUMINT UNSIGNED, i INT, iu INT UNSIGNED, iz INT(8) ZEROFILL, l BIGINT, lu BIGINT "
    "UNSIGNED, d DECIMAL(15,2), dw DECIMAL(38,10), dn DECIMAL(9,0), dz DECIMAL(6,6), f FLOAT, fd FLOAT(9,3), g DOUBLE, "
    "gd DOUBLE(20,4), b1 BIT, b9 BIT(9), b64 BIT(64), y YEAR, day DATE, dt DATETIME, dt2 DATETIME(2), dt6 DATETIME(6), "
    "ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL, ti TIME, ti6 TIME(6), c CHAR(9), v VARCHAR(400), vl VARCHAR(99) "
    "CHARACTER SET latin1, tt TINYTEXT, tx LONGTEXT, e ENUM('a','b',''), st SET('x','y'), j JSON, bi BINARY(5), vb "
    "VARBINARY(300), bl LONGBLOB, p POINT, u UUID, ip INET6)";

/* Wide and narrow, below and above zero, NULL in every fifth. */
static const char many_rows[] =
    "INSERT INTO many SELECT seq, RAND()*255-128, RAND()*255, RAND()<0.5, RAND()*65535-32768, RAND()*65535, "
    "RAND()*16777215-8388608, RAND()*16777215, RAND()*4294967295-2147483648, RAND()*4294967295, RAND()*1e7, "
    "(RAND()-0.5)*1.8e19, RAND()*1.8e19, (RAND()-0.5)*POW(10, seq % 15), (RAND()-0.5)*POW(10, seq % 28), "
    "(RAND()-0.5)*1e9, RAND()-0.5, (RAND()-0.5)*POW(10, seq % 70) * 1e-34, (RAND()-0.5)*1e6, "
    "(RAND()-0.5)*EXP(RAND()*1300-650), (RAND()-0.5)*1e10, RAND()<0.5, RAND()*511, RAND()*1.8e19, 1901+RAND()*254, "
    "'0001-01-01' + INTERVAL RAND()*3652058 DAY, '1000-01-01' + INTERVAL RAND()*200000000000 SECOND, '1970-01-01' + "
    "INTERVAL RAND()*1e9*1e2 MICROSECOND, '1960-01-01' + INTERVAL RAND()*1e15 MICROSECOND, '1970-01-02' + INTERVAL "
    "RAND()*2e9 SECOND, '1970-01-02' + INTERVAL RAND()*2e15 MICROSECOND, SEC_TO_TIME((RAND()-0.5)*6e6), "
    "SEC_TO_TIME((RAND()-0.5)*6e6+0.000001), LEFT(MD5(RAND()), RAND()*9), REPEAT(CHAR(97+seq%26), RAND()*400), "
    "REPEAT('\xC3\xA9', RAND()*99), MD5(seq), REPEAT('\xF0\x9F\x9A\x9A', RAND()*IF(seq%50=0, 70000, 9)), ELT(1+seq%3, "
    "'a', 'b', ''), ELT(1+seq%4, '', 'x', 'y', 'x,y'), '{\"a\": 1}', LEFT(UNHEX(MD5(seq)), 5), LEFT(UNHEX(SHA2(seq, "
    "512)), RAND()*64), REPEAT(UNHEX('00ff'), RAND()*140), ST_GeomFromText('POINT(1 2)'), "
    "'123e4567-e89b-12d3-a456-426655440000', '::1' FROM seq_1_to_1500";

static void every_value_of_every_type_is_the_same_on_both_roads(void **state)
{
    static const char *const names[] = {"t",   "tu", "b",   "s",   "su", "m",   "mu", "i",   "iu", "iz", "l",   "lu",
                                        "d",   "dw", "dn",  "dz",  "f",  "fd",  "g",  "gd",  "b1", "b9", "b64", "y",
                                        "day", "dt", "dt2", "dt6", "ts", "ts6", "ti", "ti6", "c",  "v",  "vl",  "tt",
                                        "tx",  "e",  "st",  "j",   "bi", "vb",  "bl", "p",   "u",  "ip"};
    server_run(app, many_columns);
    server_run(app, many_rows);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        server_runf(app, "UPDATE many SET %s = NULL WHERE id %% 5 = %zu", names[i], i % 5);
    server_run(app,
               "INSERT INTO many (id) VALUES (0); INSERT INTO many (id, g, f, ti, ti6, dt, y, l, lu, d) VALUES (-1, "
               "-0.0, -0.0, '-00:00:00', '-838:59:59.999999', '9999-12-31 23:59:59', 0, -9223372036854775808, "
               "18446744073709551615, -9999999999999.99)");
    gives_the_same(&(struct table_request){.name = "many"}, true);
}

/* Only the server can write a date or a number as it does: such a table is read in text. */
static void columns_taken_as_texts_are_those_of_the_text_protocol(void **state)
{
    static const struct column_override overrides[] = {{"i", "text"}, {"day", "text"}, {"g", "text"}, {"d", "binary"}},
                                        texts[] = {{"v", "binary"}, {"d", "text"}, {"b9", "binary"}};
    struct table_request request = {.name = "many", .overrides = overrides, .override_count = 4};
    gives_the_same(&request, false);
    request.overrides = texts;
    request.override_count = 3;
    gives_the_same(&request, true);
}

static void zero_dates_are_the_same_on_both_roads(void **state)
{
    server_run(app, "CREATE TABLE zeros (id INT PRIMARY KEY, d DATE, t DATETIME(3) NOT NULL, s TIMESTAMP NOT NULL); "
                    "INSERT INTO zeros VALUES (1, '0000-00-00', '2024-00-15 01:02:03.004', '0000-00-00'), (2, "
                    "'2024-02-00', '0000-00-00', '2024-02-29 01:02:03'), (3, '2024-02-29', '2024-02-29 00:00:00', "
                    "'2024-02-29')");
    gives_the_same(&(struct table_request){.name = "zeros", .zero_dates = ZERO_DATES_NULL}, true);
    gives_the_same(&(struct table_request){.name = "zeros", .zero_dates = ZERO_DATES_TEXT}, false);
}

/* Rows of 16 MiB take several packets: one byte less, as many, and one more than a piece. */
static void rows_at_the_edge_of_a_packet_come_whole(void **state)
{
    static const int edge = 0xffffff - 1 - 1 - 4 - 4; /* first byte, NULLs, id, length */
    server_run(app, "CREATE TABLE edges (id INT PRIMARY KEY, body LONGTEXT)");
    for (int more = -1; more <= 1; more++)
        server_runf(app, "INSERT INTO edges VALUES (%d, REPEAT('x', %d))", more, edge + more);
    for (int i = 0; i < 2; i++) {
        server_in_text = i == 1;
        AUTO(source) *source = server_source(0);
        server_in_text = false;
        AUTO(batch_reader) *reader = NULL;
        const struct table *table = NULL;
        const struct batch *batch = NULL;
        struct error err;
        assert_int_equal(source_describe(source, &(struct table_request){.name = "edges"}, &table, &err), RC_OK);
        assert_int_equal(source_read(source, table, &everything, &reader, &err), RC_OK);
        for (int more = -1; more <= 1; more++) {
            assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
            assert_int_equal(batch->rows, 1);
            struct str body = batch_bytes(batch, 1, 0);
            assert_int_equal(body.len, edge + more);
            assert_true(memchr(body.at, 'x', 1) != NULL && memcmp(body.at, body.at + 1, body.len - 1) == 0);
        }
        assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
        assert_null(batch);
    }
}

/* ---- where there is no binary road ---- */

static int64_t rows_of(const struct mysql_options *options)
{
    static atomic_int unstopped;
    static struct opening with;
    AUTO_RELEASE(buf) lines = {0};
    AUTO(source) *source = NULL;
    struct error err;
    int64_t rows = 0;
    with = (struct opening){.clock = clock_real(), .random = random_real(), .stop = &unstopped};
    if (mysql_source_open("shop", options, &with, &source, &err) != RC_OK ||
        read_all(source, &(struct table_request){.name = "many"}, &lines, &err) != RC_OK)
        fail_msg("%s (%s)", err.text, err.todo);
    for (size_t i = 0; i < lines.len; i++)
        rows += lines.at[i] == '\n';
    return rows;
}

static void under_tls_rows_come_in_text(void **state)
{
    struct mysql_options options = server_tcp_options();
    int64_t before = prepared();
    options.tls = MYSQL_TLS_REQUIRE;
    assert_int_equal(rows_of(&options), 1502);
    assert_int_equal(prepared(), before);
    options.tls = MYSQL_TLS_OFF;
    assert_int_equal(rows_of(&options), 1502);
    assert_int_equal(prepared(), before + 1);
}

static void a_server_that_prepares_nothing_more_is_read_in_text(void **state)
{
    struct mysql_options options = server_options();
    int64_t before = executed();
    server_run(app, "SET GLOBAL max_prepared_stmt_count = 0");
    assert_int_equal(rows_of(&options), 1502);
    server_run(app, "SET GLOBAL max_prepared_stmt_count = DEFAULT");
    assert_int_equal(executed(), before);
}

/* A server keeps statements until it is told to forget them; a reader's connection serves many readers. */
static void statements_do_not_pile_up(void **state)
{
    AUTO(source) *source = server_source(0);
    struct error err;
    server_run(app, "CREATE TABLE few (id INT PRIMARY KEY); INSERT INTO few VALUES (1)");
    for (int i = 0; i < 20; i++) {
        AUTO_RELEASE(buf) lines = {0};
        assert_int_equal(read_all(source, &(struct table_request){.name = "few"}, &lines, &err), RC_OK);
    }
    for (int i = 0; i < 100 && open_statements() > 0; i++) /* the last word has no answer */
        usleep(20 * 1000);
    assert_int_equal(open_statements(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_of_every_type_is_the_same_on_both_roads),
        cmocka_unit_test(columns_taken_as_texts_are_those_of_the_text_protocol),
        cmocka_unit_test(zero_dates_are_the_same_on_both_roads),
        cmocka_unit_test(rows_at_the_edge_of_a_packet_come_whole),
        cmocka_unit_test(under_tls_rows_come_in_text),
        cmocka_unit_test(a_server_that_prepares_nothing_more_is_read_in_text),
        cmocka_unit_test(statements_do_not_pile_up),
    };
    if (!server_enter())
        return 0;
    app = server_app();
    server_clear(app);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mysql_close(app);
    server_leave();
    return failed;
}
