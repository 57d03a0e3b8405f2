/* Merge (docs/formats.md) and every check that may refuse a load before COMMIT. */
#include <assert.h>
#include <inttypes.h>

#include "connect/adbc/target_parts.h"
#include "connect/sql/deletes.h"
#include "connect/sql/merge.h"

static RC apply_waiting(struct adbc_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    AUTO_RELEASE(buf) drop = {0};
    const struct sql_on on = adbc_on(self, self->table);
    TRY(adbc_target_count(self, &counts->rows, err));
    if (counts->rows != rows)
        return RC_OK; /* the caller tells */
    if (self->table->mode == MODE_MERGE) {
        TRY(sql_merge(&on, rows, counts, err));
        TRY(sql_delete_keys(&on, &counts->deleted, err));
    } else if (self->table->mode == MODE_KEYS) {
        TRY(sql_delete_missing(&on, rows, &counts->deleted, err));
    } else {
        TRY(sql_insert_waiting(&on, false, &counts->inserted, err));
        counts->rows = counts->inserted;
    }
    buf_addf(&drop, "DROP TABLE %s", self->dialect->waiting);
    return adbc_run(self->db, drop.at, err);
}

static RC apply_straight(struct adbc_target *self, struct load_counts *counts, struct error *err)
{
    TRY(adbc_target_count(self, &counts->rows, err));
    counts->inserted = counts->rows;
    return RC_OK;
}

static RC apply(struct adbc_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    TRY(self->is_waiting ? apply_waiting(self, rows, counts, err) : apply_straight(self, counts, err));
    if (counts->rows != rows)
        return fail(err, RC_DATA, "the target has %" PRId64 " rows of this waybill, the waybill says %" PRId64,
                    counts->rows, rows);
    return RC_OK;
}

RC adbc_target_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    struct load_counts counts = {0};
    assert(self->table != NULL && "a load has begun");
    if (apply(self, rows, &counts, err) != RC_OK)
        return adbc_target_fail_load(self, mode_name(self->table->mode), err);
    counts.deleted += self->deleted;
    counts.statements = self->statements;
    *ret = counts;
    return RC_OK;
}
