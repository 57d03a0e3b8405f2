/* What the tests of the SQLite target share: a database file in a folder of its own, a look at it from beside, and
 * words. */
#pragma once

#include <stdatomic.h>

#include "conform/load_story.h"
#include "connect/sqlite/target.h"
#include "io/sqlite.h"
#include "test.h"

#define FILE_PATH "dw.db"
extern char file_folder[];
int file_make_folder(void); /* and stands in it; 0: done */
int file_remove_folder(void);
void file_remove(void); /* the database and its journals */

/* What targets opened here have waited for locks: only waiting moves their clock. */
extern int64_t file_waited_ms;
/* What somebody else does as soon as a target waits; called once. NULL: nothing. */
extern void (*file_while_waiting)(void);
extern atomic_int file_stop; /* the signal that asks the program to end */
struct target *file_target(void);

/* Beside the target: another connection, SQL, the rows of a query ("1|ada\n"), a table's rows as world/value.h says. */
sqlite3 *file_beside(void);
void file_run(const char *sql);
char *file_query(const char *sql);
void file_print_rows(const char *table, const struct schema *schema, struct buf *out);

/* *state: a struct load_story. */
int file_begin_story(void **state);
int file_end_story(void **state);
#define STORY(name) cmocka_unit_test_setup_teardown(name, file_begin_story, file_end_story)
