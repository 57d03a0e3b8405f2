/* What the tests of the PostgreSQL target share: a schema of each story's own in the program's one server, and words.
 */
#pragma once

#include <stdatomic.h>

#include "conform/rows.h"
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

struct pg_story {
    struct target *target;
    struct schema *schema;     /* id:l! name:u */
    struct target_table table; /* "orders" of "p/orders", merge on id */
    struct arena arena;
    struct error err;
    struct load_counts counts; /* of the last bring or load */
};

int pg_begin_story(void **state);
int pg_end_story(void **state);
#define STORY(name) cmocka_unit_test_setup_teardown(name, pg_begin_story, pg_end_story)

#define OK(call) pg_well(s, call)
void pg_well(const struct pg_story *s, enum rc rc);
void pg_says(const struct pg_story *s, const char *word);
void pg_says_not(const struct pg_story *s, const char *word);
void pg_use_schema(struct pg_story *s, const char *text);
enum rc pg_prepare(struct pg_story *s);
void pg_ready(struct pg_story *s);
/* begin, one file, apply; the commit is the caller's. */
enum rc pg_bring(struct pg_story *s, struct target *target, const char *prev, const char *waybill, const char *text);
void pg_load(struct pg_story *s, const char *prev, const char *waybill, const char *text);
/* Refused with this RC naming `word`; the target stands where it stood. */
void pg_is_refused(struct pg_story *s, const char *text, enum rc rc, const char *word);
