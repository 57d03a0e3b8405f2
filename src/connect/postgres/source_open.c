/* Which transactions are open, and since when: the heart of a bound that loses nothing (S20, S27).
 *
 * now() is the start of the transaction, which pg_stat_activity shows from then until its rows can be seen; whether it
 * will write nobody knows. Sessions are listed FIRST: one that prepares its transaction between the two lists is then
 * in the second. What no list shows: a transaction that began and is not listed yet, for an instant; `lag` is for that,
 * and for stamps of clients' own clocks.
 * https://www.postgresql.org/docs/15/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW */
#include "connect/postgres/source_parts.h"

/* Sessions of this database, or of none; those that never write a row are left out, and our own that read. A statement
 * without a transaction yet counts from its own start. */
static const char sessions_sql[] =
    "SELECT trunc(extract(epoch FROM min(least(a.xact_start, CASE WHEN a.state = 'active' THEN a.query_start END)))"
    " * 1000000)::bigint, coalesce(bool_or(a.state = 'disabled'), false) FROM pg_stat_activity a WHERE a.pid <>"
    " pg_backend_pid() AND (a.datname IS NULL OR a.datname = current_database()) AND coalesce(a.backend_type, '')"
    " NOT IN ('autovacuum launcher', 'autovacuum worker', 'walsender') AND coalesce(a.query, '') NOT LIKE"
    " '" SOURCE_READS "%'";

/* Up to when a standby has what was committed: its last commit, of which a server that was just started knows nothing,
 * or its last restart point. The primary took the time of that checkpoint before it looked where in the WAL it is. */
static const char replayed_sql[] =
    "SELECT trunc(extract(epoch FROM greatest(pg_last_xact_replay_timestamp(), (SELECT checkpoint_time FROM"
    " pg_control_checkpoint()))) * 1000000)::bigint";

static void count_open(struct open_transactions *found, int64_t since_us)
{
    if (!found->any || since_us < found->since_us)
        found->since_us = since_us;
    found->any = true;
}

/* A session that does not track its activity shows no transaction, whatever it has open. */
static RC look_at_sessions(struct postgres_source *self, struct open_transactions *found, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    TRY(postgres_source_ask(self, sessions_sql, &rows, err));
    if (!pq_is_null(&rows, 0, 0))
        count_open(found, pq_int64(&rows, 0, 0));
    if (!pq_bool(&rows, 0, 1))
        return RC_OK;
    found->hidden = true;
    if (found->hidden_todo == NULL)
        found->hidden_todo = "set track_activities to on for all sessions";
    return RC_OK;
}

static RC count_first(struct postgres_source *self, const char *sql, struct open_transactions *found, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    TRY(postgres_source_ask(self, sql, &rows, err));
    if (pq_rows(&rows) > 0 && !pq_is_null(&rows, 0, 0))
        count_open(found, pq_int64(&rows, 0, 0));
    return RC_OK;
}

static RC look_at_rights(struct postgres_source *self, struct open_transactions *found, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    TRY(postgres_source_ask(self, "SELECT " PG_SEES_OTHERS ", current_user, pg_is_in_recovery()", &rows, err));
    if (!pq_bool(&rows, 0, 0)) {
        found->hidden = true;
        found->hidden_todo = arena_print(&self->arena, "GRANT pg_read_all_stats TO \"%s\"", pq_text(&rows, 0, 1));
    }
    if (!pq_bool(&rows, 0, 2))
        return RC_OK;
    found->hidden = true;
    found->hidden_todo = "it is a replica: read from its primary";
    return count_first(self, replayed_sql, found, err);
}

/* When a prepared transaction was prepared is known, and not when it began. */
static RC look_at_prepared(struct postgres_source *self, struct open_transactions *found, struct error *err)
{
    struct open_transactions prepared = {0};
    TRY(count_first(self,
                    "SELECT trunc(extract(epoch FROM min(prepared)) * 1000000)::bigint FROM pg_prepared_xacts WHERE"
                    " database = current_database()",
                    &prepared, err));
    if (!prepared.any)
        return RC_OK;
    count_open(found, prepared.since_us);
    found->hidden = true;
    if (found->hidden_todo == NULL)
        found->hidden_todo = "end the prepared transactions that pg_prepared_xacts lists";
    return RC_OK;
}

RC postgres_source_oldest_open(struct source *base, struct open_transactions *ret, struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)base;
    struct open_transactions found = {0};
    if (look_at_rights(self, &found, err) != RC_OK || look_at_sessions(self, &found, err) != RC_OK ||
        look_at_prepared(self, &found, err) != RC_OK)
        return fail_in(err, "listing the open transactions of '%s'", base->name);
    *ret = found;
    return RC_OK;
}
