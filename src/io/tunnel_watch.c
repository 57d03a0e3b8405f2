#include "io/tunnel_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { END_MS = 2000, LOOK_MS = 20, LOOK_WITHOUT_PIDFD_MS = 500 };

/* What the owner has open is none of the watcher's: connections and locks would outlive it. */
static void close_others(const struct tunnel_watch *self)
{
    unsigned kept[] = {(unsigned)self->log, (unsigned)self->life, (unsigned)self->state};
    for (int i = 0; i < 3; i++) {
        for (int j = i + 1; j < 3; j++) {
            unsigned low = kept[i] < kept[j] ? kept[i] : kept[j], high = kept[i] < kept[j] ? kept[j] : kept[i];
            kept[i] = low;
            kept[j] = high;
        }
    }
    unsigned from = 3;
    for (int i = 0; i < 3; i++) {
        if (kept[i] > from)
            close_range(from, kept[i] - 1, 0);
        from = kept[i] + 1;
    }
    close_range(from, ~0U, 0);
}

static void say(const char *text)
{
    ssize_t written = write(2, text, strlen(text));
    (void)written;
}

static _Noreturn void become_ssh(const struct tunnel_watch *self, pid_t watcher)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != watcher || dup2(self->log, 2) < 0)
        _exit(127);
    execvp(self->argv[0], (char *const *)(unsigned long)self->argv);
    say(errno == ENOENT ? "No such file or directory: ssh\n" : "ssh could not be started\n");
    _exit(127);
}

static void end_ssh(pid_t ssh)
{
    kill(ssh, SIGTERM);
    for (int waited = 0; waited < END_MS; waited += LOOK_MS) {
        if (waitpid(ssh, NULL, WNOHANG) != 0)
            return;
        poll(NULL, 0, LOOK_MS);
    }
    kill(ssh, SIGKILL);
    while (waitpid(ssh, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* A process group of its own: what a terminal sends to all does not reach ssh, for the owner still needs it to end. */
static void settle_in(const struct tunnel_watch *self)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    setpgid(0, 0);
    close_others(self);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3 && nothing >= 0; fd++)
        dup2(nothing, fd);
}

_Noreturn void tunnel_watch(const struct tunnel_watch *self)
{
    settle_in(self);
    pid_t watcher = getpid(), ssh = fork();
    if (ssh == 0)
        become_ssh(self, watcher);
    bool runs = ssh > 0, is_told = false;
    struct pollfd fds[] = {{self->life, POLLIN, 0}, {runs ? pidfd_open(ssh, 0) : -1, POLLIN, 0}};
    while (fds[0].revents == 0) {
        if (runs && waitpid(ssh, NULL, WNOHANG) == ssh)
            runs = false;
        if (!runs && !is_told) {
            is_told = true;
            close(self->state);
            fds[1].fd = -1;
        }
        poll(fds, 2, runs && fds[1].fd < 0 ? LOOK_WITHOUT_PIDFD_MS : -1);
    }
    if (runs)
        end_ssh(ssh);
    unlink(self->socket);
    unlink(self->log_path);
    rmdir(self->folder);
    _exit(0);
}
