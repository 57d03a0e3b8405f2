/* A folder of a test's own, in $TMPDIR or else in memory where fsync costs nothing, and what lies in it. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

char *folder_new(void);         /* its absolute path; asserts that it could be made */
void folder_free(char *folder); /* with all that is in it */

/* A file in the folder, behind everybody's back: written, read (up to 4 KiB), or asked for. */
void folder_write(const char *folder, const char *name, struct str content);
void folder_read(const char *folder, const char *name, struct buf *ret);
bool folder_has(const char *folder, const char *name);
void folder_make(const char *folder, const char *name); /* a folder in it */
/* Sets the file's times this far back. */
void folder_age(const char *folder, const char *name, int64_t seconds);
/* How many files (not folders) there are, but for what lies in the folder `without` (NULL: all). */
int folder_files(const char *folder, const char *without);
