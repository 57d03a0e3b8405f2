#include "mysql_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

enum { TEXT = 512, START_TRIES = 600 };

static char folder[] = "/tmp/waybill-mysql-XXXXXX", answer[4096];
static char datadir[TEXT], socket_path[TEXT / 2], socket_flag[TEXT], pid_flag[TEXT], port_flag[TEXT], cert_flag[TEXT],
    key_flag[TEXT];
static const char *zone = "XST-9";
static int port;
static pid_t server;
atomic_int server_stop;
bool server_in_text;

static const char *program(const char *name)
{
    static const char *const folders[] = {"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"};
    static char path[TEXT];
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    return ntohs(at.sin_port);
}

/* argv[0] is the program's path; its output goes to `folder`/log. */
static pid_t spawn(const char *const argv[])
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    char log[TEXT];
    snprintf(log, sizeof(log), "%s/log", folder);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies leaves no server */
    setenv("TZ", zone, 1);
    setenv("TMPDIR", folder, 1); /* a server that starts takes away all temporary tables of its folder, also others' */
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void run_program(const char *const argv[])
{
    int status = -1;
    assert_int_equal(waitpid(spawn(argv), &status, 0) > 0, 1);
    if (status != 0)
        print_error("%s ended with %d; see %s/log\n", argv[0], status, folder);
    assert_int_equal(status, 0);
}

static void make_certificate(void)
{
    char cert[TEXT / 2], key[TEXT / 2];
    snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
    snprintf(key, sizeof(key), "%s/key.pem", folder);
    snprintf(cert_flag, sizeof(cert_flag), "--ssl-cert=%s", cert);
    snprintf(key_flag, sizeof(key_flag), "--ssl-key=%s", key);
    run_program((const char *[]){"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                                 "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                                 "-keyout", key, "-out", cert, NULL});
}

static void start(void)
{
    const char *user = getuid() == 0 ? "--user=root" : "--skip-slave-start";
    server = spawn((const char *[]){program("mariadbd"),
                                    "--no-defaults",
                                    datadir,
                                    socket_flag,
                                    pid_flag,
                                    port_flag,
                                    "--bind-address=127.0.0.1",
                                    user,
                                    cert_flag,
                                    key_flag,
                                    "--skip-log-bin",
                                    "--innodb-flush-log-at-trx-commit=0",
                                    "--innodb-buffer-pool-size=256M",
                                    "--innodb-log-file-size=256M",
                                    "--innodb-flush-method=nosync",
                                    "--innodb-stats-auto-recalc=0",
                                    "--max-allowed-packet=256M",
                                    "--skip-name-resolve",
                                    "--character-set-server=utf8mb4",
                                    "--performance-schema=0",
                                    NULL});
    for (int i = 0; i < START_TRIES; i++) {
        MYSQL *app = mysql_init(NULL);
        bool up = mysql_real_connect(app, NULL, "root", "", NULL, 0, socket_path, 0) != NULL;
        mysql_close(app);
        if (up)
            return;
        usleep(50 * 1000);
    }
    fail_msg("the server does not start; see %s/log", folder);
}

static void end(int signal)
{
    kill(server, signal);
    waitpid(server, NULL, 0);
    server = 0;
}

bool server_enter(void)
{
    if (program("mariadbd") == NULL || program("mariadb-install-db") == NULL) {
        print_message("SKIPPED: no MariaDB server is installed (apt-get install mariadb-server); nothing of the MySQL "
                      "source was tested\n");
        return false;
    }
    assert_non_null(mkdtemp(folder));
    snprintf(datadir, sizeof(datadir), "--datadir=%s/data", folder);
    snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
    snprintf(socket_flag, sizeof(socket_flag), "--socket=%s", socket_path);
    snprintf(pid_flag, sizeof(pid_flag), "--pid-file=%s/pid", folder);
    port = free_port();
    snprintf(port_flag, sizeof(port_flag), "--port=%d", port);
    make_certificate();
    run_program((const char *[]){program("mariadb-install-db"), "--no-defaults", datadir,
                                 "--auth-root-authentication-method=normal", "--skip-test-db",
                                 getuid() == 0 ? "--user=root" : "--force", NULL});
    start();
    return true;
}

void server_leave(void)
{
    end(SIGTERM);
    run_program((const char *[]){"/bin/rm", "-rf", folder, NULL});
}

void server_restart(void)
{
    end(SIGTERM);
    start();
}

void server_restart_in(const char *new_zone)
{
    zone = new_zone;
    server_restart();
}

const char *server_folder(void) { return folder; }

MYSQL *server_app(void)
{
    MYSQL *app = mysql_init(NULL);
    mysql_options(app, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (mysql_real_connect(app, NULL, "root", "", NULL, 0, socket_path, CLIENT_MULTI_STATEMENTS) == NULL)
        fail_msg("%s", mysql_error(app));
    server_run(app, "CREATE DATABASE IF NOT EXISTS shop; USE shop; SET sql_mode = '', time_zone = '+00:00'");
    return app;
}

void server_clear(MYSQL *app) { server_run(app, "DROP DATABASE IF EXISTS shop; CREATE DATABASE shop; USE shop"); }

void server_run(MYSQL *app, const char *sql)
{
    int more = mysql_real_query(app, sql, strlen(sql)) == 0 ? 0 : 1;
    while (more == 0) {
        MYSQL_RES *rows = mysql_store_result(app);
        mysql_free_result(rows);
        more = mysql_next_result(app);
    }
    if (mysql_errno(app) != 0)
        fail_msg("%.200s: %s", sql, mysql_error(app));
}

void server_runf(MYSQL *app, const char *format, ...)
{
    char sql[16 << 10];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    server_run(app, sql);
}

const char *server_ask(MYSQL *app, const char *sql)
{
    if (mysql_query(app, sql) != 0)
        fail_msg("%.200s: %s", sql, mysql_error(app));
    MYSQL_RES *rows = mysql_store_result(app);
    MYSQL_ROW row = mysql_fetch_row(rows);
    snprintf(answer, sizeof(answer), "%s", row != NULL && row[0] != NULL ? row[0] : "");
    mysql_free_result(rows);
    return answer;
}

struct mysql_options server_options(void)
{
    return (struct mysql_options){.socket = socket_path,
                                  .database = "shop",
                                  .user = "root",
                                  .port = port,
                                  .text_only = server_in_text,
                                  .connect_ms = 5000,
                                  .read_ms = 20000,
                                  .connections = 2};
}

struct mysql_options server_tcp_options(void)
{
    struct mysql_options options = server_options();
    options.socket = NULL;
    options.host = "127.0.0.1";
    return options;
}

struct source *server_source(int rows)
{
    struct mysql_options options = server_options();
    struct opening with = {.clock = clock_real(), .random = random_real(), .stop = &server_stop};
    struct source *source = NULL;
    struct error err;
    options.batch_rows = rows;
    server_stop = 0;
    if (mysql_source_open("shop", &options, &with, &source, &err) != RC_OK)
        fail_msg("%s", err.text);
    return source;
}
