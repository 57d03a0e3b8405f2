#include "unit/postgres_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "world/folder.h"

struct postgres_server postgres;
static struct pq *admin;
static struct buf answer;

/* The newest that is installed. */
static bool find_programs(char *ret, size_t size)
{
    glob_t found;
    bool is_there = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0 && found.gl_pathc > 0;
    if (is_there) {
        const char *path = found.gl_pathv[found.gl_pathc - 1];
        snprintf(ret, size, "%.*s", (int)(strlen(path) - strlen("/initdb")), path);
    }
    globfree(&found);
    return is_there;
}

static void become_somebody(void)
{
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() != 0)
        return;
    if (user == NULL)
        user = getpwnam("nobody");
    if (user == NULL || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
        _exit(99);
}

static void give_folder(void)
{
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() != 0)
        return;
    if (user == NULL)
        user = getpwnam("nobody");
    assert_true(user != NULL && chown(postgres.folder, user->pw_uid, user->pw_gid) == 0);
}

/* In a process of its own, which ends when this one does; its words go to the folder's log. */
static pid_t run_program(const char *const *argv)
{
    char log[160];
    snprintf(log, sizeof(log), "%s/log", postgres.folder);
    pid_t parent = getpid(), pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    become_somebody();
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir("/") != 0 || prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0 ||
        getppid() != parent)
        _exit(98);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(97);
}

static int64_t free_port(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(any);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&any, len) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &len), 0);
    close(fd);
    return ntohs(any.sin_port);
}

struct pq_address postgres_address(void)
{
    return (struct pq_address){.host = postgres.folder, .port = postgres.port, .database = "postgres", .user = "admin"};
}

static bool connect_admin(void)
{
    struct pq_address address = postgres_address();
    struct error err = {0};
    for (int attempt = 0; attempt < 200; attempt++) {
        if (pq_open(&address, clock_real(), NULL, &admin, &err) == RC_OK)
            return true;
        usleep(50000);
    }
    print_error("PostgreSQL does not answer: %s\n", err.text);
    return false;
}

static void initialise(const char *programs, const char *data)
{
    char initdb[256];
    int status = -1;
    snprintf(initdb, sizeof(initdb), "%s/initdb", programs);
    const char *const argv[] = {initdb,      "-D",
                                data,        "-U",
                                "admin",     "-A",
                                "trust",     "-E",
                                "UTF8",      "--locale=C.UTF-8",
                                "--no-sync", "--no-instructions",
                                NULL};
    pid_t pid = run_program(argv);
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* The user `locked` needs a password; everybody else of this machine is let in. */
static void let_in(const char *data)
{
    folder_write(data, "pg_hba.conf",
                 S("host all locked 127.0.0.1/32 scram-sha-256\n"
                   "local all all trust\nhost all all 127.0.0.1/32 trust\n"));
}

static void start_server(const char *programs, const char *data)
{
    char program[256], sockets[192], port[64];
    postgres.port = free_port();
    snprintf(program, sizeof(program), "%s/postgres", programs);
    snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s", postgres.folder);
    snprintf(port, sizeof(port), "port=%lld", (long long)postgres.port);
    const char *const argv[] = {program,
                                "-D",
                                data,
                                "-c",
                                sockets,
                                "-c",
                                port,
                                "-c",
                                "listen_addresses=127.0.0.1",
                                "-c",
                                "fsync=off",
                                "-c",
                                "full_page_writes=off",
                                "-c",
                                "shared_buffers=128MB",
                                "-c",
                                "max_wal_size=4GB",
                                "-c",
                                "max_prepared_transactions=2",
                                NULL};
    postgres.pid = run_program(argv);
}

bool postgres_start(void)
{
    char programs[200], data[160];
    if (!find_programs(programs, sizeof(programs))) {
        print_error("SKIPPED: PostgreSQL is not installed (apt-get install postgresql-15): nothing here was tested\n");
        return false;
    }
    postgres.folder = folder_new();
    give_folder();
    snprintf(data, sizeof(data), "%s/data", postgres.folder);
    initialise(programs, data);
    let_in(data);
    start_server(programs, data);
    assert_true(connect_admin());
    return true;
}

const char *postgres_use_tls(void)
{
    static char certificate[200];
    char key[200];
    int status = -1;
    snprintf(certificate, sizeof(certificate), "%s/data/server.crt", postgres.folder);
    snprintf(key, sizeof(key), "%s/data/server.key", postgres.folder);
    const char *const argv[] = {"/usr/bin/openssl",
                                "req",
                                "-x509",
                                "-newkey",
                                "rsa:2048",
                                "-nodes",
                                "-keyout",
                                key,
                                "-out",
                                certificate,
                                "-days",
                                "2",
                                "-subj",
                                "/CN=localhost",
                                "-addext",
                                "subjectAltName=DNS:localhost",
                                NULL};
    pid_t pid = run_program(argv);
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    postgres_run("ALTER SYSTEM SET ssl = on");
    postgres_run("SELECT pg_reload_conf()");
    for (int i = 0; i < 100 && strcmp(postgres_query("SHOW ssl"), "on\n") != 0; i++)
        usleep(20000);
    return certificate;
}

void postgres_stop(void)
{
    pq_free(TAKE(admin));
    buf_release(&answer);
    if (postgres.pid == 0)
        return;
    kill((pid_t)postgres.pid, SIGQUIT);
    waitpid((pid_t)postgres.pid, NULL, 0);
    folder_free(TAKE(postgres.folder));
}

void postgres_run(const char *sql)
{
    struct error err = {0};
    if (pq_run(admin, sql, NULL, &err) != RC_OK)
        fail_msg("%s: %s", sql, err.text);
}

const char *postgres_query(const char *sql)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    struct error err = {0};
    if (pq_query(admin, sql, 0, NULL, &rows, &err) != RC_OK)
        fail_msg("%s: %s", sql, err.text);
    buf_reset(&answer);
    buf_add_str(&answer, S(""));
    for (int row = 0; row < pq_rows(&rows); row++) {
        for (int column = 0; column < PQnfields(rows.result); column++) {
            buf_add_str(&answer, column > 0 ? S("|") : S(""));
            buf_add_str(&answer, str(pq_is_null(&rows, row, column) ? "NULL" : pq_text(&rows, row, column)));
        }
        buf_add_str(&answer, S("\n"));
    }
    return or_empty(answer.at);
}
