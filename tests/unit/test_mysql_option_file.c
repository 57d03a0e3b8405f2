/* What the option file of MySQL's clients fills in, and what it does not. */
#include "connect/mysql/option_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "test.h"

static char folder[] = "/tmp/waybill-my-cnf-XXXXXX", path[64];
static const char *home, *of_environment;
static struct arena arena;

static const char *environment(const char *name)
{
    return text_eq(name, "HOME") ? home : text_eq(name, "MYSQL_PWD") ? of_environment : NULL;
}

static int begin(void **state)
{
    memset(folder + sizeof(folder) - 7, 'X', 6);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/.my.cnf", folder);
    home = folder;
    of_environment = NULL;
    return 0;
}

static int end(void **state)
{
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    arena_release(&arena);
    return 0;
}

static void write_file(const char *text)
{
    struct error err = {0};
    assert_int_equal(file_write_atomic(path, str(text), 0600, &err), RC_OK);
}

/* "user/password@host:port|socket/database from where", or the error. */
static const char *login_of(const struct mysql_options *options)
{
    AUTO_RELEASE(mysql_login) login = {0};
    struct error err = {0};
    if (mysql_login_find(options, environment, &arena, &login, &err) != RC_OK)
        return arena_print(&arena, "%s: %s", rc_name(err.rc), err.text);
    return arena_print(&arena, "%s/%s@%s:%d|%s/%s from %s", or_empty(login.user), secret_reveal(&login.password),
                       or_empty(login.host), (int)login.port, or_empty(login.socket), or_empty(login.database),
                       login.password_from);
}

static void what_the_configuration_leaves_open_is_filled_in(void **state)
{
    const struct mysql_options nothing = {0}, host = {.host = "db", .port = 3307}, user = {.host = "db", .user = "me"};
    assert_string_equal(login_of(&nothing), "/@:3306|/ from nowhere");
    write_file("# mine\n[mysqld]\nport = 1\n[client]\nuser = etl\npassword=\"p#w \\\"d\"  # old\nhost=h1\nport=3308\n"
               "database = shop\nssl-verify-server-cert=0\n[mysqldump]\npassword=no\n");
    assert_string_equal(login_of(&nothing), arena_print(&arena, "etl/p#w \"d@h1:3308|/shop from '%s'", path));
    /* An address is whole: the file's port belongs to the file's host. */
    assert_string_equal(login_of(&host), arena_print(&arena, "etl/p#w \"d@db:3307|/shop from '%s'", path));
    assert_string_equal(login_of(&user), arena_print(&arena, "me/p#w \"d@db:3306|/shop from '%s'", path));
}

static void the_last_of_our_groups_counts(void **state)
{
    const struct mysql_options nothing = {0};
    write_file("[client]\nuser=a\npassword = one\\\\two\\s\nsocket=/s\n[waybill]\nuser=b # "
               "me\n[client-server]\npassword='x y'\n");
    assert_string_equal(login_of(&nothing), arena_print(&arena, "b/x y@:3306|/s/ from '%s'", path));
}

static void a_password_of_the_configuration_is_never_replaced(void **state)
{
    struct mysql_options options = {.host = "db", .user = "me"};
    secret_set(&options.password, S("mine"));
    write_file("[client]\nuser=a\npassword=theirs\n");
    of_environment = "environments";
    assert_string_equal(login_of(&options), "me/mine@db:3306|/ from the configuration");
    options.user = NULL; /* the file is asked who, and for no more */
    assert_string_equal(login_of(&options), "a/mine@db:3306|/ from the configuration");
    options.user = "me";
    secret_release(&options.password);
    assert_string_equal(login_of(&options), arena_print(&arena, "me/theirs@db:3306|/ from '%s'", path));
    unlink(path);
    assert_string_equal(login_of(&options), "me/environments@db:3306|/ from MYSQL_PWD");
}

static void a_file_that_is_asked_for_has_to_be_there(void **state)
{
    struct mysql_options options = {.host = "db", .defaults_file = "/nowhere/my.cnf"};
    assert_non_null(strstr(login_of(&options), "config: the option file '/nowhere/my.cnf' cannot be read"));
    options.defaults_file = path;
    home = NULL;
    write_file("[client]\nuser=a\npassword=b\n");
    assert_string_equal(login_of(&options), arena_print(&arena, "a/b@db:3306|/ from '%s'", path));
}

static void a_file_that_others_may_write_and_a_port_that_is_none_are_refused(void **state)
{
    const struct mysql_options nothing = {0};
    write_file("[client]\nport=many\npassword=hush\n");
    assert_string_equal(login_of(&nothing),
                        arena_print(&arena, "config: the option file '%s': its 'port' is no port", path));
    assert_int_equal(chmod(path, 0666), 0);
    assert_string_equal(login_of(&nothing),
                        arena_print(&arena, "config: the option file '%s' may be written by everybody", path));
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(what_the_configuration_leaves_open_is_filled_in),
        STORY(the_last_of_our_groups_counts),
        STORY(a_password_of_the_configuration_is_never_replaced),
        STORY(a_file_that_is_asked_for_has_to_be_there),
        STORY(a_file_that_others_may_write_and_a_port_that_is_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
