#include "io/subprocess.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_BYTES = 4096, POLL_MS_MAX = 1000 };

/* What is open while a command runs. */
struct child {
    pid_t pid;
    int output, errors, trouble; /* read ends; `trouble` carries the errno of a command that could not be started */
};

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void child_release(struct child *self)
{
    fd_close(&self->output);
    fd_close(&self->errors);
    fd_close(&self->trouble);
    if (self->pid > 0) { /* not waited for yet: it is given up */
        kill(-self->pid, SIGKILL);
        while (waitpid(self->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
}

/* In the new process: nothing here may return, allocate or run this program's exit handlers. */
static _Noreturn void child_become(const struct subprocess *command, int output, int errors, int trouble)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    bool ok = nothing >= 0 && dup2(nothing, 0) >= 0 && dup2(output, 1) >= 0 &&
              dup2(errors >= 0 ? errors : nothing, 2) >= 0 && (command->folder == NULL || chdir(command->folder) == 0);
    if (ok)
        execvp(command->argv[0], (char *const *)(uintptr_t)command->argv);
    int number = errno;
    ssize_t told = write(trouble, &number, sizeof(number));
    (void)told; /* the parent then sees exit status 127 */
    _exit(127);
}

static RC child_start(const struct subprocess *command, struct child *ret, struct error *err)
{
    int output[2] = {-1, -1}, errors[2] = {-1, -1}, trouble[2] = {-1, -1};
    pid_t pid = -1;
    if (pipe2(output, O_CLOEXEC) == 0 && pipe2(trouble, O_CLOEXEC) == 0 &&
        (command->errors == NULL || pipe2(errors, O_CLOEXEC) == 0))
        pid = fork();
    if (pid == 0)
        child_become(command, output[1], errors[1], trouble[1]);
    int number = errno;
    if (pid > 0)
        setpgid(pid, pid); /* here too: whoever comes first */
    fd_close(&output[1]);
    fd_close(&errors[1]);
    fd_close(&trouble[1]);
    if (pid < 0) {
        fd_close(&output[0]);
        fd_close(&errors[0]);
        fd_close(&trouble[0]);
        return fail_errno(err, number, "'%s' could not be started", command->argv[0]);
    }
    *ret = (struct child){pid, output[0], errors[0], trouble[0]};
    int why = 0;
    ssize_t got;
    while ((got = read(trouble[0], &why, sizeof(why))) < 0 && errno == EINTR)
        ;
    return got == sizeof(why) ? fail_errno(err, why, "'%s' could not be started", command->argv[0]) : RC_OK;
}

static RC too_late(const struct subprocess *command, struct error *err)
{
    return fail(err, RC_UNAVAILABLE, "'%s' was not done after %" PRId64 " ms and was stopped", command->argv[0],
                command->deadline_ms);
}

/* One read from *fd, which is closed at its end. What goes past bytes_max is dropped. */
static RC fd_read(const struct subprocess *command, int *fd, size_t bytes_max, struct buf *ret, struct error *err)
{
    char bytes[READ_BYTES];
    ssize_t got = read(*fd, bytes, sizeof(bytes));
    if (got < 0 && errno != EINTR)
        return fail_errno(err, errno, "'%s': its output could not be read", command->argv[0]);
    if (got > 0)
        buf_add(ret, bytes, (size_t)got < bytes_max - ret->len ? (size_t)got : bytes_max - ret->len);
    if (got == 0)
        fd_close(fd);
    explicit_bzero(bytes, sizeof(bytes)); /* it may be a secret */
    return RC_OK;
}

/* Until the command and all who have its output have closed it. */
static RC child_read(const struct subprocess *command, struct child *child, struct clock *clock, int64_t until_ms,
                     struct buf *ret, struct error *err)
{
    while (child->output >= 0 || child->errors >= 0) {
        int64_t left = until_ms - clock->mono_ms(clock);
        if (left <= 0)
            return too_late(command, err);
        struct pollfd fds[] = {{child->output, POLLIN, 0}, {child->errors, POLLIN, 0}}; /* -1 is passed over */
        int ready = poll(fds, 2, left < POLL_MS_MAX ? (int)left : POLL_MS_MAX);
        if (ready < 0 && errno != EINTR)
            return fail_errno(err, errno, "'%s': its output could not be read", command->argv[0]);
        if (ready <= 0)
            continue;
        if (fds[0].revents != 0)
            TRY(fd_read(command, &child->output, command->output_bytes_max + 1, ret, err));
        if (fds[1].revents != 0)
            TRY(fd_read(command, &child->errors, SUBPROCESS_ERROR_BYTES, command->errors, err));
        if (ret->len > command->output_bytes_max)
            return fail(err, RC_DATA, "'%s' wrote more than %zu bytes", command->argv[0], command->output_bytes_max);
    }
    return RC_OK;
}

static RC child_wait(const struct subprocess *command, struct child *child, struct clock *clock, int64_t until_ms,
                     int *ret_status, struct error *err)
{
    int status = 0;
    for (int64_t pause_ms = 1;; pause_ms = pause_ms < 50 ? pause_ms * 2 : pause_ms) {
        pid_t done = waitpid(child->pid, &status, WNOHANG);
        if (done == child->pid)
            break;
        assert((done == 0 || errno == EINTR) && "the child is ours, and nobody else waits for it");
        if (clock->mono_ms(clock) >= until_ms)
            return too_late(command, err);
        clock->sleep_ms(clock, pause_ms);
    }
    child->pid = 0;
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return RC_OK;
}

RC subprocess_run(const struct subprocess *command, struct clock *clock, struct buf *ret, int *ret_status,
                  struct error *err)
{
    __attribute__((cleanup(child_release))) struct child child = {0, -1, -1, -1};
    int64_t until_ms = clock->mono_ms(clock) + command->deadline_ms;
    TRY(child_start(command, &child, err));
    TRY(child_read(command, &child, clock, until_ms, ret, err));
    return child_wait(command, &child, clock, until_ms, ret_status, err);
}
