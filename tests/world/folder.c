#include "world/folder.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

char *folder_new(void)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL)
        parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    AUTO_RELEASE(buf) path = {0};
    buf_addf(&path, "%s/waybill-test-XXXXXX", parent);
    bool made = mkdtemp(path.at) != NULL;
    assert(made);
    return xstrdup(path.at);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

void folder_free(char *folder)
{
    if (folder != NULL)
        nftw(folder, remove_entry, 64, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

static const char *join(const char *folder, const char *name, char path[PATH_BYTES])
{
    int len = snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    assert(len < PATH_BYTES);
    return path;
}

void folder_write(const char *folder, const char *name, struct str content)
{
    char path[PATH_BYTES];
    FILE *file = fopen(join(folder, name, path), "wbe");
    assert(file != NULL);
    size_t wrote = fwrite(content.at, 1, content.len, file);
    assert(wrote == content.len);
    fclose(file);
}

void folder_read(const char *folder, const char *name, struct buf *ret)
{
    char path[PATH_BYTES], bytes[PATH_BYTES];
    FILE *file = fopen(join(folder, name, path), "rbe");
    assert(file != NULL);
    buf_add(ret, bytes, fread(bytes, 1, sizeof(bytes), file));
    fclose(file);
}

bool folder_has(const char *folder, const char *name)
{
    struct stat st;
    char path[PATH_BYTES];
    return lstat(join(folder, name, path), &st) == 0;
}

void folder_make(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    int made = mkdir(join(folder, name, path), 0700);
    assert(made == 0);
}

void folder_age(const char *folder, const char *name, int64_t seconds)
{
    char path[PATH_BYTES];
    struct timespec times[2];
    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    int set = utimensat(AT_FDCWD, join(folder, name, path), times, AT_SYMLINK_NOFOLLOW);
    assert(set == 0);
}

int folder_files(const char *folder, const char *without)
{
    int count = 0;
    DIR *stream = opendir(folder);
    assert(stream != NULL);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        char path[PATH_BYTES];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || text_eq(entry->d_name, without))
            continue;
        count += entry->d_type == DT_DIR ? folder_files(join(folder, entry->d_name, path), NULL) : 1;
    }
    closedir(stream);
    return count;
}
