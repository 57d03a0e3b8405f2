/* Option tables: a struct filled from a file, the environment and flags, and what each mistake is told. */
#include "base/options.h"
#include "test.h"

enum colour { RED, GREEN, BLUE };
static const char *const colour_names[] = {"red", "green", "blue", NULL};

struct thing {
    const char *bucket, *folder;
    int64_t count, part_bytes, wait_ms;
    bool loud;
    enum colour colour;
    struct secret password;
    struct text_list columns;
    const struct yaml_node *rest;
    int64_t chunk_rows;
};

static const struct option thing_table[] = {
    OPTION("bucket", STRING, thing, bucket, .required = true, .help = "where objects are"),
    OPTION("folder", PATH, thing, folder, .help = "x"),
    OPTION("count", INT, thing, count, .preset = "4", .min = 1, .max = 16, .help = "x"),
    OPTION("part_size", SIZE, thing, part_bytes, .preset = "16MiB", .min = 5 << 20, .max = INT64_C(5) << 30,
           .help = "x"),
    OPTION("wait", DURATION, thing, wait_ms, .preset = "5s", .help = "x"),
    OPTION("loud", BOOL, thing, loud, .help = "x"),
    OPTION("colour", ENUM, thing, colour, .names = colour_names, .preset = "green", .help = "x"),
    OPTION("password", SECRET, thing, password, .help = "x"),
    OPTION("columns", LIST, thing, columns, .help = "x"),
    OPTION("rest", NODE, thing, rest, .help = "x"),
    OPTION("chunk.rows", INT, thing, chunk_rows, .preset = "10", .min = 1, .max = 99, .help = "x"),
};

static struct arena arena;
static struct thing thing;
static struct option_set set;

/* Fills in "${...}" by itself in brackets, and secrets by their own text. */
static RC fill_text(struct resolver *self, const struct yaml_node *node, struct arena *to, const char **ret,
                    struct error *err)
{
    *ret = strcmp(node->text, "${SEVEN}") == 0 ? "7" : strcmp(node->text, "${WORD}") == 0 ? "seven" : node->text;
    return RC_OK;
}
static RC fill_secret(struct resolver *self, const struct yaml_node *node, struct secret *ret, struct error *err)
{
    secret_set(ret, str(node->text));
    return RC_OK;
}
static struct resolver filling = {fill_text, fill_secret};

static RC read_with(const char *yaml, struct resolver *resolver, struct error *err)
{
    const struct yaml_node *root = NULL;
    options_release_secrets(&set);
    options_init(&set, OPTION_TABLE(thing_table), &thing, &arena);
    enum rc rc = yaml_parse(str(yaml), "conf/w.yml", &arena, &root, err);
    if (rc == RC_OK)
        rc = options_read(&set, root, "thing 'x'", "type", resolver, err);
    return rc == RC_OK ? options_check_required(&set, (struct where){"conf/w.yml", 1, 1}, "thing 'x'", err) : rc;
}

static void assert_refused(const char *yaml, const char *text, const char *todo)
{
    struct error err = {0};
    assert_int_equal(read_with(yaml, &filling, &err), RC_CONFIG);
    assert_string_equal(err.text, text);
    assert_string_equal(err.todo, todo);
}

static void assert_read(const char *yaml, struct resolver *resolver)
{
    struct error err = {0};
    if (read_with(yaml, resolver, &err) != RC_OK)
        fail_msg("%s", err.text);
}

static int begin(void **state)
{
    options_init(&set, OPTION_TABLE(thing_table), &thing, &arena);
    return 0;
}

static int end(void **state)
{
    options_release_secrets(&set);
    arena_release(&arena);
    return 0;
}

static void a_struct_is_filled_by_its_table(void **state)
{
    assert_read(
        "type: ignored\nbucket: b\nfolder: data/x\ncount: 16\npart_size: 8 MiB\nwait: 250ms\nloud: Yes\ncolour: blue\n"
        "password: hunter2\ncolumns: [a, 'b,c']\nrest: {any: thing}\nchunk: {rows: 12}\n",
        &filling);
    assert_string_equal(thing.bucket, "b");
    assert_string_equal(thing.folder, "conf/data/x");
    assert_int_equal(thing.count, 16);
    assert_int_equal(thing.part_bytes, 8 << 20);
    assert_int_equal(thing.wait_ms, 250);
    assert_true(thing.loud);
    assert_int_equal(thing.colour, BLUE);
    assert_string_equal(secret_reveal(&thing.password), "hunter2");
    assert_int_equal(thing.columns.count, 2);
    assert_string_equal(thing.columns.items[1], "b,c");
    assert_string_equal(yaml_find(thing.rest, "any")->text, "thing");
    assert_int_equal(thing.chunk_rows, 12);
}

static void what_is_not_said_has_its_default(void **state)
{
    assert_read("bucket: b\nchunk:\n", &filling);
    assert_int_equal(thing.count, 4);
    assert_int_equal(thing.part_bytes, 16 << 20);
    assert_int_equal(thing.wait_ms, 5000);
    assert_false(thing.loud);
    assert_int_equal(thing.colour, GREEN);
    assert_int_equal(thing.chunk_rows, 10);
    assert_null(thing.folder);
    assert_false(secret_is_set(&thing.password));
    assert_int_equal(thing.columns.count, 0);
}

static void s65_an_unknown_key_is_an_error_with_its_place_and_a_suggestion(void **state)
{
    const char *all = "the options here are: bucket, folder, count, part_size, wait, loud, colour, password, columns, "
                      "rest, chunk, type";
    assert_refused("count: 2\nbuket: b\n", "conf/w.yml:2:1: unknown option 'buket', did you mean 'bucket'?", all);
    assert_refused("bucket: b\nBucket: b\n", "conf/w.yml:2:1: unknown option 'Bucket', did you mean 'bucket'?", all);
    assert_refused("bucket: b\ncloumns: b\n", "conf/w.yml:2:1: unknown option 'cloumns', did you mean 'columns'?", all);
    assert_refused("bucket: b\nregion: b\n", "conf/w.yml:2:1: unknown option 'region'", all);
    assert_refused("bucket: b\nchunk.rows: 3\n", "conf/w.yml:2:1: unknown option 'chunk.rows'", all);
    assert_refused("bucket: b\n'': 3\n", "conf/w.yml:2:1: unknown option ''", all);
    assert_refused("bucket: b\nchunk:\n  row: 3\n", "conf/w.yml:3:3: unknown option 'row', did you mean 'rows'?",
                   "the options here are: rows");
}

static void a_wrong_value_is_told_by_place_and_by_what_would_be_right(void **state)
{
    assert_refused("bucket: b\ncount: many\n", "conf/w.yml:2:8: count: 'many' is not a whole number",
                   "count: x; without it: 4");
    assert_refused("bucket: b\npart_size: 5 apples\n",
                   "conf/w.yml:2:12: part_size: '5 apples' is not a size, such as 256MiB or 1GiB",
                   "part_size: x; without it: 16MiB");
    assert_refused("bucket: b\nwait: 5\n", "conf/w.yml:2:7: wait: '5' is not a duration, such as 5s, 10m or 250ms",
                   "wait: x; without it: 5s");
    assert_refused("bucket: b\nloud: maybe\n", "conf/w.yml:2:7: loud: 'maybe' is not true or false", "loud: x");
    assert_refused("bucket: b\ncolour: gren\n", "conf/w.yml:2:9: colour: 'gren' is not one of 'red', 'green' or 'blue'",
                   "did you mean 'green'?");
    assert_refused("bucket: b\ncolour: x\n", "conf/w.yml:2:9: colour: 'x' is not one of 'red', 'green' or 'blue'",
                   "colour: x; without it: green");
    assert_refused("bucket: b\nfolder: ''\n", "conf/w.yml:2:9: folder: is empty", "folder: x");
    assert_refused("bucket: ''\n", "conf/w.yml:1:9: bucket: is empty", "bucket: where objects are");
    assert_refused("bucket: [b]\n", "conf/w.yml:1:9: 'bucket' takes a single value, not a list",
                   "write it as 'bucket: VALUE'");
    assert_refused("bucket:\n", "conf/w.yml:1:8: 'bucket' has no value, it takes a single value",
                   "write it as 'bucket: VALUE'");
    assert_refused("bucket: b\ncolumns: [{a: b}]\n",
                   "conf/w.yml:2:11: 'columns' takes a text or a list of texts, not a map",
                   "write it as 'columns: [VALUE, VALUE]'");
    assert_refused("bucket: b\nchunk: 5\n", "conf/w.yml:2:8: 'chunk' takes a map, not a text",
                   "write it as 'chunk: {rows: ...}'; its options are: rows");
    assert_refused("- bucket\n", "conf/w.yml:1:1: thing 'x' takes a map of options, not a list",
                   "write its options as '{NAME: VALUE, NAME: VALUE}'; none at all is '{}'");
}

static void a_value_out_of_its_limits_is_told_the_limit(void **state)
{
    assert_refused("bucket: b\ncount: 0\n", "conf/w.yml:2:8: count: '0' is too small, at least 1",
                   "count: x; without it: 4");
    assert_refused("bucket: b\ncount: 17\n", "conf/w.yml:2:8: count: '17' is too large, at most 16",
                   "count: x; without it: 4");
    assert_refused("bucket: b\npart_size: 1MiB\n", "conf/w.yml:2:12: part_size: '1MiB' is too small, at least 5MiB",
                   "part_size: x; without it: 16MiB");
    assert_refused("bucket: b\npart_size: 6GiB\n", "conf/w.yml:2:12: part_size: '6GiB' is too large, at most 5GiB",
                   "part_size: x; without it: 16MiB");
    assert_refused("bucket: b\nchunk: {rows: 100}\n", "conf/w.yml:2:15: chunk.rows: '100' is too large, at most 99",
                   "chunk.rows: x; without it: 10");
}

static void a_required_option_that_is_missing_is_named_with_its_help(void **state)
{
    assert_refused("count: 2\n", "conf/w.yml:1:1: thing 'x' lacks 'bucket'", "add 'bucket': where objects are");
}

static void an_error_never_shows_a_secret_nor_a_value_from_a_variable(void **state)
{
    assert_refused("bucket: b\npassword: [hunter2]\n", "conf/w.yml:2:11: 'password' takes a single value, not a list",
                   "write it as 'password: VALUE'");
    assert_refused("bucket: b\ncount: ${WORD}\n", "conf/w.yml:2:8: count: '${WORD}' is not a whole number",
                   "count: x; without it: 4");
}

static void a_variable_is_judged_when_it_is_filled_in_and_not_before(void **state)
{
    assert_read("bucket: b\ncount: ${SEVEN}\npart_size: ${X}\ncolour: ${X}\nloud: ${X}\nfolder: ${X}/y\n", NULL);
    assert_int_equal(thing.count, 4);
    assert_string_equal(thing.folder, "${X}/y");
    assert_read("bucket: b\ncount: ${SEVEN}\n", &filling);
    assert_int_equal(thing.count, 7);
}

static const char *origin(const char *name) { return option_origin_text(option_origin_of(&set, name), &arena); }

static void flags_go_before_the_environment_and_that_before_the_file(void **state)
{
    struct error err = {0};
    assert_read("bucket: b\ncount: 2\nwait: 1s\n", &filling);
    assert_string_equal(origin("count"), "conf/w.yml:2:8");
    assert_string_equal(origin("part_size"), "default");
    assert_int_equal(options_set(&set, "count", "3", ORIGIN_ENVIRONMENT, "WAYBILL_COUNT", &err), RC_OK);
    assert_string_equal(origin("count"), "environment WAYBILL_COUNT");
    assert_int_equal(options_set(&set, "count", "4", ORIGIN_FLAG, "--count", &err), RC_OK);
    assert_int_equal(options_set(&set, "count", "5", ORIGIN_ENVIRONMENT, "WAYBILL_COUNT", &err), RC_OK);
    assert_int_equal(thing.count, 4);
    assert_string_equal(origin("count"), "--count");
    assert_string_equal(option_origin_of(&set, "count")->text, "4");
    assert_string_equal(option_origin_of(&set, "wait")->text, "1s");
    assert_true(option_is_given(&set, "count"));
    assert_false(option_is_given(&set, "loud"));
    assert_int_equal(options_set(&set, "count", "99", ORIGIN_FLAG, "--count", &err), RC_CONFIG);
    assert_string_equal(err.text, "--count: '99' is too large, at most 16");
    assert_string_equal(err.todo, "--count: x; without it: 4");
    assert_int_equal(options_set(&set, "password", "hunter2", ORIGIN_FLAG, "--password", &err), RC_OK);
    assert_string_equal(option_origin_of(&set, "password")->text, "***");
}

static void a_list_grows_by_repeated_flags_and_is_split_in_the_environment(void **state)
{
    struct error err = {0};
    assert_read("bucket: b\ncolumns: one\n", &filling);
    assert_int_equal(thing.columns.count, 1);
    assert_int_equal(options_set(&set, "columns", "a,b,,c", ORIGIN_ENVIRONMENT, "WAYBILL_COLUMNS", &err), RC_OK);
    assert_int_equal(thing.columns.count, 3);
    assert_string_equal(thing.columns.items[2], "c");
    for (int i = 0; i < 9; i++)
        assert_int_equal(options_set(&set, "columns", i == 8 ? "x,y" : "z", ORIGIN_FLAG, "--columns", &err), RC_OK);
    assert_int_equal(thing.columns.count, 9);
    assert_string_equal(thing.columns.items[8], "x,y");
}

static void a_value_can_be_inherited_with_its_origin(void **state)
{
    struct thing other;
    struct option_set child;
    assert_read("bucket: b\nwait: 7s\n", &filling);
    options_init(&child, OPTION_TABLE(thing_table), &other, &arena);
    options_inherit(&child, &set, "wait");
    assert_int_equal(other.wait_ms, 7000);
    assert_string_equal(option_origin_text(option_origin_of(&child, "wait"), &arena), "conf/w.yml:2:7");
}

static void a_name_is_suggested_only_when_it_is_near(void **state)
{
    static const char *const names[] = {"sync", "status", "watermark", "dw"};
    assert_string_equal(nearest_name("snyc", names, 4), "sync");
    assert_string_equal(nearest_name("STATUS", names, 4), "status");
    assert_string_equal(nearest_name("watermrak", names, 4), "watermark");
    assert_string_equal(nearest_name("dwh", names, 4), "dw");
    assert_null(nearest_name("backup", names, 4));
    assert_null(nearest_name("x", names, 4));
    assert_null(nearest_name("", names, 4));
    assert_null(nearest_name("a name that is much longer than every name could be", names, 4));
}

static void a_secret_is_wiped_when_it_is_given_back(void **state)
{
    struct secret secret = {0};
    char copy[] = "hunter2";
    assert_string_equal(secret_reveal(&secret), "");
    secret_set(&secret, str(copy));
    secret_set(&secret, S("hunter3"));
    assert_string_equal(secret_reveal(&secret), "hunter3");
    secret_release(&secret);
    assert_false(secret_is_set(&secret));
    wipe(copy, sizeof(copy));
    for (size_t i = 0; i < sizeof(copy); i++)
        assert_int_equal(copy[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests_here[] = {
        cmocka_unit_test_setup_teardown(a_struct_is_filled_by_its_table, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_said_has_its_default, begin, end),
        cmocka_unit_test_setup_teardown(s65_an_unknown_key_is_an_error_with_its_place_and_a_suggestion, begin, end),
        cmocka_unit_test_setup_teardown(a_wrong_value_is_told_by_place_and_by_what_would_be_right, begin, end),
        cmocka_unit_test_setup_teardown(a_value_out_of_its_limits_is_told_the_limit, begin, end),
        cmocka_unit_test_setup_teardown(a_required_option_that_is_missing_is_named_with_its_help, begin, end),
        cmocka_unit_test_setup_teardown(an_error_never_shows_a_secret_nor_a_value_from_a_variable, begin, end),
        cmocka_unit_test_setup_teardown(a_variable_is_judged_when_it_is_filled_in_and_not_before, begin, end),
        cmocka_unit_test_setup_teardown(flags_go_before_the_environment_and_that_before_the_file, begin, end),
        cmocka_unit_test_setup_teardown(a_list_grows_by_repeated_flags_and_is_split_in_the_environment, begin, end),
        cmocka_unit_test_setup_teardown(a_value_can_be_inherited_with_its_origin, begin, end),
        cmocka_unit_test_setup_teardown(a_name_is_suggested_only_when_it_is_near, begin, end),
        cmocka_unit_test_setup_teardown(a_secret_is_wiped_when_it_is_given_back, begin, end),
    };
    return cmocka_run_group_tests(tests_here, NULL, NULL);
}
