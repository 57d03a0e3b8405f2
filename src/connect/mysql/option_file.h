/* What the MySQL clients' option file says of a connection, for what the configuration leaves open.
 *
 * Which: `defaults_file`, else ~/.my.cnf (MYSQL's clients' own), which need not be there, and is looked at only where
 * the configuration has no password or no user. Groups [client], [client-server], [client-mariadb] and [waybill], the
 * last word counts; of them user, password, database, host, port and socket. host, port and socket count only where the
 * configuration has neither host nor socket. Nothing else of the file does, TLS least of all, and "!include" is not
 * followed. A file that everybody may write is refused.
 *
 * A password that is in neither is taken from MYSQL_PWD. */
#pragma once

#include "connect/mysql/source.h"

enum { MYSQL_OPTION_FILE_BYTES_MAX = 1 << 20 };

/* What is filled in; texts of the arena, `password` its own. */
struct mysql_login {
    const char *host, *socket, *database, *user;
    int64_t port;
    struct secret password;
    const char *password_from; /* for people: "the configuration", "'/home/etl/.my.cnf'", "MYSQL_PWD", "nowhere" */
};
RC mysql_login_find(const struct mysql_options *options, const char *(*environment)(const char *name),
                    struct arena *arena, struct mysql_login *ret, struct error *err);
void mysql_login_release(struct mysql_login *self);
