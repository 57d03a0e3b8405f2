/* waybill.yml as a whole: connections, pipelines, files that include files, variables, where a value comes from; and
 * what each mistake is told. Tables: test_config_tables.c. */
#include <stdlib.h>

#include "config_story.h"

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
    assert_message(option_origin_text(option_origin_of(a->options, "lag"), &story.arena), "w.yml:10:10");
    assert_message(option_origin_text(option_origin_of(a->options, "chunk.rows"), &story.arena), "w.yml:14:90");
    assert_message(option_origin_text(option_origin_of(a->options, "chunk.time"), &story.arena), "default");
}

static void what_is_not_there_yet_is_refused_politely(void **state)
{
    assert_refused(CONNECTIONS "pipelines: {p: {kind: window}}\n",
                   "w.yml:5:23: pipelines of kind 'window' are not available yet", NULL);
    assert_refused(CONNECTIONS "pipelines: {p: {stage: {compression: gzip, level: 10}}}\n",
                   "w.yml:5:51: the levels of gzip end at 9", NULL);
    assert_refused(CONNECTIONS "pipelines: {p: {stage: {compression: snappy, level: 1}}}\n",
                   "w.yml:5:53: the compression 'snappy' has no levels", NULL);
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
    assert_int_equal(config_story_load(CONNECTIONS PIPELINE TABLE "orders: {cursr: updated_at}\n", &err), RC_CONFIG);
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
    assert_refused("connections:\n  dw: sqlite\n", "w.yml:2:7: connection 'dw' takes a map of options, not a text",
                   "write it as 'dw: {type: TYPE, ...}', with the options of its type");
    assert_refused("connections: [a]\n", "w.yml:1:14: 'connections' takes a map of names, not a list",
                   "write it as 'connections: {NAME: {...}}'");
}

static void connections_are_opened_by_their_names(void **state)
{
    struct source *source = NULL;
    AUTO(target) *target = NULL;
    AUTO(store) *store = NULL;
    struct error err = {0};
    assert_loads(CONNECTIONS);
    assert_int_equal(config_open_target(story.config, "dw", clock_real(), random_real(), &target, &err), RC_OK);
    assert_string_equal(target->name, "dw");
    assert_int_equal(config_open_store(story.config, "lake", clock_real(), random_real(), &store, &err), RC_OK);
    assert_string_equal(store->name, "lake");
    assert_int_equal(config_open_store(story.config, "lak", clock_real(), random_real(), &store, &err), RC_CONFIG);
    assert_string_equal(err.text, "there is no connection 'lak', did you mean 'lake'?");
    assert_int_equal(config_open_source(story.config, "lake", clock_real(), random_real(), &source, &err), RC_CONFIG);
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
                   "w.yml:6:67: max_memory: '1MiB' is too small, at least 64MiB",
                   "max_memory: budget of a run's buffers; without it: 256MiB");
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
                   "w.yml:6:3: 'watermark' cannot be the name of a pipeline: other documents lie there", NULL);
    assert_refused(CONNECTIONS
                   "pipelines:\n  p: {source: shop, stage: {store: lake, prefix: completion_markers/x}, target: dw}\n",
                   "w.yml:6:50: stage.prefix: 'completion_markers/x' is where other documents lie", NULL);
    assert_refused(CONNECTIONS "pipelines:\n  p: {source: shop, stage: {store: lake, prefix: a/../b}, target: dw}\n",
                   "w.yml:6:50: stage.prefix: 'a/../b' cannot be an object's key: it has the part '..', which means "
                   "another folder",
                   NULL);
    assert_loads(CONNECTIONS
                 "pipelines:\n  watermarks: {source: shop, stage: {store: lake, prefix: a/watermark//}, target: dw}\n");
    assert_string_equal(pick(NULL)->stage_prefix, "a/watermark");
}

static void files_can_include_files_each_relative_to_itself(void **state)
{
    struct error err = {0};
    folder_make(story.folder, "sub");
    config_story_write("more.yml",
                       "include: sub/third.yml\npipelines:\n  p: {source: shop, stage: {store: lake}, target: dw}\n");
    config_story_write("sub/third.yml", CONNECTIONS);
    assert_loads("include: [more.yml]\n");
    assert_int_equal(story.config->connection_count, 3);
    struct source *source = NULL;
    assert_int_equal(config_open_source(story.config, "shop", clock_real(), random_real(), &source, &err),
                     RC_NOT_FOUND); /* looked for beside the file */
    assert_non_null(strstr(err.text, "/sub/shop.db"));
    assert_refused("include: [more.yml]\nconnections:\n  dw: {type: sqlite, path: x}\n",
                   "sub/third.yml:4:3: the connection 'dw' stands already at w.yml:3:3", NULL);
    assert_refused("include: [more.yml]\npipelines:\n  p: {source: x}\n",
                   "more.yml:3:3: the pipeline 'p' stands already at w.yml:3:3", NULL);
    assert_refused("include: [more.yml, gone.yml]\n",
                   "w.yml:1:21: the configuration 'gone.yml' cannot be read: No such file or directory", NULL);
    config_story_write("more.yml", "include: w.yml\n");
    assert_refused("include: [more.yml]\n", "more.yml:1:10: 'w.yml' is included a second time (it is 'w.yml')", NULL);
}

static void a_missing_file_is_told_what_to_do(void **state)
{
    struct error err = {0};
    assert_int_equal(config_load("/nowhere/waybill.yml", &story.resolver.resolver, &story.config, &err), RC_CONFIG);
    assert_string_equal(err.text, "the configuration '/nowhere/waybill.yml' cannot be read: No such file or directory");
    assert_string_equal(err.todo, "go to the folder that has it, or name it with --config FILE or WAYBILL_CONFIG=FILE");
    assert_int_equal(config_load(story.folder, &story.resolver.resolver, &story.config, &err), RC_CONFIG);
    assert_string_equal(err.todo, arena_print(&story.arena, "name the file in it: '%s/waybill.yml'", story.folder));
    assert_null(story.config);
}

static void the_pipeline_is_the_only_one_or_the_default_one_or_the_named_one(void **state)
{
    const struct pipeline_config *picked = NULL;
    struct error err = {0};
    assert_loads(CONNECTIONS PIPELINE);
    assert_string_equal(pick(NULL)->name, "p");
    assert_int_equal(config_pick_pipeline(story.config, "q", NULL, 0, &picked, &err), RC_CONFIG);
    assert_message(err.text, "there is no pipeline 'q' in 'w.yml'");
    const char *first = "  first: {source: shop, stage: {store: lake}, target: dw}\n",
               *second = "  second: {source: shop, stage: {store: lake}, target: dw";
    assert_loads(arena_print(&story.arena, CONNECTIONS "pipelines:\n%s%s, default: true}\n", first, second));
    assert_string_equal(pick(NULL)->name, "second");
    assert_loads(arena_print(&story.arena, CONNECTIONS "pipelines:\n%s%s}\n", first, second));
    assert_int_equal(config_pick_pipeline(story.config, NULL, NULL, 0, &picked, &err), RC_CONFIG);
    assert_message(err.text, "'w.yml' has several pipelines and none of them says 'default: true'");
    assert_string_equal(err.todo, "name one with -p: first, second");
    assert_int_equal(config_pick_pipeline(story.config, "fist", NULL, 0, &picked, &err), RC_CONFIG);
    assert_string_equal(err.text, "there is no pipeline 'fist', did you mean 'first'?");
    assert_string_equal(pick("first")->name, "first");
    assert_refused(CONNECTIONS "pipelines:\n  a: {source: shop, stage: {store: lake}, target: dw, default: true}\n"
                               "  b: {source: shop, stage: {store: lake}, target: dw, default: true}\n",
                   "w.yml:7:64: the pipelines 'a' and 'b' both say 'default: true'", NULL);
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
    assert_int_equal(config_open_source(story.config, "shop", clock_real(), random_real(), &source, &err), RC_CONFIG);
    assert_message(err.text, "w.yml:2:30: the environment variable 'WAYBILL_TEST_UNSET' is not set");
    assert_int_equal(config_pick_pipeline(story.config, "q", NULL, 0, &picked, &err), RC_CONFIG);
    assert_message(err.text, "w.yml:6:50: the environment variable 'WAYBILL_TEST_UNSET' is not set");
    setenv("WAYBILL_TEST_UNSET", "id_only", 1);
    assert_string_equal(pick("q")->stage_prefix, "id_only");
    assert_int_equal(pick("q")->tables[0].increment, INCREMENT_ID_ONLY);
    setenv("WAYBILL_TEST_UNSET", "hybrid", 1);
    assert_int_equal(config_pick_pipeline(story.config, "q", NULL, 0, &picked, &err), RC_CONFIG);
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
    assert_int_equal(config_pick_pipeline(story.config, NULL, overrides, 2, &picked, &err), RC_OK);
    assert_int_equal(picked->max_memory_bytes, 512 << 20);
    assert_string_equal(option_origin_text(option_origin_of(picked->options, "max_memory"), &story.arena),
                        "--max-memory");
    assert_int_equal(config_pick_pipeline(story.config, NULL, overrides + 1, 1, &picked, &err), RC_OK);
    assert_int_equal(picked->max_memory_bytes, 128 << 20);
    assert_int_equal(pick(NULL)->max_memory_bytes, 64 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_CASE(the_smallest_configuration_has_every_default),
        CONFIG_CASE(a_table_takes_its_own_values_before_its_pipelines),
        CONFIG_CASE(what_is_not_there_yet_is_refused_politely),
        CONFIG_CASE(a_history_is_kept_by_number_or_by_time),
        CONFIG_CASE(s65_an_unknown_key_is_an_error_at_every_level),
        CONFIG_CASE(a_connection_that_does_not_exist_or_does_not_fit_is_told_where_it_is_named),
        CONFIG_CASE(connections_are_opened_by_their_names),
        CONFIG_CASE(a_pipeline_without_its_parts_is_told_what_it_lacks),
        CONFIG_CASE(names_that_would_not_fit_into_keys_are_refused),
        CONFIG_CASE(staged_objects_cannot_lie_where_marks_and_markers_lie),
        CONFIG_CASE(files_can_include_files_each_relative_to_itself),
        CONFIG_CASE(a_missing_file_is_told_what_to_do),
        CONFIG_CASE(the_pipeline_is_the_only_one_or_the_default_one_or_the_named_one),
        CONFIG_CASE(s64_a_variable_is_filled_in_only_for_what_a_command_uses),
        CONFIG_CASE(a_flag_goes_before_the_environment_and_that_before_the_pipeline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
