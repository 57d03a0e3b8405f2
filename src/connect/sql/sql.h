/* What targets that speak SQL have in common. The statements that are the same in all of them are written here, once,
 * of what a target says of its own SQL: how it quotes a name, writes a value, runs a statement.
 *
 *     sql.h        the seam, and lists of names          deletes.h   rows that go
 *     merge.h      a merge where keys are enforced
 *     shape.h      a table as it is                      profile.h   what its columns come to
 *     ddl.h        a table that is made, that grows, or does not fit
 *     position.h   T: its statements, and who owns a table
 *     grants.h     rights on a schema and its tables
 *
 * A target keeps what only it has: its sessions and locks, how rows come in, how they are merged. One of another
 * warehouse fills a struct sql, reads the shape of a table, and has the rest. */
#pragma once

#include "connect/target.h"

/* The first row of an answer: texts, each with a NUL behind it; `at` NULL for NULL. */
struct sql_row {
    struct arena arena; /* zero-initialise the struct */
    struct str *cells;
    int count; /* 0: there was no row */
};
void sql_row_release(struct sql_row *self);
void sql_row_init(struct sql_row *self, int count);
int64_t sql_row_int64(const struct sql_row *self, int column);    /* 0 for NULL and for what is no integer */
const char *sql_row_text(const struct sql_row *self, int column); /* "" for NULL */
bool sql_row_bool(const struct sql_row *self, int column);        /* of "t", "true", "1" */

/* How rows are named by their keys. */
enum sql_keys {
    SQL_KEYS_OR,        /* ((a = 1 AND b = 'x') OR (...)) */
    SQL_KEYS_IN,        /* (a, b) IN ((1, 'x'), (...)) */
    SQL_KEYS_IN_VALUES, /* (a, b) IN (VALUES (1, 'x'), (...)) */
};

struct sql_column;
struct sql_misfits;
struct sql_on;

/* What a target says. `self` is the target itself; texts that are written go to the end of `out`. */
struct sql {
    const char *shown;         /* "DuckDB" */
    int name_bytes_max;        /* of names; 0: any */
    bool cuts_names;           /* longer ones, in silence; else it refuses them */
    bool has_schemas;          /* "ods.orders" is orders in ods; else it is a name like any other */
    bool folds_names;          /* names that differ in the case of A to Z alone are one */
    bool keeps_lower;          /* its catalogue has names in lower case, however they are written */
    bool enforces_keys;        /* a merge goes by a unique key of the table, which a new one gets */
    const char *alias;         /* behind the name of a table whose rows are compared with others: " AS t" */
    const char *waiting_alias; /* the same of the rows that wait: " s" */
    const char *defer;         /* before a DELETE in whose place other rows come; NULL: nothing */
    enum sql_keys keys;

    void (*quote)(struct buf *out, const char *name);
    void (*literal)(struct buf *out, const char *text);
    const char *(*schema)(const struct target *self); /* of tables without one in their name */
    /* A value of a position or of a key (data/position.h), as a column of this field compares with it; false: it is
     * none, or there is no such literal. */
    bool (*value)(const struct target *self, const struct field *field, const char *text, struct buf *out);
    /* That a column is such a value, where "name = value" is not enough; NULL: it always is. */
    bool (*is_value)(const struct target *self, const struct field *field, const char *text, struct buf *out);
    /* `value`, a column or a value of this field, so that < and > are by bytes in a text. */
    void (*by_bytes)(const struct target *self, const struct field *field, const char *value, struct buf *out);
    /* When a row was found to be gone (target_deletes.at). */
    void (*noted)(const struct target *self, const char *at, struct buf *out);
    /* The rows that wait, and what makes one of them, under waiting_alias, a row of the table: "t.id = s.id". */
    void (*waiting)(const struct target *self, struct buf *out);
    void (*match)(const struct target *self, struct buf *out);

    /* merge.h */
    void (*waiting_column)(const struct target *self, int column,
                           struct buf *out);                  /* of the schema, in the table's type */
    const char *(*waiting_number)(const struct target *self); /* their column that has the order in which they came */
    void (*into)(const struct target *self, struct buf *out); /* where they go, quoted; NULL: the table */
    const char *overriding; /* behind the columns of an INSERT: " OVERRIDING SYSTEM VALUE"; NULL: nothing */
    RC (*hold)(struct target *self, struct error *err); /* other writers wait, so that what was counted stays true */

    /* One row of an answer, and a statement that changes rows; ret_changes may be NULL. */
    RC (*ask)(struct target *self, const char *sql, struct sql_row *ret, struct error *err);
    RC (*change)(struct target *self, const char *sql, int64_t *ret_changes, struct error *err);

    /* ddl.h. What a new column is declared as, and all that stands between its name and NOT NULL. */
    void (*declare)(const struct sql_on *on, const struct field *field, struct buf *out);
    void (*layout)(const struct sql_on *on, struct buf *out); /* behind the columns; NULL: nothing */
    /* Whether a column takes the field's values; FIT_WIDER: the type it needs. */
    enum fit (*fit)(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                    char ret_widened[DECLARED_TEXT]);
    /* What does not fit of a column that is there (sql_misfits). */
    void (*misfit)(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                   struct sql_misfits *found);
    const char *unfilled[2]; /* around a column that would never be filled: {"DROP COLUMN", ""} */

    /* profile.h: "min(c)", so that profile_tell can read it; false: this column cannot say. */
    bool (*measure)(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                    enum profile_measure measure, const char *name, struct buf *out);

    /* position.h */
    void (*position)(const struct target *self, const char *table, struct buf *out); /* T's table, for this one */
    void (*spelling)(const struct target *self, const char *table, struct buf *out); /* one per table */
    void (*now)(const struct target *self, struct buf *out);                         /* the moment of a load */
};

/* What a statement is about. */
struct sql_on {
    const struct sql *sql;
    struct target *target;
    const struct target_table *table;
};

/* Names of tables: without their schema; the schema that they name, or are in; "schema"."table". */
const char *sql_name_alone(const struct sql *sql, const char *table);
void sql_schema_of(const struct sql *sql, const struct target *self, const char *table, struct buf *out);
void sql_quote_table(const struct sql *sql, const struct target *self, const char *table, struct buf *out);
void sql_table(const struct sql_on *on, struct buf *out); /* the one of `on`, quoted */
/* Of columns and tables. */
bool sql_names_equal(const struct sql *sql, const char *a, const char *b);
/* Quoted names with commas between: the columns of the waybill; those of the key. */
void sql_columns(const struct sql_on *on, struct buf *out);
void sql_key(const struct sql_on *on, struct buf *out);
bool sql_is_key(const struct target_table *table, const char *column);
/* A name that no column of the schema has: `word`, and as many '_' as it takes. */
const char *sql_free_name(const struct sql_on *on, const char *word, struct arena *arena);
RC sql_has_rows(const struct sql_on *on, bool *ret, struct error *err); /* of the table of `on`, which is there */
/* One number. */
RC sql_count(const struct sql_on *on, const char *sql, int64_t *ret, struct error *err);
