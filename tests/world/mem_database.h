/* Inside the in-memory target: the database (mem_database.c) as its handles (mem_target.c) see it. */
#pragma once

#include "world/mem_target.h"
#include "world/region.h"
#include "world/value.h"

enum { MEM_TABLES_MAX = 32, MEM_POSITIONS_MAX = 32, MEM_SESSIONS_MAX = 16 };

/* Rows never change: an update replaces the pointer. Shorter than the table where columns were added later. */
struct mem_row {
    int count;
    struct value values[];
};

struct mem_rows {
    const struct mem_row **at;
    int64_t count, size;
};

/* Tables in a state never change either: a commit replaces the pointer, so that a snapshot is a copy of pointers. */
struct mem_table {
    const char *name;
    struct field *fields;
    int field_count;
    int key[KEY_COLUMNS_MAX]; /* column numbers; key_count 0: nothing is unique */
    int key_count;
    struct mem_rows rows;
};

struct mem_position {
    const char *scope, *table, *target_id, *waybill, *pos;
    bool shared;
    int64_t epoch, token;
};

struct mem_load {
    const char *waybill;
    const struct mem_load *before;
};

struct mem_state {
    const struct mem_table *tables[MEM_TABLES_MAX];
    int table_count;
    struct mem_position positions[MEM_POSITIONS_MAX];
    int position_count;
    const struct mem_load *loads;
};

struct mem_target;

/* A transaction as the server has it; `table` is its private copy. */
struct mem_session {
    struct mem_target *owner; /* NULL: that process is gone */
    bool commit_sent;
    struct mem_position position;
    struct mem_table *table;
};

struct mem_database {
    struct region inside; /* over everything, against other handles; entered again where what a load reads is held up by
                             a whole run of the same thread */
    struct mem_state state;
    struct mem_session *sessions[MEM_SESSIONS_MAX];
    int session_count;
    enum mem_death death;
    enum mem_commit commit;
    size_t text_max; /* 0: none */
    struct mem_seen *seen;
    int seen_count;
    struct arena arena; /* rows, tables, texts: as long as the database */
};

struct mem_target {
    struct target base;
    struct mem_database *database;
    struct mem_session *session; /* NULL: no transaction */
    bool is_lost;                /* the connection is gone */
    const struct target_table *table;
    struct mem_rows staged; /* merge: what load_file brought */
    int64_t loaded, deleted;
    bool is_applied;
};

/* AUTO_RELEASE(mem_inside) inside = mem_enter(self); first in every operation of a handle. */
struct mem_inside {
    struct mem_database *database;
};
struct mem_inside mem_enter(struct mem_target *self);
void mem_inside_release(struct mem_inside *self);

struct mem_position *mem_find_position(struct mem_state *state, const char *scope);
const struct mem_table *mem_find_table(const struct mem_state *state, const char *name);
void mem_put_table(struct mem_state *state, const struct mem_table *table); /* adds or replaces */
struct mem_table *mem_copy_table(struct mem_database *database, const struct mem_table *table);
int mem_find_column(const struct mem_table *table, const char *name); /* -1: none */
void mem_rows_add(struct mem_database *database, struct mem_rows *rows, const struct mem_row *row);
/* A column that was added after the row is NULL. */
struct value mem_row_value(const struct mem_row *row, int column);

struct mem_session *mem_session_open(struct mem_database *database, struct mem_target *owner);
void mem_session_commit(struct mem_database *database, struct mem_session *session);
void mem_session_end(struct mem_database *database, struct mem_session *session);
/* Ends whoever holds the scope's position row or the table; NULL: not asked for. */
void mem_settle(struct mem_database *database, const char *scope, const char *table);

/* mem_deletes.c: the rows of the table's span; those whose key is not staged; those of deletes.keys. */
void mem_delete_span(struct mem_target *self);
enum rc mem_delete_missing(struct mem_target *self, struct load_counts *counts, struct error *err);
void mem_delete_keys(struct mem_target *self, struct load_counts *counts);
/* Whether load_file's rows wait in `staged`. */
static inline bool mem_waits(const struct target_table *table)
{
    return table->mode == MODE_MERGE || table->mode == MODE_KEYS;
}

/* false: a text that is too long for any table. */
bool mem_holds(const struct mem_database *self, const struct batch *batch, int column, int64_t row);

/* The ops of loading: mem_load.c. */
enum rc mem_prepare(struct target *base, const struct target_table *table, bool dry, struct buf *ret_ddl,
                    struct error *err);
enum rc mem_load_file(struct target *base, const struct staged_file *file, int64_t *ret_rows, struct error *err);
enum rc mem_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err);
enum rc mem_lost(const struct mem_target *self, struct error *err); /* RC_UNAVAILABLE when the connection is gone */
