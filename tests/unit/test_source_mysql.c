/* The MySQL source keeps a source's promises on a real MariaDB. What only MySQL does is told in
 * test_source_mysql_types.c, test_source_mysql_open.c and test_source_mysql_session.c. */
#include "conform/source_suite.h"
#include "connect/mysql/session.h"
#include "mysql_server.h"
#include "test.h"
#include "world/value.h"

static MYSQL *server;

static void *setup(void)
{
    server_clear(server);
    return server;
}
static void teardown(void *world) {}
static struct source *open_source(void *world, int rows) { return server_source(rows); }

/* Texts of a key are compared as bytes here, as the stories' model does; under a collation is another story. */
static void declare(struct buf *sql, const struct field *field, const char *key)
{
    static const char *const types[] = {
        [TYPE_INT16] = "SMALLINT", [TYPE_INT32] = "INT",          [TYPE_INT64] = "BIGINT",    [TYPE_FLOAT] = "FLOAT",
        [TYPE_DOUBLE] = "DOUBLE",  [TYPE_UTF8] = "LONGTEXT",      [TYPE_BINARY] = "LONGBLOB", [TYPE_DATE] = "DATE",
        [TYPE_TIME] = "TIME(6)",   [TYPE_TIMESTAMP] = "DATETIME",
    };
    bool is_key = strstr(key, field->name) != NULL || strcmp(field->name, "code") == 0;
    mysql_quote(sql, field->name);
    if (field->type == TYPE_DECIMAL)
        buf_addf(sql, " DECIMAL(%d,%d)", field->precision, field->scale);
    else if (field->type == TYPE_TIMESTAMP)
        buf_addf(sql, " %s(%d)", field->utc ? "TIMESTAMP" : "DATETIME", (int)field->unit * 3);
    else if (is_key && field->type == TYPE_UTF8)
        buf_add_str(sql, S(" VARCHAR(200) COLLATE utf8mb4_bin"));
    else if (is_key && field->type == TYPE_BINARY)
        buf_add_str(sql, S(" VARBINARY(200)"));
    else
        buf_addf(sql, " %s", types[field->type]);
    buf_addf(sql, " %s, ", field->nullable ? "NULL" : "NOT NULL");
}

static void create(void *world, const char *table, const struct schema *schema, const char *key, const char *cursor)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("CREATE OR REPLACE TABLE "));
    mysql_quote(&sql, table);
    buf_add_str(&sql, S(" ("));
    for (int i = 0; i < schema->count; i++)
        declare(&sql, &schema->fields[i], key);
    if (key[0] != '\0')
        buf_addf(&sql, "PRIMARY KEY (%s), ", key);
    if (cursor != NULL)
        buf_addf(&sql, "KEY `by %s` (%s), ", cursor, cursor);
    memcpy(sql.at + sql.len - 2, ")", 2);
    server_run(world, sql.at);
}

static void add_literal(struct buf *sql, const struct field *field, struct str text)
{
    AUTO_RELEASE(arena) arena = {0};
    struct value value = value_parse(field, text, &arena);
    if (value.null)
        buf_add_str(sql, S("NULL"));
    else if (field->type == TYPE_UTF8)
        mysql_literal_text(sql, value.bytes);
    else if (field->type == TYPE_BINARY)
        mysql_literal_bytes(sql, value.bytes);
    else if (field->type == TYPE_TIMESTAMP && field->utc)
        buf_addf(sql, "'%.*s'", (int)text.len - 1, text.at); /* without its Z */
    else
        buf_addf(sql, "'" STR_FMT "'", STR_ARG(text));
}

static void put(void *world, const char *table, const struct schema *schema, const char *row)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("REPLACE INTO "));
    mysql_quote(&sql, table);
    buf_add_str(&sql, S(" VALUES ("));
    for (int i = 0; i < schema->count; i++) {
        size_t len = strcspn(row, "|\n");
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        add_literal(&sql, &schema->fields[i], (struct str){row, len});
        row += len + (row[len] == '|');
    }
    buf_add_str(&sql, S(")"));
    server_run(world, sql.at);
}

static void delete (void *world, const char *table, const struct schema *schema, const char *key)
{
    server_runf(world, "DELETE FROM `%s` WHERE id = '%s'", table, key);
    assert_string_equal(server_ask(world, "SELECT ROW_COUNT()"), "1");
}

static void begin(void *world) { server_run(world, "START TRANSACTION"); }
static void commit(void *world) { server_run(world, "COMMIT"); }

int main(void)
{
    struct source_kind kind = {
        .name = "MariaDB",
        .quirks = {.has_own_clock = true, .has_no_bool = true, .reads_one_view = true, .cursors_are_declared = true},
        /* No infinity, and TIMESTAMP ends in 2038. */
        .values_schema = "id:l! s:s i:i n:l f:f x:g name:u raw:z day:tdD at:tss: at_ms:tsm: at_us:tsu:UTC price:d:15,2",
        .values_rows =
            "1|32767|2147483647|9223372036854775807|3.40282347e+38|1.7976931348623157e+308|null|00|9999-12-31|"
            "9999-12-31 23:59:59|9999-12-31 23:59:59.999|2038-01-19T03:14:07.999999Z|9999999999999.99\n"
            "2|-32768|-2147483648|-9223372036854775808|-1.17549435e-38|-4.9406564584124654e-324||ff00ff|"
            "0001-01-01|0001-01-01 00:00:00|1969-12-31 23:59:59.001|1970-01-01T00:00:01.000000Z|-9999999999999.99\n"
            "3|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL\n"
            "4|0|0|0|0.100000001|0.10000000000000001|\xC3\xA9\xF0\x9F\x9A\x9A 'q' \"d\"||2024-02-29|"
            "1970-01-01 00:00:00|2024-02-29 10:00:00.000|2024-02-29T10:00:00.100000Z|0.10\n",
        .setup = setup,
        .teardown = teardown,
        .open = open_source,
        .create = create,
        .put = put,
        .delete = delete,
        .begin = begin,
        .commit = commit,
    };
    if (!server_enter())
        return 0;
    server = server_app();
    int failed = source_suite_run(&kind);
    server_in_text = true;
    kind.name = "MariaDB, rows in text";
    failed += source_suite_run(&kind);
    mysql_close(server);
    server_leave();
    return failed;
}
