#include "world/fault_vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stddef.h>

#include "base/auto.h"

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; /* in the same allocation, behind this struct */
};

static struct fault_vfs plan;
static sqlite3_vfs layer, *real_vfs;

static sqlite3_file *real(sqlite3_file *file) { return ((struct fault_file *)(void *)file)->real; }

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    if (plan.bytes_left >= 0) {
        if (plan.bytes_left < len)
            return SQLITE_FULL;
        plan.bytes_left -= len;
    }
    return real(file)->pMethods->xWrite(real(file), bytes, len, offset);
}

static int file_sync(sqlite3_file *file, int flags)
{
    plan.syncs++;
    return plan.fails_sync ? SQLITE_IOERR_FSYNC : real(file)->pMethods->xSync(real(file), flags);
}

#define PASS(name, parameters, arguments)                                                                              \
    static int file_##name parameters { return real(file)->pMethods->x##name arguments; }
PASS(Close, (sqlite3_file * file), (real(file)))
PASS(Read, (sqlite3_file * file, void *bytes, int len, sqlite3_int64 offset), (real(file), bytes, len, offset))
PASS(Truncate, (sqlite3_file * file, sqlite3_int64 size), (real(file), size))
PASS(FileSize, (sqlite3_file * file, sqlite3_int64 *size), (real(file), size))
PASS(Lock, (sqlite3_file * file, int level), (real(file), level))
PASS(Unlock, (sqlite3_file * file, int level), (real(file), level))
PASS(CheckReservedLock, (sqlite3_file * file, int *ret), (real(file), ret))
PASS(FileControl, (sqlite3_file * file, int op, void *argument), (real(file), op, argument))
PASS(SectorSize, (sqlite3_file * file), (real(file)))
PASS(DeviceCharacteristics, (sqlite3_file * file), (real(file)))

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_Close,
    .xRead = file_Read,
    .xWrite = file_write,
    .xTruncate = file_Truncate,
    .xSync = file_sync,
    .xFileSize = file_FileSize,
    .xLock = file_Lock,
    .xUnlock = file_Unlock,
    .xCheckReservedLock = file_CheckReservedLock,
    .xFileControl = file_FileControl,
    .xSectorSize = file_SectorSize,
    .xDeviceCharacteristics = file_DeviceCharacteristics,
};

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *ret_flags)
{
    struct fault_file *file = (struct fault_file *)(void *)base;
    file->real = (sqlite3_file *)(void *)(file + 1);
    int code = real_vfs->xOpen(real_vfs, name, file->real, flags, ret_flags);
    file->base.pMethods = file->real->pMethods != NULL ? &methods : NULL;
    return code;
}

static int layer_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    int code = real_vfs->xDelete(real_vfs, name, sync_folder);
    return plan.loses_delete ? SQLITE_IOERR_DELETE : code;
}

struct fault_vfs *fault_vfs_install(void)
{
    assert(real_vfs == NULL);
    real_vfs = sqlite3_vfs_find(NULL);
    layer = *real_vfs;
    layer.zName = "fault";
    layer.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
    layer.xOpen = layer_open;
    layer.xDelete = layer_delete;
    sqlite3_vfs_register(&layer, 1);
    plan = (struct fault_vfs){.bytes_left = -1};
    return &plan;
}

void fault_vfs_remove(void)
{
    if (real_vfs == NULL)
        return;
    sqlite3_vfs_unregister(&layer);
    sqlite3_vfs_register(real_vfs, 1);
    real_vfs = NULL;
}
