/* Who is in the way. The kernel's list is read: to ask with fcntl() would need a descriptor of our own on the file, and
 * closing that one drops every lock this process has on it (fcntl(2), POSIX record locks). */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "io/sqlite.h"

/* "1: POSIX  ADVISORY  WRITE 1234 08:01:5678 1073741825 1073741825", see proc_locks(5). 0: not a write lock on the
 * file. */
static long holder_of_line(const char *line, const struct stat *file)
{
    char kind[16] = "";
    long pid = 0;
    unsigned device_major, device_minor;
    unsigned long inode;
    if (sscanf(line, "%*d: POSIX %*s %15s %ld %x:%x:%lu", kind, &pid, &device_major, &device_minor, &inode) != 5)
        return 0;
    bool is_file = inode == file->st_ino && device_major == major(file->st_dev) && device_minor == minor(file->st_dev);
    return is_file && strcmp(kind, "WRITE") == 0 && pid > 0 ? pid : 0;
}

static long find_holder(const char *path)
{
    struct stat file;
    char line[256];
    long pid = 0;
    if (stat(path, &file) != 0)
        return 0;
    FILE *locks = fopen("/proc/locks", "re");
    while (locks != NULL && pid == 0 && fgets(line, sizeof(line), locks) != NULL)
        pid = holder_of_line(line, &file);
    if (locks != NULL)
        fclose(locks);
    return pid;
}

static void read_name(long pid, char *ret, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(ret, (int)size, file) == NULL)
        snprintf(ret, size, "?");
    if (file != NULL)
        fclose(file);
    ret[strcspn(ret, "\n")] = '\0';
}

bool sqlite_lock_holder(const char *path, char ret[SQLITE_HOLDER_TEXT])
{
    char name[32];
    AUTO_RELEASE(buf) wal = {0};
    buf_addf(&wal, "%s-shm", path);
    long pid = find_holder(path);
    if (pid == 0)
        pid = find_holder(wal.at);
    if (pid == 0)
        return false;
    read_name(pid, name, sizeof(name));
    snprintf(ret, SQLITE_HOLDER_TEXT, "process %ld (%s)", pid, name);
    return true;
}
