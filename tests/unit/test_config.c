/* waybill.yml: what it may say, what it becomes, and what each mistake is told. */
#include "move/config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/secret_resolve.h"
#include "test.h"

static char folder[] = "/tmp/waybill-config-XXXXXX";
static struct arena arena; /* of what a test makes */
static struct secret_resolver resolver;
static struct config *config;

#define CONNECTIONS                                                                                                    \
    "connections:\n"                                                                                                   \
    "  shop: {type: sqlite, path: shop.db}\n"                                                                          \
    "  lake: {type: directory, path: lake}\n"                                                                          \
    "  dw: {type: sqlite, path: dw.db}\n"
#define PIPELINE "pipelines:\n  p:\n    source: shop\n    stage: {store: lake}\n    target: dw\n"
#define TABLE    "    tables:\n      " /* what follows begins at line 11, column 7 */

static int begin(void **state)
{
    memset(folder + sizeof(folder) - 7, 'X', 6);
    assert_non_null(mkdtemp(folder));
    secret_resolver_init(&resolver, clock_real());
    return 0;
}

static const char *in_folder(const char *name) { return arena_print(&arena, "%s/%s", folder, name); }

static void write_file(const char *name, const char *text)
{
    int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int end(void **state)
{
    static const char *const files[] = {"w.yml", "more.yml", "sub/third.yml", "sub"};
    config_free(TAKE(config));
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        remove(in_folder(files[i]));
    assert_int_equal(rmdir(folder), 0);
    arena_release(&arena);
    return 0;
}

static RC load(const char *text, struct error *err)
{
    config_free(TAKE(config));
    write_file("w.yml", text);
    return config_load(in_folder("w.yml"), &resolver.resolver, &config, err);
}

static void assert_loads(const char *text)
{
    struct error err = {0};
    if (load(text, &err) != RC_OK)
        fail_msg("%s", err.text);
}

static const struct pipeline_config *pick(const char *name)
{
    const struct pipeline_config *pipeline = NULL;
    struct error err = {0};
    if (config_pick_pipeline(config, name, NULL, 0, &pipeline, &err) != RC_OK)
        fail_msg("%s", err.text);
    return pipeline;
}

/* A message without the random folder in it. */
static void assert_message(const char *message, const char *expected)
{
    AUTO_RELEASE(buf) text = {0};
    for (const char *at = message; *at != '\0';) {
        bool here = strncmp(at, folder, strlen(folder)) == 0;
        at += here ? strlen(folder) + 1 : 0;
        buf_add(&text, at, 1);
        at++;
    }
    assert_string_equal(or_empty(text.at), expected);
}

static void assert_refused(const char *text, const char *message, const char *todo)
{
    struct error err = {0};
    assert_int_equal(load(text, &err), RC_CONFIG);
    assert_message(err.text, message);
    assert_message(err.todo, todo);
    assert_null(config);
}

static const struct table_config *table_of(const char *entry)
{
    assert_loads(arena_print(&arena, CONNECTIONS PIPELINE TABLE "%s\n", entry));
    return &pick(NULL)->tables[0];
}

static void the_smallest_configuration_has_every_default(void **state)
{
    assert_loads("connections: {shop: {type: sqlite, path: shop.db}, lake: {type: directory, path: lake}, dw: {type: "
                 "sqlite, path: dw.db}}\n"
                 "pipelines: {p: {source: shop, stage: {store: lake}, target: dw, tables: {orders: {}}}}\n");
    const struct pipeline_config *p = pick(NULL);
    assert_string_equal(p->name, "p");
    assert_int_equal(p->kind, PIPELINE_SYNC);
    assert_string_equal(p->source, "shop");
    assert_string_equal(p->stage_store, "lake");
    assert_string_equal(p->stage_prefix, "");
    assert_int_equal(p->compression, PARQUET_ZSTD);
    assert_string_equal(p->target, "dw");
    assert_int_equal(p->chunk.bytes, INT64_C(1) << 30);
    assert_int_equal(p->chunk.rows, 5000000);
    assert_int_equal(p->chunk.time_ms, 600000);
    assert_int_equal(p->file_bytes, 256 << 20);
    assert_int_equal(p->lag_ms, 5000);
    assert_int_equal(p->lease_ms, 60000);
    assert_int_equal(p->max_memory_bytes, 256 << 20);
    assert_int_equal(p->table_count, 1);
    const struct table_config *t = &p->tables[0];
    assert_string_equal(t->name, "orders");
    assert_string_equal(t->target, "orders");
    assert_int_equal(t->increment, INCREMENT_HYBRID);
    assert_int_equal(t->mode, MODE_MERGE);
    assert_null(t->cursor);
    assert_int_equal(t->key.count, 0);
    assert_int_equal(t->null_cursor, NULL_CURSOR_FAIL);
    assert_int_equal(t->lag_ms, 5000);
    assert_false(t->lag_is_given);
    assert_int_equal(t->chunk.rows, 5000000);
}

static void a_table_takes_its_own_values_before_its_pipelines(void **state)
{
    assert_loads(CONNECTIONS PIPELINE "    lag: 7s\n    chunk: {rows: 10, bytes: 2MiB}\n    max_memory: 64MiB\n"
                                      "    tables:\n"
                                      "      a: {cursor: updated_at, cursor_unit: ms, key: [x, y], target: ods_a, "
                                      "chunk: {rows: 3}, null_cursor: exclude,\n"
                                      "          columns: {note: {as: text}, blob: {as: binary}}, zero_dates: null}\n"
                                      "      b: {lag: 0s, increment: id_only, key: id}\n");
    const struct pipeline_config *p = pick("p");
    const struct table_config *a = &p->tables[0], *b = &p->tables[1];
    assert_int_equal(p->max_memory_bytes, 64 << 20);
    assert_string_equal(a->cursor, "updated_at");
    assert_int_equal(a->key.count, 2);
    assert_string_equal(a->key.items[1], "y");
    assert_string_equal(a->target, "ods_a");
    assert_int_equal(a->chunk.rows, 3);
    assert_int_equal(a->chunk.bytes, 2 << 20);
    assert_int_equal(a->lag_ms, 7000);
    assert_true(a->lag_is_given);
    assert_int_equal(a->null_cursor, NULL_CURSOR_EXCLUDE);
    assert_int_equal(a->override_count, 2);
    assert_string_equal(a->overrides[1].column, "blob");
    assert_string_equal(a->overrides[1].as, "binary");
    assert_int_equal(b->lag_ms, 0);
    assert_true(b->lag_is_given);
    assert_int_equal(b->mode, MODE_APPEND);
    struct table_request request = table_request_of(a);
    assert_true(request.wants_cursor);
    assert_string_equal(request.key[0], "x");
    assert_string_equal(request.cursor_unit, "ms");
    assert_int_equal(request.zero_dates, ZERO_DATES_NULL); /* YAML's word for nothing is one of ours here */
    assert_false(table_request_of(b).wants_cursor);
    assert_message(option_origin_text(option_origin_of(a->options, "lag"), &arena), "w.yml:10:10");
    assert_message(option_origin_text(option_origin_of(a->options, "chunk.rows"), &arena), "w.yml:14:90");
    assert_message(option_origin_text(option_origin_of(a->options, "chunk.time"), &arena), "default");
}

static void each_increment_has_its_own_mode(void **state)
{
    assert_int_equal(table_of("t: {increment: hybrid}")->mode, MODE_MERGE);
    assert_int_equal(table_of("t: {increment: id_only}")->mode, MODE_APPEND);
    assert_int_equal(table_of("t: {increment: id_only, mode: merge}")->mode, MODE_MERGE);
    assert_int_equal(table_of("t: {increment: full_sync}")->mode, MODE_REPLACE);
    assert_int_equal(table_of("t: {increment: timestamp_only}")->mode, MODE_MERGE);
}

static void assert_table_refused(const char *entry, const char *message, const char *todo)
{
    assert_refused(arena_print(&arena, CONNECTIONS PIPELINE TABLE "%s\n", entry), message, todo);
}

static void s85_append_with_an_update_cursor_is_refused_at_plan_time(void **state)
{
    const char *todo =
        "set 'mode: merge', or 'insert_only: true' if its rows are never changed, or 'increment: id_only'";
    assert_table_refused(
        "events: {mode: append}",
        "w.yml:11:22: table 'events': 'mode: append' with the time cursor of 'increment: hybrid' loads a changed row "
        "twice; legal is: merge",
        todo);
    assert_table_refused(
        "events: {increment: hybrid, cursor: updated_at, mode: append, insert_only: false}",
        "w.yml:11:61: table 'events': 'mode: append' with the time cursor of 'increment: hybrid' loads a changed row "
        "twice; legal is: merge",
        todo);
    assert_int_equal(table_of("events: {mode: append, insert_only: true}")->mode, MODE_APPEND);
    assert_table_refused(
        "events: {increment: timestamp_only, mode: append}",
        "w.yml:11:49: table 'events': 'mode: append' with the time cursor of 'increment: timestamp_only' loads a "
        "changed row twice; legal is: merge",
        todo);
    assert_int_equal(table_of("events: {increment: timestamp_only, mode: append, insert_only: true}")->mode,
                     MODE_APPEND);
}

static void what_is_read_again_is_merged(void **state)
{
    assert_int_equal(table_of("t: {lookback: 2h}")->lookback_ms, 2 * 3600 * 1000);
    assert_table_refused(
        "t: {mode: append, insert_only: true, lookback: 2h}",
        "w.yml:11:54: table 't': 'lookback' reads rows again, and 'mode: append' would load them twice; "
        "legal are: merge, delete_insert",
        "remove 'lookback', or set 'mode: merge'");
    assert_table_refused("t: {increment: id_only, lookback: 2h}",
                         "w.yml:11:41: table 't': 'lookback' goes back by a time cursor, and 'increment: id_only' uses "
                         "none",
                         "remove 'lookback', or set 'increment: hybrid'");
}

static void only_legal_pairs_of_increment_and_mode_are_taken(void **state)
{
    assert_table_refused(
        "t: {mode: replace}",
        "w.yml:11:17: table 't': 'increment: hybrid' cannot be loaded with 'mode: replace': it brings only what "
        "changed; legal is: merge",
        "set 'mode: merge', or 'increment: full_sync'");
    assert_table_refused(
        "t: {increment: id_only, mode: replace}",
        "w.yml:11:37: table 't': 'increment: id_only' cannot be loaded with 'mode: replace': it brings only what is "
        "new; legal are: append, merge, delete_insert",
        "");
    assert_table_refused(
        "t: {increment: full_sync, mode: merge}",
        "w.yml:11:39: table 't': 'increment: full_sync' cannot be loaded with 'mode: merge': rows that are gone would "
        "stay; legal are: replace, append",
        "");
    assert_int_equal(table_of("t: {increment: full_sync, mode: append}")->mode, MODE_APPEND);
    assert_table_refused(
        "t: {increment: full_sync, mode: append, audit: profile}",
        "w.yml:11:54: table 't': with 'mode: append' each run of 'increment: full_sync' adds the whole "
        "table, so the target is no copy of it that an audit could compare",
        "set 'audit: none' for this table");
    assert_table_refused(
        "t: {increment: full_sync, shared: true}",
        "w.yml:11:41: table 't': a shared target table cannot be replaced: the rows of the others would go", "");
}

/* Only who wrote the statement can say what tells its rows apart, and when they change. */
static void a_statement_says_what_its_columns_are(void **state)
{
    const struct table_config *t = table_of("t: {increment: custom_sql, sql: SELECT 1, cursor: at, key: id}");
    assert_string_equal(t->sql, "SELECT 1");
    assert_int_equal(t->mode, MODE_MERGE);
    static const char todo[] =
        "say the statement, and which of its columns are the cursor and the key: sql: \"SELECT ... "
        "WHERE updated_at >= :lower AND updated_at < :upper\", cursor: updated_at, key: id";
    assert_table_refused("t: {increment: custom_sql}", "w.yml:11:22: table 't': 'increment: custom_sql' needs 'sql'",
                         todo);
    assert_table_refused("t: {increment: custom_sql, sql: SELECT 1}",
                         "w.yml:11:22: table 't': 'increment: custom_sql' needs 'cursor'", todo);
    assert_table_refused("t: {increment: custom_sql, sql: SELECT 1, cursor: at}",
                         "w.yml:11:22: table 't': 'increment: custom_sql' needs 'key'", todo);
    assert_table_refused("t: {sql: SELECT 1}", "w.yml:11:16: table 't': 'sql' is for 'increment: custom_sql'",
                         "remove 'sql', or set 'increment: custom_sql'");
}

/* Every run reads rows without a cursor again. */
static void rows_without_a_cursor_are_merged_or_left_out(void **state)
{
    assert_int_equal(table_of("t: {null_cursor: include}")->null_cursor, NULL_CURSOR_INCLUDE);
    assert_table_refused("t: {mode: append, insert_only: true, null_cursor: include}",
                         "w.yml:11:57: table 't': 'null_cursor: include' reads rows without a cursor in every run, and "
                         "'mode: append' would load them each time; legal is: merge",
                         "set 'mode: merge', or 'null_cursor: exclude'");
    assert_table_refused(
        "t: {increment: id_only, null_cursor: include}",
        "w.yml:11:44: table 't': 'null_cursor' is for a time cursor, and 'increment: id_only' uses none",
        "remove 'null_cursor', or set 'increment: hybrid'");
}

/* Whose rows change leaves an older one behind, in the range of its old cursor. */
static void a_range_is_replaced_only_where_rows_stay_in_theirs(void **state)
{
    assert_int_equal(table_of("t: {increment: id_only, mode: delete_insert}")->mode, MODE_DELETE_INSERT);
    assert_int_equal(table_of("t: {increment: timestamp_only, mode: delete_insert, insert_only: true}")->mode,
                     MODE_DELETE_INSERT);
    assert_table_refused("t: {increment: timestamp_only, mode: delete_insert}",
                         "w.yml:11:44: table 't': 'mode: delete_insert' with the time cursor of 'increment: "
                         "timestamp_only' leaves the older row of a changed one behind, in the range of its old cursor",
                         "set 'mode: merge', or 'insert_only: true' if its rows are never changed");
    assert_table_refused("t: {mode: delete_insert}",
                         "w.yml:11:17: table 't': 'increment: hybrid' cuts its ranges inside of a cursor, and 'mode: "
                         "delete_insert' replaces whole ranges; legal is: merge",
                         "set 'mode: merge', or 'increment: timestamp_only'");
    assert_table_refused("t: {increment: full_sync, mode: delete_insert}",
                         "w.yml:11:39: table 't': 'increment: full_sync' has no range that 'mode: delete_insert' could "
                         "replace; legal are: replace, append",
                         "");
    assert_table_refused(
        "t: {increment: id_only, mode: delete_insert, shared: true}",
        "w.yml:11:60: table 't': a shared target table cannot be replaced: the rows of the others would go", "");
}

static void deletes_are_detected_where_the_rows_are_ones_own(void **state)
{
    assert_int_equal(table_of("t: {delete_detection: keys}")->delete_detection, DELETES_BY_KEYS);
    assert_int_equal(table_of("t: {delete_detection: keys}")->delete_max, 10);
    assert_string_equal(table_of("t: {delete_detection: keys, soft_delete: gone_at}")->soft_delete, "gone_at");
    assert_table_refused("t: {delete_detection: keys, shared: true}",
                         "w.yml:11:29: table 't': deletes cannot be detected in a shared target table: the rows of the "
                         "others would go",
                         "");
    assert_table_refused("t: {increment: full_sync, delete_detection: keys}",
                         "w.yml:11:51: table 't': 'increment: full_sync' replaces all rows, so none stays behind",
                         "remove 'delete_detection'");
    assert_table_refused(
        "t: {soft_delete: gone_at}",
        "w.yml:11:24: table 't': 'soft_delete' without 'delete_detection': nothing would ever be noted",
        "add 'delete_detection: keys'");
    assert_table_refused("t: {replace: swap}",
                         "w.yml:11:20: table 't': 'replace: swap' is for 'mode: replace', and this is 'mode: merge'",
                         "");
    assert_int_equal(table_of("t: {increment: full_sync, replace: swap}")->replace_by, REPLACE_BY_SWAP);
}

static void what_is_not_there_yet_is_refused_politely(void **state)
{
    assert_refused(CONNECTIONS "pipelines: {p: {kind: window}}\n",
                   "w.yml:5:23: pipelines of kind 'window' are not available yet", "");
    assert_refused(CONNECTIONS "pipelines: {p: {stage: {compression: gzip, level: 10}}}\n",
                   "w.yml:5:51: the levels of gzip end at 9", "");
    assert_refused(CONNECTIONS "pipelines: {p: {stage: {compression: snappy, level: 1}}}\n",
                   "w.yml:5:53: the compression 'snappy' has no levels", "");
}

static void what_is_wished_for_columns_becomes_one_list(void **state)
{
    assert_loads(CONNECTIONS PIPELINE
                 "    tables:\n"
                 "      a: {columns: {price: {as: 'decimal(10,2)', name: cost}, note: {as: binary}},\n"
                 "          hash: [email, note], mask: {card: partial, name: full}, "
                 "exclude_columns: photo}\n");
    const struct table_config *a = &pick("p")->tables[0];
    static const struct column_wish expected[] = {
        {"price", "decimal(10,2)", "cost", TREAT_NONE}, {"note", "binary", NULL, TREAT_HASH},
        {"photo", NULL, NULL, TREAT_EXCLUDE},           {"email", NULL, NULL, TREAT_HASH},
        {"card", NULL, NULL, TREAT_MASK_PARTIAL},       {"name", NULL, NULL, TREAT_MASK_FULL}};
    assert_int_equal(a->wish_count, 6);
    for (int i = 0; i < a->wish_count; i++) {
        assert_string_equal(a->wishes[i].column, expected[i].column);
        assert_true(text_eq(a->wishes[i].as, expected[i].as));
        assert_true(text_eq(a->wishes[i].name, expected[i].name));
        assert_int_equal(a->wishes[i].treatment, expected[i].treatment);
    }
    struct table_request request = table_request_of(a);
    assert_int_equal(request.override_count, 2); /* of which the source makes what it can */
    assert_string_equal(request.overrides[0].as, "text");
    assert_string_equal(request.overrides[1].as, "binary");
    assert_int_equal(request.excluded_count, 1);
    assert_string_equal(request.excluded[0], "photo");
}

static void what_makes_no_sense_in_a_table_is_refused(void **state)
{
    assert_table_refused("t: {increment: id_only, cursor: c}",
                         "w.yml:11:39: table 't': 'increment: id_only' uses no cursor",
                         "remove 'cursor', or set 'increment: hybrid'");
    assert_table_refused("t: {increment: id_only, key: [a, b]}",
                         "w.yml:11:36: table 't': 'increment: id_only' goes by one key column, not by 2", "");
    assert_table_refused("t: {cursor_unit: us}",
                         "w.yml:11:24: table 't': 'us' is not a unit of a cursor, which is s or ms", "");
    assert_table_refused("t: {key: [a, b, a]}", "w.yml:11:16: table 't': the column 'a' stands twice in the key", "");
    assert_table_refused("t: {exclude: x}", "w.yml:11:20: table 't': 'exclude' is for patterns, and this is one table",
                         "");
    assert_table_refused("'t*': {target: x}",
                         "w.yml:11:22: table 't*': all tables of a pattern would go to one target table",
                         "leave 'target' out (each goes to its own name), or set 'shared: true' if one table is meant");
    assert_table_refused("t: {columns: {a: text}}",
                         "w.yml:11:24: table 't': column 'a' takes {as: text}, {name: other} or both", "");
    assert_table_refused("t: {columns: {a: {as: int}}}",
                         "w.yml:11:29: table 't': column 'a' cannot be taken as 'int'; it is: text, binary, bool, "
                         "int64, double, decimal(p,s)",
                         "");
    assert_table_refused("t: {columns: {a: {as: 'decimal(39,2)'}}}",
                         "w.yml:11:29: table 't': column 'a' cannot be taken as 'decimal(39,2)'; it is: text, binary, "
                         "bool, int64, double, decimal(p,s)",
                         "");
    assert_table_refused("t: {columns: {a: {as: text, is: x}}}",
                         "w.yml:11:35: unknown option 'is'; a column has 'as', 'name' and 'encode'", "");
    assert_table_refused("t: {columns: {a: {name: ''}}}",
                         "w.yml:11:31: table 't': column 'a': 'name' takes the name in the target", "");
    assert_table_refused("t: {mask: {a: half}}", "w.yml:11:21: table 't': the mask of 'a' is full or partial", "");
    assert_table_refused("t: {mask: [a]}", "w.yml:11:17: 'mask' takes a map {COLUMN: full}, not a list", "");
    assert_table_refused("t: {hash: a, exclude_columns: [b, a]}",
                         "w.yml:11:17: table 't': of column 'a' two things are to become", "");
    assert_table_refused("t: {columns: {a: {as: text}}, exclude_columns: a}",
                         "w.yml:11:54: table 't': column 'a' is excluded, and stands in 'columns' too", "");
    assert_table_refused("t: {columns: [a]}", "w.yml:11:20: 'columns' takes a map {COLUMN: {as: text}}, not a list",
                         "");
    assert_table_refused("t: hybrid", "w.yml:11:10: table 't' takes a map of options, not a text", "");
    assert_table_refused("'': {}", "w.yml:11:7: a table without a name", "");
    assert_refused(CONNECTIONS PIPELINE "    tables: [orders]\n", "w.yml:10:13: 'tables' takes a map, not a list",
                   "write 'tables: {orders: {}, customers: {}}': each table with its options, which may be none");
}

static void who_waits_for_nobody_or_in_a_circle_is_told_where(void **state)
{
    assert_table_refused("orders: {depends_on: [customer]}\n      customers: {}",
                         "w.yml:11:28: table 'orders' depends on 'customer', which pipeline 'p' does not list; did you "
                         "mean 'customers'?",
                         "name tables under 'tables' of the same pipeline, or patterns of them");
    assert_table_refused("orders: {depends_on: orders}", "w.yml:11:28: table 'orders' depends on itself", "");
    assert_table_refused("a: {depends_on: c}\n      b: {depends_on: a}\n      c: {depends_on: [b]}",
                         "w.yml:12:23: table 'b': 'depends_on' leads in a circle: a -> c -> b -> a",
                         "take one of these dependencies out: none of the tables could ever begin");
    assert_table_refused("a: {depends_on: 'l*'}\n      log: {depends_on: a}",
                         "w.yml:12:25: table 'log': 'depends_on' leads in a circle: a -> log -> a",
                         "take one of these dependencies out: none of the tables could ever begin");
    assert_loads(CONNECTIONS PIPELINE TABLE
                 "a: {}\n      'log_*': {depends_on: a}\n      z: {depends_on: [log_1, 'log*', a]}\n"
                 "      last: {depends_on: '*'}\n");
}

static void a_history_is_kept_by_number_or_by_time(void **state)
{
    assert_loads(CONNECTIONS PIPELINE "    history: 50\n");
    assert_int_equal(pick(NULL)->history_count, 50);
    assert_loads(CONNECTIONS PIPELINE "    history: 90d\n");
    assert_int_equal(pick(NULL)->history_count, 0);
    assert_int_equal(pick(NULL)->history_ms, INT64_C(90) * 86400000);
    assert_refused(CONNECTIONS PIPELINE "    history: 0\n",
                   "w.yml:10:14: history: '0' is neither a number of entries nor a time",
                   "write 'history: 50' or 'history: 90d'; the newest entry is kept in any case");
    assert_refused(CONNECTIONS PIPELINE "    history: long\n",
                   "w.yml:10:14: history: 'long' is neither a number of entries nor a time",
                   "write 'history: 50' or 'history: 90d'; the newest entry is kept in any case");
}

static void s65_an_unknown_key_is_an_error_at_every_level(void **state)
{
    const char *top = "the options here are: include, connections, pipelines";
    const char *pipeline = "the options here are: kind, default, source, stage, verify, audit, quarantine, target, "
                           "chunk, file_bytes, part_bytes, "
                           "strategy, parallel, readers, max_rows_per_second, max_pending, "
                           "lag, lease, history, max_memory, hash_key, tables";
    assert_refused("connection: {}\n", "w.yml:1:1: unknown option 'connection', did you mean 'connections'?", top);
    assert_refused("connections:\n  lake: {type: directory, pth: x}\n",
                   "w.yml:2:27: unknown option 'pth', did you mean 'path'?", "the options here are: path, type");
    assert_refused(
        "connections:\n  lake: {type: directroy, path: x}\n",
        "w.yml:2:16: there is no type 'directroy', did you mean 'directory'?",
        "the types are: adbc, duckdb, mariadb, mysql, postgres, postgresql, redshift, sqlite, directory, s3");
    assert_refused(CONNECTIONS PIPELINE "    tabels: {}\n",
                   "w.yml:10:5: unknown option 'tabels', did you mean 'tables'?", pipeline);
    assert_refused(CONNECTIONS "pipelines:\n  p: {stage: {stor: lake}}\n",
                   "w.yml:6:15: unknown option 'stor', did you mean 'store'?",
                   "the options here are: store, prefix, compression, level, profile");
    struct error err = {0};
    assert_int_equal(load(CONNECTIONS PIPELINE TABLE "orders: {cursr: updated_at}\n", &err), RC_CONFIG);
    assert_message(err.text, "w.yml:11:16: unknown option 'cursr', did you mean 'cursor'?");
}

static void a_connection_that_does_not_exist_or_does_not_fit_is_told_where_it_is_named(void **state)
{
    assert_refused(CONNECTIONS "pipelines:\n  p: {source: shp, stage: {store: lake}, target: dw}\n",
                   "w.yml:6:15: there is no connection 'shp', did you mean 'shop'?",
                   "give the name of one that there is, or add 'shp' under 'connections:'");
    assert_refused(CONNECTIONS "pipelines:\n  p: {source: shop, stage: {store: elsewhere}, target: dw}\n",
                   "w.yml:6:36: there is no connection 'elsewhere'",
                   "give the name of one that there is, or add 'elsewhere' under 'connections:'");
    assert_refused(CONNECTIONS "pipelines:\n  p: {source: lake, stage: {store: lake}, target: dw}\n",
                   "w.yml:6:15: the connection 'lake' is of type 'directory', which cannot be a source",
                   "give the name of another connection; 'waybill version --output json' lists the types");
    assert_refused(CONNECTIONS "pipelines:\n  p: {source: shop, stage: {store: dw}, target: dw}\n",
                   "w.yml:6:36: the connection 'dw' is of type 'sqlite', which cannot be a stage's store",
                   "give the name of another connection; 'waybill version --output json' lists the types");
    assert_refused(
        "connections:\n  dw: {path: x}\n", "w.yml:2:3: connection 'dw' lacks 'type'",
        "the types are: adbc, duckdb, mariadb, mysql, postgres, postgresql, redshift, sqlite, directory, s3");
    assert_refused(
        "connections:\n  dw: {type: [sqlite]}\n", "w.yml:2:3: connection 'dw' lacks 'type'",
        "the types are: adbc, duckdb, mariadb, mysql, postgres, postgresql, redshift, sqlite, directory, s3");
    assert_refused("connections:\n  dw: {type: sqlite}\n", "w.yml:2:3: connection 'dw' lacks 'path'",
                   "add 'path': file of the database");
    assert_refused("connections:\n  dw: sqlite\n", "w.yml:2:7: connection 'dw' takes a map of options, not a text", "");
    assert_refused("connections: [a]\n", "w.yml:1:14: 'connections' takes a map of names, not a list", "");
}

static void connections_are_opened_by_their_names(void **state)
{
    struct source *source = NULL;
    AUTO(target) *target = NULL;
    AUTO(store) *store = NULL;
    struct error err = {0};
    assert_loads(CONNECTIONS);
    assert_int_equal(config_open_target(config, "dw", clock_real(), random_real(), &target, &err), RC_OK);
    assert_string_equal(target->name, "dw");
    assert_int_equal(config_open_store(config, "lake", clock_real(), random_real(), &store, &err), RC_OK);
    assert_string_equal(store->name, "lake");
    assert_int_equal(config_open_store(config, "lak", clock_real(), random_real(), &store, &err), RC_CONFIG);
    assert_string_equal(err.text, "there is no connection 'lak', did you mean 'lake'?");
    assert_int_equal(config_open_source(config, "lake", clock_real(), random_real(), &source, &err), RC_CONFIG);
    assert_string_equal(err.text, "the connection 'lake' is of type 'directory', which cannot be a source");
}

static void a_pipeline_without_its_parts_is_told_what_it_lacks(void **state)
{
    assert_refused(CONNECTIONS "pipelines:\n  p: {}\n", "w.yml:6:3: pipeline 'p' lacks 'source'",
                   "add 'source': connection that rows come from");
    assert_refused(CONNECTIONS "pipelines:\n  p: {source: shop, target: dw}\n",
                   "w.yml:6:3: pipeline 'p' lacks 'stage.store'",
                   "add 'stage.store': store connection that rows rest in");
    assert_loads(CONNECTIONS "pipelines:\n  p: {source: shop, stage: {store: lake, prefix: us_dw/}, target: none}\n");
    assert_null(pick("p")->target);
    assert_string_equal(pick("p")->stage_prefix, "us_dw");
    assert_refused(CONNECTIONS "pipelines:\n  p: {source: shop, stage: {store: lake}, target: dw, max_memory: 1MiB}\n",
                   "w.yml:6:67: max_memory: '1MiB' is too small, at least 64MiB", "");
}

static void names_that_would_not_fit_into_keys_are_refused(void **state)
{
    const char *todo = "use at most 128 letters, digits, '_', '-' and '.'; 'none' has a meaning of its own";
    assert_refused("connections: {a/b: {type: sqlite, path: x}}\n",
                   "w.yml:1:15: 'a/b' cannot be the name of a connection", todo);
    assert_refused("connections: {none: {type: sqlite, path: x}}\n",
                   "w.yml:1:15: 'none' cannot be the name of a connection", todo);
    assert_refused("pipelines: {..: {}}\n", "w.yml:1:13: '..' cannot be the name of a pipeline", todo);
    assert_refused("pipelines: {'': {}}\n", "w.yml:1:13: '' cannot be the name of a pipeline", todo);
}

static void staged_objects_cannot_lie_where_marks_and_markers_lie(void **state)
{
    assert_refused(CONNECTIONS "pipelines:\n  watermark: {source: shop}\n",
                   "w.yml:6:3: 'watermark' cannot be the name of a pipeline: other documents lie there", "");
    assert_refused(CONNECTIONS
                   "pipelines:\n  p: {source: shop, stage: {store: lake, prefix: completion_markers/x}, target: dw}\n",
                   "w.yml:6:50: stage.prefix: 'completion_markers/x' is where other documents lie", "");
    assert_refused(CONNECTIONS "pipelines:\n  p: {source: shop, stage: {store: lake, prefix: a/../b}, target: dw}\n",
                   "w.yml:6:50: stage.prefix: 'a/../b' cannot be an object's key: it has the part '..', which means "
                   "another folder",
                   "");
    assert_loads(CONNECTIONS
                 "pipelines:\n  watermarks: {source: shop, stage: {store: lake, prefix: a/watermark//}, target: dw}\n");
    assert_string_equal(pick(NULL)->stage_prefix, "a/watermark");
}

static void files_can_include_files_each_relative_to_itself(void **state)
{
    struct error err = {0};
    assert_int_equal(mkdir(in_folder("sub"), 0700), 0);
    write_file("more.yml",
               "include: sub/third.yml\npipelines:\n  p: {source: shop, stage: {store: lake}, target: dw}\n");
    write_file("sub/third.yml", CONNECTIONS);
    assert_loads("include: [more.yml]\n");
    assert_int_equal(config->connection_count, 3);
    struct source *source = NULL;
    assert_int_equal(config_open_source(config, "shop", clock_real(), random_real(), &source, &err),
                     RC_NOT_FOUND); /* looked for beside the file */
    assert_non_null(strstr(err.text, "/sub/shop.db"));
    assert_refused("include: [more.yml]\nconnections:\n  dw: {type: sqlite, path: x}\n",
                   "sub/third.yml:4:3: the connection 'dw' stands already at w.yml:3:3", "");
    assert_refused("include: [more.yml]\npipelines:\n  p: {source: x}\n",
                   "more.yml:3:3: the pipeline 'p' stands already at w.yml:3:3", "");
    assert_refused("include: [more.yml, gone.yml]\n",
                   "w.yml:1:21: the configuration 'gone.yml' cannot be read: No such file or directory", "");
    write_file("more.yml", "include: w.yml\n");
    assert_refused("include: [more.yml]\n", "more.yml:1:10: 'w.yml' is included a second time (it is 'w.yml')", "");
}

static void a_missing_file_is_told_what_to_do(void **state)
{
    struct error err = {0};
    assert_int_equal(config_load("/nowhere/waybill.yml", &resolver.resolver, &config, &err), RC_CONFIG);
    assert_string_equal(err.text, "the configuration '/nowhere/waybill.yml' cannot be read: No such file or directory");
    assert_string_equal(err.todo, "go to the folder that has it, or name it with --config FILE or WAYBILL_CONFIG=FILE");
    assert_int_equal(config_load(folder, &resolver.resolver, &config, &err), RC_FAILED);
    assert_null(config);
}

static void the_pipeline_is_the_only_one_or_the_default_one_or_the_named_one(void **state)
{
    const struct pipeline_config *picked = NULL;
    struct error err = {0};
    assert_loads(CONNECTIONS PIPELINE);
    assert_string_equal(pick(NULL)->name, "p");
    assert_int_equal(config_pick_pipeline(config, "q", NULL, 0, &picked, &err), RC_CONFIG);
    assert_message(err.text, "there is no pipeline 'q' in 'w.yml'");
    const char *first = "  first: {source: shop, stage: {store: lake}, target: dw}\n",
               *second = "  second: {source: shop, stage: {store: lake}, target: dw";
    assert_loads(arena_print(&arena, CONNECTIONS "pipelines:\n%s%s, default: true}\n", first, second));
    assert_string_equal(pick(NULL)->name, "second");
    assert_loads(arena_print(&arena, CONNECTIONS "pipelines:\n%s%s}\n", first, second));
    assert_int_equal(config_pick_pipeline(config, NULL, NULL, 0, &picked, &err), RC_CONFIG);
    assert_message(err.text, "'w.yml' has several pipelines and none of them says 'default: true'");
    assert_string_equal(err.todo, "name one with -p: first, second");
    assert_int_equal(config_pick_pipeline(config, "fist", NULL, 0, &picked, &err), RC_CONFIG);
    assert_string_equal(err.text, "there is no pipeline 'fist', did you mean 'first'?");
    assert_string_equal(pick("first")->name, "first");
    assert_refused(CONNECTIONS "pipelines:\n  a: {source: shop, stage: {store: lake}, target: dw, default: true}\n"
                               "  b: {source: shop, stage: {store: lake}, target: dw, default: true}\n",
                   "w.yml:7:64: the pipelines 'a' and 'b' both say 'default: true'", "");
}

static void s64_a_variable_is_filled_in_only_for_what_a_command_uses(void **state)
{
    const struct pipeline_config *picked = NULL;
    struct source *source = NULL;
    struct error err = {0};
    unsetenv("WAYBILL_TEST_UNSET");
    assert_loads("connections:\n  shop: {type: sqlite, path: \"${WAYBILL_TEST_UNSET}/x\"}\n  lake: {type: directory, "
                 "path: lake}\n"
                 "pipelines:\n  p: {source: shop, stage: {store: lake}, target: none}\n"
                 "  q: {source: shop, stage: {store: lake, prefix: \"${WAYBILL_TEST_UNSET}\"}, target: none,\n"
                 "      tables: {t: {increment: \"${WAYBILL_TEST_UNSET}\", mode: append}}}\n");
    pick("p");
    assert_int_equal(config_open_source(config, "shop", clock_real(), random_real(), &source, &err), RC_CONFIG);
    assert_message(err.text, "w.yml:2:30: the environment variable 'WAYBILL_TEST_UNSET' is not set");
    assert_int_equal(config_pick_pipeline(config, "q", NULL, 0, &picked, &err), RC_CONFIG);
    assert_message(err.text, "w.yml:6:50: the environment variable 'WAYBILL_TEST_UNSET' is not set");
    setenv("WAYBILL_TEST_UNSET", "id_only", 1);
    assert_string_equal(pick("q")->stage_prefix, "id_only");
    assert_int_equal(pick("q")->tables[0].increment, INCREMENT_ID_ONLY);
    setenv("WAYBILL_TEST_UNSET", "hybrid", 1);
    assert_int_equal(config_pick_pipeline(config, "q", NULL, 0, &picked, &err), RC_CONFIG);
    assert_message(
        err.text,
        "w.yml:7:62: table 't': 'mode: append' with the time cursor of 'increment: hybrid' loads a changed row twice; "
        "legal is: merge");
    unsetenv("WAYBILL_TEST_UNSET");
}

static void a_flag_goes_before_the_environment_and_that_before_the_pipeline(void **state)
{
    const struct pipeline_config *picked = NULL;
    struct error err = {0};
    const struct config_override overrides[] = {
        {"max_memory", "512MiB", ORIGIN_FLAG, "--max-memory"},
        {"max_memory", "128MiB", ORIGIN_ENVIRONMENT, "WAYBILL_MAX_MEMORY"},
    };
    assert_loads(CONNECTIONS PIPELINE "    max_memory: 64MiB\n");
    assert_int_equal(config_pick_pipeline(config, NULL, overrides, 2, &picked, &err), RC_OK);
    assert_int_equal(picked->max_memory_bytes, 512 << 20);
    assert_string_equal(option_origin_text(option_origin_of(picked->options, "max_memory"), &arena), "--max-memory");
    assert_int_equal(config_pick_pipeline(config, NULL, overrides + 1, 1, &picked, &err), RC_OK);
    assert_int_equal(picked->max_memory_bytes, 128 << 20);
    assert_int_equal(pick(NULL)->max_memory_bytes, 64 << 20);
}

/* ---- which tables ---- */

static const char *const existing[] = {"customers", "log_2023", "log_2024", "log_old", "orders"};

static const char *resolved(const char *const *wanted, int wanted_count)
{
    const struct table_config *tables = NULL;
    int count = 0;
    struct error err = {0};
    enum rc rc = tables_resolve(config, pick(NULL), wanted, wanted_count, existing, 5, &tables, &count, &err);
    if (rc != RC_OK)
        return arena_print(&arena, "%s: %s", rc_name(rc), err.text);
    const char *text = "";
    for (int i = 0; i < count; i++) {
        assert_false(tables[i].is_pattern);
        text = arena_print(&arena, "%s%s%s>%s/%s", text, i > 0 ? " " : "", tables[i].name, tables[i].target,
                           increment_name(tables[i].increment));
    }
    return text;
}

static void without_t_all_listed_tables_are_meant_in_their_order(void **state)
{
    assert_loads(CONNECTIONS PIPELINE
                 "    tables:\n      orders: {target: o}\n      'log_*': {increment: id_only, exclude: ['*_old']}\n"
                 "      log_2024: {increment: full_sync}\n      gone: {}\n");
    assert_true(tables_need_listing(pick(NULL), NULL, 0));
    assert_string_equal(resolved(NULL, 0),
                        "orders>o/hybrid log_2023>log_2023/id_only log_2024>log_2024/full_sync gone>gone/hybrid");
}

static void a_named_table_takes_its_entry_its_pattern_or_the_defaults(void **state)
{
    assert_loads(
        CONNECTIONS PIPELINE
        "    lag: 9s\n    tables:\n      orders: {target: o}\n      'log_*': {increment: id_only, exclude: ['*_old']}\n"
        "      log_2024: {increment: full_sync}\n");
    static const char *const names[] = {"log_2024", "log_2023", "customers", "orders", "log_2023", "log_old", "no*t"};
    assert_false(tables_need_listing(pick(NULL), names, 7));
    assert_string_equal(
        resolved(names, 7),
        "log_2024>log_2024/full_sync log_2023>log_2023/id_only customers>customers/hybrid orders>o/hybrid "
        "log_old>log_old/hybrid no*t>no*t/hybrid");
    static const char *const pattern[] = {"log_*"};
    assert_true(tables_need_listing(pick(NULL), pattern, 1));
    assert_string_equal(resolved(pattern, 1), "log_2023>log_2023/id_only");
    const struct table_config *tables = NULL;
    int count = 0;
    struct error err = {0};
    assert_int_equal(tables_resolve(config, pick(NULL), names + 2, 1, NULL, 0, &tables, &count, &err), RC_OK);
    assert_int_equal(tables[0].lag_ms, 9000);
    assert_null(tables[0].where.file);
}

static void a_circle_that_patterns_make_is_found_when_their_tables_are_known(void **state)
{
    assert_loads(CONNECTIONS PIPELINE TABLE "'log_*': {depends_on: orders}\n      orders: {depends_on: log_2023}\n");
    assert_message(resolved(NULL, 0),
                   "config: w.yml:12:28: table 'orders': 'depends_on' leads in a circle: log_2023 -> "
                   "orders -> log_2023");
    assert_loads(CONNECTIONS PIPELINE TABLE "'log_*': {depends_on: orders}\n      orders: {}\n");
    assert_string_equal(
        resolved(NULL, 0),
        "log_2023>log_2023/hybrid log_2024>log_2024/hybrid log_old>log_old/hybrid orders>orders/hybrid");
}

static void nothing_to_do_is_an_error_and_not_a_success(void **state)
{
    assert_loads(CONNECTIONS PIPELINE);
    assert_message(resolved(NULL, 0), "config: w.yml:6:3: pipeline 'p' lists no tables");
    assert_loads(CONNECTIONS PIPELINE TABLE "'x_*': {}\n");
    assert_message(resolved(NULL, 0),
                   "not-found: w.yml:11:7: the pattern 'x_*' matches no table of 'shop' that has no entry of its own");
}

static void patterns_match_as_shells_do_without_classes(void **state)
{
    assert_loads(CONNECTIONS PIPELINE TABLE
                 "'?ustomers': {}\n      'l*g*_*o*d': {increment: id_only}\n      '*': {increment: full_sync}\n");
    assert_string_equal(resolved(NULL, 0),
                        "customers>customers/hybrid log_old>log_old/id_only log_2023>log_2023/full_sync "
                        "log_2024>log_2024/full_sync orders>orders/full_sync");
}

static void a_hostile_pattern_costs_no_time(void **state)
{
    AUTO_RELEASE(buf) pattern = {0};
    AUTO_RELEASE(buf) name = {0};
    for (int i = 0; i < 500; i++) {
        buf_addf(&pattern, "a*");
        buf_addf(&name, "aaa");
    }
    assert_loads(arena_print(&arena, CONNECTIONS PIPELINE TABLE "'%sb': {increment: id_only}\n", pattern.at));
    const char *const names[] = {name.at};
    assert_non_null(strstr(resolved(names, 1), "/hybrid"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests_here[] = {
        CASE(the_smallest_configuration_has_every_default),
        CASE(a_table_takes_its_own_values_before_its_pipelines),
        CASE(each_increment_has_its_own_mode),
        CASE(s85_append_with_an_update_cursor_is_refused_at_plan_time),
        CASE(what_is_read_again_is_merged),
        CASE(only_legal_pairs_of_increment_and_mode_are_taken),
        CASE(a_statement_says_what_its_columns_are),
        CASE(rows_without_a_cursor_are_merged_or_left_out),
        CASE(a_range_is_replaced_only_where_rows_stay_in_theirs),
        CASE(deletes_are_detected_where_the_rows_are_ones_own),
        CASE(what_is_not_there_yet_is_refused_politely),
        CASE(what_is_wished_for_columns_becomes_one_list),
        CASE(what_makes_no_sense_in_a_table_is_refused),
        CASE(who_waits_for_nobody_or_in_a_circle_is_told_where),
        CASE(a_circle_that_patterns_make_is_found_when_their_tables_are_known),
        CASE(a_history_is_kept_by_number_or_by_time),
        CASE(s65_an_unknown_key_is_an_error_at_every_level),
        CASE(a_connection_that_does_not_exist_or_does_not_fit_is_told_where_it_is_named),
        CASE(connections_are_opened_by_their_names),
        CASE(a_pipeline_without_its_parts_is_told_what_it_lacks),
        CASE(names_that_would_not_fit_into_keys_are_refused),
        CASE(staged_objects_cannot_lie_where_marks_and_markers_lie),
        CASE(files_can_include_files_each_relative_to_itself),
        CASE(a_missing_file_is_told_what_to_do),
        CASE(the_pipeline_is_the_only_one_or_the_default_one_or_the_named_one),
        CASE(s64_a_variable_is_filled_in_only_for_what_a_command_uses),
        CASE(a_flag_goes_before_the_environment_and_that_before_the_pipeline),
        CASE(without_t_all_listed_tables_are_meant_in_their_order),
        CASE(a_named_table_takes_its_entry_its_pattern_or_the_defaults),
        CASE(nothing_to_do_is_an_error_and_not_a_success),
        CASE(patterns_match_as_shells_do_without_classes),
        CASE(a_hostile_pattern_costs_no_time),
    };
    return cmocka_run_group_tests(tests_here, NULL, NULL);
}
