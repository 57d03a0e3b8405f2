/* SQLite's files, made to fail: a layer over its own VFS, so that real transactions meet a full or failing disk.
 *
 * Becomes the default VFS of the process; WAL is not possible over it. One at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fault_vfs {
    int64_t bytes_left; /* writes beyond this many bytes are SQLITE_FULL; -1: no limit */
    bool fails_sync;    /* fsync answers SQLITE_IOERR_FSYNC */
    bool loses_delete;  /* a file is deleted, and the answer is SQLITE_IOERR_DELETE: a COMMIT that was done */
    int syncs;          /* counted */
};

struct fault_vfs *fault_vfs_install(void);
void fault_vfs_remove(void); /* nothing to remove is fine; connections over it are closed before */
