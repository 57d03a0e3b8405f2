/* Small local files. */
#pragma once

#include "base/error.h"
#include "base/str.h"

/* May files be made beside `path`, and this one itself? RC_NOT_FOUND, RC_DENIED: its folder says no. */
RC file_check_folder(const char *path, struct error *err);
/* Appends the whole file; RC_DATA when it is larger than bytes_max. */
RC file_read(const char *path, size_t bytes_max, struct buf *ret, struct error *err);
/* Writes the file whole or not at all: a temporary file beside it, fsync, rename. mode 0600 for what may be private. */
RC file_write_atomic(const char *path, struct str body, unsigned mode, struct error *err);
