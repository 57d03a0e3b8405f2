/* What waybill.yml may say of a table, what makes no sense together, and which tables a run means. */
#include "config_story.h"

static const struct table_config *table_of(const char *entry)
{
    assert_loads(arena_print(&story.arena, CONNECTIONS PIPELINE TABLE "%s\n", entry));
    return &pick(NULL)->tables[0];
}

static void assert_table_refused(const char *entry, const char *message, const char *todo)
{
    assert_refused(arena_print(&story.arena, CONNECTIONS PIPELINE TABLE "%s\n", entry), message, todo);
}

static void each_increment_has_its_own_mode(void **state)
{
    assert_int_equal(table_of("t: {increment: hybrid}")->mode, MODE_MERGE);
    assert_int_equal(table_of("t: {increment: id_only}")->mode, MODE_APPEND);
    assert_int_equal(table_of("t: {increment: id_only, mode: merge}")->mode, MODE_MERGE);
    assert_int_equal(table_of("t: {increment: full_sync}")->mode, MODE_REPLACE);
    assert_int_equal(table_of("t: {increment: timestamp_only}")->mode, MODE_MERGE);
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
        "set one of these, or 'increment: full_sync', which replaces");
    assert_table_refused(
        "t: {increment: full_sync, mode: merge}",
        "w.yml:11:39: table 't': 'increment: full_sync' cannot be loaded with 'mode: merge': rows that are gone would "
        "stay; legal are: replace, append",
        NULL);
    assert_int_equal(table_of("t: {increment: full_sync, mode: append}")->mode, MODE_APPEND);
    assert_table_refused(
        "t: {increment: full_sync, mode: append, audit: profile}",
        "w.yml:11:54: table 't': with 'mode: append' each run of 'increment: full_sync' adds the whole "
        "table, so the target is no copy of it that an audit could compare",
        "set 'audit: none' for this table");
    assert_table_refused(
        "t: {increment: full_sync, shared: true}",
        "w.yml:11:41: table 't': a shared target table cannot be replaced: the rows of the others would go", NULL);
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
                         NULL);
    assert_table_refused(
        "t: {increment: id_only, mode: delete_insert, shared: true}",
        "w.yml:11:60: table 't': a shared target table cannot be replaced: the rows of the others would go", NULL);
}

static void deletes_are_detected_where_the_rows_are_ones_own(void **state)
{
    assert_int_equal(table_of("t: {delete_detection: keys}")->delete_detection, DELETES_BY_KEYS);
    assert_int_equal(table_of("t: {delete_detection: keys}")->delete_max, 10);
    assert_string_equal(table_of("t: {delete_detection: keys, soft_delete: gone_at}")->soft_delete, "gone_at");
    assert_table_refused("t: {delete_detection: keys, shared: true}",
                         "w.yml:11:29: table 't': deletes cannot be detected in a shared target table: the rows of the "
                         "others would go",
                         NULL);
    assert_table_refused("t: {increment: full_sync, delete_detection: keys}",
                         "w.yml:11:51: table 't': 'increment: full_sync' replaces all rows, so none stays behind",
                         "remove 'delete_detection'");
    assert_table_refused(
        "t: {soft_delete: gone_at}",
        "w.yml:11:24: table 't': 'soft_delete' without 'delete_detection': nothing would ever be noted",
        "add 'delete_detection: keys'");
    assert_table_refused("t: {replace: swap}",
                         "w.yml:11:20: table 't': 'replace: swap' is for 'mode: replace', and this is 'mode: merge'",
                         NULL);
    assert_int_equal(table_of("t: {increment: full_sync, replace: swap}")->replace_by, REPLACE_BY_SWAP);
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
                         "w.yml:11:36: table 't': 'increment: id_only' goes by one key column, not by 2", NULL);
    assert_table_refused("t: {cursor_unit: us}",
                         "w.yml:11:24: table 't': 'us' is not a unit of a cursor, which is s or ms",
                         "write 'cursor_unit: s' where it counts seconds since 1970, 'ms' for milliseconds");
    assert_table_refused("t: {target: ''}", "w.yml:11:19: table 't': the name in the target is empty",
                         "name the table in the target, or leave 'target' out: it has the source's name then");
    assert_table_refused("t: {key: [a, b, a]}", "w.yml:11:16: table 't': the column 'a' stands twice in the key", NULL);
    assert_table_refused("t: {exclude: x}", "w.yml:11:20: table 't': 'exclude' is for patterns, and this is one table",
                         "remove it; columns are left out by 'exclude_columns: [NAME]'");
    assert_table_refused("'t*': {target: x}",
                         "w.yml:11:22: table 't*': all tables of a pattern would go to one target table",
                         "leave 'target' out (each goes to its own name), or set 'shared: true' if one table is meant");
    assert_table_refused("t: {columns: {a: text}}",
                         "w.yml:11:24: table 't': column 'a' takes {as: text}, {name: other} or both",
                         "write it as 'columns: {a: {as: text}}'");
    assert_table_refused("t: {columns: {a: {as: int}}}",
                         "w.yml:11:29: table 't': column 'a' cannot be taken as 'int'; it is: text, binary, bool, "
                         "int64, double, decimal(p,s)",
                         NULL);
    assert_table_refused("t: {columns: {a: {as: 'decimal(39,2)'}}}",
                         "w.yml:11:29: table 't': column 'a' cannot be taken as 'decimal(39,2)'; it is: text, binary, "
                         "bool, int64, double, decimal(p,s)",
                         NULL);
    assert_table_refused("t: {columns: {a: {as: text, is: x}}}",
                         "w.yml:11:35: unknown option 'is'; a column has 'as', 'name' and 'encode'", NULL);
    assert_table_refused("t: {columns: {a: {name: ''}}}",
                         "w.yml:11:31: table 't': column 'a': 'name' takes the name in the target", NULL);
    assert_table_refused("t: {mask: {a: half}}", "w.yml:11:21: table 't': the mask of 'a' is full or partial",
                         "write 'mask: {a: partial}' for its last four characters, or 'full' for none");
    assert_table_refused("t: {mask: [a]}", "w.yml:11:17: 'mask' takes a map {COLUMN: full}, not a list",
                         "write it as 'mask: {COLUMN: full}'");
    assert_table_refused("t: {hash: a, exclude_columns: [b, a]}",
                         "w.yml:11:17: table 't': of column 'a' two things are to become", NULL);
    assert_table_refused("t: {columns: {a: {as: text}}, exclude_columns: a}",
                         "w.yml:11:54: table 't': column 'a' is excluded, and stands in 'columns' too", NULL);
    assert_table_refused("t: {columns: [a]}", "w.yml:11:20: 'columns' takes a map {COLUMN: {as: text}}, not a list",
                         "write it as 'columns: {COLUMN: {as: text}}'");
    assert_table_refused("t: hybrid", "w.yml:11:10: table 't' takes a map of options, not a text",
                         "write its options as '{NAME: VALUE, NAME: VALUE}'; none at all is '{}'");
    assert_table_refused("'': {}", "w.yml:11:7: a table without a name", NULL);
    assert_refused(CONNECTIONS PIPELINE "    tables: [orders]\n", "w.yml:10:13: 'tables' takes a map, not a list",
                   "write 'tables: {orders: {}, customers: {}}': each table with its options, which may be none");
}

static void who_waits_for_nobody_or_in_a_circle_is_told_where(void **state)
{
    assert_table_refused("orders: {depends_on: [customer]}\n      customers: {}",
                         "w.yml:11:28: table 'orders' depends on 'customer', which pipeline 'p' does not list; did you "
                         "mean 'customers'?",
                         "name tables under 'tables' of the same pipeline, or patterns of them");
    assert_table_refused("orders: {depends_on: orders}", "w.yml:11:28: table 'orders' depends on itself",
                         "take it out of its own 'depends_on'");
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

/* ---- which tables ---- */

static const char *const existing[] = {"customers", "log_2023", "log_2024", "log_old", "orders"};

static const char *resolved(const char *const *wanted, int wanted_count)
{
    const struct table_config *tables = NULL;
    int count = 0;
    struct error err = {0};
    enum rc rc = tables_resolve(story.config, pick(NULL), wanted, wanted_count, existing, 5, &tables, &count, &err);
    if (rc != RC_OK)
        return arena_print(&story.arena, "%s: %s", rc_name(rc), err.text);
    const char *text = "";
    for (int i = 0; i < count; i++) {
        assert_false(tables[i].is_pattern);
        text = arena_print(&story.arena, "%s%s%s>%s/%s", text, i > 0 ? " " : "", tables[i].name, tables[i].target,
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
    static const char *const names[] = {"log_2024", "log_2023", "customers", "orders", "log_2023", "log_old"};
    assert_false(tables_need_listing(pick(NULL), names, 6));
    assert_string_equal(
        resolved(names, 6),
        "log_2024>log_2024/full_sync log_2023>log_2023/id_only customers>customers/hybrid orders>o/hybrid "
        "log_old>log_old/hybrid");
    static const char *const pattern[] = {"log_*"};
    assert_true(tables_need_listing(pick(NULL), pattern, 1));
    assert_string_equal(resolved(pattern, 1), "log_2023>log_2023/id_only");
    const struct table_config *tables = NULL;
    int count = 0;
    struct error err = {0};
    assert_int_equal(tables_resolve(story.config, pick(NULL), names + 2, 1, NULL, 0, &tables, &count, &err), RC_OK);
    assert_int_equal(tables[0].lag_ms, 9000);
    assert_null(tables[0].where.file);
}

static void a_pattern_that_is_wanted_means_the_tables_of_the_pipeline_that_it_matches(void **state)
{
    static const char *const all[] = {"*"}, *const some[] = {"l*_202?"}, *const none[] = {"cust*"};
    assert_loads(CONNECTIONS PIPELINE
                 "    tables:\n      orders: {target: o}\n      'log_*': {increment: id_only, exclude: ['*_old']}\n"
                 "      log_2024: {increment: full_sync}\n");
    assert_true(tables_need_listing(pick(NULL), some, 1));
    assert_string_equal(resolved(some, 1), "log_2023>log_2023/id_only log_2024>log_2024/full_sync");
    assert_string_equal(resolved(all, 1), "log_2023>log_2023/id_only log_2024>log_2024/full_sync orders>o/hybrid");
    assert_message(resolved(none, 1),
                   "not-found: the pattern 'cust*' matches no table of 'shop' that the pipeline lists");
    assert_loads(CONNECTIONS PIPELINE);
    assert_string_equal(resolved(none, 1), "customers>customers/hybrid");
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
    assert_loads(arena_print(&story.arena, CONNECTIONS PIPELINE TABLE "'%sb': {increment: id_only}\n", pattern.at));
    const char *const names[] = {name.at};
    assert_non_null(strstr(resolved(names, 1), "/hybrid"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_CASE(each_increment_has_its_own_mode),
        CONFIG_CASE(s85_append_with_an_update_cursor_is_refused_at_plan_time),
        CONFIG_CASE(what_is_read_again_is_merged),
        CONFIG_CASE(only_legal_pairs_of_increment_and_mode_are_taken),
        CONFIG_CASE(a_statement_says_what_its_columns_are),
        CONFIG_CASE(rows_without_a_cursor_are_merged_or_left_out),
        CONFIG_CASE(a_range_is_replaced_only_where_rows_stay_in_theirs),
        CONFIG_CASE(deletes_are_detected_where_the_rows_are_ones_own),
        CONFIG_CASE(what_is_wished_for_columns_becomes_one_list),
        CONFIG_CASE(what_makes_no_sense_in_a_table_is_refused),
        CONFIG_CASE(who_waits_for_nobody_or_in_a_circle_is_told_where),
        CONFIG_CASE(a_circle_that_patterns_make_is_found_when_their_tables_are_known),
        CONFIG_CASE(without_t_all_listed_tables_are_meant_in_their_order),
        CONFIG_CASE(a_named_table_takes_its_entry_its_pattern_or_the_defaults),
        CONFIG_CASE(a_pattern_that_is_wanted_means_the_tables_of_the_pipeline_that_it_matches),
        CONFIG_CASE(nothing_to_do_is_an_error_and_not_a_success),
        CONFIG_CASE(patterns_match_as_shells_do_without_classes),
        CONFIG_CASE(a_hostile_pattern_costs_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
