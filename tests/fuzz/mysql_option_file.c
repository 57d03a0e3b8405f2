/* ~/.my.cnf, or the file of `defaults_file`. (PostgreSQL's service and password files are read by libpq.) The input: a
 * byte that says what the configuration gives itself, and the file.
 *
 * Parser: src/connect/mysql/option_file.c
 * Bytes: 512 */
#include "connect/mysql/option_file.h"
#include "fuzz.h"

static const char *environment(const char *name) { return strcmp(name, "MYSQL_PWD") == 0 ? "hush" : NULL; }

static void check_text(const char *text) { assert(text == NULL || str_is_utf8(str(text))); }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    AUTO_RELEASE(arena) arena = {0};
    struct mysql_login login = {0};
    struct error err = {0};
    uint8_t given = fuzz_byte(&in);
    struct mysql_options options = {.defaults_file = fuzz_file(0, fuzz_rest(&in)),
                                    .host = given & 1 ? "db" : NULL,
                                    .socket = given & 2 ? "/run/db" : NULL,
                                    .user = given & 4 ? "etl" : NULL,
                                    .port = given & 8 ? 3307 : 0};
    enum rc rc = mysql_login_find(&options, environment, &arena, &login, &err);
    fuzz_check(rc, &err);
    if (rc == RC_OK) {
        assert(login.port >= 1 && login.port <= 65535 && secret_is_set(&login.password) && login.password_from != NULL);
        assert(options.user == NULL || login.user == options.user);
        assert((options.host == NULL && options.socket == NULL) ||
               (login.host == options.host && login.socket == options.socket));
        check_text(login.host);
        check_text(login.socket);
        check_text(login.user);
        check_text(login.database);
    }
    mysql_login_release(&login);
    return 0;
}
