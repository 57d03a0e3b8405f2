/* What the tests of the ADBC target share: a DuckDB file in a folder of its own, a look at it from beside, and words.
 * libduckdb.so is the one of tools/setup, or WAYBILL_DUCKDB_DRIVER's. */
#pragma once

#include <stdatomic.h>

#include "conform/load_story.h"
#include "connect/adbc/session.h"
#include "connect/adbc/target.h"
#include "test.h"

enum { DUCKDB_MISSING = 77 }; /* which meson counts as skipped */
#define DUCK_PATH "dw.duckdb"

/* Makes a folder and stands in it; false: there is no libduckdb.so, which it says loudly. */
bool duck_begin(void);
void duck_end(void);
void duck_clean(void); /* no file */
/* Has the file open until it is let go, so that each target that opens it is quick. */
void duck_keep(void);
void duck_let_go(void);
/* The library in the tests' cache by its folder and name: "duckdb-1.5.5/libduckdb.so"; NULL: it is not there. */
const char *cached_driver(const char *name);

/* What targets opened here have waited: only waiting moves their clock. */
extern int64_t duck_waited_ms;
extern int duck_waits;                   /* how often */
extern void (*duck_while_waiting)(void); /* what somebody else does as soon as a target waits; called once */
extern atomic_int duck_stop;
extern struct clock duck_clock;
extern const char *duck_driver, *duck_entry; /* what targets are opened with; of setup: DuckDB itself */
struct target *duck_target(void);

/* Beside the target, in the same process: SQL, and the rows of a query ("1|ada\n2|NULL\n"), until the next one. */
void duck_run(const char *sql);
const char *duck_query(const char *sql);
void duck_print_rows(const char *table, const struct schema *schema, struct buf *out);

/* *state: a struct load_story. */
int duck_begin_story(void **state);
int duck_end_story(void **state);
#define STORY(name) cmocka_unit_test_setup_teardown(name, duck_begin_story, duck_end_story)
