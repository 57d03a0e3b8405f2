/* What ${VAR}, file: and cmd: stand for, and that nothing of it is ever shown. */
#include "io/secret_resolve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/subprocess.h"
#include "test.h"

static struct arena arena;
static struct secret_resolver resolver;
static char folder[] = "/tmp/waybill-secret-XXXXXX", file[64];

static const char *environment(const char *name)
{
    static const struct {
        const char *name, *value;
    } variables[] = {
        {"USER_1", "etl"},
        {"EMPTY", ""},
        {"STRONG", "cmd:$(rm -rf /); \"'`${USER_1}$$\\"},
        {"BAD", "\xff"},
    };
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        if (strcmp(variables[i].name, name) == 0)
            return variables[i].value;
    }
    return NULL;
}

static int begin(void **state)
{
    secret_resolver_init(&resolver, clock_real());
    resolver.environment = environment;
    memset(folder + sizeof(folder) - 7, 'X', 6);
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/w.yml", folder);
    return 0;
}

static int end(void **state)
{
    char path[64];
    arena_release(&arena);
    snprintf(path, sizeof(path), "%s/pw", folder);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

static void write_password(const char *text, size_t len)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/pw", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
}

static struct yaml_node node_of(const char *text)
{
    return (struct yaml_node){.kind = YAML_TEXT, .where = {file, 7, 13}, .text = text, .key = "password"};
}

static const char *text_of(const char *text)
{
    struct yaml_node node = node_of(text);
    struct error err = {0};
    const char *out = NULL;
    if (resolver.resolver.text(&resolver.resolver, &node, &arena, &out, &err) != RC_OK)
        fail_msg("%s", err.text);
    return out;
}

static const char *secret_of(const char *text)
{
    struct yaml_node node = node_of(text);
    struct error err = {0};
    struct secret secret = {0};
    if (resolver.resolver.secret(&resolver.resolver, &node, &secret, &err) != RC_OK)
        fail_msg("%s", err.text);
    const char *out = arena_text(&arena, secret_reveal(&secret));
    secret_release(&secret);
    return out;
}

/* The message without the folder's random name. */
static void assert_refused(bool as_secret, const char *text, enum rc rc, const char *message)
{
    struct yaml_node node = node_of(text);
    struct error err = {0};
    struct secret secret = {0};
    const char *out = NULL;
    enum rc got = as_secret ? resolver.resolver.secret(&resolver.resolver, &node, &secret, &err)
                            : resolver.resolver.text(&resolver.resolver, &node, &arena, &out, &err);
    AUTO_RELEASE(buf) short_text = {0};
    for (const char *at = err.text; *at != '\0';) {
        bool here = strncmp(at, folder, strlen(folder)) == 0;
        buf_add(&short_text, here ? "DIR" : at, here ? 3 : 1);
        at += here ? strlen(folder) : 1;
    }
    assert_string_equal(or_empty(short_text.at), message);
    assert_int_equal(got, rc);
    assert_false(secret_is_set(&secret));
    assert_null(strstr(err.text, "hunter2"));
    assert_null(strstr(err.todo, "hunter2"));
}

static void a_variable_is_filled_in_anywhere_and_a_doubled_dollar_is_one(void **state)
{
    assert_string_equal(text_of("plain"), "plain");
    assert_string_equal(text_of("x${USER_1}y${EMPTY}z"), "xetlyz");
    assert_string_equal(text_of("$${USER_1} costs $5, $$6 and $"), "${USER_1} costs $5, $6 and $");
    assert_string_equal(text_of("file:x"), "file:x");
    assert_string_equal(text_of("cmd:x"), "cmd:x");
}

static void s64_an_unset_variable_is_an_error_that_names_it_and_its_place(void **state)
{
    assert_refused(false, "${DB_PASSWORD}", RC_CONFIG,
                   "DIR/w.yml:7:13: the environment variable 'DB_PASSWORD' is not set");
    assert_refused(true, "x${DB_PASSWORD}", RC_CONFIG,
                   "DIR/w.yml:7:13: the environment variable 'DB_PASSWORD' is not set");
    assert_refused(true, "${EMPTY}", RC_CONFIG, "DIR/w.yml:7:13: 'password' is empty");
    assert_refused(true, "", RC_CONFIG, "DIR/w.yml:7:13: 'password' is empty");
    assert_refused(false, "${BAD}", RC_CONFIG, "DIR/w.yml:7:13: with its variables filled in, 'password' is not UTF-8");
}

static void s64_a_strong_password_is_taken_as_it_is(void **state)
{
    assert_string_equal(secret_of("${STRONG}"), "cmd:$(rm -rf /); \"'`${USER_1}$$\\");
    assert_string_equal(secret_of("${BAD}"), "\xff");
}

static void what_looks_like_a_variable_but_is_none_is_refused(void **state)
{
    static const char *const wrong[] = {"${", "${}", "${A", "${A-b}", "${1A}", "${A B}", "${A${USER_1}}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_refused(false, wrong[i], RC_CONFIG,
                       "DIR/w.yml:7:13: 'password': after ${ stands the name of a variable, then }");
}

static void a_secret_can_be_read_from_a_file_beside_the_configuration(void **state)
{
    write_password("hunter2\n", 8);
    assert_string_equal(secret_of("file:pw"), "hunter2");
    write_password("hunter2\n\n", 9);
    assert_string_equal(secret_of("file:pw"), "hunter2\n");
    assert_refused(true, "file:gone", RC_CONFIG,
                   "DIR/w.yml:7:13: 'password': opening the file 'DIR/gone': No such file or directory");
    assert_refused(true, "file:.", RC_FAILED, "DIR/w.yml:7:13: 'password': reading the file 'DIR/.': Is a directory");
    write_password("\n", 1);
    assert_refused(true, "file:pw", RC_CONFIG, "DIR/w.yml:7:13: 'password' is empty");
    write_password("hunter2\0x", 9);
    assert_refused(true, "file:pw", RC_CONFIG, "DIR/w.yml:7:13: 'password' holds a zero byte");
    assert_refused(
        true, "file:/dev/zero", RC_CONFIG,
        "DIR/w.yml:7:13: 'password': the file '/dev/zero' is longer than 65536 bytes, the most a secret may have");
}

static void a_secret_can_be_what_a_command_prints(void **state)
{
    write_password("hunter2\n", 8);
    assert_string_equal(secret_of("cmd:cat pw"), "hunter2");
    assert_string_equal(secret_of("cmd:printf '%s' \"$HOME\" | wc -l | tr -d ' '"), "0");
}

static void a_command_that_fails_is_told_without_its_output(void **state)
{
    assert_refused(true, "cmd:echo hunter2; echo hunter2 >&2; exit 3", RC_CONFIG,
                   "DIR/w.yml:7:13: 'password': the command ended with exit status 3");
    assert_refused(true, "cmd:echo hunter2; kill -9 $$", RC_CONFIG,
                   "DIR/w.yml:7:13: 'password': the command ended with exit status 137");
    assert_refused(true, "cmd:true", RC_CONFIG, "DIR/w.yml:7:13: 'password' is empty");
    assert_refused(true, "cmd:no-such-command-here", RC_CONFIG,
                   "DIR/w.yml:7:13: 'password': the command ended with exit status 127");
    assert_refused(true, "cmd:echo \"x$WAYBILL_TEST_UNSET\"", RC_CONFIG,
                   "DIR/w.yml:7:13: 'password': the command ended with exit status 2");
    assert_refused(true, "cmd:yes hunter2", RC_CONFIG, "DIR/w.yml:7:13: 'password': 'sh' wrote more than 65536 bytes");
}

static void a_command_that_hangs_is_stopped_with_its_children(void **state)
{
    resolver.cmd_deadline_ms = 200;
    int64_t before = clock_real()->mono_ms(clock_real());
    assert_refused(true, "cmd:sleep 60 & sleep 60", RC_UNAVAILABLE,
                   "DIR/w.yml:7:13: 'password': 'sh' was not done after 200 ms and was stopped");
    assert_refused(true, "cmd:exec >&-; sleep 60", RC_UNAVAILABLE,
                   "DIR/w.yml:7:13: 'password': 'sh' was not done after 200 ms and was stopped");
    assert_true(clock_real()->mono_ms(clock_real()) - before < 10000);
}

static void s62_children_of_a_command_that_hangs_end_with_it(void **state)
{
    char path[64];
    resolver.cmd_deadline_ms = 100;
    assert_refused(true, "cmd:(sleep 0.4; echo alive >pw) & sleep 60", RC_UNAVAILABLE,
                   "DIR/w.yml:7:13: 'password': 'sh' was not done after 100 ms and was stopped");
    clock_real()->sleep_ms(clock_real(), 600);
    snprintf(path, sizeof(path), "%s/pw", folder);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_command_that_cannot_be_started_says_why(void **state)
{
    AUTO_RELEASE(buf) out = {0};
    struct error err = {0};
    int status = 0;
    const char *const missing[] = {"waybill-no-such-program", "hunter2", NULL};
    struct subprocess command = {.argv = missing, .deadline_ms = 5000, .output_bytes_max = 100};
    assert_int_equal(subprocess_run(&command, clock_real(), &out, &status, &err), RC_NOT_FOUND);
    assert_string_equal(err.text, "'waybill-no-such-program' could not be started: No such file or directory");
    const char *const fine[] = {"sh", "-c", "cat; pwd", NULL};
    command = (struct subprocess){fine, "/", 5000, 100};
    assert_int_equal(subprocess_run(&command, clock_real(), &out, &status, &err), RC_OK);
    assert_string_equal(out.at, "/\n");
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests_here[] = {
        cmocka_unit_test_setup_teardown(a_variable_is_filled_in_anywhere_and_a_doubled_dollar_is_one, begin, end),
        cmocka_unit_test_setup_teardown(s64_an_unset_variable_is_an_error_that_names_it_and_its_place, begin, end),
        cmocka_unit_test_setup_teardown(s64_a_strong_password_is_taken_as_it_is, begin, end),
        cmocka_unit_test_setup_teardown(what_looks_like_a_variable_but_is_none_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_secret_can_be_read_from_a_file_beside_the_configuration, begin, end),
        cmocka_unit_test_setup_teardown(a_secret_can_be_what_a_command_prints, begin, end),
        cmocka_unit_test_setup_teardown(a_command_that_fails_is_told_without_its_output, begin, end),
        cmocka_unit_test_setup_teardown(a_command_that_hangs_is_stopped_with_its_children, begin, end),
        cmocka_unit_test_setup_teardown(s62_children_of_a_command_that_hangs_end_with_it, begin, end),
        cmocka_unit_test_setup_teardown(a_command_that_cannot_be_started_says_why, begin, end),
    };
    return cmocka_run_group_tests(tests_here, NULL, NULL);
}
