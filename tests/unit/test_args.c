/* The command line: verbs, flags, the environment, and what each mistake is told. */
#include "cli/args.h"
#include "cli/help.h"
#include "cli/sync_flags.h"
#include "test.h"

struct set_flags {
    const char *table;
    int64_t id;
};
static const struct option set_table[] = {
    OPTION("table", STRING, set_flags, table, .required = true, .letter = 't', .argument = "NAME",
           .help = "table of the source"),
    OPTION("id", INT, set_flags, id, .min = INT64_MIN, .max = INT64_MAX, .help = "last id"),
};

static const struct command sync_command = {
    .path = "sync pipeline",
    .also = "sync",
    .group = GROUP_MOVE,
    .summary = "Moves rows",
    .flags = &sync_flags,
    .flags_bytes = sizeof(struct sync_flags),
    .check = sync_flags_check,
};
static const struct command set_command = {
    .path = "watermark set",
    .group = GROUP_MARK,
    .summary = "Sets a mark",
    .flags = &OPTION_TABLE(set_table),
    .flags_bytes = sizeof(struct set_flags),
    .examples = "  waybill watermark set -t orders --id 5\n",
};
static const struct command get_command = {.path = "watermark get", .group = GROUP_MARK, .summary = "Shows a mark"};
static const struct command check_command = {
    .path = "check",
    .group = GROUP_LOOK,
    .summary = "Checks connections",
    .words = "CONNECTION",
    .words_min = 1,
    .words_max = 1,
};
static const struct command *const commands[] = {&sync_command, &set_command, &get_command, &check_command, NULL};

static struct cli cli;
static const char *variables[8][2];

static const char *environment(const char *name)
{
    for (int i = 0; i < 8 && variables[i][0] != NULL; i++) {
        if (strcmp(variables[i][0], name) == 0)
            return variables[i][1];
    }
    return NULL;
}

static int begin(void **state)
{
    memset(variables, 0, sizeof(variables));
    return 0;
}

static int end(void **state)
{
    arena_release(&cli.arena);
    return 0;
}

/* Splits at blanks. */
static RC parse(const char *line, struct error *err)
{
    enum { ARGS_MAX = 64 };
    const char *argv[ARGS_MAX] = {"waybill"};
    int argc = 1;
    arena_release(&cli.arena);
    cli = (struct cli){.commands = commands, .environment = environment};
    for (const char *at = line; *at != '\0';) {
        size_t len = strcspn(at, " ");
        argv[argc++] = arena_str(&cli.arena, (struct str){at, len});
        at += len + (at[len] == ' ');
    }
    return args_parse(&cli, argc, argv, err);
}

static const void *parsed(const char *line)
{
    struct error err = {0};
    if (parse(line, &err) != RC_OK)
        fail_msg("%s", err.text);
    return cli.flags;
}

static void assert_refused(const char *line, const char *text, const char *todo)
{
    struct error err = {0};
    assert_int_equal(parse(line, &err), RC_CONFIG);
    assert_string_equal(err.text, text);
    assert_string_equal(err.todo, todo);
}

static void some_flags_need_no_value_and_take_a_number(void **state)
{
    const struct sync_flags *f = parsed("sync --parallel --wait -t a");
    assert_int_equal(f->parallel, 0);
    assert_true(option_is_given(&cli.set, "parallel"));
    assert_int_equal(f->wait_ms, 24 * 3600 * 1000);
    f = parsed("sync --parallel 8 --wait 90s");
    assert_int_equal(f->parallel, 8);
    assert_int_equal(f->wait_ms, 90000);
    f = parsed("sync -s intra-table --parallel=3");
    assert_int_equal(f->strategy, STRATEGY_INTRA_TABLE);
    assert_int_equal(f->parallel, 3);
    f = parsed("sync --wait=90s --parallel");
    assert_int_equal(f->wait_ms, 90000);
}

static void flags_are_read_in_every_form_and_order(void **state)
{
    const struct sync_flags *f =
        parsed("--output json sync --config=x.yml pipeline -p us -t a --table=b -tc --limit 10 --max-chunks=3 "
               "--backup-only --json-output - --max-memory 128MiB -q -s sequential");
    assert_ptr_equal(cli.command, &sync_command);
    assert_string_equal(f->pipeline, "us");
    assert_int_equal(f->tables.count, 3);
    assert_string_equal(f->tables.items[2], "c");
    assert_int_equal(f->limit, 10);
    assert_int_equal(f->max_chunks, 3);
    assert_true(f->backup_only);
    assert_false(f->dry_run);
    assert_string_equal(f->json_output, "-");
    assert_int_equal(cli.global.output, OUTPUT_JSON);
    assert_string_equal(cli.global.config, "x.yml");
    assert_int_equal(cli.global.max_memory_bytes, 128 << 20);
    assert_true(cli.global.quiet);
    assert_int_equal(cli.word_count, 0);
}

static void the_short_verb_of_the_seeds_is_the_long_one(void **state)
{
    const struct sync_flags *f = parsed("sync -t table_name -s sequential --limit 5 --redshift-only=no");
    assert_ptr_equal(cli.command, &sync_command);
    assert_int_equal(f->limit, 5);
    assert_false(f->redshift_only);
}

static void words_follow_the_verb_and_two_dashes_end_the_flags(void **state)
{
    parsed("check shop");
    assert_int_equal(cli.word_count, 1);
    assert_string_equal(cli.words[0], "shop");
    parsed("check -- --shop");
    assert_string_equal(cli.words[0], "--shop");
    const struct set_flags *f = parsed("watermark set -t x --id -5");
    assert_int_equal(f->id, -5);
}

static void what_is_not_a_command_is_told_the_nearest(void **state)
{
    const char *list = "'waybill --help' lists the commands";
    assert_refused("snyc pipeline", "there is no command 'snyc pipeline', did you mean 'sync pipeline'?", list);
    assert_refused("snyc", "there is no command 'snyc', did you mean 'sync pipeline'?", list);
    assert_refused("pipeline sync -p shop", "there is no command 'pipeline sync', did you mean 'sync pipeline'?", list);
    assert_refused("sync pipline -t x", "there is no command 'sync pipline', did you mean 'sync pipeline'?",
                   "a table is named with -t: waybill sync pipeline -t pipline");
    assert_refused("chekc", "there is no command 'chekc', did you mean 'check'?", list);
    assert_refused("frobnicate all", "there is no command 'frobnicate all'", list);
    assert_refused("watermark", "'watermark' is only the beginning of a command",
                   "after 'watermark' follows one of: set, get");
    assert_refused("watermark gte -t x", "there is no command 'watermark gte', did you mean 'watermark get'?",
                   "after 'watermark' follows one of: set, get");
}

static void what_is_not_a_flag_is_told_the_nearest(void **state)
{
    assert_refused("sync pipeline --tabel x", "'sync pipeline' has no flag '--tabel', did you mean '--table'?",
                   "'waybill sync pipeline --help' lists them");
    assert_refused("check shop --ouput=json", "'check' has no flag '--ouput', did you mean '--output'?",
                   "'waybill check --help' lists them");
    assert_refused("check shop -t x", "'check' has no flag '-t'", "'waybill check --help' lists them");
    assert_refused("check shop -qx", "'check' has no flag '-qx'", "'waybill check --help' lists them");
    assert_refused("--limit 5", "'waybill' has no flag '--limit'",
                   "flags of a verb stand behind it; 'waybill --help' lists the verbs");
}

static void a_flag_without_its_value_does_not_eat_the_next_flag(void **state)
{
    assert_refused("sync -p", "'-p' needs a value", "-p: pipeline; the only one, or the default one, without");
    assert_refused("sync --limit --dry-run", "'--limit' needs a value, but is followed by --dry-run",
                   "--limit: extract at most N rows of each table");
    assert_string_equal(((const struct sync_flags *)parsed("sync --pipeline=--odd"))->pipeline, "--odd");
}

static void a_wrong_value_names_its_flag(void **state)
{
    assert_refused("sync --limit many", "--limit: 'many' is not a whole number",
                   "--limit: extract at most N rows of each table");
    assert_refused("sync --limit 0", "--limit: '0' is too small, at least 1",
                   "--limit: extract at most N rows of each table");
    assert_refused("sync --dry-run=perhaps", "--dry-run: 'perhaps' is not true or false",
                   "--dry-run: say what would be done, and change nothing anywhere");
    assert_refused("sync --max-memory 12X", "--max-memory: '12X' is not a size, such as 256MiB or 1GiB",
                   "--max-memory: budget of a run's buffers, 256MiB where nothing is said");
    assert_refused("sync --max-memory 1MiB", "--max-memory: '1MiB' is too small, at least 64MiB",
                   "--max-memory: budget of a run's buffers, 256MiB where nothing is said");
    assert_refused("sync --output yaml", "--output: 'yaml' is not one of 'text' or 'json'",
                   "--output: what goes to standard output; without it: text");
    assert_refused("sync --progress ber", "--progress: 'ber' is not one of 'auto', 'bar', 'log', 'json' or 'none'",
                   "did you mean 'bar'?");
    assert_refused("sync -p \xff", "-p: the value is not UTF-8", "");
}

static void words_and_flags_that_are_missing_or_too_many_are_told(void **state)
{
    assert_refused("check", "'check' needs CONNECTION", "'waybill check --help' shows what it takes");
    assert_refused("check a b", "'check' cannot do anything with 'b'", "'waybill check --help' shows what it takes");
    assert_refused("sync pipeline orders", "'sync pipeline' cannot do anything with 'orders'",
                   "a table is named with -t: waybill sync pipeline -t orders");
    assert_refused("watermark set", "'watermark set' needs -t or --table", "add --table NAME: table of the source");
}

static void each_flag_is_a_variable_and_the_flag_goes_first(void **state)
{
    const char *const set[][2] = {
        {"WAYBILL_MAX_CHUNKS", "7"}, {"WAYBILL_LIMIT", "9"},     {"WAYBILL_DRY_RUN", "1"},
        {"WAYBILL_TABLE", "a,b"},    {"WAYBILL_OUTPUT", "json"}, {"WAYBILL_PIPELINE", ""},
    };
    memcpy(variables, set, sizeof(set));
    const struct sync_flags *f = parsed("sync --limit 3 --dry-run=false");
    assert_int_equal(f->max_chunks, 7);
    assert_int_equal(f->limit, 3);
    assert_false(f->dry_run);
    assert_int_equal(f->tables.count, 2);
    assert_null(f->pipeline);
    assert_int_equal(cli.global.output, OUTPUT_JSON);
    assert_string_equal(option_origin_text(option_origin_of(&cli.set, "max-chunks"), &cli.arena),
                        "environment WAYBILL_MAX_CHUNKS");
    f = parsed("sync -t c");
    assert_int_equal(f->tables.count, 1);
    assert_true(f->dry_run);
    variables[0][1] = "x";
    assert_refused("sync", "WAYBILL_MAX_CHUNKS: 'x' is not a whole number",
                   "WAYBILL_MAX_CHUNKS: extract at most M chunks of each table");
}

static void flags_that_contradict_each_other_are_refused(void **state)
{
    assert_refused(
        "sync --backup-only --redshift-only",
        "--backup-only and --redshift-only contradict each other: one leaves out the load, the other everything else",
        "leave one of the two out");
    assert_refused("sync --redshift-only --limit 5",
                   "--redshift-only and --limit contradict each other: a limit bounds what is extracted; a load "
                   "applies all waybills that wait",
                   "leave one of the two out");
    assert_refused("sync --redshift-only --max-chunks 5",
                   "--redshift-only and --max-chunks contradict each other: it bounds what is extracted; a load "
                   "applies all waybills that wait",
                   "leave one of the two out");
    assert_refused("sync --redshift-only --full-refresh",
                   "--redshift-only and --full-refresh contradict each other: a refresh reads the source",
                   "leave one of the two out");
    assert_refused(
        "sync --full-refresh --limit 5",
        "--full-refresh and --limit contradict each other: rows beyond the bound would be gone from the target",
        "leave one of the two out");
    assert_refused("sync -s sequential --parallel",
                   "--parallel and --strategy sequential contradict each other: one "
                   "table after the other is none at once",
                   "leave one of the two out");
    const struct sync_flags *f = parsed("sync --limit 5");
    struct error err = {0};
    assert_int_equal(sync_flags_check_table(f, &(struct table_config){.name = "t", .mode = MODE_MERGE}, &err), RC_OK);
    assert_int_equal(sync_flags_check_table(f, &(struct table_config){.name = "t", .mode = MODE_REPLACE}, &err),
                     RC_CONFIG);
    assert_string_equal(err.text, "table 't' is loaded with 'mode: replace', which --limit contradicts: rows beyond "
                                  "the limit would be gone from the target");
}

static void help_is_given_whatever_else_is_wrong(void **state)
{
    parsed("sync --limit many --help");
    assert_true(cli.wants_help);
    assert_ptr_equal(cli.command, &sync_command);
    parsed("--help");
    assert_true(cli.wants_help && cli.command == NULL);
    parsed("watermark --help");
    assert_true(cli.wants_help && cli.command == NULL && cli.word_count == 1);
    parsed("-h watermark set");
    assert_true(cli.wants_help && cli.command == &set_command);
    parsed("");
    assert_true(!cli.wants_help && cli.command == NULL);
}

static void who_reads_json_is_told_in_json_that_the_command_was_wrong(void **state)
{
    struct error err = {0};
    assert_int_equal(parse("snyc --output json", &err), RC_CONFIG);
    assert_true(cli_is_json(&cli));
    assert_int_equal(parse("sync --bogus --output=json", &err), RC_CONFIG);
    assert_true(cli_is_json(&cli));
}

static char *shown(const struct command *command)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (command != NULL)
        help_command(command, out);
    else
        help_overview(commands, out);
    fclose(out);
    return text;
}

static void help_is_made_of_the_tables(void **state)
{
    char *all = shown(NULL), *one = shown(&set_command);
    assert_non_null(strstr(all, "\nmove rows\n  sync pipeline               Moves rows\n"));
    assert_non_null(strstr(all, "\nmarks and leases\n  watermark set               Sets a mark\n  watermark get "));
    assert_null(strstr(all, "clean up"));
    assert_non_null(strstr(one, "usage: waybill watermark set [FLAGS]\n"));
    assert_non_null(strstr(one, "  -t, --table NAME            table of the source (required)\n"));
    assert_non_null(strstr(one, "      --id VALUE              last id\n"));
    assert_non_null(strstr(one, "--output text|json      what goes to standard output (default text)\n"));
    assert_non_null(strstr(one, "\nexamples\n  waybill watermark set -t orders --id 5\n"));
    free(all);
    free(one);
}

/* The real table: every verb's flags must be sane, and no letter may stand for two things. */
static void no_flag_of_a_verb_hides_a_global_one(void **state)
{
#define COMMAND_ADDRESS(name) &name,
    static const struct command *const real[] = {COMMANDS(COMMAND_ADDRESS) NULL};
    for (int c = 0; real[c] != NULL; c++) {
        struct option_table flags = real[c]->flags != NULL ? *real[c]->flags : (struct option_table){0};
        for (int i = 0; i < flags.count; i++) {
            assert_null(option_find(global_flags, flags.options[i].name));
            assert_true(flags.options[i].letter == '\0' ||
                        (flags.options[i].letter != 'q' && flags.options[i].letter != 'h'));
            for (int j = 0; j < i; j++)
                assert_true(flags.options[i].letter == '\0' || flags.options[i].letter != flags.options[j].letter);
            char name[ENVIRONMENT_NAME];
            environment_name(flags.options[i].name, name);
            assert_true(strlen(name) < ENVIRONMENT_NAME - 1);
        }
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests_here[] = {
        CASE(flags_are_read_in_every_form_and_order),
        CASE(some_flags_need_no_value_and_take_a_number),
        CASE(the_short_verb_of_the_seeds_is_the_long_one),
        CASE(words_follow_the_verb_and_two_dashes_end_the_flags),
        CASE(what_is_not_a_command_is_told_the_nearest),
        CASE(what_is_not_a_flag_is_told_the_nearest),
        CASE(a_flag_without_its_value_does_not_eat_the_next_flag),
        CASE(a_wrong_value_names_its_flag),
        CASE(words_and_flags_that_are_missing_or_too_many_are_told),
        CASE(each_flag_is_a_variable_and_the_flag_goes_first),
        CASE(flags_that_contradict_each_other_are_refused),
        CASE(help_is_given_whatever_else_is_wrong),
        CASE(who_reads_json_is_told_in_json_that_the_command_was_wrong),
        CASE(help_is_made_of_the_tables),
        CASE(no_flag_of_a_verb_hides_a_global_one),
    };
    return cmocka_run_group_tests(tests_here, NULL, NULL);
}
