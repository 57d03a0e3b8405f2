#include "world/versitygw.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_TRIES = 600, READY_WAIT_US = 50000, NAME_BYTES = 64, PATH_BYTES = 512 };

/* ---- the program ---- */

static bool find_program(char ret[PATH_MAX])
{
    const char *given = getenv("WAYBILL_VERSITYGW"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (given != NULL)
        snprintf(ret, PATH_MAX, "%s", given);
    else if (cache != NULL && cache[0] != '\0')
        snprintf(ret, PATH_MAX, "%s/waybill-tests/versitygw-1.8.0/versitygw", cache);
    else
        snprintf(ret, PATH_MAX, "%s/.cache/waybill-tests/versitygw-1.8.0/versitygw", or_empty(home));
    if (access(ret, X_OK) == 0)
        return true;
    fprintf(stderr, "SKIPPED: there is no S3 server to test against: '%s' cannot be run (tools/setup check)\n", ret);
    return false;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int free_port(void)
{
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed =
        bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || getsockname(fd, (struct sockaddr *)&at, &len) != 0;
    assert(!failed);
    close(fd);
    return ntohs(at.sin_port);
}

static bool answers(int port)
{
    struct sockaddr_in at = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool well = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
    close(fd);
    return well;
}

static _Noreturn void become(const char *program, const char *folder, int port)
{
    char address[32], iam[PATH_MAX], data[PATH_MAX], log[PATH_MAX];
    snprintf(address, sizeof(address), "127.0.0.1:%d", port);
    snprintf(iam, sizeof(iam), "%s/iam", folder);
    snprintf(data, sizeof(data), "%s/data", folder);
    snprintf(log, sizeof(log), "%s/log", folder);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    setenv("ROOT_ACCESS_KEY", VERSITYGW_KEY, 1);
    setenv("ROOT_SECRET_KEY", VERSITYGW_SECRET, 1);
    execl(program, program, "--port", address, "--keep-alive", "--quiet", "--iam-dir", iam, "posix", data,
          (char *)NULL);
    _exit(127);
}

static void make_folder(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert(len < (int)sizeof(path));
    int failed = mkdir(path, 0700);
    assert(failed == 0);
}

bool versitygw_start(struct versitygw *self)
{
    char program[PATH_MAX];
    *self = (struct versitygw){0};
    if (!find_program(program))
        return false;
    char *here = getcwd(NULL, 0);
    snprintf(self->folder, sizeof(self->folder), "%s/versitygw.XXXXXX", here);
    free(here);
    char *made = mkdtemp(self->folder);
    assert(made != NULL && "the current folder is where the server keeps its data");
    make_folder(self->folder, "data");
    make_folder(self->folder, "iam");
    int port = free_port(), status = 0;
    self->pid = fork();
    if (self->pid == 0)
        become(program, self->folder, port);
    for (int i = 0; i < READY_TRIES && !answers(port); i++) {
        pid_t ended = waitpid(self->pid, &status, WNOHANG);
        assert(ended == 0 && "versitygw ends at once: see its log");
        usleep(READY_WAIT_US);
    }
    snprintf(self->endpoint, sizeof(self->endpoint), "http://127.0.0.1:%d", port);
    return true;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at) { return remove(path); }

static void remove_tree(const char *path) { nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS); }

void versitygw_stop(struct versitygw *self)
{
    if (self->pid <= 0)
        return;
    kill(self->pid, SIGKILL);
    waitpid(self->pid, NULL, 0);
    remove_tree(self->folder);
    self->pid = 0;
}

/* ---- buckets: folders, for this server ---- */

char *versitygw_bucket_new(struct versitygw *self)
{
    char name[NAME_BYTES], path[2 * NAME_BYTES];
    snprintf(name, sizeof(name), "bucket-%d", self->buckets++);
    snprintf(path, sizeof(path), "data/%s", name);
    make_folder(self->folder, path);
    return xstrdup(name);
}

void versitygw_bucket_free(struct versitygw *self, char *bucket)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/data/%s", self->folder, bucket);
    remove_tree(path);
    free(bucket);
}

struct s3_options versitygw_options(const struct versitygw *self, const char *bucket)
{
    struct s3_options options = {.bucket = bucket,
                                 .endpoint = self->endpoint,
                                 .region = "us-east-1",
                                 .access_key_id = VERSITYGW_KEY,
                                 .tls_verify = true,
                                 .etag_quotes = true,
                                 .attempts = 3};
    secret_set(&options.secret_access_key, S(VERSITYGW_SECRET));
    return options;
}
