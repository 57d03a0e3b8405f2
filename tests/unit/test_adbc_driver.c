/* Drivers that are missing, old, strange or faulty: what is refused at once, and a COMMIT whose answer was lost. */
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit/duckdb_story.h"

static char faulty[512]; /* adbc_faults.so, beside this program */
static const char *duckdb;

static void use_fault(const char *fault, const char *at)
{
    setenv("FAULTS", fault, 1);
    setenv("FAULTS_AT", at, 1);
    duck_driver = faulty;
    duck_entry = "faults_init";
}

static int begin(void **state)
{
    use_fault("none", "0");
    return duck_begin_story(state);
}

static int end(void **state)
{
    duck_end_story(state);
    duck_driver = duckdb;
    duck_entry = "duckdb_adbc_init";
    return 0;
}

/* Opens the faulty driver as `type: adbc` does. */
static enum rc open_driver(struct load_story *s, const char *driver, const char *entry)
{
    static const char *names[] = {"path"};
    struct secret values[1] = {{0}};
    const struct secret_map settings = {names, values, 1};
    const struct opening with = {.clock = &duck_clock, .stop = &duck_stop};
    struct target *target = NULL;
    secret_set(&values[0], S(DUCK_PATH));
    const struct adbc_target_options options = {
        .driver = driver, .entry = entry, .shown = "adbc:faulty", .driver_todo = "fetch it", .settings = &settings};
    enum rc rc = adbc_target_open("dw", &options, &with, &target, &s->err);
    if (rc == RC_OK)
        target_free(target);
    secret_release(&values[0]);
    return rc;
}

static void a_driver_that_is_not_there_is_told_with_how_to_get_it(void **state)
{
    struct load_story *s = *state;
    assert_int_equal(open_driver(s, "/nowhere/libduckdb.so", "duckdb_adbc_init"), RC_CONFIG);
    SAYS("/nowhere/libduckdb.so");
    SAYS("fetch it");
    assert_string_equal(error_id(&s->err), "no-driver");
    assert_int_equal(open_driver(s, faulty, "AdbcDriverInit"), RC_CONFIG);
    SAYS("'AdbcDriverInit'");
    SAYS("entry");
    assert_int_equal(open_driver(s, "/etc/passwd", "AdbcDriverInit"), RC_CONFIG);
    SAYS("/etc/passwd");
}

static void drivers_that_cannot_do_what_a_load_needs_are_refused_at_open(void **state)
{
    static const struct {
        const char *fault, *says, *id;
    } cases[] = {
        {"stranger", "neither ADBC 1.1 nor 1.0", "no-driver"},
        {"no-transactions", "no transactions", "no-transactions"},
        {"other", "'Oracle'", "no-driver"},
    };
    struct load_story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        use_fault(cases[i].fault, "0");
        assert_int_equal(open_driver(s, faulty, "faults_init"), RC_CONFIG);
        SAYS(cases[i].says);
        assert_string_equal(error_id(&s->err), cases[i].id);
    }
}

static void a_setting_that_the_driver_does_not_know_is_told_by_its_name(void **state)
{
    static const char *names[] = {"path", "colour"};
    struct load_story *s = *state;
    struct secret values[2] = {{0}};
    const struct secret_map settings = {names, values, 2};
    const struct opening with = {.clock = &duck_clock};
    struct target *target = NULL;
    secret_set(&values[0], S(DUCK_PATH));
    secret_set(&values[1], S("s3cret"));
    const struct adbc_target_options options = {
        .driver = faulty, .entry = "faults_init", .shown = "adbc:faulty", .settings = &settings};
    assert_int_equal(adbc_target_open("dw", &options, &with, &target, &s->err), RC_CONFIG);
    SAYS("colour");
    assert_null(strstr(s->err.text, "s3cret"));
    secret_release(&values[0]);
    secret_release(&values[1]);
}

static void a_driver_of_version_1_0_will_do(void **state)
{
    struct load_story *s = *state;
    use_fault("old", "0");
    assert_int_equal(open_driver(s, faulty, "faults_init"), RC_OK);
    load_ready(s);
    load_whole(s, "", "w1", "1|ada\n");
    assert_string_equal(duck_query("SELECT * FROM orders"), "1|ada\n");
}

static void a_driver_that_takes_no_rows_in_bulk_is_told(void **state)
{
    struct load_story *s = *state;
    load_ready(s);
    use_fault("no-ingest", "0");
    assert_int_equal(load_bring(s, s->target, "", "w1", "1|ada\n"), RC_CONFIG);
    SAYS("in bulk");
    target_rollback(s->target);
}

/* Each call opens the driver anew, so the load's COMMIT is its first. */
static void S49_a_lost_answer_to_commit_is_unknown_and_the_same_move_tells(void **state)
{
    static const struct {
        const char *fault;
        enum rc rc;
        bool was_done;
    } cases[] = {
        {"lost-commit", RC_UNKNOWN, true}, {"cut-commit", RC_UNKNOWN, false}, {"refused-commit", RC_AGAIN, false}};
    struct load_story *s = *state;
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            const struct target_move move = {.prev = "", .waybill = "w1", .pos = "{}", .epoch = 1, .token = 1};
            bool moved = true;
            use_fault("none", "0");
            duck_run("DROP TABLE IF EXISTS orders; DROP TABLE IF EXISTS waybill_position");
            s->table.mode = mode;
            load_ready(s);
            use_fault(cases[i].fault, "1");
            OK(load_bring(s, s->target, "", "w1", "1|ada\n"));
            assert_int_equal(target_commit(s->target, &s->err), cases[i].rc);
            use_fault("none", "0");
            OK(target_reconnect(s->target, &s->err));
            OK(target_begin(s->target, &s->table, &move, &moved, &s->err));
            assert_int_equal(moved, !cases[i].was_done);
            target_rollback(s->target);
            assert_string_equal(duck_query("SELECT count(*) FROM orders"), cases[i].was_done ? "1\n" : "0\n");
        }
    }
}

static void rows_that_the_driver_loses_without_a_word_are_missed(void **state)
{
    struct load_story *s = *state;
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        use_fault("none", "0");
        duck_run("DROP TABLE IF EXISTS orders; DROP TABLE IF EXISTS waybill_position");
        s->table.mode = mode;
        load_ready(s);
        use_fault("lost-rows", "0");
        assert_int_equal(load_bring(s, s->target, "", "w1", "1|a\n2|b\n3|c\n4|d\n5|e\n"), RC_DATA);
        SAYS("took 3 rows");
        target_rollback(s->target);
    }
}

#define DRIVER_STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(int argc, char **argv)
{
    static const struct CMUnitTest stories[] = {
        DRIVER_STORY(a_driver_that_is_not_there_is_told_with_how_to_get_it),
        DRIVER_STORY(drivers_that_cannot_do_what_a_load_needs_are_refused_at_open),
        DRIVER_STORY(a_setting_that_the_driver_does_not_know_is_told_by_its_name),
        DRIVER_STORY(a_driver_of_version_1_0_will_do),
        DRIVER_STORY(a_driver_that_takes_no_rows_in_bulk_is_told),
        DRIVER_STORY(S49_a_lost_answer_to_commit_is_unknown_and_the_same_move_tells),
        DRIVER_STORY(rows_that_the_driver_loses_without_a_word_are_missed),
    };
    char self[400];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len < 0 || !duck_begin())
        return DUCKDB_MISSING;
    self[len] = '\0';
    snprintf(faulty, sizeof(faulty), "%s/adbc_faults.so", dirname(self));
    duckdb = duck_driver;
    setenv("FAULTS_DRIVER", duck_driver, 1);
    setenv("FAULTS_ENTRY", duck_entry, 1);
    int failed = cmocka_run_group_tests_name("ADBC drivers", stories, NULL, NULL);
    duck_end();
    return failed;
}
