/* An ADBC driver: a library, found and asked for its functions. */
#pragma once

#include "base/error.h"
#include "connect/adbc/adbc.h"

/* What is needed of version 1.0 is certainly there; of 1.1 nothing is where the driver has it not; `todo` is what to do
 * where the library is not. The library is never unloaded: not all drivers bear it. RC_CONFIG: no such library, no such
 * entry, another version. */
RC driver_load(const char *library, const char *entry, const char *todo, struct AdbcDriver *ret, struct error *err);
void driver_release(struct AdbcDriver *self);

/* Fills err with what a driver has said, without the values that stand in it, and releases that. `what` is the object:
 * "duckdb:dw.duckdb". */
enum rc driver_fail(AdbcStatusCode status, struct AdbcError *said, const char *what, struct error *err);
