/* Every page of a range is found by an index and comes out in order: no scan, no sort, however long the range. */
#include <stdlib.h>

#include "connect/sqlite/source_parts.h"
#include "sqlite_shop.h"
#include "test.h"

static const struct plan_case {
    const char *create;
    const char *cursor_unit, *lo, *hi;
    int key_count;
    const char *key_lo[2], *key_hi[2];
} cases[] = {
    {"CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME NOT NULL, n INT); CREATE INDEX i ON t (at);"
     "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 100) INSERT INTO t SELECT i, "
     "datetime(i, 'unixepoch'), i FROM s",
     NULL,
     "1970-01-01 00:00:10",
     "1970-01-01 00:01:00",
     1,
     {"10"},
     {"60"}},
    {"CREATE TABLE t (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, n INT); CREATE INDEX i ON t (at, id);"
     "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 100) INSERT INTO t SELECT i, i, i FROM "
     "s",
     "s",
     "10",
     "60",
     1,
     {"10"},
     {"60"}},
    {"CREATE TABLE t (a TEXT, b INT, at DATETIME NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID; CREATE INDEX i ON t (at);"
     "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 100)"
     "INSERT INTO t SELECT char(97 + i % 3), i, datetime(i, 'unixepoch') FROM s",
     NULL,
     "1970-01-01 00:00:10",
     "1970-01-01 00:01:00",
     2,
     {"a", "9"},
     {"c", "2"}},
    {"CREATE TABLE t (a TEXT NOT NULL, b INT NOT NULL, at DATETIME NOT NULL, PRIMARY KEY (a, b)); CREATE INDEX i ON t "
     "(at, a, b);"
     "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 100)"
     "INSERT INTO t SELECT char(97 + i % 3), i, datetime(i, 'unixepoch') FROM s",
     NULL,
     "1970-01-01 00:00:10",
     "1970-01-01 00:01:00",
     2,
     {"a", "9"},
     {"c", "2"}},
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

/* The plan's steps, one per line. */
static void explain(sqlite3 *app, sqlite3_stmt *statement, struct buf *out)
{
    AUTO_RELEASE(buf) sql = {0};
    sqlite3_stmt *row = NULL;
    buf_addf(&sql, "EXPLAIN QUERY PLAN %s", sqlite3_sql(statement));
    assert_int_equal(sqlite3_prepare_v2(app, sql.at, -1, &row, NULL), SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW)
        buf_addf(out, "%s\n", (const char *)sqlite3_column_text(row, 3));
    sqlite3_finalize(row);
}

static void is_searched(sqlite3 *app, const struct pages *pages)
{
    AUTO_RELEASE(buf) plan = {0};
    explain(app, pages->statement, &plan);
    bool good =
        strstr(plan.at, "SEARCH") != NULL && strstr(plan.at, "SCAN") == NULL && strstr(plan.at, "TEMP B-TREE") == NULL;
    if (!good)
        print_error("%s\n%s", sqlite3_sql(pages->statement), plan.at);
    assert_true(good);
}

static struct position key_position(enum position_shape shape, const char *at, const char *const *key, int count)
{
    struct position position = {.shape = shape, .at = at, .key_count = count};
    for (int i = 0; i < count; i++)
        position.key[i] = key[i];
    return position;
}

/* The page that a range begins with, and the ones after it. */
static void pages_are_searched(sqlite3 *app, struct source *source, const struct table *table,
                               const struct range *range)
{
    AUTO_RELEASE(pages) pages = {0};
    struct error err;
    bool is_row;
    pages_init(&pages, (struct sqlite_source *)source, sqlite_table_of(table), range, NULL, table->schema->count);
    for (int page = 0; page < 3; page++) {
        assert_int_equal(pages_next(&pages, &is_row, &err), RC_OK);
        assert_true(is_row);
        is_searched(app, &pages);
        assert_int_equal(pages_pause(&pages, &err), RC_OK);
    }
}

static void every_page_of_every_range_is_searched_in_order(void **state)
{
    for (int i = 0; i < CASES; i++) {
        const struct plan_case *c = &cases[i];
        const struct table *table;
        struct error err;
        sqlite3 *app = shop_new("PRAGMA journal_mode = DELETE");
        shop_run(app, c->create);
        struct source *source = shop_source(0);
        struct table_request request = {
            .name = "t", .cursor = "at", .cursor_unit = c->cursor_unit, .wants_cursor = true};
        assert_int_equal(source_describe(source, &request, &table, &err), RC_OK);
        assert_true(table->cursor_indexed && table->key_count == c->key_count);
        struct position at_lo = {.shape = POSITION_AT, .at = c->lo}, at_hi = {.shape = POSITION_AT, .at = c->hi};
        struct range ranges[] = {
            {RANGE_CURSOR, at_lo, at_hi},
            {RANGE_CURSOR, key_position(POSITION_AT, c->lo, c->key_lo, c->key_count),
             key_position(POSITION_AT, c->hi, c->key_hi, c->key_count)},
            {RANGE_WALK, key_position(POSITION_WALK, c->hi, c->key_lo, c->key_count), at_hi},
            {RANGE_WALK, key_position(POSITION_WALK, c->hi, c->key_lo, c->key_count),
             key_position(POSITION_WALK, c->hi, c->key_hi, c->key_count)},
            {RANGE_KEY, key_position(POSITION_AFTER, NULL, c->key_lo, c->key_count),
             key_position(POSITION_AFTER, NULL, c->key_hi, c->key_count)},
        };
        for (size_t k = 0; k < sizeof(ranges) / sizeof(ranges[0]); k++)
            pages_are_searched(app, source, table, &ranges[k]);
        source_free(source);
        shop_close(app);
    }
}

/* By the cursor's index it would sort the whole range for every page. */
static void a_walk_goes_by_key_although_the_cursor_has_an_index(void **state)
{
    sqlite3 *app = shop_new("PRAGMA journal_mode = DELETE");
    shop_run(app, cases[0].create);
    shop_run(app, "ANALYZE");
    struct source *source = shop_source(0);
    const struct table *table;
    struct error err;
    bool is_row;
    struct table_request request = {.name = "t", .cursor = "at", .wants_cursor = true};
    assert_int_equal(source_describe(source, &request, &table, &err), RC_OK);
    struct range range = {.kind = RANGE_WALK, .hi = {.shape = POSITION_AT, .at = "1970-01-01 00:00:02"}};
    struct pages pages = {0};
    AUTO_RELEASE(buf) plan = {0};
    pages_init(&pages, (struct sqlite_source *)source, sqlite_table_of(table), &range, NULL, 0);
    assert_int_equal(pages_next(&pages, &is_row, &err), RC_OK);
    explain(app, pages.statement, &plan);
    const char *steps = or_empty(plan.at);
    assert_non_null(strstr(steps, "SCAN"));
    assert_null(strstr(steps, "INDEX"));
    assert_null(strstr(steps, "TEMP B-TREE"));
    pages_release(&pages);
    source_free(source);
    shop_close(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_of_every_range_is_searched_in_order),
        cmocka_unit_test(a_walk_goes_by_key_although_the_cursor_has_an_index),
    };
    return cmocka_run_group_tests(tests, shop_enter, shop_leave);
}
