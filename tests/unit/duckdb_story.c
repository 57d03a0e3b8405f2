#include "unit/duckdb_story.h"

#include <stdlib.h>
#include <unistd.h>

#include "world/folder.h"
#include "world/value.h"

#ifdef __SANITIZE_ADDRESS__
const char *__asan_default_options(void);
/* DuckDB has no frame pointers: what the sanitizer takes for the callers of an allocation of its is chance, new each
 * time, and kept for ever in a table that becomes slower with each. A leak of ours:
 * ASAN_OPTIONS=malloc_context_size=30.
 */
const char *__asan_default_options(void) { return "malloc_context_size=2"; }
#endif

static char *folder;
int64_t duck_waited_ms;
int duck_waits;
void (*duck_while_waiting)(void);
atomic_int duck_stop;
const char *duck_driver, *duck_entry;
static struct buf answer;

static int64_t now_us(struct clock *self) { return INT64_C(1704067200000000); }
static int64_t mono_ms(struct clock *self) { return duck_waited_ms; }

static void sleep_ms(struct clock *self, int64_t ms)
{
    duck_waited_ms += ms;
    duck_waits++;
    void (*other)(void) = TAKE(duck_while_waiting);
    if (other != NULL)
        other();
}

struct clock duck_clock = {.now_us = now_us, .mono_ms = mono_ms, .sleep_ms = sleep_ms};

/* ---- the file ---- */

const char *cached_driver(const char *name)
{
    static char path[512];
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    snprintf(path, sizeof(path), "%s%s/waybill-tests/%s", cache != NULL ? cache : or_empty(home),
             cache != NULL ? "" : "/.cache", name);
    return access(path, R_OK) == 0 ? xstrdup(path) : NULL;
}

bool duck_begin(void)
{
    const char *given = getenv("WAYBILL_DUCKDB_DRIVER");
    duck_entry = "duckdb_adbc_init";
    duck_driver = given != NULL ? xstrdup(given) : cached_driver("duckdb-1.5.5/libduckdb.so");
    if (duck_driver == NULL) {
        print_error("SKIPPED: there is no libduckdb.so; tools/setup check gets it\n");
        return false;
    }
    folder = folder_new();
    return chdir(folder) == 0;
}

void duck_end(void)
{
    duck_clean();
    folder_free(folder);
    buf_release(&answer);
    free((void *)(uintptr_t)duck_driver);
}

void duck_clean(void)
{
    static const char *const names[] = {DUCK_PATH, DUCK_PATH ".wal"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(names[i]);
}

/* The same settings as the target's, so that both have the same database of this process. Threads of DuckDB's own would
 * have nothing to do with so few rows, and on a busy machine every statement waits for each of them. */
static const char *names[] = {"path", "threads"};
static struct secret values[2];
static const struct secret_map settings = {names, values, 2};

static void set_settings(void)
{
    secret_release(&values[0]);
    secret_release(&values[1]);
    secret_set(&values[0], S(DUCK_PATH));
    secret_set(&values[1], S("1"));
}

struct target *duck_target(void)
{
    struct target *target = NULL;
    struct error err;
    const struct opening with = {.clock = &duck_clock, .stop = &duck_stop};
    set_settings();
    const struct adbc_target_options options = {
        .driver = duck_driver,
        .entry = duck_entry,
        .shown = "duckdb:" DUCK_PATH,
        .vendor = "duckdb",
        .path = DUCK_PATH,
        .settings = &settings,
    };
    if (adbc_target_open("dw", &options, &with, &target, &err) != RC_OK)
        fail_msg("%s", err.text);
    return target;
}

static struct adbc *beside(void)
{
    struct adbc *db = NULL;
    struct error err;
    set_settings();
    const struct adbc_address address = {
        .shown = DUCK_PATH, .driver = duck_driver, .entry = duck_entry, .settings = &settings};
    if (adbc_open(&address, NULL, &db, &err) != RC_OK)
        fail_msg("%s", err.text);
    return db;
}

static struct adbc *kept;
void duck_keep(void) { kept = beside(); }
void duck_let_go(void) { adbc_free(TAKE(kept)); }

void duck_run(const char *sql)
{
    AUTO(adbc) *db = beside();
    struct error err;
    if (adbc_run(db, sql, &err) != RC_OK)
        fail_msg("%s: %s", sql, err.text);
}

const char *duck_query(const char *sql)
{
    AUTO(adbc) *db = beside();
    AUTO_RELEASE(answer) rows = {0};
    struct error err;
    if (adbc_query(db, sql, &rows, &err) != RC_OK)
        fail_msg("%s: %s", sql, err.text);
    buf_reset(&answer);
    for (int i = 0; i < rows.rows * rows.columns; i++) {
        const char *text = answer_text(&rows, i / rows.columns, i % rows.columns);
        buf_addf(&answer, "%s%s", text != NULL ? text : "NULL", (i + 1) % rows.columns == 0 ? "\n" : "|");
    }
    return answer.len > 0 ? answer.at : "";
}

/* ---- rows ---- */

/* Each value as a text or number that has nothing of the target's own forms, and its type. */
static void add_value(const struct field *field, struct buf *sql)
{
    AUTO_RELEASE(buf) name = {0};
    adbc_quote(&name, field->name);
    switch (field->type) {
    case TYPE_BINARY: buf_addf(sql, "lower(hex(%s))", name.at); break;
    case TYPE_DATE: buf_addf(sql, "date_diff('day', DATE '1970-01-01', %s)", name.at); break;
    case TYPE_TIME:
    case TYPE_TIMESTAMP: buf_addf(sql, "epoch_us(%s)", name.at); break;
    case TYPE_FLOAT:
    case TYPE_DOUBLE: buf_addf(sql, "%s::DOUBLE", name.at); break;
    case TYPE_UTF8: buf_add_str(sql, buf_str(&name)); break;
    default: buf_addf(sql, "%s::VARCHAR", name.at); break;
    }
    buf_addf(sql, ", typeof(%s)", name.at);
}

static struct value stored(const struct answer *rows, int row, int column, const struct field *field,
                           struct arena *arena)
{
    static const int64_t per_unit[] = {[UNIT_SECOND] = 1000000, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1};
    struct target_type declared = {0};
    struct str text = answer_str(rows, row, 2 * column);
    if (text.at == NULL)
        return (struct value){.null = true};
    duckdb_target_type(field, &declared);
    assert_string_equal(answer_text(rows, row, 2 * column + 1), declared.declared);
    switch (field->type) {
    case TYPE_UTF8: return (struct value){.bytes = {arena_str(arena, text), text.len}};
    case TYPE_DATE:
    case TYPE_TIME: return (struct value){.number = answer_int64(rows, row, 2 * column)};
    case TYPE_TIMESTAMP: {
        int64_t us = answer_int64(rows, row, 2 * column);
        assert_int_equal(us % per_unit[field->unit], 0);
        return (struct value){.number = us / per_unit[field->unit]};
    }
    case TYPE_FLOAT:
    case TYPE_DOUBLE: return (struct value){.real = strtod(text.at, NULL)};
    default: return value_parse(field, text, arena);
    }
}

void duck_print_rows(const char *table, const struct schema *schema, struct buf *out)
{
    AUTO(adbc) *db = beside();
    AUTO_RELEASE(answer) rows = {0};
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) sql = {0};
    struct error err;
    buf_add_str(&sql, S("SELECT "));
    for (int i = 0; i < schema->count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        add_value(&schema->fields[i], &sql);
    }
    buf_add_str(&sql, S(" FROM "));
    adbc_quote(&sql, table);
    if (adbc_query(db, sql.at, &rows, &err) != RC_OK)
        fail_msg("%s", err.text);
    for (int row = 0; row < rows.rows; row++) {
        for (int i = 0; i < schema->count; i++) {
            struct value value = stored(&rows, row, i, &schema->fields[i], &arena);
            value_print(&value, &schema->fields[i], out);
            buf_add_str(out, i + 1 < schema->count ? S("|") : S("\n"));
        }
    }
    lines_sort(out);
}

/* ---- a story ---- */

int duck_begin_story(void **state)
{
    duck_clean();
    duck_stop = 0;
    duck_while_waiting = NULL;
    *state = load_story_new(duck_target());
    return 0;
}

int duck_end_story(void **state)
{
    duck_let_go();
    load_story_free(*state);
    return 0;
}
