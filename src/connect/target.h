/* Where rows are applied, and the position row T that says which waybill was applied last (docs/formats.md).
 *
 * A load is one transaction: target_begin moves T by compare-and-swap as its first statement, target_load_file brings
 * the rows, target_apply merges or replaces and makes every check that may refuse, target_commit ends it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/grants.h"
#include "connect/types.h"
#include "data/batch.h"
#include "data/position.h"
#include "data/profile.h"
#include "data/schema.h"

enum mode {
    MODE_APPEND,
    MODE_MERGE,
    MODE_REPLACE,
    MODE_DELETE_INSERT, /* the rows of a range go, those of the waybill come */
    MODE_KEYS,          /* not in a configuration: the staged rows are all keys there are, and other rows go */
};
const char *mode_name(enum mode mode);
bool mode_from_name(const char *name, enum mode *ret);

/* Rows by the value of one column: [lo, hi), or (lo, hi] where `is_key`; NULL: no bound. Texts as positions have them
 * (data/position.h): digits, 'YYYY-MM-DD', a stamp in UTC; other texts by their bytes. */
struct target_span {
    const char *column;
    const char *lo, *hi;
    bool is_key;
};

/* Rows that the source has not any more. */
struct target_deletes {
    bool is_wanted;              /* false: none ever go, and the rest means nothing */
    const char *soft_column;     /* where it is noted when a row was found to be gone; NULL: the row itself goes */
    const char *at;              /* what is noted: an instant, 2025-09-12T14:30:22Z */
    int64_t percent_max;         /* more of the table's rows than this are refused; 100: any number */
    const struct key_list *keys; /* MODE_MERGE: these rows, besides; NULL: none */
};

/* How a table is laid out where its rows are spread over machines, if the target has such a thing: for a table that it
 * makes. Columns by their names in the target; texts NULL, counts 0: the target's own choice. */
struct target_layout {
    const char *diststyle, *distkey; /* "AUTO", "EVEN", "KEY", "ALL" */
    const char *const *sortkey;
    int sortkey_count;
    bool is_interleaved;
    const struct column_encode {
        const char *column, *encode;
    } * encodes;
    int encode_count;
};

/* One scope's table in the target; the texts outlive every call. */
struct target_table {
    const char *scope; /* "pipeline/table": T's primary key */
    const char *name;  /* the target table */
    bool shared;       /* other scopes write the same table */
    enum mode mode;
    const struct schema *schema; /* the waybill's */
    const char *const *key;      /* merge: column names */
    int key_count;
    bool is_merged_later;           /* replace: made with the key that merges go by, as a merge would make it */
    const char *cursor;             /* merge: latest wins; NULL: always overwrite (id_only) */
    bool swaps;                     /* replace: the rows go into a new table, which then takes the name */
    const struct target_span *span; /* delete_insert: these rows go first; NULL: none */
    struct target_deletes deletes;
    const struct target_layout *layout; /* NULL: none was asked for */
    bool was_loaded; /* there are rows in it that will not come again: it is not made where it is gone */
};

/* A new table gets the key. */
static inline bool target_table_is_keyed(const struct target_table *table)
{
    return table->mode == MODE_MERGE || table->is_merged_later;
}

/* What to do besides, where a column is to be taken in another way: the waybill that did not go in waits as it is. */
#define STAGED_OTHERWISE                                                                                               \
    "; what is staged keeps its form: drop it with `waybill watermark restore --from-target`, then run once with "     \
    "--full-refresh"

/* T as it stands. */
struct target_position {
    bool exists;
    char target_id[UUID_TEXT];
    int64_t epoch, token;
    char waybill[UUID_TEXT]; /* "" : none yet */
    const char *pos;         /* compact JSON as position_print writes it; "" : none */
    const char *table;       /* the target table it was created for */
};

/* The step of one load. */
struct target_move {
    const char *prev;    /* waybill T must name now; "" at the start */
    const char *waybill; /* the one it names afterwards */
    const char *pos;     /* compact JSON of pos_after */
    int64_t epoch, token;
};

/* A staged file as the target is given it: SQL engines that read S3 use `url`, the others read the batches. `open`
 * compares what is there with what was sealed; `check` does so without reading the rows. */
struct staged_file {
    const char *key, *url;
    int64_t rows, bytes;
    const struct schema *schema;
    RC (*open)(const struct staged_file *self, struct batch_reader **ret, struct error *err);
    RC (*check)(const struct staged_file *self, struct error *err); /* NULL: nothing is to be checked */
    void *context;                                                  /* of both */
};

struct load_counts {
    int64_t rows;                    /* that the target counted itself */
    int64_t inserted, updated, kept; /* merge: kept = a newer row was already there; append, replace: inserted only */
    int64_t deleted;                 /* replace, delete_insert, keys: also those that were only noted as deleted; merge:
                                        also rows of keys that were there more than once */
    int64_t statements;
};

/* What a pipeline does with one table of a target, for the rights that it takes. */
struct target_use {
    const char *table;
    enum mode mode;
    bool is_audited;   /* its rows are read, too */
    bool swaps;        /* a new table takes its place */
    bool deletes;      /* rows that the source has not any more */
    const char *notes; /* in this column, while they stay; NULL: they go */
};

/* Beyond append, merge and replace. */
enum target_feature {
    TARGET_DELETE_INSERT = 1, /* MODE_DELETE_INSERT */
    TARGET_DELETES = 2,       /* MODE_KEYS, and target_table.deletes */
    TARGET_SWAP = 4,          /* target_table.swaps */
};

struct store;
struct target;
struct target_ops {
    const char *type;
    unsigned features;
    const char *swap_note; /* TARGET_SWAP: what becomes of grants, views and the like, in a line for people */
    RC (*use_stage)(struct target *self, struct store *stage, struct error *err); /* NULL: any store will do */
    RC (*position)(struct target *self, const struct target_table *table, struct arena *arena,
                   struct target_position *ret, struct error *err);
    RC (*check_owner)(struct target *self, const struct target_table *table, struct error *err);
    RC (*create_position)(struct target *self, const struct target_table *table, const char *target_id,
                          struct error *err);
    RC (*fence)(struct target *self, const struct target_table *table, int64_t token, struct arena *arena,
                struct target_position *ret, struct error *err);
    void (*type_of)(const struct target *self, const struct field *field, struct target_type *ret);
    bool (*has_gaps)(const struct target *self, const struct field *field); /* NULL, and `holds`: it takes all */
    bool (*holds)(const struct target *self, const struct batch *batch, int column, int64_t row, const char **ret_why);
    RC (*prepare)(struct target *self, const struct target_table *table, bool dry, struct buf *ret_ddl,
                  struct error *err);
    RC (*is_there)(struct target *self, const struct target_table *table, bool *ret, struct error *err);
    RC (*has_rows)(struct target *self, const struct target_table *table, bool *ret, struct error *err);
    RC (*begin)(struct target *self, const struct target_table *table, const struct target_move *move, bool *ret_moved,
                struct error *err);
    RC (*load_file)(struct target *self, const struct staged_file *file, int64_t *ret_rows, struct error *err);
    RC (*load_urls)(struct target *self, const struct staged_file *files, int count, int64_t *ret_rows,
                    struct error *err); /* in place of load_file, which is then NULL */
    RC (*apply)(struct target *self, int64_t rows, struct load_counts *ret, struct error *err);
    RC (*commit)(struct target *self, struct error *err);
    void (*rollback)(struct target *self);
    RC (*reconnect)(struct target *self, struct error *err);
    RC (*check)(struct target *self, bool *ret_is_new, struct error *err);
    RC (*profile)(struct target *self, const struct target_table *table, const struct key_list *without,
                  struct profile *ret, struct error *err); /* NULL: it cannot */
    RC (*grants)(struct target *self, const struct target_use *uses, int count, struct grant_list *ret,
                 struct error *err); /* NULL: it has none that could be told */
    void (*free)(struct target *self);
};
struct target {
    const struct target_ops *ops;
    const char *name;          /* the connection's name */
    const char *address;       /* readable, no secret */
    const char *version;       /* as a source's */
    const char *password_from; /* as a source's, once it was asked */
    const char *tls;           /* as a source's, once it was asked */
    bool ignores_case;         /* of A to Z in names: 'T' and 't' are one table */
    bool is_exclusive;         /* one writes at a time: tables that are moved at once share it, and take turns */
};

/* RC_CONFIG: the table is to be loaded in a way that this target cannot. Asks nobody. */
RC target_check_features(const struct target *t, const struct target_table *table, struct error *err);
/* For targets, where there is no such table: RC_DATA when it was_loaded. */
RC target_check_may_be_made(const struct target_table *table, struct error *err);
/* For targets: RC_DATA where so many of a table's rows are not to be deleted. `keys`: that the source has. */
RC target_check_deletes(const struct target_table *table, int64_t keys, int64_t doomed, int64_t rows,
                        struct error *err);

/* Where staged files lie, told before anything else; it outlives the target. RC_CONFIG: this target cannot read there.
 */
static inline RC target_use_stage(struct target *t, struct store *stage, struct error *err)
{
    return t->ops->use_stage != NULL ? t->ops->use_stage(t, stage, err) : RC_OK;
}
/* It reads staged files by itself (target_load_urls), and not as batches of ours (target_load_file). */
static inline bool target_loads_urls(const struct target *t) { return t->ops->load_urls != NULL; }
/* Reads T; of the table, scope and name count here. A missing table or row: exists = false, RC_OK. */
static inline RC target_position(struct target *t, const struct target_table *table, struct arena *arena,
                                 struct target_position *ret, struct error *err)
{
    return t->ops->position(t, table, arena, ret, err);
}
/* Whether target_create_position would find the table to be another scope's, or T to be another table's: RC_CONFIG as
 * it says. Changes nothing; whoever comes in between is met there. */
static inline RC target_check_owner(struct target *t, const struct target_table *table, struct error *err)
{
    return t->ops->check_owner(t, table, err);
}
/* Creates T's row with waybill '' and token 0 where there is none; idempotent, and called by every run that loads,
 * since it also takes over `shared` as it is configured now. RC_CONFIG: the target table belongs to another scope
 * (which one, and `shared: true`), or this scope loads into another table so far. RC_DATA: T's format is newer than
 * this program. */
static inline RC target_create_position(struct target *t, const struct target_table *table, const char *target_id,
                                        struct error *err)
{
    return t->ops->create_position(t, table, target_id, err);
}
/* UPDATE position SET token = :token WHERE scope = :scope AND token < :token, then reads T. Waits for a load still
 * under way (RC_BUSY when it does not end); afterwards every older owner's load is refused. RC_NOT_FOUND: no row. */
static inline RC target_fence(struct target *t, const struct target_table *table, int64_t token, struct arena *arena,
                              struct target_position *ret, struct error *err)
{
    return t->ops->fence(t, table, token, arena, ret, err);
}
/* What a new column for this field is declared as, and what that does to its values. */
static inline struct target_type target_type_of(const struct target *t, const struct field *field)
{
    struct target_type type = {0};
    t->ops->type_of(t, field, &type);
    return type;
}
/* Some values of the field have no place in any table of this target: it is to be asked for each. */
static inline bool target_has_gaps(const struct target *t, const struct field *field)
{
    return t->ops->has_gaps != NULL && t->ops->has_gaps(t, field);
}
/* false: *ret_why says for people what it cannot have; static. Not for NULL, and not for a field without gaps. What
 * only the table at hand cannot have (its column is narrower, or of another type) is found by a load. */
static inline bool target_holds(const struct target *t, const struct batch *batch, int column, int64_t row,
                                const char **ret_why)
{
    return t->ops->holds(t, batch, column, row, ret_why);
}
/* Creates the table from the schema, or adds the columns it lacks; idempotent, outside any load. RC_DATA: anything else
 * would be needed: a diff and the statement that would fix it. ret_ddl gets the statements, one per line, also when
 * `dry`, which changes nothing. A dry prepare on a missing table is RC_OK. */
static inline RC target_prepare(struct target *t, const struct target_table *table, bool dry, struct buf *ret_ddl,
                                struct error *err)
{
    return t->ops->prepare(t, table, dry, ret_ddl, err);
}
/* Whether there is something of the table's name; takes no lock and no right. */
static inline RC target_is_there(struct target *t, const struct target_table *table, bool *ret, struct error *err)
{
    return t->ops->is_there(t, table, ret, err);
}
/* Whether such a table has a row; takes the right to SELECT, and waits for nobody: RC_BUSY, RC_AGAIN where it cannot be
 * told at once. */
static inline RC target_has_rows(struct target *t, const struct target_table *table, bool *ret, struct error *err)
{
    return t->ops->has_rows(t, table, ret, err);
}
/* Opens the transaction and runs UPDATE position SET waybill, pos, epoch, token WHERE scope AND waybill = :prev AND
 * token <= :token. *ret_moved = exactly one row; when it is false, or at a failure, the transaction is already rolled
 * back. RC_CONFIG: T was created for another table. RC_NOT_FOUND: the target table is gone. The target_table must stay
 * valid until commit or rollback. */
static inline RC target_begin(struct target *t, const struct target_table *table, const struct target_move *move,
                              bool *ret_moved, struct error *err)
{
    return t->ops->begin(t, table, move, ret_moved, err);
}
/* Brings one file's rows into the transaction and returns how many the target took. */
static inline RC target_load_file(struct target *t, const struct staged_file *file, int64_t *ret_rows,
                                  struct error *err)
{
    return t->ops->load_file(t, file, ret_rows, err);
}
/* The same of all files of a waybill at once; RC_DATA when it took other numbers of rows than the files have. */
static inline RC target_load_urls(struct target *t, const struct staged_file *files, int count, int64_t *ret_rows,
                                  struct error *err)
{
    return t->ops->load_urls(t, files, count, ret_rows, err);
}
/* Merges or replaces what load_file brought, and checks: `rows` = rows the target counts; merge: inserted + updated +
 * kept = distinct keys. RC_DATA otherwise; the caller rolls back. */
static inline RC target_apply(struct target *t, int64_t rows, struct load_counts *ret, struct error *err)
{
    return t->ops->apply(t, rows, ret, err);
}
/* RC_UNKNOWN: the answer was lost; target_reconnect, then target_begin with the same move tells. Any other failure:
 * certainly not committed. The transaction is over in every case.
 *
 * RC_AGAIN, of this and of everything from target_begin on: another transaction was in the way, and nothing is wrong
 * with this one: roll back, and begin again with the same move. */
static inline RC target_commit(struct target *t, struct error *err) { return t->ops->commit(t, err); }
/* Nothing to roll back is fine. */
static inline void target_rollback(struct target *t) { t->ops->rollback(t); }
/* Drops the connection and opens a new one. */
static inline RC target_reconnect(struct target *t, struct error *err) { return t->ops->reconnect(t, err); }
/* Could rows be written now? Leaves nothing behind; *ret_is_new: there is no such database yet, and it could be made.
 */
static inline RC target_check(struct target *t, bool *ret_is_new, struct error *err)
{
    return t->ops->check(t, ret_is_new, err);
}
/* What all rows of the table but those with these keys, and those that are only noted as deleted, come to, as the
 * target's own SQL says: ret was made by profile_init of table->schema. RC_NOT_FOUND: no such table. RC_CONFIG: this
 * target has no such thing. */
static inline RC target_profile(struct target *t, const struct target_table *table, const struct key_list *without,
                                struct profile *ret, struct error *err)
{
    if (t->ops->profile == NULL)
        return fail(err, RC_CONFIG, "the target '%s' cannot be audited: %s has no profile yet", t->name, t->ops->type);
    return t->ops->profile(t, table, without, ret, err);
}
/* The rights that `uses` take, at the end of `ret`; changes nothing. */
static inline RC target_grants(struct target *t, const struct target_use *uses, int count, struct grant_list *ret,
                               struct error *err)
{
    return t->ops->grants != NULL ? t->ops->grants(t, uses, count, ret, err) : RC_OK;
}
static inline void target_free(struct target *t)
{
    if (t != NULL)
        t->ops->free(t);
}
AUTO_DEFINE(target)
