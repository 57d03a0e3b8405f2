/* A whole table as of one instant, for several readers: the control connection exports its snapshot, and the connection
 * of each of them takes it before its first statement, and stays in that view, holding the table, for the pieces that
 * it reads after the first one: were it to take the table anew, it would wait behind whoever waits to alter it, and
 * that one for the other readers. Pieces are ranges of pages: every table has them, whatever its key, and a range of
 * them is read in their order. Within one snapshot a row stays where it is.
 * https://www.postgresql.org/docs/15/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION */
#include <assert.h>

#include "connect/cut.h"
#include "connect/postgres/source_parts.h"

enum { PIECE_PAGES_MIN = 256 }; /* a smaller piece is not worth a statement, unless readers would have none */

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

static void end_export(struct postgres_source *self)
{
    if (self->snapshot == NULL)
        return;
    self->snapshot = NULL;
    if (self->control != NULL && !pq_rollback(self->control))
        pq_free(TAKE(self->control));
}

static struct position page_at(int64_t page, struct arena *arena)
{
    return (struct position){
        .shape = POSITION_AFTER, .key_count = 1, .key = {arena_print(arena, "%lld", (long long)page)}};
}

static int64_t least_pages(int64_t pages, int readers)
{
    int64_t least = split_least(pages, readers, PIECE_PAGES_MIN);
    int64_t fair = pages / readers > 1 ? pages / readers : 1;
    return least < fair ? least : fair;
}

/* Rows that are behind the last page by now are in the last piece. */
static int cut_pages(int64_t pages, int readers, struct arena *arena, struct range *ret_ranges)
{
    const int64_t least = least_pages(pages, readers);
    struct range rest = {.kind = RANGE_PART};
    int count = 0;
    for (int64_t left = pages, piece; (piece = split_next(left, readers, least)) < left; left -= piece) {
        assert(count < SOURCE_PIECES_MAX - 1);
        ret_ranges[count] = rest;
        ret_ranges[count].hi = rest.lo = page_at(pages - left + piece, arena);
        count++;
    }
    ret_ranges[count++] = rest;
    return count;
}

RC pg_snapshot_split(struct postgres_source *self, const struct pg_table *table, int readers, struct arena *arena,
                     struct range *ret_ranges, int *ret_count, struct error *err)
{
    int64_t pages;
    TRY(count_pages(self, table, &pages, err));
    if (pages < 2) {
        ret_ranges[0] = (struct range){.kind = RANGE_ALL};
        *ret_count = 1;
        return RC_OK;
    }
    if (export_snapshot(self, table, readers, arena, err) != RC_OK) {
        pg_snapshot_end(self);
        return fail_in(err, "sharing one view of '%s' between several connections", table->base.name);
    }
    *ret_count = cut_pages(pages, readers, arena, ret_ranges);
    self->snapshot_pieces = *ret_count;
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

/* ---- the connections that see it ---- */

static RC enter_snapshot(struct postgres_source *self, const struct pg_table *table, struct pq *db, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SET TRANSACTION SNAPSHOT "));
    pq_literal(&sql, str(self->snapshot));
    TRY(pq_run(db, begin_sql, NULL, err));
    TRY(pq_run(db, sql.at, NULL, err));
    return hold_table(table, db, err);
}

static void leave_snapshot(struct postgres_source *self, struct pq *db)
{
    if (!pq_rollback(db))
        pq_free(TAKE(db));
    postgres_source_give(self, db);
}

static struct pq *take_viewing(struct postgres_source *self)
{
    struct pq *db = NULL;
    pthread_mutex_lock(&self->lock);
    if (self->viewing_count > 0)
        db = self->viewing[--self->viewing_count];
    pthread_mutex_unlock(&self->lock);
    return db;
}

/* With the last piece nobody who is waiting is needed any more. */
static void take_piece(struct postgres_source *self)
{
    pthread_mutex_lock(&self->lock);
    bool is_last = --self->snapshot_pieces == 0;
    pthread_mutex_unlock(&self->lock);
    if (is_last)
        pg_snapshot_end(self);
}

RC pg_snapshot_take(struct postgres_source *self, const struct pg_table *table, struct pq **ret, struct error *err)
{
    AUTO(pq) *db = take_viewing(self);
    if (db == NULL) {
        assert(self->snapshot != NULL && "no more readers than it was split for");
        TRY(postgres_source_take(self, &db, err));
        if (enter_snapshot(self, table, db, err) != RC_OK)
            return fail_in(err, "taking part in one view of '%s'", table->base.name);
        if (--self->snapshot_readers == 0)
            end_export(self);
    }
    take_piece(self);
    *ret = TAKE(db);
    return RC_OK;
}

void pg_snapshot_give(struct postgres_source *self, struct pq *db)
{
    pthread_mutex_lock(&self->lock);
    bool goes_on = self->snapshot_pieces > 0 && self->viewing_count < POSTGRES_CONNECTIONS_MAX;
    if (goes_on)
        self->viewing[self->viewing_count++] = db;
    pthread_mutex_unlock(&self->lock);
    if (!goes_on)
        leave_snapshot(self, db);
}

void pg_snapshot_end(struct postgres_source *self)
{
    pthread_mutex_lock(&self->lock);
    self->snapshot_pieces = 0;
    pthread_mutex_unlock(&self->lock);
    end_export(self);
    for (struct pq *db; (db = take_viewing(self)) != NULL;)
        leave_snapshot(self, db);
}
