/* Merge (docs/formats.md) and every check that may refuse a load before COMMIT. */
#include "connect/postgres/target_parts.h"
#include "connect/sql/deletes.h"
#include "connect/sql/merge.h"

#include <assert.h>

/* Plans for a table of which nothing is known are bad ones; the keys are enough to know. */
static RC analyze_keys(struct postgres_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct sql_on on = postgres_on(self, self->table);
    buf_add_str(&sql, S("ANALYZE " WAITING_ROWS " ("));
    sql_key(&on, &sql);
    buf_add_str(&sql, S(")"));
    return postgres_sql.change(&self->base, sql.at, NULL, err);
}

/* What a merge is told to delete goes in the same transaction. */
static RC apply_mode(struct postgres_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    const struct sql_on on = postgres_on(self, self->table);
    if (postgres_target_waits(self->table))
        TRY(analyze_keys(self, err));
    if (self->table->mode == MODE_MERGE) {
        TRY(sql_merge(&on, rows, counts, err));
        return sql_delete_keys(&on, &counts->deleted, err);
    }
    if (self->table->mode == MODE_KEYS) {
        TRY(postgres_sql.hold(&self->base, err));
        return sql_delete_missing(&on, rows, &counts->deleted, err);
    }
    TRY(sql_insert_waiting(&on, false, &counts->inserted, err));
    counts->rows = counts->inserted;
    return RC_OK;
}

static RC apply_waiting(struct postgres_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    const struct sql_on on = postgres_on(self, self->table);
    TRY(sql_count(&on, "SELECT count(*) FROM " WAITING_ROWS, &counts->rows, err));
    if (counts->rows != rows)
        return RC_OK; /* the caller tells */
    TRY(apply_mode(self, rows, counts, err));
    return pq_run(self->db, "DROP TABLE " WAITING_ROWS, NULL, err);
}

static RC apply(struct postgres_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    if (self->is_waiting)
        TRY(apply_waiting(self, rows, counts, err));
    else
        counts->rows = counts->inserted = self->rows;
    if (self->table->swaps)
        TRY(postgres_target_swap_end(self, err));
    if (counts->rows != rows)
        return fail(err, RC_DATA, "the target has %lld rows of this waybill, the waybill says %lld",
                    (long long)counts->rows, (long long)rows);
    return RC_OK;
}

RC postgres_target_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    struct load_counts counts = {0};
    assert(self->table != NULL && "a load has begun");
    if (apply(self, rows, &counts, err) != RC_OK)
        return postgres_target_fail_load(self, mode_name(self->table->mode), err);
    counts.deleted += self->deleted;
    counts.statements = self->statements;
    *ret = counts;
    return RC_OK;
}
