/* A whole table as of one instant, for several readers: the control connection exports its snapshot, and each of them
 * takes it before its first statement. Pieces are ranges of pages: every table has them, whatever its key, and a range
 * of them is read in their order. Within one snapshot a row stays where it is.
 * https://www.postgresql.org/docs/15/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION */
#include "connect/postgres/source_parts.h"

static const char begin_sql[] = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/* Of its largest partition: each of them has pages of its own, and is read in the same ranges. Who may read only some
 * columns cannot hold the table: none then. */
static RC count_pages(struct postgres_source *self, const struct pg_table *table, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(
        &sql,
        "WITH RECURSIVE t(oid) AS (SELECT %s::oid UNION SELECT inhrelid FROM pg_inherits JOIN t ON inhparent = t.oid)"
        " SELECT CASE WHEN has_table_privilege(%s::oid, 'SELECT') THEN"
        " coalesce(max(pg_relation_size(oid)) / current_setting('block_size')::bigint, 0) ELSE 0 END FROM t",
        table->oid, table->oid);
    return postgres_source_int64(self, sql.at, ret, err);
}

/* To an older snapshot a table that was emptied or rewritten meanwhile looks empty: until every reader is at work, and
 * its COPY holds the lock, nobody does so. https://www.postgresql.org/docs/15/mvcc-caveats.html */
static RC hold_table(const struct pg_table *table, struct pq *db, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "LOCK TABLE %s IN ACCESS SHARE MODE", table->quoted);
    return pq_run(db, sql.at, NULL, err);
}

static RC export_snapshot(struct postgres_source *self, const struct pg_table *table, int readers, struct arena *arena,
                          struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    TRY(pq_run(self->control, begin_sql, NULL, err));
    self->snapshot = "";
    self->snapshot_readers = readers;
    TRY(hold_table(table, self->control, err));
    TRY(pq_query(self->control, "SELECT pg_export_snapshot()", 0, NULL, &rows, err));
    self->snapshot = arena_text(arena, pq_text(&rows, 0, 0));
    return RC_OK;
}

static struct position page_at(int64_t page, struct arena *arena)
{
    return (struct position){
        .shape = POSITION_AFTER, .key_count = 1, .key = {arena_print(arena, "%lld", (long long)page)}};
}

RC pg_snapshot_split(struct postgres_source *self, const struct pg_table *table, int pieces, struct arena *arena,
                     struct range *ret_ranges, int *ret_count, struct error *err)
{
    int64_t pages;
    TRY(count_pages(self, table, &pages, err));
    if (pages < pieces)
        pieces = pages > 1 ? (int)pages : 1;
    *ret_count = pieces;
    if (pieces == 1) {
        ret_ranges[0] = (struct range){.kind = RANGE_ALL};
        return RC_OK;
    }
    if (export_snapshot(self, table, pieces, arena, err) != RC_OK) {
        pg_snapshot_end(self);
        return fail_in(err, "sharing one view of '%s' between several connections", table->base.name);
    }
    for (int i = 0; i < pieces; i++) { /* rows that are behind the last page by now are in the last piece */
        ret_ranges[i] = (struct range){.kind = RANGE_PART};
        if (i > 0)
            ret_ranges[i].lo = ret_ranges[i - 1].hi;
        if (i < pieces - 1)
            ret_ranges[i].hi = page_at(pages * (i + 1) / pieces, arena);
    }
    return RC_OK;
}

void pg_snapshot_where(const struct range *range, struct buf *out)
{
    const char *word = "WHERE";
    if (range->lo.key_count > 0) {
        buf_addf(out, " WHERE ctid >= '(%s,0)'", range->lo.key[0]);
        word = "AND";
    }
    if (range->hi.key_count > 0)
        buf_addf(out, " %s ctid < '(%s,0)'", word, range->hi.key[0]);
}

RC pg_snapshot_take(struct postgres_source *self, const struct pg_table *table, struct pq *db, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SET TRANSACTION SNAPSHOT "));
    pq_literal(&sql, str(self->snapshot));
    TRY(pq_run(db, begin_sql, NULL, err));
    TRY(pq_run(db, sql.at, NULL, err));
    TRY(hold_table(table, db, err));
    if (--self->snapshot_readers == 0)
        pg_snapshot_end(self);
    return RC_OK;
}

void pg_snapshot_end(struct postgres_source *self)
{
    self->snapshot = NULL;
    if (self->control != NULL && !pq_rollback(self->control))
        pq_free(TAKE(self->control));
}
