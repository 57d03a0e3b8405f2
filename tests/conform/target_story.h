/* What the files of the target suite share: a story's state and its words. "dw" is the target a story is told of. */
#pragma once

#include "conform/rows.h"
#include "conform/target_suite.h"
#include "conform/verdict.h"
#include "test.h"

#define DW_SCOPE     "shop/orders"
#define DW_TARGET_ID "018f0000-0000-7000-8000-000000000001"

extern const struct target_kind *dw_kind; /* under test */

struct target_story {
    const struct target_kind *kind;
    void *database;
    struct target *target;
    struct arena arena;
    struct error err;
    struct schema *schema;     /* of `table`, unless a story says otherwise: id:l! name:u at:tsm: */
    struct target_table table; /* "orders", merge on id, cursor at */
};

int dw_begin_story(void **state);
int dw_end_story(void **state);
#define STORY(name) cmocka_unit_test_setup_teardown(name, dw_begin_story, dw_end_story)

/* The table made ready: T's row at token 0, and the table itself. */
void dw_ready(struct target_story *s, enum mode mode);
/* Epoch and token 1. */
struct target_move dw_move(const char *prev, const char *waybill);
bool dw_begins(struct target_story *s, struct target *target, struct target_move step);
/* Files into the transaction, in the way that the target takes them. */
enum rc dw_take(struct target_story *s, struct target *target, struct staged_file *files, int count, int64_t *ret_rows);
/* begin, one file, apply; the commit is the caller's. */
enum rc dw_bring(struct target_story *s, struct target *target, const struct target_move *step, const char *text,
                 struct load_counts *ret);
/* A whole load. */
struct load_counts dw_load(struct target_story *s, const char *prev, const char *waybill, const char *text);
/* The literal as this kind can hold it: \0 is a plain 0 where texts have no NUL byte, the year 0 may be the year 1. */
const char *dw_text(struct target_story *s, const char *text);
/* The target's own profile of the table is that of these rows. */
void dw_profiles(struct target_story *s, const char *text);
/* The table has exactly these rows; T names this waybill. */
void dw_holds(struct target_story *s, const char *text);
void dw_stands_at(struct target_story *s, const char *waybill);

/* The suite's parts; the number of failed stories. */
int target_suite_position(void);
int target_suite_rows(void);
int target_suite_prepare(void);
int target_suite_deletes(void);
