/* SQLite and PostgreSQL by their ADBC drivers keep a target's promises, too. */
#include <stdlib.h>

#include "conform/target_suite.h"
#include "connect/adbc/target.h"
#include "unit/duckdb_story.h"

/* These two have stories of their own, with the same words. */
#undef STORY
#undef OK
#include "unit/postgres_story.h"
#undef STORY
#undef OK
#include "unit/sqlite_story.h"

/* Every wait is long, so that few of them are all the patience there is. */
static int64_t waited_ms;
static int64_t now_us(struct clock *self) { return INT64_C(1704067200000000); }
static int64_t mono_ms(struct clock *self) { return waited_ms; }
static void sleep_ms(struct clock *self, int64_t ms) { waited_ms += WAIT_MS / 2; }
static struct clock impatient = {.now_us = now_us, .mono_ms = mono_ms, .sleep_ms = sleep_ms};

static struct target *open_by(const char *library, const char *uri, const char *schema)
{
    static const char *names[] = {"uri"};
    struct secret values[1] = {{0}};
    const struct secret_map settings = {names, values, 1};
    const struct opening with = {.clock = &impatient};
    const char *driver = cached_driver(library);
    struct target *target = NULL;
    struct error err;
    secret_set(&values[0], str(uri));
    const struct adbc_target_options options = {
        .driver = driver, .entry = "AdbcDriverInit", .shown = "adbc:driver", .schema = schema, .settings = &settings};
    if (adbc_target_open("dw", &options, &with, &target, &err) != RC_OK)
        fail_msg("%s", err.text);
    secret_release(&values[0]);
    free((void *)(uintptr_t)driver);
    return target;
}

/* ---- SQLite ---- */

#define SQLITE_DRIVER   "adbc-1.13.0/libadbc_driver_sqlite.so"
#define POSTGRES_DRIVER "adbc-1.13.0/libadbc_driver_postgresql.so"

static void *lite_setup(void)
{
    file_remove();
    return file_folder;
}

static void lite_teardown(void *database) { file_remove(); }
static struct target *lite_open(void *database) { return open_by(SQLITE_DRIVER, FILE_PATH, NULL); }

static void lite_rows(void *database, const char *table, const struct schema *schema, struct buf *out)
{
    file_print_rows(table, schema, out);
}

static void lite_run(void *database, const char *sql) { file_run(sql); }

static bool lite_has(void *database, const char *table)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '%s'", table);
    return strcmp(file_query(sql.at), "1\n") == 0;
}

static const struct target_kind lite = {
    .name = "target: SQLite by ADBC",
    .setup = lite_setup,
    .teardown = lite_teardown,
    .open = lite_open,
    .rows = lite_rows,
    .has_table = lite_has,
    .run = lite_run,
    .waits = true,
    .keeps_fifteen_digits = true,
};

/* ---- PostgreSQL ---- */

static void *pg_setup(void)
{
    pg_clean();
    return &postgres;
}

static void pg_teardown(void *database) {}

static struct target *pg_open_by(void *database)
{
    AUTO_RELEASE(buf) uri = {0};
    const struct pq_address address = postgres_address();
    buf_addf(&uri, "host=%s port=%lld dbname=%s user=%s options='-c lock_timeout=300ms'", address.host,
             (long long)address.port, address.database, address.user);
    return open_by(POSTGRES_DRIVER, uri.at, PG_SCHEMA);
}

static void pg_rows(void *database, const char *table, const struct schema *schema, struct buf *out)
{
    pg_print_rows(table, schema, out);
}

static void server_run(void *database, const char *sql) { pg_run(sql); }

static bool pg_has(void *database, const char *table)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SELECT to_regclass('" PG_SCHEMA ".%s') IS NOT NULL", table);
    return strcmp(postgres_query(sql.at), "t\n") == 0;
}

static const struct target_kind server = {
    .name = "target: PostgreSQL by ADBC",
    .setup = pg_setup,
    .teardown = pg_teardown,
    .open = pg_open_by,
    .rows = pg_rows,
    .has_table = pg_has,
    .run = server_run,
    .waits = true,
    .has_no_nul = true,
};

int main(void)
{
    const char *drivers[] = {cached_driver(SQLITE_DRIVER), cached_driver(POSTGRES_DRIVER)};
    if (drivers[0] == NULL || drivers[1] == NULL) {
        print_error("SKIPPED: there are no ADBC drivers; tools/setup check gets them\n");
        return DUCKDB_MISSING;
    }
    if (file_make_folder() != 0)
        return 1;
    int failed = target_suite_run(&lite);
    failed += file_remove_folder();
    if (postgres_start()) {
        failed += target_suite_run(&server);
        postgres_stop();
    }
    for (int i = 0; i < 2; i++)
        free((void *)(uintptr_t)drivers[i]);
    return failed;
}
