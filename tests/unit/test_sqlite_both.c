/* From SQLite to SQLite: what a source reads, a target stores so that sqlite3 shows the same on both sides. */
#include <string.h>
#include <unistd.h>

#include "connect/sqlite/source.h"
#include "unit/sqlite_story.h"

#define SOURCE_PATH "shop.db"

static const char table_of_everything[] =
    "CREATE TABLE everything (id INTEGER PRIMARY KEY, whole BIGINT, ratio REAL, name VARCHAR(20), raw BLOB, day DATE,"
    " made DATETIME, seen TIMESTAMP, sent DATETIME, price DECIMAL(10,2), units NUMERIC(18,0), share DECIMAL(20,16),"
    " flag BOOLEAN, epoch DATETIME, free);"
    "INSERT INTO everything VALUES"
    " (1, 9223372036854775807, 1.7976931348623157e308, 'ada', x'00ff', '2024-02-29', '2024-02-29 01:02:03',"
    "  '2024-02-29 01:02:03.123', '2024-02-29T01:02:03.123456Z', 12.50, 999999999999999999, 0.1234567890123456, 1, "
    "1709168523, 'a'),"
    " (2, -9223372036854775808, 4.9406564584124654e-324, '', x'', '0001-01-01', '1969-12-31 23:59:59',"
    "  '1969-12-31 23:59:59.999', '1969-12-31T23:59:59.000001Z', -0.01, -5, 0.5, 0, -1, 'b'),"
    " (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),"
    " (4, 0, -0.0, char(0) || 'x' || char(10), zeroblob(3), '9999-12-31', '9999-12-31 23:59:59',"
    "  '0000-01-01 00:00:00.000', '9999-12-31T23:59:59.999999Z', 99999999.99, 0, 1, 1, 0, 'NULL'),"
    " (5, 9007199254740993, 0.1, '007', x'6e', '1970-01-01', '1970-01-01 00:00:00',"
    "  '2024-01-01 00:00:00.010', '2024-01-01T00:00:00.010000Z', 3, 7, 0.3333333333333333, 0, 253402300799, '1e3')";

static enum rc read_all(const struct staged_file *file, struct batch_reader **ret, struct error *err)
{
    struct range all = {.kind = RANGE_ALL};
    void *const *both = file->context;
    return source_read(both[0], both[1], &all, ret, err);
}

/* Every value with its storage class, bit for bit. */
static char *dump(const char *path)
{
    static const char columns[] = "id whole ratio name raw day made seen sent price units share flag epoch free";
    static char dumps[2][8192];
    static int at;
    AUTO_RELEASE(buf) sql = {0};
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    char *text = dumps[at++ % 2];
    buf_add_str(&sql, S("SELECT id"));
    for (const char *name = columns; *name != '\0'; name += strspn(name, " ")) {
        int len = (int)strcspn(name, " ");
        buf_addf(&sql, ", typeof(%.*s) || ' ' || quote(%.*s) || hex(%.*s)", len, name, len, name, len, name);
        name += len;
    }
    buf_add_str(&sql, S(" FROM everything ORDER BY id"));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql.at, -1, &rows, NULL), SQLITE_OK);
    for (size_t len = 0; sqlite3_step(rows) == SQLITE_ROW;) {
        for (int i = 0; i < sqlite3_column_count(rows); i++)
            len += (size_t)snprintf(text + len, sizeof(dumps[0]) - len, "%s\n", sqlite3_column_text(rows, i));
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return text;
}

static void every_value_is_shown_the_same_on_both_sides(void **state)
{
    struct load_story *s = *state;
    struct sqlite_source_options options = {.clock = clock_real()};
    struct table_request request = {.name = "everything"};
    const struct table *table = NULL;
    AUTO(source) *source = NULL;
    sqlite3 *db = NULL;
    unlink(SOURCE_PATH);
    assert_int_equal(sqlite3_open(SOURCE_PATH, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, table_of_everything, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    OK(sqlite_source_open("shop", SOURCE_PATH, &options, &source, &s->err));
    OK(source_describe(source, &request, &table, &s->err));
    const char *source_and_table[] = {(const char *)source, (const char *)table};
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        struct target_table into = s->table;
        into.schema = table->schema;
        into.mode = mode;
        into.name = "everything";
        file_run("DROP TABLE IF EXISTS everything; DROP TABLE IF EXISTS waybill_position");
        struct staged_file file = {
            .key = "f", .rows = 5, .schema = table->schema, .open = read_all, .context = source_and_table};
        struct target_move move = {.prev = "", .waybill = "w1", .pos = ""};
        AUTO_RELEASE(buf) ddl = {0};
        bool moved = false;
        int64_t rows = 0;
        OK(target_create_position(s->target, &into, "id", &s->err));
        OK(target_prepare(s->target, &into, false, &ddl, &s->err));
        OK(target_begin(s->target, &into, &move, &moved, &s->err));
        OK(target_load_file(s->target, &file, &rows, &s->err));
        OK(target_apply(s->target, 5, &s->counts, &s->err));
        OK(target_commit(s->target, &s->err));
        assert_string_equal(dump(FILE_PATH), dump(SOURCE_PATH));
    }
    unlink(SOURCE_PATH);
}

int main(void)
{
    static const struct CMUnitTest stories[] = {STORY(every_value_is_shown_the_same_on_both_sides)};
    if (file_make_folder() != 0)
        return 1;
    int failed = cmocka_run_group_tests_name("SQLite on both sides", stories, NULL, NULL);
    return failed + file_remove_folder();
}
