/* What the tests of the PostgreSQL target share: a schema of each story's own in the program's one server, and words.
 */
#pragma once

#include <stdatomic.h>

#include "conform/load_story.h"
#include "connect/postgres/target.h"
#include "test.h"
#include "unit/postgres_server.h"

#define PG_SCHEMA "story"

/* The limits that the tests can wait for. */
enum { PG_LOCK_MS = 700, PG_PATIENCE_MS = 250, PG_IDLE_MS = 30000 };

extern atomic_int pg_stop;             /* the signal that asks the program to end */
void pg_clean(void);                   /* the schema is new and empty */
void pg_run(const char *sql);          /* in the story's schema */
const char *pg_query(const char *sql); /* the same; as postgres_query, times shown in UTC */
struct postgres_target_options pg_options(void);
struct target *pg_target(void);
struct target *pg_target_as(const struct postgres_target_options *options);
extern bool pg_times_are_numbers; /* columns of TYPE_TIME hold microseconds, and no intervals */
/* A table's rows as world/value.h says; each is read from what PostgreSQL shows. */
void pg_print_rows(const char *table, const struct schema *schema, struct buf *out);

/* *state: a struct load_story. */
int pg_begin_story(void **state);
int pg_end_story(void **state);
#define STORY(name) cmocka_unit_test_setup_teardown(name, pg_begin_story, pg_end_story)

/* Refused with this RC naming `word`; the target stands where it stood. */
void pg_is_refused(struct load_story *s, const char *text, enum rc rc, const char *word);
