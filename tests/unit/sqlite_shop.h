/* A SQLite file with an application beside the source, for the tests of the SQLite source. */
#pragma once

#include <sqlite3.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "connect/sqlite/source.h"

#define SHOP_PATH "shop.db"

/* Waiting moves only the monotonic clock: a wait of 30 s takes none, and the wall clock is the test's. */
struct shop_clock {
    struct clock clock;
    int64_t wall_us, waited_ms;
    void (*slept)(void); /* called at each wait; NULL: nothing */
};
extern struct shop_clock shop_clock;
extern atomic_int shop_stop;

int shop_enter(void **state); /* a folder of its own, current until shop_leave */
int shop_leave(void **state);

/* A new file; the application's connection. */
sqlite3 *shop_new(const char *pragma);
void shop_close(sqlite3 *app);
void shop_run(sqlite3 *app, const char *sql);
/* Opens the source; a failure fails the test. page_rows 0: the default. */
struct source *shop_source(int page_rows);

/* A story of one table, "t", as the source describes it. */
struct shop_story {
    sqlite3 *app;
    struct source *source;
    const struct table *table;
    struct table_request request;
    struct arena arena;
    struct error err;
};
struct shop_story *shop_story_new(int page_rows);
int shop_story_end(void **state);
enum rc shop_describe(struct shop_story *s);
