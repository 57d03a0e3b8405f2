/* DuckDB, by its ADBC driver, keeps a target's promises. */
#include "conform/target_suite.h"
#include "unit/duckdb_story.h"

static void *setup(void)
{
    duck_clean();
    duck_keep();
    return &duck_clock;
}

static void teardown(void *database)
{
    duck_let_go();
    duck_clean();
}

static struct target *open_target(void *database) { return duck_target(); }

static void print_rows(void *database, const char *table, const struct schema *schema, struct buf *out)
{
    duck_print_rows(table, schema, out);
}

static void run(void *database, const char *sql) { duck_run(sql); }

static bool has_table(void *database, const char *table)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SELECT count(*) FROM duckdb_tables() WHERE table_name = '%s'", table);
    return strcmp(duck_query(sql.at), "1\n") == 0;
}

static const struct target_kind kind = {
    .name = "target: DuckDB by ADBC",
    .setup = setup,
    .teardown = teardown,
    .open = open_target,
    .rows = print_rows,
    .has_table = has_table,
    .run = run,
    .waits = true,
};

int main(void)
{
    if (!duck_begin())
        return DUCKDB_MISSING;
    int failed = target_suite_run(&kind);
    duck_end();
    return failed;
}
