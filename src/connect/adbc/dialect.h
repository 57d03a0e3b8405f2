/* What differs between the engines behind ADBC drivers: names, types, the SQL that asks for a table's shape. Whatever
 * is the same for all of them stands in target_*.c. */
#pragma once

#include "connect/sql/shape.h"
#include "connect/types.h"
#include "data/batch.h"
#include "data/profile.h"

/* Whether a column that is there takes a field's values exactly. */
struct column_fit {
    enum fit fit;
    bool is_cast;                /* the waiting row's value has to be cast to the column's type */
    bool is_rewritten;           /* the engine writes what came in its own way: a uuid, a jsonb */
    char widened[DECLARED_TEXT]; /* FIT_WIDER: the type it needs */
};

/* How values go to the driver. */
enum sending {
    SEND_AS_IT_IS, /* the batch's own memory */
    SEND_TEXT,     /* as data/text.h writes it */
};

/* A column's type as the dialect's query has told it. */
struct column_type {
    const char *shown; /* as SQL names it */
    const char *code;  /* what the dialect tells it by, where the name is not enough; "" : it is */
};
static inline struct column_type column_type_of(const struct sql_column *column)
{
    return (struct column_type){column->type, column->own};
}

/* What all engines say alike (target_sql.c). */
const char *adbc_sql_schema(const struct target *self);
bool adbc_sql_value(const struct target *self, const struct field *field, const char *text, struct buf *out);
void adbc_sql_by_bytes(const struct target *self, const struct field *field, const char *value, struct buf *out);
void adbc_sql_noted(const struct target *self, const char *at, struct buf *out);
void adbc_sql_waiting(const struct target *self, struct buf *out);
void adbc_sql_match(const struct target *self, struct buf *out);
void adbc_sql_waiting_column(const struct target *self, int column, struct buf *out);
const char *adbc_sql_waiting_number(const struct target *self);
RC adbc_sql_hold(struct target *self, struct error *err);
RC adbc_sql_ask(struct target *self, const char *sql, struct sql_row *ret, struct error *err);
RC adbc_sql_change(struct target *self, const char *sql, int64_t *ret_changes, struct error *err);
void adbc_sql_declare(const struct sql_on *on, const struct field *field, struct buf *out);
enum fit adbc_sql_fit(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                      char ret_widened[DECLARED_TEXT]);
void adbc_sql_misfit(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                     struct sql_misfits *found);
bool adbc_sql_measure(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                      enum profile_measure measure, const char *name, struct buf *out);
void adbc_sql_position(const struct target *self, const char *table, struct buf *out);
void adbc_sql_spelling(const struct target *self, const char *table, struct buf *out);
void adbc_sql_now(const struct target *self, struct buf *out);
#define ADBC_SQL                                                                                                       \
    .enforces_keys = true, .alias = " AS t", .waiting_alias = " s", .keys = SQL_KEYS_OR, .quote = adbc_quote,          \
    .literal = adbc_literal, .schema = adbc_sql_schema, .value = adbc_sql_value, .by_bytes = adbc_sql_by_bytes,        \
    .noted = adbc_sql_noted, .waiting = adbc_sql_waiting, .match = adbc_sql_match,                                     \
    .waiting_column = adbc_sql_waiting_column, .waiting_number = adbc_sql_waiting_number, .hold = adbc_sql_hold,       \
    .ask = adbc_sql_ask, .change = adbc_sql_change, .declare = adbc_sql_declare, .fit = adbc_sql_fit,                  \
    .misfit = adbc_sql_misfit, .unfilled = {"DROP COLUMN", ""}, .measure = adbc_sql_measure,                           \
    .position = adbc_sql_position, .spelling = adbc_sql_spelling, .now = adbc_sql_now

struct dialect {
    struct sql sql;          /* what every target says; what is the same for all engines is ADBC_SQL */
    const char *vendor;      /* what the driver says begins with it, whatever the case */
    const char *schema;      /* where tables without a schema in their name are; NULL: there is but one place */
    const char *place;       /* the catalog of that one place, or NULL: "main" */
    bool makes_schemas;      /* a schema that is not there is made with its first table */
    bool locks_file;         /* the engine lives in this process and keeps all others away from its file */
    const char *owner_index; /* of T, behind its name: the table of a scope that does not share it is unique */
    const char *index_place; /* before an index's name, where it is not the table's that is qualified */
    const char *no;          /* false as a default */
    const char *moment;      /* the type of T's loaded_at */
    const char *alter_type;  /* behind ALTER COLUMN c TYPE t: "" or " USING ", with a cast; NULL: it cannot */
    const char *waiting;     /* rows that wait for their merge, as SQL names it */
    const char *number;      /* their column that has the order in which they came */
    const char *by_bytes;    /* behind a text that is to be compared by its bytes */
    const char *changes;     /* asks how many rows the last statement has changed; NULL: its answer says it */
    const char *hold_table;  /* behind LOCK TABLE t: other writers wait until COMMIT; NULL: they are found out then */
    const char *const *session; /* statements of a new session, NULL at the end */
    /* With the literals :schema and :table: a row per column, in their order: "table" or what else it is, name,
     * type, is NOT NULL, has a default, is generated (1 or 0), the type's code. */
    const char *shape;
    /* The same: a row per column of each unique index that a merge could go by: the index, the column. */
    const char *unique_keys;
    void (*type_of)(const struct field *field, struct target_type *ret); /* as target_type_of */
    struct column_fit (*fit)(const struct field *field, const struct column_type *type);
    /* Rows may go into such a column without waiting: the driver makes its type of what is sent, exactly. */
    bool (*goes_straight)(const struct field *field, const struct column_type *type);
    enum sending (*send)(const struct field *field);
    /* The type that waiting rows have what was sent in. */
    void (*waiting_type)(const struct field *field, char ret[DECLARED_TEXT]);
    /* RC_DATA: a value that the engine has not, or would take for another one. `why` is for people. NULL: there is none
     * of such a type. */
    bool (*holds)(const struct batch *batch, int column, int64_t row, const char **why);
    bool (*has_gaps)(const struct field *field);     /* `holds` is to be asked for each value of this field */
    bool (*is_unordered)(const struct field *field); /* < and > are not those of its values; NULL: of no field */
    /* A value as positions and keys have it (target_span), as one of the column; false: it is none, or there is no
     * such literal. */
    bool (*key_literal)(const struct field *field, const char *text, struct buf *out);
    /* "min(c)" and so on, so that profile_tell can read it; false: it cannot say. */
    bool (*measure)(const struct field *field, const struct column_type *type, enum profile_measure measure,
                    const char *name, struct buf *out);
};

extern const struct dialect duckdb_dialect, sqlite_dialect, postgres_dialect;
/* key_literal of a server's SQL: numbers and texts in quotes take the column's type, and instants have their zone. */
bool dialect_literal(const struct field *field, const char *text, struct buf *out);
/* By what the driver says of its vendor; NULL: none is known. */
const struct dialect *dialect_find(const char *vendor);
