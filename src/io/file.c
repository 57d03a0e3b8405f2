#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

RC file_check_folder(const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    AUTO_RELEASE(buf) folder = {0};
    if (slash == NULL)
        buf_addf(&folder, ".");
    else
        buf_add(&folder, path, slash != path ? (size_t)(slash - path) : 1);
    if (access(folder.at, W_OK | X_OK) == 0)
        return RC_OK;
    fail_errno(err, errno, "making '%s': its folder '%s'", path, folder.at);
    return fail_todo(err, "make the folder, or give another path");
}

static RC read_all(int fd, const char *path, size_t bytes_max, struct buf *ret, struct error *err)
{
    enum { READ_BYTES = 64 << 10 };
    size_t before = ret->len;
    for (;;) {
        buf_reserve(ret, READ_BYTES);
        ssize_t got = read(fd, ret->at + ret->len, READ_BYTES);
        if (got < 0 && errno != EINTR)
            return fail_errno(err, errno, "reading '%s'", path);
        ret->len += got > 0 ? (size_t)got : 0;
        ret->at[ret->len] = '\0';
        if (ret->len - before > bytes_max)
            return fail(err, RC_DATA, "'%s' is larger than %zu bytes", path, bytes_max);
        if (got == 0)
            return RC_OK;
    }
}

RC file_read(const char *path, size_t bytes_max, struct buf *ret, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, errno, "opening '%s'", path);
    enum rc rc = read_all(fd, path, bytes_max, ret, err);
    close(fd);
    return rc;
}

static RC write_all(int fd, struct str body, const char *path, struct error *err)
{
    for (size_t done = 0; done < body.len;) {
        ssize_t written = write(fd, body.at + done, body.len - done);
        if (written < 0 && errno != EINTR)
            return fail_errno(err, errno, "writing '%s'", path);
        done += written > 0 ? (size_t)written : 0;
    }
    if (fsync(fd) != 0)
        return fail_errno(err, errno, "writing '%s' to disk", path);
    return RC_OK;
}

RC file_write_atomic(const char *path, struct str body, unsigned mode, struct error *err)
{
    AUTO_RELEASE(buf) temporary = {0};
    buf_addf(&temporary, "%s.%ld.tmp", path, (long)getpid());
    int fd = open(temporary.at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return fail_errno(err, errno, "creating '%s'", path);
    enum rc rc = write_all(fd, body, path, err);
    close(fd);
    if (rc == RC_OK && rename(temporary.at, path) != 0)
        rc = fail_errno(err, errno, "renaming '%s' to '%s'", temporary.at, path);
    if (rc != RC_OK)
        unlink(temporary.at);
    return rc;
}
