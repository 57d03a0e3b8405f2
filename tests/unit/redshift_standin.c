#include "unit/redshift_standin.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/parquet/writer.h"
#include "unit/postgres_server.h"
#include "world/folder.h"

struct redshift_standin standin;
static struct s3_server *server;
static struct s3_sockets *sockets;
static struct arena arena;
static struct secret password; /* PostgreSQL trusts this machine, and takes any */

enum { WORDS_MAX = 32, LOCK_MS = 2000, PATIENCE_MS = 500, STATEMENT_MS = 30000 };

/* Below the top of the tree: this program lies in <top>/<build>/tests/unit. */
static const char *in_tree(const char *name)
{
    enum { LEVELS = 4 };
    char path[4096] = "";
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    for (int i = 0; len > 0 && i < LEVELS; i++)
        *strrchr(path, '/') = '\0';
    return arena_print(&arena, "%s/%s", path, name);
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

/* ---- the store ---- */

static void start_store(void)
{
    struct s3_options options = {.bucket = "lake",
                                 .region = "eu-west-1",
                                 .access_key_id = "AKIDLAKE",
                                 .etag_quotes = true,
                                 .tls_verify = true,
                                 .attempts = 3};
    const struct opening with = {.clock = clock_real(), .random = random_real()};
    struct error err = {0};
    standin.objects = mem_objects_new(clock_real());
    server = s3_server_new(standin.objects, &(struct s3_server_options){.bucket = "lake",
                                                                        .region = "eu-west-1",
                                                                        .access_key = "AKIDLAKE",
                                                                        .secret_key = "hush-hush-of-the-lake",
                                                                        .clock = clock_real()});
    sockets = s3_sockets_start(server, S3_PLAIN);
    options.endpoint = s3_sockets_url(sockets);
    secret_set(&options.secret_access_key, S("hush-hush-of-the-lake"));
    assert_int_equal(s3_store_open("lake", &options, &with, NULL, &standin.store, &err), RC_OK);
    secret_release(&options.secret_access_key);
}

/* ---- the process ---- */

static pid_t run_program(const char *const *argv)
{
    const char *log = arena_print(&arena, "%s/standin.log", postgres.folder);
    const char *back = arena_print(&arena, "postgresql://admin@localhost/postgres?host=%s&port=%lld", postgres.folder,
                                   (long long)postgres.port);
    pid_t parent = getpid(), pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        getppid() != parent || setenv("STANDIN_POSTGRES", back, 1) != 0 ||
        setenv("STANDIN_ROLES", STANDIN_ROLE "=AKIDLAKE:hush-hush-of-the-lake", 1) != 0)
        _exit(98);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(97);
}

static bool is_ready(void)
{
    struct redshift_target_options options = standin_options();
    options.address.is_redshift = true;
    struct error err = {0};
    for (int attempt = 0; attempt < 600; attempt++) {
        AUTO(pq) *db = NULL;
        int status = 0;
        if (pq_open(&options.address, clock_real(), NULL, &db, &err) == RC_OK)
            return true;
        if (waitpid((pid_t)standin.pid, &status, WNOHANG) == (pid_t)standin.pid)
            break;
        usleep(50000);
    }
    AUTO_RELEASE(buf) said = {0};
    folder_read(postgres.folder, "standin.log", &said);
    print_error("Redshift's stand-in does not answer: %s\n%s\n", err.text, or_empty(said.at));
    return false;
}

bool standin_start(const char *option, ...)
{
    const char *python = getenv("STANDIN_PYTHON"); /* where the tree has none of its own */
    const char *program = in_tree("tests/standin/redshift");
    python = python != NULL ? python : in_tree(".venv/bin/python");
    if (access(python, X_OK) != 0) {
        print_error("SKIPPED: there is no %s (tools/setup check): nothing here was tested\n", python);
        return false;
    }
    if (!postgres_start())
        return false;
    start_store();
    secret_set(&password, S("any"));
    standin.port = free_port();
    const char *words[WORDS_MAX] = {python,     program,
                                    "--port",   arena_print(&arena, "%lld", (long long)standin.port),
                                    "--s3",     s3_sockets_url(sockets),
                                    "--region", "eu-west-1"};
    int count = 8;
    va_list more;
    va_start(more, option);
    for (; option != NULL; option = va_arg(more, const char *))
        words[count++] = option;
    va_end(more);
    standin.pid = run_program(words);
    return is_ready();
}

void standin_stop(void)
{
    kill((pid_t)standin.pid, SIGKILL);
    waitpid((pid_t)standin.pid, NULL, 0);
    store_free(TAKE(standin.store));
    s3_sockets_free(TAKE(sockets));
    s3_server_free(TAKE(server));
    mem_objects_free(TAKE(standin.objects));
    secret_release(&password);
    arena_release(&arena);
    postgres_stop();
}

/* ---- clients ---- */

struct redshift_target_options standin_options(void)
{
    return (struct redshift_target_options){.address = {.host = "127.0.0.1",
                                                        .port = standin.port,
                                                        .database = "postgres",
                                                        .user = "admin",
                                                        .password = &password,
                                                        .lock_ms = LOCK_MS,
                                                        .statement_ms = STATEMENT_MS},
                                            .schema = "story",
                                            .iam_role = STANDIN_ROLE,
                                            .patience_ms = PATIENCE_MS};
}

struct target *standin_target_as(const struct redshift_target_options *options)
{
    struct target *target = NULL;
    struct error err = {0};
    const struct opening with = {.clock = clock_real(), .random = random_real()};
    if (redshift_target_open("dw", options, &with, &target, &err) != RC_OK ||
        target_use_stage(target, standin.store, &err) != RC_OK)
        fail_msg("%s", err.text);
    return target;
}

struct target *standin_target(void)
{
    struct redshift_target_options options = standin_options();
    return standin_target_as(&options);
}

/* ---- files ---- */

static RC add_bytes(void *context, struct str bytes, struct error *err)
{
    buf_add_str(context, bytes);
    return RC_OK;
}

void standin_stage(struct staged_file *file)
{
    static int number;
    AUTO_RELEASE(buf) body = {0};
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch = NULL;
    struct error err = {0};
    const struct parquet_options options = {.compression = PARQUET_ZSTD, .profile = PARQUET_REDSHIFT};
    struct parquet_writer *writer = parquet_writer_new(file->schema, &options, (struct parquet_sink){add_bytes, &body});
    assert_int_equal(file->open(file, &reader, &err), RC_OK);
    for (;;) {
        assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
        if (batch == NULL)
            break;
        assert_int_equal(parquet_writer_add(writer, batch, &err), RC_OK);
    }
    assert_int_equal(parquet_writer_end(writer, &err), RC_OK);
    parquet_writer_free(writer);
    const char *name = strrchr(file->key, '/') != NULL ? strrchr(file->key, '/') + 1 : file->key;
    file->key = arena_print(&arena, "p/orders/dt=2026-01-01/wb=%08d-0000-7000-8000-000000000000/%s", ++number, name);
    file->url = arena_print(&arena, "s3://lake/%s", file->key);
    file->bytes = (int64_t)body.len;
    if (store_put(standin.store, file->key, buf_str(&body), UNCONDITIONAL, NULL, &err) != RC_OK)
        fail_msg("%s", err.text);
}
