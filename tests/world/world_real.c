/* The world over real components: SQLite files and a directory. */
#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "connect/sqlite/source.h"
#include "connect/sqlite/target.h"
#include "store/local.h"
#include "world/value.h"
#include "world/world_intern.h"

static const char *path_of(struct world *self, const char *name)
{
    return arena_print(&self->arena, "%s/%s", self->folder, name);
}

static void run_sql(struct world *self, const char *sql)
{
    sqlite3 *db;
    char *text = NULL;
    int rc = sqlite3_open(path_of(self, "shop.db"), &db);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, sql, NULL, NULL, &text);
    if (rc != SQLITE_OK)
        fprintf(stderr, "%s: %s\n", sql, or_empty(text));
    assert(rc == SQLITE_OK);
    sqlite3_close(db);
}

void real_make(struct world *self)
{
    if (self->variant == WORLD_MERGE)
        run_sql(self, "CREATE TABLE orders(shop TEXT NOT NULL, id INTEGER NOT NULL, note TEXT, updated_at INTEGER NOT "
                      "NULL, PRIMARY KEY(shop, id));"
                      "CREATE INDEX orders_updated ON orders(updated_at)");
    else
        run_sql(
            self,
            "CREATE TABLE orders(id INTEGER PRIMARY KEY, note TEXT, price DECIMAL(10,2), updated_at DATETIME NOT NULL);"
            "CREATE INDEX orders_updated ON orders(updated_at)");
    run_sql(self, self->variant == WORLD_TIME
                      ? "CREATE TABLE events(id INTEGER NOT NULL, note TEXT, at DATETIME NOT NULL);"
                        "CREATE INDEX events_at ON events(at)"
                      : "CREATE TABLE events(id INTEGER PRIMARY KEY, note TEXT)");
    run_sql(self, "CREATE TABLE regions(code TEXT NOT NULL PRIMARY KEY, name TEXT)");
}

/* The literals of world/value.h: numbers stay bare, anything else is quoted. */
void real_put(struct world *self, const char *table, const char *row)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "INSERT OR REPLACE INTO %s VALUES (", table);
    for (bool first = true; first || *row != '\0'; first = false) {
        size_t len = strcspn(row, "|");
        bool number = strspn(row, "0123456789.") == len;
        buf_addf(&sql, "%s%s%.*s%s", first ? "" : ", ", number ? "" : "'", (int)len, row, number ? "" : "'");
        row += len + (row[len] == '|' ? 1 : 0);
    }
    buf_addf(&sql, ")");
    run_sql(self, sql.at);
}

void real_add_column(struct world *self, const char *table)
{
    run_sql(self, arena_print(&self->arena, "ALTER TABLE %s ADD COLUMN extra TEXT", table));
}

static void must(enum rc rc, const struct error *err)
{
    if (rc != RC_OK)
        fprintf(stderr, "%s\n", err->text);
    assert(rc == RC_OK);
}

struct store *real_open_store(struct world *self)
{
    struct error err;
    struct store *store;
    must(local_store_open("lake", path_of(self, "lake"), &self->clock.clock, &self->random.random, &store, &err), &err);
    return store;
}

static struct target *open_target(struct world *self)
{
    struct error err;
    struct target *target;
    must(sqlite_target_open("dw", path_of(self, "dw.db"), &self->clock.clock, NULL, &target, &err), &err);
    return target;
}

struct ends real_open_ends(struct world *self, bool again)
{
    struct error err;
    struct ends ends = {0};
    const struct sqlite_source_options options = {.clock = &self->clock.clock, .page_rows = self->batch_rows};
    must(sqlite_source_open("shop", path_of(self, "shop.db"), &options, &ends.source, &err), &err);
    if (!again)
        ends.target = open_target(self);
    return ends;
}

struct target_position real_position(struct world *self, const char *scope, struct arena *arena)
{
    struct error err;
    struct target_position position;
    AUTO(target) *target = open_target(self);
    must(target_position(target, &(struct target_table){.scope = scope}, arena, &position, &err), &err);
    return position;
}

void real_print(struct world *self, const char *database, const char *table, struct buf *out)
{
    sqlite3 *db;
    sqlite3_stmt *rows = NULL;
    int rc = sqlite3_open_v2(path_of(self, database), &db, SQLITE_OPEN_READONLY, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, arena_print(&self->arena, "SELECT * FROM %s", table), -1, &rows, NULL);
    while (rc == SQLITE_OK && sqlite3_step(rows) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(rows); i++)
            buf_addf(out, "%s%d:%s", i > 0 ? "|" : "", sqlite3_column_type(rows, i),
                     or_empty((const char *)sqlite3_column_text(rows, i)));
        buf_add_str(out, S("\n"));
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    if (out->len > 0)
        lines_sort(out);
}
