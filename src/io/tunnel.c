#include "io/tunnel.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/tunnel_watch.h"

enum {
    OPEN_MS = 20000,
    LOOK_MS = 20,
    END_MS = 4000, /* the watcher's own patience with ssh, and a moment */
    ARGUMENTS_MAX = 64,
    FOLDER_TEXT = 64,
    LOG_BYTES = 2048,
    SAID_TEXT = 320,
    PORTS_TRIED_MAX = 3, /* somebody else may take a free port before ssh does */
};
/* A socket's path ends in a name like ".s.PGSQL.65535". */
_Static_assert(FOLDER_TEXT + 16 < sizeof(((struct sockaddr_un *)0)->sun_path), "it is the path of a Unix socket");

struct tunnel {
    pthread_mutex_t lock; /* of all that follows the texts */
    struct arena arena;   /* of the texts */
    const char *name, *to;
    struct tunnel_settings settings;
    struct opening with;
    char folder[FOLDER_TEXT];
    const char *socket, *log;
    bool uses_port;
    int port;
    pid_t watcher; /* 0: none */
    int life;      /* as long as it is open the tunnel lives */
    int state;     /* readable once ssh has ended */
};

/* ---- settings ---- */

static RC check_settings(const char *name, const struct tunnel_settings *settings, struct error *err)
{
    struct stat about;
    const char *const words[] = {settings->host, settings->user};
    if (settings->host == NULL || settings->host[0] == '\0') {
        fail(err, RC_CONFIG, "connection '%s' is to go through ssh, and has no 'ssh.host'", name);
        return fail_todo(err, "name the bastion: ssh: {host: bastion.example.com, user: etl}");
    }
    for (int i = 0; i < 2; i++) {
        if (words[i] != NULL && words[i][0] == '-')
            return fail(err, RC_CONFIG, "connection '%s': '%s' is no name for ssh", name, words[i]);
    }
    if (settings->key == NULL)
        return RC_OK;
    if (stat(settings->key, &about) != 0) {
        fail_errno(err, errno, "connection '%s': the key of its tunnel, '%s'", name, settings->key);
        return fail_todo(err, "correct 'ssh.key' of the connection");
    }
    if ((about.st_mode & 077) == 0)
        return RC_OK;
    fail(err, RC_DENIED, "connection '%s': others may read the key of its tunnel, '%s', and ssh uses no such key", name,
         settings->key);
    return fail_todo(err, "chmod 600 '%s'", settings->key);
}

RC tunnel_new(const char *name, const struct tunnel_settings *settings, const char *to_host, int64_t to_port,
              const char *leaf, const struct opening *with, struct tunnel **ret, struct error *err)
{
    TRY(check_settings(name, settings, err));
    if (to_host == NULL || to_host[0] == '/' || to_host[0] == '\0') {
        fail(err, RC_CONFIG, "connection '%s' goes through ssh, and has no host behind the bastion", name);
        return fail_todo(err, "give 'host' and 'port' as the bastion sees them; a Unix socket cannot be one's");
    }
    struct tunnel *self = xcalloc(1, sizeof(*self));
    struct arena *arena = &self->arena;
    pthread_mutex_init(&self->lock, NULL);
    bool is_v6 = strchr(to_host, ':') != NULL && to_host[0] != '[';
    self->name = arena_text(arena, name);
    self->to = arena_print(arena, is_v6 ? "%s:[%s]:%lld" : "%s:%s:%lld", leaf, to_host, (long long)to_port);
    self->settings =
        (struct tunnel_settings){arena_text(arena, settings->host), arena_text(arena, settings->user),
                                 arena_text(arena, settings->key), arena_text(arena, settings->config), settings->port};
    self->with = *with;
    self->life = self->state = -1;
    /* Not TMPDIR: a path of a Unix socket is short, and ssh reads signs of its own into odd ones. */
    snprintf(self->folder, sizeof(self->folder), "/tmp/waybill-ssh-XXXXXX");
    if (mkdtemp(self->folder) == NULL) {
        int number = errno;
        self->folder[0] = '\0';
        tunnel_free(self);
        return fail_errno(err, number, "connection '%s': a folder in /tmp for its tunnel", name);
    }
    self->socket = arena_print(arena, "%s/%s", self->folder, leaf);
    self->log = arena_print(arena, "%s/log", self->folder);
    *ret = self;
    return RC_OK;
}

const char *tunnel_folder(const struct tunnel *self) { return self->folder; }
const char *tunnel_socket(const struct tunnel *self) { return self->socket; }
void tunnel_use_port(struct tunnel *self) { self->uses_port = true; }

int tunnel_port(struct tunnel *self)
{
    pthread_mutex_lock(&self->lock);
    int port = self->port;
    pthread_mutex_unlock(&self->lock);
    return port;
}

/* ---- the command ---- */

struct command {
    const char *argv[ARGUMENTS_MAX];
    int count;
};

static void add(struct command *self, const char *word)
{
    assert(self->count < ARGUMENTS_MAX - 1);
    self->argv[self->count++] = word;
}

static void add_pair(struct command *self, const char *flag, const char *value)
{
    if (value == NULL)
        return;
    add(self, flag);
    add(self, value);
}

static void make_command(const struct tunnel *self, struct arena *arena, struct command *ret)
{
    static const char *const options[] = {"BatchMode=yes",
                                          "ExitOnForwardFailure=yes",
                                          "ServerAliveInterval=15",
                                          "ServerAliveCountMax=3",
                                          "TCPKeepAlive=yes",
                                          "ControlMaster=no",
                                          "ControlPath=none",
                                          "ForwardAgent=no",
                                          "ForwardX11=no",
                                          "PermitLocalCommand=no",
                                          "RequestTTY=no",
                                          "StreamLocalBindMask=0177",
                                          "StreamLocalBindUnlink=no",
                                          "ConnectTimeout=10",
                                          "EscapeChar=none"};
    const struct tunnel_settings *settings = &self->settings;
    *ret = (struct command){.count = 0};
    add(ret, "ssh");
    add(ret, "-NT");
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        add_pair(ret, "-o", options[i]);
    add_pair(ret, "-F", settings->config);
    add_pair(ret, "-i", settings->key);
    add_pair(ret, "-o", settings->key != NULL ? "IdentitiesOnly=yes" : NULL);
    add_pair(ret, "-l", settings->user);
    add_pair(ret, "-p", settings->port > 0 ? arena_print(arena, "%lld", (long long)settings->port) : NULL);
    if (self->uses_port) /* before the socket, which tells that ssh is ready */
        add_pair(ret, "-L", arena_print(arena, "127.0.0.1:%d%s", self->port, strchr(self->to, ':')));
    add_pair(ret, "-L", arena_print(arena, "%s/%s", self->folder, self->to));
    add(ret, "--");
    add(ret, settings->host);
}

/* ---- what ssh said ---- */

/* The last two lines; "" for none. */
static void read_log(const struct tunnel *self, char ret[SAID_TEXT])
{
    char text[LOG_BYTES + 1];
    int fd = open(self->log, O_RDONLY | O_CLOEXEC);
    struct stat about = {0};
    ssize_t got = 0;
    if (fd >= 0 && fstat(fd, &about) == 0)
        got = pread(fd, text, LOG_BYTES, about.st_size > LOG_BYTES ? about.st_size - LOG_BYTES : 0);
    if (fd >= 0)
        close(fd);
    size_t len = got > 0 ? (size_t)got : 0;
    while (len > 0 && strchr("\r\n", text[len - 1]) != NULL)
        len--;
    text[len] = '\0';
    size_t from = len;
    for (int lines = 0; from > 0; from--) {
        if (text[from - 1] == '\n' && ++lines == 2)
            break;
    }
    for (size_t i = from; i < len; i++)
        text[i] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
    snprintf(ret, SAID_TEXT, "%.*s", SAID_TEXT - 1, text + from);
}

static enum rc fail_ended(const struct tunnel *self, struct error *err)
{
    static const struct {
        const char *words;
        enum rc rc;
        const char *todo;
    } known[] = {
        {"Permission denied", RC_DENIED,
         "check 'ssh.user' and 'ssh.key' of the connection: the same must work by hand with ssh -o BatchMode=yes"},
        {"Host key verification failed", RC_DENIED,
         "log in once by hand, and compare the bastion's key with what its owner says"},
        {"REMOTE HOST IDENTIFICATION HAS CHANGED", RC_DENIED, "ask the bastion's owner for its new key"},
        {"No such file or directory: ssh", RC_CONFIG, "install openssh-client"},
        {"Could not resolve hostname", RC_UNAVAILABLE, "check 'ssh.host' of the connection, and this machine's DNS"},
        {"Bad configuration option", RC_CONFIG, "correct ssh's configuration"},
    };
    char said[SAID_TEXT];
    read_log(self, said);
    enum rc rc = RC_UNAVAILABLE;
    const char *todo = "check that the bastion runs, 'ssh.host' and 'ssh.port' of the connection, and the network";
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strstr(said, known[i].words) != NULL) {
            rc = known[i].rc;
            todo = known[i].todo;
            break;
        }
    }
    fail(err, rc, "the SSH tunnel of '%s' through '%s' could not be opened: %s", self->name, self->settings.host,
         said[0] != '\0' ? said : "ssh ended without a word");
    return fail_todo(err, "%s", todo);
}

enum rc tunnel_explain(struct tunnel *self, struct error *err)
{
    char said[SAID_TEXT];
    read_log(self, said);
    if (err->rc != RC_UNAVAILABLE || strstr(said, "open failed") == NULL)
        return err->rc;
    fail_in(err, "behind '%s', ssh says: %s", self->settings.host, said);
    return fail_todo(err, "check 'host' and 'port' of the connection '%s' as the bastion sees them", self->name);
}

/* ---- starting and ending ---- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The watcher ends ssh and removes what is in the folder; whoever has killed it did not. */
static void tunnel_end(struct tunnel *self)
{
    close_fd(&self->life);
    close_fd(&self->state);
    bool is_gone = self->watcher == 0;
    for (int waited = 0; !is_gone && waited < END_MS; waited += LOOK_MS) {
        is_gone = waitpid(self->watcher, NULL, WNOHANG) != 0;
        if (!is_gone)
            poll(NULL, 0, LOOK_MS);
    }
    if (!is_gone) {
        kill(self->watcher, SIGKILL);
        while (waitpid(self->watcher, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    self->watcher = 0;
    if (self->socket != NULL)
        unlink(self->socket);
    if (self->log != NULL)
        unlink(self->log);
}

static RC spawn(struct tunnel *self, int log, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct command command;
    int life[2] = {-1, -1}, state[2] = {-1, -1};
    make_command(self, &arena, &command);
    pid_t pid = pipe2(life, O_CLOEXEC) == 0 && pipe2(state, O_CLOEXEC) == 0 ? fork() : -1;
    if (pid == 0)
        tunnel_watch(
            &(struct tunnel_watch){command.argv, self->folder, self->socket, self->log, log, life[0], state[1]});
    int number = errno;
    close_fd(&life[0]);
    close_fd(&state[1]);
    self->watcher = pid > 0 ? pid : 0;
    self->life = life[1];
    self->state = state[0];
    return pid > 0 ? RC_OK : fail_errno(err, number, "the SSH tunnel of '%s' could not be started", self->name);
}

static bool has_ended(const struct tunnel *self)
{
    struct pollfd fd = {self->state, POLLIN, 0};
    return self->watcher == 0 || poll(&fd, 1, 0) > 0;
}

/* The socket is there once ssh was let in. It is not tried: behind it a connection would be opened, and the server
 * would count one that says nothing. */
static RC wait_for_socket(struct tunnel *self, struct error *err)
{
    struct clock *clock = self->with.clock;
    int64_t until_ms = clock->mono_ms(clock) + OPEN_MS;
    struct stat about;
    while (stat(self->socket, &about) != 0) {
        TRY(opening_check_stop(self->with.stop, err));
        if (has_ended(self))
            return fail_ended(self, err);
        if (clock->mono_ms(clock) >= until_ms) {
            fail(err, RC_UNAVAILABLE, "the SSH tunnel of '%s' through '%s' was not open after %d s", self->name,
                 self->settings.host, OPEN_MS / 1000);
            return fail_todo(err, "check the bastion and the network; ssh -v shows how far it comes");
        }
        clock->sleep_ms(clock, LOOK_MS);
    }
    clock->sleep_ms(clock, LOOK_MS); /* between its being there and its being listened to */
    return RC_OK;
}

/* One that nobody has just now. */
static RC choose_port(struct tunnel *self, struct error *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_found =
        fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 && getsockname(fd, (struct sockaddr *)&at, &len) == 0;
    int number = errno;
    close_fd(&fd);
    self->port = is_found ? ntohs(at.sin_port) : 0;
    return is_found ? RC_OK : fail_errno(err, number, "a port for the SSH tunnel of '%s'", self->name);
}

static RC tunnel_start(struct tunnel *self, struct error *err)
{
    tunnel_end(self);
    if (self->uses_port)
        TRY(choose_port(self, err));
    if (mkdir(self->folder, 0700) != 0 && errno != EEXIST)
        return fail_errno(err, errno, "the folder '%s' of the SSH tunnel of '%s'", self->folder, self->name);
    struct stat about;
    if (lstat(self->folder, &about) != 0 || !S_ISDIR(about.st_mode) || about.st_uid != geteuid() ||
        (about.st_mode & 077) != 0)
        return fail(err, RC_DENIED, "the folder '%s' is not this program's alone", self->folder);
    int log = open(self->log, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log < 0)
        return fail_errno(err, errno, "the file '%s'", self->log);
    enum rc rc = spawn(self, log, err);
    close(log);
    if (rc == RC_OK)
        rc = wait_for_socket(self, err);
    if (rc != RC_OK)
        tunnel_end(self);
    return rc;
}

RC tunnel_ensure(struct tunnel *self, struct error *err)
{
    pthread_mutex_lock(&self->lock);
    enum rc rc = has_ended(self) ? tunnel_start(self, err) : RC_OK;
    for (int tried = 1; rc == RC_UNAVAILABLE && tried < PORTS_TRIED_MAX; tried++) {
        if (strstr(err->text, "cannot listen to port") == NULL)
            break;
        rc = tunnel_start(self, err);
    }
    pthread_mutex_unlock(&self->lock);
    return rc;
}

void tunnel_free(struct tunnel *self)
{
    if (self == NULL)
        return;
    tunnel_end(self);
    if (self->folder[0] != '\0')
        rmdir(self->folder);
    pthread_mutex_destroy(&self->lock);
    arena_release(&self->arena);
    free(self);
}
