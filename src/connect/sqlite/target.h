/* An SQLite file as a target.
 *
 * T is one row of `waybill_position` in the same file, so that rows and position are one transaction. Writers exclude
 * each other by BEGIN IMMEDIATE: a fence or a load that meets another one waits 30 s for it, then RC_BUSY.
 * Column types: INTEGER, REAL, TEXT, BLOB, BOOLEAN (0, 1), DATE ('YYYY-MM-DD'), DATETIME ('YYYY-MM-DD
 * HH:MM:SS[.fff[fff]]', instants with T and Z), DECIMAL(p,s). What SQLite cannot say is RC_DATA and never changed: NaN,
 * years outside 0000..9999, decimals of more digits than a NUMERIC column keeps (a column declared TEXT keeps all). */
#pragma once

#include <stdatomic.h>

#include "connect/target.h"

void sqlite_target_type(const struct field *field, struct target_type *ret); /* as target_type_of */

/* Opens nothing yet: a target that is only looked at makes no file. The texts are copied; the clock and `stop` must
 * outlive it. `stop` (may be NULL) is the signal that asks the program to end: it ends waits and long statements. */
RC sqlite_target_open(const char *name, const char *path, struct clock *clock, const atomic_int *stop,
                      struct target **ret, struct error *err);
