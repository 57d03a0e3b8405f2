#include "sqlite_shop.h"

#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static char folder[] = "/tmp/waybill-source-XXXXXX";
atomic_int shop_stop;

static int64_t now_us(struct clock *self) { return ((struct shop_clock *)self)->wall_us; }
static int64_t mono_ms(struct clock *self) { return ((struct shop_clock *)self)->waited_ms; }
static void sleep_ms(struct clock *self, int64_t ms)
{
    ((struct shop_clock *)self)->waited_ms += ms;
    if (shop_clock.slept != NULL)
        shop_clock.slept();
}
struct shop_clock shop_clock = {.clock = {.now_us = now_us, .mono_ms = mono_ms, .sleep_ms = sleep_ms}};

int shop_enter(void **state) { return mkdtemp(folder) == NULL || chdir(folder) != 0; }
int shop_leave(void **state) { return chdir("/") != 0 || rmdir(folder) != 0; }

static void remove_files(void)
{
    static const char *const names[] = {SHOP_PATH, SHOP_PATH "-journal", SHOP_PATH "-wal", SHOP_PATH "-shm"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(names[i]);
}

sqlite3 *shop_new(const char *pragma)
{
    sqlite3 *app = NULL;
    remove_files();
    shop_clock.wall_us = INT64_C(1717200000000000); /* 2024-06-01 00:00:00 UTC */
    shop_clock.slept = NULL;
    shop_stop = 0;
    assert_int_equal(sqlite3_open(SHOP_PATH, &app), SQLITE_OK);
    shop_run(app, "PRAGMA synchronous = OFF");
    shop_run(app, pragma);
    return app;
}

void shop_close(sqlite3 *app)
{
    assert_int_equal(sqlite3_close(app), SQLITE_OK);
    remove_files();
}

void shop_run(sqlite3 *app, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(app, sql, NULL, NULL, &message) != SQLITE_OK)
        print_error("%s: %s\n", sql, message);
    assert_null(message);
}

struct source *shop_source(int page_rows)
{
    struct sqlite_source_options options = {.clock = &shop_clock.clock, .stop = &shop_stop, .page_rows = page_rows};
    struct source *source = NULL;
    struct error err;
    if (sqlite_source_open("shop", SHOP_PATH, &options, &source, &err) != RC_OK)
        print_error("%s\n", err.text);
    assert_non_null(source);
    return source;
}

struct shop_story *shop_story_new(int page_rows)
{
    struct shop_story *s = xcalloc(1, sizeof(*s));
    s->app = shop_new("PRAGMA journal_mode = DELETE");
    s->source = shop_source(page_rows);
    s->request.name = "t";
    return s;
}

int shop_story_end(void **state)
{
    struct shop_story *s = *state;
    source_free(s->source);
    shop_close(s->app);
    arena_release(&s->arena);
    free(s);
    return 0;
}

enum rc shop_describe(struct shop_story *s) { return source_describe(s->source, &s->request, &s->table, &s->err); }
