#include "unit/sqlite_story.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world/fault_vfs.h"
#include "world/value.h"

char file_folder[] = "/tmp/waybill-target-XXXXXX";

/* Time that only waiting moves, so that a wait of 30 s takes none. */
int64_t file_waited_ms;
static int64_t now_us(struct clock *self) { return 1704067200000000; }
static int64_t mono_ms(struct clock *self) { return file_waited_ms; }
void (*file_while_waiting)(void);
atomic_int file_stop;

static void sleep_ms(struct clock *self, int64_t ms)
{
    file_waited_ms += ms;
    void (*other)(void) = TAKE(file_while_waiting);
    if (other != NULL)
        other();
}

static struct clock file_clock = {.now_us = now_us, .mono_ms = mono_ms, .sleep_ms = sleep_ms};

void file_remove(void)
{
    static const char *const names[] = {FILE_PATH, FILE_PATH "-journal", FILE_PATH "-wal", FILE_PATH "-shm"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(names[i]);
}

sqlite3 *file_beside(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(FILE_PATH, &db), SQLITE_OK);
    return db;
}

void file_run(const char *sql)
{
    sqlite3 *db = file_beside();
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        print_error("%s: %s\n", sql, message);
    assert_null(message);
    sqlite3_close(db);
}

char *file_query(const char *sql)
{
    static char text[4096];
    sqlite3 *db = file_beside();
    sqlite3_stmt *statement = NULL;
    text[0] = '\0';
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    for (size_t len = 0; sqlite3_step(statement) == SQLITE_ROW;) {
        for (int i = 0; i < sqlite3_column_count(statement); i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? "|" : "",
                                    or_empty((const char *)sqlite3_column_text(statement, i)));
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\n");
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}

int file_make_folder(void)
{
    return mkdtemp(file_folder) == NULL || chmod(file_folder, 0755) != 0 || chdir(file_folder) != 0;
}

int file_remove_folder(void) { return chdir("/") != 0 || rmdir(file_folder) != 0; }

struct target *file_target(void)
{
    struct target *target = NULL;
    struct error err;
    assert_int_equal(sqlite_target_open("dw", FILE_PATH, &file_clock, &file_stop, &target, &err), RC_OK);
    return target;
}

/* What is stored, as the literal of its type; asserts the storage class that this type has. */
static struct value stored(sqlite3_stmt *row, int column, const struct field *field, struct arena *arena)
{
    int class = sqlite3_column_type(row, column);
    if (class == SQLITE_NULL)
        return (struct value){.null = true};
    switch (field->type) {
    case TYPE_BOOL:
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
        assert_int_equal(class, SQLITE_INTEGER);
        return (struct value){.number = sqlite3_column_int64(row, column)};
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        assert_int_equal(class, SQLITE_FLOAT);
        return (struct value){.real = sqlite3_column_double(row, column)};
    case TYPE_BINARY: assert_int_equal(class, SQLITE_BLOB); break;
    case TYPE_UTF8: assert_int_equal(class, SQLITE_TEXT); break;
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        assert_int_equal(class, SQLITE_TEXT);
        return value_parse(field, sqlite_column_str(row, column), arena);
    case TYPE_DECIMAL:
        if (class == SQLITE_FLOAT)
            return value_parse(field, str(arena_print(arena, "%.*f", field->scale, sqlite3_column_double(row, column))),
                               arena);
        return value_parse(field, sqlite_column_str(row, column), arena);
    }
    return (struct value){.bytes = sqlite_column_str(row, column)};
}

void file_print_rows(const char *table, const struct schema *schema, struct buf *out)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RELEASE(arena) arena = {0};
    sqlite3 *db = file_beside();
    sqlite3_stmt *rows = NULL;
    buf_add_str(&sql, S("SELECT "));
    for (int i = 0; i < schema->count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        sqlite_quote(&sql, schema->fields[i].name);
    }
    buf_add_str(&sql, S(" FROM "));
    sqlite_quote(&sql, table);
    assert_int_equal(sqlite3_prepare_v2(db, sql.at, -1, &rows, NULL), SQLITE_OK);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        for (int i = 0; i < schema->count; i++) {
            struct value value = stored(rows, i, &schema->fields[i], &arena);
            value_print(&value, &schema->fields[i], out);
            buf_add_str(out, i + 1 < schema->count ? S("|") : S("\n"));
        }
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    lines_sort(out);
}

int file_begin_story(void **state)
{
    file_remove();
    file_stop = 0;
    *state = load_story_new(file_target());
    return 0;
}

int file_end_story(void **state)
{
    load_story_free(*state);
    fault_vfs_remove();
    file_remove();
    return 0;
}
