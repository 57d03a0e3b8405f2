/* A MariaDB server of the test's own, on a temporary folder, and an application beside the source. It is nine hours
 * ahead of UTC, so that nothing that mixes zones goes unseen. */
#pragma once

#include <mysql.h>
#include <signal.h>
#include <stdatomic.h>

#include "connect/mysql/source.h"

/* Starts it, once for the program; false: no server is installed, and it was said loudly. */
bool server_enter(void);
void server_leave(void);
/* Ends the process that the server is (SIGTERM), and starts another on the same folder. */
void server_restart(void);
void server_restart_in(const char *zone); /* as TZ has it, POSIX form: no zone files are needed */

extern atomic_int server_stop;
extern bool server_in_text; /* sources read rows in the text protocol, and not in the binary one */

/* A new connection as root, in the database `shop`. */
MYSQL *server_app(void);
/* An empty database `shop`. */
void server_clear(MYSQL *app);
/* Runs statements parted by ';'; a failure fails the test. */
void server_run(MYSQL *app, const char *sql);
void server_runf(MYSQL *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The first value of the first row, or "". Lives until the next call. */
const char *server_ask(MYSQL *app, const char *sql);

/* Root's options over the Unix socket; and over TCP. */
struct mysql_options server_options(void);
struct mysql_options server_tcp_options(void);
/* Opens a source; a failure fails the test. rows 0: the default batch. */
struct source *server_source(int rows);
const char *server_folder(void);
